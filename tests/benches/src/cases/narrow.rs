//! C: two columns of about 1 % and 15 % of the rows; no index on the column of the condition.

use super::{Bench, drain, our_scan, peers, plan, raw, select};
use crate::runner::Check;
use crate::task::{Narrow, Result, Source};
use headwater_benches::contest::{Contest, Kind, Measure};
use headwater_planner::counted;

/// 1994-01-01.
const FROM: i32 = 8_766;

const PARTS: [(&str, Narrow); 2] =
    [("1 %", Narrow { from: FROM, until: FROM + 28 }), ("15 %", Narrow { from: FROM, until: FROM + 365 })];

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    let mut contests = Vec::new();
    for source in [Source::Postgres, Source::MariaDb] {
        for (share, narrow) in PARTS {
            contests.push(hold(bench, source, share, narrow)?);
        }
    }
    Ok(contests)
}

fn hold(bench: &Bench<'_>, source: Source, share: &str, narrow: Narrow) -> Result<Contest> {
    let narrow = Some(narrow);
    let expected = bench.runtime.block_on(bench.runner.servers.expected(narrow))?;
    let plan = plan(bench, source, narrow)?;
    let statement = raw(source, &select(narrow, "tpch.lineitem"));
    let mut entries =
        vec![our_scan(source, narrow), drain("raw drain, one statement", Kind::Raw, source, vec![statement], 1)];
    if plan.requests.len() > 1 {
        let name = format!("raw drain, headwater's statements, connections: {}", plan.connections);
        entries.push(drain(&name, Kind::Raw, source, plan.requests.clone(), plan.connections));
    }
    entries.extend(peers(source, narrow));
    let title = format!("{}, {share} of the rows", source.name());
    let mut contest = bench.runner.hold(&title, &entries, &Check::Sums(expected)).contest;
    contest.want_ratio("to a raw drain of the same rows, the faster one", Kind::Raw, Measure::First, 1.3);
    contest.remarks.push(format!(
        "headwater: {}, over {}",
        counted(plan.requests.len() as u64, "split"),
        counted(plan.connections as u64, "connection")
    ));
    Ok(contest)
}
