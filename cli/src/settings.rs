//! What was typed together with the configuration: checked, resolved, ready to run.

use crate::args::{Format, GlobalArgs, Pushdown, When};
use headwater_core::config::{CatalogConfig, ConfigFile, Environment, Origin, RawCatalog, Setting, parse_config};
use headwater_core::name::nearest;
use headwater_core::{ConnectorList, Error, Result};
use headwater_planner::{Engine, PushdownMode};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The catalog, and the kind of connector, that paths written as tables belong to.
const FILES: &str = "files";

/// Everything a command needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) connectors: ConnectorList,
    /// Every configured catalog, by name; the ones that are wrong say why.
    pub(crate) catalogs: Vec<(String, Result<CatalogConfig>)>,
    /// `files`, for `FROM 'path'` without any configuration; `None` if a configured catalog has this name.
    pub(crate) built_in: Option<CatalogConfig>,
    /// Where a password is written out inside a URL.
    pub(crate) literal_passwords: Vec<String>,
    /// The files that were read.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) output: OutputSettings,
    pub(crate) pushdown: PushdownMode,
    pub(crate) timeout: Option<Duration>,
    pub(crate) voice: Voice,
    /// Rows of the statement now running that are out and cannot be taken back: a command that fails or is cut off
    /// says so.
    pub(crate) rows_out: AtomicU64,
}

/// Where the result goes, and what was said about its format.
#[derive(Debug)]
pub(crate) struct OutputSettings {
    pub(crate) path: Option<PathBuf>,
    pub(crate) format: Option<Format>,
}

/// What standard error gets besides errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    /// Sources' progress while a query runs.
    pub(crate) progress: bool,
    /// Row counts, summaries, warnings.
    pub(crate) notes: bool,
    /// A person is watching.
    pub(crate) terminal: bool,
}

/// The formats of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowFormat {
    Table,
    Csv,
    Jsonl,
    Parquet,
    Arrow,
}

/// The formats of EXPLAIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExplainFormat {
    Text,
    Json,
}

impl Settings {
    /// Reads the configuration and checks each catalog on its own. Connects to nothing.
    ///
    /// # Errors
    /// `Config` when a file cannot be read or understood, or a name is taken twice.
    pub(crate) fn resolve(args: GlobalArgs, connectors: ConnectorList, environment: &dyn Environment) -> Result<Self> {
        let files = config_files(args.config.as_deref(), environment)?;
        let mut raw = BTreeMap::new();
        let mut literal_passwords = Vec::new();
        for file in &files {
            let text = environment.read_file(file).map_err(|reason| unreadable(file, &reason))?;
            let name = file.display().to_string();
            add_catalogs(&mut raw, parse_config(&name, &text, environment)?)?;
            literal_passwords.extend(passwords_in_urls(&parse_config(&name, &text, &Blank)?));
        }
        let mut catalogs: Vec<_> = raw.into_iter().map(|(name, raw)| check_alone(&connectors, name, raw)).collect();
        for text in &args.catalogs {
            catalogs.push(catalog_of_flag(text, &connectors, &catalogs)?);
        }
        let terminal = std::io::stderr().is_terminal();
        let free = !catalogs.iter().any(|(name, _)| name == FILES);
        Ok(Self {
            built_in: free.then(|| connectors.check_built_in(FILES, FILES)).flatten(),
            connectors,
            catalogs,
            literal_passwords,
            files,
            output: OutputSettings { path: args.output, format: args.format },
            pushdown: match args.pushdown {
                Pushdown::Auto => PushdownMode::Auto,
                Pushdown::Off => PushdownMode::Off,
                Pushdown::Verify => PushdownMode::Verify,
            },
            timeout: args.timeout,
            voice: Voice {
                progress: !args.quiet && (args.progress == When::On || (args.progress == When::Auto && terminal)),
                notes: !args.quiet,
                terminal,
            },
            rows_out: AtomicU64::new(0),
        })
    }

    /// One configured catalog.
    ///
    /// # Errors
    /// `Config` when it is wrong or there is none of that name, with the nearest one.
    pub(crate) fn catalog(&self, name: &str) -> Result<&CatalogConfig> {
        if let Some((_, checked)) = self.catalogs.iter().find(|(known, _)| known == name) {
            return checked.as_ref().map_err(Error::retold);
        }
        let error = Error::config(format!("catalog `{name}` is not configured"));
        Err(match nearest(name, self.catalogs.iter().map(|(known, _)| known)) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint("add it to headwater.toml or by --catalog name=url"),
        })
    }

    /// The engine with every catalog. Connects to nothing.
    ///
    /// # Errors
    /// `Config` of the first catalog that is wrong.
    pub(crate) fn engine(&self) -> Result<Engine> {
        let mut builder = Engine::builder().with_pushdown(self.pushdown);
        for (name, checked) in &self.catalogs {
            let catalog = checked.as_ref().map_err(Error::retold)?;
            builder = builder.with_catalog(name, &catalog.connector, self.connectors.build(catalog)?);
        }
        if let Some(files) = &self.built_in {
            builder = builder.with_catalog(&files.name, &files.connector, self.connectors.build(files)?);
        }
        builder.build()
    }
}

impl OutputSettings {
    /// The format of rows: as asked for, else by the file's ending, else by who is looking.
    ///
    /// # Errors
    /// `Config` when the format does not suit the place.
    pub(crate) fn row_format(&self) -> Result<RowFormat> {
        let format = match self.format {
            Some(Format::Table) => RowFormat::Table,
            Some(Format::Csv) => RowFormat::Csv,
            Some(Format::Jsonl) => RowFormat::Jsonl,
            Some(Format::Parquet) => RowFormat::Parquet,
            Some(Format::Arrow) => RowFormat::Arrow,
            Some(Format::Text | Format::Json) => {
                return Err(Error::config("formats text and json are for explain")
                    .with_hint("rows come as table, csv, jsonl, parquet or arrow"));
            }
            None => self.guessed_format(),
        };
        match (format, &self.path) {
            (RowFormat::Parquet, None) => {
                Err(Error::config("format parquet needs a file").with_hint("add -o FILE, for example -o rows.parquet"))
            }
            (RowFormat::Arrow, None) if std::io::stdout().is_terminal() => {
                Err(Error::config("format arrow is not written to a terminal").with_hint("add -o FILE, or pipe it"))
            }
            _ => Ok(format),
        }
    }

    /// The format of EXPLAIN.
    ///
    /// # Errors
    /// `Config` for a format of rows.
    pub(crate) fn explain_format(&self) -> Result<ExplainFormat> {
        match self.format {
            None | Some(Format::Text) => Ok(ExplainFormat::Text),
            Some(Format::Json) => Ok(ExplainFormat::Json),
            Some(_) => Err(Error::config("explain has the formats text and json")),
        }
    }

    fn guessed_format(&self) -> RowFormat {
        let Some(path) = &self.path else {
            return if std::io::stdout().is_terminal() { RowFormat::Table } else { RowFormat::Csv };
        };
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("parquet") => RowFormat::Parquet,
            Some("arrow" | "arrows") => RowFormat::Arrow,
            Some("jsonl" | "ndjson") => RowFormat::Jsonl,
            Some("txt") => RowFormat::Table,
            _ => RowFormat::Csv,
        }
    }
}

/// The main file, if any, and the files of `catalogs.d` beside it, sorted by name.
fn config_files(flag: Option<&Path>, environment: &dyn Environment) -> Result<Vec<PathBuf>> {
    let Some(main) = main_file(flag, environment) else { return Ok(Vec::new()) };
    let directory = main.parent().unwrap_or(Path::new("")).join("catalogs.d");
    let mut files = vec![main];
    if directory.is_dir() {
        let entries = std::fs::read_dir(&directory).map_err(|reason| unreadable(&directory, &reason))?;
        let mut more = Vec::new();
        for entry in entries {
            let path = entry.map_err(|reason| unreadable(&directory, &reason))?.path();
            if path.extension().is_some_and(|ending| ending == "toml") {
                more.push(path);
            }
        }
        more.sort();
        files.extend(more);
    }
    Ok(files)
}

/// A file that is named must exist, which shows when it is read; a file that is only looked for need not.
fn main_file(flag: Option<&Path>, environment: &dyn Environment) -> Option<PathBuf> {
    let variable = |name| environment.variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = flag.map(Path::to_path_buf).or_else(|| variable("HEADWATER_CONFIG")) {
        return Some(named);
    }
    let home = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let usual = [Some(PathBuf::from("headwater.toml")), home.map(|home| home.join("headwater/config.toml"))];
    usual.into_iter().flatten().find(|path| path.exists())
}

fn unreadable(path: &Path, reason: &std::io::Error) -> Error {
    let path = path.display();
    match reason.kind() {
        std::io::ErrorKind::NotFound => Error::config(format!("configuration file {path} does not exist"))
            .with_hint("it is named by --config or HEADWATER_CONFIG"),
        _ => Error::config(format!("configuration file {path} cannot be read: {reason}")),
    }
}

fn add_catalogs(known: &mut BTreeMap<String, RawCatalog>, file: ConfigFile) -> Result<()> {
    for (name, catalog) in file.catalogs {
        if let Some(first) = known.get(&name) {
            return Err(taken_twice(&name, &catalog.origin, &first.origin));
        }
        known.insert(name, catalog);
    }
    Ok(())
}

fn taken_twice(name: &str, second: &Origin, first: &Origin) -> Error {
    Error::config(format!("{second}: catalog {name} is defined already, at {first}"))
        .with_hint("give one of them another name")
}

fn check_alone(connectors: &ConnectorList, name: String, raw: RawCatalog) -> (String, Result<CatalogConfig>) {
    let file = ConfigFile { catalogs: BTreeMap::from([(name.clone(), raw)]) };
    let checked = connectors
        .check_file(file)
        .and_then(|checked| checked.into_iter().next().ok_or_else(|| Error::internal("a checked catalog is gone")));
    (name, checked)
}

/// `name=url`. What was typed is not repeated in errors: the URL may hold a password.
fn catalog_of_flag(
    text: &str,
    connectors: &ConnectorList,
    known: &[(String, Result<CatalogConfig>)],
) -> Result<(String, Result<CatalogConfig>)> {
    let (name, url) = match text.split_once('=') {
        Some((name, url)) if !name.contains("://") => (name, url),
        _ => {
            return Err(Error::config("--catalog takes NAME=URL")
                .with_hint("for example --catalog crm=postgres://reader@db.internal/app"));
        }
    };
    let catalog = connectors.check_url(name, url)?;
    match known.iter().find(|(other, _)| other == name) {
        Some((_, Ok(first))) => Err(taken_twice(name, &catalog.origin, &first.origin)),
        Some((_, Err(wrong))) => Err(wrong.retold()),
        None => Ok((name.to_owned(), Ok(catalog))),
    }
}

/// Resolves every reference to nothing, so that only what is written out remains.
struct Blank;

impl Environment for Blank {
    fn variable(&self, _: &str) -> Option<String> {
        Some(String::new())
    }

    fn read_file(&self, _: &Path) -> std::io::Result<String> {
        Ok(String::new())
    }
}

fn passwords_in_urls(file: &ConfigFile) -> Vec<String> {
    let settings = file.catalogs.iter().flat_map(|(name, catalog)| {
        catalog.settings.iter().map(move |(option, (setting, origin))| (name, option, setting, origin))
    });
    let with_password = settings.filter(|(_, _, setting, _)| match setting {
        Setting::Text(text) => has_password(text),
        _ => false,
    });
    with_password
        .map(|(name, option, _, origin)| format!("{origin}: catalog {name}: {option} has a password written out in it"))
        .collect()
}

/// `scheme://user:password@…` or `…?password=…`, with a password that is not empty.
fn has_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let in_authority = authority
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty());
    let parameters = rest.split_once('?').map_or("", |(_, query)| query);
    let in_parameters = parameters
        .split('&')
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(key, value)| key.eq_ignore_ascii_case("password") && !value.is_empty());
    in_authority || in_parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_seen() {
        assert!(has_password("postgres://u:pw@h/db"));
        assert!(has_password("postgres://h/db?user=u&password=pw"));
        assert!(!has_password("postgres://u@h/db"));
        assert!(!has_password("postgres://u:@h/db?sslmode=verify-full"));
        assert!(!has_password("http://h:8000/a:b@c"));
    }

    #[test]
    fn only_a_password_written_out_is_warned_about() {
        let text = "version = 1\n[catalogs.a]\nconnector = \"x\"\nurl = \"p://u:${env:PW}@h\"\n\
                    [catalogs.b]\nconnector = \"x\"\nurl = \"p://u:pw@h\"\n";
        let warnings = passwords_in_urls(&parse_config("h.toml", text, &Blank).unwrap());
        assert_eq!(warnings, ["h.toml:7: catalog b: url has a password written out in it"]);
    }
}
