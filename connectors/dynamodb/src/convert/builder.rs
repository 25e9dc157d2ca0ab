//! Items into Arrow columns, value by value, without rows in between.
//!
//! ```text
//! RowBuilder        a batch of a table
//! └ Columns         one per attribute, found by name; also the fields of a nested map
//!   └ Column        what one of them has so far: a leaf, a map with Columns, a list with a Column
//! ```
//! [`crate::decode`] drives it from the text of an answer, `typed.rs` from the SDK's values.

mod column;
mod columns;
mod leaf;
mod typed;

pub(crate) use column::{Column, Shape};
pub(crate) use columns::Columns;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use headwater_core::{Error, Result};
use std::sync::Arc;

/// Collects items of one table into a batch of a schema.
#[derive(Debug)]
pub(crate) struct RowBuilder {
    schema: SchemaRef,
    columns: Columns,
    bytes: usize,
}

impl RowBuilder {
    /// # Errors
    /// `Internal` for a schema that no table of ours has.
    pub(crate) fn new(schema: SchemaRef) -> Result<Self> {
        let columns = Columns::new(schema.fields())?;
        Ok(Self { schema, columns, bytes: 0 })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn rows(&self) -> usize {
        self.columns.rows()
    }

    /// About how many decoded bytes there are so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the values of an item go; then [`end_row`](Self::end_row) makes a row of them.
    pub(crate) fn columns(&mut self) -> &mut Columns {
        &mut self.columns
    }

    /// Ends an item whose values took so many bytes. A column that it gave no value is NULL.
    pub(crate) fn end_row(&mut self, bytes: usize) {
        self.bytes += bytes + self.columns.end_row();
    }

    /// The batch so far; the builder starts anew.
    ///
    /// # Errors
    /// `Internal` if Arrow rejects the columns.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows()));
        self.bytes = 0;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), self.columns.finish(), &options)
            .map_err(|error| Error::internal(format!("a batch of DynamoDB items: {error}")))
    }
}
