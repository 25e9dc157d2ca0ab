//! From the files of a table to its columns.

mod footers;
mod names;
mod samples;

pub(crate) use names::{list_schemas, table_names};

use crate::config::{DeclaredColumn, DeclaredTable, Location, Root};
use crate::connect::Connection;
use crate::listing::{FileEntry, Format, Kind, Listing, Packing, Partitions, find, kind_of, read_manifest};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use headwater_core::{
    ColumnFacts, ColumnOrigin, Error, ErrorKind, Precision, Result, TableMetadata, TableName, TextComparison,
};
use names::{is_bucket_name, place_of};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The schema of a catalog that is one place.
pub(crate) const DEFAULT_SCHEMA: &str = "default";
/// The schema whose tables are paths, in every catalog.
pub(crate) const PATH_SCHEMA: &str = "path";
const MANIFEST: &str = "manifest.json";

/// How the text of the files is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) format: Format,
    pub(crate) delimiter: u8,
    /// CSV: the first record names the columns.
    pub(crate) header: bool,
    /// CSV: quoted fields may hold line breaks, so that a file cannot be cut.
    pub(crate) newlines_in_quotes: bool,
    /// CSV without a header: the columns in the order of the files.
    pub(crate) names: Vec<String>,
}

/// What planning needs of a table beside its columns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TableDetail {
    pub(crate) root: Root,
    /// The path below which folders are columns.
    pub(crate) base: String,
    pub(crate) layout: Layout,
    /// Name, type, whether it was declared.
    pub(crate) partitions: Vec<(String, DataType, bool)>,
    /// Columns whose type a person wrote.
    pub(crate) declared: BTreeSet<String>,
    pub(crate) files: Vec<FileEntry>,
}

impl TableDetail {
    pub(crate) fn of(table: &TableMetadata) -> Result<Self> {
        Self::deserialize(&table.detail)
            .map_err(|error| Error::internal(format!("the metadata of {} is not ours: {error}", table.name)))
    }

    pub(crate) fn partitions(&self) -> Partitions {
        Partitions { columns: self.partitions.clone() }
    }
}

/// What files say of their columns.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    pub(crate) columns: Vec<LearnedColumn>,
    pub(crate) rows: Precision,
}

#[derive(Debug)]
pub(crate) struct LearnedColumn {
    pub(crate) field: FieldRef,
    pub(crate) facts: ColumnFacts,
}

/// Everything planning needs of one table.
///
/// # Errors
/// `NotFound`, `PermissionDenied` and the like of the place; `SchemaMismatch` where files do not go together.
pub(crate) async fn get_table(connection: &Connection, name: &TableName) -> Result<TableMetadata> {
    let config = connection.config();
    let none = DeclaredTable::default();
    let declared = match name.schema.as_str() {
        DEFAULT_SCHEMA => config.tables.get(&name.table).unwrap_or(&none),
        _ => &none,
    };
    let place = place_of(connection, name, declared).await?;
    let Root::Bucket(bucket) = &place.root else { return describe(connection, name, declared, &place).await };
    if is_bucket_name(bucket) {
        return describe(connection, name, declared, &place).await;
    }
    Err(Error::not_found(format!("bucket {bucket} not found: no bucket can have this name")))
}

/// A table whose files are found; what remains is to look into them.
struct Source {
    root: Root,
    base: String,
    files: Vec<FileEntry>,
    layout: Layout,
}

async fn describe(
    connection: &Connection,
    name: &TableName,
    declared: &DeclaredTable,
    place: &Location,
) -> Result<TableMetadata> {
    let listing = find(connection, place).await?;
    let mut source = source(connection, declared, place, listing).await?;
    let partitions = Partitions::of(&source.files, &source.base, &declared.partitions)?;
    let learned = match source.layout.format {
        Format::Parquet => footers::learn(connection, &source.root, &mut source.files, &declared.columns).await?,
        Format::Csv => {
            samples::learn_csv(connection, &source.root, &source.files, &mut source.layout, declared).await?
        }
        Format::Json => samples::learn_json(connection, &source.root, &source.files, declared).await?,
    };
    // Rows without columns, such as `{}` on every line, can still be counted.
    let has_rows = !matches!(learned.rows, Precision::Unknown | Precision::Exact(0) | Precision::Inexact(0));
    if learned.columns.is_empty() && partitions.columns.is_empty() && !has_rows {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{place} has no columns: its files are empty")));
    }
    Ok(assemble(name, declared, place, source, learned, partitions))
}

async fn source(
    connection: &Connection,
    declared: &DeclaredTable,
    place: &Location,
    listing: Listing,
) -> Result<Source> {
    let Listing { files, base, is_file } = listing;
    let layout = |format, header, tabs: bool, names| Layout {
        format,
        delimiter: declared.delimiter.unwrap_or(if tabs { b'\t' } else { b',' }),
        header,
        newlines_in_quotes: declared.newlines_in_quotes.unwrap_or(true),
        names,
    };
    let manifest = files.first().filter(|file| is_file && declared.format.is_none() && file.file_name() == MANIFEST);
    if let Some(manifest) = manifest {
        let found = read_manifest(connection, &place.root, manifest).await?;
        // An inventory's folders are of its own making, not columns.
        let base = String::from("\0");
        let layout = layout(found.format, false, false, found.names);
        return Ok(Source { root: place.root.clone(), base, files: found.files, layout });
    }
    let kind = kind(&files, declared.format, place)?;
    let header = declared.header.unwrap_or(true);
    let names = declared.columns.iter().filter(|_| !header).map(|column| column.name.clone()).collect();
    let format = kind.format.unwrap_or(Format::Csv);
    Ok(Source { root: place.root.clone(), base, files, layout: layout(format, header, kind.tabs, names) })
}

/// The one format of all files.
fn kind(files: &[FileEntry], declared: Option<Format>, place: &Location) -> Result<Kind> {
    let mut common: Option<(Kind, &FileEntry)> = None;
    for file in files {
        let mut kind = kind_of(file.file_name())?;
        kind.format = declared.or(kind.format);
        let Some(format) = kind.format else {
            let message = format!("the name of {} does not tell its format", place.root.name_of(&file.path));
            return Err(Error::new(ErrorKind::InvalidInput, message).with_hint(
                "name files .parquet, .csv, .tsv, .json or .jsonl, declare the table with a `format`, or leave the \
                 file out with a pattern such as `dir/*.csv`",
            ));
        };
        if format == Format::Parquet && kind.packing != Packing::Plain {
            let message = format!("{} is a packed Parquet file", place.root.name_of(&file.path));
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint("unpack it: Parquet compresses inside"));
        }
        match &common {
            Some((known, first)) if known.format != kind.format || known.tabs != kind.tabs => {
                let [first, second] = [first, &file].map(|file| place.root.name_of(&file.path));
                let message = format!("{first} and {second} are of different formats");
                return Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("read those of one format by a pattern such as `dir/*.parquet`"));
            }
            Some(_) => {}
            None => common = Some((kind, file)),
        }
    }
    common.map(|(kind, _)| kind).ok_or_else(|| Error::not_found(format!("there is no file at {place}")))
}

fn assemble(
    name: &TableName,
    declared: &DeclaredTable,
    place: &Location,
    source: Source,
    learned: Learned,
    partitions: Partitions,
) -> TableMetadata {
    let is_partition = |name: &str| partitions.columns.iter().any(|(partition, _, _)| partition == name);
    let (mut fields, mut facts): (Vec<FieldRef>, BTreeMap<String, ColumnFacts>) = Default::default();
    let mut hidden = BTreeSet::new();
    for column in learned.columns {
        let name = column.field.name().clone();
        if is_partition(&name) {
            hidden.insert(name);
            continue;
        }
        let text_comparison = TextComparison::Bytes;
        facts.insert(name, ColumnFacts { text_comparison, ..column.facts });
        fields.push(column.field);
    }
    for (name, data_type, written) in &partitions.columns {
        fields.push(Arc::new(Field::new(name, data_type.clone(), true)));
        let also = if hidden.contains(name) { "; the column of this name in the files is not read" } else { "" };
        let origin = if *written { ColumnOrigin::Declared } else { ColumnOrigin::Catalog };
        let note = Some(format!("from the path of each file{also}"));
        let column = ColumnFacts { source_type: "partition".to_owned(), origin, note, ..ColumnFacts::default() };
        facts.insert(name.clone(), ColumnFacts { text_comparison: TextComparison::Bytes, ..column });
    }
    let bytes = source.files.iter().map(|file| file.size).sum();
    let (count, label) = (source.files.len(), source.layout.format.label());
    let detail = TableDetail {
        root: source.root,
        base: source.base,
        layout: source.layout,
        partitions: partitions.columns,
        declared: declared.columns.iter().map(|column| column.name.clone()).collect(),
        files: source.files,
    };
    let mut table = TableMetadata::new(name.clone(), Arc::new(Schema::new(fields)));
    table.columns = facts;
    table.row_count = learned.rows;
    table.byte_size = Precision::Exact(bytes);
    table.comment = Some(format!("{count} {label} {} at {place}", if count == 1 { "file" } else { "files" }));
    table.detail = serde_json::to_value(detail).unwrap_or_default();
    table
}

/// The declared type of a column.
pub(crate) fn declared_type_of<'a>(declared: &'a [DeclaredColumn], name: &str) -> Option<&'a DataType> {
    declared.iter().find(|column| column.name == name).map(|column| &column.data_type)
}

/// Up to `most` of the files, spread evenly over all of them, the first among them.
pub(crate) fn spread(files: &[FileEntry], most: usize) -> Vec<usize> {
    let chosen = files.len().min(most.max(1));
    (0..chosen).map(|number| number * files.len() / chosen).collect()
}
