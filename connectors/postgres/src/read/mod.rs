//! The rows of one split: `COPY … TO STDOUT (FORMAT binary)`, decoded straight into Arrow builders.
//!
//! ```text
//! server ─▶ socket ─▶ driver (a few rows ahead) ─▶ Tuples (one unfinished row) ─▶ BatchBuilder (one batch) ─▶ caller
//! ```
//!
//! Nothing runs ahead of the caller beyond that: when nobody asks for a batch, the server waits.

mod batch;
mod shape;
mod tuples;

use crate::PostgresConfig;
use crate::connect::Connections;
use crate::error::from_driver;
use crate::lease::Lease;
use crate::plan::SplitDetail;
use crate::snapshot;
use arrow::array::RecordBatch;
use batch::BatchBuilder;
use futures::{StreamExt as _, stream};
use headwater_core::{BatchStream, Error, Result, Retry, ScanContext, ScanMetrics, SourceRequest, Split};
use serde::Deserialize as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use tokio_postgres::CopyOutStream;
use tuples::Tuples;

/// Sends the split's statement; the first rows may not have come yet when this returns.
pub(crate) async fn read(connections: &Arc<Connections>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let SourceRequest::Sql(sql) = &split.request else {
        return Err(Error::internal("a split of another connector reached the postgres connector"));
    };
    let detail = SplitDetail::deserialize(&split.detail)
        .map_err(|e| Error::internal(format!("this split is another connector's: {e}")))?;
    let batch = BatchBuilder::new(Arc::clone(&split.schema), &detail.decodings, context, split.limit);
    let started = Instant::now();
    let lease = snapshot::begin(connections, &detail, context).await?;
    // Sent together: one round trip. The first locks the table's shape until the transaction ends.
    let checked = shape::check(lease.client(), &detail, &split.schema, connections.config());
    let (checked, copy) = tokio::join!(checked, lease.client().copy_out(sql.as_str()));
    context.metrics.add_request(started.elapsed());
    checked?;
    let copy = Box::pin(copy.map_err(|error| from_driver(error, connections.config()))?);
    let reader = Reader {
        connections: Arc::clone(connections),
        metrics: Arc::clone(&context.metrics),
        copying: Some(Copying { copy, lease }),
        tuples: Tuples::default(),
        batch,
        yielded: false,
    };
    Ok(stream::unfold(Some(reader), step).boxed())
}

struct Reader {
    connections: Arc<Connections>,
    metrics: Arc<ScanMetrics>,
    /// Gone when all is read, or after an error.
    copying: Option<Copying>,
    tuples: Tuples,
    batch: BatchBuilder,
    /// Whether a batch has left: from then on a repeated read would give rows twice.
    yielded: bool,
}

/// Dropped before its end, the lease cancels the statement.
struct Copying {
    copy: Pin<Box<CopyOutStream>>,
    lease: Lease,
}

/// The next batch. Nothing follows an error.
async fn step(reader: Option<Reader>) -> Option<(Result<RecordBatch>, Option<Reader>)> {
    let mut reader = reader?;
    match reader.next_batch().await {
        Ok(Some(batch)) => {
            reader.yielded = true;
            reader.metrics.add_batch(count(batch.num_rows()), count(batch.get_array_memory_size()));
            Some((Ok(batch), Some(reader)))
        }
        Ok(None) => None,
        Err(error) if reader.yielded => Some((Err(error.with_retry(Retry::No)), None)),
        Err(error) => Some((Err(error), None)),
    }
}

impl Reader {
    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.batch.is_full() {
            if self.tuples.decode_into(&mut self.batch)? {
                break;
            }
            if !self.receive().await? {
                break;
            }
        }
        self.batch.finish()
    }

    /// Whether there was more.
    async fn receive(&mut self) -> Result<bool> {
        if self.batch.is_done() {
            self.copying = None;
        }
        let Some(copying) = &mut self.copying else { return Ok(false) };
        match copying.copy.next().await {
            Some(Ok(chunk)) => {
                self.metrics.add_wire_bytes(count(chunk.len()));
                self.tuples.receive(&chunk);
                Ok(true)
            }
            Some(Err(error)) => Err(from_driver(error, self.config())),
            None => self.end().await.map(|()| false),
        }
    }

    async fn end(&mut self) -> Result<()> {
        self.tuples.check_end()?;
        let Some(Copying { copy, lease }) = self.copying.take() else { return Ok(()) };
        drop(copy);
        lease.finish(self.config()).await
    }

    fn config(&self) -> &PostgresConfig {
        self.connections.config()
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
