//! Reads a split: one answer at a time, from its text straight into Arrow columns.

mod call;
mod reader;
mod rows;

use crate::connect::{Connection, charge};
use call::Answer;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{BatchStream, Error, Result, ScanContext, SourceRequest, Split};
use reader::{Position, Reader};
use rows::{Page, Rows};
use std::sync::Arc;

/// Keys left by an answer this long are those beyond DynamoDB's 16 MB; by a shorter one, those beyond its capacity.
const FULL_ANSWER: usize = 15 << 20;

/// The rows of a split. Nothing is sent until the stream is polled, and nothing once it is dropped.
///
/// The next answer is asked for when the rows of the last one are taken: a reader that stops early has cost no capacity
/// for rows it never saw. What keeps the table busy meanwhile are the other splits.
///
/// # Errors
/// `Internal` when the split is not of this connector.
pub(crate) fn read(connection: Arc<Connection>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let SourceRequest::Operation { name, parameters } = &split.request else {
        return Err(Error::internal("a split of another connector reached the DynamoDB connector"));
    };
    let reader = Reader::new(name, parameters)?;
    let rows = Rows::new(split, context)?;
    let reading = Reading { connection, reader, rows, context: context.clone() };
    let pages = stream::try_unfold((reading, Some(Position::Start)), |(mut reading, position)| async move {
        let Some(position) = position.filter(|_| !reading.rows.are_enough()) else {
            return Ok::<_, Error>(None);
        };
        let (page, next) = reading.page(position).await?;
        Ok(Some((stream::iter(page.batches.into_iter().map(Ok)), (reading, next))))
    });
    Ok(pages.try_flatten().boxed())
}

/// A split being read.
struct Reading {
    connection: Arc<Connection>,
    reader: Reader,
    rows: Rows,
    context: ScanContext,
}

impl Reading {
    /// One answer, and where the next request starts; `None` at the end.
    async fn page(&mut self, position: Position) -> Result<(Page, Option<Position>)> {
        if let Some(pause) = position.pause() {
            tokio::time::sleep(pause).await;
            self.context.metrics.add_throttle_wait(pause);
            self.context.metrics.add_retries(1);
        }
        let Answer { text, leave } = call::answer(&self.connection, &self.reader, &position, &self.context).await?;
        let config = self.connection.config();
        let mut page = self.rows.read(&text, &self.reader).map_err(|flaw| {
            let error = flaw.into_error(&config.catalog, self.reader.table(), self.rows.schema());
            error.with_context("operation", self.reader.operation().to_owned())
        })?;
        let facts = std::mem::take(&mut page.facts);
        if !facts.left.is_empty() && text.len() < FULL_ANSWER {
            leave.throttled();
        }
        let units = facts.capacity.unwrap_or_default();
        leave.settle(units);
        charge(&self.context, units, config.limits.units_per_query)?;
        let next = position.next(facts, page.items, &config.place())?;
        Ok((page, next))
    }
}
