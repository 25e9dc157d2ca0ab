//! `decimal(p,s)`, which arrives as its digits: `-12.50`.

use super::{Column, Misfit, another_kind};
use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveBuilder};
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, i256};
use mysql_async::Value;
use std::borrow::Cow;
use std::sync::Arc;

pub(super) fn column(precision: u8, scale: i8) -> Box<dyn Column> {
    if precision <= 38 {
        return decimals::<Decimal128Type>(DataType::Decimal128(precision, scale), scale, |digits| digits.parse().ok());
    }
    decimals::<Decimal256Type>(DataType::Decimal256(precision, scale), scale, i256::from_string)
}

struct Decimals<T: ArrowPrimitiveType> {
    builder: PrimitiveBuilder<T>,
    scale: i8,
    parse: fn(&str) -> Option<T::Native>,
}

fn decimals<T: ArrowPrimitiveType>(of: DataType, scale: i8, parse: fn(&str) -> Option<T::Native>) -> Box<dyn Column> {
    Box::new(Decimals::<T> { builder: PrimitiveBuilder::new().with_data_type(of), scale, parse })
}

impl<T: ArrowPrimitiveType> Column for Decimals<T> {
    fn append(&mut self, value: Value) -> Result<usize, Misfit> {
        match value {
            Value::NULL => self.builder.append_null(),
            Value::Bytes(bytes) => {
                let text = std::str::from_utf8(&bytes).map_err(|_| Misfit::corrupt("a decimal that is no number"))?;
                let digits = unscaled(text, self.scale)?;
                let number = (self.parse)(&digits).ok_or_else(|| Misfit::corrupt("a decimal that is no number"))?;
                self.builder.append_value(number);
            }
            other => return Err(another_kind(&other)),
        }
        Ok(size_of::<T::Native>())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// The digits of the value times `10^scale`.
fn unscaled(text: &str, scale: i8) -> Result<Cow<'_, str>, Misfit> {
    let scale = usize::try_from(scale).unwrap_or_default();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match scale.checked_sub(fraction.len()) {
        Some(0) if scale == 0 => Ok(Cow::Borrowed(whole)),
        Some(missing) => Ok(Cow::Owned(format!("{whole}{fraction}{}", "0".repeat(missing)))),
        None => Err(Misfit::corrupt("a decimal with more digits than its type declares")),
    }
}

#[cfg(test)]
mod tests {
    use super::unscaled;

    #[test]
    fn digits_are_kept_and_filled_up_to_the_scale() {
        assert_eq!(unscaled("-12.50", 2).unwrap(), "-1250");
        assert_eq!(unscaled("-0.5", 3).unwrap(), "-0500");
        assert_eq!(unscaled("7", 0).unwrap(), "7");
        assert_eq!(unscaled("7", 2).unwrap(), "700");
        assert!(unscaled("0.123", 2).is_err());
    }
}
