//! Loading MySQL's share.

use arrow::datatypes::DataType;
use mysql_async::prelude::Queryable as _;

use super::{LARGE_SCALE_FACTOR, SCALE_FACTOR, Table, parts};
use crate::copy::into_mysql;
use crate::error::{Context as _, Result};
use crate::mysql::MySqlServer;

/// Puts `orders` and `customer` into a new database `tpch`, replacing one of that name.
///
/// # Errors
///
/// The server refuses a statement or is stopped.
pub async fn load_mysql(server: &MySqlServer) -> Result<()> {
    let tables = [(Table::Orders, &["o_custkey", "o_orderdate"][..]), (Table::Customer, &[])];
    load(server, SCALE_FACTOR, &tables).await
}

/// Puts `lineitem`, `orders` and `customer` at [`LARGE_SCALE_FACTOR`] into a new database `tpch`, with indexes on the
/// primary and foreign keys. Takes minutes.
///
/// # Errors
///
/// As for [`load_mysql`].
pub async fn load_large_mysql(server: &MySqlServer) -> Result<()> {
    let tables = [
        (Table::Lineitem, &["l_partkey, l_suppkey"][..]),
        (Table::Orders, &["o_custkey"]),
        (Table::Customer, &["c_nationkey"]),
    ];
    load(server, LARGE_SCALE_FACTOR, &tables).await
}

/// Loads tables, each with indexes on these columns.
async fn load(server: &MySqlServer, scale: f64, tables: &[(Table, &[&str])]) -> Result<()> {
    let doing = || format!("loading TPC-H into {}", server.product());
    let mut connection = server.conn().await?;
    for statement in ["DROP DATABASE IF EXISTS tpch", "CREATE DATABASE tpch", "USE tpch"] {
        connection.query_drop(statement).await.context(doing)?;
    }
    for (table, indexed) in tables {
        connection.query_drop(table.definition(type_name)).await.context(doing)?;
        for part in 1..=parts(scale) {
            into_mysql(&mut connection, table.name(), table.lines(scale, part)?).await.context(doing)?;
        }
        for columns in *indexed {
            let index = columns.replace(", ", "_");
            let statement = format!("CREATE INDEX {index} ON {table} ({columns})");
            connection.query_drop(statement).await.context(doing)?;
        }
        connection.query_drop(format!("ANALYZE TABLE {table}")).await.context(doing)?;
    }
    connection.disconnect().await.context(doing)
}

fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Int32 => "int",
        DataType::Int64 => "bigint",
        DataType::Decimal128(..) => "decimal(15,2)",
        DataType::Date32 => "date",
        _ => "varchar(255)",
    }
}
