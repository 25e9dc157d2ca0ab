//! The client: made at first use, shared by everything the catalog does.

mod bucket;
mod budgets;
mod leave;
mod meter;
mod pace;
mod role;
mod spent;
mod tap;

pub(crate) use leave::Leave;
pub(crate) use meter::Meter;
pub(crate) use spent::{charge, check_spent};
pub(crate) use tap::Tap;

use crate::config::{CredentialSource, DynamoDbConfig};
use crate::error::{CREDENTIALS_HINT, Site};
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, ProvideCredentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::{Builder as HttpBuilder, tls};
use budgets::Budgets;
use headwater_core::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ATTEMPT_WITHIN: Duration = Duration::from_secs(30);
const MAX_ATTEMPTS: u32 = 8;
/// What AWS's own SDKs use for DynamoDB in place of their general one second: its answers take milliseconds.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Outside EC2 nobody answers at the metadata address; a person without credentials should not wait for that.
const INSTANCE_METADATA_WITHIN: Duration = Duration::from_secs(1);

/// The way to one DynamoDB account and region, or to a local server.
#[derive(Debug)]
pub(crate) struct Connection {
    config: Arc<DynamoDbConfig>,
    client: OnceCell<Client>,
    permits: Arc<Semaphore>,
    budgets: Arc<Budgets>,
}

impl Connection {
    /// Does no I/O.
    pub(crate) fn new(config: Arc<DynamoDbConfig>) -> Self {
        let permits = Arc::new(Semaphore::new(config.max_requests_in_flight));
        let budgets = Budgets::shared(&config);
        Self { config, client: OnceCell::new(), permits, budgets }
    }

    /// The client; the first call looks for region and credentials.
    ///
    /// # Errors
    /// `Config` without a region, `Unauthenticated` without credentials.
    pub(crate) async fn client(&self) -> Result<&Client> {
        self.client.get_or_try_init(|| connect(&self.config)).await
    }

    /// Waits for a place among the requests in flight; dropping the permit frees it.
    pub(crate) async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let permits = Arc::clone(&self.permits);
        permits.acquire_owned().await.map_err(|_| Error::internal("the semaphore of requests in flight was closed"))
    }

    /// Waits until a reading request of a table may be sent: within the budgets, and with a place in flight.
    pub(crate) async fn leave(&self, table: &str) -> Result<Leave> {
        let admission = self.budgets.admit(table).await;
        let pace = self.budgets.table(table);
        Ok(Leave { permit: self.permit().await?, admission, pace })
    }

    /// The place of a call, for its error.
    pub(crate) fn site(&self, operation: &'static str, table: Option<&str>) -> Site {
        Site { operation, table: table.map(str::to_owned), place: self.config.place() }
    }

    pub(crate) fn config(&self) -> &DynamoDbConfig {
        &self.config
    }
}

async fn connect(config: &DynamoDbConfig) -> Result<Client> {
    let http = https_client();
    let region = region(config).await?;
    let credentials = credentials(config, &http, region.clone()).await?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(region)
        .credentials_provider(credentials)
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
    Ok(Client::new(&loader.load().await))
}

fn https_client() -> SharedHttpClient {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    HttpBuilder::new().tls_provider(ring).build_https()
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

/// Option, environment, profile. Not the instance's metadata: a region found that way surprises.
async fn region(config: &DynamoDbConfig) -> Result<Region> {
    if let Some(region) = &config.region {
        return Ok(Region::new(region.clone()));
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &config.profile {
        profile = profile.profile_name(name);
    }
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Ok(region);
    }
    if let Some(region) = profile.build().region().await {
        return Ok(region);
    }
    if config.is_local() {
        // A local server has no regions, but a signature needs one.
        return Ok(Region::from_static("us-east-1"));
    }
    Err(Error::config("no AWS region is given")
        .with_hint("set the catalog's option `region`, AWS_REGION, or a region in the profile"))
}

/// Looks for credentials once, so that having none is an error of its own and not a failed request.
async fn credentials(
    config: &DynamoDbConfig,
    http: &SharedHttpClient,
    region: Region,
) -> Result<SharedCredentialsProvider> {
    let own = own_credentials(config, http, region.clone()).await?;
    match &config.role {
        None => Ok(own),
        Some(role) => role::assumed(config, role, own, http, region).await,
    }
}

/// Those of the configuration, or what the SDK's chain finds.
async fn own_credentials(
    config: &DynamoDbConfig,
    http: &SharedHttpClient,
    region: Region,
) -> Result<SharedCredentialsProvider> {
    if let CredentialSource::Keys { access_key_id, secret_access_key, session_token } = &config.credentials {
        let token = session_token.as_ref().map(|token| token.expose().to_owned());
        let keys = Credentials::new(access_key_id, secret_access_key.expose(), token, None, "headwater options");
        return Ok(SharedCredentialsProvider::new(keys));
    }
    let provider = ProviderConfig::without_region().with_region(Some(region)).with_http_client(http.clone());
    let metadata = aws_config::imds::Client::builder()
        .configure(&provider)
        .connect_timeout(INSTANCE_METADATA_WITHIN)
        .read_timeout(INSTANCE_METADATA_WITHIN)
        .max_attempts(1)
        .build();
    let mut chain = DefaultCredentialsChain::builder().configure(provider).imds_client(metadata);
    if let Some(profile) = &config.profile {
        chain = chain.profile_name(profile);
    }
    let chain = chain.build().await;
    chain.provide_credentials().await.map_err(|error| {
        Error::new(ErrorKind::Unauthenticated, format!("no AWS credentials for {}: {error}", config.place()))
            .with_hint(CREDENTIALS_HINT)
            .with_source(error)
    })?;
    Ok(SharedCredentialsProvider::new(chain))
}
