//! Comparisons of a column with constants and with another column.

use crate::float::{TWO_ZEROS, around_zero, as_float, is_other_nan};
use crate::predicate::Condition;
use crate::{ColumnSql, Comparison, Dialect, SqlText, Step, TextTests, Unsayable};
use headwater_core::{CompareOp, TextComparison, Value};

const OTHER_FAMILY: &str = "the constant is of another type than the column";

/// How much of a condition must be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// On which rows it is true; false and NULL may be mistaken for each other. An index helps where one can.
    Rows,
    /// True, false and NULL, as what stands under a `NOT` or an `IS NULL` needs it.
    Value,
}

/// `column op value`.
pub(crate) fn with_constant(
    dialect: &Dialect,
    column: &ColumnSql,
    op: CompareOp,
    value: &Value,
    need: Need,
) -> Result<Condition, Unsayable> {
    if value.is_null() {
        return Ok(Condition::exact(SqlText::from_static(dialect.null_condition)));
    }
    match &column.comparison {
        Comparison::Float => return float_with_constant(dialect, column, op, value),
        Comparison::Stepped { inner, indexed, step } => {
            let fitting = step.fit(value).filter(|_| need == Need::Rows);
            let column = column.as_inner(inner, fitting.is_some().then_some(indexed));
            return with_constant(dialect, &column, op, fitting.as_ref().unwrap_or(value), need);
        }
        Comparison::Gappy { inner, indexed, whole, step } => {
            let fitting = step.fit(value).filter(|_| need == Need::Rows);
            let column = column.as_inner(inner, fitting.is_some().then_some(indexed));
            let compared = with_constant(dialect, &column, op, value, need)?;
            return Ok(if fitting.is_some() && op != CompareOp::Eq { compared.guarded(whole) } else { compared });
        }
        _ => {}
    }
    let (left, right) = operands(dialect, column, op, std::slice::from_ref(value))?;
    let right = SqlText::joined(&right, "");
    let exact = Condition::exact(left.then(spaced(op)).append(&right));
    Ok(match candidates(column, std::slice::from_ref(value), need) {
        Some(indexed) if op == CompareOp::Eq => exact.after(indexed.clone().then(" = ").append(&right)),
        _ => exact,
    })
}

/// `column IN (values)`. NULL among the values stays there: SQL means the same by it.
pub(crate) fn with_list(
    dialect: &Dialect,
    column: &ColumnSql,
    list: &[Value],
    need: Need,
) -> Result<Condition, Unsayable> {
    if list.is_empty() {
        return Ok(Condition::exact(SqlText::from_static("FALSE")));
    }
    match &column.comparison {
        Comparison::Float => return float_with_list(dialect, column, list),
        Comparison::Stepped { inner, indexed, step } | Comparison::Gappy { inner, indexed, step, .. } => {
            // What the column cannot hold, it does not equal.
            let fitting: Vec<Value> = list.iter().filter_map(|value| step.fit(value)).collect();
            let column = column.as_inner(inner, (need == Need::Rows).then_some(indexed));
            if fitting.is_empty() {
                let never = column.value.clone().then(" <> ").append(&column.value);
                return Ok(Condition::exact(never));
            }
            if let (Step::SMALL, Some(cast)) = (*step, dialect.small_integer) {
                return small_list(dialect, &column, &fitting, cast);
            }
            return with_list(dialect, &column, &fitting, need);
        }
        _ => {}
    }
    let (left, right) = operands(dialect, column, CompareOp::Eq, list)?;
    let exact = Condition::exact(in_list(left, &right));
    Ok(match candidates(column, list, need) {
        Some(indexed) => exact.after(in_list(indexed.clone(), &right)),
        None => exact,
    })
}

/// `column IN ('1'::int2, …)`.
fn small_list(
    dialect: &Dialect,
    column: &ColumnSql,
    list: &[Value],
    cast: &'static str,
) -> Result<Condition, Unsayable> {
    let (left, literals) = operands(dialect, column, CompareOp::Eq, list)?;
    let typed = list.iter().zip(literals).map(|(value, literal)| match value {
        Value::Int64(_) => SqlText::from_static("'").append(&literal).then(cast),
        _ => literal,
    });
    Ok(Condition::exact(in_list(left, &typed.collect::<Vec<_>>())))
}

/// `column` begins with `prefix`.
pub(crate) fn with_prefix(
    dialect: &Dialect,
    column: &ColumnSql,
    prefix: &str,
    need: Need,
) -> Result<Condition, Unsayable> {
    let exact = Condition::exact(begins(dialect, &text_by_bytes(dialect, column)?, prefix)?);
    let by_prefix = matches!(column.comparison, Comparison::Collated { by_prefix: true, .. });
    Ok(match candidates(column, &[Value::Utf8(prefix.to_owned())], need) {
        Some(indexed) if by_prefix => exact.after(begins(dialect, indexed, prefix)?),
        _ => exact,
    })
}

/// `column` has `part` in it. No index helps.
pub(crate) fn with_part(dialect: &Dialect, column: &ColumnSql, part: &str) -> Result<Condition, Unsayable> {
    let text = text_by_bytes(dialect, column)?;
    Ok(Condition::exact(match dialect.text_tests {
        TextTests::Functions { contains, .. } => function(dialect, contains, &text, part)?,
        TextTests::Like => like(dialect, &text, &format!("%{}%", escaped(part)))?,
    }))
}

fn begins(dialect: &Dialect, text: &SqlText, prefix: &str) -> Result<SqlText, Unsayable> {
    match dialect.text_tests {
        TextTests::Functions { starts_with, .. } => function(dialect, starts_with, text, prefix),
        TextTests::Like => like(dialect, text, &format!("{}%", escaped(prefix))),
    }
}

fn text_by_bytes(dialect: &Dialect, column: &ColumnSql) -> Result<SqlText, Unsayable> {
    match &column.comparison {
        Comparison::Text(TextComparison::Loose) | Comparison::Collated { .. } | Comparison::Encoded { .. } => {
            Ok(column.value.clone().then(dialect.by_bytes))
        }
        Comparison::Text(_) => Ok(column.value.clone()),
        Comparison::Different(reason) => Err(Unsayable::new(*reason)),
        _ => Err(Unsayable::new("only text begins with something, or has it in it")),
    }
}

fn function(
    dialect: &Dialect,
    [before, between, after]: [&'static str; 3],
    text: &SqlText,
    constant: &str,
) -> Result<SqlText, Unsayable> {
    let constant = SqlText::literal(dialect, &Value::Utf8(constant.to_owned()))?;
    Ok(SqlText::from_static(before).append(text).then(between).append(&constant).then(after))
}

fn like(dialect: &Dialect, text: &SqlText, pattern: &str) -> Result<SqlText, Unsayable> {
    let pattern = SqlText::literal(dialect, &Value::Utf8(pattern.to_owned()))?;
    Ok(text.clone().then(" LIKE ").append(&pattern).then(" ESCAPE '!'"))
}

/// Each character of a pattern that would mean another, after the sign that it means itself.
fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern
}

/// The bare column, if asking it as well finds the candidates by an index and loses none.
fn candidates<'a>(column: &'a ColumnSql, values: &[Value], need: Need) -> Option<&'a SqlText> {
    let Comparison::Collated { indexed, ascii_only, .. } = &column.comparison else { return None };
    let ascii = |value: &Value| !matches!(value, Value::Utf8(text) if !text.is_ascii());
    (need == Need::Rows && (!ascii_only || values.iter().all(ascii))).then_some(indexed)
}

/// `left op right` for two columns.
pub(crate) fn of_columns(
    dialect: &Dialect,
    left: &ColumnSql,
    op: CompareOp,
    right: &ColumnSql,
    need: Need,
) -> Result<Condition, Unsayable> {
    use Comparison as C;
    if let Some(condition) = as_indexed(dialect, left, op, right, need) {
        return Ok(condition);
    }
    let by_bytes = match (family(&left.comparison), family(&right.comparison)) {
        (C::Different(reason), _) | (_, C::Different(reason)) => return Err(Unsayable::new(*reason)),
        (C::Float, _) | (_, C::Float) => return Err(Unsayable::new(TWO_ZEROS)),
        (C::Text(_) | C::Collated { .. } | C::Encoded { .. }, C::Text(_) | C::Collated { .. } | C::Encoded { .. }) => {
            dialect.by_bytes
        }
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => "",
        _ => return Err(Unsayable::new("the columns are of different types")),
    };
    Ok(Condition::exact(left.operand().clone().then(by_bytes).then(spaced(op)).append(right.operand())))
}

/// The comparison of two columns in a form that an index helps, where there is one.
fn as_indexed(dialect: &Dialect, left: &ColumnSql, op: CompareOp, right: &ColumnSql, need: Need) -> Option<Condition> {
    use Comparison as C;
    let same_collation = left.collation.is_some() && left.collation == right.collation;
    let compared = |left: &SqlText, right: &SqlText| left.clone().then(spaced(op)).append(right);
    match (&left.comparison, &right.comparison) {
        (C::Encoded { cast: a, .. }, C::Encoded { cast: b, .. }) if a == b => {
            Some(Condition::exact(compared(&left.selected, &right.selected)))
        }
        (C::Text(a), C::Text(b)) if same_collation && !needs_bytes(*a, op) && !needs_bytes(*b, op) => {
            Some(Condition::exact(compared(&left.value, &right.value)))
        }
        // Equal bytes are equal in every collation, so this one finds all candidates.
        (C::Collated { indexed: a, .. }, C::Collated { indexed: b, .. }) if same_collation && op == CompareOp::Eq => {
            let by_bytes = left.value.clone().then(dialect.by_bytes).then(spaced(op)).append(&right.value);
            Some(Condition::exact(by_bytes).after(compared(a, b)))
        }
        // What equals a whole date is whole itself.
        (C::Gappy { indexed: a, whole, inner, .. }, C::Gappy { indexed: b, inner: other, .. })
            if (op, need) == (CompareOp::Eq, Need::Rows)
                && std::mem::discriminant(inner.as_ref()) == std::mem::discriminant(other.as_ref()) =>
        {
            Some(Condition::exact(compared(a, b)).guarded(whole))
        }
        _ => None,
    }
}

fn family(comparison: &Comparison) -> &Comparison {
    match comparison {
        Comparison::Stepped { inner, .. } | Comparison::Gappy { inner, .. } => inner,
        other => other,
    }
}

/// The two sides of a comparison: the column as it must be written for `op`, and the constants.
fn operands(
    dialect: &Dialect,
    column: &ColumnSql,
    op: CompareOp,
    values: &[Value],
) -> Result<(SqlText, Vec<SqlText>), Unsayable> {
    check_family(dialect, &column.comparison, values)?;
    let literals = values.iter().map(|value| SqlText::literal(dialect, value));
    let literals = literals.collect::<Result<Vec<_>, _>>()?;
    match &column.comparison {
        Comparison::Text(text) => {
            let suffix = if needs_bytes(*text, op) { dialect.by_bytes } else { "" };
            Ok((column.value.clone().then(suffix), literals))
        }
        Comparison::Collated { .. } => Ok((column.value.clone().then(dialect.by_bytes), literals)),
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

fn check_family(dialect: &Dialect, comparison: &Comparison, values: &[Value]) -> Result<(), Unsayable> {
    for value in values.iter().filter(|value| !value.is_null()) {
        let fits = match comparison {
            Comparison::Boolean => matches!(value, Value::Boolean(_)),
            Comparison::Number => is_number(dialect, value)?,
            Comparison::Text(_) | Comparison::Collated { .. } | Comparison::Encoded { .. } => {
                matches!(value, Value::Utf8(_))
            }
            Comparison::Binary => matches!(value, Value::Binary(_)),
            Comparison::Date => matches!(value, Value::Date(_)),
            Comparison::Time => matches!(value, Value::Time(_)),
            Comparison::Timestamp => matches!(value, Value::Timestamp(_)),
            Comparison::Instant => matches!(value, Value::Instant(_)),
            Comparison::Float => as_float(value).is_some(),
            Comparison::Stepped { inner, .. } | Comparison::Gappy { inner, .. } => {
                check_family(dialect, inner, std::slice::from_ref(value))?;
                true
            }
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
fn is_number(dialect: &Dialect, value: &Value) -> Result<bool, Unsayable> {
    match value {
        Value::Float64(_) if !dialect.floats_beside_numbers => {
            Err(Unsayable::new("an exact number is compared with a floating-point number"))
        }
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
