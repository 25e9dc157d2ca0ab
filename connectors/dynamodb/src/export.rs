//! A point-in-time export on S3, or on disk, as a table: the cheap way to read all of a table.
//!
//! ```toml
//! [catalogs.events.tables.items]
//! export = "s3://bucket/prefix/AWSDynamoDB/01700000000000-abcdef01/"
//! ```
//!
//! It is a table of the schema `export`, beside the live one of `default`: a state of the past is never taken for the
//! present. Columns follow the rules of live tables: declared ones, then those of a sample. The manifest says which files
//! there are, their checksums and how many items they have; a file that is not as it says is an error at its end.
//!
//! | module | |
//! |---|---|
//! | `manifest` | what the export says of itself |
//! | `place` | the way to its files |
//! | `pieces` | the stored bytes of a file, in pieces, fetched ahead of their reader |
//! | `lines` | its items, one per line, checked at its end |
//! | `json`, `ion` | an item's text |
//! | `rows` | items into batches, on a thread of their own |

mod ion;
mod json;
mod lines;
mod manifest;
mod pieces;
mod place;
mod rows;

use crate::connect::Connection;
use crate::metadata::{Sample, sampled_columns};
use arrow::datatypes::Schema;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use futures::{StreamExt, stream};
use headwater_core::{
    Answer, BatchStream, Error, ErrorKind, JoinKeys, NameStream, Precision, Result, ScanContext, ScanPlan, ScanRequest,
    SourceRequest, Split, Splits, TableKind, TableMetadata, TableName,
};
use manifest::{DataFile, Export, Format};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Attributes by name.
type Item = HashMap<String, AttributeValue>;

/// The schema of exports.
pub(crate) const SCHEMA: &str = "export";

/// The name of the request that reads a file of an export.
pub(crate) const READ_EXPORT: &str = "ReadExportFile";

/// Files that a sample looks into: those are of as many partitions.
const SAMPLED_FILES: usize = 8;

/// Why conditions and keys stay outside.
const NO_CHOICE: &str = "an export is files: all of their items are read";

/// Kept in [`TableMetadata::detail`].
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ExportDetail {
    table: String,
    export: String,
    time: String,
    format: Format,
    files: Vec<DataFile>,
}

impl ExportDetail {
    /// The requests for the files that have items.
    fn requests(&self) -> impl Iterator<Item = ReadFile> {
        let files = self.files.iter().filter(|file| file.items > 0);
        files.map(|file| ReadFile {
            table: self.table.clone(),
            export: self.export.clone(),
            format: self.format,
            file: file.clone(),
        })
    }
}

/// One file to read: what is shown and what is read.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ReadFile {
    table: String,
    export: String,
    format: Format,
    file: DataFile,
}

/// An export that is not what its manifest says.
fn corrupt(message: String) -> Error {
    Error::new(ErrorKind::Corrupt, message).with_hint("copy the export anew, or make another")
}

/// The tables that have an export.
pub(crate) fn list_tables(connection: &Connection) -> NameStream<'_, TableName> {
    stream::iter(connection.config().exports.tables().map(|table| Ok(TableName::new(SCHEMA, table)))).boxed()
}

/// Reads the manifests of an export, and a sample of its items.
///
/// # Errors
/// `NotFound` for a table without one and where there is none, `Unsupported` for one of changes alone, `Corrupt` when its
/// manifests contradict each other.
pub(crate) async fn get_table(connection: &Arc<Connection>, name: &TableName) -> Result<TableMetadata> {
    let config = connection.config();
    let Some(url) = config.exports.of(&name.table) else {
        let hint = format!("set `export` in [catalogs.{}.tables.{}]", config.catalog, name.table);
        return Err(Error::not_found(format!("table {} has no export", name.table)).with_hint(hint));
    };
    let Export { time, items, bytes, format, files } = manifest::read(connection, url).await?;
    let detail = ExportDetail { table: name.table.clone(), export: url.to_owned(), time, format, files };
    let sample = sample(connection, &detail).await?;
    let columns = sampled_columns(connection, &name.table, &sample)?;
    let fields: Vec<_> = columns.iter().map(|(field, _)| field.clone()).collect();
    let mut metadata = TableMetadata::new(name.clone(), Arc::new(Schema::new(fields)));
    metadata.kind = TableKind::ForeignTable;
    metadata.columns = columns.into_iter().map(|(field, facts)| (field.name().clone(), facts)).collect();
    // What the manifest says is checked when the files are read, not before.
    metadata.row_count = Precision::Inexact(items);
    metadata.byte_size = bytes.map_or(Precision::Unknown, Precision::Inexact);
    metadata.comment = Some(format!("{} as of {}", name.table, detail.time));
    metadata.detail = serde_json::to_value(detail).map_err(|error| Error::internal(error.to_string()))?;
    Ok(metadata)
}

/// The first items of some files, spread over the export.
async fn sample(connection: &Arc<Connection>, detail: &ExportDetail) -> Result<Sample> {
    let mut sample = Sample::default();
    if connection.config().tables.of(&detail.table).complete {
        return Ok(sample);
    }
    let files: Vec<_> = detail.requests().collect();
    let step = files.len().div_ceil(SAMPLED_FILES).max(1);
    let chosen: Vec<_> = files.into_iter().step_by(step).collect();
    let each = (connection.config().sample_size as usize).div_ceil(chosen.len().max(1));
    let read = chosen.into_iter().map(|file| rows::first_items(connection, file, each));
    try_join_all(read).await?.iter().flatten().for_each(|item| sample.learn(item));
    Ok(sample)
}

/// One request per file that has items; no more than `at_once` are read together.
///
/// # Errors
/// `NotFound` for a column that the table does not have.
pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest, at_once: u32) -> Result<ScanPlan> {
    let detail = ExportDetail::deserialize(&table.detail)
        .map_err(|_| Error::internal(format!("the metadata of {} is not of this connector", table.name)))?;
    let read = |file: ReadFile| {
        let parameters = serde_json::to_value(file).map_err(|error| Error::internal(error.to_string()))?;
        Ok(SourceRequest::Operation { name: READ_EXPORT.to_owned(), parameters })
    };
    let files = detail.requests().take(if request.limit == Some(0) { 0 } else { usize::MAX });
    let requests = files.map(read).collect::<Result<Vec<_>>>()?;
    let refused = || Answer::Refused(NO_CHOICE.to_owned());
    let limit = request.limit.map(|_| match request.filters.is_empty() {
        true if requests.len() < 2 => Answer::Exact,
        true => Answer::Inexact("each file stops at the limit by itself".to_owned()),
        false => refused(),
    });
    let whole = ScanPlan::whole_table(table, request, requests)?;
    Ok(ScanPlan {
        filters: request.filters.iter().map(|_| refused()).collect(),
        limit,
        notes: vec![format!("the table as of {}", detail.time)],
        max_parallel_splits: Some(at_once as usize),
        ..whole
    })
}

/// The splits of a plan: its files.
pub(crate) fn splits(plan: &ScanPlan, keys: Option<&JoinKeys>) -> Splits {
    Splits::planned(plan, keys, NO_CHOICE)
}

/// The rows of one file.
///
/// # Errors
/// `Internal` when the split is not of this connector.
pub(crate) fn read(connection: Arc<Connection>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let SourceRequest::Operation { parameters, .. } = &split.request else {
        return Err(Error::internal("a split of another connector reached the DynamoDB connector"));
    };
    let wrong = |error: serde_json::Error| Error::internal(format!("the parameters of an export's file: {error}"));
    let file = ReadFile::deserialize(parameters).map_err(wrong)?;
    Ok(rows::rows(connection, file, split, context))
}
