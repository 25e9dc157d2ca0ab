//! Where the exports of tables are.

use headwater_aws::config::check_endpoint;
use headwater_core::config::{Options, Setting};
use headwater_core::{Error, Result};
use std::collections::BTreeMap;

/// The key of a table's section.
pub(super) const EXPORT: &str = "export";

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
                Some((Setting::Text(url), _)) if url.starts_with("s3://") || url.starts_with("file:///") => {
                    places.insert(table.clone(), url.trim_end_matches('/').to_owned());
                }
                Some((_, origin)) => {
                    let message = format!("{origin}: export of table {table} must be s3://… or file:///…, as text");
                    return Err(Error::config(message).with_hint("name the folder that has manifest-summary.json"));
                }
            }
        }
        Ok(Self { places, endpoint, region: options.text("s3_region").map(str::to_owned) })
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
