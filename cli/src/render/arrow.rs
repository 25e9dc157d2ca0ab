//! The Arrow IPC stream format.

use super::{Output, Renderer, failed};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use headwater_core::Result;

pub(super) struct Arrow<'a> {
    writer: StreamWriter<&'a mut Output>,
}

impl<'a> Arrow<'a> {
    pub(super) fn new(schema: &SchemaRef, output: &'a mut Output) -> Result<Self> {
        Ok(Self { writer: StreamWriter::try_new(output, schema).map_err(failed)? })
    }
}

impl Renderer for Arrow<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(failed)?;
        self.writer.flush().map_err(failed)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish().map_err(failed)
    }
}
