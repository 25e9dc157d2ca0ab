//! Numbers that say how far they can be trusted.

use serde::{Deserialize, Serialize};

/// A statistic with its precision.
///
/// The engine removes work on the strength of `Exact` (an exact zero means that nothing is read at all), so a number
/// from a source's catalog, which may be hours old, is never more than `Inexact`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// True at the moment of reading, guaranteed.
    Exact(u64),
    /// An estimate.
    Inexact(u64),
    /// Nothing is known. Not zero.
    #[default]
    Unknown,
}

impl Precision {
    /// The number, however precise.
    pub fn value(self) -> Option<u64> {
        match self {
            Self::Exact(n) | Self::Inexact(n) => Some(n),
            Self::Unknown => None,
        }
    }

    /// The same number, as an estimate only.
    #[must_use]
    pub fn to_inexact(self) -> Self {
        self.value().map_or(Self::Unknown, Self::Inexact)
    }
}
