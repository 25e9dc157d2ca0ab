//! Loading MySQL's share.

use arrow::datatypes::DataType;
use mysql_async::prelude::Queryable as _;

use super::Table;
use crate::copy::into_mysql;
use crate::error::{Context as _, Result};
use crate::mysql::MySqlServer;

/// Puts `orders` and `customer` into a new database `tpch`, replacing one of that name.
///
/// # Errors
///
/// The server refuses a statement or is stopped.
pub async fn load_mysql(server: &MySqlServer) -> Result<()> {
    let (orders, customers) = (Table::Orders.lines()?, Table::Customer.lines()?);
    let mut connection = server.conn().await?;
    let loaded = async {
        for statement in ["DROP DATABASE IF EXISTS tpch", "CREATE DATABASE tpch", "USE tpch"] {
            connection.query_drop(statement).await?;
        }
        for (table, lines, indexed) in
            [(Table::Orders, orders, Some("o_custkey, o_orderdate")), (Table::Customer, customers, None)]
        {
            connection.query_drop(table.definition(type_name)).await?;
            into_mysql(&mut connection, table.name(), lines).await?;
            for column in indexed.into_iter().flat_map(|columns| columns.split(", ")) {
                connection.query_drop(format!("CREATE INDEX {column} ON {table} ({column})")).await?;
            }
            connection.query_drop(format!("ANALYZE TABLE {table}")).await?;
        }
        connection.disconnect().await
    };
    loaded.await.context(|| format!("loading TPC-H into {}", server.product()))
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
