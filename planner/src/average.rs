//! The average of a sum and a count, as the engine's own `avg` ends.

use crate::function;
use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, Int64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use std::sync::Arc;

/// `sum` (a decimal) divided by `count` (64-bit), as `result`: decimals cut as the engine cuts them, floating-point
/// numbers rounded once. NULL where the count is 0.
pub(crate) fn average_of(result: DataType, sum: Expr, count: Expr) -> Expr {
    function::call("average_of", averages, result, vec![sum, count])
}

fn averages(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let [sums, counts] = arrays else { return exec_err!("average_of takes a sum and a count") };
    let DataType::Decimal128(_, sum_scale) = sums.data_type() else {
        return exec_err!("average_of takes a decimal sum");
    };
    let pairs = sums.as_primitive::<Decimal128Type>().iter().zip(counts.as_primitive::<Int64Type>());
    let pairs = pairs.map(|(sum, count)| sum.zip(count.filter(|count| *count != 0)));
    Ok(match result {
        DataType::Decimal128(precision, scale) => {
            let places = u32::from(scale.saturating_sub(*sum_scale).unsigned_abs());
            let quotient = |(sum, count)| cut_quotient(sum, count, places, *precision, *scale);
            let values = pairs.map(|pair| pair.map(quotient).transpose()).collect::<Result<Vec<_>>>()?;
            Arc::new(Decimal128Array::from(values).with_precision_and_scale(*precision, *scale)?)
        }
        _ => {
            // Both are exact up to 2^53, and rounded once beyond.
            #[expect(clippy::cast_precision_loss, reason = "the engine averages integers as floats")]
            let quotient = |(sum, count): (i128, i64)| sum as f64 / count as f64;
            Arc::new(Float64Array::from_iter(pairs.map(|pair| pair.map(quotient))))
        }
    })
}

/// As the engine's decimal average: more digits after the point, the rest cut off.
fn cut_quotient(sum: i128, count: i64, places: u32, precision: u8, scale: i8) -> Result<i128> {
    let average = 10i128.checked_pow(places).and_then(|unit| sum.checked_mul(unit)).map(|sum| sum / i128::from(count));
    match average {
        Some(average) if Decimal128Type::is_valid_decimal_precision(average, precision) => Ok(average),
        _ => exec_err!("an average does not fit Decimal128({precision}, {scale})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_cut_not_rounded() {
        assert_eq!(cut_quotient(200, 3, 4, 16, 6).ok(), Some(666_666));
        assert_eq!(cut_quotient(-200, 3, 4, 16, 6).ok(), Some(-666_666));
        assert!(cut_quotient(i128::MAX, 3, 4, 38, 6).is_err());
    }
}
