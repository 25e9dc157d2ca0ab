//! The columns of Parquet files, out of their footers.

use super::{Learned, LearnedColumn, declared_type_of};
use crate::config::{DeclaredColumn, Root};
use crate::connect::Connection;
use crate::convert::union::{plain_field, united};
use crate::listing::FileEntry;
use crate::read::parquet::open;
use arrow::datatypes::{DataType, Field, FieldRef};
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{ColumnFacts, ColumnOrigin, Error, ErrorKind, Precision, Result};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Footers read at once.
const FOOTERS_AT_ONCE: usize = 16;
/// Row groups whose places are kept for planning; beyond, files are cut by bytes.
const MAX_GROUPS_KEPT: usize = 20_000;

struct Footer {
    index: usize,
    fields: Vec<FieldRef>,
    rows: u64,
    groups: Vec<u64>,
}

/// A column on its way to the table's schema.
struct United {
    data_type: DataType,
    nullable: bool,
    seen: u64,
    /// The file that last widened the type.
    by: usize,
    declared: bool,
}

/// Reads the footers of up to `sample_files` files and unites their columns.
pub(super) async fn learn(
    connection: &Connection,
    root: &Root,
    files: &mut [FileEntry],
    declared: &[DeclaredColumn],
) -> Result<Learned> {
    let chosen = super::spread(files, connection.config().sample_files);
    let footers = read_footers(connection, root, files, &chosen).await?;
    let columns = unite(&footers, files, root, declared)?;
    let whole = chosen.len() == files.len();
    let rows: u64 = footers.iter().map(|footer| footer.rows).sum();
    let count = footers.len() as u64;
    if footers.iter().map(|footer| footer.groups.len()).sum::<usize>() <= MAX_GROUPS_KEPT {
        for footer in footers {
            if let Some(file) = files.get_mut(footer.index) {
                file.groups = Some(footer.groups);
            }
        }
    }
    let columns = columns.into_iter().map(|(name, column)| learned(name, column, count, whole)).collect();
    let rows = if whole { Precision::Exact(rows) } else { scaled(rows, &chosen, files) };
    Ok(Learned { columns, rows })
}

/// As many rows a byte as in the files that were looked at.
fn scaled(rows: u64, chosen: &[usize], files: &[FileEntry]) -> Precision {
    let size = |file: &FileEntry| u128::from(file.size);
    let seen: u128 = chosen.iter().filter_map(|index| files.get(*index)).map(size).sum();
    let all: u128 = files.iter().map(size).sum();
    let rows = (u128::from(rows) * all).checked_div(seen).and_then(|rows| u64::try_from(rows).ok());
    rows.map_or(Precision::Unknown, Precision::Inexact)
}

async fn read_footers(
    connection: &Connection,
    root: &Root,
    files: &[FileEntry],
    chosen: &[usize],
) -> Result<Vec<Footer>> {
    let read = |index: usize| async move {
        let file = files.get(index).ok_or_else(|| Error::internal("a chosen file is not in the listing"))?;
        let store = connection.file(root, &file.path, file.etag.as_deref(), None).await?;
        let (_, metadata) = open(&store, file.size, false).await?;
        let groups = metadata.metadata().row_groups();
        let rows = groups.iter().map(|group| u64::try_from(group.num_rows()).unwrap_or_default()).sum();
        let starts = groups.iter().map(crate::read::parquet::group_start).collect();
        let fields = metadata.schema().fields().iter().map(plain_field).collect();
        Ok::<_, Error>(Footer { index, fields, rows, groups: starts })
    };
    stream::iter(chosen.to_vec()).map(read).buffered(FOOTERS_AT_ONCE).try_collect().await
}

fn unite(
    footers: &[Footer],
    files: &[FileEntry],
    root: &Root,
    declared: &[DeclaredColumn],
) -> Result<Vec<(String, United)>> {
    let mut columns: Vec<(String, United)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let name_of = |index: usize| files.get(index).map(|file| root.name_of(&file.path)).unwrap_or_default();
    for footer in footers {
        let mut met = HashSet::new();
        for field in &footer.fields {
            if !met.insert(field.name()) {
                let message = format!("{} has two columns with the name {}", name_of(footer.index), field.name());
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            let place = places.get(field.name()).copied();
            let Some((_, known)) = place.and_then(|place| columns.get_mut(place)) else {
                let written = declared_type_of(declared, field.name());
                let column = first(field, written, footer.index);
                let column = column.ok_or_else(|| undeclarable(field, written, &name_of(footer.index)))?;
                places.insert(field.name().clone(), columns.len());
                columns.push((field.name().clone(), column));
                continue;
            };
            add(known, field, footer.index).ok_or_else(|| {
                let (first, second) = (name_of(known.by), name_of(footer.index));
                let types = format!("{} in {first} and {} in {second}", known.data_type, field.data_type());
                let message = format!("column {} is {types}, which no one type holds exactly", field.name());
                Error::new(ErrorKind::SchemaMismatch, message).with_hint("read them as two tables and cast one of them")
            })?;
        }
    }
    if let Some(missing) = declared.iter().find(|column| !places.contains_key(&column.name)) {
        return Err(Error::config(format!("the declared column {} is in no file", missing.name)));
    }
    Ok(columns)
}

fn first(field: &Field, written: Option<&DataType>, by: usize) -> Option<United> {
    let data_type = match written {
        Some(written) => united(field.data_type(), written).filter(|both| both == written)?,
        None => field.data_type().clone(),
    };
    Some(United { data_type, nullable: field.is_nullable(), seen: 1, by, declared: written.is_some() })
}

fn add(known: &mut United, field: &Field, by: usize) -> Option<()> {
    let both = united(&known.data_type, field.data_type())?;
    if both != known.data_type {
        if known.declared {
            return None;
        }
        known.data_type = both;
        known.by = by;
    }
    known.nullable |= field.is_nullable();
    known.seen += 1;
    Some(())
}

fn undeclarable(field: &Field, written: Option<&DataType>, file: &str) -> Error {
    let written = written.map(ToString::to_string).unwrap_or_default();
    let message = format!("column {} is {} in {file} and declared {written}", field.name(), field.data_type());
    Error::config(message).with_hint("declare a wider type, or none and cast in the statement")
}

fn learned(name: String, column: United, footers: u64, whole: bool) -> LearnedColumn {
    let lacking = column.seen < footers;
    let nullable = column.nullable || lacking || !whole;
    let field = Arc::new(Field::new(&name, column.data_type.clone(), nullable));
    let origin = match (column.declared, whole) {
        (true, _) => ColumnOrigin::Declared,
        (false, true) => ColumnOrigin::Catalog,
        (false, false) => ColumnOrigin::Inferred { seen: column.seen, sampled: footers },
    };
    let note = lacking.then(|| format!("NULL in files without it: {} of {footers} have it", column.seen));
    let facts = ColumnFacts { source_type: column.data_type.to_string(), origin, note, ..ColumnFacts::default() };
    LearnedColumn { field, facts }
}
