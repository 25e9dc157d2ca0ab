//! A statement of the user's own in PartiQL: `TABLE(catalog.query('SELECT … FROM "t" …'))`.
//!
//! Only SELECT is taken, checked before anything is sent. What columns it has, DynamoDB does not say: its first items
//! are read when it is planned, and tell it as a sample tells a table's. It runs as written, page by page.

mod read;
mod text;

pub(crate) use read::read;

use crate::connect::Connection;
use crate::convert::Evidence;
use crate::metadata::{SCHEMA, get_table};
use arrow::datatypes::Schema;
use headwater_core::{
    Answer, ColumnFacts, ColumnOrigin, Derived, Error, JoinKeys, Result, ScanPlan, ScanRequest, SourceRequest, Splits,
    TableKind, TableMetadata, TableName, TextComparison,
};
use read::Pages;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The API's name of the operation.
pub(crate) const EXECUTE_STATEMENT: &str = "ExecuteStatement";

/// Pages without items that are looked at for the columns, before the answer is taken for empty.
const MAX_PAGES: usize = 16;

/// The parameters of an `ExecuteStatement`, exactly as they are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StatementParameters {
    statement: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consistent_read: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    return_consumed_capacity: Option<String>,
    /// Items looked at per page, if not as many as a page of 1 MB has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<i32>,
}

impl StatementParameters {
    fn new(connection: &Connection, table: &str, statement: &str) -> Self {
        Self {
            statement: statement.to_owned(),
            consistent_read: connection.config().limits.consistent(table).then_some(true),
            return_consumed_capacity: Some("TOTAL".to_owned()),
            limit: None,
        }
    }
}

/// Describes a statement by its first items.
///
/// # Errors
/// `InvalidInput` for anything but a SELECT, and what DynamoDB says of it.
pub(crate) async fn describe(connection: &Connection, statement: &str) -> Result<Derived> {
    if !connection.config().pass_through {
        return Ok(Derived::Refused("option pass_through of the catalog is false".to_owned()));
    }
    let table = text::table_of(statement)?;
    let parameters = StatementParameters::new(connection, &table, statement);
    let limit = i32::try_from(connection.config().sample_size).ok();
    let mut pages = Pages::new(connection, &StatementParameters { limit, ..parameters.clone() })?;
    let (mut evidence, mut sampled) = (BTreeMap::<String, Evidence>::new(), 0);
    for _ in 0..MAX_PAGES {
        let Some(items) = pages.next(None).await? else { break };
        sampled += items.len() as u64;
        for (name, value) in items.iter().flatten() {
            evidence.entry(name.clone()).or_default().observe(value);
        }
        if sampled > 0 {
            break;
        }
    }
    let described = match sampled {
        // Nothing to learn from: the columns of its table, so that an empty answer is one.
        0 => get_table(connection, &TableName::new(SCHEMA, &table)).await?,
        _ => inferred(&evidence, sampled),
    };
    let detail = serde_json::to_value(&parameters).map_err(|error| Error::internal(error.to_string()))?;
    let mut metadata = TableMetadata::new(TableName::new("", "query"), Arc::clone(&described.schema));
    (metadata.kind, metadata.columns, metadata.detail) = (TableKind::View, described.columns, detail);
    Ok(Derived::Table(Box::new(metadata)))
}

fn inferred(evidence: &BTreeMap<String, Evidence>, sampled: u64) -> TableMetadata {
    let (mut fields, mut columns) = (Vec::new(), BTreeMap::new());
    for (name, evidence) in evidence {
        let (kind, note) = evidence.column_type();
        let facts = ColumnFacts {
            source_type: evidence.kinds(),
            text_comparison: TextComparison::Loose,
            origin: ColumnOrigin::Inferred { seen: evidence.seen, sampled },
            note: note.map(str::to_owned),
            ..ColumnFacts::default()
        };
        fields.push(kind.field(name));
        columns.insert(name.clone(), facts);
    }
    let mut table = TableMetadata::new(TableName::new("", "query"), Arc::new(Schema::new(fields)));
    table.columns = columns;
    table
}

/// Plans the reading of a statement: one request, run as written.
///
/// # Errors
/// `NotFound` for a column that it does not have.
pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
    let name = EXECUTE_STATEMENT.to_owned();
    let asked = SourceRequest::Operation { name, parameters: table.detail.clone() };
    let requests = if request.limit == Some(0) { Vec::new() } else { vec![asked] };
    let refused = || Answer::Refused("a statement is run as written: write it into the statement itself".to_owned());
    let limit = request.limit.map(|_| if request.filters.is_empty() { Answer::Exact } else { refused() });
    let whole = ScanPlan::whole_table(table, request, requests)?;
    Ok(ScanPlan { filters: request.filters.iter().map(|_| refused()).collect(), limit, ..whole })
}

/// The one split of a plan.
pub(crate) fn splits(plan: &ScanPlan, keys: Option<&JoinKeys>) -> Splits {
    Splits::planned(plan, keys, "a statement is run as written")
}
