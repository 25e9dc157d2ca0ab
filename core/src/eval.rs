//! The meaning of the pushdown language, as code.
//!
//! Row at a time and simple on purpose: the in-memory connector filters with it, and the conformance suite judges
//! every other connector by it. A test in the planner holds it against the engine's own evaluation.

use crate::{ArithmeticOp, CompareOp, Expr, Value};
use std::cmp::Ordering;

/// The value of `expr` for a row whose columns `column` looks up.
///
/// A predicate gives `Boolean` or `Null`. Comparing values of different families gives `Null`: the planner never
/// builds such an expression, as the engine's type coercion comes first.
pub fn evaluate(expr: &Expr, column: &dyn Fn(&str) -> Value) -> Value {
    match expr {
        Expr::Column(name) => column(name),
        Expr::Literal(value) => value.clone(),
        Expr::Compare { op, left, right } => compare(*op, &evaluate(left, column), &evaluate(right, column)),
        Expr::And(parts) => fold(parts, column, false),
        Expr::Or(parts) => fold(parts, column, true),
        Expr::Not(operand) => match evaluate(operand, column) {
            Value::Boolean(b) => Value::Boolean(!b),
            _ => Value::Null,
        },
        Expr::IsNull(operand) => Value::Boolean(evaluate(operand, column).is_null()),
        Expr::In { operand, list } => is_in(&evaluate(operand, column), list),
        Expr::StartsWith { operand, prefix } => match evaluate(operand, column) {
            Value::Utf8(text) => Value::Boolean(text.starts_with(prefix.as_str())),
            _ => Value::Null,
        },
        Expr::Contains { operand, part } => match evaluate(operand, column) {
            Value::Utf8(text) => Value::Boolean(text.contains(part.as_str())),
            _ => Value::Null,
        },
        Expr::Field { operand, name } => member(evaluate(operand, column), name),
        Expr::Arithmetic { op, left, right } => {
            arithmetic(*op, &evaluate(left, column), &evaluate(right, column)).unwrap_or(Value::Null)
        }
    }
}

/// `None` beside the planner's promises: no exact numbers, or more than 38 digits.
fn arithmetic(op: ArithmeticOp, left: &Value, right: &Value) -> Option<Value> {
    let ((a, a_scale), (b, b_scale)) = (left.as_decimal()?, right.as_decimal()?);
    if op == ArithmeticOp::Multiply {
        return Some(Value::Decimal { unscaled: a.checked_mul(b)?, scale: a_scale.checked_add(b_scale)? });
    }
    let scale = a_scale.max(b_scale);
    let to_scale = |number: i128, from: i8| {
        let places = u32::from(scale.checked_sub(from)?.unsigned_abs());
        number.checked_mul(10i128.checked_pow(places)?)
    };
    let (a, b) = (to_scale(a, a_scale)?, to_scale(b, b_scale)?);
    let unscaled = if op == ArithmeticOp::Add { a.checked_add(b)? } else { a.checked_sub(b)? };
    Some(Value::Decimal { unscaled, scale })
}

/// Whether a row passes a filter: only `true` does, NULL does not.
pub fn passes(expr: &Expr, column: &dyn Fn(&str) -> Value) -> bool {
    matches!(evaluate(expr, column), Value::Boolean(true))
}

fn compare(op: CompareOp, left: &Value, right: &Value) -> Value {
    let Some(order) = left.compare(right) else { return Value::Null };
    Value::Boolean(match op {
        CompareOp::Eq => order == Ordering::Equal,
        CompareOp::NotEq => order != Ordering::Equal,
        CompareOp::Lt => order == Ordering::Less,
        CompareOp::LtEq => order != Ordering::Greater,
        CompareOp::Gt => order == Ordering::Greater,
        CompareOp::GtEq => order != Ordering::Less,
    })
}

/// `AND` (decided by false) and `OR` (decided by true) in one: both look for the value that decides.
fn fold(parts: &[Expr], column: &dyn Fn(&str) -> Value, deciding: bool) -> Value {
    let mut result = Value::Boolean(!deciding);
    for part in parts {
        match evaluate(part, column) {
            Value::Boolean(b) if b == deciding => return Value::Boolean(deciding),
            Value::Boolean(_) => {}
            _ => result = Value::Null,
        }
    }
    result
}

fn is_in(operand: &Value, list: &[Value]) -> Value {
    let mut result = Value::Boolean(false);
    for candidate in list {
        match compare(CompareOp::Eq, operand, candidate) {
            Value::Boolean(true) => return Value::Boolean(true),
            Value::Boolean(false) => {}
            _ => result = Value::Null,
        }
    }
    result
}

fn member(value: Value, name: &str) -> Value {
    let Value::Struct(members) = value else { return Value::Null };
    members.into_iter().find(|(member, _)| member == name).map_or(Value::Null, |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(expr: &Expr, a: Value) -> Value {
        evaluate(expr, &|_| a.clone())
    }

    #[test]
    fn arithmetic_is_exact_and_strict() {
        let price = || Box::new(Expr::column("a"));
        let rest = Expr::Arithmetic {
            op: ArithmeticOp::Subtract,
            left: Box::new(Expr::Literal(Value::Int64(1))),
            right: price(),
        };
        let product = Expr::Arithmetic { op: ArithmeticOp::Multiply, left: price(), right: Box::new(rest) };
        let decimal = |unscaled, scale| Value::Decimal { unscaled, scale };
        assert_eq!(eval(&product, decimal(25, 2)), decimal(1_875, 4));
        assert_eq!(eval(&product, Value::Null), Value::Null);
        assert_eq!(product.to_string(), "(a * (1 - a))");
    }

    #[test]
    fn null_in_a_list_hides_the_absence_of_a_match() {
        let expr = Expr::column("a").is_in(vec![Value::Int64(1), Value::Null]);
        assert_eq!(eval(&expr, Value::Int64(1)), Value::Boolean(true));
        assert_eq!(eval(&expr, Value::Int64(2)), Value::Null);
        assert_eq!(eval(&Expr::column("a").is_in(vec![]), Value::Int64(2)), Value::Boolean(false));
    }

    #[test]
    fn a_member_of_no_struct_is_null() {
        let inner = Value::Struct(vec![("c".to_owned(), Value::Int64(7))]);
        let whole = Value::Struct(vec![("b".to_owned(), inner), ("n".to_owned(), Value::Null)]);
        let deep = || Expr::column("a").field("b").field("c");
        assert_eq!(eval(&deep(), whole.clone()), Value::Int64(7));
        assert_eq!(eval(&deep().is_null(), Value::Null), Value::Boolean(true));
        assert_eq!(eval(&Expr::column("a").field("b").is_null(), whole.clone()), Value::Boolean(false));
        assert_eq!(eval(&Expr::column("a").field("n").field("c"), whole), Value::Null);
        assert_eq!(deep().compare(CompareOp::Eq, Value::Int64(7)).to_string(), "a['b']['c'] = 7");
    }

    #[test]
    fn false_decides_an_and_that_holds_a_null() {
        let null = Expr::Literal(Value::Null);
        let no = Expr::Literal(Value::Boolean(false));
        assert_eq!(eval(&Expr::And(vec![null.clone(), no.clone()]), Value::Null), Value::Boolean(false));
        assert_eq!(eval(&Expr::Or(vec![null, no]), Value::Null), Value::Null);
    }

    #[test]
    fn nan_equals_itself_and_tops_every_number() {
        let nan = Value::Float64(f64::NAN);
        let expr = Expr::column("a").compare(CompareOp::GtEq, nan.clone());
        assert_eq!(eval(&expr, nan), Value::Boolean(true));
        assert_eq!(eval(&expr, Value::Float64(f64::INFINITY)), Value::Boolean(false));
    }
}
