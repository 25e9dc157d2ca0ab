//! Batches as Flight messages, with a note on each and the end mark on the last.

use crate::status::to_status;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::FlightData;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoder, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use futures::StreamExt;
use headwater_core::wire::ReadNote;
use headwater_core::{BatchStream, Error, ErrorKind, Result, ScanMetrics, WIRE_VERSION};
use std::sync::Arc;
use tonic::Status;

/// Callers take messages up to 256 MiB; the rest is room for what is around the data.
const LARGEST: usize = (256 << 20) - (1 << 16);

/// The Flight messages of a read.
pub(crate) struct Encoder {
    data: FlightDataEncoder,
    schema: SchemaRef,
    metrics: Arc<ScanMetrics>,
}

impl Encoder {
    pub(crate) fn new(batches: BatchStream, schema: SchemaRef, metrics: Arc<ScanMetrics>) -> Self {
        let batches = batches.map(|batch| {
            let compacted = batch.and_then(|batch| compacted(&batch));
            compacted.map_err(|error| FlightError::Tonic(Box::new(to_status(&error))))
        });
        let data = FlightDataEncoderBuilder::new()
            .with_schema(Arc::clone(&schema))
            .with_dictionary_handling(DictionaryHandling::Resend)
            // Connectors bound their batches already, by the caller's own limits.
            .with_max_flight_data_size(usize::MAX)
            .build(batches);
        Self { data, schema, metrics }
    }

    /// The next message, or `None` at the end of the split.
    pub(crate) async fn message(&mut self) -> Option<Result<FlightData, Status>> {
        Some(match self.data.next().await? {
            Ok(data) if data.data_body.len() > LARGEST => Err(to_status(&too_large(data.data_body.len()))),
            // The schema comes first, when there is nothing to tell yet.
            Ok(data) if data.data_body.is_empty() => Ok(data),
            Ok(data) => self.noted(data, false).map_err(|error| to_status(&error)),
            Err(FlightError::Tonic(status)) => Err(*status),
            Err(error) => Err(to_status(&Error::internal(format!("a batch: {error}")))),
        })
    }

    /// What says that all of the split has been sent. A batch without rows carries it, which every client can read.
    pub(crate) fn end(&self) -> Result<Vec<FlightData>> {
        let mut messages = self.empty_batch().map_err(|error| Error::internal(format!("the end mark: {error}")))?;
        let last = messages.pop().ok_or_else(|| Error::internal("the end mark has no message"))?;
        messages.push(self.noted(last, true)?);
        Ok(messages)
    }

    /// A batch without rows, after its dictionaries.
    fn empty_batch(&self) -> Result<Vec<FlightData>, ArrowError> {
        let (generator, options) = (IpcDataGenerator::default(), IpcWriteOptions::default());
        let mut dictionaries = DictionaryTracker::new(false);
        // Numbers the dictionaries. The schema itself was sent already.
        generator.schema_to_bytes_with_dictionary_tracker(&self.schema, &mut dictionaries, &options);
        let empty = RecordBatch::new_empty(Arc::clone(&self.schema));
        let (before, batch) = generator.encode(&empty, &mut dictionaries, &options, &mut IpcWriteContext::default())?;
        Ok(before.into_iter().chain([batch]).map(FlightData::from).collect())
    }

    fn noted(&self, data: FlightData, end: bool) -> Result<FlightData> {
        let note = ReadNote { version: WIRE_VERSION, counted: Some(self.metrics.snapshot().into()), end };
        let note = serde_json::to_vec(&note).map_err(|error| Error::internal(error.to_string()))?;
        Ok(data.with_app_metadata(note))
    }
}

fn too_large(bytes: usize) -> Error {
    let message = format!("a row takes {} MiB, more than the {} MiB of a message", bytes >> 20, LARGEST >> 20);
    Error::new(ErrorKind::LimitExceeded, message).with_hint("leave the large column out, or read the source directly")
}

/// Without the parts of view arrays' buffers that no row uses: they would all be sent, again with each batch.
fn compacted(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => Arc::clone(column),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns.collect(), &options)
        .map_err(|error| Error::internal(format!("a batch: {error}")))
}
