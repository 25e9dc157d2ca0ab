//! One batch in the making.

use super::tuples::{corrupt, next_field};
use crate::convert::{Column, Decoding};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use headwater_core::{Error, ErrorKind, Result, ScanContext};

pub(super) struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<Box<dyn Column>>,
    rows: usize,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
    /// Rows that are still wanted.
    wanted: u64,
}

impl BatchBuilder {
    pub(super) fn new(schema: SchemaRef, decodings: &[Decoding], context: &ScanContext, limit: Option<u64>) -> Self {
        Self {
            schema,
            columns: decodings.iter().map(|decoding| decoding.column()).collect(),
            rows: 0,
            bytes: 0,
            max_rows: context.max_batch_rows.max(1),
            max_bytes: context.max_batch_bytes,
            wanted: limit.unwrap_or(u64::MAX),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.max_rows || self.bytes > self.max_bytes || (self.is_done() && self.rows > 0)
    }

    /// Whether the split's limit is reached.
    pub(super) fn is_done(&self) -> bool {
        self.wanted == 0
    }

    /// The column of a field, counted from 0.
    pub(super) fn column_name(&self, field: usize) -> Option<&str> {
        self.schema.fields().get(field).map(|field| field.name().as_str())
    }

    /// Appends a row of `count` fields.
    pub(super) fn append(&mut self, count: usize, mut fields: &[u8]) -> Result<()> {
        if self.is_done() {
            return Ok(());
        }
        if count != self.columns.len() {
            return Err(corrupt("a row with another number of fields than the statement has columns"));
        }
        for (column, field) in self.columns.iter_mut().zip(self.schema.fields()) {
            let value = next_field(&mut fields)?;
            self.bytes += column.append(value).map_err(|misfit| misfit.into_error(field.name()))?;
        }
        self.rows += 1;
        self.wanted -= 1;
        Ok(())
    }

    /// The rows so far; `None` if there are none.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let columns = self.columns.iter_mut().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| column.finish().map_err(|misfit| misfit.into_error(field.name())));
        let columns = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), columns, &options);
        // What is left to go wrong: NULL in a column that was NOT NULL when the table was planned.
        batch.map(Some).map_err(|e| {
            Error::new(ErrorKind::SchemaMismatch, format!("a row does not fit the planned columns: {e}"))
                .with_hint("the table may have been altered since it was planned; try again")
        })
    }
}
