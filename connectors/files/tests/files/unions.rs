//! Many files, one table.

use crate::support::{Folder, batch, failure, parquet, rows, scan, sorted, table, text, types, values};
use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array, StringArray, UInt64Array,
};
use headwater_core::{ErrorKind, Precision, Value};
use std::sync::Arc;

fn one(name: &str, array: impl arrow::array::Array + 'static) -> Vec<u8> {
    parquet(&batch(vec![(name, Arc::new(array) as ArrayRef)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_some_files_lack_are_null_there() {
    let folder = Folder::new();
    let both = batch(vec![
        ("a", Arc::new(Int64Array::from(vec![2])) as ArrayRef),
        ("b", Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
    ]);
    folder.put("p/1.parquet", one("a", Int64Array::from(vec![1])));
    folder.put("p/2.parquet", parquet(&both));
    folder.put("c/1.csv", "a\n1\n");
    folder.put("c/2.csv", "b,a\nx,2\n");
    folder.put("j/1.jsonl", "{\"a\":1}");
    folder.put("j/2.jsonl", "{\"b\":\"x\",\"a\":2}");
    for lines in ["", "split_size = \"1KiB\""] {
        let files = folder.connector(lines);
        for name in ["p", "c", "j"] {
            let outcome = scan(&files, table(name), |request| request, None).await.unwrap();
            assert_eq!(sorted(&outcome.rows, "a"), [Value::Int64(1), Value::Int64(2)], "{name}");
            assert_eq!(sorted(&outcome.rows, "b"), [Value::Null, text("x")], "{name}");
        }
        let outcome = scan(&files, table("p"), |request| request, None).await.unwrap();
        assert_eq!(outcome.metadata.row_count, Precision::Exact(2));
        assert!(outcome.metadata.facts("b").note.unwrap().contains("1 of 2"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_differ_become_one_that_holds_both() {
    let folder = Folder::new();
    let decimal = Decimal128Array::from(vec![150]).with_precision_and_scale(9, 2).unwrap();
    for (name, first, second) in [
        ("ints", one("n", Int16Array::from(vec![-1])), one("n", Int32Array::from(vec![70_000]))),
        ("unsigned", one("n", UInt64Array::from(vec![u64::MAX])), one("n", Int64Array::from(vec![-1]))),
        ("decimals", one("n", Int32Array::from(vec![7])), one("n", decimal)),
        ("floats", one("n", Int32Array::from(vec![7])), one("n", Float64Array::from(vec![0.5]))),
    ] {
        folder.put(&format!("{name}/1.parquet"), first);
        folder.put(&format!("{name}/2.parquet"), second);
    }
    let files = folder.connector("");
    let expected = [
        ("ints", "Int32", vec![Value::Int64(-1), Value::Int64(70_000)]),
        (
            "unsigned",
            "Decimal128(20, 0)",
            vec![Value::Decimal { unscaled: -1, scale: 0 }, Value::Decimal { unscaled: u64::MAX.into(), scale: 0 }],
        ),
        (
            "decimals",
            "Decimal128(12, 2)",
            vec![Value::Decimal { unscaled: 150, scale: 2 }, Value::Decimal { unscaled: 700, scale: 2 }],
        ),
        ("floats", "Float64", vec![Value::Float64(0.5), Value::Float64(7.0)]),
    ];
    for (name, kind, found) in expected {
        let outcome = scan(&files, table(name), |request| request, None).await.unwrap();
        assert_eq!(types(&outcome.metadata), [("n".to_owned(), kind.to_owned())], "{name}");
        assert_eq!(sorted(&outcome.rows, "n"), found, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_nothing_holds_are_an_error_that_names_both_files() {
    let folder = Folder::new();
    folder.put("t/1.parquet", one("n", Int64Array::from(vec![1])));
    folder.put("t/2.parquet", one("n", StringArray::from(vec!["x"])));
    folder.put("j/1.jsonl", "{\"n\":1}");
    folder.put("j/2.jsonl", "{\"n\":\"x\"}");
    let files = folder.connector("");
    let error = failure(&files, table("t")).await;
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.to_string().contains("t/1.parquet") && error.to_string().contains("t/2.parquet"), "{error}");
    let error = failure(&files, table("j")).await;
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.to_string().contains("j/2.jsonl") && error.to_string().contains("column n"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_sample_that_does_not_fit_is_an_error_and_loses_nothing() {
    let folder = Folder::new();
    let extra = batch(vec![
        ("n", Arc::new(Int64Array::from(vec![2])) as ArrayRef),
        ("surprise", Arc::new(Int64Array::from(vec![3])) as ArrayRef),
    ]);
    folder.put("extra/1.parquet", one("n", Int64Array::from(vec![1])));
    folder.put("extra/2.parquet", parquet(&extra));
    folder.put("wider/1.parquet", one("n", Int32Array::from(vec![1])));
    folder.put("wider/2.parquet", one("n", Int64Array::from(vec![1 << 40])));
    folder.put("lacks/1.parquet", one("n", Int64Array::from(vec![1])));
    folder.put("lacks/2.parquet", one("n", Int64Array::from(vec![2])).clone());
    folder.put("csv/1.csv", "n\n1\n");
    folder.put("csv/2.csv", "n,m\n2,3\n");
    folder.put("json/1.jsonl", "{\"n\":1}");
    folder.put("json/2.jsonl", "{\"n\":2,\"m\":3}");
    let files = folder.connector("sample_files = 1");
    for (name, file, column) in [
        ("extra", "extra/2.parquet", "surprise"),
        ("wider", "wider/2.parquet", "column n"),
        ("csv", "csv/2.csv", "column m"),
        ("json", "json/2.jsonl", "column m"),
    ] {
        let error = failure(&files, table(name)).await;
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{name}: {error:?}");
        assert!(error.to_string().contains(file) && error.to_string().contains(column), "{error}");
        assert!(error.hint().unwrap().contains("sample_files"), "{error:?}");
    }
    assert_eq!(sorted(&rows(&files, table("lacks")).await, "n"), [Value::Int64(1), Value::Int64(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_beyond_the_sample_that_does_not_fit_names_file_line_and_what_to_do() {
    let folder = Folder::new();
    // One megabyte is read of a file on disk at least.
    let numbers: String = (0..140_000).map(|n| format!("{n},x\n")).collect();
    folder.put("t.csv", format!("n,t\n{numbers}007,y\n"));
    let objects: String = (0..100_000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    folder.put("j.jsonl", format!("{objects}{{\"n\":1.5}}\n"));
    let lines = "sample_size = \"64KiB\"\nsplit_size = \"64MiB\"";
    let files = folder.connector(lines);
    let error = failure(&files, table("t")).await;
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.to_string().contains("t.csv, line 140002: column n has `007`"), "{error}");
    assert!(error.hint().unwrap().contains("declare"), "{error:?}");
    let error = failure(&files, table("j")).await;
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.to_string().contains("j.jsonl, line 100001: column n has `1.5`"), "{error}");
    let declared = format!("{lines}\n[catalogs.lake.tables.t.columns]\nn = \"int64\"\n");
    let found = values(&rows(&folder.connector(&declared), table("t")).await, "n");
    assert_eq!(found.last(), Some(&Value::Int64(7)));
}
