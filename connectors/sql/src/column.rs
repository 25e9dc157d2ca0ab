//! A column as a statement refers to it.

use crate::keys::decimal_key;
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
    /// Numbers with so many digits in all and so many of them after the point.
    Decimal(u8, i8),
    /// Times that are so many microseconds apart.
    Micros(i64),
}

impl Step {
    /// The integers of 16 bits.
    pub const SMALL: Self = Self::Whole(i16::MIN as i128, i16::MAX as i128);

    /// The constant as the column would hold it, or `None` if the column holds nothing of this value: `1.50` is `1.5`
    /// to a column with one digit after the point. What is of another type than the column comes back as it is.
    pub(crate) fn fit(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Whole(least, most), Value::Int64(_) | Value::UInt64(_) | Value::Decimal { .. }) => {
                integer_key(value, least, most)
            }
            (Self::Decimal(digits, scale), Value::Int64(_) | Value::UInt64(_) | Value::Decimal { .. }) => {
                decimal_key(value, digits, scale)
            }
            (Self::Micros(step), Value::Time(micros) | Value::Timestamp(micros) | Value::Instant(micros)) => {
                micros.checked_rem(step).is_none_or(|rest| rest == 0).then(|| value.clone())
            }
            _ => Some(value.clone()),
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
    /// Why the source is not asked to sort or group by it, though it compares: some look only at the beginning of text.
    pub unsortable: Option<&'static str>,
    /// The collation of the bare column, if it is known: columns that have it in common are compared without naming one.
    pub collation: Option<String>,
}

impl ColumnSql {
    /// A column that is read and compared under its own name.
    pub fn plain(name: SqlText, comparison: Comparison) -> Self {
        Self { selected: name.clone(), value: name, comparison, unsortable: None, collation: None }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(unscaled: i128, scale: i8) -> Value {
        Value::Decimal { unscaled, scale }
    }

    #[test]
    fn whether_a_decimal_column_holds_a_constant_is_decided_by_its_value() {
        let price = |value: &Value| Step::Decimal(5, 2).fit(value);
        assert_eq!(price(&decimal(1_500, 3)), Some(decimal(150, 2)));
        assert_eq!(price(&decimal(15 * 10i128.pow(36), 37)), Some(decimal(150, 2)));
        assert_eq!(price(&decimal(0, i8::MAX)), Some(decimal(0, 2)));
        assert_eq!(price(&decimal(15, 1)), Some(decimal(15, 1)));
        assert_eq!(price(&decimal(-99_999, 2)), Some(decimal(-99_999, 2)));
        assert_eq!(price(&Value::Int64(999)), Some(Value::Int64(999)));
        assert_eq!(price(&decimal(9, -2)), Some(decimal(9, -2)));
        let impossible = [decimal(1_501, 3), decimal(999_991, 3), decimal(1, i8::MAX), decimal(1_000_000, 3)];
        let too_large = [Value::Int64(1_000), Value::UInt64(u64::MAX), decimal(1, -3), decimal(1, i8::MIN)];
        for value in impossible.iter().chain(&too_large) {
            assert_eq!(price(value), None, "{value}");
        }
        assert_eq!(Step::Decimal(10, 0).fit(&decimal(10, 1)), Some(decimal(1, 0)));
        assert_eq!(Step::Decimal(65, 30).fit(&decimal(i128::MAX, 38)), None);
        assert_eq!(Step::Decimal(65, 30).fit(&decimal(i128::MAX, 30)), Some(decimal(i128::MAX, 30)));
    }

    #[test]
    fn whether_other_columns_hold_a_constant_is_decided_by_its_value() {
        let small = |value: &Value| Step::Whole(0, 255).fit(value);
        assert_eq!(small(&decimal(10, 1)), Some(Value::Int64(1)));
        assert_eq!(small(&Value::UInt64(255)), Some(Value::Int64(255)));
        assert_eq!(small(&decimal(11, 1)), None);
        assert_eq!(small(&Value::Int64(-1)), None);
        let millis = |value: &Value| Step::Micros(1_000).fit(value);
        assert_eq!(millis(&Value::Time(2_000)), Some(Value::Time(2_000)));
        assert_eq!(millis(&Value::Instant(-2_001)), None);
        assert_eq!(millis(&Value::Null), Some(Value::Null));
    }
}
