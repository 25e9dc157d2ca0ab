//! Answers into batches.

use super::reader::Reader;
use crate::convert::RowBuilder;
use crate::decode::{Facts, Flaw, item, page};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use headwater_core::{Result, ScanContext, Split};
use std::sync::Arc;

/// The rows of a split, within the limits of the split and of the context.
#[derive(Debug)]
pub(super) struct Rows {
    builder: RowBuilder,
    context: ScanContext,
    /// How many more rows are wanted.
    left: u64,
    /// Full ones.
    batches: Vec<RecordBatch>,
}

/// What an answer came to.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) batches: Vec<RecordBatch>,
    /// Items in the answer, wanted or not.
    pub(super) items: u64,
    pub(super) facts: Facts,
}

impl Rows {
    /// # Errors
    /// `Internal` for a schema that no table of ours has.
    pub(super) fn new(split: &Split, context: &ScanContext) -> Result<Self> {
        let builder = RowBuilder::new(Arc::clone(&split.schema))?;
        let left = split.limit.unwrap_or(u64::MAX);
        Ok(Self { builder, context: context.clone(), left, batches: Vec::new() })
    }

    /// The columns.
    pub(super) fn schema(&self) -> &Schema {
        self.builder.schema()
    }

    /// Whether no more rows are wanted.
    pub(super) fn are_enough(&self) -> bool {
        self.left == 0
    }

    /// Reads an answer. All of its rows are in the batches.
    ///
    /// # Errors
    /// Text that is no answer, and values that do not fit their columns.
    pub(super) fn read(&mut self, answer: &[u8], reader: &Reader) -> Result<Page, Flaw> {
        let mut items = 0;
        let facts = page(answer, |json| {
            items += 1;
            if self.are_enough() {
                return Ok(json.skip()?);
            }
            item(json, &mut self.builder)?;
            Ok(self.row_done()?)
        })?;
        if reader.counts() {
            // A counted answer has no items; its rows have no columns.
            for _ in 0..facts.count.unwrap_or_default().min(self.left) {
                self.builder.end_row(0);
                self.row_done()?;
            }
        }
        if self.builder.rows() > 0 {
            self.finish()?;
        }
        Ok(Page { batches: std::mem::take(&mut self.batches), items, facts })
    }

    fn row_done(&mut self) -> Result<()> {
        self.left -= 1;
        let full = self.builder.rows() >= self.context.max_batch_rows.max(1)
            || self.builder.bytes() > self.context.max_batch_bytes;
        if full { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<()> {
        let (rows, bytes) = (self.builder.rows() as u64, self.builder.bytes() as u64);
        self.batches.push(self.builder.finish()?);
        self.context.metrics.add_batch(rows, bytes);
        Ok(())
    }
}
