//! Errors on their way out.

use headwater_core::wire::Failure;
use headwater_core::{Error, ErrorKind};
use tonic::{Code, Status};

/// The status message is for people with other tools; callers of ours read the details. Headers have little room.
const LONGEST_MESSAGE: usize = 200;

/// The status of an error; its details hold all that may be told.
pub(crate) fn to_status(error: &Error) -> Status {
    let failure = Failure::from(error);
    let details = serde_json::to_vec(&failure).unwrap_or_default();
    let message: String = failure.message.chars().take(LONGEST_MESSAGE).collect();
    Status::with_details(code(error.kind()), message, details.into())
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidInput => Code::InvalidArgument,
        ErrorKind::Config | ErrorKind::SchemaMismatch => Code::FailedPrecondition,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::PermissionDenied => Code::PermissionDenied,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Throttled => Code::ResourceExhausted,
        ErrorKind::Timeout => Code::DeadlineExceeded,
        ErrorKind::Cancelled => Code::Cancelled,
        ErrorKind::Unsupported => Code::Unimplemented,
        ErrorKind::Corrupt => Code::DataLoss,
        ErrorKind::LimitExceeded => Code::OutOfRange,
        _ => Code::Internal,
    }
}
