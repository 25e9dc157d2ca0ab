//! A sum is right or an error, whoever adds.

use crate::support::{answer, batch, engine, memory};
use arrow::array::{Decimal128Array, Int64Array, UInt64Array};
use futures::TryStreamExt as _;
use headwater_core::{Connector, Error, ErrorKind};
use headwater_planner::{Engine, PushdownMode};
use std::sync::Arc;

fn large() -> Arc<dyn Connector> {
    let ninety = 90_000_000_000_000_000_000_000_000_000_000_000_000i128;
    let decimals = |values: Vec<i128>| Decimal128Array::from(values).with_precision_and_scale(38, 2).unwrap();
    let columns = batch(vec![
        ("g", Arc::new(Int64Array::from(vec![1, 1, 2, 2])) as _),
        ("i", Arc::new(Int64Array::from(vec![i64::MAX, 1, i64::MIN, i64::MAX])) as _),
        ("u", Arc::new(UInt64Array::from(vec![u64::MAX, 1, 2, 3])) as _),
        ("d", Arc::new(decimals(vec![ninety, ninety, ninety, -ninety])) as _),
    ]);
    Arc::new(memory(vec![("t", vec![columns])]))
}

async fn error(engine: &Engine, sql: &str) -> Error {
    let run = async { engine.plan(sql).await?.execute()?.try_collect::<Vec<_>>().await };
    run.await.unwrap_err()
}

#[tokio::test]
async fn what_does_not_fit_is_an_error_and_no_other_number() {
    for pushdown in [PushdownMode::Auto, PushdownMode::Off] {
        let engine = engine(vec![("m", large())], pushdown);
        let wrong = [
            ("SELECT sum(i) FROM m.main.t WHERE g = 1", "64-bit integers does not fit Int64"),
            ("SELECT g, sum(i) AS total FROM m.main.t GROUP BY g", "does not fit Int64"),
            ("SELECT sum(u) FROM m.main.t", "unsigned 64-bit integers does not fit UInt64"),
            ("SELECT sum(d) FROM m.main.t WHERE g = 1", "decimals does not fit Decimal128(38, 2)"),
            ("SELECT i FROM m.main.t WHERE i < (SELECT sum(i) FROM m.main.t WHERE g = 1)", "does not fit Int64"),
            ("SELECT sum(i) OVER (ORDER BY i DESC) FROM m.main.t WHERE g = 1", "does not fit Int64"),
        ];
        for (sql, told) in wrong {
            let error = error(&engine, sql).await;
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error:?}");
            assert!(error.to_string().contains(told), "{sql}: {error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("CAST")), "{sql}: {error:?}");
        }
        let right = [
            ("SELECT sum(i) FROM m.main.t WHERE g = 2", "-1"),
            ("SELECT sum(i) FROM m.main.t", "9223372036854775807"),
            ("SELECT sum(DISTINCT u) FILTER (WHERE u < 3) FROM m.main.t", "3"),
            ("SELECT sum(d) FROM m.main.t WHERE g = 2", "0.00"),
            ("SELECT sum(CAST(i AS DECIMAL(38,0))) FROM m.main.t WHERE g = 1", "9223372036854775808"),
            ("SELECT sum(i) FROM m.main.t WHERE g = 3", ""),
            ("SELECT max(s) FROM (SELECT sum(u) OVER (ORDER BY u) AS s FROM m.main.t WHERE u < 9) x", "6"),
        ];
        for (sql, expected) in right {
            let (rows, ledger) = answer(&engine, sql).await;
            let shown: Vec<&str> = rows.iter().map(|row| row.trim_matches(['|', ' '])).collect();
            assert_eq!(shown, [expected], "{sql}\n{ledger}");
        }
    }
}
