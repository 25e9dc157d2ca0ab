//! A file's items into batches.
//!
//! ```text
//! store ──pieces, 1 waiting, 1 fetched──▶ thread: MD5, gzip, lines, columns ──2 batches waiting──▶ reader
//! ```
//! Unpacking is work for a thread of its own. Dropping the reader ends both.

use super::lines::Lines;
use super::pieces::download;
use super::place::Place;
use super::{Item, ReadFile};
use crate::connect::Connection;
use crate::convert::RowBuilder;
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{BatchStream, Error, Result, ScanContext, Split};
use std::sync::Arc;
use tokio::sync::mpsc;

const BATCHES_WAITING: usize = 2;

/// The first items of a file. Its end is only looked at if it comes.
pub(super) async fn first_items(connection: &Arc<Connection>, file: ReadFile, most: usize) -> Result<Vec<Item>> {
    let place = Place::open(connection, &file.export).await?;
    let (pieces, _download) = download(Arc::clone(connection), place, file.file.path.clone(), None);
    let catalog = connection.config().catalog.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut lines = Lines::new(file, &catalog, pieces);
        std::iter::from_fn(|| lines.next_item().transpose()).take(most).collect()
    });
    read.await.map_err(|error| Error::internal(error.to_string()))?
}

/// The rows of a file, as a split has them. Nothing is fetched before the stream is polled.
pub(super) fn rows(connection: Arc<Connection>, file: ReadFile, split: &Split, context: &ScanContext) -> BatchStream {
    let (split, context) = (split.clone(), context.clone());
    let begin = async move {
        let builder = RowBuilder::new(Arc::clone(&split.schema))?;
        let place = Place::open(&connection, &file.export).await?;
        let catalog = connection.config().catalog.clone();
        let metrics = Some(Arc::clone(&context.metrics));
        let (pieces, download) = download(connection, place, file.file.path.clone(), metrics);
        let (sender, receiver) = mpsc::channel(BATCHES_WAITING);
        drop(tokio::task::spawn_blocking(move || {
            let lines = Lines::new(file, &catalog, pieces);
            Unpacking { lines, builder, split, context, sender }.run();
        }));
        let batches = stream::try_unfold((receiver, download), |(mut receiver, download)| async move {
            // A thread that ended otherwise than by saying so has not read everything.
            let next =
                receiver.recv().await.unwrap_or_else(|| Err(Error::internal("unpacking an export broke off")))?;
            Ok(next.map(|batch| (batch, (receiver, download))))
        });
        Ok::<_, Error>(batches)
    };
    stream::once(begin).try_flatten().boxed()
}

/// Makes batches of items until there are no more, or nobody wants them.
struct Unpacking {
    lines: Lines,
    builder: RowBuilder,
    split: Split,
    context: ScanContext,
    /// `None` is the end.
    sender: mpsc::Sender<Result<Option<RecordBatch>>>,
}

impl Unpacking {
    fn run(mut self) {
        let end = self.batches().map(|()| None);
        // Nobody there to be told: then nobody needs to know.
        let _ = self.sender.blocking_send(end);
    }

    fn batches(&mut self) -> Result<()> {
        let mut left = self.split.limit.unwrap_or(u64::MAX);
        while left > 0 && self.lines.next_row(&mut self.builder)? {
            left -= 1;
            let full = self.builder.rows() >= self.context.max_batch_rows.max(1)
                || self.builder.bytes() > self.context.max_batch_bytes;
            if full && !self.send()? {
                return Ok(());
            }
        }
        if self.builder.rows() > 0 {
            self.send()?;
        }
        Ok(())
    }

    /// Whether anybody took it.
    fn send(&mut self) -> Result<bool> {
        let (rows, bytes) = (self.builder.rows() as u64, self.builder.bytes() as u64);
        let batch = self.builder.finish()?;
        self.context.metrics.add_batch(rows, bytes);
        Ok(self.sender.blocking_send(Ok(Some(batch))).is_ok())
    }
}
