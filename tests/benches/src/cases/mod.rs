//! What is measured.

mod items;
mod joins;
mod memory;
mod narrow;
mod one_source;
mod whole;

use crate::runner::{Entry, Runner};
use crate::servers::condition;
use crate::task::{Narrow, Outcome, Result, Source, Work};
use headwater_benches::contest::{Contest, Kind};
use std::collections::BTreeMap;

/// A group of tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// By which it is chosen on the command line.
    pub(crate) letter: char,
    pub(crate) title: &'static str,
    pub(crate) run: fn(&Bench<'_>) -> Result<Vec<Contest>>,
}

/// All of them, in the report's order.
pub(crate) const CASES: [Case; 8] = [
    Case { letter: 'a', title: "The whole of lineitem from PostgreSQL to Arrow", run: whole::postgres },
    Case { letter: 'b', title: "The whole of lineitem from MariaDB to Arrow", run: whole::mariadb },
    Case { letter: 'c', title: "Two columns of some rows", run: narrow::run },
    Case { letter: 'm', title: "Memory: lineitem streamed to nowhere", run: memory::run },
    Case {
        letter: 'd',
        title: "Joins across sources: customer and orders in MariaDB, lineitem in PostgreSQL",
        run: joins::run,
    },
    Case { letter: 'e', title: "Aggregates and top-n on one source", run: one_source::run },
    Case { letter: 'f', title: "Items of a canned DynamoDB to Arrow", run: items::scans },
    Case { letter: 'g', title: "A join of PostgreSQL with items of a canned DynamoDB", run: items::join },
];

/// What a case works with.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) runner: &'a Runner,
    pub(crate) runtime: &'a tokio::runtime::Runtime,
}

fn ours(name: &str, work: Work) -> Entry {
    Entry { name: name.to_owned(), kind: Kind::Ours, work, script: None }
}

/// A scan of ours through the connector's trait.
fn our_scan(source: Source, narrow: Option<Narrow>) -> Entry {
    ours("headwater", Work::Scan { source, narrow })
}

/// What our connector sends, and over how many connections.
fn plan(bench: &Bench<'_>, source: Source, narrow: Option<Narrow>) -> Result<Outcome> {
    bench.runner.ask(&our_scan(source, narrow))
}

fn drain(name: &str, kind: Kind, source: Source, statements: Vec<String>, connections: usize) -> Entry {
    Entry { name: name.to_owned(), kind, work: Work::Drain { source, statements, connections }, script: None }
}

fn peer(name: &str, kind: Kind, script: &'static str, sql: &str, settings: &[(&str, &str)]) -> Entry {
    let settings: BTreeMap<String, String> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let work = Work::Peer { sql: sql.to_owned(), twice: false, rows: false, settings };
    Entry { name: name.to_owned(), kind, work, script: Some(script) }
}

/// DuckDB giving rows, asked twice in the same process.
fn duckdb_twice(name: &str, kind: Kind, sql: &str, settings: &[(&str, &str)]) -> Entry {
    let mut entry = peer(name, kind, DUCKDB, sql, settings);
    if let Work::Peer { twice, rows, .. } = &mut entry.work {
        (*twice, *rows) = (true, true);
    }
    entry
}

const DUCKDB: &str = "duckdb_peer.py";
const CONNECTORX: &str = "connectorx_peer.py";
const ADBC: &str = "adbc_peer.py";

/// `SELECT … FROM table WHERE …` for a scan, without the catalog's name.
fn select(narrow: Option<Narrow>, table: &str) -> String {
    let columns = if narrow.is_some() { crate::ours::NARROW.join(", ") } else { "*".to_owned() };
    format!("SELECT {columns} FROM {table}{}", condition(narrow))
}

/// The statement as a raw connection sends it.
fn raw(source: Source, select: &str) -> String {
    match source {
        Source::Postgres => format!("COPY ({select}) TO STDOUT (FORMAT binary)"),
        Source::MariaDb => select.to_owned(),
    }
}

/// The peers' ways to read the same.
fn peers(source: Source, narrow: Option<Narrow>) -> Vec<Entry> {
    let sql = select(narrow, &format!("{}.tpch.lineitem", source.catalog()));
    let duck = |name: &str, kind, settings: &[(&str, &str)]| peer(name, kind, DUCKDB, &sql, settings);
    let mut entries = match source {
        Source::Postgres => vec![
            duck("DuckDB, 1 thread", Kind::DuckDb, &[("threads", "1")]),
            duck("DuckDB, 2 threads", Kind::DuckDb, &[("threads", "2")]),
            duck("DuckDB, 2 threads, batches dropped", Kind::DuckDb, &[("threads", "2"), ("batches", "true")]),
        ],
        Source::MariaDb => vec![
            duck("DuckDB, compress=0", Kind::DuckDb, &[]),
            duck("DuckDB, compress=0, batches dropped", Kind::DuckDb, &[("batches", "true")]),
            duck("DuckDB, its default (protocol compressed)", Kind::Other, &[("compression", "true")]),
        ],
    };
    let sql = select(narrow, "tpch.lineitem");
    let connectorx = |protocol: &str, partitions: &str| {
        let name = format!("ConnectorX, {protocol}, partitions: {partitions}");
        let server = if source == Source::Postgres { "postgres" } else { "mariadb" };
        let settings = [("source", server), ("protocol", protocol), ("partitions", partitions)];
        peer(&name, Kind::Other, CONNECTORX, &sql, &settings)
    };
    match source {
        Source::Postgres => {
            entries.extend([connectorx("binary", "1"), connectorx("cursor", "4")]);
            entries.push(peer("ADBC", Kind::Other, ADBC, &sql, &[]));
        }
        Source::MariaDb => entries.extend([connectorx("binary", "1"), connectorx("binary", "2")]),
    }
    entries
}
