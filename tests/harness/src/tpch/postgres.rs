//! Loading PostgreSQL's share, and all tables for reference.

use arrow::datatypes::DataType;
use tokio_postgres::{Client, Error, Transaction};

use super::Table;
use crate::copy::into_postgres;
use crate::error::{Context as _, Result};

/// Puts `lineitem` into a new schema `tpch` of the client's database, replacing one of that name.
///
/// # Errors
///
/// The server refuses a statement, or something depends on the schema to be replaced.
pub async fn load_postgres(client: &mut Client) -> Result<()> {
    load(client, "tpch", &[Table::Lineitem], "CREATE INDEX ON lineitem (l_partkey, l_suppkey)").await
}

/// Puts all eight tables into a new schema `reference`, replacing one of that name, with indexes for all 22 queries.
///
/// # Errors
///
/// As for [`load_postgres`].
pub async fn load_reference(client: &mut Client) -> Result<()> {
    let indexes = "CREATE INDEX ON lineitem (l_partkey, l_suppkey); CREATE INDEX ON orders (o_custkey)";
    load(client, "reference", &Table::ALL, indexes).await
}

async fn load(client: &mut Client, schema: &str, tables: &[Table], indexes: &str) -> Result<()> {
    let rows: Result<Vec<(Table, Vec<String>)>> = tables.iter().map(|table| Ok((*table, table.lines()?))).collect();
    let rows = rows?;
    let loaded = async {
        let transaction = client.transaction().await?;
        let begin =
            format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}");
        transaction.batch_execute(&begin).await?;
        for (table, lines) in rows {
            copy(&transaction, table, lines).await?;
        }
        transaction.batch_execute(indexes).await?;
        for table in tables {
            transaction.batch_execute(&format!("ANALYZE {table}")).await?;
        }
        transaction.commit().await
    };
    loaded.await.context(|| format!("loading TPC-H into schema `{schema}` of Postgres"))
}

async fn copy(transaction: &Transaction<'_>, table: Table, lines: Vec<String>) -> Result<(), Error> {
    transaction.batch_execute(&table.definition(type_name)).await?;
    into_postgres(transaction, table.name(), lines.into_iter()).await
}

fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Int32 => "integer",
        DataType::Int64 => "bigint",
        DataType::Decimal128(..) => "numeric(15,2)",
        DataType::Date32 => "date",
        _ => "text",
    }
}
