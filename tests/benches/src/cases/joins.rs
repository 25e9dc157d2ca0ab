//! D: joins across sources.

use super::{Bench, duckdb_twice, ours};
use crate::runner::{Check, Held};
use crate::task::{Outcome, Result, Work};
use headwater_benches::contest::{Contest, Goal, Kind, Measure};
use headwater_planner::counted;

/// TPC-H's third query: 147,126 orders on one side, 30,519 rows of lineitem on the other.
const MANY: &str = "\
SELECT l_orderkey, sum(l_extendedprice * (1 - l_discount)) AS revenue, o_orderdate, o_shippriority \
FROM my.tpch.customer JOIN my.tpch.orders ON c_custkey = o_custkey JOIN pg.tpch.lineitem ON l_orderkey = o_orderkey \
WHERE c_mktsegment = 'BUILDING' AND o_orderdate < DATE '1995-03-15' AND l_shipdate > DATE '1995-03-15' \
GROUP BY l_orderkey, o_orderdate, o_shippriority ORDER BY revenue DESC, o_orderdate LIMIT 10";

/// 16 orders on one side, 78 rows of lineitem on the other.
const FEW: &str = "\
SELECT o_orderkey, count(*) AS items, sum(l_extendedprice) AS price \
FROM my.tpch.customer JOIN my.tpch.orders ON c_custkey = o_custkey JOIN pg.tpch.lineitem ON l_orderkey = o_orderkey \
WHERE c_custkey = 7 GROUP BY o_orderkey ORDER BY o_orderkey";

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    let Held { contest: mut many, checked } = hold(bench, "TPC-H's third query: 147,126 keys", MANY);
    many.want_ratio("to DuckDB with compress=0", Kind::DuckDb, Measure::First, 0.8);
    many.want_ratio("the second time in the same process, to DuckDB's second", Kind::DuckDb, Measure::Again, 0.8);
    many.remarks.extend(scans(&checked));
    let Held { contest: mut few, checked } = hold(bench, "One customer: 16 keys", FEW);
    few.want("warm, the second time in the same process", Measure::Again, 0.02, "s");
    few.goals.push(Goal {
        what: "rows of lineitem read".to_owned(),
        limit: 78.0,
        reached: lineitem_rows(&checked),
        unit: "rows",
    });
    few.remarks.extend(scans(&checked));
    Ok(vec![many, few])
}

fn hold(bench: &Bench<'_>, title: &str, sql: &str) -> Held {
    let entries = [
        ours("headwater", Work::Query { sql: sql.to_owned(), twice: true, count_only: false }),
        duckdb_twice("DuckDB, compress=0, 1 thread", Kind::DuckDb, sql, &[("threads", "1")]),
        duckdb_twice("DuckDB, compress=0, 2 threads", Kind::DuckDb, sql, &[("threads", "2")]),
        duckdb_twice("DuckDB, its default (protocol compressed)", Kind::Other, sql, &[("compression", "true")]),
    ];
    bench.runner.hold(title, &entries, &Check::Same)
}

#[allow(clippy::cast_precision_loss)]
fn lineitem_rows(checked: &[Outcome]) -> Option<f64> {
    let scans = &checked.first()?.scans;
    scans.iter().find(|scan| scan.table.ends_with("lineitem")).map(|scan| scan.rows as f64)
}

/// What our engine's scans did, in words.
pub(super) fn scans(checked: &[Outcome]) -> Vec<String> {
    let scans = checked.first().into_iter().flat_map(|outcome| &outcome.scans);
    let text = |scan: &crate::task::Scanned| {
        let keys = if scan.keys.is_empty() { String::new() } else { format!("; {}", scan.keys) };
        let (rows, statements) = (counted(scan.rows, "row"), counted(scan.statements, "statement"));
        format!(
            "headwater's scan of `{}`: {rows} read, {statements}, {:.3} s when checked{keys}",
            scan.table, scan.seconds
        )
    };
    scans.map(text).collect()
}
