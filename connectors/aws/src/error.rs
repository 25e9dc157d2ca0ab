//! Errors of S3, and of files in its place, told apart by what one can do about them.

use crate::credentials::{CREDENTIALS_HINT, CredentialsMissing};
use headwater_core::{Error, ErrorKind, Retry};
use std::error::Error as StdError;
use std::time::Duration;

/// The error codes of S3 that say more than the status of the answer.
const CODES: &[(&str, ErrorKind)] = &[
    ("NoSuchBucket", ErrorKind::NotFound),
    ("NoSuchKey", ErrorKind::NotFound),
    ("NotFound", ErrorKind::NotFound),
    ("AccessDenied", ErrorKind::PermissionDenied),
    ("AllAccessDisabled", ErrorKind::PermissionDenied),
    ("InvalidObjectState", ErrorKind::PermissionDenied),
    ("InvalidAccessKeyId", ErrorKind::Unauthenticated),
    ("SignatureDoesNotMatch", ErrorKind::Unauthenticated),
    ("ExpiredToken", ErrorKind::Unauthenticated),
    ("InvalidToken", ErrorKind::Unauthenticated),
    ("TokenRefreshRequired", ErrorKind::Unauthenticated),
    ("RequestTimeTooSkewed", ErrorKind::Unauthenticated),
    ("PermanentRedirect", ErrorKind::Config),
    ("AuthorizationHeaderMalformed", ErrorKind::Config),
    ("IllegalLocationConstraintException", ErrorKind::Config),
    ("SlowDown", ErrorKind::Throttled),
    ("TooManyRequests", ErrorKind::Throttled),
    ("InvalidBucketName", ErrorKind::NotFound),
    ("InvalidRange", ErrorKind::Corrupt),
    ("PreconditionFailed", ErrorKind::Unavailable),
];

/// What was asked of S3, for its error.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The API's name of it.
    pub operation: &'static str,
    /// A bucket or an object, as `s3://…`.
    pub target: &'a str,
    /// `S3`, or the endpoint in its place.
    pub place: &'a str,
}

/// S3 did not answer in time.
pub fn timeout(call: &Call<'_>) -> Error {
    Error::new(ErrorKind::Timeout, format!("{} did not answer {} in time", call.place, call.operation))
        .with_retry(Retry::Now)
}

/// Nobody answers at a place.
pub fn unreachable_place(place: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{place} cannot be reached: {reason}"))
        .with_hint("check region, endpoint and network")
        .with_retry(Retry::Now)
}

/// The innermost message: the outer ones say no more than that something went wrong.
pub fn root_cause(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// S3's refusal, by its code where there is one.
pub fn refused(code: Option<&str>, status: Option<u16>, text: Option<&str>, call: &Call<'_>) -> Error {
    let Call { operation, target, place } = call;
    let by_code = code.and_then(|code| CODES.iter().find(|(name, _)| *name == code)).map(|(_, kind)| *kind);
    let kind = by_code.unwrap_or(match status {
        Some(401) => ErrorKind::Unauthenticated,
        Some(403) => ErrorKind::PermissionDenied,
        Some(404) => ErrorKind::NotFound,
        Some(429 | 503) => ErrorKind::Throttled,
        Some(301 | 307) => ErrorKind::Config,
        Some(400..=499) => ErrorKind::InvalidInput,
        _ => ErrorKind::Unavailable,
    });
    let why = [code, text].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let why = if why.is_empty() { "no reason given".to_owned() } else { why };
    let error = match kind {
        ErrorKind::NotFound if code == Some("NoSuchBucket") => {
            Error::not_found(format!("bucket {} not found at {place}", bucket_of(target)))
        }
        ErrorKind::NotFound => Error::not_found(format!("{target} not found at {place}")),
        ErrorKind::PermissionDenied => {
            Error::new(kind, format!("{place} does not allow {operation} of {target}: {why}"))
                .with_hint(format!("the identity needs the permission s3:{}", permission(operation)))
        }
        ErrorKind::Unauthenticated => Error::new(kind, format!("{place} does not accept the credentials: {why}"))
            .with_hint("renew them, check the clock and the region, or see the catalog's options for credentials"),
        ErrorKind::Config => Error::new(kind, format!("{target} is in another region: {why}"))
            .with_hint("set the catalog's option `region` to that of the bucket, or leave it out to have it looked up"),
        ErrorKind::Throttled => Error::new(kind, format!("{place} throttled {operation}, retries did not help: {why}"))
            .with_hint("lower the catalog's option max_requests_in_flight")
            .with_retry(Retry::After(Duration::from_secs(5))),
        ErrorKind::InvalidInput => Error::new(kind, format!("{place} rejected {operation} of {target}: {why}")),
        other => Error::new(other, format!("{place} failed {operation} of {target}: {why}")).with_retry(Retry::Now),
    };
    code.into_iter().fold(error, |error, code| error.with_context("code", code))
}

fn bucket_of(target: &str) -> &str {
    target.strip_prefix("s3://").unwrap_or(target).split('/').next().unwrap_or_default()
}

fn permission(operation: &str) -> &str {
    match operation {
        "ListObjectsV2" | "HeadBucket" => "ListBucket",
        "HeadObject" => "GetObject",
        "ListBuckets" => "ListAllMyBuckets",
        other => other,
    }
}

/// Turns an error of the object store into one of the contract that names the file.
///
/// The answer's text stays behind except for S3's code and message: it repeats what was signed.
pub fn store_error(error: &object_store::Error, file: &str, place: &str) -> Error {
    use object_store::Error as E;
    let on_disk = !file.starts_with("s3://");
    match error {
        E::NotFound { .. } if on_disk => gone(file),
        E::Precondition { .. } | E::NotModified { .. } => changed(file),
        E::PermissionDenied { .. } if on_disk => denied(file),
        other if on_disk => disk_error(other, file),
        other => {
            let text = whole_text(other);
            let call = Call { operation: "GetObject", target: file, place };
            let (code, message) = (element(&text, "Code"), element(&text, "Message"));
            match other {
                E::NotFound { .. } if code.is_none_or(|code| code == "NoSuchKey") => gone(file),
                E::PermissionDenied { .. } => refused(code, Some(403), message, &call),
                E::Unauthenticated { .. } => refused(code, Some(401), message, &call),
                _ if code.is_some() => refused(code, None, message, &call),
                E::NotFound { .. } => refused(code, Some(404), message, &call),
                E::Generic { source, .. } => unsigned(other, root_cause(source.as_ref()), &call),
                _ => unreachable_place(place, &root_cause(other)),
            }
        }
    }
}

/// An error without an answer: credentials that could not be had say so themselves.
fn unsigned(error: &object_store::Error, cause: String, call: &Call<'_>) -> Error {
    match cause_of::<CredentialsMissing>(error) {
        Some(missing) => Error::new(ErrorKind::Unauthenticated, missing.to_string()).with_hint(CREDENTIALS_HINT),
        // A redirect of S3's names no address, only the region that the store was not told.
        None if cause.contains("redirect without LOCATION") => refused(None, Some(301), None, call),
        None => unreachable_place(call.place, &cause),
    }
}

/// The first cause of this type.
pub fn cause_of<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

fn disk_error(error: &object_store::Error, file: &str) -> Error {
    match cause_of::<std::io::Error>(error) {
        Some(io) => io_error(io, file),
        None => Error::new(ErrorKind::Unavailable, format!("{file} cannot be read: {}", root_cause(error))),
    }
}

/// An error of the disk.
pub fn io_error(error: &std::io::Error, file: &str) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => gone(file),
        std::io::ErrorKind::PermissionDenied => denied(file),
        std::io::ErrorKind::UnexpectedEof => changed(file),
        _ => Error::new(ErrorKind::Unavailable, format!("{file} cannot be read: {error}")),
    }
}

fn gone(file: &str) -> Error {
    Error::not_found(format!("{file} not found"))
}

fn denied(file: &str) -> Error {
    Error::new(ErrorKind::PermissionDenied, format!("{file} must not be read by this user"))
        .with_hint("check the permissions of the file and of the folders above it")
}

/// A file is no longer the one that was planned.
pub fn changed(file: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{file} was changed after the statement was planned"))
        .with_hint("run the statement again: it then reads the file as it is now")
}

fn whole_text(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// The text of the first XML element of this name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
