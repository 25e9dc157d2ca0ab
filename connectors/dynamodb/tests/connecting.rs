//! Configuration, first contact, and what goes wrong there.

use crate::support::{Source, configured, name};
use futures::TryStreamExt;
use headwater_core::ErrorKind;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn tables_are_listed_under_the_schema_default() {
    let source = Source::start().await;
    for table in 0..120 {
        source.table(&format!("t{table:03}"), &[("id", "S")], vec![]).await;
    }
    let schemas: Vec<String> = source.connector.list_schemas().try_collect().await.unwrap();
    assert_eq!(schemas, ["default"]);
    let tables: Vec<_> = source.connector.list_tables("default").try_collect().await.unwrap();
    assert_eq!(tables.len(), 120, "more than a page of ListTables");
    let error = source.connector.list_tables("other").try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_missing_table_is_not_found() {
    let source = Source::start().await;
    let error = source.connector.get_table(&name("nowhere")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert_eq!(error.catalog(), Some("db"));
    assert!(error.context().iter().any(|(key, value)| *key == "code" && value == "ResourceNotFoundException"));
}

#[tokio::test]
async fn missing_credentials_are_told_quickly() {
    // Profiles and environment of whoever runs the test must not help: this profile is in no file.
    let connector = configured("region = \"us-east-1\"\nprofile = \"headwater-test-no-such-profile\"").unwrap();
    let begin = Instant::now();
    let error = connector.get_table(&name("things")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert!(error.hint().unwrap().contains("AWS_ACCESS_KEY_ID"), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

/// In a process of its own, as an environment belongs to a process: no variables, no profile, no home.
#[test]
fn an_empty_environment_is_told_quickly() {
    let begin = Instant::now();
    let inner = ["--exact", "--ignored", "connecting::inner_without_any_credentials"];
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(inner)
        .env_clear()
        .env("HOME", "/nonexistent")
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
}

#[tokio::test]
#[ignore = "run by an_empty_environment_is_told_quickly"]
async fn inner_without_any_credentials() {
    let error = configured("region = \"us-east-1\"").unwrap().get_table(&name("things")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    let error = configured("").unwrap().get_table(&name("things")).await.unwrap_err();
    assert_eq!(error.to_string(), "no AWS region is given");
}

#[tokio::test]
async fn an_unreachable_endpoint_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let lines = format!("endpoint = \"{endpoint}\"\naccess_key_id = \"a\"\nsecret_access_key = \"b\"");
    let error = configured(&lines).unwrap().get_table(&name("things")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains(&endpoint), "{error}");
}

#[test]
fn contradicting_options_are_refused_without_io() {
    for (lines, part) in [
        ("access_key_id = \"a\"", "only of use together"),
        ("access_key_id = \"a\"\nsecret_access_key = \"b\"\nprofile = \"p\"", "contradict"),
        ("endpoint = \"http://db.example.com\"", "in the clear"),
        ("url = \"dynamodb://eu-west-1?endpont=x\"", "unknown parameter `endpont`"),
        ("scan_segments = 0", "between 1 and"),
        ("[catalogs.db.tables.things]\ncolums = 1", "unknown key `colums`"),
        ("[catalogs.db.tables.things.columns]\na = \"timestmap\"", "unknown type `timestmap`"),
    ] {
        let error = configured(lines).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{lines}");
        assert!(error.to_string().contains(part), "{lines}: {error}");
    }
    let error = configured("[catalogs.db.tables.things.columns]\na = \"timestmap\"").unwrap_err();
    assert!(error.to_string().starts_with("test.toml:5: "), "{error}");
}

#[tokio::test]
async fn a_declaration_that_contradicts_the_key_is_refused() {
    let source = Source::with("[catalogs.db.tables.things.columns]\nid = \"text\"").await;
    source.table("things", &[("id", "N")], vec![json!({ "id": { "N": "1" } })]).await;
    let error = source.connector.get_table(&name("things")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.to_string().starts_with("test.toml:"), "{error}");
}
