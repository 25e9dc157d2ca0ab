//! A planned statement: to be looked at, and to be run once.

use crate::ledger::{Ledger, Part, QueryRecord};
use crate::runtime::{RunLog, State, Ticket};
use crate::verify::{Check, Run};
use arrow::datatypes::SchemaRef;
use datafusion::physical_plan::displayable;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A statement ready to run.
#[derive(Debug)]
pub struct Query {
    id: String,
    engine: Vec<Part>,
    run: Run,
    check: Option<Arc<Check>>,
    started: AtomicBool,
    log: Arc<RunLog>,
}

impl Query {
    pub(crate) fn new(id: String, engine: Vec<Part>, run: Run, check: Option<Check>, log: &Arc<RunLog>) -> Self {
        let (check, started) = (check.map(Arc::new), AtomicBool::new(false));
        Self { id, engine, run, check, started, log: Arc::clone(log) }
    }

    /// The tag under which the sources' own logs know this query.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The columns of the answer.
    pub fn schema(&self) -> SchemaRef {
        self.run.plan.schema()
    }

    /// Runs the statement. Dropping the stream cancels it, at the sources too.
    ///
    /// # Errors
    /// `InvalidInput` when it was run before: a plan holds what a join has built, so it is good for one run. The
    /// stream's errors are the sources' and the engine's own; under [`PushdownMode::Verify`](crate::PushdownMode) also
    /// `Discrepancy`, before any row.
    pub fn execute(&self) -> Result<BatchStream> {
        if self.started.swap(true, Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::InvalidInput, "a planned query runs once; plan it again"));
        }
        let plain = self.check.as_ref().and_then(|check| check.plain_record());
        let records = [Some(&self.run.record), plain.as_ref()].into_iter().flatten().collect::<Vec<_>>();
        let ticket = self.log.begin(&self.id, &records);
        let end = Arc::new(EndOnDrop { ticket, records: [Some(Arc::clone(&self.run.record)), plain.clone()] });
        let failed = Arc::clone(&end);
        let batches = match &self.check {
            Some(check) => Arc::clone(check).execute(self.run.clone())?,
            None => self.run.start()?,
        };
        let batches = batches.inspect_err(move |_| failed.ticket.ended(State::Failed));
        let ended = stream::once(async move { end.ticket.ended(State::Finished) }).filter_map(|()| async { None });
        Ok(batches.chain(ended).boxed())
    }

    /// What was asked of each source and, once running, what it did. Cheap; may be called at any time.
    pub fn ledger(&self) -> Ledger {
        Ledger {
            version: 1,
            query_id: self.id.clone(),
            scans: self.run.record.scans(),
            engine: self.engine.clone(),
            verification: self.check.as_ref().map(|check| check.state()),
        }
    }

    /// The engine's operators, one per line, inputs indented.
    pub fn operators(&self) -> String {
        displayable(self.run.plan.as_ref()).indent(false).to_string()
    }
}

/// Ends what the query's scans share at their sources, once the last batch was taken or nobody waits for it.
struct EndOnDrop {
    /// Goes first: what it counts is read from the records.
    ticket: Ticket,
    records: [Option<Arc<QueryRecord>>; 2],
}

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.records.iter().flatten().for_each(|record| record.end_scopes());
    }
}
