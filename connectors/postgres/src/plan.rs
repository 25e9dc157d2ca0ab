//! What PostgreSQL will do of a request.

use crate::convert::{ColumnLaw, Decoding};
use crate::metadata::TableDetail;
use headwater_core::{
    AccessPath, Answer, CompareOp, Error, Expr, Precision, Result, ScanPlan, ScanRequest, SourceRequest, Split,
    TableMetadata,
};
use headwater_sql::{Negotiated, POSTGRES, SqlText, negotiate};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `ScanPlan::detail`: the columns that the scan uses, and what is known of the table's size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanDetail {
    pub(crate) columns: BTreeMap<String, ColumnLaw>,
    pub(crate) table_rows: Option<u64>,
}

impl PlanDetail {
    pub(crate) fn of(plan: &ScanPlan) -> Result<Self> {
        Self::deserialize(&plan.detail).map_err(|e| Error::internal(format!("this plan is another connector's: {e}")))
    }
}

/// `Split::detail`: how the fields of each row are read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SplitDetail {
    pub(crate) decodings: Vec<Decoding>,
    /// The same columns of the same table without conditions: parsed, not run, to see whether their types are still
    /// those of the decodings.
    pub(crate) shape: String,
}

pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
    let schema = request.output_schema(table)?;
    let mut laws = TableDetail::of(table)?.columns;
    let projection: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let negotiated = negotiated(&laws, &projection, request)?;
    let used = used_columns(&projection, request);
    laws.retain(|name, _| used.contains(name.as_str()));
    let keys = projection.iter().filter(|name| laws.get(**name).is_some_and(ColumnLaw::is_key));
    let key_columns = keys.map(|name| (*name).to_owned()).collect();
    let detail = PlanDetail { columns: laws, table_rows: table.row_count.value() };
    let request_sent = statement(&negotiated);
    Ok(ScanPlan {
        rows: estimated_rows(table, request, &negotiated.filters),
        access: access(table, request, &negotiated.filters),
        notes: notes(table, &projection),
        filters: negotiated.filters,
        limit: negotiated.limit,
        key_columns,
        detail: serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?,
        ..ScanPlan::whole_table(table, request, vec![request_sent])?
    })
}

/// The request as a statement over columns with these laws.
pub(crate) fn negotiated(
    laws: &BTreeMap<String, ColumnLaw>,
    projection: &[&str],
    request: &ScanRequest,
) -> Result<Negotiated> {
    let columns = laws.iter().map(|(name, law)| (name.clone(), law.column_sql(name))).collect();
    negotiate(&POSTGRES, &columns, projection, request)
}

/// The very text that is sent.
pub(crate) fn statement(negotiated: &Negotiated) -> SourceRequest {
    let select = negotiated.select.to_sql();
    let copy = SqlText::from_static("COPY ").parenthesized(&select).then(" TO STDOUT (FORMAT binary)");
    SourceRequest::Sql(copy.into_string())
}

/// A split that sends `request`.
pub(crate) fn split(plan: &ScanPlan, laws: &BTreeMap<String, ColumnLaw>, request: SourceRequest) -> Result<Split> {
    let decoding = |name: &str| {
        let law = laws.get(name).ok_or_else(|| Error::internal(format!("the plan does not know column {name}")))?;
        Ok(law.decoding())
    };
    let decodings = plan.schema.fields().iter().map(|field| decoding(field.name())).collect::<Result<_>>()?;
    let projection: Vec<&str> = plan.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let bare = ScanRequest { filters: Vec::new(), limit: None, ..plan.request.clone() };
    let shape = negotiated(laws, &projection, &bare)?.select.to_sql().into_string();
    let detail = serde_json::to_value(SplitDetail { decodings, shape }).map_err(|e| Error::internal(e.to_string()))?;
    Ok(Split::new(std::sync::Arc::clone(&plan.schema), request).with_detail(detail))
}

fn used_columns<'a>(projection: &[&'a str], request: &'a ScanRequest) -> BTreeSet<&'a str> {
    let mut used: BTreeSet<&str> = projection.iter().copied().collect();
    for filter in &request.filters {
        filter.visit_columns(&mut |name| {
            used.insert(name);
        });
    }
    used
}

fn notes(table: &TableMetadata, projection: &[&str]) -> Vec<String> {
    let noted = projection.iter().filter_map(|name| Some((*name, table.columns.get(*name)?)));
    let noted = noted.filter_map(|(name, facts)| Some((name, facts, facts.note.as_ref()?)));
    noted.map(|(name, facts, note)| format!("{name} ({}): {note}", facts.source_type)).collect()
}

/// The leading column of the first key that a condition fixes.
fn access(table: &TableMetadata, request: &ScanRequest, answers: &[Answer]) -> AccessPath {
    let fixed: BTreeSet<&str> = said(request, answers).filter_map(fixed_column).collect();
    let leading = table.keys.iter().filter_map(|key| key.columns.first());
    match leading.into_iter().find(|column| fixed.contains(column.as_str())) {
        Some(column) => AccessPath::Keys(vec![column.clone()]),
        None => AccessPath::Scan,
    }
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

/// The rows of the table times a guess per condition, at least one.
fn estimated_rows(table: &TableMetadata, request: &ScanRequest, answers: &[Answer]) -> Precision {
    let Some(rows) = table.row_count.value() else { return Precision::Unknown };
    let divided = said(request, answers).fold(rows, |rows, filter| remaining(table, rows, filter));
    let limit = request.limit.unwrap_or(u64::MAX);
    Precision::Inexact(divided.max(1).min(limit))
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
