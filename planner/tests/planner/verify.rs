//! `pushdown = "verify"`: an answer comes only if it is the one without pushdown too.

use crate::support::{Wrapped, Wrapper, batch, engine, memory};
use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use futures::TryStreamExt;
use headwater_core::{
    Answer, Connector, Error, ErrorKind, JoinKeys, MemoryConnector, Result, ScanContext, ScanPlan, ScanRequest, Splits,
    TableMetadata,
};
use headwater_planner::{Engine, PushdownMode, Verification};
use std::sync::Arc;

/// What a source does wrong.
#[derive(Debug, Clone, Copy)]
enum Lie {
    None,
    /// Promises filters and applies none.
    ForgetsFilters,
    /// Promises a limit and gives a quarter of it, or half: there are two splits.
    LimitsTooMuch,
}

#[derive(Debug)]
struct Source(MemoryConnector, Lie);

#[async_trait]
impl Wrapper for Source {
    fn source(&self) -> &MemoryConnector {
        &self.0
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let plan = self.0.plan_scan(table, request).await?;
        let filters = request.filters.iter().map(|_| Answer::Exact).collect();
        let limit = request.limit.map(|_| Answer::Exact);
        Ok(ScanPlan { filters, limit, ..plan })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        let mut plan = plan.clone();
        match self.1 {
            Lie::None => {}
            Lie::ForgetsFilters => plan.request.filters.clear(),
            Lie::LimitsTooMuch => plan.request.limit = plan.request.limit.map(|limit| limit / 4),
        }
        self.0.splits(&plan, keys, context).await
    }
}

fn numbers() -> RecordBatch {
    batch(vec![
        ("n", Arc::new(Int64Array::from_iter_values(0..100)) as _),
        ("tens", Arc::new(Int64Array::from_iter_values((0..100).map(|n| n / 10))) as _),
        ("f", Arc::new(Float64Array::from_iter_values((0..100).map(|n| f64::from(n) * 0.1))) as _),
        ("name", Arc::new(StringArray::from_iter((0..100).map(|n| (n % 7 > 0).then(|| format!("name {n}"))))) as _),
    ])
}

fn verifying(lie: Lie) -> Engine {
    let source = Wrapped(Source(memory(vec![("t", vec![numbers(), numbers()])]), lie));
    engine(vec![("m", Arc::new(source))], PushdownMode::Verify)
}

async fn run(engine: &Engine, sql: &str) -> Result<(usize, Verification)> {
    let query = engine.plan(sql).await?;
    let batches: Vec<RecordBatch> = query.execute()?.try_collect().await?;
    Ok((batches.iter().map(RecordBatch::num_rows).sum(), query.ledger().verification.unwrap()))
}

fn said(error: &Error) -> String {
    error.context().iter().map(|(key, value)| format!("{key}: {value}\n")).collect()
}

#[tokio::test]
async fn answers_that_agree_are_given_and_it_is_told_what_was_compared() {
    let engine = verifying(Lie::None);
    let cases = [
        ("SELECT * FROM m.main.t WHERE n < 5", 10, "all rows, in any order"),
        ("SELECT n FROM m.main.t WHERE tens = 3 ORDER BY n DESC", 20, "all rows, and their order"),
        ("SELECT tens, sum(f), avg(n) FROM m.main.t GROUP BY tens ORDER BY sum(f)", 10, "all rows, and their order"),
        ("SELECT name FROM m.main.t ORDER BY name NULLS FIRST LIMIT 7 OFFSET 3", 7, "number and order"),
        ("SELECT n FROM m.main.t ORDER BY tens LIMIT 7", 7, "each one of the answer without the limit"),
        ("SELECT * FROM m.main.t WHERE n > 50 LIMIT 500 OFFSET 3", 95, "each one of the answer without the limit"),
        ("SELECT sum(f) FROM m.main.t", 1, "all rows"),
        ("SELECT now(), n FROM m.main.t", 200, "all rows"),
    ];
    for (sql, wanted, compared) in cases {
        let (rows, state) = run(&engine, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}\n{}", said(&error)));
        assert_eq!(rows, wanted, "{sql}");
        assert!(matches!(&state, Verification::Same { rows, .. } if *rows == wanted as u64), "{sql}: {state}");
        assert!(state.to_string().contains(compared), "{sql}: {state}");
    }
}

#[tokio::test]
async fn an_answer_that_the_data_do_not_determine_is_given_and_not_compared() {
    let engine = verifying(Lie::None);
    for sql in [
        "SELECT random() FROM m.main.t",
        "SELECT array_agg(n) FROM m.main.t",
        "SELECT sum(n) FROM (SELECT n FROM m.main.t LIMIT 5)",
        "SELECT n, row_number() OVER (ORDER BY tens) FROM m.main.t",
    ] {
        let (rows, state) = run(&engine, sql).await.unwrap();
        assert!(rows > 0 && matches!(state, Verification::NotCompared { .. }), "{sql}: {state}");
    }
    let (_, state) = run(&engine, "SELECT n, rank() OVER (ORDER BY tens) FROM m.main.t").await.unwrap();
    assert!(matches!(state, Verification::Same { .. }), "{state}");
}

#[tokio::test]
async fn a_wrong_answer_is_an_error_that_shows_both() {
    let engine = verifying(Lie::ForgetsFilters);
    let sql = "SELECT n, name FROM m.main.t WHERE n >= 98 ORDER BY n";
    let query = engine.plan(sql).await.unwrap();
    let batches: Vec<Result<RecordBatch>> = futures::StreamExt::collect(query.execute().unwrap()).await;
    assert_eq!(batches.len(), 1, "rows were given");
    let error = batches.into_iter().next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Discrepancy);
    assert!(error.to_string().contains("196 rows only with pushdown, 0 only without"), "{error}");
    let said = said(&error);
    assert!(said.contains("n = 0, name = NULL"), "{said}");
    assert!(said.contains(sql) && said.contains("with pushdown, scan 1 sent: ReadBatch"), "{said}");
    assert!(said.contains("without pushdown, scan 1 sent: ReadBatch"), "{said}");
}

#[tokio::test]
async fn a_wrong_limit_is_found_with_an_order_and_without() {
    let found = |lie, sql: &'static str| async move { run(&verifying(lie), sql).await.unwrap_err().kind() };
    let limited = "SELECT n FROM m.main.t LIMIT 5";
    assert_eq!(found(Lie::LimitsTooMuch, limited).await, ErrorKind::Discrepancy);
    let filtered = "SELECT n FROM m.main.t WHERE tens = 9 LIMIT 5";
    assert_eq!(found(Lie::ForgetsFilters, filtered).await, ErrorKind::Discrepancy);
    let ordered = "SELECT n FROM m.main.t WHERE tens = 9 ORDER BY n LIMIT 5";
    assert_eq!(found(Lie::ForgetsFilters, ordered).await, ErrorKind::Discrepancy);
}

#[tokio::test]
async fn memory_is_bounded() {
    let source: Arc<dyn Connector> = Arc::new(memory(vec![("t", vec![numbers(); 200])]));
    let builder = Engine::builder().with_pushdown(PushdownMode::Verify).with_memory_limit(1 << 20);
    let engine = builder.with_catalog("m", "memory", source).build().unwrap();
    let error = run(&engine, "SELECT * FROM m.main.t").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
    // Of a limited answer only its own rows are held.
    run(&engine, "SELECT * FROM m.main.t LIMIT 3").await.unwrap();
}

#[tokio::test]
async fn an_error_of_both_runs_is_told_as_it_is() {
    let error = run(&verifying(Lie::None), "SELECT 1 / (n - n) FROM m.main.t").await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::InvalidInput, "division by zero"));
    assert!(error.context().iter().all(|(key, _)| key != "verify"), "{}", said(&error));
}
