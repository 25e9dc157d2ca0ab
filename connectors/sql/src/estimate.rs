//! What a request will find, as far as keys and statistics tell.

use crate::share::share_of;
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

/// The rows of the table times the share that the conditions leave, at least one.
pub fn estimated_rows(table: &TableMetadata, request: &ScanRequest, answers: &[Answer]) -> Precision {
    let Some(rows) = table.row_count.value() else { return Precision::Unknown };
    let share = share_of(table, said(request, answers));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, and never negative"
    )]
    let left = (rows as f64 * share).round() as u64;
    let top = request.top.as_ref().map(|top| top.rows);
    let limit = request.limit.or(top).unwrap_or(u64::MAX);
    Precision::Inexact(left.max(1).min(limit))
}

/// The columns that a statement names: those of the projection, the filters and the order.
pub fn used_columns<'a>(projection: &[&'a str], request: &'a ScanRequest) -> BTreeSet<&'a str> {
    let mut used: BTreeSet<&str> = projection.iter().copied().collect();
    for filter in &request.filters {
        filter.visit_columns(&mut |name| {
            used.insert(name);
        });
    }
    used.extend(request.top.iter().flat_map(|top| &top.order).map(|key| key.column.as_str()));
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
