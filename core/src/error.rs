//! The one error type of the contract.
//!
//! An [`Error`] says what was attempted, in which catalog, why it did not work and what to do next. Its
//! [`ErrorKind`] follows what a caller can do about it, not where it came from; each kind has a stable code.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure this is, by what a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The statement or an argument is wrong; changing it helps.
    InvalidInput,
    /// The configuration is wrong; changing it helps.
    Config,
    /// The thing named does not exist.
    NotFound,
    /// Something of that name exists already.
    AlreadyExists,
    /// The source did not accept who we are.
    Unauthenticated,
    /// The source knows who we are and says no.
    PermissionDenied,
    /// The source cannot be reached or went away.
    Unavailable,
    /// The source asks us to slow down and retries did not help.
    Throttled,
    /// A time limit passed.
    Timeout,
    /// The caller asked to stop.
    Cancelled,
    /// The request is understood and cannot be done.
    Unsupported,
    /// A value does not fit the column's type.
    SchemaMismatch,
    /// The source sent bytes that break its own protocol.
    Corrupt,
    /// A limit of ours was reached.
    LimitExceeded,
    /// A rule of this program was broken: a bug.
    Internal,
    /// The same question had two answers: a bug, unless the data changed.
    Discrepancy,
}

impl ErrorKind {
    /// The stable code printed with every error of this kind.
    pub fn code(self) -> &'static str {
        match self {
            Self::Config => "E0101",
            Self::InvalidInput => "E0201",
            Self::Unsupported => "E0202",
            Self::NotFound => "E0203",
            Self::AlreadyExists => "E0204",
            Self::SchemaMismatch => "E0301",
            Self::Corrupt => "E0302",
            Self::Unauthenticated => "E0401",
            Self::PermissionDenied => "E0402",
            Self::Unavailable => "E0403",
            Self::Throttled => "E0404",
            Self::Timeout => "E0501",
            Self::Cancelled => "E0502",
            Self::LimitExceeded => "E0503",
            Self::Internal => "E0901",
            Self::Discrepancy => "E0902",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        const ALL: [ErrorKind; 16] = [
            ErrorKind::InvalidInput,
            ErrorKind::Config,
            ErrorKind::NotFound,
            ErrorKind::AlreadyExists,
            ErrorKind::Unauthenticated,
            ErrorKind::PermissionDenied,
            ErrorKind::Unavailable,
            ErrorKind::Throttled,
            ErrorKind::Timeout,
            ErrorKind::Cancelled,
            ErrorKind::Unsupported,
            ErrorKind::SchemaMismatch,
            ErrorKind::Corrupt,
            ErrorKind::LimitExceeded,
            ErrorKind::Internal,
            ErrorKind::Discrepancy,
        ];
        ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Whether trying the same thing again can help.
///
/// A source may answer anything but `No` only if nothing it did so far is visible to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request would fail the same way, or its effect is unknown.
    No,
    /// The same request may work right away.
    Now,
    /// The same request may work after this long.
    After(Duration),
}

/// A place in the SQL text: 1-based line and column, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlLocation {
    /// 1-based line.
    pub line: u64,
    /// 1-based column, in characters.
    pub column: u64,
    /// How many characters the thing spans; 0 when only its start is known.
    pub length: u64,
}

/// An error of the contract: one pointer wide, printable to a stranger, free of secrets.
///
/// `Display` is the message alone, on one line; [`Error::hint`] says what to do; [`Error::context`] holds facts such
/// as the catalog. The message starts in lower case and ends without a period.
///
/// ```
/// use headwater_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::NotFound, "table public.userz not found")
///     .with_catalog("crm")
///     .with_hint("did you mean `users`?");
/// assert_eq!(error.to_string(), "table public.userz not found");
/// assert_eq!(error.catalog(), Some("crm"));
/// assert_eq!(error.kind().code(), "E0203");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    hint: Option<String>,
    context: Vec<(Cow<'static, str>, String)>,
    retry: Retry,
    location: Option<SqlLocation>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

const CATALOG: &str = "catalog";

impl Error {
    /// An error of `kind` that should not be retried.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            context: Vec::new(),
            retry: Retry::No,
            location: None,
            source: None,
        }))
    }

    /// The table or schema that was asked for is not there.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The configuration is wrong.
    pub fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// A rule of this program was broken.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Internal, message)
            .with_hint("this is a bug in Headwater or in the connector; please report it with the statement")
    }

    /// Adds a fact; a key that is already there keeps its first (innermost) value.
    #[must_use]
    pub fn with_context(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let key = key.into();
        if !self.0.context.iter().any(|(known, _)| *known == key) {
            self.0.context.push((key, value.into()));
        }
        self
    }

    /// Names the catalog the error belongs to.
    #[must_use]
    pub fn with_catalog(self, catalog: impl Into<String>) -> Self {
        self.with_context(CATALOG, catalog)
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says whether the same request may be sent again.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Points into the SQL text.
    #[must_use]
    pub fn with_location(mut self, location: SqlLocation) -> Self {
        self.0.location = Some(location);
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error once more, for a second one who is to hear it; only the error that caused it stays behind.
    #[must_use]
    pub fn retold(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            hint: self.0.hint.clone(),
            context: self.0.context.clone(),
            retry: self.0.retry,
            location: self.0.location,
            source: None,
        }))
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do next, if there is more to say than the message.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// All facts, innermost first.
    pub fn context(&self) -> &[(Cow<'static, str>, String)] {
        &self.0.context
    }

    /// The catalog the error belongs to.
    pub fn catalog(&self) -> Option<&str> {
        self.0.context.iter().find(|(key, _)| *key == CATALOG).map(|(_, value)| value.as_str())
    }

    /// Whether the same request may be sent again.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The place in the SQL text, if known.
    pub fn location(&self) -> Option<SqlLocation> {
        self.0.location
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.0.message, self.0.kind.code())?;
        for (key, value) in &self.0.context {
            write!(f, "\n  {key}: {value}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_catalog_wins() {
        let error = Error::not_found("x").with_catalog("inner").with_catalog("outer");
        assert_eq!(error.catalog(), Some("inner"));
    }

    #[test]
    fn an_error_told_again_says_the_same() {
        let location = SqlLocation { line: 1, column: 2, length: 3 };
        let error =
            Error::config("x").with_catalog("crm").with_hint("y").with_retry(Retry::Now).with_location(location);
        let again = error.retold();
        assert_eq!(format!("{error:?}"), format!("{again:?}"));
        assert_eq!((again.kind(), again.retry(), again.location()), (ErrorKind::Config, Retry::Now, Some(location)));
    }

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
