//! F and G: DynamoDB's items, from a server that makes them up, so that the client is what is measured.

use super::{Bench, ours};
use crate::runner::{Check, Entry, Held};
use crate::servers::{FLAT_ITEMS, LARGE_ITEMS};
use crate::task::{Outcome, Result, Way, Work};
use headwater_benches::contest::{Contest, Goal, Kind, Measure};
use headwater_benches::figures::rounded;
use std::time::Duration;

/// The first lines of PostgreSQL's first 1,000 orders, whose numbers have gaps, and the items with these numbers.
const JOIN: &str = "\
SELECT l_comment, i.* FROM pg.tpch.lineitem JOIN dy.default.flat i ON i.id = l_orderkey \
WHERE l_orderkey <= 4000 AND l_linenumber = 1";
const KEYS: u32 = 1_000;

/// The engine reads so many splits of a scan at once.
const AT_ONCE: usize = 16;

/// The quickest that DynamoDB itself answers.
const REAL_DELAY: Duration = Duration::from_millis(4);

pub(super) fn scans(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    Ok(vec![flat(bench), large(bench)])
}

fn flat(bench: &Bench<'_>) -> Contest {
    let entries = [by(Way::Ours, "flat", "headwater"), by(Way::Typed, "flat", "the SDK's items into Arrow builders")];
    let title = "1,000,000 items of 12 flat attributes";
    let Held { mut contest, checked } = bench.runner.hold(title, &entries, &Check::Rows(FLAT_ITEMS));
    #[allow(clippy::cast_precision_loss)]
    let megabytes = checked.first().map_or(0.0, |outcome| outcome.received as f64 / 1e6);
    let most = (megabytes / 300.0 * 100.0).round() / 100.0;
    contest.want("client CPU at 300 MB of answers a second", Measure::ClientCpu, most, "s");
    contest.want_ratio("client CPU to that of the SDK's items", Kind::Other, Measure::ClientCpu, 0.25);
    contest.want("peak memory", Measure::Memory, 200.0, "MB");
    let rate = |kind| contest.cpu(kind).map_or_else(|| "–".to_owned(), |seconds| rounded(megabytes / seconds));
    contest.remarks.push(format!(
        "{} MB of answers: {} MB per second of client CPU, the SDK's items {}",
        rounded(megabytes.round()),
        rate(Kind::Ours),
        rate(Kind::Other)
    ));
    contest
}

fn large(bench: &Bench<'_>) -> Contest {
    let sql = "SELECT * FROM dy.default.large".to_owned();
    let query = Work::Query { sql, twice: false, count_only: true };
    let entries =
        [by(Way::Ours, "large", "headwater, the connector alone"), ours("headwater, through the engine", query)];
    let title = "2,000 items of 400 KB, streamed to nowhere";
    let mut contest = bench.runner.hold(title, &entries, &Check::Rows(LARGE_ITEMS)).contest;
    contest.want("peak memory of either", Measure::Memory, 200.0, "MB");
    contest
}

pub(super) fn join(bench: &Bench<'_>) -> Result<Vec<Contest>> {
    let quick = joined(bench, "1,000 rows to 1,000,000 items by partition key, answered at once");
    bench.runner.servers.delay_items(REAL_DELAY);
    let slow = joined(bench, "The same, each answer after 4 ms");
    bench.runner.servers.delay_items(Duration::ZERO);
    Ok(vec![quick, slow])
}

fn joined(bench: &Bench<'_>, title: &str) -> Contest {
    let entries = [
        ours("headwater", Work::Query { sql: JOIN.to_owned(), twice: true, count_only: true }),
        Entry {
            name: format!("a loop of BatchGetItem by hand, {AT_ONCE} at once"),
            kind: Kind::Raw,
            work: Work::Lookup { keys: KEYS, at_once: AT_ONCE },
            script: None,
        },
    ];
    let Held { mut contest, checked } = bench.runner.hold(title, &entries, &Check::Rows(u64::from(KEYS)));
    contest.want_ratio("the second time in the same process, to the loop's second", Kind::Raw, Measure::Again, 1.3);
    contest.goals.push(Goal {
        what: "read units, to the loop's".to_owned(),
        limit: 1.1,
        reached: units(&checked),
        unit: "×",
    });
    contest.remarks.extend(super::joins::scans(&checked));
    contest
}

/// Ours to those of the loop by hand.
fn units(checked: &[Outcome]) -> Option<f64> {
    let [ours, by_hand] = checked else { return None };
    let scan = ours.scans.iter().find(|scan| scan.table.starts_with("dy."))?;
    (by_hand.units > 0.0).then(|| scan.units / by_hand.units)
}

fn by(way: Way, table: &str, name: &str) -> Entry {
    let kind = if way == Way::Ours { Kind::Ours } else { Kind::Other };
    Entry { name: name.to_owned(), kind, work: Work::Items { table: table.to_owned(), by: way }, script: None }
}
