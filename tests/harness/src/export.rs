//! Point-in-time exports as DynamoDB writes them: manifests, and gzip files with an item per line.

use crate::error::{Context as _, HarnessError, Result};
use aws_smithy_types::base64;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

/// How an export writes its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// `{"Item":{"id":{"N":"1"}}}`
    DynamoDbJson,
    /// `$ion_1_0 {Item:{id:1.}}`
    Ion,
}

/// An export's files, by their paths below its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export(pub BTreeMap<String, Vec<u8>>);

impl Export {
    /// These items, in DynamoDB's JSON, in three files of which the last has none.
    ///
    /// # Errors
    ///
    /// An item that is not in DynamoDB's JSON.
    pub fn of(items: &[Value], format: ExportFormat) -> Result<Self> {
        let (extension, label) = match format {
            ExportFormat::DynamoDbJson => ("json", "DYNAMODB_JSON"),
            ExportFormat::Ion => ("ion", "ION"),
        };
        let (mut files, mut manifest) = (BTreeMap::new(), String::new());
        let (first, second) = items.split_at(items.len() / 3);
        for (name, items) in [("aaa", first), ("bbb", second), ("ccc", &[])] {
            let content = packed(items, format)?;
            let path = format!("data/{name}.{extension}.gz");
            let entry = json!({
                "itemCount": items.len(), "md5Checksum": base64::encode(Md5::digest(&content)), "etag": "x-1",
                "dataFileS3Key": format!("before/AWSDynamoDB/01-a/{path}"),
            });
            manifest.push_str(&format!("{entry}\n"));
            files.insert(path, content);
        }
        let summary = json!({
            "version": "2020-06-30", "exportTime": "2026-11-04T07:28:34.028Z", "itemCount": items.len(),
            "tableArn": "arn:aws:dynamodb:us-east-1:1:table/items", "outputFormat": label, "exportType": "FULL_EXPORT",
        });
        files.insert("manifest-summary.json".to_owned(), summary.to_string().into_bytes());
        files.insert("manifest-files.json".to_owned(), manifest.into_bytes());
        Ok(Self(files))
    }

    /// Puts other items into one of its files, of which the manifest then knows nothing.
    ///
    /// # Errors
    ///
    /// As for [`of`](Self::of).
    pub fn replace(&mut self, path: &str, items: &[Value], format: ExportFormat) -> Result<()> {
        self.0.insert(path.to_owned(), packed(items, format)?);
        Ok(())
    }

    /// Writes the files into a folder.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn write_to(&self, folder: &Path) -> Result<()> {
        for (path, content) in &self.0 {
            let path = folder.join(path);
            let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
            written
                .and_then(|()| std::fs::write(&path, content))
                .context(|| format!("writing an export to {}", path.display()))?;
        }
        Ok(())
    }
}

fn packing() -> String {
    "packing an export".to_owned()
}

fn no_item(item: &Value) -> HarnessError {
    HarnessError::new(format!("this is no item in DynamoDB's JSON: {item}"))
}

fn packed(items: &[Value], format: ExportFormat) -> Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for item in items {
        let line = match format {
            ExportFormat::DynamoDbJson => json!({ "Item": item }).to_string(),
            ExportFormat::Ion => format!("$ion_1_0 {{Item:{}}}", fields(item).ok_or_else(|| no_item(item))?),
        };
        writeln!(gzip, "{line}").context(packing)?;
    }
    gzip.finish().context(packing)
}

fn fields(item: &Value) -> Option<String> {
    let field = |(name, value): (&String, &Value)| Some(format!("{}:{}", Value::from(name.as_str()), ion(value)?));
    let fields = item.as_object()?.iter().map(field).collect::<Option<Vec<_>>>()?;
    Some(format!("{{{}}}", fields.join(",")))
}

/// Ion's text for a value in DynamoDB's JSON.
fn ion(value: &Value) -> Option<String> {
    let (kind, value) = value.as_object()?.iter().next()?;
    let blob = |value: &Value| Some(format!("{{{{{}}}}}", value.as_str()?));
    Some(match kind.as_str() {
        "S" | "BOOL" => value.to_string(),
        "N" => number(value)?,
        "B" => blob(value)?,
        "NULL" => "null".to_owned(),
        "SS" => format!("$dynamodb_SS::{}", list(value, |value| Some(value.to_string()))?),
        "NS" => format!("$dynamodb_NS::{}", list(value, number)?),
        "BS" => format!("$dynamodb_BS::{}", list(value, blob)?),
        "L" => list(value, ion)?,
        "M" => fields(value)?,
        _ => return None,
    })
}

fn list(values: &Value, each: impl Fn(&Value) -> Option<String>) -> Option<String> {
    let values = values.as_array()?.iter().map(each).collect::<Option<Vec<_>>>()?;
    Some(format!("[{}]", values.join(",")))
}

/// A decimal in one of the ways that Ion has for it.
fn number(value: &Value) -> Option<String> {
    let digits = value.as_str()?.replace(['E', 'e'], "d");
    Some(match digits.strip_suffix("00") {
        Some(short) if !digits.contains(['.', 'd']) => format!("{short}d2"),
        _ if digits.contains(['.', 'd']) => digits,
        _ => format!("{digits}."),
    })
}
