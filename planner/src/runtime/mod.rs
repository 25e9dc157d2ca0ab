//! What the scans of the running and of the last queries did, for `system.runtime.scans`.

mod table;

pub(crate) use table::RuntimeConnector;

use crate::ledger::{QueryRecord, ScanLedger};
use headwater_core::ScanStats;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

/// The catalog of the engine's own tables, unless another one has its name.
pub(crate) const SYSTEM: &str = "system";

/// Scans of ended queries that are remembered.
const KEPT: usize = 1_000;

/// How a query stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Finished,
    Failed,
    /// Nobody waited for its end.
    Cancelled,
}

impl State {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One scan, without its requests.
#[derive(Debug, Clone)]
pub(crate) struct ScanRow {
    pub(crate) query_id: String,
    pub(crate) catalog: String,
    pub(crate) connector: String,
    pub(crate) table: String,
    pub(crate) state: State,
    pub(crate) started: SystemTime,
    /// From the scan's first request to its last row so far; `None` if it has not begun.
    pub(crate) elapsed: Option<Duration>,
    pub(crate) stats: ScanStats,
}

/// The scans of an engine. What ended is kept as numbers, the last [`KEPT`] of them.
#[derive(Debug, Default)]
pub(crate) struct RunLog {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    running: BTreeMap<u64, Running>,
    ended: VecDeque<ScanRow>,
}

#[derive(Debug)]
struct Running {
    query_id: String,
    started: SystemTime,
    records: Vec<Weak<QueryRecord>>,
}

/// A query that runs. Dropped before it is told how it ended, it was cancelled.
#[derive(Debug)]
pub(crate) struct Ticket {
    log: Arc<RunLog>,
    number: u64,
    state: Mutex<State>,
}

impl RunLog {
    /// A query that runs from now on, with the records of its runs.
    pub(crate) fn begin(self: &Arc<Self>, query_id: &str, records: &[&Arc<QueryRecord>]) -> Ticket {
        let mut kept = self.kept();
        kept.next += 1;
        let number = kept.next;
        let records = records.iter().map(|record| Arc::downgrade(record)).collect();
        kept.running.insert(number, Running { query_id: query_id.to_owned(), started: SystemTime::now(), records });
        Ticket { log: Arc::clone(self), number, state: Mutex::new(State::Cancelled) }
    }

    /// All scans, those of the latest query last.
    pub(crate) fn rows(&self) -> Vec<ScanRow> {
        let kept = self.kept();
        let running = kept.running.values().flat_map(|query| query.rows(State::Running));
        kept.ended.iter().cloned().chain(running).collect()
    }

    fn end(&self, number: u64, state: State) {
        let mut kept = self.kept();
        let Some(query) = kept.running.remove(&number) else { return };
        kept.ended.extend(query.rows(state));
        let surplus = kept.ended.len().saturating_sub(KEPT);
        kept.ended.drain(..surplus);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn rows(&self, state: State) -> Vec<ScanRow> {
        let records = self.records.iter().filter_map(Weak::upgrade);
        records.flat_map(|record| record.scans()).map(|scan| self.row(scan, state)).collect()
    }

    fn row(&self, scan: ScanLedger, state: State) -> ScanRow {
        ScanRow {
            query_id: self.query_id.clone(),
            catalog: scan.catalog,
            connector: scan.connector,
            table: scan.relation,
            state,
            started: self.started,
            elapsed: scan.elapsed,
            stats: scan.stats.unwrap_or_default(),
        }
    }
}

impl Ticket {
    /// How the query ended, if it did before it is dropped. The first word counts.
    pub(crate) fn ended(&self, state: State) {
        let mut known = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == State::Cancelled {
            *known = state;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let state = *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.log.end(self.number, state);
    }
}
