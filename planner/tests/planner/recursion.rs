//! A scan that runs more than once in a statement reads its table each time.

use crate::support::{answer, batch, engine, memory};
use arrow::array::Int64Array;
use headwater_planner::PushdownMode;
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
