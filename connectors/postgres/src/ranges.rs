//! A large table cut into ranges of its pages, each read by a statement of its own.
//!
//! `ctid < '(1000,0)'`, `ctid >= '(1000,0)' AND ctid < '(2000,0)'`, `ctid >= '(2000,0)'`: disjoint and complete
//! whatever becomes of the table between planning and reading, as the first begins and the last ends nowhere. On a
//! partitioned table, and on one that others inherit from, the ranges are those of every part at once: parts that come
//! and go, privileges and pruning stay the server's affair.

use headwater_core::{Answer, CompareOp, Expr, Relation, ScanRequest, TableMetadata};
use headwater_sql::{SqlText, estimated_rows};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A table below this is read faster than connections are opened.
const SMALL: u64 = 32 << 20;

/// A range is not smaller than this,
const LEAST: u64 = 16 << 20;

/// and there are not more of them than this, nor than it takes to have ranges of this size or one per connection.
const MOST: u64 = 16;
const USUAL: u64 = 64 << 20;

/// A scan that keeps fewer rows than one in so many is the server's to speed up: by its own parallel plan.
const NARROW: u64 = 20;

/// Where a table's rows are stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// How many pages each part has: one part for a plain table.
    pub(crate) pages: Vec<u64>,
    /// The size of all parts with what is stored beside the pages.
    pub(crate) bytes: u64,
    /// The columns by which some index finds rows.
    pub(crate) indexed: BTreeSet<String>,
}

/// How a scan's rows are read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// By one statement; for a large table why.
    Whole(Option<&'static str>),
    /// By one statement per condition.
    Cut(Vec<SqlText>),
}

/// Decides for a request, with `answers` to its filters and up to `parallel` statements at once.
pub(crate) fn ranges(
    stored: &Stored,
    table: &TableMetadata,
    request: &ScanRequest,
    answers: &[Answer],
    parallel: usize,
) -> Ranges {
    let one_table = matches!(request.relation, Relation::Table(_)) && request.top.is_none() && request.limit.is_none();
    if parallel < 2 || !one_table || stored.bytes < SMALL {
        return Ranges::Whole(None);
    }
    let said = request.filters.iter().zip(answers).filter(|(_, answer)| !matches!(answer, Answer::Refused(_)));
    if said.into_iter().any(|(filter, _)| may_use_index(filter, &stored.indexed)) {
        return Ranges::Whole(Some("one statement, as the server may find the rows by an index"));
    }
    let (all, wanted) = (table.row_count.value(), estimated_rows(table, request, answers).value());
    if let (Some(all), Some(wanted)) = (all, wanted)
        && wanted < all / NARROW
    {
        return Ranges::Whole(Some(
            "one statement, as few rows are expected and the server may look for them in parallel",
        ));
    }
    let parallel = u64::try_from(parallel).unwrap_or(MOST);
    let count = stored.bytes.div_ceil(USUAL).max(parallel.min(stored.bytes / LEAST)).min(MOST);
    let cut = cut(&stored.pages, count);
    if cut.is_empty() { Ranges::Whole(None) } else { Ranges::Cut(cut) }
}

/// Conditions for about `count` ranges of these pages; none if there are too few to cut.
pub(crate) fn cut(pages: &[u64], count: u64) -> Vec<SqlText> {
    let bounds = bounds(pages, count);
    if bounds.is_empty() { Vec::new() } else { conditions(&bounds) }
}

/// Whether an index could find the rows of a condition: not those that have any value but one.
fn may_use_index(filter: &Expr, indexed: &BTreeSet<String>) -> bool {
    match filter {
        Expr::Not(inner) if matches!(inner.as_ref(), Expr::IsNull(_)) => false,
        Expr::Compare { op: CompareOp::NotEq, .. } => false,
        Expr::And(parts) => parts.iter().any(|part| may_use_index(part, indexed)),
        _ => {
            let mut found = false;
            filter.visit_columns(&mut |column| found |= indexed.contains(column));
            found
        }
    }
}

/// The pages between which to cut, ascending, so that about as many pages of all parts together lie in each range.
fn bounds(parts: &[u64], count: u64) -> Vec<u64> {
    let below = |page: u64| parts.iter().map(|pages| u128::from(*pages.min(&page))).sum::<u128>();
    let (longest, all) = (parts.iter().copied().max().unwrap_or(0), below(u64::MAX));
    let mut bounds = Vec::new();
    for index in 1..count {
        let wanted = all * u128::from(index) / u128::from(count);
        let (mut low, mut high) = (0, longest);
        while low < high {
            let middle = low + (high - low) / 2;
            if below(middle) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low > bounds.last().copied().unwrap_or(0) && low < longest {
            bounds.push(low);
        }
    }
    bounds
}

fn conditions(bounds: &[u64]) -> Vec<SqlText> {
    let tuple = |page: u64| SqlText::from_static("'(").append(&SqlText::number(page)).then(",0)'::tid");
    let from = |page: &u64| SqlText::from_static("ctid >= ").append(&tuple(*page));
    let until = |page: &u64| SqlText::from_static("ctid < ").append(&tuple(*page));
    let starts = std::iter::once(None).chain(bounds.iter().map(Some));
    let ends = bounds.iter().map(Some).chain(std::iter::once(None));
    starts
        .zip(ends)
        .map(|(start, end)| {
            let parts: Vec<SqlText> = start.map(from).into_iter().chain(end.map(until)).collect();
            SqlText::joined(&parts, " AND ")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_even_over_all_parts() {
        assert_eq!(bounds(&[1_000], 4), [250, 500, 750]);
        assert_eq!(bounds(&[100, 100, 1_000], 2), [400]);
        assert_eq!(bounds(&[2], 4), [1]);
        assert!(bounds(&[], 4).is_empty() && bounds(&[0, 0], 4).is_empty());
    }

    #[test]
    fn the_first_range_begins_and_the_last_ends_nowhere() {
        let shown: Vec<String> = conditions(&[7, 9]).into_iter().map(SqlText::into_string).collect();
        let expected = ["ctid < '(7,0)'::tid", "ctid >= '(7,0)'::tid AND ctid < '(9,0)'::tid", "ctid >= '(9,0)'::tid"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_condition_that_an_index_might_serve_is_seen_within_others() {
        let indexed = BTreeSet::from(["a".to_owned()]);
        let a = || Expr::column("a").compare(CompareOp::Gt, headwater_core::Value::Int64(1));
        let b = || Expr::column("b").compare(CompareOp::Gt, headwater_core::Value::Int64(1));
        assert!(may_use_index(&Expr::And(vec![b(), a()]), &indexed));
        assert!(!may_use_index(&b(), &indexed));
        assert!(!may_use_index(&Expr::column("a").is_null().negate(), &indexed));
        assert!(may_use_index(&Expr::column("a").is_null(), &indexed));
    }
}
