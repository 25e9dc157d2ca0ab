//! What an export says of itself: `manifest-summary.json` and `manifest-files.json`.

use super::corrupt;
use super::place::Place;
use crate::connect::Connection;
use headwater_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An export, as its manifests have it.
#[derive(Debug)]
pub(super) struct Export {
    /// The moment whose state it is, as DynamoDB writes it.
    pub(super) time: String,
    pub(super) items: u64,
    /// Of the table, uncompressed; what was billed for.
    pub(super) bytes: Option<u64>,
    pub(super) format: Format,
    pub(super) files: Vec<DataFile>,
}

/// How items are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Format {
    DynamodbJson,
    Ion,
}

/// A file of items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DataFile {
    /// Below the export's own folder.
    pub(super) path: String,
    pub(super) items: u64,
    /// Of the file as it is stored, in base64. No documentation says so, but the example in DynamoDB's own has an ETag,
    /// and that is the one which a file with this sum gets when it is uploaded in one part.
    pub(super) md5: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    export_time: String,
    item_count: u64,
    #[serde(default)]
    billed_size_bytes: Option<u64>,
    output_format: String,
    #[serde(default)]
    export_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileEntry {
    item_count: u64,
    md5_checksum: String,
    data_file_s3_key: String,
}

/// Reads both manifests.
pub(super) async fn read(connection: &Connection, url: &str) -> Result<Export> {
    let place = Place::open(connection, url).await?;
    let summary = place.whole("manifest-summary.json").await.map_err(|error| match error.kind() {
        ErrorKind::NotFound => error.with_hint("DynamoDB writes it last: is the export complete, and the path right?"),
        _ => error,
    })?;
    let files = place.whole("manifest-files.json").await?;
    parse(&summary, &files).map_err(|error| error.with_context("export", url.to_owned()))
}

fn parse(summary: &[u8], files: &[u8]) -> Result<Export> {
    let summary: Summary =
        serde_json::from_slice(summary).map_err(|error| unreadable("manifest-summary.json", &error))?;
    if summary.export_type.as_deref().is_some_and(|kind| kind != "FULL_EXPORT") {
        let message = "the export holds the changes of a period, not a table";
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("name a full export"));
    }
    let format = match summary.output_format.as_str() {
        "ION" => Format::Ion,
        "DYNAMODB_JSON" => Format::DynamodbJson,
        other => return Err(Error::new(ErrorKind::Unsupported, format!("exports in the format {other} are not read"))),
    };
    let lines = files.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let entries =
        lines.map(|line| serde_json::from_slice(line).map_err(|error| unreadable("manifest-files.json", &error)));
    let files: Vec<DataFile> = entries.map(|entry| entry.and_then(data_file)).collect::<Result<_>>()?;
    let listed = files.iter().try_fold(0u64, |listed, file| listed.checked_add(file.items));
    let Some(listed) = listed.filter(|listed| *listed == summary.item_count) else {
        let listed = listed.map_or_else(|| "more than can be counted".to_owned(), |listed| listed.to_string());
        return Err(corrupt(format!(
            "the export has {} items by its summary, and {listed} in its files",
            summary.item_count
        )));
    };
    let mut paths = BTreeSet::new();
    if let Some(twice) = files.iter().find(|file| !paths.insert(file.path.as_str())) {
        return Err(corrupt(format!("manifest-files.json names {} twice", twice.path)));
    }
    let bytes = summary.billed_size_bytes.filter(|bytes| *bytes > 0);
    Ok(Export { time: summary.export_time, items: listed, bytes, format, files })
}

/// Keys are those at the time of the export: what counts is the file's place in the export's own folder, so that a copy
/// can be read as well.
fn data_file(entry: FileEntry) -> Result<DataFile> {
    let (_, name) = entry.data_file_s3_key.rsplit_once('/').unwrap_or(("", &entry.data_file_s3_key));
    if name.is_empty() || name.starts_with('.') {
        return Err(corrupt(format!("manifest-files.json names no file: {}", entry.data_file_s3_key)));
    }
    Ok(DataFile { path: format!("data/{name}"), items: entry.item_count, md5: entry.md5_checksum })
}

fn unreadable(file: &str, error: &serde_json::Error) -> Error {
    corrupt(format!("{file} is no manifest of an export: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[u8] = b"{\"itemCount\":5,\"md5Checksum\":\"sQMSpEILNgoQmarvDFonGQ==\",\"etag\":\"a-1\",\
        \"dataFileS3Key\":\"p/AWSDynamoDB/01-a/data/x.json.gz\"}\n{\"itemCount\":3,\"md5Checksum\":\"x\",\
        \"etag\":\"b-1\",\"dataFileS3Key\":\"p/AWSDynamoDB/01-a/data/y.json.gz\"}\n";

    fn summary(count: u64, more: &str) -> String {
        format!("{{\"exportTime\":\"2020-11-04T07:28:34.028Z\",\"itemCount\":{count},\"outputFormat\":\"ION\"{more}}}")
    }

    #[test]
    fn manifests_are_read() {
        let export = parse(summary(8, ",\"exportType\":\"FULL_EXPORT\"").as_bytes(), FILES).unwrap();
        assert_eq!((export.time.as_str(), export.items, export.format), ("2020-11-04T07:28:34.028Z", 8, Format::Ion));
        assert_eq!(export.files[1], DataFile { path: "data/y.json.gz".to_owned(), items: 3, md5: "x".to_owned() });
    }

    #[test]
    fn manifests_that_contradict_each_other_are_refused() {
        assert_eq!(parse(summary(9, "").as_bytes(), FILES).unwrap_err().kind(), ErrorKind::Corrupt);
        let incremental = summary(8, ",\"exportType\":\"INCREMENTAL_EXPORT\"");
        assert_eq!(parse(incremental.as_bytes(), FILES).unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(parse(b"{}", FILES).unwrap_err().kind(), ErrorKind::Corrupt);
        let twice = [FILES, FILES].concat();
        assert!(parse(summary(16, "").as_bytes(), &twice).unwrap_err().to_string().contains("twice"));
        let huge = String::from_utf8_lossy(FILES).replace("\"itemCount\":5", "\"itemCount\":18446744073709551615");
        assert_eq!(parse(summary(2, "").as_bytes(), huge.as_bytes()).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
