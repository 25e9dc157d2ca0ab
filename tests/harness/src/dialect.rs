//! What differs between the protocols that a proxy stands in front of.

use hyper::http::Method;
use hyper::http::request::Parts;
use serde_json::json;

/// The protocol of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    DynamoDb,
    S3,
}

impl Dialect {
    /// AWS's name of what a request asks for; empty when there is none.
    pub(crate) fn operation(self, request: &Parts) -> &str {
        match self {
            Self::DynamoDb => dynamodb_operation(request),
            Self::S3 => s3_operation(request),
        }
    }

    /// Content type and body of an error.
    pub(crate) fn refusal(self, type_name: &str, message: &str) -> (&'static str, String) {
        match self {
            Self::DynamoDb => {
                let prefix = if type_name.contains('#') { "" } else { "com.amazonaws.dynamodb.v20120810#" };
                let body = json!({ "__type": format!("{prefix}{type_name}"), "message": message });
                ("application/x-amz-json-1.0", body.to_string())
            }
            Self::S3 => {
                let heading = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
                let body = format!("{heading}<Error><Code>{type_name}</Code><Message>{message}</Message></Error>");
                ("application/xml", body)
            }
        }
    }
}

/// `Scan` of `x-amz-target: DynamoDB_20120810.Scan`.
fn dynamodb_operation(request: &Parts) -> &str {
    let target = request.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default()
}

/// By method, path (`/bucket/key`) and query; only what readers and simple writers ask for has a name.
fn s3_operation(request: &Parts) -> &'static str {
    let has_key = request.uri.path().trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    let query = request.uri.query().unwrap_or_default();
    match (&request.method, has_key) {
        (&Method::GET, true) => "GetObject",
        (&Method::HEAD, true) => "HeadObject",
        (&Method::PUT, true) if query.contains("partNumber=") => "UploadPart",
        (&Method::PUT, true) => "PutObject",
        (&Method::DELETE, true) => "DeleteObject",
        (&Method::GET, false) if query.contains("list-type=2") => "ListObjectsV2",
        (&Method::GET, false) if query.contains("location") => "GetBucketLocation",
        (&Method::HEAD, false) => "HeadBucket",
        (&Method::PUT, false) => "CreateBucket",
        _ => "",
    }
}
