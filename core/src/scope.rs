//! What lives as long as a query.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// One query's time with one catalog: where a connector keeps what all scans of the query share, such as a snapshot.
///
/// The engine makes one per query and catalog, hands it to every call in
/// [`ScanContext::scope`](crate::ScanContext::scope), and ends it when the query's last batch was taken, when its
/// stream is dropped, or when the query itself is.
///
/// ```
/// use headwater_core::QueryScope;
///
/// let scope = QueryScope::default();
/// let first = scope.get_or_init(|| String::from("made once"));
/// assert_eq!(*scope.get_or_init(|| String::from("never made")), *first);
/// scope.end();
/// assert_eq!(std::sync::Arc::strong_count(&first), 1, "the scope let go of it");
/// ```
#[derive(Default)]
pub struct QueryScope {
    scans: AtomicUsize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    ended: bool,
    values: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl fmt::Debug for QueryScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryScope").field("scans", &self.scans()).finish_non_exhaustive()
    }
}

impl QueryScope {
    /// The one value of this type, made by `init` if there is none yet. `init` must not block, nor use the scope.
    ///
    /// After the end it is the caller's alone.
    pub fn get_or_init<T: Send + Sync + 'static>(&self, init: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.values.get(&TypeId::of::<T>()).map(Arc::clone);
        if let Some(found) = found.and_then(|value| value.downcast::<T>().ok()) {
            return found;
        }
        let made = Arc::new(init());
        if !kept.ended {
            kept.values.insert(TypeId::of::<T>(), Arc::clone(&made) as _);
        }
        made
    }

    /// Counts a scan of the query. The engine's to call, before any scan is read.
    pub fn add_scan(&self) {
        self.scans.fetch_add(1, Relaxed);
    }

    /// How many scans of the query read this catalog. 0: nobody said.
    pub fn scans(&self) -> usize {
        self.scans.load(Relaxed)
    }

    /// Lets go of all values. What a scan still holds itself lives on with it.
    pub fn end(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.ended = true;
        let values = std::mem::take(&mut kept.values);
        // Dropped without the lock: what a value does then is its own affair.
        drop(kept);
        drop(values);
    }
}
