//! A bucket as an object store.

use crate::credentials::StoreCredentials;
use headwater_core::{Error, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const RETRY_WITHIN: Duration = Duration::from_secs(30);
const MAX_ATTEMPTS: usize = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// The way to a bucket; `endpoint` in place of AWS's, which was checked. Does no I/O.
///
/// # Errors
/// `Config` for a name that no bucket can have.
pub fn bucket_store(
    name: &str,
    region: &str,
    endpoint: Option<&str>,
    credentials: Arc<StoreCredentials>,
) -> Result<AmazonS3> {
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_BACKOFF, max_backoff: LONGEST_BACKOFF, base: 2.0 },
        max_retries: MAX_ATTEMPTS - 1,
        retry_timeout: RETRY_WITHIN,
    };
    let client = ClientOptions::new()
        .with_connect_timeout(CONNECT_WITHIN)
        .with_timeout(RETRY_WITHIN)
        .with_allow_http(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")));
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(region)
        .with_credentials(credentials as _)
        .with_retry(retry)
        .with_client_options(client);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder
        .build()
        .map_err(|error| Error::config(format!("the object store for bucket {name} cannot be set up: {error}")))
}
