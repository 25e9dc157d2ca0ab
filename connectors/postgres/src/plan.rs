//! What PostgreSQL will do of a request.

use crate::convert::{ColumnLaw, Decoding};
use crate::metadata::TableDetail;
use headwater_core::{Error, Result, ScanPlan, ScanRequest, SourceRequest, Split, TableMetadata};
use headwater_sql::{
    Negotiated, POSTGRES, SqlText, access_path, column_notes, estimated_rows, negotiate, used_columns,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `ScanPlan::detail`: the columns that the scan uses, and what is known of the table's size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanDetail {
    pub(crate) columns: BTreeMap<String, ColumnLaw>,
    pub(crate) table_rows: Option<u64>,
    /// The columns with which an index begins, as far as indexes are known: those of a view's tables are not.
    pub(crate) indexed: BTreeSet<String>,
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
    let indexed = table.keys.iter().filter_map(|key| key.columns.first().cloned()).collect();
    let detail = PlanDetail { columns: laws, table_rows: table.row_count.value(), indexed };
    let request_sent = statement(&negotiated);
    Ok(ScanPlan {
        rows: estimated_rows(table, request, &negotiated.filters),
        access: access_path(table, request, &negotiated.filters),
        notes: column_notes(table, &projection),
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
