//! What can be wrong with each kind of source: one clear error that names the catalog, the right exit code, nothing on
//! stdout, no secret anywhere.

use crate::scenario2::Storage;
use headwater_demo::storage::BUCKET;
use headwater_tests::{Outcome, headwater};

const ACCOUNTS: &str = "SELECT id FROM app.headwater.accounts LIMIT 1";
const USAGE: &str = "SELECT account_id FROM lake.default.usage LIMIT 1";
const ITEMS: &str = "SELECT item_id FROM docs.default.items LIMIT 1";

/// Runs a statement under a configuration in which `from` is written as `to`.
fn changed(storage: &Storage, name: &str, from: &str, to: &str, sql: &str) -> Outcome {
    let configuration = storage.configuration();
    assert!(configuration.contains(from), "{from}");
    let path = storage.directory.path().join(name);
    std::fs::write(&path, configuration.replace(from, to)).unwrap();
    headwater(&["--config", &path.display().to_string(), "query", sql])
}

fn assert_fails(storage: &Storage, outcome: &Outcome, code: i32, parts: &[&str]) {
    assert_eq!(outcome.code, code, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "", "nothing half-printed");
    for part in parts {
        assert!(outcome.stderr.contains(part), "no {part:?} in\n{}", outcome.stderr);
    }
    let servers = &storage.servers;
    for secret in [servers.mysql.password(), servers.s3.secret_key(), "tok-4b1d-planted", "planted-wrong"] {
        assert!(!outcome.stderr.contains(secret), "a secret is shown:\n{}", outcome.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_says_no_or_nothing() {
    let storage = Storage::shared().await;
    let mysql = &storage.servers.mysql;
    let password = format!("${{file:{}}}", mysql.password_file().display());
    let outcome = changed(storage, "my-password.toml", &password, "planted-wrong", ACCOUNTS);
    assert_fails(storage, &outcome, 3, &["E0401", "app"]);
    let port = format!(":{}/", mysql.port());
    let outcome = changed(storage, "my-gone.toml", &port, ":1/", ACCOUNTS);
    assert_fails(storage, &outcome, 3, &["E0403", "app", "127.0.0.1:1"]);
    let authority = format!("sslrootcert = \"{}\"\n", mysql.ca_certificate().display());
    let outcome = changed(storage, "my-authority.toml", &authority, "", ACCOUNTS);
    assert_fails(storage, &outcome, 3, &["app", "certificate"]);
    let misspelt = changed(storage, "my.toml", "# Scenario", "# scenario", "SELECT 1 FROM app.headwater.acounts");
    assert_fails(storage, &misspelt, 1, &["E0203", "app", "did you mean `accounts`?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_says_no_or_has_nothing() {
    let storage = Storage::shared().await;
    let s3 = &storage.servers.s3;
    let secret = format!("${{file:{}}}", s3.secret_key_file().display());
    let outcome = changed(storage, "s3-secret.toml", &secret, "planted-wrong", USAGE);
    assert_fails(storage, &outcome, 3, &["E0401", "lake"]);
    let outcome = changed(storage, "s3-bucket.toml", &format!("\"s3://{BUCKET}\""), "\"s3://no-such-bucket\"", USAGE);
    assert_fails(storage, &outcome, 1, &["E0203", "lake", "no-such-bucket"]);
    let outcome = changed(storage, "s3-gone.toml", s3.endpoint(), "http://127.0.0.1:1", USAGE);
    assert_fails(storage, &outcome, 3, &["E0403", "lake"]);
    let reader = |config: &str| config.replace(s3.access_key(), s3.reader_access_key());
    let path = storage.directory.path().join("s3-reader.toml");
    let config = reader(&storage.configuration()).replace(&secret, s3.reader_secret_key());
    std::fs::write(&path, config).unwrap();
    let outcome = headwater(&["--config", &path.display().to_string(), "query", USAGE]);
    assert_fails(storage, &outcome, 1, &["E0402", "lake", BUCKET]);
    assert!(!outcome.stderr.contains(s3.reader_secret_key()), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_no_parquet_is_named_and_gives_no_rows() {
    let storage = Storage::shared().await;
    storage.servers.s3.put(BUCKET, "broken/a.parquet", &b"PAR1 and then nothing of the kind"[..]).await.unwrap();
    let sql = "SELECT * FROM lake.default.broken";
    let outcome = changed(storage, "s3-broken.toml", "# Scenario", "# scenario", sql);
    assert_fails(storage, &outcome, 1, &["lake", "broken/a.parquet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_server_says_no_or_nothing() {
    let storage = Storage::shared().await;
    let token = storage.directory.path().join("token").display().to_string();
    let outcome = changed(storage, "far-token.toml", &format!("${{file:{token}}}"), "planted-wrong", ITEMS);
    assert_fails(storage, &outcome, 3, &["E0401", "docs"]);
    let outcome = changed(storage, "far-gone.toml", "\"grpc://127.0.0.1:", "\"grpc://127.0.0.1:1\" # ", ITEMS);
    assert_fails(storage, &outcome, 3, &["E0403", "docs", "127.0.0.1:1"]);
    // A server, but not one of this protocol.
    let other = storage.servers.s3.endpoint().replace("http://", "\"grpc://");
    let outcome = changed(storage, "far-other.toml", "\"grpc://127.0.0.1:", &format!("{other}\" # "), ITEMS);
    assert_fails(storage, &outcome, 3, &["docs"]);
    let misspelt = changed(storage, "far.toml", "# Scenario", "# scenario", "SELECT 1 FROM docs.default.itemz");
    assert_fails(storage, &misspelt, 1, &["E0203", "docs", "did you mean `items`?"]);
}
