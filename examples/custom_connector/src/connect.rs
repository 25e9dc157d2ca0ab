//! From the options of a catalog to a shop, and from a request to its answer.

use headwater_core::config::{CatalogConfig, OptionKind, OptionSpec};
use headwater_core::{Connector, ConnectorFactory, Error, ErrorKind, Result, ScanContext, Secret};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Builds connectors for `connector = "books"` and for `--catalog shop=books://…`.
#[derive(Debug)]
pub struct BooksFactory;

impl ConnectorFactory for BooksFactory {
    fn name(&self) -> &'static str {
        "books"
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[
            OptionSpec { name: "url", kind: OptionKind::Text, default: None, description: "books://host:port" },
            OptionSpec { name: "token", kind: OptionKind::Secret, default: None, description: "As ${env:NAME}, say" },
        ]
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &["books"]
    }

    /// Names and kinds of the options have been checked. No I/O: whether the shop answers shows at the first request.
    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        let url = catalog.options.required_text("url")?;
        // Errors repeat the address, so it is no place for a password.
        let address = url.strip_prefix("books://").filter(|address| !address.contains('@'));
        let address = address.ok_or_else(|| Error::config("option url is not of the form books://host:port"))?;
        let (http, slots) = (reqwest::Client::default(), Arc::new(Semaphore::new(8)));
        let token = catalog.options.secret("token");
        Ok(Arc::new(BooksConnector { http, address: address.to_owned(), token, slots }))
    }
}

/// A book shop as a source.
#[derive(Debug, Clone)]
pub struct BooksConnector {
    http: reqwest::Client,
    address: String,
    token: Option<Secret>,
    /// No more than this many requests are in flight, however many scans there are.
    slots: Arc<Semaphore>,
}

impl BooksConnector {
    /// `GET path?query`. Whoever drops this future closes the connection: that is how a request is cancelled.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Json, context: &ScanContext) -> Result<T> {
        let _slot = self.slots.acquire().await.map_err(|error| Error::internal(error.to_string()))?;
        let started = Instant::now();
        let mut request = self.http.get(format!("http://{}{path}", self.address)).query(query);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        // With it, the shop's own log tells which statement a request was for.
        let sent = request.header("x-request-id", &context.query_id).timeout(Duration::from_secs(30)).send().await;
        let answer = sent.map_err(|error| self.broken(&error))?;
        context.metrics.add_request(started.elapsed());
        // The kind says what a caller can do. The body is not repeated: who knows what a proxy writes into it.
        let refused = |kind| Err(Error::new(kind, format!("the shop answered {path} with {}", answer.status())));
        match answer.status().as_u16() {
            200..300 => {}
            401 => return refused(ErrorKind::Unauthenticated),
            403 => return refused(ErrorKind::PermissionDenied),
            404 => return refused(ErrorKind::NotFound),
            429 => return refused(ErrorKind::Throttled),
            500.. => return refused(ErrorKind::Unavailable),
            _ => return refused(ErrorKind::Unsupported),
        }
        let body = answer.bytes().await.map_err(|error| self.broken(&error))?;
        context.metrics.add_wire_bytes(body.len() as u64);
        serde_json::from_slice(&body).map_err(|reason| {
            Error::new(ErrorKind::Corrupt, format!("the shop's answer to {path} is not what its API says: {reason}"))
        })
    }

    fn broken(&self, error: &reqwest::Error) -> Error {
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unavailable };
        Error::new(kind, format!("the shop at {} did not answer in full: {cause}", self.address))
            .with_hint("check option url, and that the shop is open")
    }
}
