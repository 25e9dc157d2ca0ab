//! A column as a statement refers to it.

use crate::SqlText;
use crate::compare::Need;
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

/// What lies between one value of a column and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many digits after the point.
    Scale(i8),
    /// So many microseconds.
    Micros(i64),
}

impl Step {
    /// Whether a column of this step could hold the constant, as far as its step tells.
    pub(crate) fn allows(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Micros(step), Value::Time(micros) | Value::Timestamp(micros) | Value::Instant(micros)) => {
                micros.checked_rem(step).is_none_or(|rest| rest == 0)
            }
            (Self::Scale(scale), Value::Decimal { scale: of_constant, .. }) => *of_constant <= scale,
            _ => true,
        }
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

    /// The column as it compares with these constants: bare if it may be, else as its value.
    pub(crate) fn beside(
        &self,
        inner: &Comparison,
        indexed: &SqlText,
        step: Step,
        values: &[Value],
        need: Need,
    ) -> Self {
        let bare = need == Need::Rows && values.iter().all(|value| step.allows(value));
        Self::plain(if bare { indexed } else { &self.value }.clone(), inner.clone())
    }
}
