//! The rows of one split: `COPY … TO STDOUT (FORMAT binary)`, decoded straight into Arrow builders.
//!
//! ```text
//! server ─▶ socket ─▶ driver (a few rows ahead) ─▶ Tuples (one unfinished row) ─▶ BatchBuilder (one batch) ─▶ caller
//! ```
//!
//! Nothing runs ahead of the caller beyond that: when nobody asks for a batch, the server waits. A row is held whole,
//! by the driver and then in the batch; one of more than `max_row_bytes` ends the read with an error.

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
use arrow::datatypes::SchemaRef;
use batch::BatchBuilder;
use futures::{StreamExt as _, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result, Retry, ScanContext, SourceRequest, Split};
use serde::Deserialize as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::CopyOutStream;
use tuples::{TooLarge, Tuples};

/// How long to wait before a statement is sent again whose connection broke before a batch had left.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(2)];

/// Sends the split's statement; the first rows may not have come yet when this returns.
pub(crate) async fn read(connections: &Arc<Connections>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let SourceRequest::Sql(sql) = &split.request else {
        return Err(Error::internal("a split of another connector reached the postgres connector"));
    };
    let detail = SplitDetail::deserialize(&split.detail)
        .map_err(|e| Error::internal(format!("this split is another connector's: {e}")))?;
    let asked = Asked {
        connections: Arc::clone(connections),
        sql: sql.clone(),
        schema: Arc::clone(&split.schema),
        limit: split.limit,
        context: context.clone(),
        detail,
    };
    let (mut sent, mut retries) = (asked.send().await, 0);
    while let Err(error) = &sent {
        if !asked.pause_after(error, &mut retries).await {
            break;
        }
        sent = asked.send().await;
    }
    let reader = Reader {
        copying: Some(sent?),
        tuples: asked.tuples(),
        batch: asked.batch(),
        asked,
        wire_bytes: 0,
        retries,
        yielded: false,
    };
    Ok(stream::unfold(Some(reader), step).boxed())
}

/// All that it takes to send a statement, once or again.
struct Asked {
    connections: Arc<Connections>,
    sql: String,
    schema: SchemaRef,
    limit: Option<u64>,
    context: ScanContext,
    detail: SplitDetail,
}

impl Asked {
    async fn send(&self) -> Result<Copying> {
        let (config, started) = (self.connections.config(), Instant::now());
        let lease = snapshot::begin(&self.connections, &self.detail, &self.context).await?;
        // Sent together: one round trip. The first locks the table's shape until the transaction ends.
        let checked = shape::check(lease.client(), &self.detail, &self.schema, config);
        let (checked, copy) = tokio::join!(checked, lease.client().copy_out(self.sql.as_str()));
        self.context.metrics.add_request(started.elapsed());
        checked?;
        Ok(Copying { copy: Box::pin(copy.map_err(|error| from_driver(error, config))?), lease })
    }

    /// Whether to send the statement again after an error, which is then counted and waited for.
    async fn pause_after(&self, error: &Error, retries: &mut usize) -> bool {
        let broke = error.kind() == ErrorKind::Unavailable && error.retry() == Retry::Now;
        let Some(pause) = PAUSES.get(*retries).filter(|_| broke) else { return false };
        *retries += 1;
        self.context.metrics.add_retries(1);
        tokio::time::sleep(*pause).await;
        true
    }

    fn tuples(&self) -> Tuples {
        Tuples::new(self.connections.config().max_row_bytes)
    }

    fn batch(&self) -> BatchBuilder {
        BatchBuilder::new(Arc::clone(&self.schema), &self.detail.decodings, &self.context, self.limit)
    }
}

struct Reader {
    asked: Asked,
    /// Gone when all is read, or after an error.
    copying: Option<Copying>,
    tuples: Tuples,
    batch: BatchBuilder,
    /// Received and not counted yet.
    wire_bytes: usize,
    /// How often the statement was sent again.
    retries: usize,
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
    match reader.batch_or_again().await {
        Ok(Some(batch)) => {
            reader.yielded = true;
            let metrics = &reader.asked.context.metrics;
            metrics.add_batch(count(batch.num_rows()), count(batch.get_array_memory_size()));
            Some((Ok(batch), Some(reader)))
        }
        Ok(None) => None,
        Err(error) if reader.yielded => Some((Err(error.with_retry(Retry::No)), None)),
        Err(error) => Some((Err(error), None)),
    }
}

impl Reader {
    /// The next batch. Where the connection broke before the first, the statement is sent again: nobody has seen a row.
    async fn batch_or_again(&mut self) -> Result<Option<RecordBatch>> {
        let mut outcome = self.next_batch().await;
        while let Err(error) = &outcome {
            if self.yielded || !self.asked.pause_after(error, &mut self.retries).await {
                break;
            }
            self.copying = None;
            outcome = match self.asked.send().await {
                Ok(copying) => {
                    (self.tuples, self.batch) = (self.asked.tuples(), self.asked.batch());
                    self.copying = Some(copying);
                    self.next_batch().await
                }
                Err(error) => Err(error),
            };
        }
        outcome
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.batch.is_full() {
            if self.tuples.decode_into(&mut self.batch)? {
                break;
            }
            if !self.receive().await? {
                break;
            }
        }
        self.asked.context.metrics.add_wire_bytes(count(std::mem::take(&mut self.wire_bytes)));
        self.batch.finish()
    }

    fn too_large(&self, row: &TooLarge) -> Error {
        let mib = |bytes: usize| bytes.div_ceil(1 << 20);
        let (found, most) = (mib(row.bytes), mib(self.config().max_row_bytes));
        let column = self.batch.column_name(row.field).unwrap_or("?");
        let message = format!("a row of {found} MiB, most of it in column {column}, where max_row_bytes is {most} MiB");
        Error::new(ErrorKind::LimitExceeded, message)
            .with_hint("leave the column out of the statement, or raise the catalog's max_row_bytes")
    }

    /// Whether there was more.
    async fn receive(&mut self) -> Result<bool> {
        if self.batch.is_done() {
            self.copying = None;
        }
        let Some(copying) = &mut self.copying else { return Ok(false) };
        match copying.copy.next().await {
            Some(Ok(message)) => {
                self.wire_bytes += message.len();
                self.tuples.receive(message).map_err(|row| self.too_large(&row))?;
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
        match self.asked.detail.foreign {
            true => lease.finish_for_good(self.config()).await,
            false => lease.finish(self.config()).await,
        }
    }

    fn config(&self) -> &PostgresConfig {
        self.asked.connections.config()
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
