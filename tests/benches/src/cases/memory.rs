//! M: the most memory resident while all of lineitem passes.

use super::{Bench, our_scan, ours};
use crate::runner::Check;
use crate::task::{Result, Source, Work};
use headwater_benches::contest::{Contest, Measure};

pub(super) fn run(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    [Source::Postgres, Source::MariaDb].into_iter().map(|source| hold(bench, source)).collect()
}

fn hold(bench: &Bench<'_>, source: Source) -> Result<Contest> {
    let rows = bench.runtime.block_on(bench.runner.servers.expected(None))?.rows;
    let sql = format!("SELECT * FROM {}.tpch.lineitem", source.catalog());
    let mut scan = our_scan(source, None);
    scan.name = "headwater, the connector alone".to_owned();
    let query = ours("headwater, through the engine", Work::Query { sql, twice: false, count_only: true });
    let mut contest = bench.runner.hold(source.name(), &[scan, query], &Check::Rows(rows)).contest;
    contest.want("peak memory of either", Measure::Memory, 200.0, "MB");
    Ok(contest)
}
