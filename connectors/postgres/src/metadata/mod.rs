//! What PostgreSQL's catalog says of schemas and tables.

mod columns;
mod keys;
mod relation;

use crate::connect::{Connections, Moment};
use crate::convert::ColumnLaw;
use crate::error::from_driver;
use crate::lease::Lease;
use crate::ranges::Stored;
use arrow::datatypes::{Field, Schema};
use columns::FoundColumn;
use headwater_core::{ColumnFacts, Error, Result, TableMetadata, TableName};
use headwater_sql::Laws;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

/// `TableMetadata::detail`: how each column is read and compared.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TableDetail {
    pub(crate) laws: Laws<ColumnLaw>,
    /// Where the rows are stored, if they can be read by ranges of pages.
    #[serde(default)]
    pub(crate) stored: Option<Stored>,
    /// Columns whose near values lie near each other.
    #[serde(default)]
    pub(crate) clustered: BTreeSet<String>,
}

impl TableDetail {
    pub(crate) fn of(table: &TableMetadata) -> Result<Self> {
        Self::deserialize(&table.detail)
            .map_err(|e| Error::internal(format!("table {} was not described by this connector: {e}", table.name)))
    }
}

/// PostgreSQL's own schemas, which hold its catalog and temporary tables, are left out.
const SCHEMAS: &str = "SELECT nspname::text FROM pg_catalog.pg_namespace \
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'USAGE') ORDER BY 1";

const TABLES: &str = "SELECT c.relname::text FROM pg_catalog.pg_namespace n \
    LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'v', 'm', 'p', 'f') \
    WHERE n.nspname = $1 ORDER BY 1";

pub(crate) async fn list_schemas(connections: &Connections) -> Result<Vec<String>> {
    let rows = query(connections, SCHEMAS, &[]).await?;
    let mut names = rows.iter().map(|row| text(row, 0)).collect::<Result<Vec<_>>>()?;
    names.retain(|name| connections.config().shows_schema(name));
    Ok(names)
}

pub(crate) async fn list_tables(connections: &Connections, schema: &str) -> Result<Vec<TableName>> {
    check_shown(connections, schema)?;
    let rows = query(connections, TABLES, &[(&schema, Type::TEXT)]).await?;
    if rows.is_empty() {
        return Err(schema_not_found(schema));
    }
    let mut names = Vec::with_capacity(rows.len());
    for row in &rows {
        // A schema without tables gives one row without a name.
        if let Some(name) = row.try_get::<_, Option<String>>(0).map_err(crate::error::unexpected)? {
            names.push(TableName::new(schema, name));
        }
    }
    Ok(names)
}

/// Three queries, sent together, in one snapshot.
pub(crate) async fn get_table(connections: &Connections, name: &TableName) -> Result<TableMetadata> {
    check_shown(connections, &name.schema)?;
    let lease = connections.begin(None, Moment::Own).await?;
    let asked: [(&(dyn ToSql + Sync), Type); 2] = [(&name.schema, Type::TEXT), (&name.table, Type::TEXT)];
    let (relation, columns, keys) = futures::future::try_join3(
        lease.client().query_typed(relation::QUERY, &asked),
        lease.client().query_typed(columns::QUERY, &asked),
        lease.client().query_typed(keys::QUERY, &asked),
    )
    .await
    .map_err(|error| from_driver(error, connections.config()))?;
    lease.finish(connections.config()).await?;
    let relation = relation.first().ok_or_else(|| schema_not_found(&name.schema))?;
    let relation = relation::parse(relation, name)?;
    let as_text = |column: &str| connections.config().reads_as_text(name, column);
    let columns = columns.iter().map(|row| columns::parse(row, &relation, as_text)).collect::<Result<Vec<_>>>()?;
    let mut table = described(name.clone(), &columns, relation.stored)?;
    table.kind = relation.kind;
    table.row_count = relation.rows;
    table.byte_size = relation.bytes;
    table.comment = relation.comment;
    table.keys = keys.iter().map(keys::parse).collect::<Result<_>>()?;
    Ok(table)
}

fn described(name: TableName, columns: &[FoundColumn], stored: Option<Stored>) -> Result<TableMetadata> {
    let field = |column: &FoundColumn| Field::new(&column.name, column.law.decoding().arrow_type(), column.nullable);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let mut table = TableMetadata::new(name, Arc::new(schema));
    let laws = columns.iter().map(|column| (column.name.clone(), column.law.clone())).collect();
    table.columns = columns.iter().map(|column| (column.name.clone(), facts(column))).collect();
    let clustered = columns.iter().filter(|column| column.clustered).map(|column| column.name.clone()).collect();
    let detail = TableDetail { laws: Laws::table(laws), stored, clustered };
    table.detail = serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?;
    Ok(table)
}

fn facts(column: &FoundColumn) -> ColumnFacts {
    ColumnFacts {
        source_type: column.shown_type.clone(),
        text_comparison: column.law.text_comparison(),
        note: column.note.clone(),
        distinct: column.distinct,
        estimates: column.estimates.clone(),
        ..ColumnFacts::default()
    }
}

async fn query(
    connections: &Connections,
    sql: &'static str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>> {
    let lease: Lease = connections.begin(None, Moment::Own).await?;
    let rows = lease.client().query_typed(sql, parameters).await;
    let rows = rows.map_err(|error| from_driver(error, connections.config()))?;
    lease.finish(connections.config()).await?;
    Ok(rows)
}

fn text(row: &Row, index: usize) -> Result<String> {
    row.try_get(index).map_err(crate::error::unexpected)
}

fn check_shown(connections: &Connections, schema: &str) -> Result<()> {
    if connections.config().shows_schema(schema) {
        return Ok(());
    }
    Err(schema_not_found(schema).with_hint("option schemas of the catalog leaves it out"))
}

fn schema_not_found(schema: &str) -> Error {
    Error::not_found(format!("schema {schema} not found"))
}
