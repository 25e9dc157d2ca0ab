//! Credentials: found once, so that having none is an error of its own and not a failed request.

use crate::config::CredentialSource;
use async_trait::async_trait;
use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_http_client::{Builder as HttpBuilder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use headwater_core::{Error, ErrorKind, Result};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// What to do about credentials; also the answer to having none.
pub const CREDENTIALS_HINT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the catalog's option \
     `profile`, or its options `access_key_id` and `secret_access_key` (any text will do for a local server)";

/// Outside EC2 nobody answers at the metadata address; a person without credentials should not wait for that.
const INSTANCE_METADATA_WITHIN: Duration = Duration::from_secs(1);
/// The object store asks for credentials at every request; they are renewed this long before they end.
const RENEW_BEFORE_END: Duration = Duration::from_secs(300);

/// The HTTP client of everything that speaks to AWS.
pub fn https_client() -> SharedHttpClient {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    HttpBuilder::new().tls_provider(ring).build_https()
}

/// The region of the environment, or of a profile. Not the instance's metadata: a region found that way surprises.
pub async fn region_around(profile: Option<&str>) -> Option<Region> {
    if let Some(region) = EnvironmentVariableRegionProvider::new().region().await {
        return Some(region);
    }
    let mut provider = ProfileFileRegionProvider::builder();
    if let Some(name) = profile {
        provider = provider.profile_name(name);
    }
    provider.build().region().await
}

/// Those of the configuration, or what the SDK's chain finds; `place` is where they are for, in messages.
///
/// # Errors
/// `Unauthenticated` without any.
pub async fn credentials(
    source: &CredentialSource,
    profile: Option<&str>,
    http: &SharedHttpClient,
    region: Region,
    place: &str,
) -> Result<SharedCredentialsProvider> {
    if let CredentialSource::Keys { access_key_id, secret_access_key, session_token } = source {
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
    if let Some(profile) = profile {
        chain = chain.profile_name(profile);
    }
    let chain = chain.build().await;
    chain.provide_credentials().await.map_err(|error| {
        Error::new(ErrorKind::Unauthenticated, format!("no AWS credentials for {place}: {error}"))
            .with_hint(CREDENTIALS_HINT)
            .with_source(error)
    })?;
    Ok(SharedCredentialsProvider::new(chain))
}

/// Credentials as the object store wants them, kept until they are about to end.
#[derive(Debug)]
pub struct StoreCredentials {
    source: SharedCredentialsProvider,
    cached: Mutex<Option<(Arc<AwsCredential>, Option<SystemTime>)>>,
}

impl StoreCredentials {
    /// Asks `source` whenever there are none, or those that there are end soon.
    pub fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, cached: Mutex::new(None) }
    }
}

#[async_trait]
impl CredentialProvider for StoreCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut cached = self.cached.lock().await;
        if let Some((credential, end)) = &*cached {
            let soon = SystemTime::now() + RENEW_BEFORE_END;
            if end.is_none_or(|end| end > soon) {
                return Ok(Arc::clone(credential));
            }
        }
        let found = self.source.provide_credentials().await.map_err(|error| object_store::Error::Generic {
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

/// The SDK's chain found no credentials, on their way through the object store.
#[derive(Debug)]
pub(crate) struct CredentialsMissing(String);

impl fmt::Display for CredentialsMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CredentialsMissing {}
