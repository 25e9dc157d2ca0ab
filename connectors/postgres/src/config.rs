//! A catalog's options, parsed once.

use crate::PostgresConnector;
use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec, Options};
use headwater_core::{Connector, ConnectorFactory, Error, Result, Secret, TableName};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::Host;

const OPTIONS: &[OptionSpec] = &[
    option(
        "url",
        OptionKind::Text,
        None,
        "postgres://user@host:port/database, with ?sslmode=… and ?sslrootcert=… if needed",
    ),
    option(
        "password",
        OptionKind::Secret,
        None,
        "The user's password, unless the url holds it; better a reference than the password itself",
    ),
    option(
        "sslmode",
        OptionKind::Choice(SslMode::WORDS),
        None,
        "verify-full (the default: encrypted, the server's certificate and name are checked), require (encrypted, but whoever answers is believed), disable",
    ),
    option("sslrootcert", OptionKind::Text, None, "PEM file with the authorities to trust instead of the system's"),
    option("schemas", OptionKind::TextList, None, "Schemas to show, `*` stands for any characters; all if not given"),
    option(
        "read_as_text",
        OptionKind::TextList,
        None,
        "Columns to read as the server writes them, as schema.table.column, `*` stands for any characters: for dates with infinity, decimals with NaN, arrays of several dimensions",
    ),
    option("max_connections", OptionKind::Integer, Some("8"), "How many connections to open at most"),
    option(
        "max_parallel_reads",
        OptionKind::Integer,
        Some("4"),
        "How many statements of one scan to run at once; 1 also leaves large tables in one piece",
    ),
    option(
        "snapshot",
        OptionKind::Choice(Snapshots::WORDS),
        Some("query"),
        "query: all that one query reads here is of one moment; statement: each statement has a moment of its own, for proxies and products that cannot share a snapshot among connections, and large tables are left in one piece",
    ),
    option(
        "max_row_bytes",
        OptionKind::ByteSize,
        Some("256MiB"),
        "A row larger than this is an error rather than held in memory; PostgreSQL's own bound is 1 GiB",
    ),
    option(
        "pass_through",
        OptionKind::Boolean,
        Some("true"),
        "Whether statements in PostgreSQL's own SQL are taken: TABLE(catalog.query('…')). They reach what the user may read, also outside of schemas",
    ),
    option("connect_timeout", OptionKind::Duration, Some("10s"), "How long opening a connection may take"),
    option(
        "acquire_timeout",
        OptionKind::Duration,
        Some("60s"),
        "How long to wait for one of the connections to become free",
    ),
    option(
        "statement_timeout",
        OptionKind::Duration,
        None,
        "How long one statement may run; the server's own setting if not given",
    ),
];

const fn option(
    name: &'static str,
    kind: OptionKind,
    default: Option<&'static str>,
    description: &'static str,
) -> OptionSpec {
    OptionSpec { name, kind, default, description }
}

/// Builds [`PostgresConnector`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresFactory;

impl ConnectorFactory for PostgresFactory {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &["postgres", "postgresql"]
    }

    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(PostgresConnector::new(PostgresConfig::from_options(&catalog.options)?)))
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Encrypted; the server's certificate and its name are checked.
    #[default]
    VerifyFull,
    /// Encrypted, but whoever answers is believed: no protection against an attacker in between.
    Require,
    /// Not encrypted.
    Disable,
}

impl SslMode {
    const WORDS: &[&str] = &["verify-full", "require", "disable"];

    fn parse(word: &str) -> Result<Self> {
        match word {
            "verify-full" => Ok(Self::VerifyFull),
            "require" => Ok(Self::Require),
            "disable" => Ok(Self::Disable),
            _ => Err(Error::config(format!("sslmode `{word}` is not known"))
                .with_hint(format!("known: {}", Self::WORDS.join(", ")))),
        }
    }
}

/// What is of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Snapshots {
    /// All that a query reads here.
    #[default]
    Query,
    /// The rows of one statement.
    Statement,
}

impl Snapshots {
    const WORDS: &[&str] = &["query", "statement"];
}

/// Everything needed to connect. `Debug` shows no password.
#[derive(Clone)]
pub struct PostgresConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// The user's password, if one is needed.
    pub password: Option<Secret>,
    /// How the connection is protected.
    pub sslmode: SslMode,
    /// PEM file of the authorities to trust instead of the system's.
    pub sslrootcert: Option<PathBuf>,
    /// Patterns of the schemas to show; `None` shows all.
    pub schemas: Option<Vec<String>>,
    /// Patterns of `schema.table.column`: columns to read as text.
    pub read_as_text: Vec<String>,
    /// How many connections to open at most.
    pub max_connections: usize,
    /// How many statements of one scan to run at once.
    pub max_parallel_reads: usize,
    /// What is of one moment.
    pub snapshots: Snapshots,
    /// A row larger than this is an error.
    pub max_row_bytes: usize,
    /// Whether statements of the user's own are taken.
    pub pass_through: bool,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run, if not as long as the server allows.
    pub statement_timeout: Option<Duration>,
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("address", &self.address())
            .field("database", &self.database)
            .field("user", &self.user)
            .field("sslmode", &self.sslmode)
            .finish_non_exhaustive()
    }
}

impl PostgresConfig {
    /// Parses checked options. No I/O.
    ///
    /// # Errors
    /// `Config` for a URL that is incomplete or says something else than the other options.
    pub fn from_options(options: &Options) -> Result<Self> {
        let mut config = parse_url(options.required_text("url")?)?;
        merge_tls(&mut config, options)?;
        if let Some(password) = options.secret("password")
            && config.password.replace(password).is_some()
        {
            return Err(Error::config("the url holds a password, and so does option password")
                .with_hint("take the password out of the url"));
        }
        config.schemas = options.text_list("schemas").map(|list| list.into_iter().map(str::to_owned).collect());
        let texts = options.text_list("read_as_text").unwrap_or_default();
        config.read_as_text = texts.into_iter().map(str::to_owned).collect();
        let connections = options.integer_within("max_connections", 1..=1000)?;
        config.max_connections = usize::try_from(connections).unwrap_or(1);
        let reads = options.integer_within("max_parallel_reads", 1..=64)?;
        config.max_parallel_reads = usize::try_from(reads).unwrap_or(1);
        config.snapshots = match options.text("snapshot") {
            Some("statement") => Snapshots::Statement,
            _ => Snapshots::Query,
        };
        let row = options.byte_size("max_row_bytes").map(usize::try_from);
        config.max_row_bytes = row.and_then(std::result::Result::ok).unwrap_or(config.max_row_bytes);
        config.pass_through = options.boolean("pass_through").unwrap_or(true);
        config.connect_timeout = options.duration("connect_timeout").unwrap_or(config.connect_timeout);
        config.acquire_timeout = options.duration("acquire_timeout").unwrap_or(config.acquire_timeout);
        config.statement_timeout = options.duration("statement_timeout").filter(|timeout| !timeout.is_zero());
        Ok(config)
    }

    /// Whether a column is to be read as text.
    pub(crate) fn reads_as_text(&self, table: &TableName, column: &str) -> bool {
        let name = || format!("{}.{}.{column}", table.schema, table.table);
        !self.read_as_text.is_empty() && self.read_as_text.iter().any(|pattern| matches(pattern, &name()))
    }

    /// Whether connections share a snapshot: one of them has to keep it for the others.
    pub(crate) fn shares_snapshots(&self) -> bool {
        self.snapshots == Snapshots::Query && self.max_connections > 1
    }

    /// How many statements of one scan may run at once beside the connection that keeps their snapshot.
    pub(crate) fn parallel_reads(&self) -> usize {
        let spare = if self.shares_snapshots() { self.max_connections - 1 } else { self.max_connections };
        self.max_parallel_reads.min(spare).max(1)
    }

    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether the configuration shows this schema.
    pub fn shows_schema(&self, schema: &str) -> bool {
        self.schemas.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| matches(pattern, schema)))
    }
}

fn merge_tls(config: &mut PostgresConfig, options: &Options) -> Result<()> {
    let mode = options.text("sslmode").map(SslMode::parse).transpose()?;
    let in_url = parameter(options.required_text("url")?, "sslmode").map(|word| SslMode::parse(&word)).transpose()?;
    if let (Some(mode), Some(in_url)) = (mode, in_url)
        && mode != in_url
    {
        return Err(Error::config("the url and option sslmode disagree").with_hint("keep one of the two"));
    }
    config.sslmode = mode.or(in_url).unwrap_or_default();
    let certificate = parameter(options.required_text("url")?, "sslrootcert");
    config.sslrootcert = options.text("sslrootcert").map(str::to_owned).or(certificate).map(PathBuf::from);
    Ok(())
}

/// The URL without its parameters. The driver's parser takes care of percent-encoding and of IPv6 addresses.
fn parse_url(url: &str) -> Result<PostgresConfig> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    check_parameters(query)?;
    let parsed: tokio_postgres::Config = base.parse().map_err(|_| unreadable("it cannot be read"))?;
    let [Host::Tcp(host)] = parsed.get_hosts() else { return Err(unreadable("it must name one host")) };
    let password = parsed.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Ok(PostgresConfig {
        host: host.clone(),
        port: parsed.get_ports().first().copied().unwrap_or(5432),
        database: parsed.get_dbname().ok_or_else(|| unreadable("it names no database"))?.to_owned(),
        user: parsed.get_user().ok_or_else(|| unreadable("it names no user"))?.to_owned(),
        password: password.map(Secret::new),
        sslmode: SslMode::default(),
        sslrootcert: None,
        schemas: None,
        read_as_text: Vec::new(),
        max_connections: 8,
        max_parallel_reads: 4,
        snapshots: Snapshots::default(),
        max_row_bytes: 256 << 20,
        pass_through: true,
        connect_timeout: Duration::from_secs(10),
        acquire_timeout: Duration::from_secs(60),
        statement_timeout: None,
    })
}

/// Does not repeat the URL, which may hold a password.
fn unreadable(what: &str) -> Error {
    Error::config(format!("option url is not usable: {what}"))
        .with_hint("write postgres://user@host:port/database; in user and password, write @ as %40, / as %2F, : as %3A")
}

fn check_parameters(query: &str) -> Result<()> {
    const KNOWN: [&str; 2] = ["sslmode", "sslrootcert"];
    for (name, _) in url::form_urlencoded::parse(query.as_bytes()) {
        if !KNOWN.contains(&name.as_ref()) {
            return Err(Error::config(format!("the url has an unknown parameter `{name}`"))
                .with_hint(format!("known: {}; everything else is an option of the catalog", KNOWN.join(", "))));
        }
    }
    Ok(())
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let found = url::form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
    found.map(|(_, value)| value.into_owned())
}

/// `*` stands for any characters, everything else for itself.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(head) else { return false };
    let ends = name.char_indices().map(|(index, _)| index).chain([name.len()]);
    ends.into_iter().any(|index| name.get(index..).is_some_and(|tail| matches(rest, tail)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_core::ConnectorList;

    fn config(url: &str) -> Result<PostgresConfig> {
        PostgresConfig::from_options(&ConnectorList::new().with(PostgresFactory).check_url("crm", url)?.options)
    }

    #[test]
    fn a_url_says_it_all_and_encryption_is_the_default() {
        let config = config("postgres://us%40er:se%2Fcret@[::1]:5433/db").unwrap();
        assert_eq!((config.user.as_str(), config.port, config.database.as_str()), ("us@er", 5433, "db"));
        assert_eq!(config.password.as_ref().map(Secret::expose), Some("se/cret"));
        assert_eq!(config.sslmode, SslMode::VerifyFull);
        assert!(!format!("{config:?}").contains("cret"));
    }

    #[test]
    fn unknown_parameters_and_missing_parts_are_errors_without_secrets() {
        for url in ["postgres://u:hunter2@h/db?sslmod=require", "postgres://u:hunter2@h", "postgres://h:hunter2/db"] {
            let error = config(url).unwrap_err();
            assert_eq!(error.kind(), headwater_core::ErrorKind::Config);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert_eq!(
            config("postgres://u@h/db?sslmode=prefer").unwrap_err().hint(),
            Some("known: verify-full, require, disable")
        );
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(matches("app_*", "app_eu") && matches("*", "") && matches("a*c*", "abcd"));
        assert!(!matches("app", "apple") && !matches("a*c", "abcd"));
    }
}
