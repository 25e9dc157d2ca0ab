//! S3 in trouble: what can be mended is, the rest is one clear error.

use crate::s3::{Bucket, access};
use crate::support::{batch, configured, ints, parquet, run, sorted, table};
use arrow::array::Int64Array;
use headwater_core::{Connector, ErrorKind, Result, ScanRequest};
use headwater_harness::{Fault, FaultKind, S3Proxy};
use std::sync::Arc;

const ROWS: i64 = 100_000;

/// A bucket with one table in two formats, behind a proxy.
async fn behind_a_proxy(purpose: &str) -> (Bucket, S3Proxy, Arc<dyn Connector>) {
    let bucket = Bucket::new(purpose).await;
    let numbers = batch(vec![("n", Arc::new(Int64Array::from_iter_values(0..ROWS)) as _)]);
    bucket.put("p.parquet", parquet(&numbers)).await;
    let lines: String = (0..ROWS).map(|n| format!("{n}\n")).collect();
    bucket.put("c.csv", format!("n\n{lines}")).await;
    let proxy = bucket.server.proxy().await.unwrap();
    let access = access(proxy.endpoint(), bucket.server.access_key(), bucket.server.secret_key());
    let lake = configured(&format!("url = \"s3://{}\"\nsplit_size = \"256KiB\"\n{access}", bucket.name)).unwrap();
    (bucket, proxy, lake)
}

/// Reads a table with a fault that happens after planning.
async fn read_with(
    proxy: &S3Proxy,
    lake: &Arc<dyn Connector>,
    name: &str,
    fault: Fault,
) -> Result<crate::support::Outcome> {
    proxy.clear_faults();
    let metadata = lake.get_table(&table(name)).await.unwrap();
    let plan = lake.plan_scan(&metadata, &ScanRequest::table(table(name))).await.unwrap();
    proxy.inject(fault);
    run(lake, metadata, plan, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_is_read_on_where_it_broke() {
    let (_bucket, proxy, lake) = behind_a_proxy("broken").await;
    for name in ["p", "c"] {
        let outcome = read_with(&proxy, &lake, name, Fault::cut("GetObject", 2, 40_000)).await.unwrap();
        assert_eq!(sorted(&outcome.rows, "n"), ints(0..ROWS), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_request_is_sent_again() {
    let (_bucket, proxy, lake) = behind_a_proxy("throttled").await;
    let outcome = read_with(&proxy, &lake, "c", Fault::slow_down("GetObject", 2)).await.unwrap();
    assert_eq!(sorted(&outcome.rows, "n"), ints(0..ROWS));
    let error = read_with(&proxy, &lake, "c", Fault::slow_down("GetObject", 100)).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    assert!(error.hint().unwrap().contains("max_requests_in_flight"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_while_reading_are_told_apart() {
    let (bucket, proxy, lake) = behind_a_proxy("told-apart").await;
    for (status, code, kind) in [
        (403, "AccessDenied", ErrorKind::PermissionDenied),
        (403, "SignatureDoesNotMatch", ErrorKind::Unauthenticated),
        (400, "ExpiredToken", ErrorKind::Unauthenticated),
        (404, "NoSuchKey", ErrorKind::NotFound),
        (404, "NoSuchBucket", ErrorKind::NotFound),
        (301, "PermanentRedirect", ErrorKind::Config),
        (412, "PreconditionFailed", ErrorKind::Unavailable),
    ] {
        for name in ["p", "c"] {
            let refusal =
                FaultKind::Error { status, type_name: code.to_owned(), message: "as the test wants it".to_owned() };
            let fault = Fault { operation: Some("GetObject".to_owned()), times: 100, kind: refusal };
            let error = read_with(&proxy, &lake, name, fault).await.err().unwrap();
            assert_eq!(error.kind(), kind, "{code}: {error:?}");
            assert!(error.to_string().contains(&bucket.name) || kind == ErrorKind::Unauthenticated, "{code}: {error}");
            assert!(!format!("{error:?}").contains(bucket.server.secret_key()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_is_unavailable() {
    let (_bucket, proxy, lake) = behind_a_proxy("hangs-up").await;
    let fault = Fault { operation: Some("GetObject".to_owned()), times: 100, kind: FaultKind::Reset };
    let error = read_with(&proxy, &lake, "p", fault).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}
