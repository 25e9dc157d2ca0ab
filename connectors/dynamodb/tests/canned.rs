//! Answers as they come: checksums, pages, large items, against the canned server.

use crate::support::{SECRET, column, configured, name};
use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use headwater_core::{
    Connector, ErrorKind, Expr, JoinKeys, KeyDecision, Result, ScanContext, ScanPlan, ScanRequest, Value,
};
use headwater_harness::{CannedDynamoDb, CannedTable, ItemShape};
use std::sync::Arc;

const FLAT: u64 = 12_345;

fn server() -> (CannedDynamoDb, Arc<dyn Connector>) {
    let table = |name: &str, items, shape| CannedTable { name: name.to_owned(), items, shape };
    let tables = vec![
        table("flat", FLAT, ItemShape::Flat),
        table("wide", 200, ItemShape::Wide(400)),
        table("large", 90, ItemShape::Large(400_000)),
    ];
    let server = CannedDynamoDb::start(tables).unwrap();
    let lines = format!(
        "endpoint = \"{}\"\nregion = \"us-east-1\"\naccess_key_id = \"test\"\nsecret_access_key = \"{SECRET}\"",
        server.endpoint()
    );
    let connector = configured(&lines).unwrap();
    (server, connector)
}

async fn plan(connector: &Arc<dyn Connector>, table: &str) -> ScanPlan {
    let metadata = connector.get_table(&name(table)).await.unwrap();
    connector.plan_scan(&metadata, &ScanRequest::table(name(table))).await.unwrap()
}

async fn read(
    connector: &Arc<dyn Connector>,
    plan: &ScanPlan,
    keys: Option<&JoinKeys>,
    context: &ScanContext,
) -> Result<Vec<RecordBatch>> {
    let splits = connector.splits(plan, keys, context).await?;
    assert!(keys.is_none() || matches!(splits.keys, KeyDecision::Used { .. }), "{:?}", splits.keys);
    let splits: Vec<_> = splits.stream.try_collect().await?;
    let mut batches: Vec<RecordBatch> = Vec::new();
    for split in &splits {
        batches.extend(connector.read(split, context).await?.try_collect::<Vec<_>>().await?);
    }
    Ok(batches)
}

fn ids(batches: &[RecordBatch]) -> Vec<Value> {
    let Some(first) = batches.first() else { return Vec::new() };
    column(&arrow::compute::concat_batches(&first.schema(), batches).unwrap(), "id")
}

fn numbers(range: std::ops::Range<u64>) -> Vec<Value> {
    range.map(|id| Value::Int64(id as i64)).collect()
}

fn keys(numbers: &[i64]) -> JoinKeys {
    let tuples = numbers.iter().map(|id| vec![Value::Int64(*id)]).collect();
    JoinKeys::new(vec!["id".to_owned()], tuples)
}

#[tokio::test]
async fn every_item_of_a_scan_comes_once() {
    let (_server, connector) = server();
    let context = ScanContext::new("scan");
    let batches = read(&connector, &plan(&connector, "flat").await, None, &context).await.unwrap();
    assert_eq!(batches[0].num_columns(), 12);
    assert_eq!(ids(&batches), numbers(0..FLAT));
    let batches = read(&connector, &plan(&connector, "wide").await, None, &context).await.unwrap();
    assert_eq!(batches[0].num_columns(), 401);
    assert_eq!(ids(&batches), numbers(0..200));
}

#[tokio::test]
async fn a_damaged_answer_is_asked_for_again() {
    let (server, connector) = server();
    let plan = plan(&connector, "flat").await;
    let context = ScanContext::new("crc");
    server.damage(2);
    let batches = read(&connector, &plan, None, &context).await.unwrap();
    assert_eq!(ids(&batches), numbers(0..FLAT));
    let stats = context.metrics.snapshot();
    assert_eq!(stats.retries, 2);
    assert!(stats.wire_bytes > 2_000_000, "{stats:?}");

    server.damage(u64::MAX);
    let error = read(&connector, &plan, None, &context).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("CRC-32"), "{error}");
}

#[tokio::test]
async fn keys_of_a_join_are_got_and_absent_ones_are_not() {
    let (_server, connector) = server();
    let plan = plan(&connector, "flat").await;
    let context = ScanContext::new("keys");
    let wanted: Vec<i64> = (0..250).map(|n| n * 60).collect();
    let batches = read(&connector, &plan, Some(&keys(&wanted)), &context).await.unwrap();
    let found: Vec<Value> = wanted.iter().filter(|id| **id < FLAT as i64).map(|id| Value::Int64(*id)).collect();
    assert_eq!(ids(&batches), found);
    let stats = context.metrics.snapshot();
    // Half a unit for each key, whether there is such an item or not.
    assert_eq!((stats.requests, stats.milli_capacity), (3, 125_000));
}

#[tokio::test]
async fn batches_of_large_items_are_small_and_so_are_requests() {
    let (_server, connector) = server();
    let plan = plan(&connector, "large").await;
    let mut context = ScanContext::new("large");
    context.max_batch_bytes = 1_000_000;
    let batches = read(&connector, &plan, None, &context).await.unwrap();
    assert_eq!(ids(&batches), numbers(0..90));
    assert!(batches.iter().all(|batch| batch.num_rows() <= 4), "1 MB of 400 kB rows");
    let context = ScanContext { metrics: Arc::default(), ..context };
    let all: Vec<i64> = (0..80).collect();
    let batches = read(&connector, &plan, Some(&keys(&all)), &context).await.unwrap();
    assert_eq!(ids(&batches), numbers(0..80));
    assert!(batches.iter().all(|batch| batch.num_rows() <= 4), "1 MB of 400 kB rows");
    assert!(context.metrics.snapshot().requests >= 8, "about 4 MB each");
}

#[tokio::test]
async fn keys_that_a_batch_leaves_are_asked_for() {
    let (_server, connector) = server();
    let metadata = connector.get_table(&name("large")).await.unwrap();
    let request = ScanRequest::table(name("large")).with_filters(vec![Expr::column("id").is_in(numbers(0..60))]);
    let plan = connector.plan_scan(&metadata, &request).await.unwrap();
    let context = ScanContext::new("left");
    let batches = read(&connector, &plan, None, &context).await.unwrap();
    assert_eq!(ids(&batches), numbers(0..60));
    let stats = context.metrics.snapshot();
    assert_eq!((stats.requests, stats.retries), (2, 1), "16 MB a request");
}

#[tokio::test]
async fn a_limit_ends_within_a_page() {
    let (server, connector) = server();
    let metadata = connector.get_table(&name("flat")).await.unwrap();
    let request = ScanRequest { limit: Some(7), ..ScanRequest::table(name("flat")) };
    let plan = connector.plan_scan(&metadata, &request).await.unwrap();
    let before = server.requests();
    let context = ScanContext::new("limit");
    let splits: Vec<_> = connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    let batches: Vec<RecordBatch> = connector.read(&splits[0], &context).await.unwrap().try_collect().await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 7);
    assert_eq!(server.requests() - before, 1);
}
