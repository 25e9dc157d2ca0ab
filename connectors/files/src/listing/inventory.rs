//! S3 Inventory: a manifest that lists the files of a table, with their format and columns.

use super::{FileEntry, Format};
use crate::config::{Location, Root};
use crate::connect::Connection;
use crate::error::corrupt;
use crate::listing::find::file;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{Error, ErrorKind, Result};
use serde::Deserialize;

/// Requests for the sizes of the files, at once.
const LOOKS_AT_ONCE: usize = 16;

/// The manifest as AWS writes it; other keys are of no use here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    destination_bucket: String,
    file_format: String,
    #[serde(default)]
    file_schema: String,
    files: Vec<ManifestFile>,
}

#[derive(Debug, Deserialize)]
struct ManifestFile {
    key: String,
}

/// The files of an inventory.
#[derive(Debug)]
pub(crate) struct Inventory {
    pub(crate) files: Vec<FileEntry>,
    pub(crate) format: Format,
    /// The columns of a CSV file, which has no header.
    pub(crate) names: Vec<String>,
}

/// Reads a manifest.
///
/// # Errors
/// `Corrupt` for a file that is none, `Unsupported` for ORC, `NotFound` for a file that it lists and that is not there.
pub(crate) async fn read_manifest(connection: &Connection, root: &Root, manifest: &FileEntry) -> Result<Inventory> {
    let store = connection.file(root, &manifest.path, manifest.etag.as_deref(), None).await?;
    let name = root.name_of(&manifest.path);
    let text = store.whole().await?;
    let parsed: Manifest = serde_json::from_slice(&text).map_err(|error| {
        corrupt(&name, "S3 Inventory manifest", &error.to_string())
            .with_hint("to read a file as JSON, name it otherwise")
    })?;
    let format = match parsed.file_format.as_str() {
        "CSV" => Format::Csv,
        "Parquet" => Format::Parquet,
        other => {
            let message = format!("{name} lists files of the format {other}, which cannot be read");
            return Err(Error::new(ErrorKind::Unsupported, message).with_hint("CSV and Parquet inventories can"));
        }
    };
    let names = if format == Format::Csv { csv_names(&parsed.file_schema) } else { Vec::new() };
    check_within(root, &parsed, &name)?;
    let find = |listed: ManifestFile| find_file(connection, root, manifest, listed.key);
    let files = stream::iter(parsed.files).map(find).buffered(LOOKS_AT_ONCE).try_collect().await?;
    Ok(Inventory { files, format, names })
}

/// AWS writes a manifest beside what it lists; one that points elsewhere could name any file that we may read.
fn check_within(root: &Root, manifest: &Manifest, name: &str) -> Result<()> {
    let listed = bucket_of(&manifest.destination_bucket);
    if let Root::Bucket(own) = root
        && own != listed
    {
        let message = format!("{name} lists files of another bucket, {listed}");
        return Err(
            Error::new(ErrorKind::Unsupported, message).with_hint("read the manifest in the bucket of its files")
        );
    }
    let leads_out = |file: &&ManifestFile| file.key.split('/').any(|part| part == ".." || part == ".");
    match manifest.files.iter().find(leads_out) {
        Some(file) => Err(corrupt(name, "S3 Inventory manifest", &format!("it lists {}", file.key))),
        None => Ok(()),
    }
}

/// `Bucket, Key, Size` as a list.
fn csv_names(schema: &str) -> Vec<String> {
    schema.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// The bucket of `arn:aws:s3:::bucket`.
fn bucket_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

async fn find_file(connection: &Connection, root: &Root, manifest: &FileEntry, key: String) -> Result<FileEntry> {
    for path in candidates(root, &manifest.path, &key) {
        let place = Location { root: root.clone(), path };
        if let Some(entry) = file(connection, &place).await? {
            return Ok(entry);
        }
    }
    let message = format!("{}, which {} lists, is not there", root.name_of(&key), manifest.path);
    let error = Error::not_found(message);
    Err(if *root == Root::Disk {
        error.with_hint("copy the inventory with its folders as they are on S3")
    } else {
        error
    })
}

/// In a bucket the key itself. On disk the key below any folder above the manifest, as a copy of the bucket has it.
fn candidates(root: &Root, manifest: &str, key: &str) -> Vec<String> {
    if *root != Root::Disk {
        return vec![key.to_owned()];
    }
    let above = manifest.char_indices().rev().filter(|(_, character)| *character == '/');
    above.filter_map(|(slash, _)| Some(format!("{}/{key}", manifest.get(..slash)?))).collect()
}
