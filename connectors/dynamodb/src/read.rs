//! Reads a split: one page at a time, from the response straight into Arrow columns.

mod call;

use crate::connect::Connection;
use crate::convert::RowBuilder;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use call::{Page, Position, Reader};
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{BatchStream, Error, Result, ScanContext, SourceRequest, Split};
use std::sync::Arc;

/// The rows of a split. Nothing is sent until the stream is polled, and nothing once it is dropped.
///
/// # Errors
/// `Internal` when the split is not of this connector.
pub(crate) fn read(connection: Arc<Connection>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let SourceRequest::Operation { name, parameters } = &split.request else {
        return Err(Error::internal("a split of another connector reached the DynamoDB connector"));
    };
    let reader = Reader::new(name, parameters)?;
    let rows = Rows {
        schema: Arc::clone(&split.schema),
        left: split.limit.unwrap_or(u64::MAX),
        context: context.clone(),
        connection,
    };
    let pages = stream::try_unfold((reader, rows, Some(Position::Start)), |(reader, mut rows, position)| async move {
        let Some(position) = position.filter(|_| rows.left > 0) else {
            return Ok::<_, Error>(None);
        };
        let (page, next) = reader.page(&rows.connection, position, &rows.context).await?;
        let batches = rows.batches(reader.table(), page)?;
        Ok(Some((stream::iter(batches.into_iter().map(Ok)), (reader, rows, next))))
    });
    Ok(pages.try_flatten().boxed())
}

/// What is the same for every page of a split.
struct Rows {
    schema: SchemaRef,
    /// How many more rows are wanted.
    left: u64,
    context: ScanContext,
    connection: Arc<Connection>,
}

impl Rows {
    /// A page as batches within the limits of the context.
    fn batches(&mut self, table: &str, page: Page) -> Result<Vec<RecordBatch>> {
        let mut builder = RowBuilder::new(Arc::clone(&self.schema), &self.connection.config().catalog, table)?;
        let (max_rows, max_bytes) = (self.context.max_batch_rows.max(1), self.context.max_batch_bytes);
        let mut batches = Vec::new();
        // A counted page has no items; its rows have no columns.
        let mut counted = page.count;
        let mut items = page.items.iter();
        while self.left > 0 {
            match (items.next(), counted) {
                (Some(item), _) => builder.push(item)?,
                (None, Some(count)) if count > 0 => {
                    builder.push(&std::collections::HashMap::new())?;
                    counted = Some(count - 1);
                }
                _ => break,
            }
            self.left -= 1;
            if builder.rows() >= max_rows || builder.bytes() > max_bytes {
                batches.push(self.finish(&mut builder)?);
            }
        }
        if builder.rows() > 0 {
            batches.push(self.finish(&mut builder)?);
        }
        Ok(batches)
    }

    fn finish(&self, builder: &mut RowBuilder) -> Result<RecordBatch> {
        let (rows, bytes) = (builder.rows() as u64, builder.bytes() as u64);
        let batch = builder.finish()?;
        self.context.metrics.add_batch(rows, bytes);
        Ok(batch)
    }
}
