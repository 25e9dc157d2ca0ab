//! The one error of this crate: a sentence for the person who runs the tests.

use std::error::Error;
use std::fmt;

/// What went wrong while a server was started, filled or asked, and what to do about it.
///
/// The text already holds the texts of all causes, so [`Error::source`] is always empty.
#[derive(Clone)]
pub struct HarnessError {
    message: String,
}

/// A result of this crate.
pub type Result<T, E = HarnessError> = std::result::Result<T, E>;

impl HarnessError {
    /// An error that reads `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for HarnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// The same as Display: `unwrap` in a test prints Debug, and a server log with escaped line ends cannot be read.
impl fmt::Debug for HarnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for HarnessError {}

/// Says what was being done when a foreign error came up.
pub(crate) trait Context<T> {
    /// Turns the error into `doing: cause: cause of the cause`.
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Error> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| HarnessError::new(format!("{}: {}", doing(), with_causes(&error))))
    }
}

/// The texts of an error and of its causes; tokio-postgres, for one, says only "db error" by itself.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
