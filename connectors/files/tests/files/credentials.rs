//! Credentials that the AWS SDK finds by itself. They are found in the environment, which belongs to a whole process: each
//! test runs itself once more in a process with an environment of its own.

use crate::s3::Bucket;
use crate::support::{configured, failure, ints, path, rows, sorted};
use headwater_core::ErrorKind;
use std::process::Command;

/// Set in the second process: the URL to read, and where the server is.
const URL: &str = "HEADWATER_TEST_URL";
const ENDPOINT: &str = "HEADWATER_TEST_ENDPOINT";

/// Runs the test of this name again, without the AWS variables of this process and with these.
fn again(test: &str, bucket: &Bucket, variables: &[(&str, &str)]) {
    let aws = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("AWS_"));
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in aws {
        command.env_remove(name);
    }
    let output = command
        .args(["--exact", test])
        .env(URL, format!("s3://{}/n.csv", bucket.name))
        .env(ENDPOINT, bucket.server.endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// What the second process was asked to read.
fn asked() -> Option<(String, String)> {
    Some((std::env::var(URL).ok()?, std::env::var(ENDPOINT).ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_the_environment_are_used() {
    let Some((url, endpoint)) = asked() else {
        let bucket = Bucket::new("environment").await;
        bucket.put("n.csv", "n\n1\n").await;
        let keys =
            [("AWS_ACCESS_KEY_ID", bucket.server.access_key()), ("AWS_SECRET_ACCESS_KEY", bucket.server.secret_key())];
        return again("credentials::credentials_of_the_environment_are_used", &bucket, &keys);
    };
    let files = configured(&format!("endpoint = \"{endpoint}\"")).unwrap();
    assert_eq!(sorted(&rows(&files, path(url)).await, "n"), ints([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_profile_are_used() {
    let Some((url, endpoint)) = asked() else {
        let bucket = Bucket::new("profile").await;
        bucket.put("n.csv", "n\n1\n").await;
        let folder = crate::support::Folder::new();
        let (key, secret) = (bucket.server.access_key(), bucket.server.secret_key());
        let profile = format!("[lake]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n");
        let file = folder.put("credentials", profile);
        let variables = [("AWS_SHARED_CREDENTIALS_FILE", file.as_str())];
        return again("credentials::credentials_of_a_profile_are_used", &bucket, &variables);
    };
    let files = configured(&format!("endpoint = \"{endpoint}\"\nprofile = \"lake\"")).unwrap();
    assert_eq!(sorted(&rows(&files, path(url)).await, "n"), ints([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_credentials_at_all_are_said_to_be_missing() {
    let Some((url, endpoint)) = asked() else {
        let bucket = Bucket::new("nobody").await;
        return again("credentials::no_credentials_at_all_are_said_to_be_missing", &bucket, &[]);
    };
    let error = failure(&configured(&format!("endpoint = \"{endpoint}\"")).unwrap(), path(url)).await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().starts_with("no AWS credentials") && error.hint().is_some(), "{error:?}");
}
