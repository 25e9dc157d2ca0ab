//! Queries that callers hold: while a caller keeps its call open, all reads with the query's id share a scope.

use crate::service::{Answers, Service};
use crate::status::to_status;
use futures::{StreamExt, stream};
use headwater_core::wire::{HeldAnswer, HoldQuery};
use headwater_core::{Error, ErrorKind, QueryScope, Result, ScanContext, WIRE_VERSION};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// More queries at once are not held: each may keep a connection to a source.
const MOST: usize = 10_000;

/// The scopes of the queries that are held, by catalog and query id.
#[derive(Debug, Default)]
pub(crate) struct HeldQueries(Mutex<HashMap<(String, String), Held>>);

#[derive(Debug)]
struct Held {
    scope: Arc<QueryScope>,
    callers: usize,
}

impl HeldQueries {
    /// Puts the query's scope into the context of one of its calls. One that is not held keeps a scope of its own.
    pub(crate) fn share(&self, catalog: &str, context: ScanContext) -> ScanContext {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get(&(catalog.to_owned(), context.query_id.clone())) {
            Some(held) => ScanContext { scope: Arc::clone(&held.scope), ..context },
            None => context,
        }
    }

    fn hold(self: &Arc<Self>, catalog: &str, query_id: &str, scans: u64) -> Result<Hold> {
        let key = (catalog.to_owned(), query_id.to_owned());
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() >= MOST && !held.contains_key(&key) {
            return Err(Error::new(ErrorKind::LimitExceeded, format!("{MOST} queries are held already"))
                .with_hint("try again later"));
        }
        let entry = held.entry(key.clone()).or_insert_with(|| Held { scope: Arc::default(), callers: 0 });
        entry.callers += 1;
        // Whether there is more than one is all that matters.
        (0..scans.min(2)).for_each(|_| entry.scope.add_scan());
        Ok(Hold { queries: Arc::clone(self), key })
    }
}

/// One caller's hold. Dropped with its call.
struct Hold {
    queries: Arc<HeldQueries>,
    key: (String, String),
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.queries.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = held.get_mut(&self.key) else { return };
        entry.callers -= 1;
        if entry.callers == 0 {
            let ended = held.remove(&self.key);
            drop(held);
            ended.iter().for_each(|held| held.scope.end());
        }
    }
}

/// One answer at once, and no other until the caller ends the call or the server closes.
pub(crate) fn hold(service: &Service, ask: &HoldQuery, query_id: &str) -> Result<Answers<arrow_flight::Result>> {
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let hold = service.held.hold(&catalog.name, query_id, ask.scans)?;
    let answer = HeldAnswer { version: WIRE_VERSION };
    let body = serde_json::to_vec(&answer).map_err(|error| Error::internal(format!("an answer: {error}")))?;
    let mut closing = service.closing.clone();
    let rest = stream::once(async move {
        let _closed = closing.wait_for(|closing| *closing).await;
        drop(hold);
        Err(to_status(&Error::new(ErrorKind::Unavailable, "the server was stopped while the query was held")))
    });
    Ok(stream::iter([Ok(arrow_flight::Result { body: body.into() })]).chain(rest).boxed())
}
