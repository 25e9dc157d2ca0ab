//! From the engine's expressions to the pushdown language; what cannot be said there stays in the engine.

use crate::widening::widens;
use arrow::datatypes::Schema;
use datafusion::logical_expr::expr::{InList, Like, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Expr as EngineExpr, Operator};
use datafusion::scalar::ScalarValue;
use headwater_core::{CompareOp, Expr, Value};

/// Why an expression stays in the engine, in words.
pub(crate) type Reason = String;

/// Translates a predicate over a table of this schema. Column names lose their table's alias: a scan has one table.
pub(crate) fn predicate(expr: &EngineExpr, schema: &Schema) -> Result<Expr, Reason> {
    match expr {
        // A bare truth value is a predicate to the engine; the language compares.
        EngineExpr::Column(column) => Ok(Expr::column(&column.name).compare(CompareOp::Eq, Value::Boolean(true))),
        EngineExpr::Literal(ScalarValue::Boolean(truth), _) => {
            Ok(Expr::Literal(truth.map_or(Value::Null, Value::Boolean)))
        }
        EngineExpr::Alias(alias) => predicate(&alias.expr, schema),
        EngineExpr::Not(operand) => predicate(operand, schema).map(Expr::negate),
        EngineExpr::IsNull(operand) => operand_of(operand, schema).map(Expr::is_null),
        EngineExpr::IsNotNull(operand) => operand_of(operand, schema).map(|operand| operand.is_null().negate()),
        EngineExpr::BinaryExpr(binary) => binary_expr(binary, schema),
        EngineExpr::InList(list) => in_list(list, schema),
        EngineExpr::Between(between) => between_expr(between, schema),
        EngineExpr::Like(like) => like_expr(like, schema),
        EngineExpr::ScalarFunction(call) if call.name() == "starts_with" => starts_with(call, schema),
        other => Err(not_in_language(other)),
    }
}

/// A side of a comparison: a column or a constant.
fn operand_of(expr: &EngineExpr, schema: &Schema) -> Result<Expr, Reason> {
    match expr {
        EngineExpr::Column(column) => Ok(Expr::column(&column.name)),
        EngineExpr::Literal(scalar, _) => literal(scalar).map(Expr::Literal),
        EngineExpr::Alias(alias) => operand_of(&alias.expr, schema),
        EngineExpr::Cast(cast) => match cast.expr.as_ref() {
            EngineExpr::Column(column) if widened(&column.name, cast.field.data_type(), schema) => {
                Ok(Expr::column(&column.name))
            }
            _ => Err(not_in_language(expr)),
        },
        other => Err(not_in_language(other)),
    }
}

fn widened(column: &str, to: &arrow::datatypes::DataType, schema: &Schema) -> bool {
    schema.field_with_name(column).is_ok_and(|field| widens(field.data_type(), to))
}

fn binary_expr(binary: &BinaryExpr, schema: &Schema) -> Result<Expr, Reason> {
    match binary.op {
        Operator::And => Ok(Expr::And(vec![predicate(&binary.left, schema)?, predicate(&binary.right, schema)?])),
        Operator::Or => either(predicate(&binary.left, schema)?, predicate(&binary.right, schema)?),
        op => {
            let Some(op) = compare_op(op) else {
                return Err(format!("operator {op} is not in the pushdown language"));
            };
            let (left, right) = (operand_of(&binary.left, schema)?, operand_of(&binary.right, schema)?);
            // The column stands left, so that connectors meet one shape.
            let swap = matches!(left, Expr::Literal(_)) && !matches!(right, Expr::Literal(_));
            let (op, left, right) = if swap { (op.flipped(), right, left) } else { (op, left, right) };
            Ok(Expr::Compare { op, left: Box::new(left), right: Box::new(right) })
        }
    }
}

/// The engine takes short lists apart, `a IN (1, 2)` into `a = 1 OR a = 2`: sources look rows up by lists.
fn either(left: Expr, right: Expr) -> Result<Expr, Reason> {
    Ok(match (as_list(&left), as_list(&right)) {
        (Some((column, mut list)), Some((other, more))) if column == other => {
            list.extend(more);
            Expr::column(column).is_in(list)
        }
        _ => Expr::Or(vec![left, right]),
    })
}

/// A column and the constants it may equal. Not for floating-point numbers: see [`in_list`].
fn as_list(expr: &Expr) -> Option<(&str, Vec<Value>)> {
    match expr {
        Expr::Compare { op: CompareOp::Eq, left, right } => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(_), Expr::Literal(Value::Float64(_))) => None,
            (Expr::Column(column), Expr::Literal(value)) => Some((column, vec![value.clone()])),
            _ => None,
        },
        Expr::In { operand, list } => match operand.as_ref() {
            Expr::Column(column) => Some((column, list.clone())),
            _ => None,
        },
        _ => None,
    }
}

fn compare_op(op: Operator) -> Option<CompareOp> {
    match op {
        Operator::Eq => Some(CompareOp::Eq),
        Operator::NotEq => Some(CompareOp::NotEq),
        Operator::Lt => Some(CompareOp::Lt),
        Operator::LtEq => Some(CompareOp::LtEq),
        Operator::Gt => Some(CompareOp::Gt),
        Operator::GtEq => Some(CompareOp::GtEq),
        _ => None,
    }
}

fn in_list(list: &InList, schema: &Schema) -> Result<Expr, Reason> {
    let operand = operand_of(&list.expr, schema)?;
    let constants = list.list.iter().map(|item| match item {
        EngineExpr::Literal(scalar, _) => literal(scalar),
        other => Err(not_in_language(other)),
    });
    let constants = constants.collect::<Result<Vec<_>, _>>()?;
    if constants.iter().any(|value| matches!(value, Value::Float64(_))) {
        // A long list is a set of bit patterns to the engine, where -0.0 is not 0.0; a short one is not. The engine's
        // answer, whichever it is, stays the engine's.
        return Err("a list of floating-point numbers is not in the pushdown language".to_owned());
    }
    let test = operand.is_in(constants);
    Ok(if list.negated { test.negate() } else { test })
}

fn between_expr(between: &Between, schema: &Schema) -> Result<Expr, Reason> {
    let operand = operand_of(&between.expr, schema)?;
    let side = |op, bound: &EngineExpr| {
        let right = Box::new(operand_of(bound, schema)?);
        Ok::<_, Reason>(Expr::Compare { op, left: Box::new(operand.clone()), right })
    };
    let both = Expr::And(vec![side(CompareOp::GtEq, &between.low)?, side(CompareOp::LtEq, &between.high)?]);
    Ok(if between.negated { both.negate() } else { both })
}

/// `LIKE 'abc%'` is a prefix test; every other pattern stays.
fn like_expr(like: &Like, schema: &Schema) -> Result<Expr, Reason> {
    let stays = || "only LIKE with a plain prefix, as in 'abc%', is in the pushdown language".to_owned();
    if like.case_insensitive || like.escape_char.is_some() {
        return Err(stays());
    }
    let EngineExpr::Literal(pattern, _) = like.pattern.as_ref() else { return Err(stays()) };
    let Ok(Value::Utf8(pattern)) = literal(pattern) else { return Err(stays()) };
    let prefix = pattern.strip_suffix('%').filter(|prefix| !prefix.contains(['%', '_', '\\'])).ok_or_else(stays)?;
    let test = Expr::StartsWith { operand: Box::new(operand_of(&like.expr, schema)?), prefix: prefix.to_owned() };
    Ok(if like.negated { test.negate() } else { test })
}

fn starts_with(call: &ScalarFunction, schema: &Schema) -> Result<Expr, Reason> {
    let [text, EngineExpr::Literal(prefix, _)] = call.args.as_slice() else {
        return Err("starts_with() needs a constant prefix to be pushed".to_owned());
    };
    match literal(prefix)? {
        Value::Utf8(prefix) => Ok(Expr::StartsWith { operand: Box::new(operand_of(text, schema)?), prefix }),
        _ => Err("starts_with() needs a text prefix to be pushed".to_owned()),
    }
}

/// A constant of the engine as a value of the language.
pub(crate) fn literal(scalar: &ScalarValue) -> Result<Value, Reason> {
    if scalar.is_null() {
        return Ok(Value::Null);
    }
    let array = scalar.to_array().map_err(|error| error.strip_backtrace())?;
    Value::from_array(&array, 0)
        .ok_or_else(|| format!("a constant of type {} is not in the pushdown language", scalar.data_type()))
}

fn not_in_language(expr: &EngineExpr) -> Reason {
    match expr {
        EngineExpr::ScalarFunction(call) => format!("{}() is not in the pushdown language", call.name()),
        EngineExpr::Cast(cast) => {
            format!("CAST to {} is not in the pushdown language", cast.field.data_type())
        }
        EngineExpr::TryCast(_) => "TRY_CAST is not in the pushdown language".to_owned(),
        EngineExpr::Case(_) => "CASE is not in the pushdown language".to_owned(),
        EngineExpr::BinaryExpr(binary) => format!("operator {} is not in the pushdown language", binary.op),
        other => format!("{} is not in the pushdown language", other.variant_name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};
    use datafusion::functions::string::expr_fn::lower;
    use datafusion::prelude::{cast, col, lit};

    fn said(expr: EngineExpr) -> String {
        let fields = vec![Field::new("n", DataType::Decimal128(12, 2), true), Field::new("i", DataType::Int32, true)];
        predicate(&expr, &Schema::new(fields)).map_or_else(|reason| format!("stays: {reason}"), |expr| expr.to_string())
    }

    #[test]
    fn what_the_language_has_is_said_with_the_column_on_the_left() {
        assert_eq!(said(lit(3i64).lt(col("t.a"))), "a > 3");
        assert_eq!(said(col("a").in_list(vec![lit(1i64), lit(2i64)], true)), "NOT (a IN (1, 2))");
        assert_eq!(said(col("a").between(lit(1i64), lit(2i64))), "(a >= 1 AND a <= 2)");
        assert_eq!(
            said(col("a").eq(lit(1i64)).or(col("a").eq(lit(2i64))).or(col("a").eq(lit(3i64)))),
            "a IN (1, 2, 3)"
        );
        assert_eq!(said(col("a").eq(lit(1i64)).or(col("b").eq(lit(2i64)))), "(a = 1 OR b = 2)");
        assert_eq!(said(col("f").eq(lit(1.0)).or(col("f").eq(lit(2.0)))), "(f = 1.0 OR f = 2.0)");
        assert_eq!(said(col("flag").and(col("b").is_not_null())), "(flag = true AND b IS NOT NULL)");
        assert_eq!(said(col("a").like(lit("O'B%"))), "starts_with(a, 'O''B')");
    }

    #[test]
    fn a_cast_that_changes_no_value_is_not_said() {
        let wide = cast(col("n"), DataType::Decimal128(15, 3));
        assert_eq!(said(wide.gt(lit(ScalarValue::Decimal128(Some(100_005), 15, 3)))), "n > 100.005");
        assert_eq!(said(cast(col("i"), DataType::Int64).lt(lit(1i64 << 40))), "i < 1099511627776");
    }

    #[test]
    fn what_it_has_not_stays_with_a_reason() {
        assert_eq!(said(lower(col("a")).eq(lit("x"))), "stays: lower() is not in the pushdown language");
        assert!(said(cast(col("n"), DataType::Int64).eq(lit(1i64))).starts_with("stays: CAST"));
        assert!(said(col("a").like(lit("a_c%"))).starts_with("stays: only LIKE"));
        assert!(said((col("a") + lit(1i64)).eq(lit(2i64))).starts_with("stays: operator +"));
    }
}
