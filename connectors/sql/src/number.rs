//! Sums of exact numbers, computed without overflow and without rounding.

use crate::block::Columns;
use crate::{Comparison, Dialect, Server, SqlText, Unsayable, Wrapping};
use arrow_schema::DataType;
use headwater_core::{ArithmeticOp, Expr, Value};

/// How a product computes with exact numbers.
#[derive(Debug, Clone, Copy)]
pub struct Arithmetic {
    /// Makes an integer a decimal of `INTEGER_DIGITS`, with which nothing overflows.
    pub integer: Wrapping,
    /// How many digits a sum's type has more than its operand's.
    pub sum_digits: usize,
    /// What a sum comes back as.
    pub totals: Totals,
}

/// What a sum comes back as.
#[derive(Debug, Clone, Copy)]
pub enum Totals {
    /// As the type that is wanted, by a cast that fails where it does not fit.
    Cast,
    /// As a decimal with all its digits, whatever is wanted: a cast would be cut without an error. The reader checks.
    Decimal,
}

/// The digits of the largest integers.
const INTEGER_DIGITS: usize = 20;

/// An expression, and how many digits its values can have before and after the point.
struct Number {
    sql: SqlText,
    whole: usize,
    fraction: usize,
}

/// The expression for a count of values that are not NULL.
pub(crate) fn computed<S: Server>(server: S, columns: &Columns<S::Law>, expr: &Expr) -> Result<SqlText, Unsayable> {
    number(server, columns, expr, false).map(|number| number.sql)
}

/// `sum(expr)`, to be read as `data_type` by the law of a total.
pub(crate) fn sum<S: Server>(
    server: S,
    columns: &Columns<S::Law>,
    expr: &Expr,
    data_type: &DataType,
) -> Result<SqlText, Unsayable> {
    let dialect = server.dialect();
    let Number { sql, whole, fraction } = number(server, columns, expr, false)?;
    check_digits(dialect, whole + dialect.arithmetic.sum_digits, fraction)?;
    let scale = match data_type {
        DataType::Int64 | DataType::UInt64 => Some(0),
        DataType::Decimal128(_, scale) => usize::try_from(*scale).ok(),
        _ => None,
    };
    let scale = scale.filter(|scale| *scale >= fraction);
    let scale = scale.ok_or_else(|| Unsayable::new(format!("a sum as {data_type} might be rounded")))?;
    let sum = SqlText::from_static("sum").parenthesized(&sql);
    match dialect.arithmetic.totals {
        Totals::Cast => match data_type {
            DataType::Int64 => Ok(sum.then("::bigint")),
            DataType::Decimal128(precision, _) => {
                let digits = SqlText::number(u64::from(*precision)).then(", ").append(&count(scale));
                Ok(sum.then("::numeric").parenthesized(&digits))
            }
            other => Err(Unsayable::new(format!("{} has no {other}", dialect.product))),
        },
        Totals::Decimal if scale == fraction => Ok(sum),
        Totals::Decimal => {
            check_digits(dialect, whole + dialect.arithmetic.sum_digits, scale)?;
            let digits = count(dialect.digits.total).then(", ").append(&count(scale));
            Ok(SqlText::from_static("CAST(").append(&sum).then(" AS DECIMAL").parenthesized(&digits).then(")"))
        }
    }
}

fn count(number: usize) -> SqlText {
    SqlText::number(u64::try_from(number).unwrap_or(u64::MAX))
}

/// `within`: as an operand of arithmetic.
fn number<S: Server>(server: S, columns: &Columns<S::Law>, expr: &Expr, within: bool) -> Result<Number, Unsayable> {
    match expr {
        Expr::Column(name) => {
            let placed = columns.get(name).ok_or_else(|| Unsayable::new(format!("column {name} is unknown")))?;
            let column = server.column(&placed.law, placed.name.clone());
            if !is_number(&column.comparison) {
                return Err(Unsayable::new(format!("column {name} is not an exact number")));
            }
            operand(server.dialect(), column.operand().clone(), digits(&server.data_type(&placed.law))?, within)
        }
        Expr::Literal(value) => {
            let sql = SqlText::literal(server.dialect(), value)?;
            operand(server.dialect(), sql, digits_of(value)?, within)
        }
        Expr::Arithmetic { op, left, right } => {
            let (left, right) = (number(server, columns, left, true)?, number(server, columns, right, true)?);
            combined(server.dialect(), *op, &left, &right)
        }
        other => Err(Unsayable::new(format!("{other} is not an exact number"))),
    }
}

fn operand(
    dialect: &Dialect,
    sql: SqlText,
    (whole, fraction): (usize, usize),
    within: bool,
) -> Result<Number, Unsayable> {
    if !within || fraction > 0 {
        return Ok(Number { sql, whole, fraction });
    }
    let Wrapping { before, after } = dialect.arithmetic.integer;
    // A decimal without digits after the point may have more digits than an integer.
    let sql = if whole > INTEGER_DIGITS { sql } else { SqlText::from_static(before).append(&sql).then(after) };
    Ok(Number { sql, whole: whole.max(INTEGER_DIGITS), fraction })
}

fn combined(dialect: &Dialect, op: ArithmeticOp, left: &Number, right: &Number) -> Result<Number, Unsayable> {
    let (symbol, whole, fraction) = match op {
        ArithmeticOp::Add => (" + ", left.whole.max(right.whole) + 1, left.fraction.max(right.fraction)),
        ArithmeticOp::Subtract => (" - ", left.whole.max(right.whole) + 1, left.fraction.max(right.fraction)),
        ArithmeticOp::Multiply => (" * ", left.whole + right.whole, left.fraction + right.fraction),
    };
    check_digits(dialect, whole, fraction)?;
    let sql = SqlText::default().parenthesized(&SqlText::joined([&left.sql, &right.sql], symbol));
    Ok(Number { sql, whole, fraction })
}

fn check_digits(dialect: &Dialect, whole: usize, fraction: usize) -> Result<(), Unsayable> {
    if whole + fraction > dialect.digits.total || fraction > dialect.digits.fraction {
        return Err(Unsayable::new(format!("it may have more digits than {} computes with", dialect.product)));
    }
    Ok(())
}

fn is_number(comparison: &Comparison) -> bool {
    match comparison {
        Comparison::Number => true,
        Comparison::Stepped { inner, .. } => is_number(inner),
        _ => false,
    }
}

/// Before and after the point.
fn digits(data_type: &DataType) -> Result<(usize, usize), Unsayable> {
    Ok(match data_type {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            let fraction = usize::try_from(*scale).unwrap_or(0);
            (usize::from(*precision).saturating_sub(fraction).max(1), fraction)
        }
        other => return Err(Unsayable::new(format!("{other} is not an exact number"))),
    })
}

fn digits_of(value: &Value) -> Result<(usize, usize), Unsayable> {
    let (unscaled, scale) =
        value.as_decimal().ok_or_else(|| Unsayable::new(format!("{value} is not an exact number")))?;
    let all = unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    let all = usize::try_from(all).unwrap_or(usize::MAX);
    Ok(match usize::try_from(scale) {
        Ok(fraction) => (all.saturating_sub(fraction).max(1), fraction),
        Err(_) => (all + usize::from(scale.unsigned_abs()), 0),
    })
}
