//! A value that has no place in its column's Arrow type.

use headwater_core::{Error, ErrorKind};
use std::borrow::Cow;

/// Why a value cannot be kept, and what its owner can do. As small as a pointer: it is part of every value's result.
#[derive(Debug)]
pub struct Misfit(Box<Why>);

#[derive(Debug)]
struct Why {
    kind: ErrorKind,
    what: Cow<'static, str>,
    hint: &'static str,
}

impl Misfit {
    /// The value is fine at the source and has no Arrow counterpart.
    #[cold]
    pub fn new(what: impl Into<Cow<'static, str>>, hint: &'static str) -> Self {
        Self::of(ErrorKind::SchemaMismatch, what, hint)
    }

    /// For another reason, such as a limit.
    #[cold]
    pub fn of(kind: ErrorKind, what: impl Into<Cow<'static, str>>, hint: &'static str) -> Self {
        Self(Box::new(Why { kind, what: what.into(), hint }))
    }

    /// The bytes are not what its type's format promises.
    #[cold]
    pub fn corrupt(what: impl Into<Cow<'static, str>>) -> Self {
        Self::of(ErrorKind::Corrupt, what, "the table may have been altered since it was planned")
    }

    /// As an error about `column`.
    #[must_use]
    pub fn into_error(self, column: &str) -> Error {
        let Why { kind, what, hint } = *self.0;
        Error::new(kind, format!("column {column} holds {what}")).with_hint(hint)
    }
}
