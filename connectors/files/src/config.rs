//! What a person writes for a catalog of files, parsed once.

mod declared;
mod place;

pub(crate) use declared::{DeclaredColumn, DeclaredTable};
pub(crate) use place::{Location, Root};

use headwater_aws::config::{CredentialSource, check_endpoint, check_region};
use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec, Options};
use headwater_core::{Error, Result};
use std::collections::BTreeMap;

/// Every option of a catalog of files.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    option(
        "url",
        OptionKind::Text,
        None,
        "`s3://BUCKET/PREFIX`, `s3://` for all buckets as schemas, or `file:///DIR`; for S3 with \
         `?region=…&endpoint=…&profile=…` if needed, options of their own win.",
    ),
    option("path", OptionKind::Text, None, "A local directory, in place of `url`."),
    option(
        "paths",
        OptionKind::Choice(&["any", "place"]),
        None,
        "Which paths and URLs a statement may name: `any`, or those within the catalog's own place. Without `url` and \
         `path` any, else those within.",
    ),
    option("region", OptionKind::Text, None, "AWS region; else the bucket's own is looked up."),
    option("endpoint", OptionKind::Text, None, "Address in place of AWS's, for a local server or a VPC endpoint."),
    option(
        "allow_http",
        OptionKind::Boolean,
        Some("false"),
        "Allows an `http://` endpoint on another machine: requests and answers travel in the clear.",
    ),
    option("profile", OptionKind::Text, None, "Profile of `~/.aws/config` and `~/.aws/credentials`."),
    option("access_key_id", OptionKind::Text, None, "Access key; together with `secret_access_key`."),
    option("secret_access_key", OptionKind::Secret, None, "Secret of the access key."),
    option("session_token", OptionKind::Secret, None, "Token of temporary credentials."),
    option(
        "sample_files",
        OptionKind::Integer,
        Some("1000"),
        "Files of a table whose Parquet footer, or whose beginning, is read to learn the columns.",
    ),
    option(
        "sample_size",
        OptionKind::ByteSize,
        Some("8MiB"),
        "CSV or JSON text of a table, decompressed, that is read to learn the columns; at least 64 KiB of a file.",
    ),
    option("split_size", OptionKind::ByteSize, Some("16MiB"), "Stored bytes that one split reads, about."),
    option("max_files", OptionKind::Integer, Some("20000"), "A table of more files than this is refused."),
    option("max_requests_in_flight", OptionKind::Integer, Some("64"), "Most requests under way at once."),
    option(
        "tables",
        OptionKind::Table,
        None,
        "Declared tables: `[catalogs.NAME.tables.TABLE]` with `path`, `format`, `delimiter`, `header`, \
         `newlines_in_quotes`, and `[….columns]`, `[….partitions]` with `column = \"type\"`.",
    ),
];

const fn option(
    name: &'static str,
    kind: OptionKind,
    default: Option<&'static str>,
    description: &'static str,
) -> OptionSpec {
    OptionSpec { name, kind, default, description }
}

/// What the catalog's schemas are.
#[derive(Debug, Clone)]
pub(crate) enum Scope {
    /// No place of its own: only paths written in statements, and declared tables.
    Nowhere,
    /// One place, whose folders and files are the tables of the schema `default`.
    Place(Location),
    /// Every bucket is a schema.
    Buckets,
}

/// A catalog of files, checked.
#[derive(Debug, Clone)]
pub(crate) struct FilesConfig {
    /// The catalog's name, for hints that show what to write.
    pub(crate) catalog: String,
    pub(crate) scope: Scope,
    /// Statements may name paths outside the catalog's place.
    pub(crate) any_path: bool,
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) credentials: CredentialSource,
    pub(crate) sample_files: usize,
    pub(crate) sample_bytes: u64,
    pub(crate) split_bytes: u64,
    pub(crate) max_files: usize,
    pub(crate) max_requests_in_flight: usize,
    pub(crate) tables: BTreeMap<String, DeclaredTable>,
}

impl FilesConfig {
    /// Parses the options of a catalog. No I/O.
    ///
    /// # Errors
    /// `Config`: a value out of range, contradicting places, a half-given key pair, an unsafe endpoint, an unknown key
    /// under `tables`.
    pub(crate) fn parse(catalog: &CatalogConfig) -> Result<Self> {
        let options = &catalog.options;
        let url = options.text("url").map(UrlParts::parse).transpose()?.unwrap_or_default();
        let scope = match (url.scope, options.text("path")) {
            (Some(_), Some(_)) => {
                return Err(Error::config("options url and path contradict each other").with_hint("keep one of them"));
            }
            (Some(scope), None) => scope,
            (None, Some(path)) => Scope::Place(Location::local(path)?),
            (None, None) => Scope::Nowhere,
        };
        let pick = |name: &str, from_url: Option<String>| options.text(name).map(str::to_owned).or(from_url);
        let endpoint = pick("endpoint", url.endpoint);
        if let Some(endpoint) = &endpoint {
            check_endpoint("endpoint", endpoint, options.boolean("allow_http").unwrap_or(false))?;
        }
        let region = pick("region", url.region);
        if let Some(region) = &region {
            check_region("region", region)?;
        }
        let tables = options.table("tables").map(declared::parse_tables).transpose()?.unwrap_or_default();
        let any_path = match options.text("paths") {
            Some(word) => word == "any",
            None => matches!(scope, Scope::Nowhere),
        };
        Ok(Self {
            catalog: catalog.name.clone(),
            scope,
            any_path,
            region,
            endpoint,
            profile: pick("profile", url.profile),
            credentials: CredentialSource::parse(options)?,
            sample_files: count(options, "sample_files", 1_000_000)?,
            sample_bytes: size(options, "sample_size", 1 << 10)?,
            split_bytes: size(options, "split_size", 1 << 10)?,
            max_files: count(options, "max_files", 10_000_000)?,
            max_requests_in_flight: count(options, "max_requests_in_flight", 10_000)?,
            tables,
        })
    }

    /// Whether a statement may name this path: whoever may ask a server must not thereby read the server's disk.
    pub(crate) fn allows(&self, place: &Location) -> bool {
        self.any_path
            || match &self.scope {
                Scope::Nowhere => false,
                Scope::Buckets => place.root != Root::Disk,
                Scope::Place(own) => {
                    place.root == own.root && (place.path == own.path || place.path.starts_with(&own.as_folder()))
                }
            }
    }

    /// Where requests to S3 go, for messages.
    pub(crate) fn place(&self) -> String {
        self.endpoint.clone().unwrap_or_else(|| "S3".to_owned())
    }
}

fn count(options: &Options, name: &'static str, max: u32) -> Result<usize> {
    let number = options.integer_within(name, 1..=i64::from(max))?;
    usize::try_from(number).map_err(|_| Error::config(format!("option {name} must be between 1 and {max}")))
}

fn size(options: &Options, name: &'static str, least: u64) -> Result<u64> {
    let bytes = options.byte_size(name).unwrap_or(least);
    if bytes < least {
        return Err(Error::config(format!("option {name} must be at least {least}B")));
    }
    Ok(bytes)
}

/// The option `url`, taken apart.
#[derive(Debug, Default)]
struct UrlParts {
    scope: Option<Scope>,
    region: Option<String>,
    endpoint: Option<String>,
    profile: Option<String>,
}

impl UrlParts {
    const FORM: &str = "write s3://BUCKET/PREFIX, s3:// for all buckets, or file:///DIRECTORY";

    fn parse(text: &str) -> Result<Self> {
        let wrong = |reason: String| Error::config(format!("option url: {reason}")).with_hint(Self::FORM);
        let (place, parameters) = match text.split_once('?') {
            Some((place, parameters)) if text.starts_with("s3://") => (place, parameters),
            _ => (text, ""),
        };
        let scope = match place {
            "s3://" | "s3:///" => Scope::Buckets,
            _ if place.starts_with("s3://") || place.starts_with("file://") => Scope::Place(Location::parse(place)?),
            _ => return Err(wrong("begins neither with s3:// nor with file://".to_owned())),
        };
        let mut parts = Self { scope: Some(scope), ..Self::default() };
        for (key, value) in url::form_urlencoded::parse(parameters.as_bytes()) {
            match key.as_ref() {
                "region" => parts.region = Some(value.into_owned()),
                "endpoint" => parts.endpoint = Some(value.into_owned()),
                "profile" => parts.profile = Some(value.into_owned()),
                _ => return Err(wrong(format!("unknown parameter `{key}`"))),
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_place_region_endpoint_and_profile() {
        let parts =
            UrlParts::parse("s3://data/in?endpoint=http://127.0.0.1:8333&profile=dev&region=eu-west-1").unwrap();
        let Some(Scope::Place(location)) = parts.scope else { panic!("no place") };
        assert_eq!(location.to_string(), "s3://data/in");
        assert_eq!(parts.endpoint.as_deref(), Some("http://127.0.0.1:8333"));
        assert_eq!(parts.region.as_deref(), Some("eu-west-1"));
        assert!(matches!(UrlParts::parse("s3://").unwrap().scope, Some(Scope::Buckets)));
        assert!(UrlParts::parse("s3://b?x=1").is_err());
        assert!(UrlParts::parse("https://b").is_err());
    }
}
