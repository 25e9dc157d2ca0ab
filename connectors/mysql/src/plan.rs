//! What a server will do of a request.

use crate::convert::{ColumnLaw, Decoding};
use crate::metadata::TableDetail;
use crate::product::Product;
use crate::ranges;
use crate::together::OneOfMany;
use arrow::datatypes::Schema;
use headwater_core::{Error, Result, ScanPlan, ScanRequest, SourceRequest, Split, TableMetadata};
use headwater_sql::{
    Asked, Laws, Negotiated, SqlText, access_path, column_notes, estimated_rows, negotiate, used_columns,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `ScanPlan::detail`: the columns that the scan uses, and what is known of the table's size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanDetail {
    pub(crate) product: Product,
    pub(crate) laws: Laws<ColumnLaw>,
    pub(crate) table_rows: Option<u64>,
    /// The columns with which an index begins.
    pub(crate) indexed: BTreeSet<String>,
}

impl PlanDetail {
    pub(crate) fn of(plan: &ScanPlan) -> Result<Self> {
        Self::deserialize(&plan.detail).map_err(|e| Error::internal(format!("this plan is another connector's: {e}")))
    }
}

/// `Split::detail`: how the values of each row are read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SplitDetail {
    pub(crate) decodings: Vec<Decoding>,
    /// Set where other statements read other rows of the same scan.
    #[serde(default)]
    pub(crate) one_of_many: Option<OneOfMany>,
}

pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest, parallel: usize) -> Result<ScanPlan> {
    let schema = request.output_schema(table)?;
    let TableDetail { product, mut laws, bounds, side } = TableDetail::of(table)?;
    let projection: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let whole = negotiated(product, &laws, &table.schema, &projection, request)?;
    let answers = whole.filters.as_slice();
    let requests: Vec<SourceRequest> = match (bounds.filter(|_| parallel > 1), side) {
        (Some(bounds), Some(side)) => {
            let parts = ranges::joins((side, &bounds), table, request, answers, parallel);
            let part = |part| Ok(statement(&negotiated(product, &laws, &table.schema, &projection, &part)?));
            parts.into_iter().map(part).collect::<Result<_>>()?
        }
        (Some(bounds), None) => {
            let law = laws.columns.get(&bounds.column).map(|law| (product, law));
            let ranges = law.map(|law| ranges::conditions(law, &bounds, table, request, answers, parallel));
            ranges.unwrap_or_default().iter().map(|range| ranged(&whole, range)).collect()
        }
        (None, _) => Vec::new(),
    };
    let used = used_columns(&projection, request);
    laws.columns.retain(|name, _| used.contains(name.as_str()));
    let keys = projection.iter().filter(|name| laws.columns.get(**name).is_some_and(ColumnLaw::is_key));
    let key_columns = keys.map(|name| (*name).to_owned()).collect();
    let indexed = table.keys.iter().filter_map(|key| key.columns.first().cloned()).collect();
    let detail = PlanDetail { product, laws, table_rows: table.row_count.value(), indexed };
    let requests = if requests.is_empty() { vec![statement(&whole)] } else { requests };
    let mut notes = column_notes(table, &projection);
    if requests.len() > 1 {
        let count = requests.len();
        notes.push(format!(
            "{count} statements, each with a snapshot of its own, all taken together as the scan begins"
        ));
    }
    Ok(ScanPlan {
        rows: estimated_rows(table, request, &whole.filters),
        access: access_path(table, request, &whole.filters),
        notes,
        filters: whole.filters,
        top: whole.top,
        limit: whole.limit,
        key_columns,
        max_keys: headwater_sql::max_keys(table.row_count.value()),
        detail: serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?,
        ..ScanPlan::whole_table(table, request, requests)?
    })
}

/// The request as a statement over columns with these laws; `schema` as [`Asked`] has it.
pub(crate) fn negotiated(
    product: Product,
    laws: &Laws<ColumnLaw>,
    schema: &Schema,
    projection: &[&str],
    request: &ScanRequest,
) -> Result<Negotiated> {
    negotiate(product, Asked { request, projection, laws, schema })
}

/// The text that is sent, after the comment with the query's name.
pub(crate) fn statement(negotiated: &Negotiated) -> SourceRequest {
    SourceRequest::Sql(negotiated.select.to_sql().into_string())
}

/// The statement for those rows that lie in a range.
fn ranged(negotiated: &Negotiated, range: &SqlText) -> SourceRequest {
    let mut negotiated = negotiated.clone();
    negotiated.select.conditions.push(range.clone());
    statement(&negotiated)
}

/// Splits that send `requests`, all of one scan.
pub(crate) fn splits(plan: &ScanPlan, laws: &Laws<ColumnLaw>, requests: Vec<SourceRequest>) -> Result<Vec<Split>> {
    let decoding = |name: &str| {
        let law =
            laws.columns.get(name).ok_or_else(|| Error::internal(format!("the plan does not know column {name}")))?;
        Ok(law.decoding())
    };
    let decodings = plan.schema.fields().iter().map(|field| decoding(field.name())).collect::<Result<_>>()?;
    let one_of_many = (requests.len() > 1).then(|| OneOfMany::new(requests.len()));
    let detail = SplitDetail { decodings, one_of_many };
    let detail = serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?;
    let split = |request| Split::new(Arc::clone(&plan.schema), request).with_detail(detail.clone());
    Ok(requests.into_iter().map(split).collect())
}
