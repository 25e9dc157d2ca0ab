//! An AWS account: credentials from the SDK's chain, for the SDK's client and for the object store.

use super::Bucket;
use crate::config::FilesConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use headwater_aws::bucket::bucket_store;
use headwater_aws::credentials::{StoreCredentials, credentials, https_client, region_around};
use headwater_core::Result;
use std::sync::Arc;
use std::time::Duration;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ATTEMPT_WITHIN: Duration = Duration::from_secs(30);
const MAX_ATTEMPTS: u32 = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Any region can tell where a bucket is.
const ANY_REGION: &str = "us-east-1";

/// Credentials, and what all clients share.
#[derive(Debug)]
pub(crate) struct Aws {
    shared: SdkConfig,
    region: Option<Region>,
    credentials: Arc<StoreCredentials>,
}

impl Aws {
    /// Looks for region and credentials.
    ///
    /// # Errors
    /// `Unauthenticated` without credentials.
    pub(super) async fn connect(config: &FilesConfig) -> Result<Self> {
        let http = https_client();
        let region = region(config).await;
        let any = region.clone().unwrap_or(Region::from_static(ANY_REGION));
        let (profile, place) = (config.profile.as_deref(), config.place());
        let credentials = credentials(&config.credentials, profile, &http, any.clone(), &place).await?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(any)
            .credentials_provider(credentials.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        if let Some(profile) = &config.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = &config.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Ok(name) = AppName::new("headwater") {
            loader = loader.app_name(name);
        }
        let credentials = Arc::new(StoreCredentials::new(credentials));
        Ok(Self { shared: loader.load().await, region, credentials })
    }

    /// The client for calls that belong to no bucket.
    pub(crate) fn client(&self) -> Client {
        self.client_in(None)
    }

    fn client_in(&self, region: Option<&Region>) -> Client {
        // Addresses of the form endpoint/bucket work everywhere; bucket.endpoint needs names of its own.
        let mut builder = aws_sdk_s3::config::Builder::from(&self.shared).force_path_style(true);
        if let Some(region) = region {
            builder = builder.region(region.clone());
        }
        Client::from_conf(builder.build())
    }

    pub(super) async fn bucket(&self, name: &str, config: &FilesConfig) -> Result<Bucket> {
        let region = self.region_of(name, config).await;
        let client = self.client_in(Some(&region));
        let credentials = Arc::clone(&self.credentials);
        let store = bucket_store(name, region.as_ref(), config.endpoint.as_deref(), credentials)?;
        Ok(Bucket { name: name.to_owned(), client, store: Arc::new(store) })
    }

    /// The region that the catalog's option names, else the one in which the bucket is.
    async fn region_of(&self, bucket: &str, config: &FilesConfig) -> Region {
        let fallback = self.region.clone().unwrap_or(Region::from_static(ANY_REGION));
        if config.region.is_some() || config.endpoint.is_some() {
            return fallback;
        }
        // The header comes with refusals and redirects, too.
        let found = match self.client().head_bucket().bucket(bucket).send().await {
            Ok(answer) => answer.bucket_region().map(str::to_owned),
            Err(error) => error
                .raw_response()
                .and_then(|response| response.headers().get("x-amz-bucket-region"))
                .map(str::to_owned),
        };
        found.map_or(fallback, Region::new)
    }
}

fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(FIRST_BACKOFF)
        .with_max_backoff(LONGEST_BACKOFF)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_WITHIN).operation_attempt_timeout(ATTEMPT_WITHIN).build()
}

/// Option, environment, profile; none is no error, as a bucket's own region can be looked up.
async fn region(config: &FilesConfig) -> Option<Region> {
    match &config.region {
        Some(region) => Some(Region::new(region.clone())),
        None => region_around(config.profile.as_deref()).await,
    }
}
