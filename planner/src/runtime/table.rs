//! `system.runtime.scans`: the log as a table.

use super::{RunLog, ScanRow};
use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use headwater_core::{
    BatchStream, Connector, Error, JoinKeys, KeyDecision, NameStream, Result, ScanContext, ScanPlan, ScanRequest,
    SourceRequest, Split, Splits, TableKind, TableMetadata, TableName,
};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const SCHEMA: &str = "runtime";
const SCANS: &str = "scans";

/// The engine's own tables, read from its memory.
#[derive(Debug)]
pub(crate) struct RuntimeConnector {
    log: Arc<RunLog>,
}

impl RuntimeConnector {
    pub(crate) fn new(log: Arc<RunLog>) -> Self {
        Self { log }
    }
}

fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let count = |name| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![
        text("query_id"),
        text("catalog"),
        text("connector"),
        text("table"),
        text("state"),
        count("requests"),
        count("retries"),
        count("rows"),
        count("wire_bytes"),
        Field::new("read_units", DataType::Decimal128(18, 3), false),
        count("throttle_wait_ms"),
        Field::new("started", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        Field::new("elapsed_ms", DataType::Int64, true),
    ]))
}

fn batch(rows: &[ScanRow]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&ScanRow) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let count = |of: fn(&ScanRow) -> u64| {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| whole(of(row))))) as ArrayRef
    };
    let units = Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(row.stats.milli_capacity)));
    let started = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| micros(row.started)));
    let elapsed: Int64Array = rows.iter().map(|row| row.elapsed.map(|elapsed| whole(millis(elapsed)))).collect();
    let columns = vec![
        text(|row| &row.query_id),
        text(|row| &row.catalog),
        text(|row| &row.connector),
        text(|row| &row.table),
        text(|row| row.state.label()),
        count(|row| row.stats.requests),
        count(|row| row.stats.retries),
        count(|row| row.stats.rows),
        count(|row| row.stats.wire_bytes),
        Arc::new(units.with_precision_and_scale(18, 3)?),
        count(|row| millis(row.stats.throttle_wait)),
        Arc::new(started.with_timezone("UTC")),
        Arc::new(elapsed),
    ];
    RecordBatch::try_new(schema(), columns)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Connector for RuntimeConnector {
    fn list_schemas(&self) -> NameStream<'_, String> {
        stream::iter([Ok(SCHEMA.to_owned())]).boxed()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        let listed = match schema {
            SCHEMA => Ok(TableName::new(SCHEMA, SCANS)),
            _ => Err(Error::not_found(format!("schema {schema} not found"))),
        };
        stream::iter([listed]).boxed()
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        if *name != TableName::new(SCHEMA, SCANS) {
            return Err(Error::not_found(format!("table {name} not found")));
        }
        let mut table = TableMetadata::new(name.clone(), schema());
        table.kind = TableKind::View;
        Ok(table)
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let read = SourceRequest::Operation { name: "ReadScans".to_owned(), parameters: serde_json::Value::Null };
        ScanPlan::whole_table(table, request, vec![read])
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        let decision = match keys {
            None => KeyDecision::NotOffered,
            Some(keys) => {
                let reason = "the table is small".to_owned();
                KeyDecision::Declined { keys: keys.count(), reason }
            }
        };
        let schema = Arc::clone(&plan.schema);
        let splits = plan.requests.clone().into_iter().map(move |request| Ok(Split::new(Arc::clone(&schema), request)));
        Ok(Splits { keys: decision, stream: stream::iter(splits).boxed() })
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let internal = |error: ArrowError| Error::internal(error.to_string());
        let rows = self.log.rows();
        context.metrics.add_request(Duration::ZERO);
        let most = context.max_batch_rows.max(1);
        let batches = rows.chunks(most).map(|rows| projected(&batch(rows)?, &split.schema));
        let batches: Vec<_> = batches.map(|batch| batch.map_err(internal)).collect();
        for batch in batches.iter().flatten() {
            context.metrics.add_batch(batch.num_rows() as u64, batch.get_array_memory_size() as u64);
        }
        Ok(stream::iter(batches).boxed())
    }
}

fn projected(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let found = batch.schema();
    let indices = schema.fields().iter().map(|field| found.index_of(field.name())).collect::<Result<Vec<_>, _>>()?;
    let columns = indices.iter().map(|index| Arc::clone(batch.column(*index))).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}
