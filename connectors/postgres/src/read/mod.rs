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
use crate::error::{broken_read, from_driver};
use crate::lease::Lease;
use crate::plan::SplitDetail;
use crate::snapshot;
use crate::wire::{NoRows, TooLarge, Tuples};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use batch::BatchBuilder;
use futures::future::{Either, FutureExt as _, select};
use futures::{Stream as _, StreamExt as _, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result, Retry, ScanContext, SourceRequest, Split};
use serde::Deserialize as _;
use std::future::poll_fn;
use std::pin::{Pin, pin};
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
        let (checked, copy) = self.begin(&lease).await;
        self.context.metrics.add_request(started.elapsed());
        checked?;
        let copy = Box::pin(copy.map_err(|error| from_driver(error, config))?);
        Ok(Copying { copy, ended: None, lease })
    }

    /// The check of the columns' types, and the statement: sent together, in one round trip. The first locks the table's
    /// shape until the transaction ends.
    async fn begin(&self, lease: &Lease) -> (Result<()>, Result<CopyOutStream, tokio_postgres::Error>) {
        lease.rows().clear();
        let checked = pin!(shape::check(lease.client(), &self.detail, &self.schema, self.connections.config()));
        let copy = pin!(lease.client().copy_out(self.sql.as_str()));
        match select(checked, copy).await {
            Either::Left((checked, copy)) => (checked, copy.await),
            // The server answers in order. Whoever still asks when the rows have begun asks the server for a type that
            // the driver does not know, and would wait for the rows' end: no column is planned with such a type.
            Either::Right((copy, checked)) => (checked.now_or_never().unwrap_or_else(|| Err(shape::altered())), copy),
        }
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
    ended: Option<Ended>,
    lease: Lease,
}

/// How `copy` ended.
enum Ended {
    Well,
    Failed(tokio_postgres::Error),
    /// A row went to the driver, and is missing.
    Astray,
}

impl Copying {
    /// Puts more into `tuples`, or says how it ended.
    fn poll_more(&mut self, context: &mut Context<'_>, tuples: &mut Tuples) -> Poll<Option<Ended>> {
        if self.ended.is_none() {
            self.ended = match self.copy.as_mut().poll_next(context) {
                Poll::Pending => None,
                Poll::Ready(None) => Some(Ended::Well),
                Poll::Ready(Some(Err(error))) => Some(Ended::Failed(error)),
                Poll::Ready(Some(Ok(_))) => Some(Ended::Astray),
            };
        }
        // What came before the end comes first.
        if let Poll::Ready(chunk) = self.lease.rows().poll_next(context, tuples.chunk()) {
            *tuples.chunk() = chunk;
            return Poll::Ready(None);
        }
        self.ended.take().map_or(Poll::Pending, |ended| Poll::Ready(Some(ended)))
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
        let most = self.config().max_row_bytes;
        let (unit, name) = if most < 1 << 20 { (1 << 10, "KiB") } else { (1 << 20, "MiB") };
        // One up, the other down: they differ.
        let (found, most) = (row.bytes.div_ceil(unit), most / unit);
        let column = self.batch.column_name(row.field).unwrap_or("?");
        let message =
            format!("a row of {found} {name}, most of it in column {column}, where max_row_bytes is {most} {name}");
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
            None => {
                self.wire_bytes += self.tuples.chunk().len();
                Ok(true)
            }
            Some(Ended::Well) => self.end().await.map(|()| false),
            Some(Ended::Astray) => Err(corrupt("a row that was not taken for one")),
            Some(Ended::Failed(error)) => Err(broken_read(error, self.config())),
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
