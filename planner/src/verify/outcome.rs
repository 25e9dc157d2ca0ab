//! What became of a verification, for the ledger.

use super::determined::Extent;
use serde::Serialize;
use std::fmt;

/// Whether the answer with pushdown was held against the one without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// The statement has not been run to its end; this is what will be compared.
    Planned {
        /// In words.
        compares: String,
    },
    /// Both answers agree.
    Same {
        /// Rows of the answer.
        rows: u64,
        /// What was compared, in words.
        compares: String,
    },
    /// The data do not determine the answer: two right runs may differ.
    NotCompared {
        /// Why, in words.
        reason: String,
    },
}

impl Verification {
    pub(super) fn planned(extent: &Extent) -> Self {
        match extent {
            Extent::Undetermined(reason) => Self::NotCompared { reason: reason.clone() },
            determined => Self::Planned { compares: determined.to_string() },
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned { compares } => write!(f, "will be run without pushdown too: {compares}"),
            Self::Same { rows: 1, compares } => write!(f, "the same without pushdown, 1 row: {compares}"),
            Self::Same { rows, compares } => write!(f, "the same without pushdown, {rows} rows: {compares}"),
            Self::NotCompared { reason } => write!(f, "not compared: {reason}"),
        }
    }
}
