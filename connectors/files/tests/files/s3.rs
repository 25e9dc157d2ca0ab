//! Files on a real S3 server.

use crate::support::{batch, configured, failure, ints, parquet, path, rows, run, scan, sorted, table};
use arrow::array::Int64Array;
use futures::TryStreamExt;
use headwater_core::{Connector, ErrorKind, ScanRequest, SourceRequest, TableName};
use headwater_harness::S3;
use std::sync::Arc;

/// A bucket of its own on the shared server.
pub(crate) struct Bucket {
    pub(crate) server: &'static S3,
    pub(crate) name: String,
}

impl Bucket {
    pub(crate) async fn new(purpose: &str) -> Self {
        let server = S3::shared().await.unwrap();
        let name = format!("files-{purpose}-{}", std::process::id());
        server.create_bucket(&name).await.unwrap();
        Self { server, name }
    }

    pub(crate) async fn put(&self, key: &str, content: impl Into<Vec<u8>>) {
        self.server.put(&self.name, key, content.into()).await.unwrap();
    }

    /// Where the server is and who we are.
    pub(crate) fn access(&self) -> String {
        access(self.server.endpoint(), self.server.access_key(), self.server.secret_key())
    }

    pub(crate) fn connector(&self, prefix: &str, lines: &str) -> Arc<dyn Connector> {
        configured(&format!("url = \"s3://{}/{prefix}\"\n{}{lines}", self.name, self.access())).unwrap()
    }
}

pub(crate) fn access(endpoint: &str, key: &str, secret: &str) -> String {
    format!(
        "endpoint = \"{endpoint}\"\nregion = \"us-east-1\"\naccess_key_id = \"{key}\"\nsecret_access_key = \"{secret}\"\n"
    )
}

fn numbers(from: i64, to: i64) -> Vec<u8> {
    parquet(&batch(vec![("n", Arc::new(Int64Array::from_iter_values(from..to)) as _)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_folders_and_patterns_are_read_directly() {
    let bucket = Bucket::new("urls").await;
    bucket.put("in/a.parquet", numbers(0, 3)).await;
    bucket.put("in/deep/b.parquet", numbers(3, 5)).await;
    bucket.put("in-other/c.parquet", numbers(100, 101)).await;
    bucket.put("in/_SUCCESS", "").await;
    bucket.put("odd/sp ace+%2F=ü.csv", "n\n7\n").await;
    let files = configured(&bucket.access()).unwrap();
    let url = |key: &str| path(format!("s3://{}/{key}", bucket.name));
    assert_eq!(sorted(&rows(&files, url("in/a.parquet")).await, "n"), ints(0..3));
    assert_eq!(sorted(&rows(&files, url("in/")).await, "n"), ints(0..5));
    assert_eq!(sorted(&rows(&files, url("in")).await, "n"), ints(0..5));
    assert_eq!(sorted(&rows(&files, url("in/*.parquet")).await, "n"), ints(0..3));
    assert_eq!(sorted(&rows(&files, url("in*/**/*.parquet")).await, "n"), [ints(0..5), ints([100])].concat());
    assert_eq!(sorted(&rows(&files, url("odd/sp ace+%2F=ü.csv")).await, "n"), ints([7]));
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_schemas_and_prefixes_tables() {
    let bucket = Bucket::new("schemas").await;
    bucket.put("orders/a.parquet", numbers(0, 3)).await;
    bucket.put("single.csv.gz", gzip(b"n\n1\n")).await;
    let account = configured(&format!("url = \"s3://\"\n{}", bucket.access())).unwrap();
    let schemas: Vec<String> = account.list_schemas().try_collect().await.unwrap();
    assert!(schemas.contains(&bucket.name), "{schemas:?}");
    let mut tables: Vec<TableName> = account.list_tables(&bucket.name).try_collect().await.unwrap();
    tables.sort();
    let name = |table: &str| TableName::new(&bucket.name, table);
    assert_eq!(tables, [name("orders"), name("single")]);
    assert_eq!(sorted(&rows(&account, name("orders")).await, "n"), ints(0..3));
    assert_eq!(sorted(&rows(&account, name("single")).await, "n"), ints([1]));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    crate::formats::gzip(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_apart() {
    let bucket = Bucket::new("refusals").await;
    bucket.put("a.parquet", numbers(0, 3)).await;
    let (server, own) = (bucket.server, bucket.name.as_str());
    let as_someone = |key: &str, secret: &str| configured(&access(server.endpoint(), key, secret)).unwrap();
    let own_file = path(format!("s3://{own}/a.parquet"));
    let us = configured(&bucket.access()).unwrap();

    let error = failure(&us, path("s3://no-such-bucket-here/a.parquet")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("bucket no-such-bucket-here"), "{error}");
    let error = failure(&us, path(format!("s3://{own}/b.parquet"))).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("b.parquet") && !error.to_string().contains("bucket no"), "{error}");

    let wrong = as_someone(server.access_key(), "wrong-secret-5d0f");
    for name in [own_file.clone(), path(format!("s3://{own}/"))] {
        let error = failure(&wrong, name).await;
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
        assert!(!format!("{error:?}").contains("wrong-secret-5d0f"));
    }
    let error = failure(&as_someone("nobody", "wrong-secret-5d0f"), own_file.clone()).await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");

    let reader = as_someone(server.reader_access_key(), server.reader_secret_key());
    let error = failure(&reader, own_file).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.hint().unwrap().contains("s3:"), "{error:?}");

    let nowhere = configured(&access("http://127.0.0.1:9", "a", "b")).unwrap();
    let error = failure(&nowhere, path("s3://some-bucket/a.parquet")).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changed_since_planning_is_an_error() {
    let bucket = Bucket::new("changes").await;
    bucket.put("t/a.parquet", numbers(0, 3)).await;
    bucket.put("t/b.parquet", numbers(3, 6)).await;
    let lake = bucket.connector("", "");
    let metadata = lake.get_table(&table("t")).await.unwrap();
    let plan = lake.plan_scan(&metadata, &ScanRequest::table(table("t"))).await.unwrap();
    bucket.put("t/b.parquet", numbers(4, 7)).await;
    let error = run(&lake, metadata, plan, None).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("b.parquet was changed"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_what_is_sent() {
    let bucket = Bucket::new("shown").await;
    let lines: String = (0..50_000).map(|n| format!("{n},{}\n", n * 7)).collect();
    bucket.put("t/a.csv", format!("n,m\n{lines}")).await;
    let proxy = bucket.server.proxy().await.unwrap();
    let access = access(proxy.endpoint(), bucket.server.access_key(), bucket.server.secret_key());
    let lines = format!("url = \"s3://{}/\"\nsplit_size = \"64KiB\"\n{access}", bucket.name);
    let lines = format!("{lines}\n[catalogs.lake.tables.t]\nnewlines_in_quotes = false\n");
    let lake = configured(&lines).unwrap();
    let metadata = lake.get_table(&table("t")).await.unwrap();
    let plan = lake.plan_scan(&metadata, &ScanRequest::table(table("t"))).await.unwrap();
    proxy.take_requests();
    let outcome = run(&lake, metadata, plan, None).await.unwrap();
    assert_eq!(sorted(&outcome.rows, "n"), ints(0..50_000));
    let requests = proxy.take_requests();
    let counted = outcome.context.metrics.snapshot();
    assert_eq!(counted.requests, requests.len() as u64);
    assert!(outcome.splits.len() > 5);
    let ranges: Vec<String> = requests.iter().filter_map(|request| request.range.clone()).collect();
    for split in &outcome.splits {
        let SourceRequest::Operation { parameters, .. } = &split.request else { panic!("not an operation") };
        let bound = |index: usize| parameters["files"][0]["range"][index].as_u64().unwrap();
        // One byte before the range tells whether a line begins with it.
        let range = format!("bytes={}-{}", bound(0).saturating_sub(1), bound(1) - 1);
        assert!(ranges.contains(&range), "{range} is not among {ranges:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_asks_for_nothing_more() {
    let bucket = Bucket::new("dropped").await;
    let lines: String = (0..400_000).map(|n| format!("{n},some filler to make it longer\n")).collect();
    bucket.put("t/a.csv", format!("n,m\n{lines}")).await;
    let lake = bucket.connector("", "[catalogs.lake.tables.t]\nnewlines_in_quotes = true\n");
    let outcome = scan(&lake, table("t"), |request| request.with_limit(5), None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 5);
    let whole = outcome.metadata.byte_size.value().unwrap();
    let received = outcome.context.metrics.snapshot().wire_bytes;
    assert!(received < whole / 2, "{received} of {whole} bytes");
}
