//! Comparisons of a column with constants and with another column.

use crate::float::{TWO_ZEROS, around_zero, as_float, is_other_nan};
use crate::predicate::Condition;
use crate::{ColumnSql, Comparison, Dialect, SqlText, Unsayable};
use headwater_core::{CompareOp, TextComparison, Value};

const OTHER_FAMILY: &str = "the constant is of another type than the column";

/// `column op value`.
pub(crate) fn with_constant(
    dialect: &Dialect,
    column: &ColumnSql,
    op: CompareOp,
    value: &Value,
) -> Result<Condition, Unsayable> {
    if value.is_null() {
        return Ok(Condition::exact(SqlText::from_static(dialect.null_condition)));
    }
    if matches!(column.comparison, Comparison::Float) {
        return float_with_constant(dialect, column, op, value);
    }
    let (left, right) = operands(dialect, column, op, std::slice::from_ref(value))?;
    Ok(Condition::exact(left.then(spaced(op)).append(&SqlText::joined(&right, ""))))
}

/// `column IN (values)`. NULL among the values stays there: SQL means the same by it.
pub(crate) fn with_list(dialect: &Dialect, column: &ColumnSql, list: &[Value]) -> Result<Condition, Unsayable> {
    if list.is_empty() {
        return Ok(Condition::exact(SqlText::from_static("FALSE")));
    }
    if matches!(column.comparison, Comparison::Float) {
        return float_with_list(dialect, column, list);
    }
    let (left, right) = operands(dialect, column, CompareOp::Eq, list)?;
    Ok(Condition::exact(in_list(left, &right)))
}

/// `left op right` for two columns.
pub(crate) fn of_columns(
    dialect: &Dialect,
    left: &ColumnSql,
    op: CompareOp,
    right: &ColumnSql,
) -> Result<Condition, Unsayable> {
    use Comparison as C;
    let by_bytes = match (&left.comparison, &right.comparison) {
        (C::Different(reason), _) | (_, C::Different(reason)) => return Err(Unsayable::new(*reason)),
        (C::Float, _) | (_, C::Float) => return Err(Unsayable::new(TWO_ZEROS)),
        (C::Text(_) | C::Encoded { .. }, C::Text(_) | C::Encoded { .. }) => dialect.by_bytes,
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => "",
        _ => return Err(Unsayable::new("the columns are of different types")),
    };
    Ok(Condition::exact(left.value.clone().then(by_bytes).then(spaced(op)).append(&right.value)))
}

/// The two sides of a comparison: the column as it must be written for `op`, and the constants.
fn operands(
    dialect: &Dialect,
    column: &ColumnSql,
    op: CompareOp,
    values: &[Value],
) -> Result<(SqlText, Vec<SqlText>), Unsayable> {
    check_family(&column.comparison, values)?;
    let literals = values.iter().map(|value| SqlText::literal(dialect, value));
    let literals = literals.collect::<Result<Vec<_>, _>>()?;
    match &column.comparison {
        Comparison::Text(text) => {
            let suffix = if needs_bytes(*text, op) { dialect.by_bytes } else { "" };
            Ok((column.value.clone().then(suffix), literals))
        }
        Comparison::Encoded { is_canonical, cast } => {
            let canonical = |value: &Value| matches!(value, Value::Utf8(text) if is_canonical(text)) || value.is_null();
            if values.iter().all(canonical) {
                return Ok((column.selected.clone(), literals.into_iter().map(|text| text.then(cast)).collect()));
            }
            // A text that is not canonical equals none, but it has its place in the order of texts.
            Ok((column.value.clone().then(dialect.by_bytes), literals))
        }
        _ => Ok((column.value.clone(), literals)),
    }
}

fn needs_bytes(text: TextComparison, op: CompareOp) -> bool {
    match text {
        TextComparison::Bytes => false,
        TextComparison::BytesEqualityOnly => !matches!(op, CompareOp::Eq | CompareOp::NotEq),
        TextComparison::Loose => true,
    }
}

fn check_family(comparison: &Comparison, values: &[Value]) -> Result<(), Unsayable> {
    for value in values.iter().filter(|value| !value.is_null()) {
        let fits = match comparison {
            Comparison::Boolean => matches!(value, Value::Boolean(_)),
            Comparison::Number => is_number(value)?,
            Comparison::Text(_) | Comparison::Encoded { .. } => matches!(value, Value::Utf8(_)),
            Comparison::Binary => matches!(value, Value::Binary(_)),
            Comparison::Date => matches!(value, Value::Date(_)),
            Comparison::Time => matches!(value, Value::Time(_)),
            Comparison::Timestamp => matches!(value, Value::Timestamp(_)),
            Comparison::Instant => matches!(value, Value::Instant(_)),
            Comparison::Float => as_float(value).is_some(),
            Comparison::Different(reason) => return Err(Unsayable::new(*reason)),
        };
        if !fits {
            return Err(Unsayable::new(OTHER_FAMILY));
        }
    }
    match comparison {
        Comparison::Different(reason) => Err(Unsayable::new(*reason)),
        _ => Ok(()),
    }
}

/// Exact numbers against a float are compared as floats on both sides; only the engine knows a −0.0.
fn is_number(value: &Value) -> Result<bool, Unsayable> {
    match value {
        Value::Float64(number) if is_other_nan(*number) || (*number == 0.0 && number.is_sign_negative()) => {
            Err(Unsayable::new(TWO_ZEROS))
        }
        Value::Float64(_) => Ok(true),
        _ => Ok(value.as_decimal().is_some()),
    }
}

fn float_constant(value: &Value) -> Result<f64, Unsayable> {
    match as_float(value) {
        Some(number) if is_other_nan(number) => Err(Unsayable::new("the constant is an unusual NaN")),
        Some(number) => Ok(number),
        None => Err(Unsayable::new(OTHER_FAMILY)),
    }
}

fn float_with_constant(
    dialect: &Dialect,
    column: &ColumnSql,
    op: CompareOp,
    value: &Value,
) -> Result<Condition, Unsayable> {
    let number = float_constant(value)?;
    let (op, exact) = match number {
        0.0 => around_zero(op, number.is_sign_negative()).ok_or_else(|| Unsayable::new(TWO_ZEROS))?,
        _ => (op, true),
    };
    let literal = SqlText::literal(dialect, &Value::Float64(number))?;
    let sql = column.value.clone().then(spaced(op)).append(&literal);
    Ok(if exact { Condition::exact(sql) } else { Condition::superset(sql, TWO_ZEROS) })
}

fn float_with_list(dialect: &Dialect, column: &ColumnSql, list: &[Value]) -> Result<Condition, Unsayable> {
    let mut literals = Vec::with_capacity(list.len());
    let mut exact = true;
    for value in list {
        if value.is_null() {
            literals.push(SqlText::literal(dialect, value)?);
            continue;
        }
        let number = float_constant(value)?;
        exact &= number != 0.0;
        literals.push(SqlText::literal(dialect, &Value::Float64(number))?);
    }
    let sql = in_list(column.value.clone(), &literals);
    Ok(if exact { Condition::exact(sql) } else { Condition::superset(sql, TWO_ZEROS) })
}

fn in_list(left: SqlText, right: &[SqlText]) -> SqlText {
    left.then(" IN ").parenthesized(&SqlText::joined(right, ", "))
}

fn spaced(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => " = ",
        CompareOp::NotEq => " <> ",
        CompareOp::Lt => " < ",
        CompareOp::LtEq => " <= ",
        CompareOp::Gt => " > ",
        CompareOp::GtEq => " >= ",
    }
}
