//! Credentials of a role, assumed with one's own.

use crate::config::{DynamoDbConfig, Role};
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{ProvideCredentials, SharedCredentialsProvider, SharedHttpClient};
use headwater_aws::error::root_cause;
use headwater_core::{Error, ErrorKind, Result};

/// The role's credentials, renewed as they expire; fetched once now, so that a refusal is an error of its own.
///
/// # Errors
/// `PermissionDenied` when the role may not be assumed.
pub(super) async fn assumed(
    config: &DynamoDbConfig,
    role: &Role,
    own: SharedCredentialsProvider,
    http: &SharedHttpClient,
    region: Region,
) -> Result<SharedCredentialsProvider> {
    let mut builder = AssumeRoleProvider::builder(&role.arn)
        .configure(&sts(role, own, http, region).await)
        .session_name(&role.session_name);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id.expose());
    }
    let provider = builder.build().await;
    provider.provide_credentials().await.map_err(|error| {
        let message = format!("the role {} cannot be assumed for {}: {}", role.arn, config.place(), root_cause(&error));
        Error::new(ErrorKind::PermissionDenied, message)
            .with_hint("the identity needs the permission sts:AssumeRole, and the role must trust it (external_id too)")
            .with_source(error)
    })?;
    Ok(SharedCredentialsProvider::new(provider))
}

async fn sts(role: &Role, own: SharedCredentialsProvider, http: &SharedHttpClient, region: Region) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .region(region)
        .credentials_provider(own)
        .retry_config(super::retries())
        .timeout_config(super::timeouts());
    match &role.sts_endpoint {
        Some(endpoint) => loader.endpoint_url(endpoint).load().await,
        None => loader.load().await,
    }
}
