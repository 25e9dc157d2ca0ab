//! What a connector promises for filters one by one may not hold for all of them together.

use crate::support::{Wrapped, Wrapper, answer, batch, engine, memory};
use arrow::array::{Int64Array, StringArray};
use async_trait::async_trait;
use headwater_core::{
    Answer, Connector, JoinKeys, MemoryConnector, Result, ScanContext, ScanPlan, ScanRequest, Splits, TableMetadata,
};
use headwater_planner::PushdownMode;
use std::sync::Arc;

/// Applies a single filter, but none of two: what a source with a size limit on its expressions does.
#[derive(Debug)]
struct OneFilterOnly(MemoryConnector);

#[async_trait]
impl Wrapper for OneFilterOnly {
    fn source(&self) -> &MemoryConnector {
        &self.0
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        if request.filters.len() < 2 {
            return self.0.plan_scan(table, request).await;
        }
        let bare = ScanRequest { filters: Vec::new(), limit: None, ..request.clone() };
        let refused = request.filters.iter().map(|_| Answer::Refused("too many".into())).collect();
        Ok(ScanPlan { filters: refused, ..self.0.plan_scan(table, &bare).await? })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        let mut plan = plan.clone();
        if plan.filters.len() > 1 {
            plan.request.filters.clear();
        }
        self.0.splits(&plan, keys, context).await
    }
}

#[tokio::test]
async fn a_filter_that_is_exact_only_by_itself_is_checked_again() {
    let columns = batch(vec![
        ("a", Arc::new(Int64Array::from_iter_values(0..100)) as _),
        ("b", Arc::new(Int64Array::from_iter_values((0..100).map(|n| n % 10))) as _),
    ]);
    let source = Wrapped(OneFilterOnly(memory(vec![("t", vec![columns])])));
    let engine = engine(vec![("m", Arc::new(source))], PushdownMode::Auto);
    // The subquery's filter and the outer one reach the scan one after the other.
    let sql = "SELECT a FROM (SELECT a, b FROM m.main.t WHERE a < 50) WHERE b = 3";
    let (rows, ledger) = answer(&engine, sql).await;
    assert_eq!(rows.len(), 5, "{ledger}");
    let (rows, ledger) = answer(&engine, "SELECT b FROM m.main.t WHERE a < 50 AND b = 3 LIMIT 2").await;
    assert_eq!(rows.len(), 2, "{ledger}");
}

#[tokio::test]
async fn what_one_scan_of_a_table_keeps_is_not_said_of_another() {
    let columns = batch(vec![
        ("a", Arc::new(Int64Array::from_iter_values(0..4)) as _),
        ("s", Arc::new(StringArray::from(vec!["ab", "Ab", "b", "abc"])) as _),
    ]);
    let engine = engine(vec![("m", Arc::new(memory(vec![("t", vec![columns])])))], PushdownMode::Auto);
    let sql = "SELECT x.a FROM m.main.t x JOIN m.main.t y ON x.a = y.a + 0 WHERE lower(x.s) = 'ab' AND y.s LIKE 'a%b_'";
    let (rows, ledger) = answer(&engine, sql).await;
    assert_eq!(rows.len(), 0, "{ledger}");
    let kept: Vec<Vec<String>> = ledger
        .scans
        .iter()
        .map(|scan| {
            let kept = scan.parts.iter().filter(|part| matches!(part.answer, Answer::Refused(_)));
            kept.map(|part| part.text.clone()).collect()
        })
        .collect();
    let all: Vec<&String> = kept.iter().flatten().collect();
    assert_eq!(all.len(), 2, "{ledger}");
    assert!(kept.iter().all(|kept| kept.len() == 1), "{ledger}");
    let pushed = ledger.to_string();
    assert!(pushed.contains("starts_with(s, 'a') AND contains(s, 'b')"), "{ledger}");
}
