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

use crate::config::DynamoDbConfig;
use crate::error::Site;
use aws_config::{AppName, BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{SharedCredentialsProvider, SharedHttpClient};
use budgets::Budgets;
use headwater_aws::bucket::bucket_store;
use headwater_aws::credentials::{StoreCredentials, credentials, https_client, region_around};
use headwater_core::{Error, Result};
use object_store::aws::AmazonS3;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ATTEMPT_WITHIN: Duration = Duration::from_secs(30);
const MAX_ATTEMPTS: u32 = 8;
/// What AWS's own SDKs use for DynamoDB in place of their general one second: its answers take milliseconds.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// A client, and what other clients of the same account need.
#[derive(Debug)]
struct Account {
    client: Client,
    credentials: Arc<StoreCredentials>,
    region: Region,
}

/// The way to one DynamoDB account and region, or to a local server.
#[derive(Debug)]
pub(crate) struct Connection {
    config: Arc<DynamoDbConfig>,
    account: OnceCell<Account>,
    buckets: Mutex<HashMap<String, Arc<AmazonS3>>>,
    permits: Arc<Semaphore>,
    budgets: Arc<Budgets>,
}

impl Connection {
    /// Does no I/O.
    pub(crate) fn new(config: Arc<DynamoDbConfig>) -> Self {
        let permits = Arc::new(Semaphore::new(config.max_requests_in_flight));
        let budgets = Budgets::shared(&config);
        Self { config, account: OnceCell::new(), buckets: Mutex::default(), permits, budgets }
    }

    /// The client; the first call looks for region and credentials.
    ///
    /// # Errors
    /// `Config` without a region, `Unauthenticated` without credentials.
    pub(crate) async fn client(&self) -> Result<&Client> {
        Ok(&self.account().await?.client)
    }

    /// A bucket of exports, with the same credentials; made at first use, so that its connections are shared.
    ///
    /// # Errors
    /// As [`Self::client`], and `Config` for a name that no bucket can have.
    pub(crate) async fn bucket(&self, name: &str) -> Result<Arc<AmazonS3>> {
        let account = self.account().await?;
        let mut buckets = self.buckets.lock().await;
        if let Some(bucket) = buckets.get(name) {
            return Ok(Arc::clone(bucket));
        }
        let exports = &self.config.exports;
        let region = exports.region.as_deref().unwrap_or(account.region.as_ref());
        let credentials = Arc::clone(&account.credentials);
        let bucket = Arc::new(bucket_store(name, region, exports.endpoint.as_deref(), credentials)?);
        buckets.insert(name.to_owned(), Arc::clone(&bucket));
        Ok(bucket)
    }

    async fn account(&self) -> Result<&Account> {
        self.account.get_or_try_init(|| connect(&self.config)).await
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

async fn connect(config: &DynamoDbConfig) -> Result<Account> {
    let http = https_client();
    let region = region(config).await?;
    let credentials = all_credentials(config, &http, region.clone()).await?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(region.clone())
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
    let client = Client::new(&loader.load().await);
    Ok(Account { client, credentials: Arc::new(StoreCredentials::new(credentials)), region })
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
    if let Some(region) = region_around(config.profile.as_deref()).await {
        return Ok(region);
    }
    if config.is_local() {
        // A local server has no regions, but a signature needs one.
        return Ok(Region::from_static("us-east-1"));
    }
    Err(Error::config("no AWS region is given")
        .with_hint("set the catalog's option `region`, AWS_REGION, or a region in the profile"))
}

/// The catalog's own, or those of the role that it assumes with them.
async fn all_credentials(
    config: &DynamoDbConfig,
    http: &SharedHttpClient,
    region: Region,
) -> Result<SharedCredentialsProvider> {
    let (profile, place) = (config.profile.as_deref(), config.place());
    let own = credentials(&config.credentials, profile, http, region.clone(), &place).await?;
    match &config.role {
        None => Ok(own),
        Some(role) => role::assumed(config, role, own, http, region).await,
    }
}
