//! One request to the shop, and all that can become of it.

use crate::BooksConnector;
use headwater_core::{Error, ErrorKind, Result, ScanContext};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);

impl BooksConnector {
    /// `GET path?query`. Whoever drops this future closes the connection: that is how a request is cancelled.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Json, context: &ScanContext) -> Result<T> {
        let _slot = self.slots.acquire().await.map_err(|error| Error::internal(error.to_string()))?;
        let started = Instant::now();
        let mut request = self.http.get(format!("http://{}{path}", self.address)).query(query).timeout(TIMEOUT);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        // With it, the shop's own log tells which statement a request was for.
        let sent = request.header("x-request-id", &context.query_id).send().await;
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
