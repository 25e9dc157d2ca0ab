//! What is below a folder of this machine's disk.
//!
//! The object store's own listing leaves out names that end with `#` and digits, and one odd name makes it fail for
//! a whole folder.

use super::glob::Glob;
use super::is_hidden;
use crate::error::io_error;
use headwater_core::{Error, ErrorKind, Result};
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which files are wanted.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// None: all of them.
    pub(super) glob: Option<Arc<Glob>>,
    /// The walk ends when it has more files than this.
    pub(super) most: usize,
}

/// What is directly in a folder.
#[derive(Debug, Default)]
struct Level {
    folders: Vec<Folder>,
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
struct Folder {
    path: PathBuf,
    trail: Arc<Trail>,
}

/// The folders on the way to this one, without links: a link to one of them leads round in a circle.
#[derive(Debug)]
struct Trail {
    real: PathBuf,
    above: Option<Arc<Trail>>,
}

impl Trail {
    /// Whether a folder is one of these, or above one of them.
    fn is_below(&self, real: &Path) -> bool {
        let mut next = Some(self);
        while let Some(folder) = next {
            if folder.real.starts_with(real) {
                return true;
            }
            next = folder.above.as_deref();
        }
        false
    }
}

/// The wanted files below a folder; links are followed. Of more than `most` files some are left out.
///
/// # Errors
/// `Unsupported` for a wanted file whose name is not UTF-8, that is no file, or that is a link to nothing;
/// `PermissionDenied` for a folder that must not be read.
pub(super) async fn files_below(folder: &str, wanted: &Wanted) -> Result<Vec<String>> {
    let base = PathBuf::from(folder);
    let real = {
        let base = base.clone();
        off_thread(folder, move || std::fs::canonicalize(&base).map_err(|error| failed(&error, &base))).await?
    };
    let mut pending = vec![Folder { path: base.clone(), trail: Arc::new(Trail { real, above: None }) }];
    let mut files = Vec::new();
    while let Some(next) = pending.pop() {
        if files.len() > wanted.most {
            break;
        }
        // One folder at a time, so that a statement that is given up does not leave a walk behind.
        let (wanted, base) = (wanted.clone(), base.clone());
        let level = off_thread(folder, move || level(&next, &base, &wanted)).await?;
        pending.extend(level.folders);
        for path in level.files {
            files.push(
                path.into_os_string()
                    .into_string()
                    .map_err(|path| odd(format!("{} has a name that is not UTF-8", path.display())))?,
            );
        }
    }
    Ok(files)
}

/// The folders, with a slash at their end, and the files directly in a folder. Names that are not UTF-8 are left out:
/// no table can have one. A folder that is not there has nothing in it.
pub(super) async fn names_in(folder: &str) -> Result<(Vec<String>, Vec<String>)> {
    let path = PathBuf::from(folder);
    off_thread(folder, move || {
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for entry in entries(&path)? {
            let Ok(path) = entry.path().into_os_string().into_string() else { continue };
            // A link to nothing is given as a file: reading it tells what is wrong.
            match std::fs::metadata(&path) {
                Ok(found) if found.is_dir() => folders.push(format!("{path}/")),
                _ => files.push(path),
            }
        }
        Ok((folders, files))
    })
    .await
}

async fn off_thread<T: Send + 'static>(folder: &str, look: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let looked = tokio::task::spawn_blocking(look).await;
    looked.map_err(|error| Error::internal(format!("looking into {folder} was cut short: {error}")))?
}

fn level(folder: &Folder, base: &Path, wanted: &Wanted) -> Result<Level> {
    let mut found = Level::default();
    for entry in entries(&folder.path)? {
        let path = entry.path();
        if wanted.hides(&path, base) {
            continue;
        }
        // A name that is not UTF-8 is compared as far as it is.
        let text = path.to_string_lossy().into_owned();
        let kind = match std::fs::metadata(&path) {
            Ok(kind) => kind,
            // Gone since the folder was read, or unwanted.
            Err(_) if path.symlink_metadata().is_err() || !wanted.matches(&text) => continue,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(io_error(&error, &text)),
            Err(error) => return Err(odd(format!("{text} is a link that leads nowhere: {error}"))),
        };
        if kind.is_dir() {
            if wanted.may_be_below(&text) {
                found.folders.extend(inner(folder, &entry)?);
            }
        } else if wanted.matches(&text) {
            if !kind.is_file() {
                return Err(odd(format!("{text} is neither a file nor a folder")));
            }
            found.files.push(path);
        }
    }
    Ok(found)
}

/// A folder in another, unless it is a link that leads round in a circle.
fn inner(folder: &Folder, entry: &DirEntry) -> Result<Option<Folder>> {
    let path = entry.path();
    let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
    let real = if is_link {
        let real = std::fs::canonicalize(&path).map_err(|error| failed(&error, &path))?;
        if folder.trail.is_below(&real) {
            return Ok(None);
        }
        real
    } else {
        folder.trail.real.join(entry.file_name())
    };
    Ok(Some(Folder { path, trail: Arc::new(Trail { real, above: Some(Arc::clone(&folder.trail)) }) }))
}

/// What is in a folder; nothing if it is none or is not there.
fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    match std::fs::read_dir(folder).and_then(Iterator::collect) {
        Ok(entries) => Ok(entries),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(failed(&error, folder)),
    }
}

impl Wanted {
    fn hides(&self, path: &Path, base: &Path) -> bool {
        let hides = self.glob.as_ref().is_none_or(|glob| !glob.names_hidden());
        let below = path.strip_prefix(base).unwrap_or(path);
        hides && below.file_name().is_some_and(|name| is_hidden(&name.to_string_lossy()))
    }

    fn matches(&self, path: &str) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob.matches(path))
    }

    fn may_be_below(&self, folder: &str) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob.reaches_below(folder))
    }
}

fn failed(error: &io::Error, path: &Path) -> Error {
    io_error(error, &path.to_string_lossy())
}

fn odd(message: String) -> Error {
    Error::new(ErrorKind::Unsupported, message).with_hint("rename or remove it, or leave it out by a pattern")
}
