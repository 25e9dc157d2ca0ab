//! Faults that the DynamoDB proxy injects.

use std::time::Duration;

/// What is to happen to the next requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The operation it happens to, such as `Scan`; `None` for all.
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
        /// HTTP status: 400 for all that DynamoDB names, 500 or 503 for its own trouble.
        status: u16,
        /// Name of the exception, such as `ThrottlingException`; without a `#` DynamoDB's prefix is put before it.
        type_name: String,
        /// Text for people.
        message: String,
    },
    /// The request is passed on after this time.
    Delay(Duration),
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

    pub(crate) fn concerns(&self, operation: &str) -> bool {
        self.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }
}
