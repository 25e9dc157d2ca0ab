//! The contract's own suite.

use crate::support::{Database, table};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use headwater_core::testing::{Fixture, check, dataset};
use headwater_core::{Value, decimal_text};
use tokio_postgres::Client;

const COLUMNS: &str = "id bigint PRIMARY KEY, bucket bigint NOT NULL, name text, amount numeric(18,4), \
    quantity bigint, flag boolean, payload bytea";

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() -> Result<(), Box<dyn std::error::Error>> {
    let setup = format!(
        "CREATE TABLE suite ({COLUMNS}); CREATE TABLE suite_empty ({COLUMNS}); \
         CREATE VIEW large AS SELECT generate_series(1, 1000000) AS id, repeat('x', 20) AS filler"
    );
    let database = Database::new("conformance", &setup).await;
    load(&database.client, &dataset()).await;
    database.client.batch_execute("ANALYZE").await?;
    let fixture = Fixture::new(database.connector(), table("suite"), table("suite_empty"))
        .with_twin(database.connector())
        .with_large_table(table("large"))
        .with_secrets([database.server.password()]);
    check(&fixture).await.into_result()?;
    Ok(())
}

async fn load(client: &Client, batch: &RecordBatch) {
    let sql = "INSERT INTO suite VALUES ($1, $2, $3, $4::text::numeric, $5, $6, $7)";
    let statement = client.prepare(sql).await.unwrap();
    let (ids, buckets) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
    let quantities = batch.column(4).as_primitive::<Int64Type>();
    for row in 0..batch.num_rows() {
        let name: Option<&str> = optional(batch.column(2), row).then(|| batch.column(2).as_string::<i32>().value(row));
        let amount = optional(batch.column(3), row)
            .then(|| decimal_text(batch.column(3).as_primitive::<Decimal128Type>().value(row), 4));
        let quantity = optional(batch.column(4), row).then(|| quantities.value(row));
        let flag = optional(batch.column(5), row).then(|| batch.column(5).as_boolean().value(row));
        let payload = match Value::from_array(batch.column(6), row) {
            Some(Value::Binary(bytes)) => Some(bytes),
            _ => None,
        };
        let (id, bucket) = (ids.value(row), buckets.value(row));
        client.execute(&statement, &[&id, &bucket, &name, &amount, &quantity, &flag, &payload]).await.unwrap();
    }
}

fn optional(array: &dyn Array, row: usize) -> bool {
    array.is_valid(row)
}
