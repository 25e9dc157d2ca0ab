//! DynamoDB's failures in the words of the contract.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use headwater_aws::credentials::CREDENTIALS_HINT;
use headwater_aws::error::root_cause;
use headwater_core::{Error, ErrorKind, Retry};
use std::error::Error as StdError;
use std::time::Duration;

/// What was being asked, and where.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// The API's name of the operation.
    pub(crate) operation: &'static str,
    /// The table, if the operation has one.
    pub(crate) table: Option<String>,
    /// Endpoint or region.
    pub(crate) place: String,
}

/// Exceptions by what a caller can do about them. Names that are not here are told by HTTP status.
const KINDS: &[(&str, ErrorKind)] = &[
    ("ResourceNotFoundException", ErrorKind::NotFound),
    ("TableNotFoundException", ErrorKind::NotFound),
    ("AccessDeniedException", ErrorKind::PermissionDenied),
    ("AccessDenied", ErrorKind::PermissionDenied),
    ("OptInRequired", ErrorKind::PermissionDenied),
    ("UnrecognizedClientException", ErrorKind::Unauthenticated),
    ("InvalidClientTokenId", ErrorKind::Unauthenticated),
    ("InvalidSignatureException", ErrorKind::Unauthenticated),
    ("IncompleteSignatureException", ErrorKind::Unauthenticated),
    ("RequestExpired", ErrorKind::Unauthenticated),
    ("ExpiredTokenException", ErrorKind::Unauthenticated),
    ("ExpiredToken", ErrorKind::Unauthenticated),
    ("MissingAuthenticationTokenException", ErrorKind::Unauthenticated),
    ("MissingAuthenticationToken", ErrorKind::Unauthenticated),
    ("ProvisionedThroughputExceededException", ErrorKind::Throttled),
    ("ThrottlingException", ErrorKind::Throttled),
    ("RequestLimitExceeded", ErrorKind::Throttled),
    ("LimitExceededException", ErrorKind::Throttled),
    ("ItemCollectionSizeLimitExceededException", ErrorKind::LimitExceeded),
    ("ResourceInUseException", ErrorKind::Unavailable),
    ("InternalServerError", ErrorKind::Unavailable),
    ("InternalServerErrorException", ErrorKind::Unavailable),
    ("InternalFailure", ErrorKind::Unavailable),
    ("ServiceUnavailable", ErrorKind::Unavailable),
    ("ServiceUnavailableException", ErrorKind::Unavailable),
    ("ValidationException", ErrorKind::InvalidInput),
];

/// What DynamoDB says, as a validation error, of an index that is not there.
const NO_INDEX: &str = "does not have the specified index";

/// How hyper and the SDK speak of bodies that end too early or no longer come.
const BROKEN: [&str; 5] = ["end of file", "body", "connection", "throughput", "checksum"];

/// Turns a failed call into an error of the contract. The SDK has already retried what can be retried.
pub(crate) fn call_error<E>(error: SdkError<E>, site: &Site) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    let request_id = error.request_id().map(str::to_owned);
    let translated = match &error {
        SdkError::TimeoutError(_) => timeout(site),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => timeout(site),
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => not_sent(&error, site),
        SdkError::ServiceError(_) => refused(&error, code.as_deref(), site),
        SdkError::ResponseError(_) if broke_off(&error) => unfinished(&error, site),
        _ => {
            let message =
                format!("{} answered {} with something that is no DynamoDB answer", site.place, site.operation);
            Error::new(ErrorKind::Corrupt, message).with_hint("is this a DynamoDB endpoint?")
        }
    };
    let facts = [("operation", Some(site.operation.to_owned())), ("table", site.table.clone())];
    let facts = facts.into_iter().chain([("code", code), ("request id", request_id)]);
    let translated = facts.fold(translated, |error, (key, fact)| match fact {
        Some(fact) => error.with_context(key, fact),
        None => error,
    });
    translated.with_source(error)
}

fn timeout(site: &Site) -> Error {
    Error::new(ErrorKind::Timeout, format!("{} did not answer {} in time", site.place, site.operation))
        .with_retry(Retry::Now)
}

/// No answer came: no credentials to sign with, or no connection.
fn not_sent<E>(error: &SdkError<E>, site: &Site) -> Error
where
    E: StdError + 'static,
{
    let causes = DisplayErrorContext(error).to_string();
    if causes.contains("redentials") || causes.contains("dentity") {
        return Error::new(ErrorKind::Unauthenticated, format!("no AWS credentials for {}", site.place))
            .with_hint(CREDENTIALS_HINT);
    }
    let reason = root_cause(error);
    Error::new(ErrorKind::Unavailable, format!("{} cannot be reached: {reason}", site.place))
        .with_hint("check region, endpoint and network")
        .with_retry(Retry::Now)
}

/// Whether the answer's body did not come whole, rather than being wrong.
fn broke_off(error: &dyn StdError) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if BROKEN.iter().any(|sign| text.contains(sign)) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn unfinished(error: &dyn StdError, site: &Site) -> Error {
    let (place, operation, reason) = (&site.place, site.operation, root_cause(error));
    Error::new(ErrorKind::Unavailable, format!("the answer of {place} to {operation} did not come whole: {reason}"))
        .with_hint("retries did not help: check the network")
        .with_retry(Retry::Now)
}

fn refused<E: ProvideErrorMetadata>(error: &SdkError<E>, code: Option<&str>, site: &Site) -> Error {
    let code = code.unwrap_or("an unnamed error");
    let text = error.message().unwrap_or("no message");
    let kind = KINDS.iter().find(|(name, _)| *name == code).map_or_else(|| kind_by_status(error), |(_, kind)| *kind);
    let what = site.table.as_ref().map_or_else(|| site.operation.to_owned(), |t| format!("{} of {t}", site.operation));
    match kind {
        ErrorKind::InvalidInput if text.contains(NO_INDEX) => {
            Error::not_found(format!("an index of {what} was not found at {}: {text}", site.place))
                .with_hint("it was there when the table was looked at: run the statement again")
        }
        ErrorKind::NotFound => {
            let table = site.table.as_deref().unwrap_or_default();
            Error::not_found(format!("table {table} not found at {}", site.place))
                .with_hint("check the name, the region and the account")
        }
        ErrorKind::Unauthenticated => {
            Error::new(kind, format!("{} does not accept the credentials: {text}", site.place))
                .with_hint("renew them, check the clock and the region, or see the catalog's options for credentials")
        }
        ErrorKind::PermissionDenied => Error::new(kind, format!("{} does not allow {what}: {text}", site.place))
            .with_hint(format!("the identity needs the permission dynamodb:{}", permission(site.operation))),
        ErrorKind::Throttled => {
            Error::new(kind, format!("{} throttled {what}, retries did not help: {text}", site.place))
                .with_hint("raise the table's read capacity, or read less: a filter on the key, fewer scan_segments")
                .with_retry(Retry::After(Duration::from_secs(5)))
        }
        ErrorKind::InvalidInput => {
            let hint = match site.operation {
                "ExecuteStatement" => "DynamoDB itself says so: see what its PartiQL takes",
                _ => "the table may have changed since it was looked at: run the statement again",
            };
            Error::new(kind, format!("{} rejected {what}: {text}", site.place)).with_hint(hint)
        }
        ErrorKind::LimitExceeded => Error::new(kind, format!("{} has no room for {what}: {text}", site.place))
            .with_hint("a limit of DynamoDB itself; only the table's owner can change what it holds"),
        other => Error::new(other, format!("{} failed {what}: {code}: {text}", site.place)).with_retry(Retry::Now),
    }
}

/// The name of an operation's permission, which is its own but for statements.
fn permission(operation: &str) -> &str {
    if operation == crate::partiql::EXECUTE_STATEMENT { "PartiQLSelect" } else { operation }
}

fn kind_by_status<E>(error: &SdkError<E>) -> ErrorKind {
    match error.raw_response().map(|response| response.status().as_u16()) {
        Some(401) => ErrorKind::Unauthenticated,
        Some(403) => ErrorKind::PermissionDenied,
        Some(400..=499) => ErrorKind::InvalidInput,
        _ => ErrorKind::Unavailable,
    }
}
