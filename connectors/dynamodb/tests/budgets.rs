//! Budgets, throttling, the capacity of a query, consistency: a guest that asks for no more than it may.

use crate::support::{Source, connector_of, name, parameters, values};
use futures::TryStreamExt;
use headwater_core::{
    AccessPath, CompareOp, Connector, ErrorKind, Expr, JoinKeys, Result, ScanContext, ScanPlan, ScanRequest, Value,
};
use headwater_harness::Fault;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// 2,500 items of 1 kB: three pages, about 320 units.
async fn items(lines: &str) -> Source {
    let source = Source::with(&format!("sample_size = 1\nscan_segments = 1\n{lines}")).await;
    let items = (0..2_500).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": "x".repeat(1_000) } }));
    source.table("items", &[("id", "N")], items.collect()).await;
    source
}

async fn read(connector: &Arc<dyn Connector>, plan: &ScanPlan, context: &ScanContext) -> Result<usize> {
    let splits: Vec<_> = connector.splits(plan, None, context).await?.stream.try_collect().await?;
    let mut rows = 0;
    for split in &splits {
        let batches: Vec<_> = connector.read(split, context).await?.try_collect().await?;
        rows += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    }
    Ok(rows)
}

fn whole_table() -> ScanRequest {
    ScanRequest::table(name("items"))
}

#[tokio::test]
async fn two_connectors_of_a_catalog_share_its_budget() {
    let source = items("requests_per_second = 1").await;
    let plan = source.plan(&whole_table()).await;
    let other = connector_of(&source.server, "sample_size = 1\nscan_segments = 1\nrequests_per_second = 1");
    let contexts = [ScanContext::new("one"), ScanContext::new("two")];
    let both = tokio::join!(read(&source.connector, &plan, &contexts[0]), read(&other, &plan, &contexts[1]));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (2_500, 2_500));
    let [first, second] = contexts.map(|context| context.metrics.snapshot().throttle_wait);
    // Three pages each. With a budget of its own each would wait for two or three of them; together, twice as long.
    assert!(first + second > Duration::from_millis(6_500), "{first:?} {second:?}");
}

#[tokio::test]
async fn a_table_has_a_budget_of_its_own() {
    let source = items("[catalogs.db.tables.items]\nrequests_per_second = 1").await;
    source.table("free", &[("id", "N")], vec![json!({ "id": { "N": "1" } })]).await;
    let (plan, free) = (source.plan(&whole_table()).await, source.plan(&ScanRequest::table(name("free"))).await);
    let contexts = [ScanContext::new("budgeted"), ScanContext::new("free")];
    let both = tokio::join!(read(&source.connector, &plan, &contexts[0]), read(&source.connector, &free, &contexts[1]));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (2_500, 1));
    let [budgeted, free] = contexts.map(|context| context.metrics.snapshot().throttle_wait);
    assert!(budgeted > Duration::from_secs(1), "one request a second, the sample's included: {budgeted:?}");
    assert_eq!(free, Duration::ZERO);
}

#[tokio::test]
async fn a_throttled_table_is_read_more_slowly_from_then_on() {
    let source = items("").await;
    let plan = source.plan(&whole_table()).await;
    source.server.inject(Fault::throttle("Scan", 1));
    let context = ScanContext::new("throttled");
    assert_eq!(read(&source.connector, &plan, &context).await.unwrap(), 2_500);
    let stats = context.metrics.snapshot();
    assert_eq!(stats.retries, 1);
    // The SDK's own pause before it asks again is 50 ms at most: the rest is ours.
    assert!(stats.throttle_wait > Duration::from_millis(500), "{stats:?}");
    let unhurried = ScanContext::new("other table");
    source.table("free", &[("id", "N")], vec![json!({ "id": { "N": "1" } })]).await;
    let free = source.plan(&ScanRequest::table(name("free"))).await;
    read(&source.connector, &free, &unhurried).await.unwrap();
    assert_eq!(unhurried.metrics.snapshot().throttle_wait, Duration::ZERO);
}

#[tokio::test]
async fn a_query_ends_at_its_capacity() {
    let source = items("max_read_units_per_query = 150").await;
    let plan = source.plan(&whole_table()).await;
    source.server.take_requests();
    let context = ScanContext::new("greedy");
    let error = read(&source.connector, &plan, &context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
    assert!(error.to_string().contains("max_read_units_per_query allows 150"), "{error}");
    assert!(error.hint().unwrap().contains("raise max_read_units_per_query"), "{error:?}");
    assert_eq!(error.catalog(), Some("db"));
    assert_eq!(source.server.take_requests().len(), 2, "the second page went beyond 150 units; no third");
    let again = ScanContext { scope: Arc::clone(&context.scope), ..ScanContext::new("greedy") };
    assert!(read(&source.connector, &plan, &again).await.is_err(), "all scans of a query share the limit");
    assert!(source.server.take_requests().is_empty());
    let modest = whole_table().with_filters(vec![Expr::column("id").compare(CompareOp::Eq, Value::Int64(7))]);
    let plan = source.plan(&modest).await;
    assert_eq!(read(&source.connector, &plan, &ScanContext::new("modest")).await.unwrap(), 1);
}

#[tokio::test]
async fn a_sample_ends_at_the_capacity_of_a_query() {
    let source = items("max_read_units_per_query = 1").await;
    source.server.take_requests();
    source.metadata("items").await;
    let whole = Source::with("sample_size = 2500\nmax_read_units_per_query = 100").await;
    let items = (0..2_500).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": "x".repeat(1_000) } }));
    whole.table("items", &[("id", "N")], items.collect()).await;
    whole.server.take_requests();
    let metadata = whole.metadata("items").await;
    let scans = whole.server.take_requests().into_iter().filter(|request| request.operation == "Scan").count();
    assert_eq!(scans, 1, "a page of 128 units, and no other");
    assert_eq!(crate::support::columns(&metadata).len(), 2);
}

#[tokio::test]
async fn reads_are_strongly_consistent_where_that_is_wanted() {
    let source = items("[catalogs.db.tables.items]\nconsistent_reads = true").await;
    let keyed = whole_table().with_filters(vec![Expr::column("id").compare(CompareOp::Eq, Value::Int64(7))]);
    let plans = [source.plan(&whole_table()).await, source.plan(&keyed).await];
    assert!(matches!(plans[1].access, AccessPath::Keys(_)));
    assert_eq!(parameters(&plans[0].requests[0])["ConsistentRead"], true, "{:?}", plans[0].requests[0]);
    assert_eq!(parameters(&plans[1].requests[0])["RequestItems"]["items"]["ConsistentRead"], true);
    source.server.take_requests();
    let tuples = (0..3).map(|id| vec![Value::Int64(id)]).collect();
    let keys = JoinKeys::new(vec!["id".to_owned()], tuples);
    let outcome = source.try_read(&plans[0], Some(&keys)).await.unwrap();
    assert_eq!(values(&outcome.rows, "id").len(), 3);
    let sent = source.server.take_requests();
    assert_eq!(sent[0].operation, "BatchGetItem");
    assert_eq!(sent[0].json().unwrap()["RequestItems"]["items"]["ConsistentRead"], true);
    assert_eq!(sent[0].capacity_units, Some(3.0), "a unit each, where an eventually consistent read is half of one");
    let eventual = items("").await.plan(&whole_table()).await;
    assert!(parameters(&eventual.requests[0]).get("ConsistentRead").is_none());
}
