//! Files on disk: formats, folders, patterns, partitions.

use crate::support::{
    Folder, batch, configured, failure, ints, parquet, path, rows, scan, sorted, table, text, types, values,
};
use arrow::array::{Int64Array, StringArray};
use headwater_core::{ErrorKind, Precision, Value};
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

#[tokio::test(flavor = "multi_thread")]
async fn names_with_odd_characters_are_read_as_they_are() {
    let folder = Folder::new();
    let names = ["a b%20#ü.csv", "[x]/y{1}.csv", "d=1&e/f+g~.csv", "日本.csv"];
    for name in names {
        let file = folder.put(name, "n\n1\n");
        assert_eq!(sorted(&rows(&configured("").unwrap(), path(file)).await, "n"), ints([1]), "{name}");
    }
    let files = configured("").unwrap();
    assert_eq!(sorted(&rows(&files, path(folder.path("[x]"))).await, "n"), ints([1]));
    assert_eq!(sorted(&rows(&files, path(folder.path("*.csv"))).await, "n"), ints([1, 1]));
    assert_eq!(sorted(&rows(&files, path(format!("file://{}", folder.path("日本.csv")))).await, "n"), ints([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_of_a_place_reads_no_path_outside_it() {
    let folder = Folder::new();
    let (inside, outside) = (folder.put("in/a.csv", "n\n1\n"), folder.put("in-not/b.csv", "n\n2\n"));
    let place = format!("path = \"{}\"\n", folder.path("in"));
    let files = configured(&place).unwrap();
    assert_eq!(sorted(&rows(&files, path(inside)).await, "n"), ints([1]));
    for name in [outside.clone(), folder.path("in/../in-not/b.csv"), "s3://some-bucket/a.csv".to_owned()] {
        let error = failure(&files, path(name)).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    }
    let files = configured(&format!("{place}paths = \"any\"")).unwrap();
    assert_eq!(sorted(&rows(&files, path(outside)).await, "n"), ints([2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_column_declared_text_takes_any_value() {
    let folder = Folder::new();
    folder.put("e.jsonl", "{\"a\": 1.50}\n{\"a\": {\"b\": [\"x\", null]}}\n{\"a\": \"t\"}\n{\"a\": null}\n");
    assert_eq!(failure(&folder.connector(""), table("e")).await.kind(), ErrorKind::SchemaMismatch);
    let files = folder.connector("[catalogs.lake.tables.e.columns]\na = \"text\"\n");
    let found = values(&rows(&files, table("e")).await, "a");
    assert_eq!(found, [text("1.50"), text("{\"b\":[\"x\",null]}"), text("t"), Value::Null]);
}
