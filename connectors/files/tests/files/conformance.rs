//! The contract's own suite, over each format, on disk and on S3.

use crate::s3::Bucket;
use crate::support::{Folder, csv_of, parquet, parquet_with, small_groups, table};
use arrow::array::{Int64Array, RecordBatch};
use headwater_core::Value;
use headwater_core::testing::{Fixture, check, dataset};
use std::sync::Arc;

/// The payloads are hexadecimal text in CSV and JSON, so they are declared.
const DECLARED: &str = "split_size = \"4KiB\"\n\
    [catalogs.lake.tables.suite.columns]\npayload = \"binary\"\n\
    [catalogs.lake.tables.suite_empty.columns]\nid = \"int64\"\nbucket = \"int64\"\nname = \"text\"\n\
    amount = \"decimal(18,4)\"\nquantity = \"int64\"\nflag = \"boolean\"\npayload = \"binary\"\n";

fn large() -> RecordBatch {
    RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from_iter_values(0..50_000)) as _)]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_over_parquet() {
    let folder = Folder::new();
    folder.put("suite.parquet", parquet(&dataset()));
    folder.put("suite_empty.parquet", parquet(&dataset().slice(0, 0)));
    folder.put("large.parquet", parquet(&large()));
    the_contract_is_kept(&folder, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_over_many_files_of_small_row_groups_and_pages() {
    let folder = Folder::new();
    for part in 0..3 {
        let rows = dataset().slice(part * 70, 70);
        folder.put(&format!("suite/part-{part}.parquet"), parquet_with(&rows, small_groups()));
    }
    folder.put("suite_empty.parquet", parquet(&dataset().slice(0, 0)));
    folder.put("large.parquet", parquet_with(&large(), small_groups()));
    the_contract_is_kept(&folder, "split_size = \"1KiB\"\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_over_csv() {
    let folder = Folder::new();
    folder.put("suite.csv", csv_of(&dataset()));
    folder.put("suite_empty.csv", csv_of(&dataset().slice(0, 0)));
    folder.put("large.csv", csv_of(&large()));
    the_contract_is_kept(&folder, DECLARED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_over_json_lines() {
    let folder = Folder::new();
    folder.put("suite.jsonl", json_of(&dataset()));
    folder.put("suite_empty.jsonl", "");
    folder.put("large.jsonl", json_of(&large()));
    the_contract_is_kept(&folder, DECLARED).await;
}

async fn the_contract_is_kept(folder: &Folder, lines: &str) {
    let secrets = "access_key_id = \"id\"\nsecret_access_key = \"planted-secret-4b1d7c\"\n";
    let lines = format!("{secrets}{lines}");
    let fixture = Fixture::new(folder.connector(&lines), table("suite"), table("suite_empty"))
        .with_twin(folder.connector(&lines))
        .with_large_table(table("large"))
        .with_secrets(["planted-secret-4b1d7c"]);
    check(&fixture).await.into_result().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept_over_parquet_on_s3() {
    let bucket = Bucket::new("conformance").await;
    bucket.put("data/suite/a.parquet", parquet_with(&dataset().slice(0, 100), small_groups())).await;
    bucket.put("data/suite/b.parquet", parquet(&dataset().slice(100, 110))).await;
    bucket.put("data/suite_empty.parquet", parquet(&dataset().slice(0, 0))).await;
    bucket.put("data/large.parquet", parquet(&large())).await;
    let fixture = Fixture::new(bucket.connector("data", ""), table("suite"), table("suite_empty"))
        .with_twin(bucket.connector("data", ""))
        .with_large_table(table("large"))
        .with_secrets([bucket.server.secret_key()]);
    check(&fixture).await.into_result().unwrap();
}

/// One object a line; every other NULL is absent.
fn json_of(rows: &RecordBatch) -> String {
    let schema = rows.schema();
    let mut out = String::new();
    for row in 0..rows.num_rows() {
        let entries: Vec<String> = schema
            .fields()
            .iter()
            .zip(rows.columns())
            .filter_map(|(field, column)| {
                let value = match Value::from_array(column.as_ref(), row).unwrap() {
                    Value::Null if row % 2 == 0 => return None,
                    Value::Null => "null".to_owned(),
                    Value::Utf8(text) => serde_json::Value::from(text).to_string(),
                    Value::Binary(bytes) => {
                        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                        format!("\"{hex}\"")
                    }
                    other => other.to_string(),
                };
                Some(format!("\"{}\": {value}", field.name()))
            })
            .collect();
        out.push_str(&format!("{{{}}}\n", entries.join(", ")));
    }
    out
}
