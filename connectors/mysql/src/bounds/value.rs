//! Keys as the server writes them.

use crate::convert::{ColumnLaw, Decoding, days};
use headwater_core::Value;

/// A key of a column with this law; `None` if it is none of those that ranges are made of, such as a zero date.
pub(super) fn value(law: &ColumnLaw, text: &[u8]) -> Option<Value> {
    if law.decoding() == Decoding::Binary {
        return Some(Value::Binary(text.to_vec()));
    }
    let text = std::str::from_utf8(text).ok()?;
    match law.decoding() {
        Decoding::Text => Some(Value::Utf8(text.to_owned())),
        Decoding::Date => date(text).map(Value::Date),
        Decoding::Timestamp => timestamp(text).map(Value::Timestamp),
        Decoding::Instant => timestamp(text).map(Value::Instant),
        _ => text.parse().map(Value::Int64).or_else(|_| text.parse().map(Value::UInt64)).ok(),
    }
}

/// `2026-01-31`
fn date(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    days(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// `2026-01-31 23:59:59.999999`, in microseconds.
fn timestamp(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(' ')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    let seconds = (hour * 60 + minute) * 60 + second;
    Some((i64::from(date(day)?) * 86_400 + seconds) * 1_000_000 + micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_read_as_they_are_written() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("0000-00-00"), None);
        assert_eq!(timestamp("1970-01-01 01:02:03.5"), Some(3_723_500_000));
        assert_eq!(timestamp("1969-12-31 23:59:59"), Some(-1_000_000));
        assert_eq!(timestamp("1970-01-01"), None);
    }
}
