//! Plans of one table's scans while a statement is planned.
//!
//! The engine asks for answers in the middle of its synchronous optimizer, but a connector behind a network cannot
//! answer at once. So a question that is not answered at the first poll is kept; once the optimizer is done the
//! answers are awaited, all together, and the statement is optimized again with them at hand:
//!
//! ```text
//! optimize ─▶ open questions? ─no─▶ physical plan
//!     ▲            │ yes
//!     └── await ◀──┘
//! ```

use futures::FutureExt as _;
use futures::future::{BoxFuture, try_join_all};
use headwater_core::{Connector, Result, ScanPlan, ScanRequest, TableMetadata};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Question = BoxFuture<'static, Result<ScanPlan>>;

/// One table's questions to its connector, each asked once.
pub(crate) struct Negotiation {
    connector: Arc<dyn Connector>,
    metadata: Arc<TableMetadata>,
    answers: Mutex<Answers>,
}

/// By the request's `Debug` text: unlike `==` it holds a NaN equal to itself.
#[derive(Default)]
struct Answers {
    known: HashMap<String, ScanPlan>,
    open: HashMap<String, Question>,
}

impl fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiation").field("table", &self.metadata.name).finish_non_exhaustive()
    }
}

impl Negotiation {
    pub(crate) fn new(connector: Arc<dyn Connector>, metadata: Arc<TableMetadata>) -> Self {
        Self { connector, metadata, answers: Mutex::default() }
    }

    /// The plan, or `None` while its connector has not answered.
    pub(crate) fn plan_now(&self, request: &ScanRequest) -> Result<Option<ScanPlan>> {
        let key = format!("{request:?}");
        let mut answers = self.answers();
        if let Some(plan) = answers.known.get(&key) {
            return Ok(Some(plan.clone()));
        }
        if answers.open.contains_key(&key) {
            return Ok(None);
        }
        let mut question = self.ask(request.clone());
        // A connector in this process is ready at the first poll.
        match (&mut question).now_or_never() {
            Some(plan) => {
                let plan = plan?;
                answers.known.insert(key, plan.clone());
                Ok(Some(plan))
            }
            None => {
                answers.open.insert(key, question);
                Ok(None)
            }
        }
    }

    /// The plan, waited for.
    pub(crate) async fn plan(&self, request: &ScanRequest) -> Result<ScanPlan> {
        match self.plan_now(request)? {
            Some(plan) => Ok(plan),
            None => {
                self.settle().await?;
                let known = self.answers().known.get(&format!("{request:?}")).cloned();
                known.ok_or_else(|| headwater_core::Error::internal("an answered question has no answer"))
            }
        }
    }

    /// Awaits all open questions, at once. `false`: there were none.
    pub(crate) async fn settle(&self) -> Result<bool> {
        let open = std::mem::take(&mut self.answers().open);
        if open.is_empty() {
            return Ok(false);
        }
        let answered =
            try_join_all(open.into_iter().map(|(key, question)| question.map(|plan| plan.map(|plan| (key, plan)))));
        let answered: Vec<(String, ScanPlan)> = answered.await?;
        self.answers().known.extend(answered);
        Ok(true)
    }

    fn ask(&self, request: ScanRequest) -> Question {
        let (connector, metadata) = (Arc::clone(&self.connector), Arc::clone(&self.metadata));
        async move { connector.plan_scan(&metadata, &request).await }.boxed()
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
