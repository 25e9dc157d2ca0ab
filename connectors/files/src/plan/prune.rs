//! Whether a predicate can be true at all, given what is known of each column: the language's three-valued logic over
//! sets of values instead of values.

use headwater_core::{CompareOp, Expr, Value};
use std::cmp::Ordering;

/// What is known of the values of a column in a file, a row group or a page.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    /// No value is less; none: not known.
    pub(crate) min: Option<Value>,
    /// No value is greater; none: not known.
    pub(crate) max: Option<Value>,
    pub(crate) may_be_null: bool,
    pub(crate) may_be_value: bool,
}

impl Range {
    /// One value and no other.
    pub(crate) fn constant(value: &Value) -> Self {
        let known = (!value.is_null()).then(|| value.clone());
        Self { min: known.clone(), max: known, may_be_null: value.is_null(), may_be_value: !value.is_null() }
    }

    fn is_one_value(&self) -> bool {
        let both = self.min.as_ref().zip(self.max.as_ref());
        both.is_some_and(|(min, max)| min.compare(max) == Some(Ordering::Equal))
    }
}

/// The results that an expression may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcomes {
    yes: bool,
    no: bool,
    null: bool,
}

const ANY: Outcomes = Outcomes { yes: true, no: true, null: true };

/// Whether some row may make the predicate true. `column` tells what is known of a column, or nothing.
pub(crate) fn may_match(predicate: &Expr, column: &dyn Fn(&str) -> Option<Range>) -> bool {
    outcomes(predicate, column).yes
}

/// Whether statistics could ever rule the predicate out.
pub(crate) fn is_prunable(predicate: &Expr, known: &dyn Fn(&str) -> bool) -> bool {
    let column = |expr: &Expr| matches!(expr, Expr::Column(name) if known(name));
    match predicate {
        Expr::Column(_) => column(predicate),
        Expr::Literal(Value::Boolean(_) | Value::Null) => true,
        Expr::Compare { left, right, .. } => {
            (column(left) && matches!(**right, Expr::Literal(_)))
                || (column(right) && matches!(**left, Expr::Literal(_)))
        }
        Expr::In { operand, .. } | Expr::StartsWith { operand, .. } | Expr::IsNull(operand) => column(operand),
        Expr::And(parts) => parts.iter().any(|part| is_prunable(part, known)),
        Expr::Or(parts) => parts.iter().all(|part| is_prunable(part, known)),
        Expr::Not(inner) => is_prunable(inner, known),
        _ => false,
    }
}

fn outcomes(expr: &Expr, column: &dyn Fn(&str) -> Option<Range>) -> Outcomes {
    match expr {
        Expr::Literal(Value::Boolean(truth)) => Outcomes { yes: *truth, no: !*truth, null: false },
        Expr::Literal(Value::Null) => Outcomes { yes: false, no: false, null: true },
        Expr::Column(_) => compare(CompareOp::Eq, expr, &Expr::Literal(Value::Boolean(true)), column),
        Expr::Compare { op, left, right } => compare(*op, left, right, column),
        Expr::In { operand, list } => is_in(operand, list, column),
        Expr::StartsWith { operand, prefix } => starts_with(operand, prefix, column),
        Expr::IsNull(operand) => is_null(operand, column),
        Expr::Not(inner) => {
            let inner = outcomes(inner, column);
            Outcomes { yes: inner.no, no: inner.yes, null: inner.null }
        }
        Expr::And(parts) => parts.iter().map(|part| outcomes(part, column)).fold(
            Outcomes { yes: true, no: false, null: false },
            |a, b| Outcomes {
                yes: a.yes && b.yes,
                no: a.no || b.no,
                null: (a.null && (b.null || b.yes)) || (b.null && a.yes),
            },
        ),
        Expr::Or(parts) => parts.iter().map(|part| outcomes(part, column)).fold(
            Outcomes { yes: false, no: true, null: false },
            |a, b| Outcomes {
                yes: a.yes || b.yes,
                no: a.no && b.no,
                null: (a.null && (b.null || b.no)) || (b.null && a.no),
            },
        ),
        _ => ANY,
    }
}

/// What is known of a column that stands alone on one side.
fn range_of(expr: &Expr, column: &dyn Fn(&str) -> Option<Range>) -> Option<Range> {
    if let Expr::Column(name) = expr { column(name) } else { None }
}

fn compare(op: CompareOp, left: &Expr, right: &Expr, column: &dyn Fn(&str) -> Option<Range>) -> Outcomes {
    match (left, right) {
        (_, Expr::Literal(Value::Null)) | (Expr::Literal(Value::Null), _) => {
            Outcomes { yes: false, no: false, null: true }
        }
        (Expr::Column(_), Expr::Literal(value)) => {
            range_of(left, column).map_or(ANY, |range| compare_range(op, &range, value))
        }
        (Expr::Literal(value), Expr::Column(_)) => {
            range_of(right, column).map_or(ANY, |range| compare_range(op.flipped(), &range, value))
        }
        _ => ANY,
    }
}

fn compare_range(op: CompareOp, range: &Range, value: &Value) -> Outcomes {
    let null = range.may_be_null;
    if !range.may_be_value {
        return Outcomes { yes: false, no: false, null };
    }
    // A bound of another family, or one too long to compare, says nothing.
    let order = |bound: &Option<Value>| bound.as_ref().and_then(|bound| bound.compare(value));
    let (least, greatest) = (order(&range.min), order(&range.max));
    let may_be_less = least.is_none_or(Ordering::is_lt);
    let may_be_greater = greatest.is_none_or(Ordering::is_gt);
    let may_be_equal = least.is_none_or(Ordering::is_le) && greatest.is_none_or(Ordering::is_ge);
    let (yes, no) = match op {
        CompareOp::Eq => (may_be_equal, may_be_less || may_be_greater),
        CompareOp::NotEq => (may_be_less || may_be_greater, may_be_equal),
        CompareOp::Lt => (may_be_less, may_be_equal || may_be_greater),
        CompareOp::LtEq => (may_be_less || may_be_equal, may_be_greater),
        CompareOp::Gt => (may_be_greater, may_be_equal || may_be_less),
        CompareOp::GtEq => (may_be_greater || may_be_equal, may_be_less),
    };
    Outcomes { yes, no, null }
}

fn is_in(operand: &Expr, list: &[Value], column: &dyn Fn(&str) -> Option<Range>) -> Outcomes {
    let Some(range) = range_of(operand, column) else { return ANY };
    let each = list.iter().filter(|value| !value.is_null());
    let yes = each.map(|value| compare_range(CompareOp::Eq, &range, value)).any(|outcome| outcome.yes);
    let null_in_list = list.iter().any(Value::is_null);
    let null = range.may_be_null || (null_in_list && range.may_be_value);
    Outcomes {
        yes,
        no: range.may_be_value && !(range.is_one_value() && yes),
        null: null || (range.is_one_value() && null_in_list),
    }
}

fn starts_with(operand: &Expr, prefix: &str, column: &dyn Fn(&str) -> Option<Range>) -> Outcomes {
    let Some(range) = range_of(operand, column) else { return ANY };
    let head = |text: &str| text.as_bytes().get(..prefix.len()).unwrap_or(text.as_bytes()).to_vec();
    let below = matches!(&range.max, Some(Value::Utf8(max)) if head(max).as_slice() < prefix.as_bytes());
    let above = matches!(&range.min, Some(Value::Utf8(min)) if head(min).as_slice() > prefix.as_bytes());
    Outcomes { yes: range.may_be_value && !below && !above, no: range.may_be_value, null: range.may_be_null }
}

fn is_null(operand: &Expr, column: &dyn Fn(&str) -> Option<Range>) -> Outcomes {
    match operand {
        Expr::Column(name) => match column(name) {
            Some(range) => Outcomes { yes: range.may_be_null, no: range.may_be_value, null: false },
            None => Outcomes { yes: true, no: true, null: false },
        },
        Expr::Literal(value) => Outcomes { yes: value.is_null(), no: !value.is_null(), null: false },
        other => {
            let inner = outcomes(other, column);
            Outcomes { yes: inner.null, no: inner.yes || inner.no, null: false }
        }
    }
}
