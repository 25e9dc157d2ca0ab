//! Throttles, resets and refusals: complete answers or clean errors, nothing in between.

use crate::support::{Source, name};
use headwater_core::{Error, ErrorKind, JoinKeys, ScanRequest, Value};
use headwater_harness::{Fault, FaultKind};
use serde_json::json;

async fn items() -> Source {
    let source = Source::with("sample_size = 1").await;
    let items = (0..2_500).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": "x".repeat(1_000) } }));
    source.table("items", &[("id", "N")], items.collect()).await;
    source
}

async fn refused(type_name: &str, status: u16) -> Error {
    let source = items().await;
    let plan = source.plan(&ScanRequest::table(name("items"))).await;
    let kind = FaultKind::Error { status, type_name: type_name.to_owned(), message: "no.".to_owned() };
    source.server.inject(Fault { operation: Some("Scan".to_owned()), times: 100, kind });
    source.try_read(&plan, None).await.map(|_| ()).unwrap_err()
}

#[tokio::test]
async fn a_few_throttles_are_survived_and_counted() {
    let source = items().await;
    let plan = source.plan(&ScanRequest::table(name("items"))).await;
    source.server.inject(Fault::throttle("Scan", 2));
    let outcome = source.try_read(&plan, None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 2_500);
    assert_eq!(outcome.context.metrics.snapshot().retries, 2);
}

#[tokio::test]
async fn throttled_for_good_is_an_error_of_its_own() {
    let error = refused("ProvisionedThroughputExceededException", 400).await;
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    assert!(matches!(error.retry(), headwater_core::Retry::After(_)));
}

#[tokio::test]
async fn a_reset_in_the_middle_loses_no_row() {
    let source = items().await;
    let plan = source.plan(&ScanRequest::table(name("items"))).await;
    source.server.inject(Fault { operation: Some("Scan".to_owned()), times: 1, kind: FaultKind::Reset });
    let outcome = source.try_read(&plan, None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 2_500);
    source.server.inject(Fault { operation: Some("Scan".to_owned()), times: 100, kind: FaultKind::Reset });
    let error = source.try_read(&plan, None).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (type_name, status, kind) in [
        ("UnrecognizedClientException", 400, ErrorKind::Unauthenticated),
        ("ExpiredTokenException", 400, ErrorKind::Unauthenticated),
        ("AccessDeniedException", 400, ErrorKind::PermissionDenied),
        ("ResourceNotFoundException", 400, ErrorKind::NotFound),
        ("ValidationException", 400, ErrorKind::InvalidInput),
        ("InternalServerError", 500, ErrorKind::Unavailable),
        ("SomethingNew", 403, ErrorKind::PermissionDenied),
    ] {
        let error = refused(type_name, status).await;
        assert_eq!(error.kind(), kind, "{type_name}: {error:?}");
        assert!(error.context().iter().any(|(key, value)| *key == "code" && value == type_name), "{error:?}");
        assert_eq!(error.catalog(), Some("db"));
        assert!(!format!("{error:?}").contains(crate::support::SECRET));
    }
}

#[tokio::test]
async fn a_throttled_batch_of_keys_is_completed() {
    let source = items().await;
    let plan = source.plan(&ScanRequest::table(name("items"))).await;
    source.server.inject(Fault::throttle("BatchGetItem", 2));
    let tuples = (0..150).map(|id| vec![Value::Int64(id)]).collect();
    let keys = JoinKeys { columns: vec!["id".to_owned()], tuples };
    let outcome = source.try_read(&plan, Some(&keys)).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 150);
    assert_eq!(outcome.context.metrics.snapshot().retries, 2);
}
