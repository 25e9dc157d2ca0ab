//! Parquet: row groups and pages that may hold a wanted row, and of these the wanted columns.

use super::nan::one_nan;
use super::statistics::group_ranges;
use super::{Task, batch, int96, pages};
use crate::connect::FileStore;
use crate::convert::union::{plain, united};
use crate::error::parquet_error;
use crate::plan::{Piece, prune};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{FieldRef, Schema, TimeUnit};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection};
use parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use std::ops::Range;
use std::sync::Arc;

/// The end of a file that is fetched at first: most footers are shorter.
const FOOTER_GUESS: usize = 64 << 10;

/// A file as Arrow's reader wants it.
#[derive(Debug, Clone)]
pub(crate) struct ParquetFile {
    store: FileStore,
    size: u64,
}

/// The error of the store, for `parquet_error` to find again.
fn passed_on(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for ParquetFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move { self.store.range(range).await.map_err(passed_on) }.boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { self.store.ranges(&ranges).await.map_err(passed_on) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let mut reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(FOOTER_GUESS));
        if let Some(options) = options {
            reader = reader
                .with_column_index_policy(options.column_index_policy())
                .with_offset_index_policy(options.offset_index_policy());
        }
        let size = self.size;
        async move { reader.load_and_finish(self, size).await.map(Arc::new) }.boxed()
    }
}

/// Reads the footer; with `pages` also where the pages are and what they hold.
pub(crate) async fn open(store: &FileStore, size: u64, pages: bool) -> Result<(ParquetFile, ArrowReaderMetadata)> {
    if size < 12 {
        return Err(crate::error::corrupt(store.name(), "Parquet", "it is too short to be one"));
    }
    let mut reader = ParquetFile { store: store.clone(), size };
    let policy = if pages { PageIndexPolicy::Optional } else { PageIndexPolicy::Skip };
    let options = || ArrowReaderOptions::new().with_page_index_policy(policy);
    let fail = |error: ParquetError| parquet_error(&error, store.name(), store.place());
    let metadata = ArrowReaderMetadata::load_async(&mut reader, options()).await.map_err(fail)?;
    let metadata = match int96::schema_in(TimeUnit::Microsecond, &metadata) {
        None => metadata,
        Some(schema) => ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options().with_schema(schema))
            .map_err(fail)?,
    };
    Ok((reader, metadata))
}

/// Where the bytes of a row group begin.
pub(crate) fn group_start(group: &RowGroupMetaData) -> u64 {
    group.columns().iter().map(|column| column.byte_range().0).min().unwrap_or_default()
}

/// The rows of the row groups that begin within the piece's range.
pub(super) async fn read(task: Arc<Task>, store: FileStore, piece: Piece, limit: Option<u64>) -> Result<BatchStream> {
    let with_pages = !task.detail.predicate.is_empty();
    let (reader, metadata) = open(&store, piece.size, with_pages).await?;
    let schema = Arc::clone(metadata.schema());
    check_columns(&task, &schema, &store)?;
    let groups = wanted_groups(&task, &metadata, &piece)?;
    let constants = task.detail.constants(&piece)?;
    let roots: Vec<usize> = task
        .wanted()
        .filter_map(|wanted| schema.fields().iter().position(|field| field.name() == wanted.name()))
        .collect();
    if roots.is_empty() {
        return Ok(counted(task, &metadata, &groups, constants));
    }
    let old = int96::wanted(&task, &metadata, store.name())?;
    let selection = pages::selection(&task, &metadata, &groups, &piece)?;
    let rows = batch_rows(&task, &metadata, &groups);
    let chosen = Chosen { groups, selection, rows, limit };
    let batches = match int96::schema_in(TimeUnit::Nanosecond, &metadata).filter(|_| !old.is_empty()) {
        None => chosen.batches(reader, metadata, roots, store.clone())?,
        Some(schema) => {
            let options = ArrowReaderOptions::new().with_schema(schema);
            let in_nanos = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
                .map_err(|error| parquet_error(&error, store.name(), store.place()))?;
            let nanos = chosen.batches(reader.clone(), in_nanos, old, store.clone())?;
            let (batches, file) = (chosen.batches(reader, metadata, roots, store.clone())?, store.name().to_owned());
            let checked = batches.zip(nanos).map(move |(batch, nanos)| {
                let batch = batch?;
                int96::check(&batch, &nanos?, &file).map(|()| batch)
            });
            checked.boxed()
        }
    };
    let fit = move |batch: Result<RecordBatch>| fitted(&task, &batch?, &constants, store.name());
    Ok(batches.map(fit).boxed())
}

/// The rows of a file that are read.
struct Chosen {
    groups: Vec<usize>,
    selection: Option<RowSelection>,
    /// Rows of a batch.
    rows: usize,
    limit: Option<u64>,
}

impl Chosen {
    /// These columns of the rows, as they are in the file.
    fn batches(
        &self,
        reader: ParquetFile,
        metadata: ArrowReaderMetadata,
        roots: Vec<usize>,
        store: FileStore,
    ) -> Result<BatchStream> {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
        let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata)
            .with_projection(mask)
            .with_row_groups(self.groups.clone())
            .with_batch_size(self.rows);
        if let Some(selection) = &self.selection {
            builder = builder.with_row_selection(selection.clone());
        }
        if let Some(limit) = self.limit {
            builder = builder.with_limit(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        let stream = builder.build().map_err(|error| parquet_error(&error, store.name(), store.place()))?;
        let batches = stream.map(move |batch| batch.map_err(|e| parquet_error(&e, store.name(), store.place())));
        Ok(batches.boxed())
    }
}

/// A file may lack columns of the table; one that the table lacks must not vanish.
fn check_columns(task: &Task, schema: &Schema, store: &FileStore) -> Result<()> {
    task.detail.check_known(schema.fields().iter().map(|field| field.name().as_str()), store.name())?;
    for wanted in task.wanted() {
        let Ok(field) = schema.field_with_name(wanted.name()) else { continue };
        if united(&plain(field.data_type()), wanted.data_type()).as_ref() != Some(wanted.data_type()) {
            let (name, is, kind) = (wanted.name(), field.data_type(), wanted.data_type());
            let message = format!("{}: column {name} is {is}, which does not fit {kind}", store.name());
            return Err(Error::new(ErrorKind::SchemaMismatch, message)
                .with_hint("raise the catalog's option sample_files, so that this file is looked at for the schema"));
        }
    }
    Ok(())
}

/// The row groups of the piece that may hold a row for which the predicate is true.
fn wanted_groups(task: &Task, metadata: &ArrowReaderMetadata, piece: &Piece) -> Result<Vec<usize>> {
    let (start, end) = piece.range.unwrap_or((0, u64::MAX));
    let constants = task.detail.constant_values(piece)?;
    let mut wanted = Vec::new();
    for (index, group) in metadata.metadata().row_groups().iter().enumerate() {
        if !(start..end).contains(&group_start(group)) || group.num_rows() == 0 {
            continue;
        }
        let ranges = group_ranges(metadata, group, &task.detail, &constants);
        if task.detail.predicate.iter().all(|part| prune::may_match(part, &|column| ranges.get(column).cloned())) {
            wanted.push(index);
        }
    }
    Ok(wanted)
}

/// Rows without columns of the file: the footer counts them.
fn counted(
    task: Arc<Task>,
    metadata: &ArrowReaderMetadata,
    groups: &[usize],
    constants: Vec<(String, ArrayRef)>,
) -> BatchStream {
    let most = task.context.max_batch_rows.max(1) as u64;
    let rows = |group: &usize| metadata.metadata().row_groups().get(*group).map_or(0, RowGroupMetaData::num_rows);
    let rows: u64 = groups.iter().map(rows).filter_map(|rows| u64::try_from(rows).ok()).sum();
    let batches = stream::unfold(rows, move |left| async move {
        let rows = left.min(most);
        (rows > 0).then(|| (rows, left - rows))
    });
    batches
        .map(move |rows| {
            let rows = usize::try_from(rows).map_err(|_| Error::internal("more rows than fit in memory"))?;
            batch::assembled(&task.schema, rows, &[], &constants)
        })
        .boxed()
}

/// How many rows about fill a batch.
fn batch_rows(task: &Task, metadata: &ArrowReaderMetadata, groups: &[usize]) -> usize {
    let rows_of = |group: &RowGroupMetaData| u64::try_from(group.num_rows()).unwrap_or_default();
    let bytes_of = |group: &RowGroupMetaData| u64::try_from(group.total_byte_size()).unwrap_or_default();
    let groups = groups.iter().filter_map(|group| metadata.metadata().row_groups().get(*group));
    let (rows, bytes) = groups.fold((0, 0), |(rows, bytes), group| (rows + rows_of(group), bytes + bytes_of(group)));
    let bytes_per_row = bytes.checked_div(rows).unwrap_or_default().max(1);
    let affordable = usize::try_from(task.context.max_batch_bytes as u64 / bytes_per_row).unwrap_or(usize::MAX);
    affordable.clamp(1, task.context.max_batch_rows.max(1))
}

/// The batch with the table's types, the columns that the file lacks, and those of its path.
fn fitted(task: &Task, batch: &RecordBatch, constants: &[(String, ArrayRef)], file: &str) -> Result<RecordBatch> {
    let mut own = Vec::with_capacity(batch.num_columns());
    for wanted in task.wanted() {
        let Some(column) = batch.column_by_name(wanted.name()) else { continue };
        own.push((wanted, one_nan(&cast(column, wanted, file)?)?));
    }
    batch::assembled(&task.schema, batch.num_rows(), &own, constants)
}

fn cast(column: &ArrayRef, wanted: &FieldRef, file: &str) -> Result<ArrayRef> {
    if column.data_type() == wanted.data_type() {
        return Ok(Arc::clone(column));
    }
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, wanted.data_type(), &exact).map_err(|error| {
        let message =
            format!("{file}: column {} has a value that does not fit {}: {error}", wanted.name(), wanted.data_type());
        Error::new(ErrorKind::SchemaMismatch, message)
    })
}
