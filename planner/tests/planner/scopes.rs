//! What the scans of one query share at a source, and for how long.

use crate::support::{Wrapped, Wrapper, batch, engine, memory};
use arrow::array::Int64Array;
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _};
use headwater_core::{BatchStream, Connector, MemoryConnector, Result, ScanContext, Split};
use headwater_planner::{Engine, PushdownMode};
use std::sync::{Arc, Mutex, Weak};

/// What a source keeps while a query lasts.
struct Moment;

/// Remembers each read's number of scans and moment, without keeping the moment alive.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<(usize, Weak<Moment>)>>);

impl std::fmt::Debug for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Moment")
    }
}

#[derive(Debug)]
struct Watched(MemoryConnector, Arc<Seen>);

#[async_trait]
impl Wrapper for Watched {
    fn source(&self) -> &MemoryConnector {
        &self.0
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let moment = context.scope.get_or_init(|| Moment);
        self.1.0.lock().unwrap().push((context.scope.scans(), Arc::downgrade(&moment)));
        self.0.read(split, context).await
    }
}

fn watched() -> (Engine, [Arc<Seen>; 2]) {
    let numbers = || vec![batch(vec![("n", Arc::new(Int64Array::from_iter_values(0..100)) as _)])];
    let seen = [Arc::new(Seen::default()), Arc::new(Seen::default())];
    let source = |seen: &Arc<Seen>| -> Arc<dyn Connector> {
        Arc::new(Wrapped(Watched(memory(vec![("t", numbers()), ("u", numbers())]), Arc::clone(seen))))
    };
    (engine(vec![("a", source(&seen[0])), ("b", source(&seen[1]))], PushdownMode::Auto), seen)
}

#[tokio::test]
async fn scans_of_one_catalog_share_a_scope_that_ends_with_the_last_batch() {
    let (engine, [a, b]) = watched();
    let sql = "SELECT n FROM a.main.t UNION ALL SELECT n FROM a.main.u UNION ALL SELECT n FROM b.main.t";
    let query = engine.plan(sql).await.unwrap();
    let mut batches = query.execute().unwrap();
    let mut rows = 0;
    while let Some(batch) = batches.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 300);
    let of_a: Vec<_> = a.0.lock().unwrap().drain(..).collect();
    let of_b: Vec<_> = b.0.lock().unwrap().drain(..).collect();
    assert_eq!((of_a.len(), of_b.len()), (2, 1));
    assert!(of_a.iter().all(|(scans, _)| *scans == 2) && of_b[0].0 == 1);
    assert!(Weak::ptr_eq(&of_a[0].1, &of_a[1].1), "one moment for both");
    // The query and its stream are still there, but nothing is kept at the source.
    assert!(of_a[0].1.upgrade().is_none() && of_b[0].1.upgrade().is_none());
    drop((query, batches));
}

#[tokio::test]
async fn a_stream_that_is_dropped_ends_it_too() {
    let (engine, [a, _]) = watched();
    let query = engine.plan("SELECT n FROM a.main.t UNION ALL SELECT n FROM a.main.u").await.unwrap();
    let mut batches = query.execute().unwrap();
    batches.next().await.unwrap().unwrap();
    let kept = Weak::clone(&a.0.lock().unwrap()[0].1);
    assert!(kept.upgrade().is_some());
    drop(batches);
    assert!(kept.upgrade().is_none());
}
