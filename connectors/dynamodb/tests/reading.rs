//! Pages, batches and ends of streams.

use crate::support::{Source, name, reads};
use futures::TryStreamExt;
use headwater_core::{ScanContext, ScanRequest};
use serde_json::json;
use std::time::Duration;

async fn large(items: usize) -> Source {
    let source = Source::with("scan_segments = 1").await;
    let padding = "x".repeat(1_000);
    let items = (0..items).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": padding } })).collect();
    source.table("large", &[("id", "N")], items).await;
    source
}

#[tokio::test]
async fn all_pages_are_read_within_the_bounds_of_batches() {
    let source = large(5_000).await;
    let plan = source.plan(&ScanRequest::table(name("large"))).await;
    let mut context = ScanContext::new("pages");
    (context.max_batch_rows, context.max_batch_bytes) = (700, 100_000);
    let splits: Vec<_> =
        source.connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    source.server.take_requests();
    let batches: Vec<_> = source.connector.read(&splits[0], &context).await.unwrap().try_collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 5_000);
    assert!(batches.iter().all(|batch| batch.num_rows() <= 100), "100 kB of 1 kB rows");
    let sent = source.server.take_requests();
    assert!(sent.len() >= 5, "5 MB in pages of 1 MB");
    assert!(sent[1].json().unwrap()["ExclusiveStartKey"].is_object());
    let stats = context.metrics.snapshot();
    assert_eq!(stats.requests, sent.len() as u64);
    let charged: f64 = sent.iter().filter_map(|request| request.capacity_units).sum();
    assert!((charged * 1000.0 - stats.milli_capacity as f64).abs() < 1.0);
    assert_eq!(stats.wire_bytes, sent.iter().map(|request| request.response_bytes as u64).sum::<u64>());
}

#[tokio::test]
async fn a_dropped_stream_asks_for_no_further_page() {
    let source = large(5_000).await;
    let plan = source.plan(&ScanRequest::table(name("large"))).await;
    let context = ScanContext::new("drop");
    let splits: Vec<_> =
        source.connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    source.server.take_requests();
    let mut stream = source.connector.read(&splits[0], &context).await.unwrap();
    stream.try_next().await.unwrap().unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(reads(&source.server.requests()), ["Scan"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: cargo test -p headwater-dynamodb -- --ignored --nocapture"]
async fn measure_scan() {
    let source = Source::start().await;
    let items = (0..100_000).map(|id| {
        json!({
            "id": { "N": id.to_string() }, "kind": { "S": "k" }, "cost": { "N": "1.25" }, "ok": { "BOOL": true },
            "tags": { "SS": ["a", "b"] }, "meta": { "M": { "region": { "S": "eu" }, "n": { "N": "7" } } },
            "pad": { "S": "x".repeat(100) },
        })
    });
    source.table("bench", &[("id", "N")], items.collect()).await;
    let plan = source.plan(&ScanRequest::table(name("bench"))).await;
    let begin = std::time::Instant::now();
    let context = ScanContext::new("bench");
    let splits: Vec<_> =
        source.connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    let rows = futures::future::try_join_all(splits.iter().map(|split| async {
        let batches = source.connector.read(split, &context).await?;
        batches.try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows()) }).await
    }));
    let rows: usize = rows.await.unwrap().into_iter().sum();
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "{} segments, {rows} rows, {:.0} rows/s, {:?}",
        splits.len(),
        rows as f64 / seconds,
        context.metrics.snapshot()
    );
}
