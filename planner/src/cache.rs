//! Table metadata, kept for a while.

use headwater_core::{Connector, Result, TableMetadata, TableName};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a table's metadata is believed, unless the connector says so.
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

    /// Lets go of all, so that the next statement asks for every table it names.
    pub(crate) fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn fresh(&self, key: &Key) -> Option<Arc<TableMetadata>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, metadata) = entries.get(key)?;
        let time_to_live = metadata.max_age_seconds.map_or(TIME_TO_LIVE, Duration::from_secs);
        (at.elapsed() < time_to_live).then(|| Arc::clone(metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;
    use headwater_core::MemoryConnector;

    fn known(max_age_seconds: Option<u64>, age: Duration) -> (MetadataCache, TableName) {
        let (cache, name) = (MetadataCache::default(), TableName::new("main", "t"));
        let table = TableMetadata::new(name.clone(), Arc::new(Schema::empty()));
        let table = TableMetadata { max_age_seconds, ..table };
        let at = Instant::now().checked_sub(age).unwrap();
        cache.entries.lock().unwrap().insert(("c".to_owned(), name.clone()), (at, Arc::new(table)));
        (cache, name)
    }

    #[tokio::test]
    async fn metadata_are_believed_for_a_minute_or_as_long_as_the_connector_says() {
        let cases =
            [(None, 59, true), (None, 61, false), (Some(5), 6, false), (Some(3_600), 61, true), (Some(0), 0, false)];
        // A source without the table: what is found comes from the cache.
        let source = MemoryConnector::new();
        for (max_age, seconds, is_believed) in cases {
            let (cache, name) = known(max_age, Duration::from_secs(seconds));
            let found = cache.get("c", &source, &name).await.is_ok();
            assert_eq!(found, is_believed, "{max_age:?} after {seconds} s");
            cache.clear();
            assert!(cache.get("c", &source, &name).await.is_err());
        }
    }
}
