//! A column as a statement refers to it.

use crate::SqlText;
use headwater_core::TextComparison;

/// How the source's comparison of a column relates to the engine's.
#[derive(Debug, Clone)]
pub enum Comparison {
    /// Truth values.
    Boolean,
    /// Integers and decimals: compared by value on both sides.
    Number,
    /// Binary floating point: the source takes −0.0 and 0.0 for equal, the engine does not.
    Float,
    /// Text. `Loose` is compared by bytes explicitly, which no index of another collation helps.
    Text(TextComparison),
    /// Text to the engine, at the source a type whose order is that of its canonical text, such as uuid.
    Encoded {
        /// Whether a text is canonical.
        is_canonical: fn(&str) -> bool,
        /// Follows a canonical text constant to make it the source's type.
        cast: &'static str,
    },
    /// Text in which the source takes different bytes for equal. `value` compares by bytes, which no index helps;
    /// `indexed` compares as the source likes, so that equal bytes are always equal.
    Collated {
        /// The bare column.
        indexed: SqlText,
        /// Whether a constant beside `indexed` must be ASCII: the source could not convert others.
        ascii_only: bool,
    },
    /// Bytes.
    Binary,
    /// Dates.
    Date,
    /// Times of day.
    Time,
    /// Times without a zone.
    Timestamp,
    /// Instants.
    Instant,
    /// As `inner`, but some of the source's values are none of the engine's: there `value` is NULL.
    Gappy {
        /// How the others compare.
        inner: Box<Comparison>,
        /// The bare column, which an index helps. On the values of the gaps it may be anything.
        indexed: SqlText,
        /// True except on NULL and in the gaps.
        whole: SqlText,
    },
    /// Not the engine's; why, in words.
    Different(&'static str),
}

/// A column of a statement.
#[derive(Debug, Clone)]
pub struct ColumnSql {
    /// In the select list: what the reader decodes.
    pub selected: SqlText,
    /// In conditions: what compares as the engine's value does.
    pub value: SqlText,
    /// How it compares.
    pub comparison: Comparison,
}

impl ColumnSql {
    /// A column that is read and compared under its own name.
    pub fn plain(name: SqlText, comparison: Comparison) -> Self {
        Self { selected: name.clone(), value: name, comparison }
    }
}
