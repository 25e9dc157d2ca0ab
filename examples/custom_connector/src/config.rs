//! What a catalog of kind `books` may say. Names and kinds have been checked when `build` is called.

use crate::BooksConnector;
use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec};
use headwater_core::{Connector, ConnectorFactory, Error, Result};
use std::sync::Arc;
use tokio::sync::Semaphore;

const MAX_REQUESTS: usize = 8;
const OPTIONS: &[OptionSpec] = &[
    OptionSpec { name: "url", kind: OptionKind::Text, default: None, description: "The shop, as books://host:port" },
    OptionSpec { name: "token", kind: OptionKind::Secret, default: None, description: "Best given as ${env:NAME}" },
];

/// Builds connectors for `connector = "books"` and for `--catalog shop=books://…`.
#[derive(Debug)]
pub struct BooksFactory;

impl ConnectorFactory for BooksFactory {
    fn name(&self) -> &'static str {
        "books"
    }

    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &["books"]
    }

    /// No I/O: whether the shop answers shows at the first request.
    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        let url = catalog.options.required_text("url")?;
        // Errors repeat the address, so it is no place for a password.
        let address = url.strip_prefix("books://").filter(|address| !address.contains('@'));
        let address = address.ok_or_else(|| Error::config("option url is not of the form books://host:port"))?;
        let (http, slots) = (reqwest::Client::default(), Arc::new(Semaphore::new(MAX_REQUESTS)));
        let token = catalog.options.secret("token");
        Ok(Arc::new(BooksConnector { http, address: address.to_owned(), token, slots }))
    }
}
