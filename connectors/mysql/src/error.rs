//! What the servers and the network say, as errors of the contract.

use crate::MySqlConfig;
use crate::protocol::{Failure, ServerError};
use headwater_core::{Error, ErrorKind, Retry};
use std::time::Duration;

/// Error number → kind and hint. Numbers from 1900 to 1999 and from 4000 are MariaDB's own.
/// <https://dev.mysql.com/doc/mysql-errors/9.7/en/server-error-reference.html>, <https://mariadb.com/kb/en/mariadb-error-codes/>
const CODES: &[(&[u16], ErrorKind, &str)] = &[
    (&[1045, 1698, 1820, 1862, 3118, 4151], ErrorKind::Unauthenticated, "check user and password"),
    (&[1130, 1129], ErrorKind::Unauthenticated, "the server does not take connections of this user from this host"),
    (&[1251, 1524], ErrorKind::Unauthenticated, "the user's authentication plugin is not one that this program has"),
    (&[3159, 4254], ErrorKind::Unauthenticated, "the server wants encrypted connections: leave sslmode at verify-full"),
    (&[1044, 1142, 1143, 1227, 1370], ErrorKind::PermissionDenied, "ask for SELECT on the table"),
    (&[1049], ErrorKind::NotFound, "check the database in the url"),
    (&[1146, 1109, 1051], ErrorKind::NotFound, "the table may have been dropped or renamed meanwhile"),
    (
        &[1054],
        ErrorKind::NotFound,
        "the column may have been dropped or renamed meanwhile; its table is read anew on the next attempt",
    ),
    (&[1059, 1102, 1103], ErrorKind::NotFound, "no table has such a name"),
    (&[1317, 1880], ErrorKind::Cancelled, "someone killed the statement at the server"),
    (&[3024, 1969], ErrorKind::Timeout, "raise statement_timeout, or narrow the query"),
    (&[1205, 3572], ErrorKind::Timeout, "another session holds a lock on the table"),
    (&[1040, 1203, 1226], ErrorKind::Throttled, "lower max_connections, or raise the server's limit"),
    (&[3, 28, 1021, 1037, 1038, 1041, 1114, 1135, 1461], ErrorKind::Throttled, "the server is short of a resource"),
    (&[1153, 1301], ErrorKind::LimitExceeded, "raise max_allowed_packet at the server, or shorten the statement"),
    (&[1390, 1436, 1104, 3170], ErrorKind::LimitExceeded, "the statement is too large for the server"),
    (&[1792, 1290], ErrorKind::Unsupported, "Headwater only reads"),
    (&[1356], ErrorKind::InvalidInput, "the view names what is no longer there, or what its definer may not read"),
    (&[1053, 1927, 2006, 2013, 3169, 4031], ErrorKind::Unavailable, "the server was stopped, or closed the connection"),
    (&[1213, 1412, 1615, 1637], ErrorKind::Unavailable, "the table changed while it was read; try again"),
    (&[1020, 1030, 1034, 1194, 1195], ErrorKind::Unavailable, "the server has trouble with the table's files"),
];

/// SQLSTATE class → kind, for the numbers that are not listed.
const CLASSES: &[(&str, ErrorKind, &str)] = &[
    ("08", ErrorKind::Unavailable, "the connection broke"),
    ("28", ErrorKind::Unauthenticated, "check user and password"),
    ("22", ErrorKind::InvalidInput, "a view or a function at the server fails on some row"),
    ("45", ErrorKind::InvalidInput, "a function at the server raised this"),
    ("70", ErrorKind::Cancelled, ""),
];

/// Our statements are plain: what else there is comes from views, functions and the server's own state.
const OTHER: &str = "the server says this; if the table is a view, try its query there";

/// From a failed statement or connection.
pub(crate) fn from_failure(failure: Failure, config: &MySqlConfig) -> Error {
    match failure {
        Failure::Server(server) => from_server(&server, config),
        Failure::Tls(cause) => no_tls(&cause, config),
        Failure::Login(way) => {
            let message = format!("{} wants us to log in in a way that this program lacks: {way}", server(config));
            Error::new(ErrorKind::Unauthenticated, message)
                .with_hint("give the user caching_sha2_password or mysql_native_password")
        }
        Failure::Io(cause) => unreachable(&lower_first(&cause.to_string()), config),
        Failure::Closed => unreachable("the server closed the connection", config),
        Failure::Malformed(what) => {
            let message = format!("{} sent what the protocol does not allow: {what}", server(config));
            Error::new(ErrorKind::Corrupt, message)
        }
        Failure::TooLarge(most) => {
            let most = most >> 20;
            Error::new(ErrorKind::LimitExceeded, format!("a row is larger than max_row_size, which is {most} MiB"))
                .with_hint("raise max_row_size, or leave out the columns with the largest values")
        }
    }
}

fn unreachable(cause: &str, config: &MySqlConfig) -> Error {
    Error::new(ErrorKind::Unavailable, format!("cannot reach {}: {cause}", server(config)))
        .with_hint("check host, port and network, and that the server runs")
        .with_retry(Retry::Now)
}

/// No connection was free in time.
pub(crate) fn no_place(config: &MySqlConfig) -> Error {
    let (connections, waited) = (config.max_connections, config.acquire_timeout.as_secs_f64());
    Error::new(ErrorKind::LimitExceeded, format!("all {connections} connections were in use for {waited} s"))
        .with_hint("raise max_connections or acquire_timeout")
        .with_retry(Retry::Now)
}

/// No connection could be opened in time.
pub(crate) fn no_answer(config: &MySqlConfig) -> Error {
    let waited = config.connect_timeout.as_secs_f64();
    Error::new(ErrorKind::Unavailable, format!("{} did not answer within {waited} s", server(config)))
        .with_hint("check host, port and network, or raise connect_timeout")
        .with_retry(Retry::Now)
}

/// Whether the connection is of no more use, whatever is sent.
pub(crate) fn is_gone(failure: &Failure) -> bool {
    match failure {
        Failure::Server(server) => kind_of(server).0 == ErrorKind::Unavailable,
        other => other.is_fatal(),
    }
}

/// Metadata that does not look as it should.
pub(crate) fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("unexpected metadata from the server: {what}"))
}

fn server(config: &MySqlConfig) -> String {
    format!("MySQL at {}", config.address())
}

fn from_server(error: &ServerError, config: &MySqlConfig) -> Error {
    let (kind, hint) = kind_of(error);
    let mut message = lower_first(error.message.trim_end_matches('.'));
    if matches!(kind, ErrorKind::Unavailable | ErrorKind::Unauthenticated) {
        message = format!("{}: {message}", server(config));
    }
    let retry = match kind {
        ErrorKind::Unavailable => Retry::Now,
        ErrorKind::Throttled => Retry::After(Duration::from_millis(500)),
        _ => Retry::No,
    };
    let told = Error::new(kind, format!("{message} [{}]", error.code)).with_retry(retry);
    if hint.is_empty() { told } else { told.with_hint(hint) }
}

fn kind_of(error: &ServerError) -> (ErrorKind, &'static str) {
    let by_code = CODES.iter().find(|(codes, ..)| codes.contains(&error.code));
    if let Some((_, kind, hint)) = by_code {
        return (*kind, hint);
    }
    let by_class = CLASSES.iter().find(|(class, ..)| error.state.starts_with(class));
    by_class.map_or((ErrorKind::InvalidInput, OTHER), |(_, kind, hint)| (*kind, hint))
}

fn no_tls(cause: &str, config: &MySqlConfig) -> Error {
    let hint = "set sslrootcert to the authority that signed the server's certificate, and use the host name that it \
                names; sslmode decides whether TLS is used at all";
    Error::new(ErrorKind::Unavailable, format!("no TLS connection to {}: {cause}", server(config))).with_hint(hint)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: u16, state: &str) -> ErrorKind {
        kind_of(&ServerError { code, message: String::new(), state: state.to_owned() }).0
    }

    #[test]
    fn numbers_come_before_classes_and_nothing_is_our_own_fault() {
        assert_eq!(kind(1142, "42000"), ErrorKind::PermissionDenied);
        assert_eq!(kind(3024, "HY000"), ErrorKind::Timeout);
        assert_eq!(kind(1317, "70100"), ErrorKind::Cancelled);
        assert_eq!(kind(1690, "22003"), ErrorKind::InvalidInput);
        assert_eq!(kind(60_000, "28000"), ErrorKind::Unauthenticated);
        assert_eq!(kind(60_000, "HY000"), ErrorKind::InvalidInput);
    }

    #[test]
    fn messages_begin_in_lower_case_but_for_abbreviations() {
        assert_eq!(lower_first("Table 'x' doesn't exist"), "table 'x' doesn't exist");
        assert_eq!(lower_first("SELECT command denied"), "SELECT command denied");
        assert_eq!(lower_first(""), "");
    }
}
