//! Throttles, resets and refusals: complete answers or clean errors, nothing in between.

use crate::support::{Source, name};
use futures::TryStreamExt;
use headwater_core::{Error, ErrorKind, JoinKeys, Retry, ScanContext, ScanRequest, Value};
use headwater_harness::{Fault, FaultKind};
use serde_json::json;
use std::time::{Duration, Instant};

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

fn concerns_items(error: &Error) -> bool {
    error.context().iter().any(|(key, value)| *key == "table" && value == "items")
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
    assert!(matches!(error.retry(), Retry::After(_)));
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
        ("ServiceUnavailable", 503, ErrorKind::Unavailable),
        ("InvalidSignatureException", 400, ErrorKind::Unauthenticated),
        ("ItemCollectionSizeLimitExceededException", 400, ErrorKind::LimitExceeded),
        ("RequestLimitExceeded", 400, ErrorKind::Throttled),
        ("SomethingNew", 403, ErrorKind::PermissionDenied),
    ] {
        let error = refused(type_name, status).await;
        assert_eq!(error.kind(), kind, "{type_name}: {error:?}");
        assert!(error.context().iter().any(|(key, value)| *key == "code" && value == type_name), "{error:?}");
        assert!(concerns_items(&error), "{error:?}");
        assert!(error.hint().is_some() || error.retry() != Retry::No, "what to do: {error:?}");
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
    let keys = JoinKeys::new(vec!["id".to_owned()], tuples);
    let outcome = source.try_read(&plan, Some(&keys)).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 150);
    assert_eq!(outcome.context.metrics.snapshot().retries, 2);
}

#[tokio::test]
async fn a_missing_index_is_told_as_such() {
    let source = items().await;
    let plan = source.plan(&ScanRequest::table(name("items"))).await;
    let message = "The table does not have the specified index: by_day".to_owned();
    let kind = FaultKind::Error { status: 400, type_name: "ValidationException".to_owned(), message };
    source.server.inject(Fault { operation: Some("Scan".to_owned()), times: 1, kind });
    let error = source.try_read(&plan, None).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_string().contains("by_day"), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    for bytes in [0, 1, 1_000, 500_000] {
        let source = items().await;
        let plan = source.plan(&ScanRequest::table(name("items"))).await;
        source.server.inject(Fault::cut("Scan", 1, bytes));
        let outcome = source.try_read(&plan, None).await.unwrap();
        assert_eq!(outcome.rows.num_rows(), 2_500, "cut after {bytes}");
        assert_eq!(outcome.context.metrics.snapshot().retries, 1, "cut after {bytes}");
    }
}

#[tokio::test]
async fn an_answer_that_always_breaks_off_is_an_error() {
    let source = items().await;
    let plan = source.plan(&ScanRequest::table(name("items"))).await;
    source.server.inject(Fault::cut("Scan", 100, 1_000));
    let error = source.try_read(&plan, None).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("did not come whole"), "{error}");
    assert!(concerns_items(&error), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_stalls_is_asked_for_again() {
    let source = items().await;
    let plan = source.plan(&ScanRequest::table(name("items"))).await;
    let kind = FaultKind::Stall(1_000);
    source.server.inject(Fault { operation: Some("Scan".to_owned()), times: 1, kind });
    let outcome = source.try_read(&plan, None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 2_500);
    assert_eq!(outcome.context.metrics.snapshot().retries, 1);
}

#[tokio::test]
async fn a_query_that_is_cancelled_while_it_waits_sends_nothing_more() {
    for kind in [FaultKind::Stall(1_000), FaultKind::Delay(Duration::from_secs(600)), throttle()] {
        let source = items().await;
        let plan = source.plan(&ScanRequest::table(name("items"))).await;
        source.server.take_requests();
        source.server.inject(Fault { operation: Some("Scan".to_owned()), times: 100, kind: kind.clone() });
        let context = ScanContext::new("cancelled");
        let splits: Vec<_> =
            source.connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
        let mut stream = source.connector.read(&splits[0], &context).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(300), stream.try_next()).await;
        assert!(waited.is_err(), "{kind:?} did not hold it up");
        let begin = Instant::now();
        drop(stream);
        assert!(begin.elapsed() < Duration::from_secs(1), "{kind:?}");
        let sent = source.server.requests().len();
        assert!(sent > 0);
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(source.server.requests().len(), sent, "{kind:?}");
    }
}

fn throttle() -> FaultKind {
    Fault::throttle("Scan", 1).kind
}
