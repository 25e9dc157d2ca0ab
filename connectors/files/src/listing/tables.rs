//! The tables of a place: its folders and files, and those that the configuration names.

use super::find::file;
use super::walk::names_in;
use super::{is_hidden, kind_of, stem_of};
use crate::config::{DeclaredTable, Location, Root};
use crate::connect::Connection;
use headwater_core::{Error, ErrorKind, Result, TableName, name::nearest};
use std::collections::BTreeMap;

/// The names of the tables at a place, and where each is. A name that two have is given as the whole file name.
pub(crate) async fn list_tables(connection: &Connection, place: &Location) -> Result<BTreeMap<String, Location>> {
    let single =
        if place.path.is_empty() || place.path.ends_with('/') { None } else { file(connection, place).await? };
    let (folders, files) = match single {
        Some(entry) => (Vec::new(), vec![entry.path]),
        None => level(connection, place).await?,
    };
    let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in folders {
        let name = last(path.trim_end_matches('/'));
        if !is_hidden(name) && !name.contains('=') {
            named.entry(name.to_owned()).or_default().push(path);
        }
    }
    for path in files {
        let name = last(&path);
        if !is_hidden(name) && kind_of(name).is_ok_and(|kind| kind.format.is_some()) {
            named.entry(stem_of(name).to_owned()).or_default().push(path);
        }
    }
    let located = |path: &str| Location { root: place.root.clone(), path: path.to_owned() };
    let mut tables = BTreeMap::new();
    for (name, paths) in named {
        match paths.as_slice() {
            [path] => {
                tables.insert(name, located(path));
            }
            _ => tables.extend(paths.iter().map(|path| (last(path.trim_end_matches('/')).to_owned(), located(path)))),
        }
    }
    Ok(tables)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The folders, with a slash at their end, and the files directly below a folder.
async fn level(connection: &Connection, place: &Location) -> Result<(Vec<String>, Vec<String>)> {
    let folder = place.as_folder();
    match &place.root {
        Root::Bucket(bucket) => {
            let bucket = connection.bucket(bucket).await?;
            let (folders, files) = bucket.list_level(&folder, &connection.config().place()).await?;
            Ok((folders, files.into_iter().map(|entry| entry.path).collect()))
        }
        Root::Disk => names_in(&folder).await,
    }
}

/// Where the table of this name is, below `place`.
///
/// # Errors
/// `NotFound` with the nearest name.
pub(crate) async fn resolve(
    connection: &Connection,
    name: &TableName,
    place: &Location,
    declared: &BTreeMap<String, DeclaredTable>,
) -> Result<Location> {
    let mut tables = list_tables(connection, place).await.map_err(|error| match error.kind() {
        // A listing that is not allowed must not look like a table that is not there.
        ErrorKind::NotFound => Error::not_found(format!("table {name} not found: {error}")),
        _ => error,
    })?;
    if let Some(found) = tables.remove(&name.table) {
        return Ok(found);
    }
    let error = Error::not_found(format!("table {name} not found at {place}"));
    let known = tables.keys().chain(declared.keys()).map(String::as_str);
    Err(match nearest(&name.table, known) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error.with_hint("tables are the folders and files there, and those of the catalog's option `tables`"),
    })
}
