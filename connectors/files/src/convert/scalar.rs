//! Text that stands for a number, a day or an instant, read strictly.

use arrow::array::timezone::Tz;
use arrow::compute::kernels::cast_utils::{Parser, string_to_datetime};
use arrow::datatypes::Date32Type;

/// So many digits always survive a journey through 64-bit floating point.
const FLOAT_DIGITS: usize = 15;

/// What a text is, by its looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looks {
    Text,
    Boolean,
    /// A whole number that 64 bits hold.
    Int,
    /// An exact number with so many digits before and after the point.
    Decimal {
        whole: usize,
        scale: usize,
    },
    /// A number with an exponent.
    Float,
    Date,
    Timestamp,
    Instant,
}

/// Says what a text is. What is not written the way a number is printed is text: `007`, `+5`.
///
/// `-0.00` is the exact zero: programs print it for what they rounded, and its sign is no digit.
pub(crate) fn looks_of(text: &str) -> Looks {
    match text.as_bytes() {
        [b'-' | b'0'..=b'9', ..] => looks_of_number(text).or_else(|| looks_of_time(text)).unwrap_or(Looks::Text),
        [b't' | b'T' | b'f' | b'F', ..] if boolean(text).is_some() => Looks::Boolean,
        _ => Looks::Text,
    }
}

fn looks_of_number(text: &str) -> Option<Looks> {
    let number = Number::parse(text)?;
    if !number.is_canonical() {
        return None;
    }
    let digits = number.whole.len() + number.fraction.len();
    if number.exponent.is_some() {
        return survives_as_float(text).then_some(Looks::Float);
    }
    if number.fraction.is_empty() && text.parse::<i64>().is_ok() {
        return Some(Looks::Int);
    }
    (digits <= 38).then_some(Looks::Decimal { whole: number.whole.len(), scale: number.fraction.len() })
}

/// Whether a number keeps its digits as a 64-bit floating-point number: that is printed as it was written.
pub(crate) fn survives_as_float(text: &str) -> bool {
    let Some(value) = float(text).filter(|value| value.is_finite()) else { return false };
    if !text.contains(['e', 'E']) && text.bytes().filter(u8::is_ascii_digit).count() <= FLOAT_DIGITS {
        return true;
    }
    let printed = format!("{value:e}");
    match (Number::parse(text), Number::parse(&printed)) {
        (Some(written), Some(printed)) => written.digits().is_some_and(|digits| Some(digits) == printed.digits()),
        _ => false,
    }
}

fn looks_of_time(text: &str) -> Option<Looks> {
    match text.len() {
        10 => date_days(text).map(|_| Looks::Date),
        16.. => {
            timestamp_micros(text).map(|_| Looks::Timestamp).or_else(|| instant_micros(text).map(|_| Looks::Instant))
        }
        _ => None,
    }
}

/// The parts of a number as written: `-12.50e3`.
struct Number<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: Option<&'a str>,
    has_point: bool,
}

impl<'a> Number<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
            None => (text, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let power = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
        let sound = digits(whole) && digits(fraction) && power.is_none_or(|text| !text.is_empty() && digits(text));
        sound.then_some(Self { negative, whole, fraction, exponent, has_point: mantissa.contains('.') })
    }

    /// Whether it is written the one way that loses nothing when it is read as a number.
    fn is_canonical(&self) -> bool {
        let whole = self.whole == "0" || (!self.whole.is_empty() && !self.whole.starts_with('0'));
        whole && (!self.has_point || !self.fraction.is_empty())
    }

    /// The digits without zeros at either end, and the power of ten of the last of them.
    fn digits(&self) -> Option<(String, i64)> {
        let all = format!("{}{}", self.whole, self.fraction);
        let ending = all.trim_end_matches('0');
        let exponent: i64 = self.exponent.map_or(Some(0), |text| text.parse().ok())?;
        let places = i64::try_from(self.fraction.len()).ok()? - i64::try_from(all.len() - ending.len()).ok()?;
        let digits = ending.trim_start_matches('0').to_owned();
        Some(if digits.is_empty() { (digits, 0) } else { (digits, exponent.checked_sub(places)?) })
    }
}

/// A whole number: as it would be printed, or (`lenient`) with leading zeros or a `+`.
pub(crate) fn int64(text: &str, lenient: bool) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    let written = Number::parse(text);
    (lenient || written.is_some_and(|text| text.is_canonical())).then_some(number)
}

/// An exact number as an integer of `scale` digits after the point, if it has no more digits than that.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8, lenient: bool) -> Option<i128> {
    let text = if lenient { text.strip_prefix('+').unwrap_or(text) } else { text };
    let number = Number::parse(text)?;
    if number.exponent.is_some() || number.whole.len() + number.fraction.len() == 0 {
        return None;
    }
    if !lenient && !number.is_canonical() {
        return None;
    }
    let fraction = number.fraction.trim_end_matches('0');
    let missing = usize::from(u8::try_from(scale).ok()?).checked_sub(fraction.len())?;
    let whole = number.whole.trim_start_matches('0');
    if whole.len() + fraction.len() + missing > usize::from(precision) && !(whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let digits = format!("{whole}{fraction}{}", "0".repeat(missing));
    let unscaled: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    Some(if number.negative { -unscaled } else { unscaled })
}

/// A floating-point number that keeps its digits, or (`lenient`) the nearest one; never an infinity for a number that is
/// too large. `NaN`, `Infinity`, `inf` with a sign too.
pub(crate) fn float64(text: &str, lenient: bool) -> Option<f64> {
    let number = float(text)?;
    let is_word = !text.bytes().any(|byte| byte.is_ascii_digit());
    (is_word || (lenient && number.is_finite()) || survives_as_float(text)).then_some(number)
}

fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// `true` or `false`, in small letters, capitals, or with a capital.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "TRUE" | "True" => Some(true),
        "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Days since 1970-01-01 of a `YYYY-MM-DD`.
pub(crate) fn date_days(text: &str) -> Option<i32> {
    if text.len() != 10 || !is_date(text.as_bytes()) {
        return None;
    }
    Date32Type::parse(text)
}

/// Microseconds since 1970-01-01 of a `YYYY-MM-DD HH:MM[:SS[.ffffff]]`, with a blank or a `T`, without a zone.
pub(crate) fn timestamp_micros(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let sound = is_clock(whole.as_bytes()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !sound || text.ends_with('.') {
        return None;
    }
    // Arrow's parser wants the seconds.
    if whole.len() == 16 { at_utc(&format!("{whole}:00")) } else { at_utc(text) }
}

/// Microseconds since 1970-01-01T00:00:00Z of a timestamp with `Z` or an offset such as `+02:00`.
pub(crate) fn instant_micros(text: &str) -> Option<i64> {
    let zone = text.get(19..)?;
    let has_offset = zone.ends_with(['Z', 'z']) || zone.rfind(['+', '-']).is_some_and(|at| is_offset(&zone[at..]));
    let has_clock = is_clock(text.as_bytes().get(..19)?);
    (has_clock && has_offset).then(|| at_utc(text)).flatten()
}

fn at_utc(text: &str) -> Option<i64> {
    let utc: Tz = "+00:00".parse().ok()?;
    let instant = string_to_datetime(&utc, text).ok()?;
    // A 60th second is read as the 59th with more than a second of nanoseconds.
    let nanos = instant.timestamp_subsec_nanos();
    (nanos % 1_000 == 0 && nanos < 1_000_000_000).then(|| instant.timestamp_micros())
}

/// `2024-01-31`, by its shape.
fn is_date(bytes: &[u8]) -> bool {
    let shape =
        |(index, byte): (usize, &u8)| if matches!(index, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() };
    bytes.len() == 10 && bytes.iter().enumerate().all(shape)
}

/// `2024-01-31T10:00` or `2024-01-31T10:00:00`, by its shape.
fn is_clock(bytes: &[u8]) -> bool {
    let Some((date, clock)) = bytes.split_at_checked(10) else { return false };
    let shape = |(index, byte): (usize, &u8)| match index {
        0 => matches!(byte, b'T' | b' '),
        3 | 6 => *byte == b':',
        _ => byte.is_ascii_digit(),
    };
    is_date(date) && matches!(clock.len(), 6 | 9) && clock.iter().enumerate().all(shape)
}

/// `+02:00`
fn is_offset(text: &str) -> bool {
    let shape = |(index, byte): (usize, u8)| if index == 3 { byte == b':' } else { byte.is_ascii_digit() };
    text.len() == 6 && text.bytes().enumerate().skip(1).all(shape)
}

/// Bytes written as pairs of hexadecimal digits, perhaps after `\x` or `0x`.
pub(crate) fn binary(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").or_else(|| text.strip_prefix("0x")).unwrap_or(text);
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_lose_no_digit() {
        let cases = [
            ("0", Looks::Int),
            ("-12", Looks::Int),
            ("9223372036854775807", Looks::Int),
            ("9223372036854775808", Looks::Decimal { whole: 19, scale: 0 }),
            ("1.10", Looks::Decimal { whole: 1, scale: 2 }),
            ("-0.5", Looks::Decimal { whole: 1, scale: 1 }),
            ("1e3", Looks::Float),
            ("1.5E-7", Looks::Float),
            ("1e999", Looks::Text),
            ("1.23456789012345678e3", Looks::Text),
            ("1e99999999999999999999", Looks::Text),
            ("007", Looks::Text),
            ("+5", Looks::Text),
            ("-0", Looks::Int),
            ("-0.0", Looks::Decimal { whole: 1, scale: 1 }),
            ("3.0000000000000004e-1", Looks::Float),
            ("0.1000000000000000055e0", Looks::Text),
            (".5", Looks::Text),
            ("5.", Looks::Text),
            ("-", Looks::Text),
            ("1,5", Looks::Text),
            ("NaN", Looks::Text),
            ("true", Looks::Boolean),
            ("tRue", Looks::Text),
            ("t", Looks::Text),
            ("2024-02-29", Looks::Date),
            ("2023-02-29", Looks::Text),
            ("2024-02-29 10:00", Looks::Timestamp),
            ("2024-02-29T10:00:00.123456", Looks::Timestamp),
            ("2024-02-29T10:00:00.1234567", Looks::Text),
            ("2024-02-29T10:00:00Z", Looks::Instant),
            ("2024-02-29T10:00:00.5+02:00", Looks::Instant),
            ("2024-02-29T25:00:00", Looks::Text),
            ("", Looks::Text),
        ];
        for (text, looks) in cases {
            assert_eq!(looks_of(text), looks, "{text}");
        }
        assert_eq!(looks_of(&"9".repeat(38)), Looks::Decimal { whole: 38, scale: 0 });
        assert_eq!(looks_of(&"9".repeat(39)), Looks::Text);
    }

    #[test]
    fn decimals_are_exact_or_nothing() {
        assert_eq!(decimal("1.10", 18, 2, false), Some(110));
        assert_eq!(decimal("1.100", 18, 2, false), Some(110));
        assert_eq!(decimal("1.101", 18, 2, false), None);
        assert_eq!(decimal("-0.5", 18, 2, false), Some(-50));
        assert_eq!(decimal("1000", 3, 0, false), None);
        assert_eq!(decimal("0", 2, 2, false), Some(0));
        assert_eq!(decimal("007.5", 18, 1, true), Some(75));
        assert_eq!(decimal("007.5", 18, 1, false), None);
        assert_eq!(decimal("", 18, 1, true), None);
        assert_eq!(decimal("-", 18, 1, true), None);
        assert_eq!(int64("007", true), Some(7));
        assert_eq!(int64("007", false), None);
        assert_eq!(int64("-0", false), Some(0));
        assert_eq!(decimal("-0.0", 18, 1, false), Some(0));
    }

    #[test]
    fn floats_keep_their_digits_unless_declared() {
        for text in ["9007199254740993", "0.10000000000000000001"] {
            assert_eq!(float64(text, false), None, "{text}");
            assert_eq!(float64(text, true), text.parse().ok(), "{text}");
        }
        assert_eq!([float64("1e400", false), float64("-1e400", true)], [None, None]);
        assert_eq!(float64("-inf", false), Some(f64::NEG_INFINITY));
        assert_eq!(float64("1.7976931348623157e308", false), Some(f64::MAX));
    }

    #[test]
    fn instants_are_read_with_their_offset() {
        assert_eq!(instant_micros("1970-01-01T02:00:00.5+02:00"), Some(500_000));
        assert_eq!(timestamp_micros("1970-01-01 00:01"), Some(60_000_000));
        assert_eq!(timestamp_micros("1970-01-01T00:00:60"), None);
        assert_eq!(binary("\\x00ff"), Some(vec![0, 255]));
        assert_eq!(binary("0"), None);
    }
}
