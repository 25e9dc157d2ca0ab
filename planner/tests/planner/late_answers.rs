//! A connector behind a network answers plan requests late; the plan is the same.

use crate::support::{Wrapped, Wrapper, answer, batch, engine, memory};
use arrow::array::Int64Array;
use async_trait::async_trait;
use headwater_core::{Connector, Error, MemoryConnector, Result, ScanPlan, ScanRequest, TableMetadata};
use headwater_planner::PushdownMode;
use std::sync::{Arc, Mutex};

/// Answers only after the runtime has had its turn.
#[derive(Debug)]
struct Late {
    source: MemoryConnector,
    asked: Arc<Mutex<Vec<ScanRequest>>>,
}

#[async_trait]
impl Wrapper for Late {
    fn source(&self) -> &MemoryConnector {
        &self.source
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        self.asked.lock().unwrap().push(request.clone());
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        if request.limit == Some(13) {
            return Err(Error::not_found("the far side is gone"));
        }
        self.source.plan_scan(table, request).await
    }
}

fn source() -> MemoryConnector {
    let columns = batch(vec![
        ("a", Arc::new(Int64Array::from_iter_values(0..100)) as _),
        ("b", Arc::new(Int64Array::from_iter_values((0..100).map(|n| n % 10))) as _),
    ]);
    memory(vec![("t", vec![columns])])
}

/// The ledger without what differs from run to run.
fn told(ledger: &headwater_planner::Ledger) -> String {
    let text = ledger.to_string();
    let same = text.lines().filter(|line| !line.starts_with("query") && !line.contains("  did  "));
    // The engine numbers the subqueries it has met, one round after the other.
    same.collect::<Vec<_>>().join("\n").replace("__correlated_sq_2", "__correlated_sq_1")
}

#[tokio::test]
async fn late_answers_make_the_same_plan_and_each_question_is_asked_once() {
    let statements = [
        "SELECT b FROM m.main.t WHERE a >= 50 AND b = 3 LIMIT 2",
        "SELECT a FROM (SELECT a, b FROM m.main.t WHERE a < 50) WHERE b = 3",
        "SELECT x.a, y.b FROM m.main.t x JOIN m.main.t y ON x.a = y.b WHERE y.a > 90 AND upper(CAST(x.b AS TEXT)) = '7'",
        "SELECT a FROM m.main.t WHERE a < extract(year FROM now()) / 100",
        "SELECT count(*) FROM m.main.t WHERE a IN (SELECT b FROM m.main.t WHERE b > 4)",
    ];
    for sql in statements {
        let asked = Arc::default();
        let late = Wrapped(Late { source: source(), asked: Arc::clone(&asked) });
        let late = engine(vec![("m", Arc::new(late) as _)], PushdownMode::Auto);
        let prompt = engine(vec![("m", Arc::new(source()) as _)], PushdownMode::Auto);
        let ((late_rows, late_ledger), (rows, ledger)) = (answer(&late, sql).await, answer(&prompt, sql).await);
        if sql.contains("LIMIT") {
            assert_eq!(late_rows.len(), rows.len(), "{sql}");
        } else {
            assert_eq!(late_rows, rows, "{sql}");
        }
        assert_eq!(told(&late_ledger), told(&ledger), "{sql}");
        let asked: Vec<ScanRequest> = asked.lock().unwrap().clone();
        assert!(!asked.is_empty());
        let tables = sql.matches("m.main.t").count();
        for request in &asked {
            let times = asked.iter().filter(|other| *other == request).count();
            assert!(times <= tables, "asked {times} times: {request:?}");
        }
    }
}

#[tokio::test]
async fn a_late_error_names_its_catalog() {
    let late = Wrapped(Late { source: source(), asked: Arc::default() });
    let engine = engine(vec![("far", Arc::new(late) as _)], PushdownMode::Auto);
    let error = engine.plan("SELECT a FROM far.main.t LIMIT 13").await.unwrap_err();
    assert_eq!(error.catalog(), Some("far"), "{error:?}");
    assert!(error.to_string().contains("the far side is gone"), "{error}");
}
