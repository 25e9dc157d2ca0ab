//! Text that stands for an instant or a day, read strictly.

use arrow::array::timezone::Tz;
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::Date32Type;

/// Microseconds since 1970-01-01T00:00:00Z of an RFC 3339 text; `None` if it is none or is finer than microseconds.
///
/// Stricter than Arrow's parser, which takes a missing offset for UTC and reads a day as its midnight.
pub(super) fn timestamp_micros(text: &str) -> Option<i64> {
    let has_time = text.len() > 19 && matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '));
    let zone = text.get(19..)?;
    let has_offset = zone.ends_with(['Z', 'z']) || zone.rfind(['+', '-']).is_some_and(|at| is_offset(&zone[at..]));
    if !has_time || !has_offset {
        return None;
    }
    let utc: Tz = "+00:00".parse().ok()?;
    let instant = string_to_datetime(&utc, text).ok()?;
    (instant.timestamp_subsec_nanos() % 1_000 == 0).then(|| instant.timestamp_micros())
}

/// `+02:00`
fn is_offset(text: &str) -> bool {
    let shape = |(index, byte): (usize, u8)| if index == 3 { byte == b':' } else { byte.is_ascii_digit() };
    text.len() == 6 && text.bytes().enumerate().skip(1).all(shape)
}

/// Days since 1970-01-01 of a `YYYY-MM-DD`.
pub(super) fn date_days(text: &str) -> Option<i32> {
    let shape = |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    if text.len() != 10 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    Date32Type::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339_with_an_offset() {
        assert_eq!(timestamp_micros("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(timestamp_micros("1970-01-01T02:00:00.5+02:00"), Some(500_000));
        assert_eq!(timestamp_micros("1969-12-31T23:59:59.999999Z"), Some(-1));
        assert_eq!(timestamp_micros("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000_000));
        assert_eq!(timestamp_micros("9999-12-31T23:59:59Z"), Some(253_402_300_799_000_000));
        for wrong in
            ["1970-01-01", "1970-01-01T00:00:01", "1970-01-01T00:00:01.0000001Z", "now", "", "1970-13-01T00:00:00Z"]
        {
            assert_eq!(timestamp_micros(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_have_ten_characters() {
        assert_eq!(date_days("1970-01-02"), Some(1));
        for wrong in ["1970-1-2", "1970-02-30", "1970-01-02T00:00:00Z", "ten chars!", ""] {
            assert_eq!(date_days(wrong), None, "{wrong}");
        }
    }
}
