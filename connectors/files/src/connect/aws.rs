//! An AWS account: credentials from the SDK's chain, for the SDK's client and for the object store.

use super::Bucket;
use crate::config::{CredentialSource, FilesConfig};
use crate::error::{CREDENTIALS_HINT, CredentialsMissing};
use async_trait::async_trait;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::SharedHttpClient;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_smithy_http_client::{Builder as HttpBuilder, tls};
use headwater_core::{Error, ErrorKind, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::{BackoffConfig, ClientOptions, CredentialProvider};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ATTEMPT_WITHIN: Duration = Duration::from_secs(30);
const RETRY_WITHIN: Duration = Duration::from_secs(30);
const MAX_ATTEMPTS: u32 = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Outside EC2 nobody answers at the metadata address; a person without credentials should not wait for that.
const INSTANCE_METADATA_WITHIN: Duration = Duration::from_secs(1);
/// The object store asks for credentials at every request; they are renewed this long before they end.
const RENEW_BEFORE_END: Duration = Duration::from_secs(300);
/// Any region can tell where a bucket is.
const ANY_REGION: &str = "us-east-1";

/// Credentials, and what all clients share.
#[derive(Debug)]
pub(crate) struct Aws {
    shared: SdkConfig,
    region: Option<Region>,
    provider: Arc<Chain>,
}

impl Aws {
    /// Looks for region and credentials.
    ///
    /// # Errors
    /// `Unauthenticated` without credentials.
    pub(super) async fn connect(config: &FilesConfig) -> Result<Self> {
        let http = https_client();
        let region = region(config).await;
        let credentials = credentials(config, &http, region.clone()).await?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(region.clone().unwrap_or(Region::from_static(ANY_REGION)))
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
        let provider = Arc::new(Chain { credentials, cached: Mutex::new(None) });
        Ok(Self { shared: loader.load().await, region, provider })
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
        let store = self
            .store(name, &region, config)
            .map_err(|error| Error::config(format!("the object store for bucket {name} cannot be set up: {error}")))?;
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

    fn store(&self, bucket: &str, region: &Region, config: &FilesConfig) -> object_store::Result<AmazonS3> {
        let retry = object_store::RetryConfig {
            backoff: BackoffConfig { init_backoff: FIRST_BACKOFF, max_backoff: LONGEST_BACKOFF, base: 2.0 },
            max_retries: MAX_ATTEMPTS as usize - 1,
            retry_timeout: RETRY_WITHIN,
        };
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT_WITHIN)
            .with_timeout(RETRY_WITHIN)
            .with_allow_http(config.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region.to_string())
            .with_credentials(Arc::clone(&self.provider) as _)
            .with_retry(retry)
            .with_client_options(client);
        if let Some(endpoint) = &config.endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
        }
        builder.build()
    }
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

/// Option, environment, profile; none is no error, as a bucket's own region can be looked up.
async fn region(config: &FilesConfig) -> Option<Region> {
    if let Some(region) = &config.region {
        return Some(Region::new(region.clone()));
    }
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Some(region);
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &config.profile {
        profile = profile.profile_name(name);
    }
    profile.build().region().await
}

/// Looks for credentials once, so that having none is an error of its own and not a failed request.
async fn credentials(
    config: &FilesConfig,
    http: &SharedHttpClient,
    region: Option<Region>,
) -> Result<SharedCredentialsProvider> {
    if let CredentialSource::Keys { access_key_id, secret_access_key, session_token } = &config.credentials {
        let token = session_token.as_ref().map(|token| token.expose().to_owned());
        let keys = Credentials::new(access_key_id, secret_access_key.expose(), token, None, "headwater options");
        return Ok(SharedCredentialsProvider::new(keys));
    }
    let region = region.unwrap_or(Region::from_static(ANY_REGION));
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

/// The SDK's chain as the object store wants it.
#[derive(Debug)]
struct Chain {
    credentials: SharedCredentialsProvider,
    cached: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

#[async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut cached = self.cached.lock().await;
        if let Some((credential, end)) = &*cached {
            let soon = SystemTime::now() + RENEW_BEFORE_END;
            if end.is_none_or(|end| end > soon) {
                return Ok(Arc::clone(credential));
            }
        }
        let found = self.credentials.provide_credentials().await.map_err(|error| object_store::Error::Generic {
            store: "S3",
            source: Box::new(CredentialsMissing(format!("no AWS credentials: {error}"))),
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: found.access_key_id().to_owned(),
            secret_key: found.secret_access_key().to_owned(),
            token: found.session_token().map(str::to_owned),
        });
        *cached = Some((Arc::clone(&credential), found.expiry()));
        Ok(credential)
    }
}
