//! What PostgreSQL will do of a request.

use crate::PostgresConfig;
use crate::convert::{ColumnLaw, Decoding, PostgreSql};
use crate::metadata::TableDetail;
use crate::ranges::{Ranges, ranges};
use arrow::datatypes::Schema;
use headwater_core::{Error, Relation, Result, ScanPlan, ScanRequest, SourceRequest, Split, TableMetadata};
use headwater_sql::{
    Asked, Laws, Negotiated, SqlText, access_path, column_notes, estimated_rows, negotiate, used_columns,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `ScanPlan::detail`: the columns that the scan uses, and what is known of the table's size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanDetail {
    pub(crate) laws: Laws<ColumnLaw>,
    pub(crate) table_rows: Option<u64>,
    /// The columns with which an index begins, as far as indexes are known: those of a view's tables are not.
    pub(crate) indexed: BTreeSet<String>,
    /// How many different values the columns have, where that is known.
    pub(crate) distinct: BTreeMap<String, u64>,
    /// Columns whose near values lie near each other.
    #[serde(default)]
    pub(crate) clustered: BTreeSet<String>,
    /// How many pages each part of the table has; empty where the scan is not cut into ranges of them.
    #[serde(default)]
    pub(crate) pages: Vec<u64>,
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
    /// Whether other statements read other rows of the same scan: all must see the same moment.
    #[serde(default)]
    pub(crate) one_of_many: bool,
    /// Whether a statement of the user's own is part of it.
    #[serde(default)]
    pub(crate) foreign: bool,
}

pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest, config: &PostgresConfig) -> Result<ScanPlan> {
    let schema = request.output_schema(table)?;
    let TableDetail { mut laws, stored, mut clustered } = TableDetail::of(table)?;
    clustered.retain(|name| laws.columns.contains_key(name));
    let projection: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let negotiated = negotiated(&laws, &table.schema, &projection, request)?;
    let used = used_columns(&projection, request);
    laws.columns.retain(|name, _| used.contains(name.as_str()));
    let keys = projection.iter().filter(|name| laws.columns.get(**name).is_some_and(ColumnLaw::is_key));
    let key_columns = keys.map(|name| (*name).to_owned()).collect();
    let indexed = table.keys.iter().filter_map(|key| key.columns.first().cloned()).collect();
    // Without a shared snapshot a row that moves between two ranges would be read twice or not at all.
    let parallel = if config.shares_snapshots() { config.parallel_reads() } else { 1 };
    let cut = stored.as_ref().map(|stored| ranges(stored, table, request, &negotiated.filters, parallel));
    let pages = match &cut {
        Some(Ranges::Cut(_)) => stored.map(|stored| stored.pages).unwrap_or_default(),
        Some(Ranges::Whole(_)) | None => Vec::new(),
    };
    let distinct = table.columns.iter().filter_map(|(name, facts)| Some((name.clone(), facts.distinct.value()?)));
    let distinct = distinct.filter(|(name, _)| laws.columns.contains_key(name)).collect();
    let detail = PlanDetail { laws, table_rows: table.row_count.value(), indexed, distinct, clustered, pages };
    let mut notes = column_notes(table, &projection);
    if config.max_connections == 1 {
        notes.push("max_connections is 1: each statement reads a moment of its own".to_owned());
    }
    let requests = match cut {
        Some(Ranges::Cut(conditions)) => conditions.iter().map(|range| ranged(&negotiated, range)).collect(),
        Some(Ranges::Whole(why)) => {
            notes.extend(why.map(str::to_owned));
            vec![statement(&negotiated)]
        }
        None => vec![statement(&negotiated)],
    };
    Ok(ScanPlan {
        rows: estimated_rows(table, request, &negotiated.filters),
        access: access_path(table, request, &negotiated.filters),
        notes,
        max_parallel_splits: Some(config.parallel_reads()),
        filters: negotiated.filters,
        top: negotiated.top,
        limit: negotiated.limit,
        key_columns,
        max_keys: headwater_sql::max_keys(table.row_count.value()),
        detail: serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?,
        ..ScanPlan::whole_table(table, request, requests)?
    })
}

/// The request as a statement over columns with these laws; `schema` as [`Asked`] has it.
pub(crate) fn negotiated(
    laws: &Laws<ColumnLaw>,
    schema: &Schema,
    projection: &[&str],
    request: &ScanRequest,
) -> Result<Negotiated> {
    negotiate(PostgreSql, Asked { request, projection, laws, schema })
}

/// The very text that is sent.
pub(crate) fn statement(negotiated: &Negotiated) -> SourceRequest {
    let select = negotiated.select.to_sql();
    let copy = SqlText::from_static("COPY ").parenthesized(&select).then(" TO STDOUT (FORMAT binary)");
    SourceRequest::Sql(copy.into_string())
}

/// The statement for those rows that lie in a range of pages.
pub(crate) fn ranged(negotiated: &Negotiated, range: &SqlText) -> SourceRequest {
    let mut negotiated = negotiated.clone();
    negotiated.select.conditions.push(range.clone());
    statement(&negotiated)
}

/// Splits that send `requests`.
pub(crate) fn splits(plan: &ScanPlan, laws: &Laws<ColumnLaw>, requests: Vec<SourceRequest>) -> Result<Vec<Split>> {
    let decoding = |name: &str| {
        let law =
            laws.columns.get(name).ok_or_else(|| Error::internal(format!("the plan does not know column {name}")))?;
        Ok(law.decoding())
    };
    let decodings = plan.schema.fields().iter().map(|field| decoding(field.name())).collect::<Result<_>>()?;
    let projection: Vec<&str> = plan.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let bare = ScanRequest { filters: Vec::new(), top: None, limit: None, ..plan.request.clone() };
    let shape = negotiated(laws, &plan.schema, &projection, &bare)?.select.to_sql().into_string();
    let detail =
        SplitDetail { decodings, shape, one_of_many: requests.len() > 1, foreign: has_query(&plan.request.relation) };
    let detail = serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?;
    let split = |request| Split::new(std::sync::Arc::clone(&plan.schema), request).with_detail(detail.clone());
    Ok(requests.into_iter().map(split).collect())
}

fn has_query(relation: &Relation) -> bool {
    match relation {
        Relation::Query(_) => true,
        Relation::Join(join) => has_query(&join.left.relation) || has_query(&join.right.relation),
        Relation::Aggregate(aggregate) => has_query(&aggregate.input.relation),
        _ => false,
    }
}
