//! One batch in the making.

use crate::convert::{Column, Decoding, Misfit};
use crate::protocol::{ColumnDefinition, Rows};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use headwater_core::{Error, ErrorKind, Result, ScanContext};
use headwater_sql::Room;

pub(super) struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<Box<dyn Column>>,
    /// The Arrow bytes of a row, without those of its texts.
    per_row: usize,
    rows: usize,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
    /// Rows that are still wanted.
    wanted: u64,
}

impl BatchBuilder {
    /// For values that arrive as `definitions` say.
    pub(super) fn new(
        schema: SchemaRef,
        decodings: &[Decoding],
        definitions: &[ColumnDefinition],
        context: &ScanContext,
        limit: Option<u64>,
    ) -> Self {
        let columns = decodings.iter().zip(definitions);
        Self {
            schema,
            columns: columns.map(|(decoding, definition)| decoding.column(*definition)).collect(),
            per_row: decodings.iter().map(|decoding| decoding.width()).sum(),
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

    /// What the batch can still take.
    pub(super) fn room(&self) -> Room {
        let rows = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(self.max_rows - self.rows);
        Room { rows, bytes: self.max_bytes.saturating_sub(self.bytes), per_row: self.per_row }
    }

    /// Appends rows, no more than there is room for. A statement that selects no column selects a constant instead,
    /// which is left.
    pub(super) fn append(&mut self, mut rows: Rows<'_>) -> Result<()> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            let appended = column.append(&mut rows, index);
            self.bytes += appended.map_err(|misfit| of_column(&self.schema, index, misfit))?;
        }
        if !self.columns.is_empty() && !rows.are_read() {
            return Err(Error::new(ErrorKind::Corrupt, "the server sent a row that is longer than its columns"));
        }
        self.rows += rows.len();
        self.wanted = self.wanted.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// The rows so far; `None` if there are none.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter_mut().enumerate() {
            arrays.push(column.finish().map_err(|misfit| of_column(&self.schema, index, misfit))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), arrays, &options);
        // What is left to go wrong: NULL in a column that was NOT NULL when the table was planned.
        batch.map(Some).map_err(|e| {
            Error::new(ErrorKind::SchemaMismatch, format!("a row does not fit the planned columns: {e}"))
                .with_hint("the table may have been altered since it was planned; try again")
        })
    }
}

fn of_column(schema: &SchemaRef, index: usize, misfit: Misfit) -> Error {
    misfit.into_error(schema.fields().get(index).map_or("?", |field| field.name()))
}
