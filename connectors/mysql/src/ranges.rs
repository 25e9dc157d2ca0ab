//! A large table, or a join of one by its primary key, cut into ranges of that key, each read by a statement of its own.
//!
//! The first range begins and the last ends nowhere, so every row lies in exactly one of them whatever becomes of the
//! table between planning and reading. The keys are kept with the table's metadata; see the `bounds` module.

use crate::bounds::{Bounds, literal, ranges};
use crate::convert::ColumnLaw;
use crate::metadata::TableDetail;
use crate::product::Product;
use headwater_core::{Answer, CompareOp, Expr, Input, Relation, ScanRequest, Side, TableMetadata, Value};
use headwater_sql::SqlText;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A range is not smaller than this.
const LEAST: u64 = 16 << 20;

/// One condition per statement, with `answers` to the request's filters and up to `parallel` statements. Empty: one
/// statement for all.
pub(crate) fn conditions(
    (product, law): (Product, &ColumnLaw),
    bounds: &Bounds,
    table: &TableMetadata,
    request: &ScanRequest,
    answers: &[Answer],
    parallel: usize,
) -> Vec<SqlText> {
    if !matches!(request.relation, Relation::Table(_)) || !is_whole(table, request, answers) {
        return Vec::new();
    }
    let keys = bounds.even(pieces(bounds, parallel));
    let literals: Option<Vec<SqlText>> = keys.into_iter().map(|key| literal(product, law, key)).collect();
    let literals = literals.unwrap_or_default();
    if literals.is_empty() {
        return Vec::new();
    }
    ranges(&SqlText::identifier(product.dialect(), &bounds.column), &literals)
}

/// Where a join can be cut: at the primary key of a side whose rows it finds by that key. The equality hands the range on
/// to the other side, so the server can still begin with either. `None`: it is one statement.
pub(crate) fn of_join(
    relation: &Relation,
    tables: &[Arc<TableMetadata>],
    details: &[TableDetail],
) -> Option<(Side, Bounds)> {
    let (Relation::Join(join), [left, right], [of_left, of_right]) = (relation, tables, details) else { return None };
    if by_index(&join.left, left) || by_index(&join.right, right) {
        return None;
    }
    let joined = |side, column: &str| {
        join.on.iter().any(|(left, right)| column == if side == Side::Left { left } else { right })
    };
    let cuts = [(Side::Left, of_left), (Side::Right, of_right)].into_iter().filter_map(|(side, detail)| {
        let bounds = detail.bounds.as_ref().filter(|bounds| detail.side.is_none() && joined(side, &bounds.column))?;
        // Texts are compared by their bytes here, which no index is in the order of.
        let whole = bounds.keys.iter().all(|key| matches!(key, Value::Int64(_) | Value::UInt64(_)));
        whole.then(|| (side, bounds.clone()))
    });
    let (side, bounds) = cuts.max_by_key(|(_, bounds)| bounds.bytes)?;
    let bytes = [left, right].iter().filter_map(|table| table.byte_size.value()).sum();
    Some((side, Bounds { bytes, ..bounds }))
}

fn by_index(input: &Input, table: &TableMetadata) -> bool {
    let indexed = indexed(table);
    input.filters.iter().any(|filter| may_use_index(filter, &indexed))
}

/// The same join of the rows in each range, as requests of their own. Empty: one statement for all.
pub(crate) fn joins(
    (side, bounds): (Side, &Bounds),
    table: &TableMetadata,
    request: &ScanRequest,
    answers: &[Answer],
    parallel: usize,
) -> Vec<ScanRequest> {
    let Relation::Join(join) = &request.relation else { return Vec::new() };
    if !is_whole(table, request, answers) {
        return Vec::new();
    }
    let keys = bounds.even(pieces(bounds, parallel));
    if keys.is_empty() {
        return Vec::new();
    }
    let bound = |op| move |key: &&Value| Expr::column(&bounds.column).compare(op, (*key).clone());
    let starts = std::iter::once(None).chain(keys.iter().map(Some));
    let ends = keys.iter().map(Some).chain(std::iter::once(None));
    let cut = starts.zip(ends).map(|(start, end)| {
        let mut join = join.clone();
        let input = if side == Side::Left { &mut join.left } else { &mut join.right };
        input.filters.extend(start.map(bound(CompareOp::GtEq)));
        input.filters.extend(end.map(bound(CompareOp::Lt)));
        ScanRequest { relation: Relation::Join(join), ..request.clone() }
    });
    cut.collect()
}

/// Whether all of a relation is read: neither its first rows nor what an index finds.
fn is_whole(table: &TableMetadata, request: &ScanRequest, answers: &[Answer]) -> bool {
    let indexed = indexed(table);
    let said = request.filters.iter().zip(answers).filter(|(_, answer)| !matches!(answer, Answer::Refused(_)));
    let by_index = said.into_iter().any(|(filter, _)| may_use_index(filter, &indexed));
    request.top.is_none() && request.limit.is_none() && !by_index
}

fn indexed(table: &TableMetadata) -> BTreeSet<&str> {
    table.keys.iter().filter_map(|key| key.columns.first()).map(String::as_str).collect()
}

fn pieces(bounds: &Bounds, parallel: usize) -> u64 {
    u64::try_from(parallel).unwrap_or(1).min(bounds.bytes / LEAST)
}

/// Whether an index could find the rows of a condition: not those that have any value but one.
fn may_use_index(filter: &Expr, indexed: &BTreeSet<&str>) -> bool {
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
