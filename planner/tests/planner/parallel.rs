//! How many splits are read at once.

use crate::support::{Wrapped, Wrapper, answer, batch, engine, memory};
use arrow::array::Int64Array;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use headwater_core::{
    BatchStream, Connector, Error, JoinKeys, KeyDecision, MemoryConnector, Result, ScanContext, ScanPlan, Split, Splits,
};
use headwater_planner::PushdownMode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;

const KEYS: i64 = 8;

/// Makes a split of each key and each batch, none of which is read before all are under way.
#[derive(Debug)]
struct Gathering {
    source: MemoryConnector,
    all: Barrier,
}

#[async_trait]
impl Wrapper for Gathering {
    fn source(&self) -> &MemoryConnector {
        &self.source
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        let keys = keys.expect("the join has keys");
        let mut splits = Vec::new();
        for tuple in &keys.tuples {
            let one = JoinKeys::new(keys.columns.clone(), vec![tuple.clone()]);
            let of_key = self.source.splits(plan, Some(&one), context).await?;
            splits.extend(of_key.stream.collect::<Vec<_>>().await);
        }
        Ok(Splits { keys: KeyDecision::Used { keys: keys.tuples.len() as u64 }, stream: stream::iter(splits).boxed() })
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let gathered = tokio::time::timeout(Duration::from_secs(20), self.all.wait()).await;
        gathered.map_err(|_| Error::internal("the other splits never came"))?;
        self.source.read(split, context).await
    }
}

/// A plan of few requests says nothing of how many splits keys make of them.
#[tokio::test]
async fn splits_of_keys_are_read_together() {
    let rows = |numbers: std::ops::Range<i64>| batch(vec![("k", Arc::new(Int64Array::from_iter_values(numbers)) as _)]);
    let many = memory(vec![("many", vec![rows(0..500), rows(500..1_000)])]);
    let gathering = Wrapped(Gathering { source: many, all: Barrier::new(2 * KEYS as usize) });
    let few = memory(vec![("few", vec![rows(0..KEYS)])]);
    let engine = engine(vec![("a", Arc::new(few)), ("b", Arc::new(gathering))], PushdownMode::Auto);
    let (rows, ledger) = answer(&engine, "SELECT m.k FROM a.main.few f JOIN b.main.many m ON f.k = m.k").await;
    assert_eq!(rows.len(), KEYS as usize, "{ledger}");
}
