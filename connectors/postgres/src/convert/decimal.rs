//! `numeric(p,s)`.
//!
//! Binary format (`numeric_send` in `numeric.c`): four 16-bit numbers – how many digits follow, weight of the first,
//! sign, display scale – then the digits in base 10,000. The value is `Σ digitᵢ · 10000^(weight-i)`.

use super::{Column, Misfit};
use arrow::array::{ArrayRef, Decimal128Array, Decimal128Builder};
use arrow::datatypes::DataType;
use std::sync::Arc;

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xC000;

pub(super) fn column(precision: u8, scale: i8) -> Box<dyn Column> {
    let builder = Decimal128Builder::new().with_data_type(DataType::Decimal128(precision, scale));
    Box::new(Decimals { builder, scale })
}

struct Decimals {
    builder: Decimal128Builder,
    scale: i8,
}

impl Column for Decimals {
    fn append(&mut self, value: Option<&[u8]>) -> Result<usize, Misfit> {
        match value {
            Some(bytes) => self.builder.append_value(unscaled(bytes, self.scale)?),
            None => self.builder.append_null(),
        }
        Ok(size_of::<i128>())
    }

    fn finish(&mut self) -> ArrayRef {
        let array: Decimal128Array = self.builder.finish();
        Arc::new(array)
    }
}

/// The value times `10^scale`, exactly.
fn unscaled(bytes: &[u8], scale: i8) -> Result<i128, Misfit> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut header = || words.next().ok_or_else(|| Misfit::corrupt("a numeric without a header"));
    let (count, weight, sign, _display_scale) = (header()?, header()?.cast_signed(), header()?, header()?);
    match sign {
        0 | NEGATIVE => {}
        NOT_A_NUMBER => return Err(not_a_number()),
        _ => return Err(Misfit::corrupt("a numeric that is no finite number")),
    }
    if bytes.len() != 8 + 2 * usize::from(count) {
        return Err(Misfit::corrupt("a numeric whose length is not that of its digits"));
    }
    let mut magnitude = 0i128;
    for (index, digit) in (0..i32::from(count)).zip(words.by_ref()) {
        let exponent = 4 * (i32::from(weight) - index) + i32::from(scale);
        let part = scaled(i128::from(digit), exponent).ok_or_else(too_wide)?;
        magnitude = magnitude.checked_add(part).ok_or_else(too_wide)?;
    }
    Ok(if sign == NEGATIVE { -magnitude } else { magnitude })
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

fn too_wide() -> Misfit {
    Misfit::corrupt("a numeric with more digits than its type declares")
}

fn not_a_number() -> Misfit {
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
    fn what_does_not_fit_is_an_error_and_is_never_rounded() {
        assert!(unscaled(&numeric(-1, 0, &[55]), 3).is_err());
        assert!(unscaled(&numeric(0, NOT_A_NUMBER, &[]), 3).is_err());
        assert!(unscaled(&numeric(10, 0, &[1]), 0).is_err());
        assert!(unscaled(&[0, 1], 0).is_err());
    }
}
