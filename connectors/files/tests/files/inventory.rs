//! S3 Inventory: the files that a manifest lists.

use crate::formats::gzip;
use crate::s3::Bucket;
use crate::support::{Folder, batch, configured, failure, parquet, path, scan, sorted, text, types, values};
use arrow::array::{Int64Array, StringArray};
use headwater_core::{ErrorKind, Value};
use std::sync::Arc;

fn manifest(format: &str, schema: &str, bucket: &str, keys: &[&str]) -> String {
    let files: Vec<String> =
        keys.iter().map(|key| format!("{{\"key\":\"{key}\",\"size\":1,\"MD5checksum\":\"x\"}}")).collect();
    format!(
        "{{\"sourceBucket\":\"source\",\"destinationBucket\":\"arn:aws:s3:::{bucket}\",\"version\":\"2016-11-30\",\
         \"creationTimestamp\":\"1514944800000\",\"fileFormat\":\"{format}\",\"fileSchema\":\"{schema}\",\"files\":[{}]}}",
        files.join(",")
    )
}

const SCHEMA: &str = "Bucket, Key, Size, LastModifiedDate, IsLatest";
const ROWS: &[u8] = b"\"source\",\"a%2Fb.txt\",\"12\",\"2024-01-01T00:00:00.000Z\",\"true\"\n\"source\",\"c\",\"\",\"2024-01-02T00:00:00.000Z\",\"false\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_inventory_on_disk_has_the_columns_of_its_manifest() {
    let folder = Folder::new();
    folder.put("copy/inv/source/all/data/1.csv.gz", gzip(ROWS));
    let keys = ["inv/source/all/data/1.csv.gz"];
    let at = folder.put("copy/inv/source/all/2024-01-03T00-00Z/manifest.json", manifest("CSV", SCHEMA, "any", &keys));
    let outcome = scan(&configured("").unwrap(), path(at), |request| request, None).await.unwrap();
    let found: Vec<(String, String)> = types(&outcome.metadata);
    let expected = [
        ("Bucket", "Utf8"),
        ("Key", "Utf8"),
        ("Size", "Int64"),
        ("LastModifiedDate", "Timestamp(µs, \"UTC\")"),
        ("IsLatest", "Boolean"),
    ];
    assert_eq!(found, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
    assert_eq!(sorted(&outcome.rows, "Size"), [Value::Null, Value::Int64(12)]);
    assert_eq!(values(&outcome.rows, "Key"), [text("a%2Fb.txt"), text("c")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_inventory_on_s3_is_read() {
    let bucket = Bucket::new("inventory").await;
    let data = batch(vec![
        ("key", Arc::new(StringArray::from(vec!["a", "b"])) as _),
        ("size", Arc::new(Int64Array::from(vec![1, 2])) as _),
    ]);
    bucket.put("inv/data/1.parquet", parquet(&data)).await;
    bucket
        .put(
            "inv/t/manifest.json",
            manifest("Parquet", "message s3.inventory {}", &bucket.name, &["inv/data/1.parquet"]),
        )
        .await;
    let files = configured(&bucket.access()).unwrap();
    let at = path(format!("s3://{}/inv/t/manifest.json", bucket.name));
    let outcome = scan(&files, at, |request| request, None).await.unwrap();
    assert_eq!(sorted(&outcome.rows, "size"), [Value::Int64(1), Value::Int64(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_none_and_one_with_missing_files_are_errors() {
    let folder = Folder::new();
    let files = configured("").unwrap();
    let at = folder.put("a/manifest.json", "{\"a\":1}\n");
    assert_eq!(failure(&files, path(at)).await.kind(), ErrorKind::Corrupt);
    let at = folder.put("b/manifest.json", manifest("CSV", SCHEMA, "any", &["inv/1.csv.gz"]));
    let error = failure(&files, path(at)).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("inv/1.csv.gz"), "{error}");
    let at = folder.put("c/manifest.json", manifest("ORC", "struct<>", "any", &["inv/1.orc"]));
    assert_eq!(failure(&files, path(at)).await.kind(), ErrorKind::Unsupported);
}
