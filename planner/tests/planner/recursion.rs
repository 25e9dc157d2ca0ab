//! A scan that runs more than once in a statement reads its table each time, or says that it cannot.

use crate::support::{answer, batch, engine, memory};
use arrow::array::Int64Array;
use futures::TryStreamExt;
use headwater_core::ErrorKind;
use headwater_planner::{Engine, PushdownMode};
use std::sync::Arc;

#[tokio::test]
async fn every_round_of_a_recursive_query_reads_the_table_again() {
    let edges = batch(vec![
        ("parent", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 10])) as _),
        ("child", Arc::new(Int64Array::from(vec![2, 3, 4, 5, 11])) as _),
    ]);
    let source = Arc::new(memory(vec![("edges", vec![edges.slice(0, 2), edges.slice(2, 3)])]));
    let sql = "WITH RECURSIVE reached AS (SELECT CAST(1 AS BIGINT) AS node UNION ALL \
               SELECT e.child FROM reached r JOIN m.main.edges e ON e.parent = r.node) SELECT node FROM reached";
    for pushdown in [PushdownMode::Auto, PushdownMode::Off] {
        let engine = engine(vec![("m", Arc::clone(&source) as _)], pushdown);
        let (rows, ledger) = answer(&engine, sql).await;
        assert_eq!(rows.len(), 5, "{rows:?}\n{ledger}");
    }
}

#[tokio::test]
async fn a_join_that_does_not_fit_the_memory_is_an_error_and_no_short_answer() {
    let numbers = batch(vec![("x", Arc::new(Int64Array::from_iter_values(0..200_000)) as _)]);
    let few = batch(vec![("y", Arc::new(Int64Array::from(vec![3])) as _)]);
    let source = Arc::new(memory(vec![("numbers", vec![numbers]), ("few", vec![few])]));
    let sql = "SELECT count(*) FROM m.main.numbers a JOIN m.main.numbers b ON a.x + b.x < 1 \
               JOIN m.main.few f ON f.y > a.x";
    let engine = Engine::builder().with_catalog("m", "memory", source).with_memory_limit(500_000).build().unwrap();
    let query = engine.plan(sql).await.unwrap();
    let error = query.execute().unwrap().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
}
