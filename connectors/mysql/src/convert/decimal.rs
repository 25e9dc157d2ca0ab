//! `decimal(p,s)`, which arrives as its digits: `-12.50`.

use super::{Column, Misfit, value_bytes};
use crate::protocol::Rows;
use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, i256};
use headwater_core::ErrorKind;
use headwater_sql::Primitives;

pub(super) fn column(precision: u8, scale: i8) -> Box<dyn Column> {
    if precision <= 38 {
        let of = DataType::Decimal128(precision, scale);
        return decimals::<Decimal128Type, _>(of, move |text| small(text, precision, scale));
    }
    decimals::<Decimal256Type, _>(DataType::Decimal256(precision, scale), move |text| large(text, precision, scale))
}

const TOO_LARGE: &str = "CAST what is summed to DECIMAL(38, 0)";

/// Integers that arrive as the digits of a decimal, as sums do.
pub(super) fn integers<T: ArrowPrimitiveType>() -> Box<dyn Column>
where
    T::Native: TryFrom<i128>,
{
    decimals::<T, _>(T::DATA_TYPE, |text| {
        T::Native::try_from(small(text, 38, 0)?).map_err(|_| {
            Misfit::new(format!("{}, which its type cannot hold", String::from_utf8_lossy(text)), TOO_LARGE)
        })
    })
}

struct Decimals<T: ArrowPrimitiveType, D> {
    values: Primitives<T>,
    decode: D,
}

fn decimals<T, D>(of: DataType, decode: D) -> Box<dyn Column>
where
    T: ArrowPrimitiveType,
    D: Fn(&[u8]) -> Result<T::Native, Misfit> + Send + 'static,
{
    Box::new(Decimals::<T, D> { values: Primitives::new(of), decode })
}

impl<T, D> Column for Decimals<T, D>
where
    T: ArrowPrimitiveType,
    D: Fn(&[u8]) -> Result<T::Native, Misfit> + Send,
{
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        rows.each(index, |rest| {
            let Some((text, used)) = rest.map(value_bytes).transpose()? else {
                self.values.push_null();
                return Ok(0);
            };
            self.values.push((self.decode)(text)?);
            Ok(used)
        })?;
        Ok(Primitives::<T>::bytes_of(rows.len()))
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.values.finish())
    }
}

/// The value times `10^scale`.
fn small(text: &[u8], precision: u8, scale: i8) -> Result<i128, Misfit> {
    let (negative, digits) = split_sign(text);
    // 18 digits and a point.
    let number = if digits.len() <= 19 {
        let (number, fraction) = accumulated(digits, 0u64, |number, digit| number * 10 + u64::from(digit))?;
        scaled(number.into(), fraction, scale)?
    } else if digits.len() <= 39 {
        let (number, fraction) = accumulated(digits, 0u128, |number, digit| number * 10 + u128::from(digit))?;
        scaled(number, fraction, scale)?
    } else {
        return Err(too_long());
    };
    if number >= 10u128.pow(precision.into()) {
        return Err(too_long());
    }
    let number = i128::try_from(number).map_err(|_| too_long())?;
    Ok(if negative { -number } else { number })
}

/// The value times `10^scale`, of up to 76 digits.
fn large(text: &[u8], precision: u8, scale: i8) -> Result<i256, Misfit> {
    let (negative, digits) = split_sign(text);
    if digits.len() > 77 {
        return Err(too_long());
    }
    let ten = i256::from_i128(10);
    let push = |number: i256, digit| number.wrapping_mul(ten).wrapping_add(i256::from_i128(i128::from(digit)));
    let (number, fraction) = accumulated(digits, i256::ZERO, push)?;
    let significant = digits.iter().filter(|byte| byte.is_ascii_digit()).skip_while(|digit| **digit == b'0').count();
    let missing = missing(fraction, scale)?;
    if significant + missing > usize::from(precision) {
        return Err(too_long());
    }
    let number = (0..missing).fold(number, |number, _| number.wrapping_mul(ten));
    Ok(if negative { number.wrapping_neg() } else { number })
}

#[inline]
fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    }
}

/// All digits as one number, and how many of them stand behind the point.
#[inline]
fn accumulated<N: Copy>(digits: &[u8], zero: N, push: impl Fn(N, u8) -> N) -> Result<(N, usize), Misfit> {
    let (mut number, mut point) = (zero, None);
    for (index, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => number = push(number, byte - b'0'),
            b'.' if point.is_none() => point = Some(index),
            _ => return Err(no_number()),
        }
    }
    let fraction = point.map_or(0, |point| digits.len() - point - 1);
    if digits.len() <= usize::from(point.is_some()) {
        return Err(no_number());
    }
    Ok((number, fraction))
}

fn scaled(number: u128, fraction: usize, scale: i8) -> Result<u128, Misfit> {
    match missing(fraction, scale)? {
        0 => Ok(number),
        missing => {
            let factor = u32::try_from(missing).ok().and_then(|missing| 10u128.checked_pow(missing));
            factor.and_then(|factor| number.checked_mul(factor)).ok_or_else(too_long)
        }
    }
}

/// How many zeros are to be added behind the point.
#[inline]
fn missing(fraction: usize, scale: i8) -> Result<usize, Misfit> {
    usize::try_from(scale).unwrap_or_default().checked_sub(fraction).ok_or_else(too_long)
}

fn no_number() -> Misfit {
    Misfit::corrupt("a decimal that is no number")
}

fn too_long() -> Misfit {
    const HINT: &str = "where it is a sum, CAST what is summed to a wider DECIMAL; where it is a column, the table may \
        have been altered since it was planned";
    Misfit::of(ErrorKind::Corrupt, "a decimal with more digits than its type has", HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_and_filled_up_to_the_scale() {
        assert_eq!(small(b"-12.50", 9, 2).unwrap(), -1250);
        assert_eq!(small(b"-0.5", 9, 3).unwrap(), -500);
        assert_eq!(small(b"7", 9, 0).unwrap(), 7);
        assert_eq!(small(b"7", 9, 2).unwrap(), 700);
        assert_eq!(small(b".5", 9, 1).unwrap(), 5);
        let most = [b'9'; 38];
        assert_eq!(small(&most, 38, 0).unwrap(), 10i128.pow(38) - 1);
        assert_eq!(large(b"-12.50", 40, 3).unwrap(), i256::from_i128(-12_500));
        let most = "9".repeat(65);
        assert_eq!(large(most.as_bytes(), 65, 0).unwrap().to_string(), most);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for text in ["0.123", "12345678.9", "", "-", ".", "1.2.3", "1e5", "٣", &"1".repeat(40)] {
            assert!(small(text.as_bytes(), 9, 2).is_err(), "{text}");
        }
        for text in ["0.123", "", &"1".repeat(60), &"1".repeat(80)] {
            assert!(large(text.as_bytes(), 59, 2).is_err(), "{text}");
        }
    }
}
