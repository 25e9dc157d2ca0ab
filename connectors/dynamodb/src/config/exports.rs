//! Where the exports of tables are.

use headwater_aws::config::{check_endpoint, check_region};
use headwater_core::config::{Options, Setting};
use headwater_core::{Error, Result};
use std::collections::BTreeMap;
use url::Url;

/// The manifest that an export is found by.
const MANIFEST: &str = "manifest-summary.json";

/// The key of a table's section.
pub(super) const EXPORT: &str = "export";

/// The address of a folder, also where that of its manifest is given, which consoles offer to copy.
fn folder(url: &str) -> std::result::Result<&str, &'static str> {
    let parsed = Url::parse(url).map_err(|_| "is no address")?;
    if !url.starts_with("s3://") && !url.starts_with("file:///") {
        return Err("is neither on S3 nor on disk");
    }
    if url.starts_with("s3://") && parsed.host_str().is_none_or(str::is_empty) {
        return Err("names no bucket");
    }
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.port().is_some() {
        return Err("has more than a bucket before its path; credentials are options of the catalog");
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err("has a `?` or a `#` in it");
    }
    Ok(url.trim_end_matches(MANIFEST).trim_end_matches('/'))
}

/// Exports and the way to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exports {
    /// Addresses by table.
    places: BTreeMap<String, String>,
    /// In place of S3's own address.
    pub(crate) endpoint: Option<String>,
    /// In place of the catalog's region.
    pub(crate) region: Option<String>,
}

impl Exports {
    /// Reads the tables' sections and the catalog's options.
    ///
    /// # Errors
    /// `Config` with the place, for anything but an address of S3 or of a folder, and for an unsafe endpoint.
    pub(super) fn parse(options: &Options) -> Result<Self> {
        let endpoint = options.text("s3_endpoint").map(str::to_owned);
        if let Some(endpoint) = &endpoint {
            check_endpoint("s3_endpoint", endpoint, options.boolean("allow_http").unwrap_or(false))?;
        }
        let mut places = BTreeMap::new();
        for (table, (section, _)) in options.table("tables").into_iter().flatten() {
            let Setting::Table(section) = section else { continue };
            match section.get(EXPORT) {
                None => {}
                Some((Setting::Text(url), origin)) => {
                    let folder = folder(url).map_err(|reason| {
                        Error::config(format!("{origin}: export of table {table} {reason}"))
                            .with_hint("name the folder that has manifest-summary.json: s3://BUCKET/… or file:///…")
                    })?;
                    places.insert(table.clone(), folder.to_owned());
                }
                Some((_, origin)) => {
                    return Err(Error::config(format!("{origin}: export of table {table} must be text")));
                }
            }
        }
        let region = options.text("s3_region").map(str::to_owned);
        if let Some(region) = &region {
            check_region("s3_region", region)?;
        }
        Ok(Self { places, endpoint, region })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The address of a table's export.
    pub(crate) fn of(&self, table: &str) -> Option<&str> {
        self.places.get(table).map(String::as_str)
    }

    /// The tables that have one.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }
}
