//! What a condition implies, where it cannot be said whole: the source sends fewer rows, and the engine checks them.
//!
//! ```text
//! name LIKE 'An_a%ova'                    ─▶ starts_with(name, 'An') AND contains(name, 'a') AND contains(name, 'ova')
//! a = 1 AND lower(b) = 'x' OR a = 2       ─▶ a = 1 OR a = 2
//! ```
//!
//! Whatever makes the condition true makes the other true; nothing is said of when it is false or NULL, so nothing is
//! found below NOT.

use crate::translate::{Reason, either, literal, operand_of, predicate};
use arrow::datatypes::Schema;
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{BinaryExpr, Expr as EngineExpr, Operator};
use headwater_core::{Expr, Value};

/// A condition in the pushdown language.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) expr: Expr,
    /// Why it is less than the engine's condition.
    pub(crate) less: Option<Reason>,
}

/// The condition itself, or what it implies.
pub(crate) fn said(expr: &EngineExpr, schema: &Schema) -> Result<Said, Reason> {
    match predicate(expr, schema) {
        Ok(expr) => Ok(Said { expr, less: None }),
        Err(reason) => match implied(expr, schema) {
            Some(expr) => Ok(Said { expr, less: Some(reason) }),
            None => Err(reason),
        },
    }
}

fn implied(expr: &EngineExpr, schema: &Schema) -> Option<Expr> {
    match expr {
        EngineExpr::Alias(alias) => implied(&alias.expr, schema),
        EngineExpr::IsTrue(operand) => said(operand, schema).ok().map(|said| said.expr),
        EngineExpr::Like(like) => of_pattern(like, schema),
        EngineExpr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let sides = [said(left, schema), said(right, schema)];
            let mut sides: Vec<Expr> = sides.into_iter().flatten().map(|side| side.expr).collect();
            if sides.len() > 1 { Some(Expr::And(sides)) } else { sides.pop() }
        }
        EngineExpr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(either(said(left, schema).ok()?.expr, said(right, schema).ok()?.expr))
        }
        _ => None,
    }
}

/// The texts that every match of a pattern begins with and contains.
fn of_pattern(like: &Like, schema: &Schema) -> Option<Expr> {
    if like.negated || like.case_insensitive {
        return None;
    }
    let EngineExpr::Literal(pattern, _) = like.pattern.as_ref() else { return None };
    let Ok(Value::Utf8(pattern)) = literal(pattern) else { return None };
    let operand = Box::new(operand_of(&like.expr, schema).ok()?);
    let texts = texts(&pattern, like.escape_char);
    let tests = texts.into_iter().enumerate().filter(|(_, text)| !text.is_empty()).map(|(index, text)| match index {
        0 => Expr::StartsWith { operand: operand.clone(), prefix: text },
        _ => Expr::Contains { operand: operand.clone(), part: text },
    });
    let mut tests: Vec<Expr> = tests.collect();
    if tests.len() > 1 { Some(Expr::And(tests)) } else { tests.pop() }
}

/// What stands between wildcards; the first is what the pattern begins with. An escape character and what it escapes
/// are in none of them.
fn texts(pattern: &str, escape: Option<char>) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' | '_' => texts.push(String::new()),
            _ if character == '\\' || Some(character) == escape => {
                characters.next();
                texts.push(String::new());
            }
            _ => texts.last_mut().into_iter().for_each(|text| text.push(character)),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::functions::string::expr_fn::lower;
    use datafusion::prelude::{col, lit};

    fn shown(expr: EngineExpr) -> String {
        match said(&expr, &Schema::empty()) {
            Ok(Said { expr, less: None }) => expr.to_string(),
            Ok(Said { expr, less: Some(_) }) => format!("less: {expr}"),
            Err(_) => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_pattern_implies_its_begin_and_its_parts() {
        let like = |pattern: &str| shown(col("a").like(lit(pattern)));
        assert_eq!(like("ab%"), "starts_with(a, 'ab')");
        assert_eq!(like("%@example.com"), "less: contains(a, '@example.com')");
        assert_eq!(like("a_b%c"), "less: (starts_with(a, 'a') AND contains(a, 'b') AND contains(a, 'c'))");
        assert_eq!(
            like(r"a\%b%cd\_e%"),
            "less: (starts_with(a, 'a') AND contains(a, 'b') AND contains(a, 'cd') AND contains(a, 'e'))"
        );
        assert_eq!(like(r"ab\"), "less: starts_with(a, 'ab')");
        assert_eq!(like("__%"), "nothing");
        assert_eq!(shown(col("a").not_like(lit("%b"))), "nothing");
        assert_eq!(shown(col("a").ilike(lit("%b"))), "nothing");
        assert_eq!(texts("x!%y", Some('!')), ["x", "y"]);
    }

    #[test]
    fn of_and_one_side_is_enough_and_of_or_it_takes_both() {
        let unsayable = || lower(col("b")).eq(lit("x"));
        let is = |number: i64| col("a").eq(lit(number));
        assert_eq!(shown(is(1).and(unsayable())), "less: a = 1");
        assert_eq!(shown(is(1).and(unsayable()).or(is(2))), "less: a IN (1, 2)");
        assert_eq!(shown(is(1).or(unsayable())), "nothing");
        assert_eq!(shown(is(1).and(is(2).or(unsayable()))), "less: a = 1");
        assert_eq!(shown(is(1).is_true().and(unsayable())), "less: a = 1");
        assert_eq!(shown(!(is(1).and(unsayable()))), "nothing");
    }
}
