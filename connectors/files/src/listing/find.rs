//! The files at a place: one, those of a folder, or those that match a pattern.

use super::glob::{Glob, is_pattern, literal_folder};
use super::walk::{Wanted, files_below};
use super::{FileEntry, is_hidden};
use crate::config::{Location, Root};
use crate::connect::{Connection, Found};
use crate::error::{io_error, store_error};
use futures::{StreamExt, stream};
use headwater_core::{Error, ErrorKind, Result};
use object_store::ObjectStore;
use std::sync::Arc;

/// Files of a disk that are looked at, at once.
const LOOKS_AT_ONCE: usize = 16;

/// The files of a table, in the order of their paths.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) files: Vec<FileEntry>,
    /// The path below which folders such as `year=2024` are columns.
    pub(crate) base: String,
    /// Whether the place is one file, written out.
    pub(crate) is_file: bool,
}

/// Finds the files.
///
/// # Errors
/// `NotFound` if there is none, `PermissionDenied`, `LimitExceeded` beyond `max_files`.
pub(crate) async fn find(connection: &Connection, place: &Location) -> Result<Listing> {
    let single =
        if place.path.is_empty() || place.path.ends_with('/') { None } else { file(connection, place).await? };
    if let Some(entry) = single {
        let base = entry.path.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"));
        return Ok(Listing { files: vec![entry], base, is_file: true });
    }
    let names_a_folder = place.root == Root::Disk && matches!(disk_kind(&place.path).await?, Some(DiskKind::Folder));
    let pattern = (is_pattern(&place.path) && !names_a_folder).then_some(place.path.as_str());
    let base = pattern.map_or_else(|| place.as_folder(), |pattern| literal_folder(pattern).to_owned());
    let glob = pattern.map(|pattern| glob(pattern, place)).transpose()?.map(Arc::new);
    let mut files = below(connection, &place.root, &base, glob).await?;
    if files.is_empty() {
        let what = if pattern.is_some() { "no file matches" } else { "there is no file at" };
        return Err(Error::not_found(format!("{what} {place}")));
    }
    let most = connection.config().max_files;
    if files.len() > most {
        let message = format!("{place} has more than {most} files");
        return Err(Error::new(ErrorKind::LimitExceeded, message)
            .with_hint("name fewer by a longer path or a pattern, or raise the catalog's option max_files"));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Listing { files, base, is_file: false })
}

fn glob(pattern: &str, place: &Location) -> Result<Glob> {
    Glob::new(pattern).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("{place} is no sound pattern"))
            .with_hint("a `[` or `{` in it is never closed; `[[]` stands for a bracket itself")
    })
}

fn belongs(entry: &FileEntry, base: &str, glob: Option<&Glob>) -> bool {
    let below = entry.path.strip_prefix(base).unwrap_or(&entry.path);
    let hides = glob.is_none_or(|glob| !glob.names_hidden());
    let hidden = hides && below.split('/').any(is_hidden);
    !hidden && glob.is_none_or(|glob| glob.matches(&entry.path))
}

/// The file of exactly this name, if it is one.
pub(crate) async fn file(connection: &Connection, place: &Location) -> Result<Option<FileEntry>> {
    match &place.root {
        Root::Bucket(bucket) => {
            let bucket = connection.bucket(bucket).await?;
            match bucket.head(&place.path, &connection.config().place()).await? {
                Found::File(entry) => Ok(Some(entry)),
                Found::NoFile => Ok(None),
            }
        }
        Root::Disk => disk_file(connection, &place.path).await,
    }
}

async fn disk_file(connection: &Connection, path: &str) -> Result<Option<FileEntry>> {
    match disk_kind(path).await? {
        None | Some(DiskKind::Folder) => Ok(None),
        Some(DiskKind::Other) => {
            Err(Error::new(ErrorKind::Unsupported, format!("{path} is neither a file nor a folder")))
        }
        Some(DiskKind::File) => {
            let store_path = store_path(connection, path)?;
            let options = object_store::GetOptions { head: true, ..Default::default() };
            let found = connection.disk().get_opts(&store_path, options).await;
            let found = found.map_err(|error| store_error(&error, path, "disk"))?;
            Ok(Some(FileEntry { path: path.to_owned(), size: found.meta.size, etag: found.meta.e_tag, groups: None }))
        }
    }
}

/// The path as the object store spells it.
///
/// # Errors
/// `Unsupported` for names that the object store keeps for itself: unfinished uploads are called `NAME#1`.
fn store_path(connection: &Connection, path: &str) -> Result<object_store::path::Path> {
    let store_path = Root::Disk.store_path(path)?;
    match connection.disk().path_to_filesystem(&store_path) {
        Ok(_) => Ok(store_path),
        Err(_) => {
            let message = format!("{path} cannot be read: names that end with `#` and digits are unfinished uploads");
            Err(Error::new(ErrorKind::Unsupported, message).with_hint("rename it, or leave it out by a pattern"))
        }
    }
}

enum DiskKind {
    File,
    Folder,
    Other,
}

/// What is at a path of the disk; nothing for a path that is not there.
async fn disk_kind(path: &str) -> Result<Option<DiskKind>> {
    let owned = path.to_owned();
    let found = tokio::task::spawn_blocking(move || std::fs::metadata(owned)).await;
    match found.map_err(|error| Error::internal(format!("looking at {path} was cut short: {error}")))? {
        Ok(found) if found.is_file() => Ok(Some(DiskKind::File)),
        Ok(found) if found.is_dir() => Ok(Some(DiskKind::Folder)),
        Ok(_) => Ok(Some(DiskKind::Other)),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        // A name longer than the disk takes, or with a character that it does not take.
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::InvalidFilename | std::io::ErrorKind::InvalidInput) =>
        {
            Ok(None)
        }
        Err(error) => Err(io_error(&error, path)),
    }
}

/// The files below a folder that belong to the table.
async fn below(connection: &Connection, root: &Root, folder: &str, glob: Option<Arc<Glob>>) -> Result<Vec<FileEntry>> {
    let config = connection.config();
    match root {
        Root::Bucket(bucket) => {
            let bucket = connection.bucket(bucket).await?;
            let mut files = bucket.list(folder, config.max_files, &config.place()).await?;
            files.retain(|entry| belongs(entry, folder, glob.as_deref()));
            Ok(files)
        }
        Root::Disk => {
            if !matches!(disk_kind(folder).await?, Some(DiskKind::Folder)) {
                return Ok(Vec::new());
            }
            let paths = files_below(folder, &Wanted { glob, most: config.max_files }).await?;
            let look = |path: String| async move { disk_file(connection, &path).await };
            let mut looks = stream::iter(paths).map(look).buffered(LOOKS_AT_ONCE);
            let mut files = Vec::new();
            while let Some(found) = looks.next().await {
                files.extend(found?);
            }
            Ok(files)
        }
    }
}
