//! Connections whose transactions begin together, for the statements of one scan.
//!
//! ```text
//! first read of a scan ─▶ n connections ─▶ all at once: START TRANSACTION WITH CONSISTENT SNAPSHOT ─▶ kept in the query
//! every read           ─▶ takes one of them, gives it back with its transaction open
//! the last read's end, or the query's ─▶ COMMIT, back among the idle ones
//! ```
//!
//! Neither server lets one session see what another sees: the snapshots may differ by what was committed in the moment
//! in between. Each row that nobody touches then is read exactly once.

use crate::connect::Connections;
use crate::error::no_place;
use crate::lease::Lease;
use futures::future::{BoxFuture, FutureExt as _, Shared};
use headwater_core::{Error, ErrorKind, Result, ScanContext};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Which of its query's scans a split belongs to, and how many splits that has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OneOfMany {
    scan: u64,
    splits: usize,
}

impl OneOfMany {
    /// For a scan that begins.
    pub(crate) fn new(splits: usize) -> Self {
        static SCANS: AtomicU64 = AtomicU64::new(0);
        Self { scan: SCANS.fetch_add(1, Relaxed), splits }
    }
}

/// A connection inside a read-only transaction, and where it goes once its rows were read.
pub(crate) struct Held {
    pub(crate) lease: Lease,
    turn: Option<(Arc<Group>, OwnedSemaphorePermit)>,
}

impl Held {
    /// Ends the transaction, or leaves it to the scan's next statement.
    pub(crate) async fn finish(self, connections: &Connections) -> Result<()> {
        match self.turn {
            None => self.lease.finish(connections.config()).await,
            Some((group, permit)) => {
                let over = group.give_back(self.lease);
                drop(permit);
                // Dropped, they end their transactions in the background.
                drop(over);
                Ok(())
            }
        }
    }
}

/// A connection for a split: one of its scan's, where the split is one of many of a query that is run here.
///
/// A split that comes from afar has no such query: it is read at a moment of its own.
pub(crate) async fn begin(
    connections: &Arc<Connections>,
    of: Option<OneOfMany>,
    context: &ScanContext,
) -> Result<Held> {
    let scans = context.scope.scans();
    let Some(of) = of.filter(|_| scans > 0) else {
        return Ok(Held { lease: connections.begin().await?, turn: None });
    };
    let groups = context.scope.get_or_init(Groups::default);
    let group = groups.of(of, connections, scans).await.map_err(|error| error.retold())?;
    let turn = Arc::clone(&group.turns).acquire_owned();
    let permit = tokio::time::timeout(connections.config().acquire_timeout, turn).await;
    let permit = permit.map_err(|_| no_place(connections.config()))?;
    let permit = permit.map_err(|e| Error::internal(format!("connections of a scan: {e}")))?;
    let lease = group.take().ok_or_else(|| {
        // Another one would see another moment.
        Error::new(ErrorKind::Unavailable, "a connection of this scan was lost, and with it the moment it reads")
            .with_hint("run the statement again")
    })?;
    Ok(Held { lease, turn: Some((group, permit)) })
}

type Opening = Shared<BoxFuture<'static, std::result::Result<Arc<Group>, Arc<Error>>>>;

/// In the query's scope: the connections of each scan. Whoever waits for them drives their opening.
#[derive(Default)]
struct Groups(Mutex<HashMap<u64, Opening>>);

impl Groups {
    /// No scan takes more than its share of all connections: else two scans could wait for each other.
    async fn of(
        &self,
        of: OneOfMany,
        connections: &Arc<Connections>,
        scans: usize,
    ) -> std::result::Result<Arc<Group>, Arc<Error>> {
        let share = (connections.config().max_connections / scans.max(1)).clamp(1, of.splits.max(1));
        let opening = {
            let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            groups.entry(of.scan).or_insert_with(|| Group::open(Arc::clone(connections), share, of.splits)).clone()
        };
        opening.await
    }
}

/// The connections of one scan.
struct Group {
    state: Mutex<State>,
    /// A permit for each.
    turns: Arc<Semaphore>,
}

struct State {
    /// Those that nobody uses at the moment.
    free: Vec<Lease>,
    /// Splits that nobody has begun to read.
    to_come: usize,
}

impl Group {
    fn take(&self) -> Option<Lease> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.to_come = state.to_come.saturating_sub(1);
        state.free.pop()
    }

    /// Those that are not needed any more.
    fn give_back(&self, lease: Lease) -> Vec<Lease> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.free.push(lease);
        if state.to_come > 0 { Vec::new() } else { std::mem::take(&mut state.free) }
    }

    fn open(connections: Arc<Connections>, count: usize, splits: usize) -> Opening {
        let group = async move {
            let free = connections.begin_together(count).await.map_err(Arc::new)?;
            let state = Mutex::new(State { free, to_come: splits });
            Ok(Arc::new(Self { state, turns: Arc::new(Semaphore::new(count)) }))
        };
        group.boxed().shared()
    }
}
