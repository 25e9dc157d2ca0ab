//! From a split to batches.

mod batch;
mod csv;
pub(crate) mod header;
mod int96;
pub(crate) mod json;
mod nan;
mod pages;
pub(crate) mod parquet;
mod piece;
mod statistics;
mod unpack;

use crate::config::Root;
use crate::connect::{Chunks, Connection, FileStore};
use crate::listing::{FileEntry, Format, Packing, kind_of};
use crate::plan::{Piece, ReadDetail, pieces_of};
use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{BatchStream, Error, Result, ScanContext, ScanMetrics, Split};
use serde::Deserialize;
use std::sync::Arc;

/// What reading a file needs to know beside the file.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) connection: Arc<Connection>,
    pub(crate) detail: ReadDetail,
    pub(crate) schema: arrow::datatypes::SchemaRef,
    pub(crate) context: ScanContext,
}

/// The rows of a split, file after file.
pub(crate) fn read(connection: Arc<Connection>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let detail = ReadDetail::deserialize(&split.detail)
        .map_err(|error| Error::internal(format!("this split is not one of ours: {error}")))?;
    let pieces = pieces_of(&split.request)?;
    let (metrics, limit) = (Arc::clone(&context.metrics), split.limit);
    let task = Arc::new(Task { connection, detail, schema: Arc::clone(&split.schema), context: context.clone() });
    let batches = stream::iter(pieces).map(Ok).and_then(move |piece| read_piece(Arc::clone(&task), piece, limit));
    let counted = batch::limited(batches.try_flatten().boxed(), limit).inspect_ok(move |batch: &RecordBatch| {
        metrics.add_batch(batch.num_rows() as u64, batch::decoded_bytes(batch));
    });
    Ok(counted.boxed())
}

async fn read_piece(task: Arc<Task>, piece: Piece, limit: Option<u64>) -> Result<BatchStream> {
    let store = task.file(&piece).await?;
    let batches = match task.detail.layout.format {
        Format::Parquet => parquet::read(Arc::clone(&task), store, piece, limit).await?,
        Format::Csv => csv::read(Arc::clone(&task), store, piece).await?,
        Format::Json => json::read(Arc::clone(&task), store, piece).await?,
    };
    let context = task.context.clone();
    let cut = move |batch| stream::iter(batch::cut(batch, &context).into_iter().map(Ok));
    Ok(batches.map_ok(cut).try_flatten().boxed())
}

impl Task {
    async fn file(&self, piece: &Piece) -> Result<FileStore> {
        let metrics = Some(&self.context.metrics);
        self.connection.file(&self.detail.root, &piece.path, piece.etag.as_deref(), metrics).await
    }

    /// The columns that the file's own rows give, out of those of the answer.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &arrow::datatypes::FieldRef> {
        self.schema.fields().iter().filter(|field| !self.detail.is_partition(field.name()))
    }
}

/// The text of a file, unpacked, without a byte-order mark; of a file that is not packed also a range.
pub(crate) async fn open_text(
    connection: &Connection,
    root: &Root,
    file: &FileEntry,
    range: Option<std::ops::Range<u64>>,
    metrics: Option<&Arc<ScanMetrics>>,
) -> Result<Chunks> {
    let store = connection.file(root, &file.path, file.etag.as_deref(), metrics).await?;
    text_of(store, file.file_name(), range.unwrap_or(0..file.size))
}

/// As [`open_text`], of a store that is open.
fn text_of(store: FileStore, file_name: &str, range: std::ops::Range<u64>) -> Result<Chunks> {
    let (begins, name) = (range.start == 0, store.name().to_owned());
    let stored = store.chunks(range);
    let text = match kind_of(file_name)?.packing {
        Packing::Plain => stored,
        packing => unpack::unpacked(stored, packing, name),
    };
    // Some of these streams must not be asked again after their end.
    Ok(if begins { without_mark(text) } else { text }.fuse().boxed())
}

/// By this some programs mark UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Drops the three bytes by which some programs mark UTF-8.
fn without_mark(text: Chunks) -> Chunks {
    let begun = async move {
        let mut text = text.fuse();
        let mut head = text.try_next().await?.unwrap_or_else(|| Buffer::from(Vec::<u8>::new()));
        // A chunk may be shorter than the mark.
        while head.len() < MARK.len() {
            let Some(chunk) = text.try_next().await? else { break };
            head = Buffer::from([head.as_slice(), chunk.as_slice()].concat());
        }
        let head = if head.starts_with(MARK) { head.slice(MARK.len()) } else { head };
        Ok::<_, Error>(stream::iter([Ok(head)]).chain(text))
    };
    stream::once(begun).try_flatten().boxed()
}

/// A value that does not fit its column.
fn misfit(place: &str, field: &arrow::datatypes::FieldRef, value: &str, kind: &str) -> Error {
    let message = format!("{place}: column {} has {value}, which does not fit {kind}", field.name());
    let hint = "declare the column's type in `[catalogs.NAME.tables.TABLE.columns]`, for example as \"text\", or raise \
                the catalog's option sample_size so that more is read to learn the types";
    Error::new(headwater_core::ErrorKind::SchemaMismatch, message).with_hint(hint)
}
