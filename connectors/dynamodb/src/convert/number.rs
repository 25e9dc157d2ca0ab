//! DynamoDB's numbers: decimal, up to 38 digits, magnitude 1E-130 to 9.99…E+125.

use headwater_core::{Value, decimal_text};
use std::cmp::Ordering;
use std::fmt;

/// Most digits DynamoDB stores; also what fits `i128` and `Decimal128`.
const MAX_DIGITS: usize = 38;
/// Where the first digit of a number may stand: 1E-130 … 9.99E+125.
const MAGNITUDES: std::ops::RangeInclusive<i64> = -130..=125;
/// Beyond this many characters plain notation hides more than an exponent does.
const PLAIN_DIGITS: i64 = 60;

/// The powers of ten up to 10^38, the greatest that fits.
const POWERS: [i128; MAX_DIGITS + 1] = {
    let mut powers = [1; MAX_DIGITS + 1];
    let mut exponent = 1;
    while exponent <= MAX_DIGITS {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// `unscaled × 10^-scale` without zeros at the end, so that equal numbers are equal values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    unscaled: i128,
    scale: i32,
}

impl Number {
    /// Reads DynamoDB's text; `None` if it is no number or has more than 38 digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.bytes().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] => (false, digits),
            digits => (false, digits),
        };
        let (magnitude, scale) = Self::scan(digits)?;
        let scale = scale.checked_sub(exponent)?;
        let unscaled = if negative { -magnitude } else { magnitude };
        Some(Self { unscaled, scale: if unscaled == 0 { 0 } else { scale } })
    }

    /// Digits with perhaps a point among them, as an integer that does not end in zero, and its scale.
    fn scan(text: &[u8]) -> Option<(i128, i32)> {
        let (mut magnitude, mut digits, mut fraction, mut zeros) = (0i128, 0usize, 0i32, 0usize);
        let (mut in_fraction, mut any) = (false, false);
        for byte in text {
            if *byte == b'.' && !in_fraction {
                in_fraction = true;
                continue;
            }
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            (any, fraction) = (true, fraction + i32::from(in_fraction));
            if digit == 0 {
                // Zeros count once another digit follows them, and not at all before the first one.
                zeros += usize::from(digits > 0);
                continue;
            }
            digits += zeros + 1;
            if digits > MAX_DIGITS {
                return None;
            }
            magnitude = magnitude * POWERS.get(zeros + 1)? + i128::from(digit);
            zeros = 0;
        }
        any.then_some((magnitude, fraction - i32::try_from(zeros).ok()?))
    }

    /// The number of a literal or a join key, if it is an exact one that DynamoDB can store.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let (unscaled, scale) = value.as_decimal()?;
        Some(Self::new(unscaled, i32::from(scale))).filter(Self::is_storable)
    }

    fn new(mut unscaled: i128, mut scale: i32) -> Self {
        if unscaled == 0 {
            return Self { unscaled, scale: 0 };
        }
        while unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        Self { unscaled, scale }
    }

    /// Whether DynamoDB has a place for it.
    fn is_storable(&self) -> bool {
        self.unscaled == 0 || (self.digits() as usize <= MAX_DIGITS && MAGNITUDES.contains(&self.magnitude()))
    }

    /// How many digits the unscaled number has.
    fn digits(&self) -> u32 {
        self.unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)
    }

    /// The power of ten of the first digit.
    fn magnitude(&self) -> i64 {
        i64::from(self.digits()) - 1 - i64::from(self.scale)
    }

    /// Digits after the point.
    pub(crate) fn fraction_digits(&self) -> u32 {
        u32::try_from(self.scale).unwrap_or(0)
    }

    /// Digits before the point.
    pub(crate) fn integer_digits(&self) -> u32 {
        u32::try_from(self.magnitude() + 1).unwrap_or(0)
    }

    /// The number as an integer, if it is one and fits.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        self.rescaled(0).and_then(|unscaled| i64::try_from(unscaled).ok())
    }

    /// The unscaled integer of `Decimal128(precision, scale)`, if nothing is lost.
    pub(crate) fn as_decimal(&self, precision: u8, scale: i8) -> Option<i128> {
        let unscaled = self.rescaled(i32::from(scale))?;
        (unscaled.abs() < *POWERS.get(usize::from(precision))?).then_some(unscaled)
    }

    fn rescaled(&self, scale: i32) -> Option<i128> {
        if self.unscaled == 0 {
            return Some(0);
        }
        let places = usize::try_from(scale.checked_sub(self.scale)?).ok()?;
        if places == 0 {
            return Some(self.unscaled);
        }
        self.unscaled.checked_mul(*POWERS.get(places)?)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.unscaled.signum().cmp(&other.unscaled.signum());
        if signs != Ordering::Equal || self.unscaled == 0 {
            return signs;
        }
        let magnitudes = match self.magnitude().cmp(&other.magnitude()) {
            Ordering::Equal => return self.aligned(other).cmp(&other.aligned(self)),
            unequal => unequal,
        };
        if self.unscaled < 0 { magnitudes.reverse() } else { magnitudes }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Number {
    /// The digits, with zeros added until there are as many as `other` has; 38 at most, which `i128` holds.
    fn aligned(&self, other: &Self) -> i128 {
        let missing = other.digits().saturating_sub(self.digits());
        10i128.checked_pow(missing).and_then(|factor| self.unscaled.checked_mul(factor)).unwrap_or(self.unscaled)
    }
}

/// The canonical text, which is also a JSON number.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.magnitude().max(0) + i64::from(self.scale.max(0)) < PLAIN_DIGITS;
        match i8::try_from(self.scale) {
            Ok(scale) if plain => f.write_str(&decimal_text(self.unscaled, scale)),
            _ => write!(f, "{}E{}", self.unscaled, -i64::from(self.scale)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_canonical() {
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("0.000", "0"),
            ("1500", "1500"),
            ("1.500", "1.5"),
            ("-0.25", "-0.25"),
            ("+7", "7"),
            ("1E3", "1000"),
            ("1e-3", "0.001"),
            ("1E-130", "1E-130"),
            ("9.99E+125", "999E123"),
            ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
            ("0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"),
            ("00120.0340", "120.034"),
            (".5", "0.5"),
            ("5.", "5"),
            ("100000000000000000000000000000000000000000", "100000000000000000000000000000000000000000"),
        ];
        for (text, canonical) in cases {
            assert_eq!(number(text).to_string(), canonical, "{text}");
            assert_eq!(number(canonical), number(text), "{text}");
        }
        for wrong in ["", "-", ".", "1x", "1E", "NaN", "1.2.3", "--1", "１", "999999999999999999999999999999999999991"]
        {
            assert_eq!(Number::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let ordered = ["-9.99E125", "-10", "-9.5", "-1E-130", "0", "1E-130", "0.5", "9", "9.5", "10", "1E125"];
        for pair in ordered.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn conversion_never_loses_a_digit() {
        assert_eq!(number("9223372036854775807").as_i64(), Some(i64::MAX));
        assert_eq!(number("9223372036854775808").as_i64(), None);
        assert_eq!(number("1.5").as_i64(), None);
        assert_eq!(number("1E125").as_i64(), None);
        assert_eq!(number("1.25").as_decimal(38, 3), Some(1250));
        assert_eq!(number("1.25").as_decimal(38, 1), None);
        assert_eq!(number("1000").as_decimal(3, 0), None);
    }

    #[test]
    fn only_storable_literals_become_numbers() {
        assert!(Number::from_value(&Value::Decimal { unscaled: 1, scale: 127 }).is_some());
        assert!(Number::from_value(&Value::Decimal { unscaled: i128::MAX, scale: 0 }).is_none());
        assert!(Number::from_value(&Value::Float64(1.0)).is_none());
    }
}
