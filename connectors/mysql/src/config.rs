//! A catalog's options, parsed once.

use crate::MySqlConnector;
use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec, Options};
use headwater_core::{Connector, ConnectorFactory, Error, Result, Secret};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const OPTIONS: &[OptionSpec] = &[
    option(
        "url",
        OptionKind::Text,
        None,
        "mysql://user@host:port, with /database to show that one alone, and ?sslmode=…, ?sslrootcert=…, ?sslcert=…, ?sslkey=… if needed",
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
        "verify-full (the default: encrypted, the server's certificate and name are checked), verify-ca (the certificate alone), require (encrypted, but whoever answers is believed), disable",
    ),
    option("sslrootcert", OptionKind::Text, None, "PEM file with the authorities to trust instead of the system's"),
    option("sslcert", OptionKind::Text, None, "PEM file with a certificate of our own, for users who must show one"),
    option("sslkey", OptionKind::Text, None, "PEM file with its private key"),
    option(
        "schemas",
        OptionKind::TextList,
        None,
        "Databases to show, `*` stands for any characters; if not given, the one in the url, or all",
    ),
    option("max_connections", OptionKind::Integer, Some("8"), "How many connections to open at most"),
    option(
        "max_parallel_reads",
        OptionKind::Integer,
        Some("4"),
        "How many ranges of one large table to read at once, each at a snapshot of its own, taken together; 1 reads every table at one moment",
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
    option(
        "max_row_size",
        OptionKind::ByteSize,
        Some("256MiB"),
        "How large one row may be as it arrives; a larger one is an error",
    ),
    option(
        "tinyint1_is_boolean",
        OptionKind::Boolean,
        Some("false"),
        "Read tinyint(1) as true and false; another value than 0 and 1 is then an error",
    ),
    option(
        "pass_through",
        OptionKind::Boolean,
        Some("true"),
        "Whether statements in the server's own SQL are taken: TABLE(catalog.query('…')). They reach what the user may read, also outside of schemas",
    ),
    option(
        "time",
        OptionKind::Choice(TimeType::WORDS),
        Some("duration"),
        "How time columns are read: duration (every value fits), time_of_day (negative values and those from 24 h on are errors)",
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

/// Builds [`MySqlConnector`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct MySqlFactory;

impl ConnectorFactory for MySqlFactory {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &["mysql", "mariadb"]
    }

    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(MySqlConnector::new(MySqlConfig::from_options(&catalog.options)?)))
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Encrypted; the server's certificate and its name are checked.
    #[default]
    VerifyFull,
    /// Encrypted; the server's certificate is checked, but not that it names this server.
    VerifyCa,
    /// Encrypted, but whoever answers is believed: no protection against an attacker in between.
    Require,
    /// Not encrypted, but for the password, which MySQL's `caching_sha2_password` encrypts with a key that nobody checks.
    Disable,
}

impl SslMode {
    const WORDS: &[&str] = &["verify-full", "verify-ca", "require", "disable"];

    fn parse(word: &str) -> Result<Self> {
        match word {
            "verify-full" => Ok(Self::VerifyFull),
            "verify-ca" => Ok(Self::VerifyCa),
            "require" => Ok(Self::Require),
            "disable" => Ok(Self::Disable),
            _ => Err(Error::config(format!("sslmode `{word}` is not known"))
                .with_hint(format!("known: {}", Self::WORDS.join(", ")))),
        }
    }
}

/// What a `time` column becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeType {
    /// `Duration(us)`, which holds every value.
    #[default]
    Duration,
    /// `Time64(us)`; negative values and those from 24 hours on are errors.
    TimeOfDay,
}

impl TimeType {
    const WORDS: &[&str] = &["duration", "time_of_day"];
}

/// Everything needed to connect. `Debug` shows no password.
#[derive(Clone)]
pub struct MySqlConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The default database of a session, if the url names one.
    pub database: Option<String>,
    /// The user.
    pub user: String,
    /// The user's password, if one is needed.
    pub password: Option<Secret>,
    /// How the connection is protected.
    pub sslmode: SslMode,
    /// PEM file of the authorities to trust instead of the system's.
    pub sslrootcert: Option<PathBuf>,
    /// PEM files of a certificate of our own and of its private key, for users who must show one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Patterns of the databases to show; `None` shows all.
    pub schemas: Option<Vec<String>>,
    /// How many connections to open at most.
    pub max_connections: usize,
    /// How many ranges of one large table to read at once.
    pub max_parallel_reads: usize,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run, if not as long as the server allows.
    pub statement_timeout: Option<Duration>,
    /// How many bytes one row may have as it arrives.
    pub max_row_size: usize,
    /// Whether `tinyint(1)` is read as true and false.
    pub tinyint1_is_boolean: bool,
    /// Whether statements of the user's own are taken.
    pub pass_through: bool,
    /// What a `time` column becomes.
    pub time: TimeType,
}

impl fmt::Debug for MySqlConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlConfig")
            .field("address", &self.address())
            .field("database", &self.database)
            .field("user", &self.user)
            .field("sslmode", &self.sslmode)
            .finish_non_exhaustive()
    }
}

impl MySqlConfig {
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
        let shown = options.text_list("schemas").map(|list| list.into_iter().map(str::to_owned).collect());
        config.schemas = shown.or_else(|| config.database.clone().map(|database| vec![database]));
        let connections = options.integer_within("max_connections", 1..=1000)?;
        config.max_connections = usize::try_from(connections).unwrap_or(1);
        let reads = options.integer_within("max_parallel_reads", 1..=64)?;
        config.max_parallel_reads = usize::try_from(reads).unwrap_or(1);
        config.connect_timeout = options.duration("connect_timeout").unwrap_or(config.connect_timeout);
        config.acquire_timeout = options.duration("acquire_timeout").unwrap_or(config.acquire_timeout);
        config.statement_timeout = options.duration("statement_timeout").filter(|timeout| !timeout.is_zero());
        if let Some(size) = options.byte_size("max_row_size") {
            config.max_row_size = usize::try_from(size).unwrap_or(usize::MAX).clamp(1 << 10, 1 << 31);
        }
        config.pass_through = options.boolean("pass_through").unwrap_or(true);
        config.tinyint1_is_boolean = options.boolean("tinyint1_is_boolean").unwrap_or_default();
        config.time = match options.text("time") {
            Some("time_of_day") => TimeType::TimeOfDay,
            _ => TimeType::Duration,
        };
        Ok(config)
    }

    /// How many statements may read one scan.
    pub(crate) fn parallel_reads(&self) -> usize {
        self.max_parallel_reads.min(self.max_connections)
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

fn merge_tls(config: &mut MySqlConfig, options: &Options) -> Result<()> {
    let mode = options.text("sslmode").map(SslMode::parse).transpose()?;
    let in_url = parameter(options.required_text("url")?, "sslmode").map(|word| SslMode::parse(&word)).transpose()?;
    if let (Some(mode), Some(in_url)) = (mode, in_url)
        && mode != in_url
    {
        return Err(Error::config("the url and option sslmode disagree").with_hint("keep one of the two"));
    }
    config.sslmode = mode.or(in_url).unwrap_or_default();
    let url = options.required_text("url")?;
    let file = |name| options.text(name).map(str::to_owned).or_else(|| parameter(url, name)).map(PathBuf::from);
    config.sslrootcert = file("sslrootcert");
    config.identity = match (file("sslcert"), file("sslkey")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(Error::config("sslcert and sslkey go together").with_hint("give both files, or neither")),
    };
    Ok(())
}

fn parse_url(url: &str) -> Result<MySqlConfig> {
    let parsed = Url::parse(url).map_err(|_| unreadable("it cannot be read"))?;
    check_parameters(parsed.query().unwrap_or_default())?;
    let host = parsed.host_str().filter(|host| !host.is_empty()).ok_or_else(|| unreadable("it names no host"))?;
    let user = decoded(parsed.username()).filter(|user| !user.is_empty());
    let password = parsed.password().map(|text| decoded(text).ok_or_else(|| unreadable("its password is not UTF-8")));
    let path = decoded(parsed.path().trim_start_matches('/')).ok_or_else(|| unreadable("its path is not UTF-8"))?;
    Ok(MySqlConfig {
        host: decoded(host.trim_matches(['[', ']'])).ok_or_else(|| unreadable("its host is not UTF-8"))?,
        port: parsed.port().unwrap_or(3306),
        database: Some(path).filter(|path| !path.is_empty()),
        user: user.ok_or_else(|| unreadable("it names no user"))?,
        password: password.transpose()?.map(Secret::new),
        sslmode: SslMode::default(),
        sslrootcert: None,
        identity: None,
        schemas: None,
        max_connections: 8,
        max_parallel_reads: 4,
        connect_timeout: Duration::from_secs(10),
        acquire_timeout: Duration::from_secs(60),
        statement_timeout: None,
        max_row_size: 256 << 20,
        tinyint1_is_boolean: false,
        pass_through: true,
        time: TimeType::Duration,
    })
}

/// Without percent-encoding; `None` if that is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let code = after.get(..2).filter(|_| *byte == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Does not repeat the URL, which may hold a password.
fn unreadable(what: &str) -> Error {
    Error::config(format!("option url is not usable: {what}"))
        .with_hint("write mysql://user@host:port/database; in user and password, write @ as %40, / as %2F, : as %3A")
}

fn check_parameters(query: &str) -> Result<()> {
    const KNOWN: [&str; 4] = ["sslmode", "sslrootcert", "sslcert", "sslkey"];
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

    fn config(url: &str) -> Result<MySqlConfig> {
        MySqlConfig::from_options(&ConnectorList::new().with(MySqlFactory).check_url("crm", url)?.options)
    }

    #[test]
    fn a_url_says_it_all_and_encryption_is_the_default() {
        let config = config("mysql://us%40er:se%2Fcret@[::1]:3307/db").unwrap();
        assert_eq!((config.user.as_str(), config.host.as_str(), config.port), ("us@er", "::1", 3307));
        assert_eq!((config.database.as_deref(), config.shows_schema("other")), (Some("db"), false));
        assert_eq!(config.password.as_ref().map(Secret::expose), Some("se/cret"));
        assert_eq!(config.sslmode, SslMode::VerifyFull);
        assert!(!format!("{config:?}").contains("cret"));
    }

    #[test]
    fn without_a_database_all_of_them_are_shown() {
        let config = config("mariadb://u@db.example.com").unwrap();
        assert_eq!((config.port, config.database.as_deref()), (3306, None));
        assert!(config.shows_schema("any"));
    }

    #[test]
    fn unknown_parameters_and_missing_parts_are_errors_without_secrets() {
        for url in ["mysql://u:hunter2@h/db?sslmod=require", "mysql://:hunter2@h", "mysql://u:hunter2@h:99999/db"] {
            let error = config(url).unwrap_err();
            assert_eq!(error.kind(), headwater_core::ErrorKind::Config);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert_eq!(
            config("mysql://u@h/db?sslmode=prefer").unwrap_err().hint(),
            Some("known: verify-full, verify-ca, require, disable")
        );
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(matches("app_*", "app_eu") && matches("*", "") && matches("a*c*", "abcd"));
        assert!(!matches("app", "apple") && !matches("a*c", "abcd"));
    }
}
