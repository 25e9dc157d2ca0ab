//! `system.runtime.scans`.

use crate::support::{answer, batch, engine, memory};
use arrow::array::{Int64Array, RecordBatch};
use futures::{StreamExt, TryStreamExt};
use headwater_core::Connector;
use headwater_planner::{Engine, PushdownMode};
use std::sync::Arc;

/// An engine over sources with a table `main.numbers`.
fn numbers(catalogs: &[&str]) -> Engine {
    let source = || {
        let columns = batch(vec![("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as _)]);
        Arc::new(memory(vec![("numbers", vec![columns])])) as Arc<dyn Connector>
    };
    engine(catalogs.iter().map(|name| (*name, source())).collect(), PushdownMode::Auto)
}

/// The answer's rows, one blank between values.
async fn rows(engine: &Engine, sql: &str) -> Vec<String> {
    let spaced = |row: String| row.split_whitespace().filter(|part| *part != "|").collect::<Vec<_>>().join(" ");
    answer(engine, sql).await.0.into_iter().map(spaced).collect()
}

const SCANS: &str = "SELECT catalog, \"table\", state, requests, rows, read_units FROM system.runtime.scans \
     WHERE catalog = 'mem'";

#[tokio::test]
async fn the_scans_of_queries_are_a_table() {
    let engine = numbers(&["mem"]);
    let query = engine.plan("SELECT n FROM mem.main.numbers").await.unwrap();
    assert!(rows(&engine, SCANS).await.is_empty(), "planned is not run");
    let mut running = query.execute().unwrap();
    running.next().await.unwrap().unwrap();
    assert_eq!(rows(&engine, SCANS).await, ["mem main.numbers running 1 3 0.000"]);
    let _: Vec<RecordBatch> = running.try_collect().await.unwrap();
    assert_eq!(rows(&engine, SCANS).await, ["mem main.numbers finished 1 3 0.000"]);
    let ids = rows(&engine, "SELECT DISTINCT query_id FROM system.runtime.scans WHERE catalog = 'mem'").await;
    assert_eq!(ids, [query.id()]);
}

#[tokio::test]
async fn how_a_query_ended_is_told() {
    let engine = numbers(&["mem"]);
    let query = engine.plan("SELECT n FROM mem.main.numbers").await.unwrap();
    drop(query.execute().unwrap());
    let query = engine.plan("SELECT 1 / (n - 1) FROM mem.main.numbers").await.unwrap();
    query.execute().unwrap().try_collect::<Vec<_>>().await.unwrap_err();
    let states = rows(&engine, "SELECT state FROM system.runtime.scans WHERE catalog = 'mem'").await;
    assert_eq!(states, ["cancelled", "failed"]);
}

#[tokio::test]
async fn no_more_than_the_last_thousand_scans_are_kept() {
    let engine = numbers(&["mem"]);
    for _ in 0..11 {
        let union = vec!["SELECT n FROM mem.main.numbers"; 100].join(" UNION ALL ");
        answer(&engine, &union).await;
    }
    let counted = rows(&engine, "SELECT count(*), count(DISTINCT query_id) FROM system.runtime.scans").await;
    // Those of ten queries, and the counting query's own scan.
    assert_eq!(counted, ["1001 11"]);
}

#[tokio::test]
async fn a_catalog_of_that_name_is_the_users() {
    let engine = numbers(&["mem", "system"]);
    assert_eq!(rows(&engine, "SELECT count(*) FROM system.main.numbers").await, ["3"]);
    assert!(engine.plan("SELECT 1 FROM system.runtime.scans").await.is_err());
}
