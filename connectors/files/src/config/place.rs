//! Where files are: a URL or a path, taken apart.

use headwater_core::{Error, ErrorKind, Result};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Component, PathBuf};

/// What holds the files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Root {
    /// This machine's file system.
    Disk,
    /// A bucket of S3.
    Bucket(String),
}

impl Root {
    /// The whole name of a file: `/dir/file` or `s3://bucket/key`.
    pub(crate) fn name_of(&self, path: &str) -> String {
        match self {
            Self::Disk => path.to_owned(),
            Self::Bucket(bucket) => format!("s3://{bucket}/{path}"),
        }
    }

    /// The path as the object store spells it.
    pub(crate) fn store_path(&self, path: &str) -> Result<Path> {
        let parsed = match self {
            Self::Disk => Path::from_absolute_path(path).map_err(|error| error.to_string()),
            Self::Bucket(_) => Path::parse(path).map_err(|error| error.to_string()),
        };
        parsed.map_err(|reason| {
            Error::new(
                ErrorKind::Unsupported,
                format!("{} has a name that cannot be read: {reason}", self.name_of(path)),
            )
            .with_hint("rename it, or leave it out with a glob")
        })
    }
}

/// A file, a folder or a glob at a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Location {
    pub(crate) root: Root,
    /// On disk an absolute path; in a bucket a key, a prefix, or nothing for all of it.
    pub(crate) path: String,
}

impl Location {
    /// Reads `s3://bucket/key`, `file:///path`, or a local path, relative to the working directory.
    ///
    /// # Errors
    /// `InvalidInput` for an empty text, another scheme, or a bucket without a name.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix("s3://") {
            let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(wrong(text, "names no bucket").with_hint("write s3://BUCKET/KEY"));
            }
            return Ok(Self { root: Root::Bucket(bucket.to_owned()), path: path.to_owned() });
        }
        match text.strip_prefix("file://") {
            Some(path) if path.starts_with('/') => Self::local(path),
            Some(_) => Err(wrong(text, "names another machine").with_hint("write file:///PATH, with three slashes")),
            None => match text.split_once("://") {
                Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric()) => {
                    Err(wrong(text, "is at a place that cannot be read").with_hint("s3://, file:// and paths can"))
                }
                _ => Self::local(text),
            },
        }
    }

    /// A path of this machine, made absolute without touching the disk.
    ///
    /// # Errors
    /// `InvalidInput` for an empty path or one with NUL, `Unavailable` without a working directory.
    pub(crate) fn local(text: &str) -> Result<Self> {
        if text.is_empty() || text.contains('\0') {
            return Err(Error::not_found(format!("`{}` is no path", text.escape_debug())));
        }
        let mut path = PathBuf::from("/");
        if !text.starts_with('/') {
            path = std::env::current_dir().map_err(|error| {
                Error::new(ErrorKind::Unavailable, format!("the working directory cannot be found: {error}"))
            })?;
        }
        for part in std::path::Path::new(text).components() {
            match part {
                Component::ParentDir => {
                    path.pop();
                }
                Component::Normal(name) => path.push(name),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        let mut path = path.into_os_string().into_string().map_err(|_| wrong(text, "is not UTF-8"))?;
        if text.ends_with('/') && !path.ends_with('/') {
            path.push('/');
        }
        Ok(Self { root: Root::Disk, path })
    }

    /// What `below` names, seen from this place; a whole URL or an absolute path stands for itself.
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub(crate) fn join(&self, below: &str) -> Result<Self> {
        if below.contains("://") || below.starts_with('/') {
            return Self::parse(below);
        }
        let folder = self.as_folder();
        match self.root {
            Root::Disk => Self::local(&format!("{folder}{below}")),
            Root::Bucket(_) => Ok(Self { root: self.root.clone(), path: format!("{folder}{below}") }),
        }
    }

    /// The path with a slash at its end; nothing for a whole bucket.
    pub(crate) fn as_folder(&self) -> String {
        if self.path.is_empty() || self.path.ends_with('/') { self.path.clone() } else { format!("{}/", self.path) }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root.name_of(&self.path))
    }
}

fn wrong(text: &str, reason: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("`{text}` {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        assert_eq!(Location::parse("s3://b/k/x.csv").unwrap().to_string(), "s3://b/k/x.csv");
        assert_eq!(Location::parse("file:///a/../b/./c").unwrap().path, "/b/c");
        assert_eq!(Location::parse("/a/b/").unwrap().path, "/a/b/");
        assert!(Location::parse("x.csv").unwrap().path.ends_with("/x.csv"));
        assert!(Location::parse("https://host/x.csv").is_err());
        assert!(Location::parse("s3:///x.csv").is_err());
        assert!(Location::parse("file://host/x.csv").is_err());
        assert_eq!(Location::parse("s3://b").unwrap().join("d/*.csv").unwrap().path, "d/*.csv");
        assert_eq!(Location::parse("/data").unwrap().join("../x").unwrap().path, "/x");
    }
}
