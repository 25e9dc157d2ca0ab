//! A value that has no place in its column's Arrow type.

use crate::wire::Malformed;
use headwater_core::{Error, ErrorKind};
use std::borrow::Cow;

/// Why a value cannot be kept, and what its owner can do.
#[derive(Debug)]
pub(crate) struct Misfit {
    kind: ErrorKind,
    what: Cow<'static, str>,
    hint: &'static str,
}

impl Misfit {
    /// The value is fine at the source and has no Arrow counterpart.
    pub(crate) fn new(what: impl Into<Cow<'static, str>>, hint: &'static str) -> Self {
        Self { kind: ErrorKind::SchemaMismatch, what: what.into(), hint }
    }

    /// The bytes are not what the type's binary format promises.
    pub(crate) fn corrupt(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: ErrorKind::Corrupt,
            what: what.into(),
            hint: "the table may have been altered since it was planned",
        }
    }

    /// As an error about `column`.
    pub(crate) fn into_error(self, column: &str) -> Error {
        Error::new(self.kind, format!("column {column} holds {}", self.what)).with_hint(self.hint)
    }
}

impl From<Malformed> for Misfit {
    fn from(Malformed(what): Malformed) -> Self {
        Self::corrupt(what)
    }
}
