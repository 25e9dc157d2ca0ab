//! Stored values that stand for an instant or a day, read strictly: exact, or not at all.

use super::number::Number;
use super::pattern::Pattern;
use arrow::array::timezone::Tz;
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::Date32Type;
use chrono::NaiveDate;

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z in microseconds. An instant beyond is the sign of another unit:
/// milliseconds read as seconds.
const INSTANTS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;
/// The same years in days.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;

/// How a stored value says an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimestampFormat {
    /// Text with an offset: `2026-03-05T10:11:12Z`.
    Rfc3339,
    /// A number, or text of digits, since 1970-01-01T00:00:00Z; fractions are exact.
    Epoch(EpochUnit),
    /// Text after a pattern; UTC unless the pattern has an offset.
    Pattern(Pattern),
}

/// What an epoch number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EpochUnit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl EpochUnit {
    pub(super) const ALL: [Self; 3] = [Self::Seconds, Self::Milliseconds, Self::Microseconds];

    /// As one declares it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "epoch_s",
            Self::Milliseconds => "epoch_ms",
            Self::Microseconds => "epoch_us",
        }
    }

    /// The unit in which a number of so many digits is an instant of our days: seconds have ten.
    pub(super) fn likely(digits: u32) -> Self {
        match digits {
            0..=11 => Self::Seconds,
            12..=14 => Self::Milliseconds,
            _ => Self::Microseconds,
        }
    }

    /// How many decimal places of it make microseconds.
    pub(crate) fn places(self) -> i8 {
        match self {
            Self::Seconds => 6,
            Self::Milliseconds => 3,
            Self::Microseconds => 0,
        }
    }
}

/// The argument of a format with a pattern, in the field metadata.
const PATTERN: &str = "pattern:";
/// The argument of dates as numbers.
pub(super) const EPOCH_DAYS: &str = "epoch_days";

impl TimestampFormat {
    /// The format as field metadata has it; none for the usual one.
    pub(super) fn argument(&self) -> Option<String> {
        match self {
            Self::Rfc3339 => None,
            Self::Epoch(unit) => Some(unit.name().to_owned()),
            Self::Pattern(pattern) => Some(format!("{PATTERN}{}", pattern.text())),
        }
    }

    /// The inverse of [`Self::argument`].
    pub(super) fn of(argument: Option<&str>) -> Option<Self> {
        let Some(argument) = argument else { return Some(Self::Rfc3339) };
        if let Some(unit) = EpochUnit::ALL.into_iter().find(|unit| unit.name() == argument) {
            return Some(Self::Epoch(unit));
        }
        Pattern::of_timestamps(argument.strip_prefix(PATTERN)?).ok().map(Self::Pattern)
    }

    /// Microseconds since 1970-01-01T00:00:00Z of an S; `None` if it says none or is finer than microseconds.
    pub(crate) fn of_text(&self, text: &str) -> Option<i64> {
        let micros = match self {
            Self::Rfc3339 => timestamp_micros(text),
            Self::Epoch(_) => return plain_digits(text).and_then(|text| self.of_number(text)),
            Self::Pattern(pattern) => pattern.micros(text),
        };
        micros.filter(|micros| INSTANTS.contains(micros))
    }

    /// The same of an N.
    pub(super) fn of_number(&self, digits: &str) -> Option<i64> {
        let Self::Epoch(unit) = self else { return None };
        let micros = Number::parse(digits)?.as_decimal(38, unit.places())?;
        i64::try_from(micros).ok().filter(|micros| INSTANTS.contains(micros))
    }
}

/// How a stored value says a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DateFormat {
    /// `YYYY-MM-DD`.
    Iso,
    /// A number, or text of digits: days since 1970-01-01.
    EpochDays,
    /// Text after a pattern.
    Pattern(Pattern),
}

impl DateFormat {
    /// The format as field metadata has it; none for the usual one.
    pub(super) fn argument(&self) -> Option<String> {
        match self {
            Self::Iso => None,
            Self::EpochDays => Some(EPOCH_DAYS.to_owned()),
            Self::Pattern(pattern) => Some(format!("{PATTERN}{}", pattern.text())),
        }
    }

    /// The inverse of [`Self::argument`].
    pub(super) fn of(argument: Option<&str>) -> Option<Self> {
        match argument {
            None => Some(Self::Iso),
            Some(EPOCH_DAYS) => Some(Self::EpochDays),
            Some(other) => Pattern::of_dates(other.strip_prefix(PATTERN)?).ok().map(Self::Pattern),
        }
    }

    /// Days since 1970-01-01 of an S; `None` if it says none.
    pub(super) fn of_text(&self, text: &str) -> Option<i32> {
        let days = match self {
            Self::Iso => date_days(text),
            Self::EpochDays => return plain_digits(text).and_then(|text| self.of_number(text)),
            Self::Pattern(pattern) => pattern.days(text),
        };
        days.filter(|days| DAYS.contains(days))
    }

    /// The same of an N.
    pub(super) fn of_number(&self, digits: &str) -> Option<i32> {
        if *self != Self::EpochDays {
            return None;
        }
        let days = Number::parse(digits)?.as_i64()?;
        i32::try_from(days).ok().filter(|days| DAYS.contains(days))
    }
}

/// Text that is a number as people write it: no exponent, no plus.
fn plain_digits(text: &str) -> Option<&str> {
    let plain = text.bytes().enumerate().all(|(at, b)| b.is_ascii_digit() || b == b'.' || (at == 0 && b == b'-'));
    plain.then_some(text)
}

/// Microseconds since 1970-01-01T00:00:00Z of an RFC 3339 text; `None` if it is none or is finer than microseconds.
///
/// Stricter than Arrow's parser, which takes a missing offset for UTC and reads a day as its midnight.
fn timestamp_micros(text: &str) -> Option<i64> {
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

/// `YYYY-MM-DD` of a number of days since 1970-01-01; `None` outside of the years 1 to 9999.
pub(crate) fn day_text(days: i64) -> Option<String> {
    let days = i32::try_from(days).ok().filter(|days| DAYS.contains(days))?;
    Some(NaiveDate::from_epoch_days(days)?.format("%Y-%m-%d").to_string())
}

/// Days since 1970-01-01 of a `YYYY-MM-DD`.
fn date_days(text: &str) -> Option<i32> {
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
        let micros = |text| TimestampFormat::Rfc3339.of_text(text);
        assert_eq!(micros("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(micros("1970-01-01T02:00:00.5+02:00"), Some(500_000));
        assert_eq!(micros("1969-12-31T23:59:59.999999Z"), Some(-1));
        assert_eq!(micros("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000_000));
        assert_eq!(micros("9999-12-31T23:59:59Z"), Some(253_402_300_799_000_000));
        for wrong in
            ["1970-01-01", "1970-01-01T00:00:01", "1970-01-01T00:00:01.0000001Z", "now", "", "1970-13-01T00:00:00Z"]
        {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn epoch_numbers_are_exact_to_the_microsecond() {
        let seconds = TimestampFormat::Epoch(EpochUnit::Seconds);
        assert_eq!(seconds.of_number("1.5"), Some(1_500_000));
        assert_eq!(seconds.of_number("-1E3"), Some(-1_000_000_000));
        assert_eq!(seconds.of_text("1772705472"), Some(1_772_705_472_000_000));
        assert_eq!(
            TimestampFormat::Epoch(EpochUnit::Milliseconds).of_number("1772705472123"),
            Some(1_772_705_472_123_000)
        );
        assert_eq!(TimestampFormat::Epoch(EpochUnit::Microseconds).of_text("-7"), Some(-7));
        for wrong in ["1.0000001", "1772705472123"] {
            assert_eq!(seconds.of_number(wrong), None, "{wrong}: finer than microseconds, or beyond the year 9999");
        }
        for wrong in ["", "1e3", "+1", " 1", "1970-01-01", "--1"] {
            assert_eq!(seconds.of_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_have_ten_characters() {
        assert_eq!(DateFormat::Iso.of_text("1970-01-02"), Some(1));
        for wrong in ["1970-1-2", "1970-02-30", "1970-01-02T00:00:00Z", "ten chars!", ""] {
            assert_eq!(DateFormat::Iso.of_text(wrong), None, "{wrong}");
        }
        assert_eq!(DateFormat::Iso.of_number("1"), None);
    }

    #[test]
    fn epoch_days_are_whole() {
        assert_eq!(DateFormat::EpochDays.of_number("20517"), Some(20_517));
        assert_eq!(DateFormat::EpochDays.of_text("-1"), Some(-1));
        assert_eq!(DateFormat::EpochDays.of_number("1.5"), None);
        assert_eq!(DateFormat::EpochDays.of_number("99999999"), None);
    }
}
