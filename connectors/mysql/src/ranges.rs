//! A large table cut into ranges of its primary key, each read by a statement of its own.
//!
//! The first range begins and the last ends nowhere, so every row lies in exactly one of them whatever becomes of the
//! table between planning and reading. The keys are kept with the table's metadata; see the `bounds` module.

use crate::bounds::{Bounds, literal, ranges};
use crate::convert::ColumnLaw;
use crate::product::Product;
use headwater_core::{Answer, CompareOp, Expr, Relation, ScanRequest, TableMetadata};
use headwater_sql::{SqlText, estimated_rows};
use std::collections::BTreeSet;

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
    let plain = matches!(request.relation, Relation::Table(_)) && request.top.is_none() && request.limit.is_none();
    let indexed: BTreeSet<&str> = table.keys.iter().filter_map(|key| key.columns.first()).map(String::as_str).collect();
    let said = request.filters.iter().zip(answers).filter(|(_, answer)| !matches!(answer, Answer::Refused(_)));
    if !plain || said.into_iter().any(|(filter, _)| may_use_index(filter, &indexed)) {
        return Vec::new();
    }
    if keeps_few(table, request, answers) {
        return Vec::new();
    }
    let count = u64::try_from(parallel).unwrap_or(1).min(bounds.bytes / LEAST);
    let literals: Option<Vec<SqlText>> = bounds.even(count).into_iter().map(|key| literal(product, law, key)).collect();
    let literals = literals.unwrap_or_default();
    if literals.is_empty() {
        return Vec::new();
    }
    ranges(&SqlText::identifier(product.dialect(), &bounds.column), &literals)
}

/// Whether the server is expected to send less than half of the rows. It then spends its time on looking at them, and a
/// range of the key costs it more for each row than reading the whole table does.
fn keeps_few(table: &TableMetadata, request: &ScanRequest, answers: &[Answer]) -> bool {
    let (all, kept) = (table.row_count.value(), estimated_rows(table, request, answers).value());
    all.zip(kept).is_some_and(|(all, kept)| kept < all / 2)
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
