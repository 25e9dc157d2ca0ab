//! What was typed. Nothing here reads a file or the environment.

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use headwater_core::TableName;
use headwater_core::config::parse_duration;
use std::path::PathBuf;
use std::time::Duration;

const EXIT_CODES: &str = "\
Exit codes: 0 fine · 1 the query failed · 2 bad usage or configuration · 3 a source is unreachable or did not accept us
            4 timeout or limit · 5 --pushdown verify found two answers · 130 interrupted";

/// One SQL statement over many databases.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, about, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes, before or after its name.
#[derive(Debug, ClapArgs)]
pub(crate) struct GlobalArgs {
    /// Configuration [default: $HEADWATER_CONFIG, ./headwater.toml, $XDG_CONFIG_HOME/headwater/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Adds a catalog, for example crm=postgres://reader@db/app; may be given several times
    #[arg(long = "catalog", global = true, value_name = "NAME=URL")]
    pub(crate) catalogs: Vec<String>,

    /// Whether sources are asked to filter, limit, look up, join and group
    #[arg(long, global = true, value_enum, default_value_t = Pushdown::Auto)]
    pub(crate) pushdown: Pushdown,

    /// Stops the whole command after this long, for example 60s
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_timeout)]
    pub(crate) timeout: Option<Duration>,

    /// Of rows: table, csv, jsonl, parquet, arrow; of explain: text, json [default: table on a terminal, else csv]
    #[arg(long, global = true, value_enum, hide_possible_values = true)]
    pub(crate) format: Option<Format>,

    /// Writes to FILE, which appears whole or not at all; its ending chooses the format
    #[arg(short, long, global = true, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Shows on standard error what each source has done so far [auto: if that is a terminal]
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub(crate) progress: When,

    /// Nothing on standard error but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs statements and writes their rows
    Query {
        #[command(flatten)]
        sql: SqlArgs,
    },
    /// Shows what each source is asked, literally, and what stays here and why
    Explain {
        #[command(flatten)]
        sql: SqlArgs,
        /// Runs the statement too, throws its rows away and shows what each source did
        #[arg(long)]
        analyze: bool,
        /// Adds the engine's own operators
        #[arg(long)]
        operators: bool,
    },
    /// Lists, describes and tests catalogs, and writes declarations of their tables
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Checks the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Holds a connector, or a server that speaks Headwater's protocol, against every rule of the contract
    ///
    /// Ends with 0 if every rule holds and with 1 if one is broken; what could not be tested ends with 2, 3 or 4.
    Conformance(ConformanceArgs),
    /// Serves catalogs to other Headwaters over Arrow Flight, until Ctrl-C or SIGTERM
    ServeConnector(ServeArgs),
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub(crate) struct SqlArgs {
    /// Statements, separated by `;`. `-` reads them from standard input
    #[arg(value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// Reads the statements from a file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Names every catalog, its connector and where it was configured
    List,
    /// Shows the schemas of a catalog, the tables of a schema, or the columns of a table
    Describe {
        /// NAME, NAME.SCHEMA or NAME.SCHEMA.TABLE
        name: String,
    },
    /// Prints the types that a sample teaches as declarations, from a fresh sample
    Infer {
        /// NAME, NAME.SCHEMA or NAME.SCHEMA.TABLE
        name: String,
        /// Adds those that are missing to the configuration file; what stands there stays as it is
        #[arg(long)]
        write: bool,
    },
    /// Connects, lists, reads one row, and reports each step
    Test {
        /// Which catalogs [default: all]
        names: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Validates every catalog without connecting to any
    Check,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pushdown {
    /// Whatever a source can do without changing the answer
    Auto,
    /// Only the choice of columns; for comparing answers
    Off,
    /// Both, one beside the other: the answer comes only if they agree
    Verify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// If standard error is a terminal
    Auto,
    /// Always
    On,
    /// Never
    Off,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConformanceArgs {
    /// A configured catalog, or a URL such as grpc://127.0.0.1:8815
    #[arg(value_name = "CATALOG|URL", required_unless_present = "write_dataset")]
    pub(crate) source: Option<String>,
    /// The table that holds the suite's rows [default: the table named `suite`]
    #[arg(long, value_name = "SCHEMA.TABLE", value_parser = parse_table)]
    pub(crate) table: Option<TableName>,
    /// A table with the same columns and no rows [default: the table's name with `_empty`]
    #[arg(long, value_name = "SCHEMA.TABLE", value_parser = parse_table)]
    pub(crate) empty_table: Option<TableName>,
    /// A table of 20,000 rows or more [default: the table's name with `_large` if there is one, else the table]
    #[arg(long, value_name = "SCHEMA.TABLE", value_parser = parse_table)]
    pub(crate) large_table: Option<TableName>,
    /// An option for the URL's connector, for example token='${env:TOKEN}'; may be given several times
    #[arg(long = "option", value_name = "NAME=VALUE")]
    pub(crate) options: Vec<String>,
    /// Only this rule; may be given several times [default: all]
    #[arg(long = "rule", value_name = "NAME")]
    pub(crate) rules: Vec<String>,
    /// Writes the suite's rows to FILE, to be loaded into a source; its ending chooses the format
    #[arg(long, value_name = "FILE",
          conflicts_with_all = ["source", "table", "empty_table", "large_table", "options", "rules"])]
    pub(crate) write_dataset: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// Which catalogs [default: all that are configured]
    #[arg(value_name = "CATALOG")]
    pub(crate) names: Vec<String>,
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8815")]
    pub(crate) listen: String,
    /// Callers must present the token in this file [default: that in $HEADWATER_SERVER_TOKEN, else none]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The server's certificates, PEM: its own first
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A secret that several servers behind one address share, so that each takes the others' tickets
    #[arg(long, value_name = "FILE")]
    pub(crate) ticket_secret_file: Option<PathBuf>,
    /// How many splits are read at once, for all callers together; those that stand still count [default: 256]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_reads: Option<usize>,
    /// Lets other machines in without a token or without TLS
    #[arg(long)]
    pub(crate) insecure: bool,
}

/// All formats; which a command takes is decided in `settings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Csv,
    Jsonl,
    Parquet,
    Arrow,
    Text,
    Json,
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(limit) if !limit.is_zero() => Ok(limit),
        _ => Err("write a positive number and its unit: ms, s, m or h".to_owned()),
    }
}

fn parse_table(text: &str) -> Result<TableName, String> {
    match text.split_once('.') {
        Some((schema, table)) if !schema.is_empty() && !table.is_empty() => Ok(TableName::new(schema, table)),
        _ => Err("write the schema, a point and the table, for example public.suite".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_global_option_may_stand_before_or_after_the_command() {
        for line in [["headwater", "--format", "csv", "query", "x"], ["headwater", "query", "x", "--format", "csv"]] {
            assert_eq!(Args::try_parse_from(line).unwrap().global.format, Some(Format::Csv));
        }
    }
}
