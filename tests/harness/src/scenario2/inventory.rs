//! The inventory report, laid out as S3 Inventory does it: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>.

use std::io::Write as _;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::error::ArrowError;
use flate2::Compression;
use flate2::write::GzEncoder;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use serde_json::{Value, json};

use super::{Content, ETag, ObjectVersion, Scenario2};
use crate::error::{Context as _, HarnessError, Result};
use crate::fingerprint::fingerprint;
use crate::parquet::parquet;
use crate::s3::S3;

/// The bucket that the inventory is of; there need be no such bucket.
pub const SOURCE_BUCKET: &str = "documents";

/// Where the manifest of the Parquet report is, in whatever bucket it was loaded into. The report in CSV has the
/// configuration `daily-csv` in the place of `daily`.
pub const MANIFEST_KEY: &str = "inventory/documents/daily/2026-01-01T01-00Z/manifest.json";

/// 2026-01-01T01:00:00Z, in milliseconds since 1970.
const CREATED: i64 = 1_767_229_200_000;

const PARQUET_SCHEMA: &str = "message s3.inventory { required binary bucket (STRING); required binary key (STRING); \
    optional binary version_id (STRING); optional boolean is_latest; optional boolean is_delete_marker; \
    optional int64 size; optional int64 last_modified_date (TIMESTAMP(MILLIS,true)); optional binary e_tag (STRING); \
    optional binary storage_class (STRING); }";

const CSV_SCHEMA: &str = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass";

/// One of the two flavours of the report.
struct Flavour {
    configuration: &'static str,
    format: &'static str,
    schema: &'static str,
    ending: &'static str,
}

const PARQUET: Flavour =
    Flavour { configuration: "daily", format: "Parquet", schema: PARQUET_SCHEMA, ending: "parquet" };
const CSV: Flavour = Flavour { configuration: "daily-csv", format: "CSV", schema: CSV_SCHEMA, ending: "csv.gz" };

impl Scenario2 {
    /// Puts the report in Parquet into `bucket`, which exists: data files, `manifest.checksum` and, last,
    /// [`MANIFEST_KEY`].
    ///
    /// # Errors
    ///
    /// The server refuses a request or is stopped.
    pub async fn load_inventory(&self, server: &S3, bucket: &str) -> Result<()> {
        let rows = self.versions.len().div_ceil(self.size.inventory_files);
        let file = |versions: &[ObjectVersion]| {
            let batches = versions.chunks(8_192).map(batch);
            let schema = batch(&[]).context(|| "writing an inventory".to_owned())?.schema();
            parquet(&schema, batches).context(|| "writing an inventory".to_owned())
        };
        report(server, bucket, &PARQUET, self.versions.chunks(rows).map(file)).await.map(drop)
    }

    /// Puts a report in gzipped CSV with [`rows` versions](Self::some_versions) into `bucket`, which exists, in two data
    /// files; keys are encoded as in URLs. Returns the key of its manifest.
    ///
    /// # Errors
    ///
    /// The server refuses a request or is stopped.
    pub async fn load_csv_inventory(&self, server: &S3, bucket: &str, rows: usize) -> Result<String> {
        let versions = self.some_versions(rows);
        let files = versions.chunks(versions.len().div_ceil(2).max(1)).map(|versions| {
            let text: String = versions.iter().map(|version| csv_line(version)).collect();
            gzip(&text).context(|| "compressing an inventory".to_owned())
        });
        report(server, bucket, &CSV, files).await
    }

    /// As many versions, spread over the whole inventory, in its order; all when there are no more.
    pub fn some_versions(&self, rows: usize) -> Vec<&ObjectVersion> {
        let step = (self.versions.len() / rows.max(1)).max(1);
        self.versions.iter().step_by(step).take(rows).collect()
    }
}

/// Writes data files, manifest and the manifest's checksum; returns the manifest's key.
async fn report(
    server: &S3,
    bucket: &str,
    flavour: &Flavour,
    files: impl Iterator<Item = Result<Vec<u8>>>,
) -> Result<String> {
    let folder = format!("inventory/{SOURCE_BUCKET}/{}", flavour.configuration);
    let mut listed = Vec::new();
    for (number, bytes) in files.enumerate() {
        let (bytes, name) = (bytes?, uuid(flavour.format, number));
        let key = format!("{folder}/data/{name}.{}", flavour.ending);
        let size = bytes.len();
        let checksum = put(server, bucket, &key, bytes).await?;
        listed.push(json!({ "key": key, "size": size, "MD5checksum": checksum }));
    }
    let manifest = manifest(bucket, flavour, &listed);
    let key = format!("{folder}/2026-01-01T01-00Z/manifest.json");
    let checksum = put(server, bucket, &key, manifest.to_string().into_bytes()).await?;
    put(server, bucket, &key.replace("manifest.json", "manifest.checksum"), checksum.into_bytes()).await?;
    Ok(key)
}

fn manifest(bucket: &str, flavour: &Flavour, files: &[Value]) -> Value {
    json!({
        "sourceBucket": SOURCE_BUCKET,
        "destinationBucket": format!("arn:aws:s3:::{bucket}"),
        "version": "2016-11-30",
        "creationTimestamp": CREATED.to_string(),
        "fileFormat": flavour.format,
        "fileSchema": flavour.schema,
        "files": files,
    })
}

/// Writes an object and returns its MD5 checksum in hexadecimal digits, which is its ETag.
async fn put(server: &S3, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<String> {
    let doing = || format!("writing s3://{bucket}/{key}");
    let put = server.client(bucket)?.put(&Path::parse(key).context(doing)?, PutPayload::from(bytes)).await;
    let etag = put.context(doing)?.e_tag;
    etag.map(|etag| etag.replace('"', ""))
        .ok_or_else(|| HarnessError::new(format!("{}: the server gave no ETag", doing())))
}

/// Looks like one, and is the same for the same file.
fn uuid(format: &str, number: usize) -> String {
    let half = |salt| fingerprint(&(format, number, salt));
    let digits = format!("{}{}", half(1), half(2));
    let ranges = [0..8, 8..12, 12..16, 16..20, 20..32];
    ranges.map(|range| digits.get(range).unwrap_or_default()).join("-")
}

fn batch(versions: &[ObjectVersion]) -> Result<RecordBatch, ArrowError> {
    let text = |of: &dyn Fn(&ObjectVersion) -> Option<String>| -> ArrayRef {
        Arc::new(versions.iter().map(of).collect::<StringArray>())
    };
    let flag = |of: &dyn Fn(&ObjectVersion) -> bool| -> ArrayRef {
        Arc::new(versions.iter().map(|version| Some(of(version))).collect::<BooleanArray>())
    };
    let sizes: Int64Array = versions.iter().map(|version| data(version).map(|(size, ..)| size)).collect();
    let modified = versions.iter().map(|version| version.last_modified.seconds * 1_000);
    let modified = TimestampMillisecondArray::from_iter_values(modified).with_timezone("UTC");
    let required = |name: &str, array: ArrayRef| (name.to_owned(), array, false);
    let optional = |name: &str, array: ArrayRef| (name.to_owned(), array, true);
    RecordBatch::try_from_iter_with_nullable([
        required("bucket", text(&|_| Some(SOURCE_BUCKET.to_owned()))),
        required("key", text(&|version| Some(version.key.to_string()))),
        optional("version_id", text(&|version| Some(format!("{:032x}", version.version_id)))),
        optional("is_latest", flag(&|version| version.is_latest)),
        optional("is_delete_marker", flag(&|version| version.content == Content::DeleteMarker)),
        optional("size", Arc::new(sizes)),
        optional("last_modified_date", Arc::new(modified)),
        optional("e_tag", text(&|version| data(version).map(|(_, etag, _)| etag.to_string()))),
        optional("storage_class", text(&|version| data(version).map(|(_, _, class)| class.to_owned()))),
    ])
}

fn data(version: &ObjectVersion) -> Option<(i64, ETag, &'static str)> {
    match version.content {
        Content::DeleteMarker => None,
        Content::Data { size, etag, storage_class } => Some((size, etag, storage_class)),
    }
}

/// A line of CSV, every value in quotes; what is not there is empty.
fn csv_line(version: &ObjectVersion) -> String {
    let (size, etag, class) = match data(version) {
        None => Default::default(),
        Some((size, etag, class)) => (size.to_string(), etag.to_string(), class),
    };
    let modified = version.last_modified.to_string().replace('Z', ".000Z");
    let values = [
        SOURCE_BUCKET.to_owned(),
        url_encoded(&version.key),
        format!("{:032x}", version.version_id),
        version.is_latest.to_string(),
        (version.content == Content::DeleteMarker).to_string(),
        size,
        modified,
        etag,
        class.to_owned(),
    ];
    format!("\"{}\"\n", values.join("\",\""))
}

/// As the reports encode keys: a blank is `+`, and slashes stay.
fn url_encoded(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::url_encoded;

    #[test]
    fn keys_are_encoded_as_forms_are() {
        assert_eq!(url_encoded("u/7/a b+ü&100%.pdf"), "u/7/a+b%2B%C3%BC%26100%25.pdf");
    }
}
