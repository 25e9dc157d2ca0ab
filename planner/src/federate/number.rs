//! Exact numbers: which arithmetic of the engine has one right answer.
//!
//! The engine computes integers in 64 bits, where they wrap, and decimals in 38 digits, where they may round. An
//! expression is handed to a source only if no values of its columns' types can come near either, so that computing
//! without rounding is computing as the engine does.

use crate::translate::{Reason, literal};
use crate::widening::widens;
use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr as EngineExpr, ExprSchemable, Operator};
use headwater_core::{ArithmeticOp, Expr, Value};

/// The digits of the engine's decimals.
const DIGITS: u32 = 38;

/// An expression of exact numbers.
#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) expr: Expr,
    /// No value has more digits before the point.
    digits: u32,
    /// The engine's value has so many digits after the point; the source's is equal to it.
    pub(crate) scale: i8,
}

/// The expression as exact numbers, or why it is none.
pub(crate) fn exact_number(expr: &EngineExpr, schema: &DFSchema) -> Result<Number, Reason> {
    let data_type = expr.get_type(schema).map_err(|error| error.strip_backtrace())?;
    let (capacity, scale) =
        shape(&data_type).ok_or_else(|| format!("{} is not an exact number", crate::kept::sql_text(expr)))?;
    let number = match expr {
        EngineExpr::Column(column) => Number { expr: Expr::column(&column.name), digits: capacity, scale },
        EngineExpr::Literal(scalar, _) => constant(literal(scalar)?, scale)?,
        EngineExpr::Alias(alias) => exact_number(&alias.expr, schema)?,
        EngineExpr::Cast(cast) => {
            let from = cast.expr.get_type(schema).map_err(|error| error.strip_backtrace())?;
            let loses_sign = from.is_signed_integer() && data_type.is_unsigned_integer();
            if !widens(&from, &data_type) || loses_sign {
                return Err(format!("CAST to {data_type} may round"));
            }
            Number { scale, ..exact_number(&cast.expr, schema)? }
        }
        EngineExpr::BinaryExpr(binary) => {
            let op = arithmetic_op(binary.op)?;
            let number =
                combined(op, exact_number(&binary.left, schema)?, exact_number(&binary.right, schema)?, scale)?;
            // The highest digit of an integer type is not free: 64 bits do not hold every number of 19 digits.
            if data_type.is_integer() && number.digits >= capacity || data_type.is_unsigned_integer() {
                return Err(format!("{} may exceed {data_type}", crate::kept::sql_text(expr)));
            }
            number
        }
        other => return Err(format!("{} is computed here", crate::kept::sql_text(other))),
    };
    if number.digits > capacity {
        return Err(format!("{} may have more digits than {data_type} holds", crate::kept::sql_text(expr)));
    }
    Ok(number)
}

/// The digits before the point that every value of the type may have, and those after it.
fn shape(data_type: &DataType) -> Option<(u32, i8)> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            (u32::from(*precision).checked_sub(u32::from(scale.unsigned_abs()))?, *scale)
        }
        _ => return None,
    })
}

fn arithmetic_op(op: Operator) -> Result<ArithmeticOp, Reason> {
    match op {
        Operator::Plus => Ok(ArithmeticOp::Add),
        Operator::Minus => Ok(ArithmeticOp::Subtract),
        Operator::Multiply => Ok(ArithmeticOp::Multiply),
        other => Err(format!("operator {other} is computed here")),
    }
}

fn constant(value: Value, scale: i8) -> Result<Number, Reason> {
    let (unscaled, places) = value.as_decimal().ok_or("the constant is not an exact number")?;
    let written = unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    let digits = written.saturating_sub(u32::from(places.unsigned_abs())).max(1);
    Ok(Number { expr: Expr::Literal(value), digits, scale })
}

fn combined(op: ArithmeticOp, left: Number, right: Number, scale: i8) -> Result<Number, Reason> {
    let (digits, places) = match op {
        ArithmeticOp::Multiply => (left.digits + right.digits, left.scale.saturating_add(right.scale)),
        ArithmeticOp::Add | ArithmeticOp::Subtract => (left.digits.max(right.digits) + 1, left.scale.max(right.scale)),
    };
    if scale < places {
        return Err("the product has more digits after the point than the engine keeps".to_owned());
    }
    if digits + u32::from(scale.unsigned_abs()) > DIGITS {
        return Err("the result may have more than 38 digits".to_owned());
    }
    let expr = Expr::Arithmetic { op, left: Box::new(left.expr), right: Box::new(right.expr) };
    Ok(Number { expr, digits, scale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Field, Schema};
    use datafusion::prelude::{cast, col, lit};
    use datafusion::scalar::ScalarValue;

    fn said(expr: EngineExpr) -> String {
        let fields = vec![
            Field::new("price", DataType::Decimal128(15, 2), true),
            Field::new("discount", DataType::Decimal128(15, 2), true),
            Field::new("wide", DataType::Decimal128(38, 10), true),
            Field::new("i", DataType::Int32, true),
            Field::new("l", DataType::Int64, true),
            Field::new("f", DataType::Float64, true),
        ];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        exact_number(&expr, &schema)
            .map_or_else(|reason| format!("stays: {reason}"), |number| format!("{} .{}", number.expr, number.scale))
    }

    fn decimal(unscaled: i128, precision: u8, scale: i8) -> EngineExpr {
        lit(ScalarValue::Decimal128(Some(unscaled), precision, scale))
    }

    #[test]
    fn what_cannot_round_or_wrap_is_said() {
        let net = col("price") * (decimal(1, 20, 0) - col("discount"));
        assert_eq!(said(net), "(price * (1 - discount)) .4");
        assert_eq!(said(cast(col("i"), DataType::Int64) * lit(1_000i64)), "(i * 1000) .0");
        assert_eq!(said(cast(col("i"), DataType::Int64)), "i .0");
    }

    #[test]
    fn what_could_stays() {
        for wraps in [col("i") * col("i"), col("l") + lit(1i64), col("l") * col("l")] {
            assert!(said(wraps.clone()).starts_with("stays: "), "{wraps}");
        }
        assert!(said(col("wide") * col("wide")).starts_with("stays: "));
        assert!(said(col("f")).starts_with("stays: "));
        assert!(said(col("price") / decimal(3, 1, 0)).starts_with("stays: operator /"));
    }
}
