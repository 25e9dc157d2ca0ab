//! Table metadata, kept for a while.

use headwater_core::{Connector, Result, TableMetadata, TableName};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a table's metadata is believed.
const TIME_TO_LIVE: Duration = Duration::from_secs(60);

type Key = (String, TableName);

/// Metadata by catalog and table. Errors are not kept: a table created a moment ago is found at the next try.
#[derive(Debug, Default)]
pub(crate) struct MetadataCache {
    entries: Mutex<HashMap<Key, (Instant, Arc<TableMetadata>)>>,
}

impl MetadataCache {
    /// The metadata of a table, asked for if it is not here or too old.
    pub(crate) async fn get(
        &self,
        catalog: &str,
        connector: &dyn Connector,
        name: &TableName,
    ) -> Result<Arc<TableMetadata>> {
        let key = (catalog.to_owned(), name.clone());
        if let Some(known) = self.fresh(&key) {
            return Ok(known);
        }
        let metadata = Arc::new(connector.get_table(name).await?);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(key, (Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }

    /// Lets go of a table that was not what it was believed to be, so that the next statement asks again.
    pub(crate) fn forget(&self, catalog: &str, name: &TableName) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&(catalog.to_owned(), name.clone()));
    }

    fn fresh(&self, key: &Key) -> Option<Arc<TableMetadata>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, metadata) = entries.get(key)?;
        (at.elapsed() < TIME_TO_LIVE).then(|| Arc::clone(metadata))
    }
}
