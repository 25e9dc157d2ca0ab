//! The rows of one split: `COPY … TO STDOUT (FORMAT binary)`, decoded straight into Arrow builders.
//!
//! ```text
//! server ─▶ socket ─▶ three chunks of 128 KiB ─▶ Tuples ─▶ BatchBuilder (one batch) ─▶ caller
//! ```
//!
//! Nothing runs ahead of the caller beyond that: when nobody asks for a batch, the server waits. A row is held whole,
//! as it arrived and then in the batch; one of more than `max_row_bytes` ends the read with an error.

mod batch;
mod shape;

use crate::PostgresConfig;
use crate::connect::Connections;
use crate::error::from_driver;
use crate::lease::Lease;
use crate::plan::SplitDetail;
use crate::snapshot;
use crate::wire::{NoRows, TooLarge, Tuples};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use batch::BatchBuilder;
use futures::{Stream as _, StreamExt as _, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result, Retry, ScanContext, SourceRequest, Split};
use serde::Deserialize as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio_postgres::CopyOutStream;

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
        lease.rows().clear();
        let (checked, copy) = tokio::join!(checked, lease.client().copy_out(self.sql.as_str()));
        self.context.metrics.add_request(started.elapsed());
        checked?;
        let copy = Box::pin(copy.map_err(|error| from_driver(error, config))?);
        Ok(Copying { copy, ended: None, lease })
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
        Tuples::new(self.detail.decodings.len(), self.connections.config().max_row_bytes)
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
    /// All of the answer but its rows.
    copy: Pin<Box<CopyOutStream>>,
    ended: Option<Result<(), tokio_postgres::Error>>,
    lease: Lease,
}

impl Copying {
    /// Puts more into `tuples`; `None` at the end.
    fn poll_more(
        &mut self,
        context: &mut Context<'_>,
        tuples: &mut Tuples,
    ) -> Poll<Option<Result<(), tokio_postgres::Error>>> {
        if self.ended.is_none() {
            self.ended = match self.copy.as_mut().poll_next(context) {
                Poll::Pending => None,
                Poll::Ready(None) => Some(Ok(())),
                Poll::Ready(Some(item)) => Some(item.map(drop)),
            };
        }
        // What came before the end comes first.
        if let Poll::Ready(chunk) = self.lease.rows().poll_next(context, tuples.chunk()) {
            *tuples.chunk() = chunk;
            return Poll::Ready(Some(Ok(())));
        }
        match self.ended.take() {
            None => Poll::Pending,
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
        }
    }
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
            if self.decode()? == 0 && !self.receive().await? {
                break;
            }
        }
        self.asked.context.metrics.add_wire_bytes(count(std::mem::take(&mut self.wire_bytes)));
        self.batch.finish()
    }

    /// Decodes what has come and there is room for; how many rows.
    fn decode(&mut self) -> Result<usize> {
        match self.tuples.rows(self.batch.room()) {
            Ok(rows) => {
                let count = rows.len();
                self.batch.append(rows).map(|()| count)
            }
            Err(NoRows::Malformed(malformed)) => Err(corrupt(malformed.0)),
            Err(NoRows::TooLarge(row)) => Err(self.too_large(&row)),
        }
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
        let tuples = &mut self.tuples;
        match poll_fn(|context| copying.poll_more(context, tuples)).await {
            Some(Ok(())) => {
                self.wire_bytes += self.tuples.chunk().len();
                Ok(true)
            }
            Some(Err(error)) => Err(from_driver(error, self.config())),
            None => self.end().await.map(|()| false),
        }
    }

    async fn end(&mut self) -> Result<()> {
        if !self.tuples.has_ended() {
            return Err(corrupt("rows that stop before their end mark"));
        }
        let Some(Copying { copy, lease, .. }) = self.copying.take() else { return Ok(()) };
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

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the server sent {what}"))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
