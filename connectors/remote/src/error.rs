//! What the server and the network say, as errors of the contract.

use crate::RemoteConfig;
use headwater_core::wire::Failure;
use headwater_core::{Error, ErrorKind, Retry};
use std::error::Error as StdError;
use tonic::{Code, Status};

/// Messages of other programs may be long, and hold more than one line.
const LONGEST: usize = 600;

/// From a call that failed.
pub(crate) fn from_status(status: &Status, config: &RemoteConfig) -> Error {
    if let Ok(failure) = serde_json::from_slice::<Failure>(status.details()) {
        return at(Error::from(failure), config);
    }
    if let Some(source) = status.source() {
        return unreachable(source, config);
    }
    // What tonic says of an answer that stops in the middle, where no connection broke.
    if status.message().starts_with("grpc-status header missing") {
        return cut(config);
    }
    let kind = kind(status.code());
    let message = format!("the server at {}: {}", config.address(), first_line(status));
    at(Error::new(kind, message).with_hint(hint(kind)), config)
}

/// From an answer that had begun.
pub(crate) fn in_answer(status: &Status, config: &RemoteConfig) -> Error {
    match status.source() {
        Some(source) if serde_json::from_slice::<Failure>(status.details()).is_err() => {
            gone(&innermost(source), config)
        }
        _ => from_status(status, config),
    }
}

/// The answer ended before its end.
pub(crate) fn cut(config: &RemoteConfig) -> Error {
    gone("its end is missing", config)
}

/// An answer that broke off may be asked for again; who has given a part of it away takes that back.
fn gone(cause: &str, config: &RemoteConfig) -> Error {
    let message = format!("the server at {} went away in the middle of an answer: {cause}", config.address());
    at(Error::new(ErrorKind::Unavailable, message), config)
        .with_hint("run the statement again; the server's own log may say why")
        .with_retry(Retry::Now)
}

/// An answer that breaks the protocol.
pub(crate) fn unexpected(what: impl std::fmt::Display, config: &RemoteConfig) -> Error {
    let message = format!("the server at {} breaks the protocol: {what}", config.address());
    at(Error::new(ErrorKind::Corrupt, message), config).with_hint("docs/flight-protocol.md is what both ends keep to")
}

/// An answer of another version.
pub(crate) fn other_version(theirs: Option<u64>, config: &RemoteConfig) -> Error {
    let ours = headwater_core::WIRE_VERSION;
    let message = match theirs {
        Some(theirs) => format!(
            "the server at {} speaks version {theirs} of the protocol, this program version {ours}",
            config.address()
        ),
        None => format!("the server at {} does not speak Headwater's protocol", config.address()),
    };
    at(Error::config(message).with_hint("update the older of the two, or check the url"), config)
}

pub(crate) fn too_late(config: &RemoteConfig) -> Error {
    let waited = config.request_timeout.as_secs_f64();
    let message = format!("the server at {} did not answer within {waited} s", config.address());
    at(Error::new(ErrorKind::Timeout, message).with_hint("try again, or raise request_timeout"), config)
}

/// The deepest cause, in its own words.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn unreachable(source: &(dyn StdError + 'static), config: &RemoteConfig) -> Error {
    let cause = innermost(source);
    let hint = if cause.contains("certificate") {
        "set sslrootcert to a PEM file with the authority of the server's certificate, and check the host name"
    } else if config.tls {
        "check host, port and network, and that the server runs with TLS"
    } else {
        "check host, port and network, that the server runs, and whether it wants grpc+tls://"
    };
    let message = format!("cannot reach the server at {}: {cause}", config.address());
    at(Error::new(ErrorKind::Unavailable, message).with_hint(hint).with_retry(Retry::Now), config)
}

fn at(error: Error, config: &RemoteConfig) -> Error {
    error.with_context("server", config.address())
}

fn first_line(status: &Status) -> String {
    let line = status.message().lines().next().unwrap_or_default();
    let line = line.split_once(". Detail: ").map_or(line, |(message, _)| message);
    if line.is_empty() { status.code().description().to_owned() } else { line.chars().take(LONGEST).collect() }
}

/// For servers that do not send details.
fn kind(code: Code) -> ErrorKind {
    match code {
        Code::InvalidArgument => ErrorKind::InvalidInput,
        Code::NotFound => ErrorKind::NotFound,
        Code::AlreadyExists => ErrorKind::AlreadyExists,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::PermissionDenied,
        Code::Unavailable | Code::Aborted => ErrorKind::Unavailable,
        Code::ResourceExhausted => ErrorKind::Throttled,
        Code::DeadlineExceeded => ErrorKind::Timeout,
        Code::Cancelled => ErrorKind::Cancelled,
        Code::Unimplemented | Code::FailedPrecondition => ErrorKind::Unsupported,
        Code::OutOfRange => ErrorKind::LimitExceeded,
        Code::DataLoss => ErrorKind::Corrupt,
        _ => ErrorKind::Internal,
    }
}

fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "check option token",
        ErrorKind::Unsupported => "is it a connector server, and of a version that can do this?",
        ErrorKind::Unavailable | ErrorKind::Throttled | ErrorKind::Timeout => "try again later",
        ErrorKind::LimitExceeded => "a row may be larger than one message can be",
        _ => "the server's own log may say more",
    }
}
