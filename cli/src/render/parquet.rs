//! Parquet, compressed with Snappy, which every reader knows.

use super::{Output, Renderer, failed, write_failed};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_core::Result;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// A row group is closed at this many encoded bytes: what a reader loads at once, and what is held here.
const ROW_GROUP_BYTES: usize = 64 << 20;

pub(super) struct Parquet<'a> {
    writer: ArrowWriter<&'a mut Output>,
}

impl<'a> Parquet<'a> {
    pub(super) fn new(schema: &SchemaRef, output: &'a mut Output) -> Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(output, SchemaRef::clone(schema), Some(properties));
        Ok(Self { writer: writer.map_err(not_written)? })
    }
}

impl Renderer for Parquet<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(not_written)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush().map_err(not_written)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.close().map(drop).map_err(not_written)
    }
}

fn not_written(error: ParquetError) -> headwater_core::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(reason) => write_failed(&reason),
            Err(other) => failed(arrow::error::ArrowError::ParquetError(other.to_string())),
        },
        other => failed(arrow::error::ArrowError::ParquetError(other.to_string())),
    }
}
