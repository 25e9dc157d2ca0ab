//! The filters of a request, taken apart into conditions that must all hold.

use super::condition::{Compiler, Reason};
use super::expression::{Condition, MAX_EXPRESSION_BYTES, MAX_OPERATORS};
use super::target::{Target, attribute_of_column};
use headwater_core::{Answer, CompareOp, Expr, TableMetadata, Value};

/// One condition and the filter it is part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conjunct<'a> {
    pub(super) filter: usize,
    pub(super) expr: &'a Expr,
}

/// All conditions of all filters.
pub(super) fn conjuncts(filters: &[Expr]) -> Vec<Conjunct<'_>> {
    let mut found = Vec::new();
    filters.iter().enumerate().for_each(|(filter, expr)| collect(filter, expr, &mut found));
    found
}

fn collect<'a>(filter: usize, expr: &'a Expr, found: &mut Vec<Conjunct<'a>>) {
    match expr {
        Expr::And(parts) => parts.iter().for_each(|part| collect(filter, part, found)),
        expr => found.push(Conjunct { filter, expr }),
    }
}

/// Which attributes a condition needs, as far as a Query cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uses {
    /// The partition key alone.
    Partition,
    /// The sort key alone.
    Sort,
    /// A key attribute and something else.
    Mixed,
    /// No key attribute.
    Others,
}

impl Conjunct<'_> {
    /// Which attributes it needs.
    pub(super) fn uses(&self, target: &Target<'_>, table: &TableMetadata) -> Uses {
        let (mut partition, mut sort, mut others, mut again) = (false, false, false, false);
        self.expr.visit_columns(&mut |name| {
            if name == target.partition.column {
                partition = true;
            } else if target.sort.as_ref().is_some_and(|key| key.column == name) {
                sort = true;
            } else if attribute_of_column(table, name).is_some_and(|attribute| target.is_key(attribute)) {
                // A second column of a key attribute.
                again = true;
            } else {
                others = true;
            }
        });
        match (partition, sort, others, again) {
            (true, false, false, false) => Uses::Partition,
            (false, true, false, false) => Uses::Sort,
            (false, false, _, false) => Uses::Others,
            _ => Uses::Mixed,
        }
    }

    /// Whether it is `column IS NOT NULL`.
    pub(super) fn is_not_null(&self, column: &str) -> bool {
        let Expr::Not(operand) = self.expr else { return false };
        let Expr::IsNull(operand) = operand.as_ref() else { return false };
        matches!(operand.as_ref(), Expr::Column(name) if name == column)
    }

    /// The constants that `column` must be one of, if the condition says so.
    pub(super) fn equals(&self, column: &str) -> Option<Vec<Value>> {
        match (self.expr, self.comparison(column)) {
            (_, Some((CompareOp::Eq, value))) => Some(vec![value.clone()]),
            (Expr::In { operand, list }, _) if matches!(operand.as_ref(), Expr::Column(name) if name == column) => {
                Some(list.clone())
            }
            _ => None,
        }
    }

    /// The operator and the constant that `column` is compared with.
    pub(super) fn comparison(&self, column: &str) -> Option<(CompareOp, &Value)> {
        self.compared().filter(|(name, ..)| *name == column).map(|(_, op, value)| (op, value))
    }

    /// The column that is compared with a constant, and with which.
    pub(super) fn compared(&self) -> Option<(&str, CompareOp, &Value)> {
        let Expr::Compare { op, left, right } = self.expr else { return None };
        match (left.as_ref(), right.as_ref()) {
            (Expr::Column(name), Expr::Literal(value)) => Some((name, *op, value)),
            (Expr::Literal(value), Expr::Column(name)) => Some((name, op.flipped(), value)),
            _ => None,
        }
    }

    /// A guess at the share of rows that remain.
    pub(super) fn selectivity(&self) -> f64 {
        match self.expr {
            Expr::Compare { op: CompareOp::Eq, .. }
            | Expr::In { .. }
            | Expr::StartsWith { .. }
            | Expr::Contains { .. }
            | Expr::IsNull(_) => 0.1,
            Expr::Compare { op: CompareOp::NotEq, .. } | Expr::Not(_) => 0.9,
            _ => 0.3,
        }
    }
}

/// A filter expression under construction.
#[derive(Debug, Default)]
pub(super) struct FilterExpression {
    parts: Vec<String>,
    bytes: usize,
    operators: usize,
    /// Whether some condition holds for no item at all.
    pub(super) never: bool,
}

impl FilterExpression {
    /// Adds a condition, or a weaker one, or says why it cannot be sent.
    pub(super) fn push(&mut self, compiler: &mut Compiler<'_>, conjunct: &Conjunct<'_>) -> Answer {
        let added = compiler.compile(conjunct.expr, true).and_then(|condition| self.add(condition));
        let Err(reason) = added else { return Answer::Exact };
        let weaker = compiler.weaker(conjunct).and_then(|(condition, why)| self.add(condition).ok().map(|()| why));
        weaker.map_or(Answer::Refused(reason), |why| Answer::Inexact(why.to_owned()))
    }

    fn add(&mut self, condition: Condition) -> Result<(), Reason> {
        match condition {
            Condition::Always => {}
            Condition::Never => self.never = true,
            Condition::Test { text, operators } => {
                const JOINED: usize = " AND ".len();
                if self.bytes + text.len() + JOINED > MAX_EXPRESSION_BYTES {
                    return Err(format!("DynamoDB's expressions end at {MAX_EXPRESSION_BYTES} bytes"));
                }
                if self.operators + operators + 1 > MAX_OPERATORS {
                    return Err(format!("DynamoDB's expressions have at most {MAX_OPERATORS} operators"));
                }
                self.bytes += text.len() + JOINED;
                self.operators += operators + 1;
                self.parts.push(text);
            }
        }
        Ok(())
    }

    /// The expression; `None` if nothing needs to be tested.
    pub(super) fn text(self) -> Option<String> {
        (!self.parts.is_empty()).then(|| self.parts.join(" AND "))
    }
}

/// One answer per filter from one answer per condition.
pub(super) fn answers(filters: usize, conjuncts: &[Conjunct<'_>], outcomes: &[Answer]) -> Vec<Answer> {
    (0..filters)
        .map(|filter| {
            let own = conjuncts.iter().zip(outcomes).filter(|(conjunct, _)| conjunct.filter == filter);
            merged(own.map(|(_, outcome)| outcome))
        })
        .collect()
}

/// All exact: exact. None applied: refused. Else a superset comes back.
fn merged<'a>(outcomes: impl Iterator<Item = &'a Answer>) -> Answer {
    let (mut reason, mut applied) = (None, false);
    let mut keep = |text: &str| {
        reason.get_or_insert_with(|| text.to_owned());
    };
    for outcome in outcomes {
        match outcome {
            Answer::Exact => applied = true,
            Answer::Inexact(text) => {
                applied = true;
                keep(text);
            }
            Answer::Refused(text) => keep(text),
        }
    }
    match (reason, applied) {
        (None, _) => Answer::Exact,
        (Some(reason), true) => Answer::Inexact(reason),
        (Some(reason), false) => Answer::Refused(reason),
    }
}
