//! An error on its way from the server to the caller.

use crate::{Error, ErrorKind, Retry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Texts are cut to this many bytes: a gRPC status travels in headers, of which clients take 8 KiB.
const LONGEST: usize = 600;
/// No more facts than this travel.
const MOST_FACTS: usize = 4;

/// An [`Error`], without its cause and without its place in the SQL text.
///
/// ```
/// use headwater_core::{Error, ErrorKind, wire::Failure};
/// let error = Error::new(ErrorKind::Throttled, "slow down").with_hint("wait").with_context("code", "429");
/// let there = serde_json::to_string(&Failure::from(&error)).unwrap();
/// let back = Error::from(serde_json::from_str::<Failure>(&there).unwrap());
/// assert_eq!(format!("{error:?}"), format!("{back:?}"));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, as [`ErrorKind::code`].
    pub code: String,
    /// What failed.
    pub message: String,
    /// What to do.
    #[serde(default)]
    pub hint: Option<String>,
    /// Facts by name.
    #[serde(default)]
    pub context: BTreeMap<String, String>,
    /// Milliseconds after which the same may be tried again; 0: right away; `None`: never.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let facts = error.context().iter().filter(|(key, _)| *key != "catalog").take(MOST_FACTS);
        Self {
            code: error.kind().code().to_owned(),
            message: shortened(&error.to_string()),
            hint: error.hint().map(shortened),
            context: facts.map(|(key, value)| (key.to_string(), shortened(value))).collect(),
            retry_after_ms: match error.retry() {
                Retry::No => None,
                Retry::Now => Some(0),
                Retry::After(wait) => Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            },
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = ErrorKind::from_code(&failure.code).unwrap_or(ErrorKind::Internal);
        let mut error = Self::new(kind, failure.message).with_retry(match failure.retry_after_ms {
            None => Retry::No,
            Some(0) => Retry::Now,
            Some(wait) => Retry::After(Duration::from_millis(wait)),
        });
        for (key, value) in failure.context {
            error = error.with_context(key, value);
        }
        match failure.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let mut end = LONGEST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}
