//! Which share of a table's rows conditions leave, by what the source sampled, or by the usual guesses.

use headwater_core::{ColumnFacts, CompareOp, Expr, TableMetadata, Value};
use std::collections::BTreeMap;

/// What is left of an order where nothing is known, as PostgreSQL's own planner guesses.
const OF_ORDER: f64 = 1.0 / 3.0;
/// What is left of an equality where nothing is known.
const OF_EQUALITY: f64 = 0.1;
/// Of texts with a prefix, or with something in them.
const OF_PREFIX: f64 = 0.1;
/// Of NULLs.
const OF_NULLS: f64 = 0.05;

/// The share of rows, from 0 to 1, that all of these conditions leave, as if they did not depend on each other. Bounds of
/// one column from both sides do, and are taken together.
pub(crate) fn share_of<'a>(table: &TableMetadata, filters: impl Iterator<Item = &'a Expr>) -> f64 {
    let mut ranges: BTreeMap<&str, Range> = BTreeMap::new();
    let mut share = 1.0;
    for filter in filters.flat_map(parts) {
        match bound(table, filter) {
            Some((column, bound)) => ranges.entry(column).or_default().narrow(bound),
            None => share *= share_of_one(table, filter),
        }
    }
    ranges.values().fold(share, |share, range| share * range.share()).clamp(0.0, 1.0)
}

fn parts(filter: &Expr) -> Vec<&Expr> {
    match filter {
        Expr::And(parts) => parts.iter().flat_map(self::parts).collect(),
        other => vec![other],
    }
}

/// The rows of a column from one share of its order to another.
struct Range {
    from: f64,
    to: f64,
}

impl Default for Range {
    fn default() -> Self {
        Self { from: 0.0, to: 1.0 }
    }
}

impl Range {
    fn narrow(&mut self, bound: Bound) {
        match bound {
            Bound::Below(share) => self.to = self.to.min(share),
            Bound::Above(share) => self.from = self.from.max(share),
        }
    }

    fn share(&self) -> f64 {
        (self.to - self.from).clamp(0.0001, 1.0)
    }
}

enum Bound {
    Below(f64),
    Above(f64),
}

/// A bound of a column of whose order something is known.
fn bound<'a>(table: &TableMetadata, filter: &'a Expr) -> Option<(&'a str, Bound)> {
    let Expr::Compare { op, left, right } = filter else { return None };
    let (Expr::Column(column), Expr::Literal(value)) = (left.as_ref(), right.as_ref()) else { return None };
    let facts = table.columns.get(column)?;
    let below = facts.estimates.share_below(value)?;
    let equal = facts.estimates.share_equal(value, facts.distinct.value()).unwrap_or(0.0);
    let present = 1.0 - facts.estimates.nulls.unwrap_or(0.0);
    let bound = match op {
        CompareOp::Lt => Bound::Below(below),
        CompareOp::LtEq => Bound::Below((below + equal).min(present)),
        CompareOp::GtEq => Bound::Above(below + 1.0 - present),
        CompareOp::Gt => Bound::Above((below + equal).min(present) + 1.0 - present),
        CompareOp::Eq | CompareOp::NotEq => return None,
    };
    Some((column, bound))
}

fn share_of_one(table: &TableMetadata, filter: &Expr) -> f64 {
    let share = match filter {
        Expr::Compare { op, left, right } => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value)) => compared(&table.facts(column), *op, value),
            _ => OF_ORDER,
        },
        Expr::In { operand, list } => match operand.as_ref() {
            Expr::Column(column) => {
                let facts = table.facts(column);
                list.iter().map(|value| equal(&facts, value)).sum()
            }
            _ => 1.0,
        },
        Expr::And(_) => share_of(table, std::iter::once(filter)),
        Expr::Or(parts) => {
            1.0 - parts.iter().fold(1.0, |none, part| none * (1.0 - share_of(table, std::iter::once(part))))
        }
        Expr::Not(operand) => 1.0 - share_of(table, std::iter::once(operand.as_ref())),
        Expr::IsNull(operand) => match operand.as_ref() {
            Expr::Column(column) => table.facts(column).estimates.nulls.unwrap_or(OF_NULLS),
            _ => OF_NULLS,
        },
        Expr::StartsWith { prefix: text, .. } | Expr::Contains { part: text, .. } if !text.is_empty() => OF_PREFIX,
        _ => 1.0,
    };
    share.clamp(0.0, 1.0)
}

fn compared(facts: &ColumnFacts, op: CompareOp, value: &Value) -> f64 {
    match op {
        CompareOp::Eq => equal(facts, value),
        CompareOp::NotEq => 1.0 - equal(facts, value) - facts.estimates.nulls.unwrap_or(0.0),
        CompareOp::Lt | CompareOp::LtEq | CompareOp::Gt | CompareOp::GtEq => OF_ORDER,
    }
}

fn equal(facts: &ColumnFacts, value: &Value) -> f64 {
    facts.estimates.share_equal(value, facts.distinct.value()).unwrap_or(OF_EQUALITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field, Schema};
    use headwater_core::{ColumnEstimates, CommonValue, Precision, TableName};
    use std::sync::Arc;

    fn table() -> TableMetadata {
        let schema = Schema::new(vec![Field::new("d", DataType::Date32, true), Field::new("s", DataType::Utf8, true)]);
        let mut table = TableMetadata::new(TableName::new("s", "t"), Arc::new(schema));
        let estimates = ColumnEstimates { bounds: (0..=100).map(Value::Date).collect(), ..ColumnEstimates::default() };
        let dates = ColumnFacts { distinct: Precision::Inexact(101), estimates, ..ColumnFacts::default() };
        let common = vec![CommonValue { value: Value::Utf8("BUILDING".into()), share: 0.2 }];
        let estimates = ColumnEstimates { nulls: Some(0.3), common, bounds: Vec::new() };
        let texts = ColumnFacts { distinct: Precision::Inexact(6), estimates, ..ColumnFacts::default() };
        table.columns = BTreeMap::from([("d".to_owned(), dates), ("s".to_owned(), texts)]);
        table
    }

    fn share(filters: &[Expr]) -> f64 {
        (share_of(&table(), filters.iter()) * 1_000.0).round() / 1_000.0
    }

    #[test]
    fn two_bounds_of_a_column_are_one_range() {
        let date = |op, day| Expr::column("d").compare(op, Value::Date(day));
        assert_eq!(share(&[date(CompareOp::GtEq, 50), date(CompareOp::Lt, 51)]), 0.01);
        assert_eq!(share(&[Expr::And(vec![date(CompareOp::Gt, 20), date(CompareOp::LtEq, 40)])]), 0.2);
        assert_eq!(share(&[date(CompareOp::Lt, 25).negate()]), 0.75);
    }

    #[test]
    fn common_values_count_for_what_they_are() {
        let text = |text: &str| Expr::column("s").compare(CompareOp::Eq, Value::Utf8(text.into()));
        assert_eq!(share(&[text("BUILDING")]), 0.2);
        assert_eq!(share(&[text("other")]), 0.1);
        assert_eq!(share(&[Expr::column("s").is_null()]), 0.3);
        assert_eq!(share(&[Expr::Or(vec![text("BUILDING"), text("other")])]), 0.28);
        assert_eq!(share(&[Expr::column("unknown").compare(CompareOp::Eq, Value::Int64(1))]), 0.1);
    }
}
