//! The contract's own suite.

use crate::support::{DIGITS, Database};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use headwater_core::config::Setting;
use headwater_core::testing::{Fixture, check, dataset};
use headwater_core::{Value, decimal_text};
use headwater_harness::Product;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, Params};

const COLUMNS: &str = "id bigint PRIMARY KEY, bucket bigint NOT NULL, name longtext, amount decimal(18,4), \
    quantity bigint, flag tinyint(1), payload longblob, KEY (name(20)), KEY (amount), KEY (quantity)";

#[tokio::test(flavor = "multi_thread")]
async fn mysql_keeps_the_contract() -> Result<(), Box<dyn std::error::Error>> {
    keeps_the_contract(Product::MySql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_keeps_the_contract() -> Result<(), Box<dyn std::error::Error>> {
    keeps_the_contract(Product::MariaDb).await
}

async fn keeps_the_contract(product: Product) -> Result<(), Box<dyn std::error::Error>> {
    let setup = format!(
        "CREATE TABLE suite ({COLUMNS}); CREATE TABLE suite_empty ({COLUMNS}); {DIGITS} \
         CREATE VIEW large AS SELECT a.n * 100000 + b.n * 10000 + c.n * 1000 + d.n * 100 + e.n * 10 + f.n AS id, \
         repeat('x', 20) AS filler FROM digit a, digit b, digit c, digit d, digit e, digit f"
    );
    let database = Database::new(product, "conformance", &setup).await;
    let mut conn = Conn::new(Opts::from(database.server.options("conformance"))).await?;
    load(&mut conn, &dataset()).await;
    conn.query_drop("ANALYZE TABLE suite").await?;
    let booleans = [("tinyint1_is_boolean", Setting::Boolean(true))];
    let fixture =
        Fixture::new(database.connector_with(&booleans), database.table("suite"), database.table("suite_empty"))
            .with_twin(database.connector_with(&booleans))
            .with_large_table(database.table("large"))
            .with_secrets([database.server.password()]);
    check(&fixture).await.into_result()?;
    Ok(())
}

async fn load(conn: &mut Conn, batch: &RecordBatch) {
    let (ids, buckets) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
    let amounts = batch.column(3).as_primitive::<Decimal128Type>();
    let row = |row: usize| {
        let text = |column: usize| match Value::from_array(batch.column(column), row) {
            Some(Value::Utf8(text)) => mysql_async::Value::from(text),
            Some(Value::Binary(bytes)) => mysql_async::Value::from(bytes),
            Some(Value::Int64(number)) => mysql_async::Value::from(number),
            Some(Value::Boolean(truth)) => mysql_async::Value::from(truth),
            _ => mysql_async::Value::NULL,
        };
        let amount = amounts.is_valid(row).then(|| decimal_text(amounts.value(row), 4));
        let (id, bucket) = (ids.value(row).into(), buckets.value(row).into());
        Params::from(vec![id, bucket, text(2), amount.into(), text(4), text(5), text(6)])
    };
    let rows: Vec<Params> = (0..batch.num_rows()).map(row).collect();
    conn.exec_batch("INSERT INTO suite VALUES (?, ?, ?, ?, ?, ?, ?)", rows).await.unwrap();
}
