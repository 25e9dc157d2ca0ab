//! What a request will find, as far as keys and statistics tell.

use headwater_core::{AccessPath, Answer, CompareOp, Expr, Precision, ScanRequest, TableMetadata};
use std::collections::BTreeSet;

/// The leading column of the first key that a condition fixes.
pub fn access_path(table: &TableMetadata, request: &ScanRequest, answers: &[Answer]) -> AccessPath {
    let fixed: BTreeSet<&str> = said(request, answers).filter_map(fixed_column).collect();
    let leading = table.keys.iter().filter_map(|key| key.columns.first());
    match leading.into_iter().find(|column| fixed.contains(column.as_str())) {
        Some(column) => AccessPath::Keys(vec![column.clone()]),
        None => AccessPath::Scan,
    }
}

/// The rows of the table times a guess per condition, at least one.
pub fn estimated_rows(table: &TableMetadata, request: &ScanRequest, answers: &[Answer]) -> Precision {
    let Some(rows) = table.row_count.value() else { return Precision::Unknown };
    let divided = said(request, answers).fold(rows, |rows, filter| remaining(table, rows, filter));
    let limit = request.limit.unwrap_or(u64::MAX);
    Precision::Inexact(divided.max(1).min(limit))
}

/// The columns that a statement names: those of the projection and those of the filters.
pub fn used_columns<'a>(projection: &[&'a str], request: &'a ScanRequest) -> BTreeSet<&'a str> {
    let mut used: BTreeSet<&str> = projection.iter().copied().collect();
    for filter in &request.filters {
        filter.visit_columns(&mut |name| {
            used.insert(name);
        });
    }
    used
}

/// The remarks on the projected columns, for EXPLAIN.
pub fn column_notes(table: &TableMetadata, projection: &[&str]) -> Vec<String> {
    let noted = projection.iter().filter_map(|name| Some((*name, table.columns.get(*name)?)));
    let noted = noted.filter_map(|(name, facts)| Some((name, facts, facts.note.as_ref()?)));
    noted.map(|(name, facts, note)| format!("{name} ({}): {note}", facts.source_type)).collect()
}

fn said<'a>(request: &'a ScanRequest, answers: &'a [Answer]) -> impl Iterator<Item = &'a Expr> {
    let said = request.filters.iter().zip(answers).filter(|(_, answer)| !matches!(answer, Answer::Refused(_)));
    said.map(|(filter, _)| filter)
}

fn fixed_column(filter: &Expr) -> Option<&str> {
    match filter {
        Expr::Compare { op: CompareOp::Eq, left, right } => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(name), Expr::Literal(_)) | (Expr::Literal(_), Expr::Column(name)) => Some(name),
            _ => None,
        },
        Expr::In { operand, .. } => match operand.as_ref() {
            Expr::Column(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Equality leaves one value of many, an order a third (as PostgreSQL's own planner guesses), anything else all.
fn remaining(table: &TableMetadata, rows: u64, filter: &Expr) -> u64 {
    let distinct = |name: &str| table.facts(name).distinct.value().filter(|distinct| *distinct > 0);
    match (filter, fixed_column(filter).and_then(distinct)) {
        (Expr::In { list, .. }, Some(distinct)) => {
            let values = u64::try_from(list.len()).unwrap_or(u64::MAX).min(distinct);
            u64::try_from(u128::from(rows) * u128::from(values) / u128::from(distinct)).unwrap_or(rows)
        }
        (Expr::Compare { op: CompareOp::Eq, .. }, Some(distinct)) => rows / distinct,
        (Expr::Compare { op: CompareOp::Lt | CompareOp::LtEq | CompareOp::Gt | CompareOp::GtEq, .. }, _) => rows / 3,
        _ => rows,
    }
}
