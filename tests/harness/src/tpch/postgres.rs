//! Loading PostgreSQL's share, and all tables for reference.

use arrow::datatypes::DataType;
use tokio_postgres::Client;

use super::{LARGE_SCALE_FACTOR, SCALE_FACTOR, Table, parts};
use crate::copy::into_postgres;
use crate::error::{Context as _, Result};

/// Puts `lineitem` into a new schema `tpch` of the client's database, replacing one of that name.
///
/// # Errors
///
/// The server refuses a statement, or something depends on the schema to be replaced.
pub async fn load_postgres(client: &mut Client) -> Result<()> {
    load(client, SCALE_FACTOR, "tpch", &[Table::Lineitem], "CREATE INDEX ON lineitem (l_partkey, l_suppkey)").await
}

/// The same at [`LARGE_SCALE_FACTOR`], vacuumed. Takes minutes.
///
/// # Errors
///
/// As for [`load_postgres`].
pub async fn load_large_postgres(client: &mut Client) -> Result<()> {
    let index = "CREATE INDEX ON lineitem (l_partkey, l_suppkey)";
    load(client, LARGE_SCALE_FACTOR, "tpch", &[Table::Lineitem], index).await?;
    let vacuumed = client.batch_execute("VACUUM (ANALYZE) tpch.lineitem").await;
    vacuumed.context(|| "vacuuming TPC-H's lineitem".to_owned())
}

/// Puts all eight tables into a new schema `reference`, replacing one of that name, with indexes for all 22 queries.
///
/// # Errors
///
/// As for [`load_postgres`].
pub async fn load_reference(client: &mut Client) -> Result<()> {
    let indexes = "CREATE INDEX ON lineitem (l_partkey, l_suppkey); CREATE INDEX ON orders (o_custkey)";
    load(client, SCALE_FACTOR, "reference", &Table::ALL, indexes).await
}

async fn load(client: &mut Client, scale: f64, schema: &str, tables: &[Table], indexes: &str) -> Result<()> {
    let doing = || format!("loading TPC-H into schema `{schema}` of Postgres");
    let transaction = client.transaction().await.context(doing)?;
    let begin =
        format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}");
    transaction.batch_execute(&begin).await.context(doing)?;
    for table in tables {
        transaction.batch_execute(&table.definition(type_name)).await.context(doing)?;
        for part in 1..=parts(scale) {
            let lines = table.lines(scale, part)?;
            into_postgres(&transaction, table.name(), lines.into_iter()).await.context(doing)?;
        }
    }
    transaction.batch_execute(indexes).await.context(doing)?;
    for table in tables {
        transaction.batch_execute(&format!("ANALYZE {table}")).await.context(doing)?;
    }
    transaction.commit().await.context(doing)
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
