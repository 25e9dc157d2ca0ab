//! `numeric(p,s)`.
//!
//! Binary format (`numeric_send` in `numeric.c`): four 16-bit numbers – how many digits follow, weight of the first,
//! sign, display scale – then the digits in base 10,000. The value is `Σ digitᵢ · 10000^(weight-i)`.

use super::{Column, Misfit};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Decimal128Type};
use headwater_sql::Primitives;

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;

pub(super) fn column(precision: u8, scale: i8) -> Box<dyn Column> {
    Box::new(Decimals { values: Primitives::new(DataType::Decimal128(precision, scale)), scale })
}

struct Decimals {
    values: Primitives<Decimal128Type>,
    scale: i8,
}

impl Column for Decimals {
    #[inline]
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit> {
        match value {
            Some(bytes) => self.values.push(unscaled(bytes, self.scale)?),
            None => self.values.push_null(),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.values.finish())
    }
}

/// So many digits in base 10,000 are one 64-bit integer.
const SHORT: u16 = 4;
/// The powers of ten that are.
const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = 10 * powers[at - 1];
        at += 1;
    }
    powers
};

/// The value times `10^scale`, exactly.
#[inline]
fn unscaled(bytes: &[u8], scale: i8) -> Result<i128, Misfit> {
    let Some((header, digits)) = bytes.split_first_chunk::<8>() else {
        return Err(Misfit::corrupt("a numeric without a header"));
    };
    let [count, weight, sign, _] = words(u64::from_be_bytes(*header));
    if sign != 0 && sign != NEGATIVE {
        return Err(not_finite(sign));
    }
    if digits.len() != 2 * usize::from(count) {
        return Err(Misfit::corrupt("a numeric whose length is not that of its digits"));
    }
    let digits = digits.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    // What one of the first digit is worth.
    let first = 4 * i32::from(weight.cast_signed()) + i32::from(scale);
    let magnitude = match count {
        0..=SHORT => short(digits.clone(), first - 4 * (i32::from(count) - 1)).map(i128::from),
        _ => None,
    };
    let magnitude = magnitude.or_else(|| long(digits, first)).ok_or_else(too_wide)?;
    Ok(if sign == NEGATIVE { -magnitude } else { magnitude })
}

#[inline]
fn words(header: u64) -> [u16; 4] {
    [48, 32, 16, 0].map(|shift| (header >> shift & 0xffff) as u16)
}

/// Nearly all numbers of practice: one 64-bit integer times `10^exponent`. `None` if it takes more, or is none.
#[inline]
fn short(digits: impl Iterator<Item = u16>, exponent: i32) -> Option<i64> {
    let whole = digits.fold(0i64, |whole, digit| whole * 10_000 + i64::from(digit));
    if exponent >= 0 {
        let power = *POWERS.get(usize::try_from(exponent).ok()?)?;
        return whole.checked_mul(power);
    }
    // A division by a constant is a multiplication.
    match exponent {
        -1 => divided::<10>(whole),
        -2 => divided::<100>(whole),
        -3 => divided::<1_000>(whole),
        // The last digit would be zero, which the server leaves out.
        _ => None,
    }
}

#[inline]
fn divided<const BY: i64>(whole: i64) -> Option<i64> {
    (whole % BY == 0).then_some(whole / BY)
}

/// Any number, digit by digit: together they may be wider than their type before the zeros at the end are gone.
fn long(digits: impl Iterator<Item = u16>, first: i32) -> Option<i128> {
    let exponents = (0..).map(|index| first - 4 * index);
    digits
        .zip(exponents)
        .try_fold(0i128, |sum, (digit, exponent)| sum.checked_add(scaled(i128::from(digit), exponent)?))
}

/// `digit · 10^exponent`, or `None` if that is no whole number or too large.
fn scaled(digit: i128, exponent: i32) -> Option<i128> {
    if digit == 0 {
        return Some(0);
    }
    let power = 10i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        return digit.checked_mul(power);
    }
    (digit % power == 0).then(|| digit / power)
}

#[cold]
fn too_wide() -> Misfit {
    Misfit::corrupt("a numeric with more digits than its type declares")
}

#[cold]
fn not_finite(sign: u16) -> Misfit {
    if sign != NOT_A_NUMBER {
        return Misfit::corrupt("a numeric that is no finite number");
    }
    Misfit::new(
        "NaN, which has no place in a decimal",
        "have the column read as text, by the catalog's option read_as_text, or replace the NaN at the source",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap();
        let header = [count, weight.cast_unsigned(), sign, 0];
        header.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn digits_in_base_ten_thousand_become_one_integer() {
        assert_eq!(unscaled(&numeric(0, 0, &[12, 3400]), 2).unwrap(), 1234);
        assert_eq!(unscaled(&numeric(-1, NEGATIVE, &[50]), 3).unwrap(), -5);
        assert_eq!(unscaled(&numeric(1, 0, &[1]), 0).unwrap(), 10_000);
        assert_eq!(unscaled(&numeric(0, 0, &[]), 2).unwrap(), 0);
    }

    #[test]
    fn numbers_of_many_digits_are_exact_too() {
        let nines = [9_999u16; 9];
        let whole = 10i128.pow(36) - 1;
        assert_eq!(unscaled(&numeric(8, 0, &nines), 0).unwrap(), whole);
        assert_eq!(unscaled(&numeric(8, NEGATIVE, &nines), 2).unwrap(), -whole * 100);
        assert_eq!(unscaled(&numeric(-5, 0, &[1]), 20).unwrap(), 1);
        assert_eq!(unscaled(&numeric(7, 0, &[1]), 9).unwrap(), 10i128.pow(37));
        assert_eq!(unscaled(&numeric(3, 0, &[1, 0, 0, 1]), 18).unwrap(), (10i128.pow(12) + 1) * 10i128.pow(18));
        let widest = [99, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_900];
        assert_eq!(unscaled(&numeric(8, 0, &widest), 2).unwrap(), 10i128.pow(36) - 1);
        assert!(unscaled(&numeric(4, 0, &[1, 0, 0, 0, 5]), -4).is_err());
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_is_never_rounded() {
        assert!(unscaled(&numeric(-1, 0, &[55]), 3).is_err());
        assert!(unscaled(&numeric(0, NOT_A_NUMBER, &[]), 3).is_err());
        assert!(unscaled(&numeric(10, 0, &[1]), 0).is_err());
        assert!(unscaled(&[0, 1], 0).is_err());
    }
}
