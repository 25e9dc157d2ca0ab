//! From the engine's expressions to the pushdown language; what cannot be said there stays in the engine.

use crate::widening::widens;
use arrow::datatypes::{DataType, Field, Schema};
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
        EngineExpr::IsNull(operand) | EngineExpr::IsUnknown(operand) => operand_of(operand, schema).map(Expr::is_null),
        EngineExpr::IsNotNull(operand) | EngineExpr::IsNotUnknown(operand) => {
            operand_of(operand, schema).map(|operand| operand.is_null().negate())
        }
        EngineExpr::IsTrue(operand) => truth(operand, true, false, schema),
        EngineExpr::IsFalse(operand) => truth(operand, false, false, schema),
        EngineExpr::IsNotTrue(operand) => truth(operand, false, true, schema),
        EngineExpr::IsNotFalse(operand) => truth(operand, true, true, schema),
        EngineExpr::BinaryExpr(binary) => binary_expr(binary, schema),
        EngineExpr::InList(list) => in_list(list, schema),
        EngineExpr::Between(between) => between_expr(between, schema),
        EngineExpr::Like(like) => like_expr(like, schema),
        EngineExpr::ScalarFunction(call) if ["starts_with", "contains"].contains(&call.name()) => {
            text_test(call, schema)
        }
        // A truth value within a struct.
        EngineExpr::ScalarFunction(_) => {
            operand_of(expr, schema).map(|field| field.compare(CompareOp::Eq, Value::Boolean(true)))
        }
        other => Err(not_in_language(other)),
    }
}

/// `IS [NOT] TRUE` and `IS [NOT] FALSE` of a truth value: whether it is `wanted`, or else NULL; itself never NULL.
fn truth(operand: &EngineExpr, wanted: bool, or_null: bool, schema: &Schema) -> Result<Expr, Reason> {
    let operand = operand_of(operand, schema)
        .map_err(|_| "IS [NOT] TRUE and FALSE are in the pushdown language for columns only".to_owned())?;
    let is_wanted = operand.clone().compare(CompareOp::Eq, Value::Boolean(wanted));
    let is_null = operand.is_null();
    Ok(if or_null { Expr::Or(vec![is_wanted, is_null]) } else { Expr::And(vec![is_wanted, is_null.negate()]) })
}

/// A side of a comparison: a column or a constant.
pub(crate) fn operand_of(expr: &EngineExpr, schema: &Schema) -> Result<Expr, Reason> {
    match expr {
        EngineExpr::Column(column) => Ok(Expr::column(&column.name)),
        EngineExpr::Literal(scalar, _) => literal(scalar).map(Expr::Literal),
        EngineExpr::Alias(alias) => operand_of(&alias.expr, schema),
        EngineExpr::Cast(cast) => {
            let operand = operand_of(&cast.expr, schema).map_err(|_| not_in_language(expr))?;
            match type_of(&operand, schema) {
                Some(from) if widens(from, cast.field.data_type()) => Ok(operand),
                _ => Err(not_in_language(expr)),
            }
        }
        EngineExpr::ScalarFunction(call) if call.name() == "get_field" => member_of(call, schema),
        other => Err(not_in_language(other)),
    }
}

/// `column['member']`, however deep. The engine finds entries of maps by the same function; those stay.
fn member_of(call: &ScalarFunction, schema: &Schema) -> Result<Expr, Reason> {
    let Some((operand, names)) = call.args.split_first() else { return Err("a member of nothing".to_owned()) };
    let mut member = operand_of(operand, schema)?;
    for name in names {
        let EngineExpr::Literal(name, _) = name else {
            return Err("only members of a constant name are in the pushdown language".to_owned());
        };
        let Value::Utf8(name) = literal(name)? else { return Err("a member has a name".to_owned()) };
        member = member.field(name);
        if type_of(&member, schema).is_none() {
            return Err("only members of structs are in the pushdown language".to_owned());
        }
    }
    Ok(member)
}

/// The type of a column or a member of one.
fn type_of<'a>(expr: &Expr, schema: &'a Schema) -> Option<&'a DataType> {
    match expr {
        Expr::Column(name) => schema.field_with_name(name).ok().map(Field::data_type),
        Expr::Field { operand, name } => match type_of(operand, schema)? {
            DataType::Struct(members) => members.find(name).map(|(_, member)| member.data_type()),
            _ => None,
        },
        _ => None,
    }
}

fn binary_expr(binary: &BinaryExpr, schema: &Schema) -> Result<Expr, Reason> {
    match binary.op {
        Operator::And => Ok(Expr::And(vec![predicate(&binary.left, schema)?, predicate(&binary.right, schema)?])),
        Operator::Or => Ok(either(predicate(&binary.left, schema)?, predicate(&binary.right, schema)?)),
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
pub(crate) fn either(left: Expr, right: Expr) -> Expr {
    match (as_list(&left), as_list(&right)) {
        (Some((column, mut list)), Some((other, more))) if column == other => {
            list.extend(more);
            Expr::column(column).is_in(list)
        }
        _ => Expr::Or(vec![left, right]),
    }
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

/// `LIKE 'abc%'` asks for a beginning, `LIKE '%abc%'` for a part; of every other pattern only what it implies is said.
fn like_expr(like: &Like, schema: &Schema) -> Result<Expr, Reason> {
    let stays = || "only the patterns 'abc%' and '%abc%' of LIKE are in the pushdown language".to_owned();
    if like.case_insensitive || like.escape_char.is_some() {
        return Err(stays());
    }
    let EngineExpr::Literal(pattern, _) = like.pattern.as_ref() else { return Err(stays()) };
    let Ok(Value::Utf8(pattern)) = literal(pattern) else { return Err(stays()) };
    let (text, is_part) = match pattern.strip_suffix('%') {
        Some(text) => text.strip_prefix('%').map_or((text, false), |part| (part, true)),
        None => return Err(stays()),
    };
    if text.contains(['%', '_', '\\']) {
        return Err(stays());
    }
    let (operand, text) = (Box::new(operand_of(&like.expr, schema)?), text.to_owned());
    let test =
        if is_part { Expr::Contains { operand, part: text } } else { Expr::StartsWith { operand, prefix: text } };
    Ok(if like.negated { test.negate() } else { test })
}

/// `starts_with(text, 'constant')`, `contains(text, 'constant')`.
fn text_test(call: &ScalarFunction, schema: &Schema) -> Result<Expr, Reason> {
    let name = call.name();
    let [text, EngineExpr::Literal(constant, _)] = call.args.as_slice() else {
        return Err(format!("{name}() needs a constant to be pushed"));
    };
    let Value::Utf8(constant) = literal(constant)? else { return Err(format!("{name}() needs a text to be pushed")) };
    let operand = Box::new(operand_of(text, schema)?);
    Ok(match name {
        "contains" => Expr::Contains { operand, part: constant },
        _ => Expr::StartsWith { operand, prefix: constant },
    })
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
    use datafusion::functions::core::expr_fn::get_field;
    use datafusion::functions::string::expr_fn::lower;
    use datafusion::prelude::{cast, col, lit};

    fn said(expr: EngineExpr) -> String {
        let inner =
            Field::new("t", DataType::Struct(vec![Field::new("d", DataType::Decimal128(12, 2), true)].into()), true);
        let members = vec![inner, Field::new("yes", DataType::Boolean, true)];
        let fields = vec![
            Field::new("n", DataType::Decimal128(12, 2), true),
            Field::new("i", DataType::Int32, true),
            Field::new("s", DataType::Struct(members.into()), true),
        ];
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
        assert_eq!(said(col("a").like(lit("%O'B%"))), "contains(a, 'O''B')");
        assert_eq!(said(col("a").not_like(lit("%%"))), "NOT (contains(a, ''))");
    }

    #[test]
    fn a_truth_is_or_is_not() {
        assert_eq!(said(col("f").is_true()), "(f = true AND f IS NOT NULL)");
        assert_eq!(said(col("f").is_not_true()), "(f = false OR f IS NULL)");
        assert_eq!(said(col("f").is_false()), "(f = false AND f IS NOT NULL)");
        assert_eq!(said(col("f").is_not_false()), "(f = true OR f IS NULL)");
        assert_eq!(said(col("f").is_not_unknown()), "f IS NOT NULL");
        assert!(said(col("a").gt(lit(1i64)).is_true()).starts_with("stays"));
    }

    #[test]
    fn members_of_structs_are_said_however_deep() {
        let deep = get_field(get_field(col("s"), "t"), "d");
        let wide = cast(deep.clone(), DataType::Decimal128(15, 3));
        assert_eq!(said(wide.lt(lit(ScalarValue::Decimal128(Some(1), 15, 3)))), "s['t']['d'] < 0.001");
        assert_eq!(said(deep.is_null()), "s['t']['d'] IS NULL");
        assert_eq!(said(get_field(col("s"), "yes").and(col("flag"))), "(s['yes'] = true AND flag = true)");
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
        assert!(said(col("a").like(lit("a_c%"))).starts_with("stays: only the patterns"));
        assert!(said(col("a").like(lit("%c"))).starts_with("stays: only the patterns"));
        assert!(said(get_field(col("s"), "nothing").eq(lit(1i64))).starts_with("stays: only members"));
        assert!(said(get_field(col("i"), "x").eq(lit(1i64))).starts_with("stays: only members"));
        assert!(said((col("a") + lit(1i64)).eq(lit(2i64))).starts_with("stays: operator +"));
    }
}
