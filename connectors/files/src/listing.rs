//! Which files a table is made of.

mod find;
mod glob;
mod hive;
mod inventory;
mod tables;
mod walk;

pub(crate) use find::{Listing, find};
pub(crate) use hive::{Partitions, partition_values};
pub(crate) use inventory::read_manifest;
pub(crate) use tables::{list_tables, resolve};

use headwater_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// How the rows of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    Parquet,
    Csv,
    Json,
}

impl Format {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Csv => "CSV",
            Self::Json => "JSON lines",
        }
    }
}

/// How a whole file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A file as the listing tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    /// On disk an absolute path, in a bucket a key.
    pub(crate) path: String,
    /// Stored bytes.
    pub(crate) size: u64,
    /// Names this version of the file: a read of another one is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// Parquet: where the row groups begin, if the footer was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<u64>>,
}

impl FileEntry {
    /// The name behind the last slash.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// What a file's name says of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Unknown for a name without one of the known endings.
    pub(crate) format: Option<Format>,
    pub(crate) tabs: bool,
    pub(crate) packing: Packing,
}

/// Reads the endings of a file's name.
///
/// # Errors
/// `Unsupported` for a packing that cannot be unpacked.
pub(crate) fn kind_of(name: &str) -> Result<Kind> {
    let lower = name.to_ascii_lowercase();
    let (stem, last) = lower.rsplit_once('.').unwrap_or((&lower, ""));
    let (packing, ending) = match last {
        "gz" | "gzip" => (Packing::Gzip, ending_of(stem)),
        "zst" | "zstd" => (Packing::Zstd, ending_of(stem)),
        "bz2" | "xz" | "lz4" | "lzo" | "zip" | "snappy" | "br" | "7z" => {
            let message = format!("{name} is packed in a way that cannot be unpacked");
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint("gzip (.gz) and Zstandard (.zst) can be"));
        }
        other => (Packing::Plain, other),
    };
    let format = match ending {
        "parquet" | "pq" | "parq" => Some(Format::Parquet),
        "csv" | "tsv" | "tab" => Some(Format::Csv),
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        _ => None,
    };
    Ok(Kind { format, tabs: matches!(ending, "tsv" | "tab"), packing })
}

fn ending_of(stem: &str) -> &str {
    stem.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// The name without the endings that `kind_of` reads.
pub(crate) fn stem_of(name: &str) -> &str {
    let unpacked = match name.rsplit_once('.') {
        Some((stem, "gz" | "gzip" | "zst" | "zstd")) => stem,
        _ => name,
    };
    match unpacked.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => unpacked,
    }
}

/// Names that begin so are not part of a table: `_SUCCESS`, `.crc`.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_format_and_packing() {
        let kind = |name| kind_of(name).unwrap();
        assert_eq!(kind("a.csv.gz"), Kind { format: Some(Format::Csv), tabs: false, packing: Packing::Gzip });
        assert_eq!(kind("a.TSV"), Kind { format: Some(Format::Csv), tabs: true, packing: Packing::Plain });
        assert_eq!(kind("a.b.jsonl.zst").format, Some(Format::Json));
        assert_eq!(kind("part-0").format, None);
        assert!(kind_of("a.csv.bz2").is_err());
        assert_eq!(stem_of("a.b.csv.gz"), "a.b");
        assert_eq!(stem_of("plain"), "plain");
        assert_eq!(stem_of(".csv"), ".csv");
    }
}
