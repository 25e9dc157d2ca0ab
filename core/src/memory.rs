//! Tables in memory: the smallest connector that uses everything the contract offers.

use crate::{
    AccessPath, Answer, BatchStream, Connector, Error, Expr, JoinKeys, KeyDecision, NameStream, Precision, Result,
    ScanContext, ScanPlan, ScanRequest, SourceRequest, Split, Splits, TableMetadata, TableName, Value, eval::passes,
};
use arrow::array::{Array, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Tables held as Arrow batches: for tests, for examples, and as a model to start from.
///
/// Each batch is a split. Filters are applied by [`eval`](crate::eval), which is what the operators mean.
#[derive(Debug, Clone, Default)]
pub struct MemoryConnector {
    tables: Arc<BTreeMap<TableName, (TableMetadata, Vec<RecordBatch>)>>,
}

/// What a split's request says: which batch, and which of its rows.
#[derive(Serialize, Deserialize)]
struct ReadBatch {
    table: TableName,
    batch: usize,
    request: ScanRequest,
    keys: Option<JoinKeys>,
}

impl MemoryConnector {
    /// Without tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more table; batches must not be empty of batches, as the first one gives the schema.
    ///
    /// # Errors
    /// `InvalidInput` when there is no batch, or the batches differ in schema.
    pub fn with_table(mut self, name: TableName, batches: Vec<RecordBatch>) -> Result<Self> {
        let invalid = |message: String| Error::new(crate::ErrorKind::InvalidInput, message);
        let Some(first) = batches.first() else {
            return Err(invalid(format!(
                "table {name} needs at least one batch, if only an empty one, for its schema"
            )));
        };
        if batches.iter().any(|batch| batch.schema() != first.schema()) {
            return Err(invalid(format!("the batches of table {name} differ in schema")));
        }
        let mut metadata = TableMetadata::new(name.clone(), first.schema());
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        // Nobody can change the batches: the one connector that may call its row count exact.
        metadata.row_count = Precision::Exact(rows as u64);
        Arc::make_mut(&mut self.tables).insert(name, (metadata, batches));
        Ok(self)
    }

    fn table(&self, name: &TableName) -> Result<&(TableMetadata, Vec<RecordBatch>)> {
        self.tables.get(name).ok_or_else(|| Error::not_found(format!("table {name} not found")))
    }

    fn requests(&self, request: &ScanRequest, keys: Option<&JoinKeys>) -> Result<Vec<SourceRequest>> {
        let crate::Relation::Table(name) = &request.relation else {
            return Err(Error::internal("the in-memory connector derives nothing"));
        };
        let (_, batches) = self.table(name)?;
        let read = |batch| {
            let read = ReadBatch { table: name.clone(), batch, request: request.clone(), keys: keys.cloned() };
            let parameters = serde_json::to_value(read).map_err(|e| Error::internal(e.to_string()))?;
            Ok(SourceRequest::Operation { name: "ReadBatch".to_owned(), parameters })
        };
        (0..batches.len()).map(read).collect()
    }
}

#[async_trait]
impl Connector for MemoryConnector {
    fn list_schemas(&self) -> NameStream<'_, String> {
        let names: std::collections::BTreeSet<_> = self.tables.keys().map(|name| name.schema.clone()).collect();
        stream::iter(names.into_iter().map(Ok)).boxed()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        let names: Vec<_> = self.tables.keys().filter(|name| name.schema == schema).cloned().map(Ok).collect();
        if names.is_empty() {
            let error = Error::not_found(format!("schema {schema} not found"));
            return stream::iter([Err(error)]).boxed();
        }
        stream::iter(names).boxed()
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        self.table(name).map(|(metadata, _)| metadata.clone())
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let schema = request.output_schema(table)?;
        expect_columns(table, &request.filters)?;
        let is_whole = request.filters.is_empty() && request.limit.is_none();
        let rows = if is_whole { table.row_count } else { table.row_count.to_inexact() };
        Ok(ScanPlan {
            filters: vec![Answer::Exact; request.filters.len()],
            limit: request.limit.map(|_| Answer::Inexact("each batch stops at the limit by itself".to_owned())),
            access: AccessPath::Scan,
            key_columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
            rows,
            ..ScanPlan::whole_table(table, request, self.requests(request, None)?)?
        })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        let decision = match keys {
            None => KeyDecision::NotOffered,
            Some(keys) => KeyDecision::Used { keys: keys.tuples.len() as u64 },
        };
        let requests = match keys {
            Some(keys) if keys.tuples.is_empty() => Vec::new(),
            _ => self.requests(&plan.request, keys)?,
        };
        let schema = Arc::clone(&plan.schema);
        let splits = requests.into_iter().map(move |request| Ok(Split::new(Arc::clone(&schema), request)));
        Ok(Splits { keys: decision, stream: stream::iter(splits).boxed() })
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let SourceRequest::Operation { parameters, .. } = &split.request else {
            return Err(Error::internal("a split of another connector reached the in-memory connector"));
        };
        let read = ReadBatch::deserialize(parameters).map_err(|e| Error::internal(e.to_string()))?;
        let (_, batches) = self.table(&read.table)?;
        let batch = batches.get(read.batch).ok_or_else(|| Error::internal("split names a batch that is not there"))?;
        context.metrics.add_request(Duration::ZERO);
        let batch = select(batch, &read)?;
        let pieces = pieces(&batch, context);
        let metrics = Arc::clone(&context.metrics);
        let count = move |batch: &RecordBatch| {
            metrics.add_batch(batch.num_rows() as u64, batch.get_array_memory_size() as u64);
        };
        Ok(stream::iter(pieces.into_iter().map(Ok)).inspect_ok(count).boxed())
    }
}

fn expect_columns(table: &TableMetadata, filters: &[Expr]) -> Result<()> {
    let mut unknown = None;
    for filter in filters {
        filter.visit_columns(&mut |name| {
            if table.schema.index_of(name).is_err() {
                unknown.get_or_insert(name);
            }
        });
    }
    match unknown {
        Some(name) => Err(Error::not_found(format!("column {name} not found in {}", table.name))),
        None => Ok(()),
    }
}

/// Filters, limits and projects one batch, in that order.
fn select(batch: &RecordBatch, read: &ReadBatch) -> Result<RecordBatch> {
    let keep = (0..batch.num_rows()).map(|row| Some(wanted(batch, row, read)));
    let arrow = |error: arrow::error::ArrowError| Error::internal(error.to_string());
    let mut kept = filter_record_batch(batch, &BooleanArray::from_iter(keep)).map_err(arrow)?;
    if let Some(limit) = read.request.limit {
        let rows = usize::try_from(limit).unwrap_or(usize::MAX).min(kept.num_rows());
        kept = kept.slice(0, rows);
    }
    let Some(projection) = &read.request.projection else { return Ok(kept) };
    let schema = kept.schema();
    let indices = projection.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>().map_err(arrow)?;
    let columns = indices.iter().map(|index| Arc::clone(kept.column(*index))).collect();
    let projected = Arc::new(schema.project(&indices).map_err(arrow)?);
    let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
    RecordBatch::try_new_with_options(projected, columns, &options).map_err(arrow)
}

fn wanted(batch: &RecordBatch, row: usize, read: &ReadBatch) -> bool {
    let value = |name: &str| batch.column_by_name(name).map_or(Value::Null, |column| Value::seen(column, row));
    read.request.filters.iter().all(|filter| passes(filter, &value))
        && read.keys.as_ref().is_none_or(|keys| {
            let tuple: Vec<Value> = keys.columns.iter().map(|name| value(name)).collect();
            keys.tuples
                .iter()
                .any(|key| key.iter().zip(&tuple).all(|(a, b)| a.compare(b) == Some(std::cmp::Ordering::Equal)))
        })
}

fn pieces(batch: &RecordBatch, context: &ScanContext) -> Vec<RecordBatch> {
    let (max_rows, max_bytes) = (context.max_batch_rows.max(1), context.max_batch_bytes);
    let mut pieces = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    let is_small = decoded_bytes(batch) <= max_bytes;
    for end in 1..=batch.num_rows() {
        if !is_small {
            bytes += decoded_bytes(&batch.slice(end - 1, 1));
        }
        if end - start == max_rows || bytes > max_bytes || end == batch.num_rows() {
            pieces.push(batch.slice(start, end - start));
            (start, bytes) = (end, 0);
        }
    }
    pieces
}

/// What the rows of this batch take, whatever else is in the buffers they are a part of.
fn decoded_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().filter_map(|column| column.to_data().get_slice_memory_size().ok()).sum()
}
