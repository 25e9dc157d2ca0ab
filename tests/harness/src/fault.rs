//! Faults that the proxies inject.

use std::time::Duration;

/// What is to happen to the next requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The operation it happens to, such as `Scan` or `GetObject`; `None` for all.
    pub operation: Option<String>,
    /// How many requests it happens to; the rest pass. Zero: none.
    pub times: usize,
    /// What happens.
    pub kind: FaultKind,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The request is refused and not passed on.
    Error {
        /// HTTP status: 400 for all that DynamoDB names, 500 or 503 for its own trouble; S3 uses others too.
        status: u16,
        /// Name of DynamoDB's exception, such as `ThrottlingException`, before which its prefix is put unless there is a
        /// `#`; or S3's error code, such as `SlowDown`.
        type_name: String,
        /// Text for people.
        message: String,
    },
    /// The request is passed on after this time.
    Delay(Duration),
    /// The request is passed on; the answer announces its whole length, and the connection is closed after this many bytes.
    Cut(usize),
    /// The request is passed on; the answer announces its whole length, and nothing more comes after this many bytes.
    Stall(usize),
    /// The request is passed on; one bit of the answer is another one, which only its checksum tells.
    Garble,
    /// The connection is closed without an answer; the request is not passed on.
    Reset,
}

impl Fault {
    /// The next `times` requests of `operation` are throttled the way AWS does it.
    pub fn throttle(operation: &str, times: usize) -> Self {
        let kind = FaultKind::Error {
            status: 400,
            type_name: "ProvisionedThroughputExceededException".to_owned(),
            message: "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.".to_owned(),
        };
        Self { operation: Some(operation.to_owned()), times, kind }
    }

    /// The next `times` requests of `operation` are put off the way S3 does it, with status 503.
    pub fn slow_down(operation: &str, times: usize) -> Self {
        let (type_name, message) = ("SlowDown".to_owned(), "Please reduce your request rate.".to_owned());
        let kind = FaultKind::Error { status: 503, type_name, message };
        Self { operation: Some(operation.to_owned()), times, kind }
    }

    /// The answers to the next `times` requests of `operation` end after `bytes` bytes.
    pub fn cut(operation: &str, times: usize, bytes: usize) -> Self {
        Self { operation: Some(operation.to_owned()), times, kind: FaultKind::Cut(bytes) }
    }

    pub(crate) fn concerns(&self, operation: &str) -> bool {
        self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }
}
