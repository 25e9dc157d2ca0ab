//! The suite of the contract, over a table with a partition key alone and over one with a sort key.

use crate::support::{SECRET, Source, connector_of, name};
use arrow::array::RecordBatch;
use headwater_core::testing::{Fixture, check, dataset};
use headwater_core::{Value, decimal_text};
use serde_json::{Map, Value as Json, json};

/// The columns of the suite's empty table, which no item tells.
pub(crate) const SUITE_EMPTY: &str = "[catalogs.db.tables.suite_empty.columns]\nid = \"int64\"\nbucket = \"int64\"\n\
     name = \"text\"\namount = \"decimal(18,4)\"\nquantity = \"int64\"\nflag = \"boolean\"\npayload = \"binary\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_with_a_partition_key() {
    the_contract_is_kept(&[("id", "N")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_with_a_sort_key() {
    the_contract_is_kept(&[("bucket", "N"), ("id", "N")]).await;
}

async fn the_contract_is_kept(keys: &[(&str, &str)]) {
    let source = Source::with(SUITE_EMPTY).await;
    source.table("suite", keys, items_of(&dataset())).await;
    source.table("suite_empty", keys, vec![]).await;
    let large = (0..20_000).map(|id| json!({ "id": { "N": id.to_string() }, "bucket": { "N": "1" } })).collect();
    source.table("large", &[("id", "N")], large).await;
    let fixture = Fixture::new(source.connector.clone(), name("suite"), name("suite_empty"))
        .with_twin(connector_of(&source.server, SUITE_EMPTY))
        .with_large_table(name("large"))
        .with_secrets([SECRET]);
    check(&fixture).await.into_result().unwrap();
}

pub(crate) fn items_of(rows: &RecordBatch) -> Vec<Json> {
    let columns = rows.schema();
    let item = |row| {
        let attributes = columns.fields().iter().enumerate().filter_map(|(index, field)| {
            let value = Value::from_array(rows.column(index), row)?;
            attribute(&value).map(|json| (field.name().clone(), json))
        });
        Json::Object(attributes.collect::<Map<_, _>>())
    };
    (0..rows.num_rows()).map(item).collect()
}

/// Every third NULL is stored as a NULL, the others are absent; both mean the same.
fn attribute(value: &Value) -> Option<Json> {
    match value {
        Value::Int64(n) => Some(json!({ "N": n.to_string() })),
        Value::Decimal { unscaled, scale } => {
            let text = decimal_text(*unscaled, *scale);
            Some(json!({ "N": text.trim_end_matches('0').trim_end_matches('.') }))
        }
        Value::Utf8(text) => Some(json!({ "S": text })),
        Value::Boolean(truth) => Some(json!({ "BOOL": truth })),
        Value::Binary(bytes) => Some(json!({ "B": base64(bytes) })),
        _ => None,
    }
}

fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}
