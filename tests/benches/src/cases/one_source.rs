//! E: what one source can do alone should be one statement, of which only the answer comes back.

use super::joins::scans;
use super::{Bench, duckdb_twice, ours};
use crate::runner::{Check, Held};
use crate::task::{Result, Source, Work};
use headwater_benches::contest::{Contest, Goal, Kind, Measure};

const QUESTIONS: [(&str, &str, u64); 4] = [
    ("count(*)", "SELECT count(*) FROM LINEITEM", 1),
    ("min and max", "SELECT min(l_shipdate), max(l_shipdate) FROM LINEITEM", 1),
    (
        "GROUP BY",
        "SELECT l_returnflag, l_linestatus, count(*), sum(l_quantity) FROM LINEITEM GROUP BY l_returnflag, l_linestatus ORDER BY l_returnflag, l_linestatus",
        4,
    ),
    (
        "top-n",
        "SELECT l_orderkey, l_linenumber, l_extendedprice FROM LINEITEM ORDER BY l_extendedprice DESC, l_orderkey, l_linenumber LIMIT 10",
        10,
    ),
];

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    let mut contests = Vec::new();
    for source in [Source::Postgres, Source::MariaDb] {
        for (title, sql, rows) in QUESTIONS {
            let sql = sql.replace("LINEITEM", &format!("{}.tpch.lineitem", source.catalog()));
            contests.push(hold(bench, &format!("{}, {title}", source.name()), &sql, rows));
        }
    }
    Ok(contests)
}

fn hold(bench: &Bench<'_>, title: &str, sql: &str, rows: u64) -> Contest {
    let entries = [
        ours("headwater", Work::Query { sql: sql.to_owned(), twice: true, count_only: false }),
        duckdb_twice("DuckDB, compress=0", Kind::DuckDb, sql, &[]),
    ];
    let Held { mut contest, checked } = bench.runner.hold(title, &entries, &Check::Same);
    let answered = checked.first().filter(|outcome| !outcome.scans.is_empty());
    #[allow(clippy::cast_precision_loss)]
    let sum = |count: fn(&crate::task::Scanned) -> u64| {
        answered.map(|outcome| outcome.scans.iter().map(count).sum::<u64>() as f64)
    };
    let goal = |what: &str, limit: f64, reached, unit| Goal { what: what.to_owned(), limit, reached, unit };
    contest.goals.push(goal("statements sent", 1.0, sum(|scan| scan.statements), "statements"));
    #[allow(clippy::cast_precision_loss)]
    contest.goals.push(goal("rows that came back", rows as f64, sum(|scan| scan.rows), "rows"));
    contest.want_ratio("to DuckDB", Kind::DuckDb, Measure::First, 1.0);
    contest.remarks.extend(scans(&checked));
    contest
}
