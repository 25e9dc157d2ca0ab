//! Leave to send one reading request.

use super::Meter;
use super::budgets::Admission;
use super::pace::Pace;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Held until the request is answered. Dropped, as when its query is cancelled, it is taken for sent.
#[derive(Debug)]
pub(crate) struct Leave {
    #[expect(dead_code, reason = "held for its place among the requests in flight")]
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) admission: Admission,
    pub(super) pace: Arc<Pace>,
}

impl Leave {
    /// How long the budgets made it wait.
    pub(crate) fn waited(&self) -> Duration {
        self.admission.waited()
    }

    /// An interceptor for the request.
    pub(crate) fn meter(&self, query_id: &str) -> Meter {
        Meter::new(query_id, Arc::clone(&self.pace))
    }

    /// DynamoDB left a part of the request undone for want of capacity.
    pub(crate) fn throttled(&self) {
        self.pace.throttled();
    }

    /// The request was answered: what it was charged, or nothing if it was refused.
    pub(crate) fn settle(self, units: f64) {
        self.admission.settle(units);
    }
}
