//! The one condition on the sort key that a Query takes.

use super::conjunct::Conjunct;
use super::literal::{AsKey, MAX_SORT_BYTES};
use super::stored::{OFFSETS, Stored};
use super::target::Key;
use headwater_core::{Answer, CompareOp, Expr, Value, eval::passes};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::cmp::Ordering;
use std::collections::HashSet;

/// What a Query asks of the sort key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SortTest {
    /// Nothing.
    Any,
    /// One of these values: one Query each. Empty: no item qualifies.
    Values(Vec<Json>),
    /// `=`, `<`, `<=`, `>` or `>=`.
    Compare(String, Json),
    /// Between two values, both included.
    Between(Json, Json),
    /// Begins with this text.
    BeginsWith(Json),
}

/// The test, and an answer for each condition in turn.
pub(super) fn sort_test(key: &Key, conjuncts: &[&Conjunct<'_>]) -> (SortTest, Vec<Answer>) {
    equality(key, conjuncts).or_else(|| prefix(key, conjuncts)).unwrap_or_else(|| range(key, conjuncts))
}

/// The same for a key of texts of instants, which do not sort as what they say: only bounds, to be checked again. What
/// has none is refused for this reason.
pub(super) fn weaker_test(
    key: &Key,
    stored: Stored,
    conjuncts: &[&Conjunct<'_>],
    reason: &str,
) -> (SortTest, Vec<Answer>) {
    let weaker = |conjunct: &&Conjunct<'_>| {
        let (op, value) = conjunct.comparison(&key.column)?;
        let tests = stored.weaker(op, value)?;
        Some(tests.into_iter().map(|(op, value)| Expr::column(&key.column).compare(op, value)).collect())
    };
    let weaker: Vec<Option<Vec<Expr>>> = conjuncts.iter().map(weaker).collect();
    let parts: Vec<Conjunct<'_>> = weaker.iter().flatten().flatten().map(|expr| Conjunct { filter: 0, expr }).collect();
    let text = Key { stored: None, ..key.clone() };
    let (test, answers) = range(&text, &parts.iter().collect::<Vec<_>>());
    let mut answers = answers.into_iter();
    let answers = weaker.iter().zip(conjuncts).map(|(exprs, conjunct)| {
        let Some(exprs) = exprs else { return unless_true_of_all(key, conjunct, || reason.to_owned()) };
        let applied = answers.by_ref().take(exprs.len()).filter(|part| !matches!(part, Answer::Refused(_))).count();
        if applied > 0 { Answer::Inexact(OFFSETS.to_owned()) } else { Answer::Refused(reason.to_owned()) }
    });
    let answers = answers.collect();
    (test, answers)
}

/// `=` and `IN`: all other conditions on the key are checked here, on the values themselves.
fn equality(key: &Key, conjuncts: &[&Conjunct<'_>]) -> Option<(SortTest, Vec<Answer>)> {
    let values = conjuncts.iter().find_map(|conjunct| storable(key, &conjunct.equals(&key.column)?))?;
    let passing = |value: &Value| conjuncts.iter().all(|conjunct| passes(conjunct.expr, &|_| value.clone()));
    let values = values.into_iter().filter(|(value, _)| passing(value)).map(|(_, json)| json).collect();
    Some((SortTest::Values(values), vec![Answer::Exact; conjuncts.len()]))
}

/// The distinct values that a key can have; `None` if that is unclear for one of them.
fn storable(key: &Key, values: &[Value]) -> Option<Vec<(Value, Json)>> {
    let (mut kept, mut seen) = (Vec::new(), HashSet::new());
    for value in values {
        match key.found_value(true, value) {
            AsKey::Storable(json) if seen.insert(json.to_string()) => kept.push((value.clone(), json)),
            AsKey::Storable(_) | AsKey::Impossible => {}
            AsKey::Unfit | AsKey::Unclear => return None,
        }
    }
    Some(kept)
}

fn prefix(key: &Key, conjuncts: &[&Conjunct<'_>]) -> Option<(SortTest, Vec<Answer>)> {
    let prefix_of = |conjunct: &Conjunct<'_>| match conjunct.expr {
        Expr::StartsWith { prefix, .. } if !prefix.is_empty() => Some(prefix.clone()),
        _ => None,
    };
    let at = conjuncts.iter().position(|conjunct| prefix_of(conjunct).is_some())?;
    let prefix = prefix_of(conjuncts.get(at)?)?;
    let mut answers: Vec<Answer> =
        conjuncts.iter().map(|conjunct| unless_true_of_all(key, conjunct, || one_only(key))).collect();
    *answers.get_mut(at)? = Answer::Exact;
    if prefix.len() > MAX_SORT_BYTES {
        // No key is that long, and DynamoDB would refuse the question.
        return Some((SortTest::Values(Vec::new()), answers));
    }
    Some((SortTest::BeginsWith(json!({ "S": prefix })), answers))
}

/// The tightest lower and upper bound.
#[derive(Debug, Default)]
struct Bounds<'a> {
    lower: Option<(&'a Value, CompareOp)>,
    upper: Option<(&'a Value, CompareOp)>,
}

impl<'a> Bounds<'a> {
    /// Takes a bound in; `false` if it is none or does not compare with the one that is there.
    fn add(&mut self, op: CompareOp, value: &'a Value) -> bool {
        let (side, tighter, strict) = match op {
            CompareOp::Gt | CompareOp::GtEq => (&mut self.lower, Ordering::Greater, CompareOp::Gt),
            CompareOp::Lt | CompareOp::LtEq => (&mut self.upper, Ordering::Less, CompareOp::Lt),
            CompareOp::Eq | CompareOp::NotEq => return false,
        };
        let replaces = match side {
            None => true,
            Some((known, _)) => match value.compare(known) {
                None => return false,
                Some(Ordering::Equal) => op == strict,
                Some(order) => order == tighter,
            },
        };
        if replaces {
            *side = Some((value, op));
        }
        true
    }
}

fn range(key: &Key, conjuncts: &[&Conjunct<'_>]) -> (SortTest, Vec<Answer>) {
    let mut bounds = Bounds::default();
    let mut answers = Vec::with_capacity(conjuncts.len());
    for conjunct in conjuncts {
        let bound = conjunct.comparison(&key.column).filter(|(_, value)| as_json(key, value).is_some());
        let taken = bound.is_some_and(|(op, value)| bounds.add(op, value));
        answers.push(if taken { Answer::Exact } else { unless_true_of_all(key, conjunct, || one_only(key)) });
    }
    let (test, between) = match (bounds.lower, bounds.upper) {
        (None, None) => (SortTest::Any, false),
        (Some((value, op)), None) | (None, Some((value, op))) => (compare(key, op, value), false),
        (Some((low, _)), Some((high, _))) => between(key, low, high),
    };
    if between {
        blur_strict_bounds(key, conjuncts, &mut answers);
    }
    (test, answers)
}

fn as_json(key: &Key, value: &Value) -> Option<Json> {
    match key.found_value(true, value) {
        AsKey::Storable(json) => Some(json),
        AsKey::Impossible | AsKey::Unfit | AsKey::Unclear => None,
    }
}

fn compare(key: &Key, op: CompareOp, value: &Value) -> SortTest {
    as_json(key, value).map_or(SortTest::Any, |value| SortTest::Compare(op.symbol().to_owned(), value))
}

/// `BETWEEN`, which DynamoDB rejects when the bounds are the wrong way round. The second part: whether it was used.
fn between(key: &Key, low: &Value, high: &Value) -> (SortTest, bool) {
    match (low.compare(high), as_json(key, low), as_json(key, high)) {
        (Some(Ordering::Greater), ..) => (SortTest::Values(Vec::new()), false),
        (_, Some(low), Some(high)) => (SortTest::Between(low, high), true),
        _ => (SortTest::Any, false),
    }
}

/// Bounds that exclude their value must be checked again after a `BETWEEN`.
fn blur_strict_bounds(key: &Key, conjuncts: &[&Conjunct<'_>], answers: &mut [Answer]) {
    for (conjunct, answer) in conjuncts.iter().zip(answers) {
        let strict = matches!(conjunct.comparison(&key.column), Some((CompareOp::Gt | CompareOp::Lt, _)));
        if strict && *answer == Answer::Exact {
            let reason = format!("a Query takes both bounds of {} only as BETWEEN, which includes them", key.column);
            *answer = Answer::Inexact(reason);
        }
    }
}

/// A key is never NULL; any other condition is one too many.
fn unless_true_of_all(key: &Key, conjunct: &Conjunct<'_>, reason: impl FnOnce() -> String) -> Answer {
    if conjunct.is_not_null(&key.column) { Answer::Exact } else { Answer::Refused(reason()) }
}

fn one_only(key: &Key) -> String {
    format!("a Query takes one condition on the sort key {} and no further filter on it", key.column)
}
