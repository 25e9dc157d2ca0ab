//! A column as a statement refers to it.

use crate::{SqlText, integer_key};
use headwater_core::{TextComparison, Value};

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
        /// Whether `indexed LIKE 'prefix%'` finds every text with the prefix. Where blanks at the end do not count, an
        /// index is asked from the prefix with blanks on, and misses what goes on with a smaller character.
        by_prefix: bool,
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
    /// As `inner`. A constant that the column could not hold is compared with `value`: for an index the source might
    /// round it.
    Stepped {
        /// How it compares.
        inner: Box<Comparison>,
        /// The bare column.
        indexed: SqlText,
        /// What the column can hold.
        step: Step,
    },
    /// As `inner`, but some of the source's values are none of the engine's: there `value` is NULL.
    Gappy {
        /// How the others compare.
        inner: Box<Comparison>,
        /// The bare column, which an index helps. On the values of the gaps it may be anything.
        indexed: SqlText,
        /// True except on NULL and in the gaps.
        whole: SqlText,
        /// What the column can hold, as for `Stepped`.
        step: Step,
    },
    /// Not the engine's; why, in words.
    Different(&'static str),
}

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Whole numbers from the one to the other.
    Whole(i128, i128),
    /// Numbers with so many digits after the point.
    Scale(i8),
    /// Times that are so many microseconds apart.
    Micros(i64),
}

impl Step {
    /// The constant as the column would hold it, or `None` if it cannot.
    pub(crate) fn fit(self, value: &Value) -> Option<Value> {
        let fits = match (self, value) {
            (Self::Whole(least, most), Value::Int64(_) | Value::UInt64(_) | Value::Decimal { .. }) => {
                return integer_key(value, least, most);
            }
            (Self::Scale(scale), Value::Decimal { scale: of_constant, .. }) => *of_constant <= scale,
            (Self::Micros(step), Value::Time(micros) | Value::Timestamp(micros) | Value::Instant(micros)) => {
                micros.checked_rem(step).is_none_or(|rest| rest == 0)
            }
            _ => true,
        };
        fits.then(|| value.clone())
    }
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

    /// In conditions without a constant, where nothing is rounded.
    pub(crate) fn operand(&self) -> &SqlText {
        match &self.comparison {
            Comparison::Stepped { indexed, .. } => indexed,
            _ => &self.value,
        }
    }

    /// As `inner` has it: under its bare name, or as the value.
    pub(crate) fn as_inner(&self, inner: &Comparison, bare: Option<&SqlText>) -> Self {
        Self::plain(bare.unwrap_or(&self.value).clone(), inner.clone())
    }
}
