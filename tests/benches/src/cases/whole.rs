//! A and B: all rows, all columns.

use super::{Bench, drain, our_scan, peers, plan, raw};
use crate::runner::Check;
use crate::task::{Result, Source};
use headwater_benches::contest::{Contest, Kind, Measure};
use headwater_planner::counted;

pub(super) fn postgres(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    let mut contest = hold(bench, Source::Postgres)?;
    contest.want_ratio("to the best DuckDB", Kind::DuckDb, Measure::First, 0.65);
    contest.want_ratio("to a raw COPY drain with as many connections", Kind::Raw, Measure::First, 1.3);
    contest.want("client CPU", Measure::ClientCpu, 4.0, "s");
    Ok(vec![contest])
}

pub(super) fn mariadb(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    let mut contest = hold(bench, Source::MariaDb)?;
    contest.want_ratio("to DuckDB with compress=0", Kind::DuckDb, Measure::First, 0.65);
    contest.want_ratio("to a raw protocol drain with as many connections", Kind::Raw, Measure::First, 1.4);
    Ok(vec![contest])
}

fn hold(bench: &Bench<'_>, source: Source) -> Result<Contest> {
    let expected = bench.runtime.block_on(bench.runner.servers.expected(None))?;
    let extent = bench.runtime.block_on(bench.runner.servers.extent(source))?;
    let plan = plan(bench, source, None)?;
    let connections = plan.connections;
    let mut entries = vec![our_scan(source, None)];
    let name = |connections: usize| format!("raw drain, connections: {connections}");
    entries.push(drain(&name(connections), Kind::Raw, source, ranges(source, extent, connections), connections));
    if connections > 1 {
        entries.push(drain(&name(1), Kind::Other, source, ranges(source, extent, 1), 1));
    }
    entries.extend(peers(source, None));
    let mut contest = bench.runner.hold(source.name(), &entries, &Check::Sums(expected)).contest;
    contest.remarks.push(format!(
        "headwater: {}, over {}",
        counted(plan.requests.len() as u64, "split"),
        counted(connections as u64, "connection")
    ));
    Ok(contest)
}

/// The table in as many parts of equal width, by place in PostgreSQL and by primary key in MariaDB.
fn ranges(source: Source, extent: u64, parts: usize) -> Vec<String> {
    let parts = parts.max(1) as u64;
    let part = |index: u64| {
        let (from, until) = (extent * index / parts, extent * (index + 1) / parts);
        let last = index + 1 == parts;
        let condition = match (source, parts, last) {
            (_, 1, _) => String::new(),
            (Source::Postgres, _, true) => format!(" WHERE ctid >= '({from},0)'"),
            (Source::Postgres, _, false) => format!(" WHERE ctid >= '({from},0)' AND ctid < '({until},0)'"),
            (Source::MariaDb, _, true) => format!(" WHERE l_orderkey >= {from}"),
            (Source::MariaDb, _, false) => format!(" WHERE l_orderkey >= {from} AND l_orderkey < {until}"),
        };
        raw(source, &format!("SELECT * FROM tpch.lineitem{condition}"))
    };
    (0..parts).map(part).collect()
}
