//! Dates and times by what is stored of them.
//!
//! ```text
//! declared               stored    at >= t is asked as                                    means the same
//! timestamp(epoch_…)     N         at >= 1772705472123                                    yes, of a key
//! date(epoch_days)       N         day >= 20517                                           yes, of a key
//!                        S         (other attributes may be text of digits, which         no: checked again
//!                                    comes too)
//! date                   S         day >= "2026-03-05"                                    yes
//! timestamp              S         at >= "2026-03-04": no text of this instant begins     no: checked again
//!                                    with an earlier day, whatever its offset
//! with a pattern                   nothing: such text need not sort as what it says
//! ```
//! A value that cannot be read as its column (`2026-3-5` as a `date`) satisfies no condition that DynamoDB checks, and is
//! an error where it is read.

use crate::convert::{ColumnType, DateFormat, KeyKind, TimestampFormat, day_text};
use headwater_core::{CompareOp, Value};
use serde::{Deserialize, Serialize};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// How a column's dates or times are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stored {
    /// A number, of which a microsecond is so many decimal places.
    Epoch(i8),
    /// A number of days.
    Days,
    /// `YYYY-MM-DD`
    Day,
    /// RFC 3339, in any offset.
    Instant,
}

impl Stored {
    /// `None` for a column of something else, or one whose text need not sort as what it says.
    pub(super) fn of(column: &ColumnType) -> Option<Self> {
        match column {
            ColumnType::Timestamp(TimestampFormat::Epoch(unit)) => Some(Self::Epoch(unit.places())),
            ColumnType::Timestamp(TimestampFormat::Rfc3339) => Some(Self::Instant),
            ColumnType::Date(DateFormat::EpochDays) => Some(Self::Days),
            ColumnType::Date(DateFormat::Iso) => Some(Self::Day),
            _ => None,
        }
    }

    /// The type of what is stored; of numbers, also text of their digits.
    pub(super) fn kind(self) -> KeyKind {
        match self {
            Self::Epoch(_) | Self::Days => KeyKind::N,
            Self::Day | Self::Instant => KeyKind::S,
        }
    }

    /// Whether each date or time is stored as one value of that type alone, and these sort as those.
    pub(super) fn is_exact(self) -> bool {
        self != Self::Instant
    }

    /// What is stored for a value, where [`is_exact`](Self::is_exact); `None` for a value that is none, or has no such
    /// form.
    pub(super) fn value(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Epoch(scale), Value::Instant(micros)) => {
                Some(Value::Decimal { unscaled: i128::from(*micros), scale })
            }
            (Self::Days, Value::Date(days)) => Some(Value::Int64(i64::from(*days))),
            (Self::Day, Value::Date(days)) => day_text(i64::from(*days)).map(Value::Utf8),
            _ => None,
        }
    }

    /// Comparisons of what is stored: whatever satisfies a condition on dates or times, and is stored as
    /// [`kind`](Self::kind), satisfies all of them. `None` if there are none.
    pub(super) fn weaker(self, op: CompareOp, value: &Value) -> Option<Vec<(CompareOp, Value)>> {
        match (self, value) {
            _ if op == CompareOp::NotEq => None,
            (Self::Instant, Value::Instant(micros)) => around(op, *micros),
            (Self::Instant, _) => None,
            (exact, value) => Some(vec![(op, exact.value(value)?)]),
        }
    }
}

/// A text whose instant is `op` this one begins with a day that is no further from it than an offset may be, which is less
/// than a day.
fn around(op: CompareOp, micros: i64) -> Option<Vec<(CompareOp, Value)>> {
    let day = |micros: i64| day_text(micros.div_euclid(MICROS_PER_DAY)).map(Value::Utf8);
    let from = || Some((CompareOp::GtEq, day(micros.checked_sub(MICROS_PER_DAY)?)?));
    // The text goes on after its day, so it sorts after that and before the next one.
    let upto = || Some((CompareOp::Lt, day(micros.checked_add(2 * MICROS_PER_DAY)?)?));
    match op {
        CompareOp::Gt | CompareOp::GtEq => Some(vec![from()?]),
        CompareOp::Lt | CompareOp::LtEq => Some(vec![upto()?]),
        CompareOp::Eq => Some(vec![from()?, upto()?]),
        CompareOp::NotEq => None,
    }
}

/// Why what came by such conditions is checked again.
pub(super) const OFFSETS: &str = "each text has an offset of its own: a day more on either side is asked for";
pub(super) const DIGITS: &str = "times that are stored as text of digits come too";

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_772_712_000_000_000; // 2026-03-05T12:00:00Z

    #[test]
    fn epochs_and_days_are_exact() {
        let value = Value::Decimal { unscaled: i128::from(NOON) + 1, scale: 3 };
        assert_eq!(Stored::Epoch(3).value(&Value::Instant(NOON + 1)), Some(value));
        assert_eq!(Stored::Day.value(&Value::Date(20_517)), Some(Value::Utf8("2026-03-05".to_owned())));
        assert_eq!(Stored::Day.value(&Value::Date(i32::MAX)), None, "no such text");
        assert_eq!(Stored::Days.value(&Value::Date(-1)), Some(Value::Int64(-1)));
    }

    #[test]
    fn every_text_of_an_instant_is_within_the_days_around_it() {
        let tests = around(CompareOp::Eq, NOON).unwrap();
        let holds = |text: &str| {
            tests.iter().all(|(op, bound)| {
                let Value::Utf8(bound) = bound else { panic!("{bound:?}") };
                match op {
                    CompareOp::GtEq => text >= bound.as_str(),
                    CompareOp::Lt => text < bound.as_str(),
                    other => panic!("{other:?}"),
                }
            })
        };
        for text in ["2026-03-05T12:00:00Z", "2026-03-04t12:01:00-23:59", "2026-03-06 11:59:00+23:59"] {
            assert_eq!(TimestampFormat::Rfc3339.of_text(text), Some(NOON), "{text}");
            assert!(holds(text), "{text}");
        }
        assert!(!holds("2026-03-03T23:59:59Z") && !holds("2026-03-07T00:00:00Z"));
    }
}
