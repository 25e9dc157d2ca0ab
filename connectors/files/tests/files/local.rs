//! Files on disk: formats, folders, patterns, partitions.

use crate::support::{Folder, batch, configured, ints, parquet, path, rows, scan, sorted, table, text, types, values};
use arrow::array::{Int64Array, StringArray};
use headwater_core::{Precision, Value};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_file_is_read_by_its_path_without_any_configuration() {
    let folder = Folder::new();
    let data = batch(vec![
        ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as _),
        ("t", Arc::new(StringArray::from(vec!["a", "b", "c"])) as _),
    ]);
    let file = folder.put("numbers.parquet", parquet(&data));
    let files = configured("").unwrap();
    let outcome = scan(&files, path(file), |request| request, None).await.unwrap();
    assert_eq!(values(&outcome.rows, "n"), [Value::Int64(1), Value::Null, Value::Int64(3)]);
    assert_eq!(values(&outcome.rows, "t"), [text("a"), text("b"), text("c")]);
    assert_eq!(outcome.metadata.row_count, Precision::Exact(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_file_keeps_names_and_digits() {
    let folder = Folder::new();
    folder.put("people.csv", "Id,Zip Code,amount,at\n1,00501,1.10,2024-01-31\n2,,2.5,2024-02-29\n");
    let files = folder.connector("");
    let outcome = scan(&files, table("people"), |request| request, None).await.unwrap();
    let found = types(&outcome.metadata);
    let types: Vec<_> = found.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(types, [("Id", "Int64"), ("Zip Code", "Utf8"), ("amount", "Decimal128(18, 2)"), ("at", "Date32")]);
    assert_eq!(values(&outcome.rows, "Zip Code"), [text("00501"), Value::Null]);
    assert_eq!(values(&outcome.rows, "amount")[0], Value::Decimal { unscaled: 110, scale: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_are_read() {
    let folder = Folder::new();
    folder.put("e.jsonl", "{\"a\": 1, \"b\": {\"c\": [1.5, 2]}}\n\n{\"a\": 2}\n");
    let files = folder.connector("");
    assert_eq!(sorted(&rows(&files, table("e")).await, "a"), ints([1, 2]));
}
