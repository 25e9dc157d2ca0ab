//! What PostgreSQL and the network say, as errors of the contract.

use crate::PostgresConfig;
use crate::wire::OpenError;
use deadpool::managed::{PoolError, TimeoutType};
use headwater_core::{Error, ErrorKind, Retry};
use std::error::Error as StdError;
use tokio_postgres::error::DbError;

/// SQLSTATE or its class → kind and hint. The first that the code begins with counts.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const STATES: &[(&str, ErrorKind, &str)] = &[
    ("28", ErrorKind::Unauthenticated, "check user and password, and the server's pg_hba.conf"),
    ("42501", ErrorKind::PermissionDenied, "ask for SELECT on the table and USAGE on its schema"),
    ("42P01", ErrorKind::NotFound, "the table may have been dropped or renamed meanwhile"),
    (
        "42703",
        ErrorKind::NotFound,
        "the column may have been dropped or renamed meanwhile; its table is read anew on the next attempt",
    ),
    ("3F000", ErrorKind::NotFound, "the schema may have been dropped or renamed meanwhile"),
    ("3D000", ErrorKind::NotFound, "check the database in the url"),
    ("55P03", ErrorKind::Timeout, "another session holds a lock on the table"),
    ("53300", ErrorKind::Throttled, "lower max_connections, or raise it at the server"),
    ("53", ErrorKind::Throttled, "the server is short of a resource"),
    ("57P", ErrorKind::Unavailable, "the server was stopped or restarted"),
    ("08", ErrorKind::Unavailable, "the connection broke"),
    ("25006", ErrorKind::Unsupported, "Headwater only reads"),
    (
        "22003",
        ErrorKind::InvalidInput,
        "a sum or another computed value does not fit its type; CAST what is summed to DECIMAL(38, 0) or the like",
    ),
    ("22", ErrorKind::InvalidInput, "a view or a function at the server fails on some row"),
    ("P0", ErrorKind::InvalidInput, "a function at the server raised this"),
    ("54", ErrorKind::LimitExceeded, "the statement is too large for the server"),
    ("58", ErrorKind::Unavailable, "the server has trouble with its disk"),
    ("40001", ErrorKind::Unavailable, "the server, a standby, needed the rows' old versions; try again"),
];

/// From a failed statement or connection.
pub(crate) fn from_driver(error: tokio_postgres::Error, config: &PostgresConfig) -> Error {
    if let Some(db) = error.as_db_error() {
        return from_server(db, config);
    }
    let retry = if error.is_closed() || is_io(&error) { Retry::Now } else { Retry::No };
    let cause = innermost(&error);
    if let Some(error) = local_refusal(&error, &cause, config) {
        return error;
    }
    unreachable(&cause, config).with_retry(retry)
}

/// From a connection that had rows to give.
pub(crate) fn broken_read(error: tokio_postgres::Error, config: &PostgresConfig) -> Error {
    if error.as_db_error().is_some() || !(error.is_closed() || is_io(&error)) {
        return from_driver(error, config);
    }
    let cause = innermost(&error);
    let message = format!("the connection to PostgreSQL at {} broke while rows were read: {cause}", config.address());
    Error::new(ErrorKind::Unavailable, message)
        .with_hint("run the statement again; the server's log may tell why")
        .with_retry(Retry::Now)
}

fn unreachable(cause: &str, config: &PostgresConfig) -> Error {
    let message = format!("cannot reach PostgreSQL at {}: {cause}", config.address());
    Error::new(ErrorKind::Unavailable, message).with_hint("check host, port and network, and that the server runs")
}

/// From a connection that the pool could not give.
pub(crate) fn from_pool(error: PoolError<OpenError>, config: &PostgresConfig) -> Error {
    match error {
        PoolError::Backend(OpenError::Driver(error)) => from_driver(error, config),
        PoolError::Backend(OpenError::Io(error)) => unreachable(&innermost(&error), config).with_retry(Retry::Now),
        PoolError::Timeout(TimeoutType::Wait) => {
            let (connections, waited) = (config.max_connections, config.acquire_timeout.as_secs());
            Error::new(ErrorKind::LimitExceeded, format!("all {connections} connections were in use for {waited} s"))
                .with_hint("raise max_connections or acquire_timeout")
                .with_retry(Retry::Now)
        }
        PoolError::Timeout(_) => {
            let waited = config.connect_timeout.as_secs_f64();
            let message = format!("PostgreSQL at {} did not answer within {waited} s", config.address());
            Error::new(ErrorKind::Unavailable, message)
                .with_hint("check host, port and network, or raise connect_timeout")
                .with_retry(Retry::Now)
        }
        other => Error::internal(format!("connection pool: {other}")),
    }
}

/// Whether the connection is of no more use, whatever is sent.
pub(crate) fn is_gone(error: &tokio_postgres::Error) -> bool {
    let code = error.as_db_error().map_or("", |db| db.code().code());
    error.is_closed() || is_io(error) || code.starts_with("57P")
}

/// Whether a snapshot could not be imported because the transaction that exported it has ended.
pub(crate) fn is_snapshot_gone(error: &tokio_postgres::Error) -> bool {
    let code = error.as_db_error().map_or("", |db| db.code().code());
    matches!(code, "22023" | "55000")
}

/// What a query reads must be of one moment: what is read already is of the moment that is gone.
pub(crate) fn snapshot_gone(error: &tokio_postgres::Error, config: &PostgresConfig) -> Error {
    let code = error.as_db_error().map_or("", |db| db.code().code());
    let message = format!(
        "PostgreSQL at {}: the connection that kept the query's snapshot was lost, and with it the moment that the \
         query reads [{code}]",
        config.address()
    );
    Error::new(ErrorKind::Unavailable, message).with_hint("run the statement again")
}

/// A snapshot that is not given: by a proxy in between, or a product that only speaks PostgreSQL's protocol.
pub(crate) fn export_failed(error: tokio_postgres::Error, config: &PostgresConfig) -> Error {
    let code = error.as_db_error().map_or("", |db| db.code().code());
    let unknown = matches!(code, "0A000" | "42883" | "42601" | "42501");
    let error = from_driver(error, config);
    if !unknown {
        return error;
    }
    let message = format!("the server does not export the snapshot that a query's connections are to share: {error}");
    Error::new(ErrorKind::Unsupported, message)
        .with_hint("set snapshot = \"statement\": each statement then reads a moment of its own")
}

/// Too many queries at once keep a snapshot.
pub(crate) fn too_many_keepers(config: &PostgresConfig) -> Error {
    let (keepers, waited) = ((config.max_connections / 2).max(1), config.acquire_timeout.as_secs());
    let message = format!("{keepers} queries, as many as half of the connections, kept a snapshot for {waited} s");
    Error::new(ErrorKind::LimitExceeded, message)
        .with_hint("raise max_connections or acquire_timeout")
        .with_retry(Retry::Now)
}

/// A result that does not look as PostgreSQL's own catalog does.
pub(crate) fn unexpected(error: tokio_postgres::Error) -> Error {
    Error::new(ErrorKind::Corrupt, format!("unexpected metadata from the server: {}", innermost(&error)))
}

fn from_server(db: &DbError, config: &PostgresConfig) -> Error {
    let code = db.code().code();
    let (kind, hint) = kind_of(code, db.message());
    let mut message = lower_first(db.message().trim_end_matches('.'));
    if kind == ErrorKind::Unavailable {
        message = format!("PostgreSQL at {}: {message}", config.address());
    }
    let hint = db.hint().map_or_else(|| hint.to_owned(), str::to_owned);
    let retry = match kind {
        ErrorKind::Unavailable => Retry::Now,
        ErrorKind::Throttled => Retry::After(std::time::Duration::from_millis(500)),
        _ => Retry::No,
    };
    let error = Error::new(kind, format!("{message} [{code}]")).with_retry(retry);
    if hint.is_empty() { error } else { error.with_hint(hint) }
}

fn kind_of(code: &str, message: &str) -> (ErrorKind, &'static str) {
    if code == "57014" {
        // One code for a cancel request and for statement_timeout; only the text tells.
        return match message.contains("timeout") {
            true => (ErrorKind::Timeout, "raise statement_timeout, or narrow the query"),
            false => (ErrorKind::Cancelled, "someone cancelled the statement at the server"),
        };
    }
    let known = STATES.iter().find(|(state, ..)| code.starts_with(state));
    known.map_or((ErrorKind::Internal, ""), |(_, kind, hint)| (*kind, hint))
}

/// Trouble that trying again does not help: TLS, and what the driver itself refuses.
fn local_refusal(error: &tokio_postgres::Error, cause: &str, config: &PostgresConfig) -> Option<Error> {
    let address = config.address();
    let outer = error.to_string();
    if outer.contains("TLS") || is_tls(error) {
        let hint = "set sslrootcert to the authority that signed the server's certificate, and use the host name that \
                    it names; sslmode decides whether TLS is used at all";
        let message = format!("no TLS connection to PostgreSQL at {address}: {cause}");
        return Some(Error::new(ErrorKind::Unavailable, message).with_hint(hint));
    }
    if outer.contains("authentication") || cause.contains("password missing") {
        let message = format!("PostgreSQL at {address} did not accept user {}: {cause}", config.user);
        return Some(Error::new(ErrorKind::Unauthenticated, message).with_hint("set option password"));
    }
    None
}

fn is_tls(error: &tokio_postgres::Error) -> bool {
    io_error(error).and_then(std::io::Error::get_ref).is_some_and(|inner| inner.is::<rustls::Error>())
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    io_error(error).is_some()
}

fn io_error(error: &tokio_postgres::Error) -> Option<&std::io::Error> {
    error.source().and_then(|source| source.downcast_ref::<std::io::Error>())
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    lower_first(current.to_string().trim_end_matches('.'))
}

/// Messages begin in lower case; an abbreviation such as `SSL` stays as it is.
fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}
