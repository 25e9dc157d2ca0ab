//! Flight messages as batches, and the notes on them.

use crate::connect::Link;
use crate::error;
use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use futures::{Stream, StreamExt, stream};
use headwater_core::wire::{Counted, ReadNote};
use headwater_core::{Error, ErrorKind, Result, ScanMetrics};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::Streaming;

/// The batches of one read.
pub(crate) struct Decoder {
    link: Arc<Link>,
    batches: FlightDataDecoder,
    schema: SchemaRef,
    metrics: Arc<ScanMetrics>,
}

impl Decoder {
    pub(crate) fn new(
        messages: Streaming<FlightData>,
        link: Arc<Link>,
        schema: SchemaRef,
        metrics: Arc<ScanMetrics>,
        asked_at: Instant,
    ) -> Self {
        let account = Account { metrics: Arc::clone(&metrics), told: None, asked_at, bytes: 0, first_byte: None };
        let reader = Reader { link: Arc::clone(&link), messages, account, ended: false };
        Self { link, batches: FlightDataDecoder::new(reader.data()), schema, metrics }
    }

    /// The next batch with rows, or `None` once the server has said that this was all.
    pub(crate) async fn batch(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(decoded) = self.batches.next().await {
            match decoded.map_err(|error| self.failed(error))?.payload {
                DecodedPayload::Schema(schema) => self.expect_schema(&schema)?,
                DecodedPayload::RecordBatch(batch) if batch.num_rows() > 0 => {
                    let batch = self.promised(&batch)?;
                    self.metrics.add_batch(batch.num_rows() as u64, decoded_bytes(&batch));
                    return Ok(Some(batch));
                }
                DecodedPayload::RecordBatch(_) | DecodedPayload::None => {}
            }
        }
        Ok(None)
    }

    fn failed(&self, error: FlightError) -> Error {
        match error {
            FlightError::ExternalError(inner) => match inner.downcast::<Error>() {
                Ok(error) => *error,
                Err(other) => error::unexpected(other, &self.link.config),
            },
            FlightError::Tonic(status) => error::in_answer(&status, &self.link.config),
            other => error::unexpected(other, &self.link.config),
        }
    }

    fn expect_schema(&self, seen: &Schema) -> Result<()> {
        if seen.fields() == self.schema.fields() {
            return Ok(());
        }
        let message = format!("the server at {} sends other columns than planned", self.link.config.address());
        Err(Error::new(ErrorKind::SchemaMismatch, message)
            .with_hint("the table may have changed; run the statement again"))
    }

    /// The batch under the very schema of the plan.
    fn promised(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns().to_vec(), &options)
            .map_err(|error| error::unexpected(error, &self.link.config))
    }
}

fn decoded_bytes(batch: &RecordBatch) -> u64 {
    let bytes = |column: &Arc<dyn Array>| column.to_data().get_slice_memory_size().unwrap_or_default();
    batch.columns().iter().map(bytes).sum::<usize>() as u64
}

/// Takes the notes off the messages, and watches for the end.
struct Reader {
    link: Arc<Link>,
    messages: Streaming<FlightData>,
    account: Account,
    ended: bool,
}

impl Reader {
    fn data(self) -> impl Stream<Item = Result<FlightData, FlightError>> + Send + 'static {
        stream::try_unfold(self, |mut reader| async {
            let data = reader.next().await.map_err(|error| FlightError::ExternalError(Box::new(error)))?;
            Ok(data.map(|data| (data, reader)))
        })
    }

    /// The next message with Arrow data, or `None` after the end mark.
    async fn next(&mut self) -> Result<Option<FlightData>> {
        loop {
            let config = &self.link.config;
            let data = match self.messages.next().await {
                Some(Ok(data)) if !self.ended => data,
                Some(Ok(_)) => return Err(error::unexpected("data after the end mark", config)),
                Some(Err(status)) => return Err(error::in_answer(&status, config)),
                None if self.ended => {
                    self.account.close();
                    return Ok(None);
                }
                None => return Err(error::cut(config)),
            };
            self.account.received(&data);
            if !data.app_metadata.is_empty() {
                let note: ReadNote = self.link.parsed(&data.app_metadata)?;
                self.account.told(note.counted);
                self.ended = note.end;
            }
            if !data.data_header.is_empty() {
                return Ok(Some(data));
            }
        }
    }
}

/// What the read has cost: as the server tells, or, if it does not, as seen from here.
struct Account {
    metrics: Arc<ScanMetrics>,
    told: Option<Counted>,
    asked_at: Instant,
    bytes: u64,
    first_byte: Option<Duration>,
}

impl Account {
    fn received(&mut self, data: &FlightData) {
        self.first_byte.get_or_insert_with(|| self.asked_at.elapsed());
        self.bytes += (data.data_header.len() + data.data_body.len()) as u64;
    }

    fn told(&mut self, counted: Option<Counted>) {
        if let Some(counted) = counted {
            self.metrics.add_counted(counted.since(self.told.unwrap_or_default()));
            self.told = Some(counted);
        }
    }

    fn close(&self) {
        if self.told.is_none() {
            self.metrics.add_request(self.first_byte.unwrap_or_default());
            self.metrics.add_wire_bytes(self.bytes);
        }
    }
}
