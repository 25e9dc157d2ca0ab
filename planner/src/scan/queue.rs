//! The splits of a scan, read by all of its partitions.

use super::ask::{Piece, PieceStream};
use crate::error::from_engine;
use crate::keys::KeyRange;
use crate::ledger::{SHOWN_REQUESTS, ScanRecord};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use headwater_core::{BatchStream, Connector, Error, ErrorKind, Result};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Mutex, OnceCell};

/// Splits not yet taken, shared by all partitions of a scan: an idle one takes the next.
pub(super) struct Queue {
    pub(super) pieces: Mutex<PieceStream>,
    /// How many splits there are, if the plan says so and there are several.
    pub(super) planned: Option<usize>,
    pub(super) started: Instant,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("started", &self.started).finish_non_exhaustive()
    }
}

pub(super) fn take_pieces(queue: Arc<OnceCell<Queue>>, record: Arc<ScanRecord>) -> BoxStream<'static, Result<Piece>> {
    stream::unfold((queue, record), |(queue, record)| async move {
        let ready = queue.get()?;
        let piece = ready.pieces.lock().await.next().await;
        match &piece {
            Some(Ok(piece)) => record.update(|run| {
                record.context.metrics.add_split();
                run.sent_count += 1;
                if run.sent.len() < SHOWN_REQUESTS {
                    run.sent.push(piece.split.request.clone());
                }
            }),
            // The last split may still be read: its end sets the time again.
            Some(Err(_)) | None => record.update(|run| run.elapsed = Some(ready.started.elapsed())),
        }
        piece.map(|piece| (piece, (queue, record)))
    })
    .boxed()
}

pub(super) fn read_piece(
    connector: Arc<dyn Connector>,
    record: Arc<ScanRecord>,
    started: Instant,
    Piece { split, range }: Piece,
) -> BatchStream {
    let done = Arc::clone(&record);
    let promised = Arc::clone(&record.plan.schema);
    let batches = async move { connector.read(&split, &record.context).await };
    let finished = stream::once(async move {
        done.context.metrics.finish_split();
        done.update(|run| run.elapsed = Some(started.elapsed()));
        Ok::<_, Error>(None)
    });
    let batches = stream::once(batches).try_flatten();
    let batches = batches.map(move |batch| check(batch?, &promised, range.as_ref()).map(Some)).chain(finished);
    batches.try_filter_map(|batch| async move { Ok(batch) }).boxed()
}

/// Refuses a batch that breaks the connector's promise before it can change an answer; of the others, the rows that
/// count.
fn check(batch: RecordBatch, promised: &SchemaRef, range: Option<&KeyRange>) -> Result<RecordBatch> {
    let same = batch.num_columns() == promised.fields().len()
        && batch.schema().fields().iter().zip(promised.fields()).all(|(a, b)| a.data_type() == b.data_type());
    if !same {
        let message = format!("the connector promised columns [{promised}] and sent [{}]", batch.schema());
        return Err(Error::new(ErrorKind::SchemaMismatch, message));
    }
    match range {
        None => Ok(batch),
        Some(range) => range.keep(&batch).map_err(from_engine),
    }
}
