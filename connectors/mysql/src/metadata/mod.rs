//! What `information_schema` says of databases and tables.

mod columns;
mod histograms;
mod keys;
mod relation;
mod rows;

use crate::bounds::{self, Bounds};
use crate::connect::Connections;
use crate::convert::{ColumnLaw, Reading};
use crate::lease::Lease;
use crate::product::Product;
use arrow::datatypes::{Field, Schema};
use columns::FoundColumn;
use headwater_core::{
    ColumnEstimates, ColumnFacts, Error, ErrorKind, Precision, Result, Side, TableKey, TableMetadata, TableName, Value,
};
use headwater_sql::{Laws, Select, SqlText};
use relation::Relation;
use rows::Fields;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `TableMetadata::detail`: how each column is read and compared.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TableDetail {
    pub(crate) product: Product,
    pub(crate) laws: Laws<ColumnLaw>,
    /// Where a large table can be cut.
    #[serde(default)]
    pub(crate) bounds: Option<Bounds>,
    /// Of a join: the side that is cut there.
    #[serde(default)]
    pub(crate) side: Option<Side>,
}

impl TableDetail {
    pub(crate) fn of(table: &TableMetadata) -> Result<Self> {
        Self::deserialize(&table.detail)
            .map_err(|e| Error::internal(format!("table {} was not described by this connector: {e}", table.name)))
    }
}

/// The servers' own databases are left out.
const SCHEMAS: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE LOWER(SCHEMA_NAME) NOT IN \
    ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY SCHEMA_NAME";

/// A database without tables gives one row without a name.
const TABLES: &str = "SELECT s.SCHEMA_NAME, t.TABLE_NAME FROM information_schema.SCHEMATA s \
    LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME WHERE s.SCHEMA_NAME = ";

pub(crate) async fn list_schemas(connections: &Connections) -> Result<Vec<String>> {
    let mut lease = connections.begin().await?;
    let found = fields(&mut lease, connections, SqlText::from_static(SCHEMAS)).await?;
    lease.finish(connections.config()).await?;
    let mut names = found.iter().map(|row| row.text(0)).collect::<Result<Vec<_>>>()?;
    names.retain(|name| connections.config().shows_schema(name));
    Ok(names)
}

pub(crate) async fn list_tables(connections: &Connections, schema: &str) -> Result<Vec<TableName>> {
    check_shown(connections, schema)?;
    let mut lease = connections.begin().await?;
    let sql = SqlText::from_static(TABLES).append(&literal(lease.product()?, schema)?);
    let found = fields(&mut lease, connections, sql).await?;
    lease.finish(connections.config()).await?;
    let (mut names, mut exists) = (Vec::new(), false);
    for row in &found {
        if row.text(0)? == schema {
            exists = true;
            names.extend(row.optional_text(1)?.map(|table| TableName::new(schema, table)));
        }
    }
    if exists { Ok(names) } else { Err(schema_not_found(schema)) }
}

/// Four queries, in one transaction.
pub(crate) async fn get_table(connections: &Connections, name: &TableName) -> Result<TableMetadata> {
    check_shown(connections, &name.schema)?;
    let mut lease = connections.begin().await?;
    let product = lease.product()?;
    let relation = of_table(&mut lease, connections, name, relation::QUERY, "").await?;
    let columns = of_table(&mut lease, connections, name, columns::QUERY, columns::ORDER).await?;
    let keys = of_table(&mut lease, connections, name, keys::QUERY, keys::ORDER).await?;
    let Some(relation) = relation.first() else { return Err(missing(lease, connections, name).await) };
    let relation = relation::parse(relation)?;
    let config = connections.config();
    let reading = Reading { tinyint1_is_boolean: config.tinyint1_is_boolean, time: config.time };
    let columns = columns.iter().map(|row| columns::parse(row, reading)).collect::<Result<Vec<_>>>()?;
    let nullable = columns.iter().filter(|column| column.nullable).map(|column| column.name.clone()).collect();
    let found = keys::parse(&keys, &nullable)?;
    let estimates = sampled(&mut lease, connections, name, &columns).await?;
    let bounds = bounds_of(&mut lease, connections, name, &relation, &columns, &found.keys).await?;
    lease.finish(config).await?;
    let mut table = described(name.clone(), product, &columns, (&found.distinct, &estimates), bounds)?;
    table.kind = relation.kind;
    table.row_count = relation.rows;
    table.byte_size = relation.bytes;
    table.comment = relation.comment;
    table.keys = found.keys;
    Ok(table)
}

/// What is sampled of the columns' values. MariaDB shows it to those only who may read its own database; what may not be
/// seen is not known.
async fn sampled(
    lease: &mut Lease,
    connections: &Connections,
    name: &TableName,
    columns: &[FoundColumn],
) -> Result<BTreeMap<String, ColumnEstimates>> {
    let product = lease.product()?;
    match of_table(lease, connections, name, histograms::query(product), "").await {
        Ok(rows) => histograms::parse(&rows, product, columns),
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// Where a large table can be cut, if it is to be.
async fn bounds_of(
    lease: &mut Lease,
    connections: &Connections,
    name: &TableName,
    relation: &Relation,
    columns: &[FoundColumn],
    keys: &[TableKey],
) -> Result<Option<Bounds>> {
    let bytes = relation.bytes.value().unwrap_or(0);
    if !relation.keeps_snapshots || bytes < bounds::SMALL || connections.config().parallel_reads() < 2 {
        return Ok(None);
    }
    // The rows lie in the order of the key of this name, even where some column of it is read as nullable.
    let key = keys.iter().find(|key| key.name.as_deref() == Some("PRIMARY"));
    let leading = key.and_then(|key| columns.iter().find(|column| Some(&column.name) == key.columns.first()));
    let Some(leading) = leading else { return Ok(None) };
    bounds::find(lease, connections, name, (&leading.name, &leading.law), bytes).await
}

fn described(
    name: TableName,
    product: Product,
    columns: &[FoundColumn],
    (distinct, estimates): (&BTreeMap<String, u64>, &BTreeMap<String, ColumnEstimates>),
    bounds: Option<Bounds>,
) -> Result<TableMetadata> {
    let field = |column: &FoundColumn| Field::new(&column.name, column.law.decoding().arrow_type(), column.nullable);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let mut table = TableMetadata::new(name, Arc::new(schema));
    let laws = columns.iter().map(|column| (column.name.clone(), column.law.clone())).collect();
    let facts = |column: &FoundColumn| ColumnFacts {
        source_type: column.shown_type.clone(),
        text_comparison: column.law.text_comparison(),
        note: column.note.clone(),
        distinct: distinct.get(&column.name).map_or(Precision::Unknown, |count| Precision::Inexact(*count)),
        estimates: estimates.get(&column.name).cloned().unwrap_or_default(),
        ..ColumnFacts::default()
    };
    table.columns = columns.iter().map(|column| (column.name.clone(), facts(column))).collect();
    let detail = TableDetail { product, laws: Laws::table(laws), bounds, side: None };
    table.detail = serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?;
    Ok(table)
}

/// `information_schema` does not show what we may not see: asking for the table itself tells.
async fn missing(mut lease: Lease, connections: &Connections, name: &TableName) -> Error {
    let asked = async {
        let table = Select::table(lease.product()?.dialect(), name);
        let sql = SqlText::from_static("SELECT 1 FROM ").append(&table).then(" LIMIT 0");
        lease.query(sql.as_str(), connections.config()).await
    };
    match asked.await {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unavailable) => error,
        _ => Error::not_found(format!("table {name} not found")),
    }
}

/// The rows of one of `information_schema`'s tables that are about this table.
async fn of_table(
    lease: &mut Lease,
    connections: &Connections,
    name: &TableName,
    query: &'static str,
    order: &'static str,
) -> Result<Vec<Fields>> {
    let product = lease.product()?;
    let sql = SqlText::from_static(query).then(" WHERE TABLE_SCHEMA = ").append(&literal(product, &name.schema)?);
    let sql = sql.then(" AND TABLE_NAME = ").append(&literal(product, &name.table)?).then(order);
    let mut found = Vec::new();
    for row in fields(lease, connections, sql).await? {
        if row.are_of(name)? {
            found.push(row);
        }
    }
    Ok(found)
}

async fn fields(lease: &mut Lease, connections: &Connections, sql: SqlText) -> Result<Vec<Fields>> {
    let rows = lease.query(sql.as_str(), connections.config()).await?;
    Ok(rows.into_iter().map(Fields::of).collect())
}

fn literal(product: Product, name: &str) -> Result<SqlText> {
    SqlText::literal(product.dialect(), &Value::Utf8(name.to_owned()))
        .map_err(|e| Error::not_found(format!("{name} is no name: {e}")))
}

fn check_shown(connections: &Connections, schema: &str) -> Result<()> {
    if connections.config().shows_schema(schema) {
        return Ok(());
    }
    Err(schema_not_found(schema).with_hint("option schemas of the catalog, or its url, leaves it out"))
}

fn schema_not_found(schema: &str) -> Error {
    Error::not_found(format!("schema {schema} not found"))
}
