//! Errors of disk and S3, told apart by what one can do about them; what is S3's own is in `headwater_aws`.

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use headwater_aws::credentials::CREDENTIALS_HINT;
pub(crate) use headwater_aws::error::{Call, changed, io_error, store_error};
use headwater_aws::error::{cause_of, refused, root_cause, timeout, unreachable_place};
use headwater_core::{Error, ErrorKind};
use parquet::errors::ParquetError;
use std::error::Error as StdError;

/// Turns a failed call of the SDK into an error of the contract.
pub(crate) fn call_error<E>(error: &SdkError<E>, call: &Call<'_>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    let status = error.raw_response().map(|response| response.status().as_u16());
    match error {
        SdkError::TimeoutError(_) => timeout(call),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => timeout(call),
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => not_sent(error, call),
        SdkError::ServiceError(_) => refused(code.as_deref(), status, error.message(), call),
        _ => Error::new(ErrorKind::Corrupt, format!("{} answered with something that is no S3 answer", call.place))
            .with_hint("is the endpoint one of S3?"),
    }
}

fn not_sent<E: StdError + 'static>(error: &SdkError<E>, call: &Call<'_>) -> Error {
    let causes = DisplayErrorContext(error).to_string();
    if causes.contains("redentials") || causes.contains("dentity") {
        return Error::new(ErrorKind::Unauthenticated, format!("no AWS credentials for {}", call.place))
            .with_hint(CREDENTIALS_HINT);
    }
    unreachable_place(call.place, &root_cause(error))
}

/// An error of the Parquet reader: one of the store below it, or a file that is not sound.
pub(crate) fn parquet_error(error: &ParquetError, file: &str, place: &str) -> Error {
    match cause_of::<object_store::Error>(error) {
        Some(store) => store_error(store, file, place),
        None if matches!(error, ParquetError::External(inner) if inner.is::<object_store::Error>()) => {
            let ParquetError::External(inner) = error else { return corrupt(file, "Parquet", &error.to_string()) };
            match inner.downcast_ref::<object_store::Error>() {
                Some(store) => store_error(store, file, place),
                None => corrupt(file, "Parquet", &error.to_string()),
            }
        }
        None => corrupt(file, "Parquet", &error.to_string()),
    }
}

/// A file that breaks the rules of its format.
pub(crate) fn corrupt(file: &str, format: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{file} is not a sound {format} file: {reason}"))
}

/// The same error, said of a file.
pub(crate) fn of_file(error: Error, file: &str) -> Error {
    let named = Error::new(error.kind(), format!("{file}: {error}"));
    match error.hint() {
        Some(hint) => named.with_hint(hint),
        None => named,
    }
}
