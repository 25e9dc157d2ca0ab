//! The budgets of a catalog and its tables, one set in the whole process.

use super::pace::{Pace, Place};
use crate::config::{Budget, DynamoDbConfig};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// What a budget protects is the table, so it does not belong to a connector: two of one catalog, as in a server beside
/// an engine, share it. It lives as long as one of them.
static SHARED: Mutex<BTreeMap<String, Weak<Budgets>>> = Mutex::new(BTreeMap::new());

/// The paces of one catalog.
#[derive(Debug)]
pub(crate) struct Budgets {
    catalog: Arc<Pace>,
    given: BTreeMap<String, Budget>,
    tables: Mutex<HashMap<String, Arc<Pace>>>,
}

/// Leave to send one request. Dropped, it stands for a request that was sent and whose charge is not known.
#[derive(Debug)]
pub(crate) struct Admission {
    table: Place,
    catalog: Place,
}

impl Budgets {
    /// Those of a catalog; of all connectors with the same configuration the same ones.
    pub(crate) fn shared(config: &DynamoDbConfig) -> Arc<Self> {
        let key = format!("{:?}", (&config.catalog, config.place(), &config.profile, &config.role, &config.limits));
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.retain(|_, budgets| budgets.strong_count() > 0);
        if let Some(found) = shared.get(&key).and_then(Weak::upgrade) {
            return found;
        }
        let made = Arc::new(Self {
            catalog: Arc::new(Pace::new(config.limits.catalog, Instant::now())),
            given: config.limits.tables().map(|(name, budget)| (name.to_owned(), budget)).collect(),
            tables: Mutex::default(),
        });
        shared.insert(key, Arc::downgrade(&made));
        made
    }

    /// Waits for leave to read a table once. Dropping the future takes nothing.
    pub(crate) async fn admit(&self, table: &str) -> Admission {
        let table = self.table(table).place().await;
        Admission { table, catalog: self.catalog.place().await }
    }

    /// The pace of a table, for telling it of throttling.
    pub(crate) fn table(&self, name: &str) -> Arc<Pace> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = tables.get(name) {
            return Arc::clone(found);
        }
        let budget = self.given.get(name).copied().unwrap_or_default();
        let made = Arc::new(Pace::new(budget, Instant::now()));
        tables.insert(name.to_owned(), Arc::clone(&made));
        made
    }
}

impl Admission {
    /// How long the budgets made the request wait.
    pub(crate) fn waited(&self) -> Duration {
        self.table.waited + self.catalog.waited
    }

    /// The request was charged so much; nothing if it was refused.
    pub(crate) fn settle(mut self, units: f64) {
        self.table.settle(units);
        self.catalog.settle(units);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.table.forget();
        self.catalog.forget();
    }
}
