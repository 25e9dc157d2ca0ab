//! A planned statement: to be looked at, and to be run once.

use crate::ledger::{Ledger, Part, QueryRecord};
use crate::scan::run;
use arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use futures::{StreamExt as _, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A statement ready to run.
#[derive(Debug)]
pub struct Query {
    id: String,
    record: Arc<QueryRecord>,
    engine: Vec<Part>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    started: AtomicBool,
}

impl Query {
    pub(crate) fn new(
        id: String,
        record: Arc<QueryRecord>,
        engine: Vec<Part>,
        plan: Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Self {
        Self { id, record, engine, plan, context, started: AtomicBool::new(false) }
    }

    /// The tag under which the sources' own logs know this query.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The columns of the answer.
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// Runs the statement. Dropping the stream cancels it, at the sources too.
    ///
    /// # Errors
    /// `InvalidInput` when it was run before: a plan holds what a join has built, so it is good for one run. The
    /// stream's errors are the sources' and the engine's own.
    pub fn execute(&self) -> Result<BatchStream> {
        if self.started.swap(true, Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::InvalidInput, "a planned query runs once; plan it again"));
        }
        let end = EndOnDrop(Arc::clone(&self.record));
        let batches = run(Arc::clone(&self.plan), Arc::clone(&self.context))?;
        let ended = stream::once(async move { drop(end) }).filter_map(|()| async { None });
        Ok(batches.chain(ended).boxed())
    }

    /// What was asked of each source and, once running, what it did. Cheap; may be called at any time.
    pub fn ledger(&self) -> Ledger {
        Ledger { version: 1, query_id: self.id.clone(), scans: self.record.scans(), engine: self.engine.clone() }
    }

    /// The engine's operators, one per line, inputs indented.
    pub fn operators(&self) -> String {
        displayable(self.plan.as_ref()).indent(false).to_string()
    }
}

/// Ends what the query's scans share at their sources, once the last batch was taken or nobody waits for it.
struct EndOnDrop(Arc<QueryRecord>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end_scopes();
    }
}
