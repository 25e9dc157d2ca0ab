use std::collections::BTreeMap;
use std::time::Instant;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::http::HeaderValue;
use hyper_util::rt::TokioExecutor;

use super::*;
use crate::fault::FaultKind;

fn table(name: &str) -> Value {
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "N" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
    })
}

async fn with_table(name: &str) -> DynamoDb {
    let server = DynamoDb::start().await.unwrap();
    server.create_table(table(name)).await.unwrap();
    server
}

/// A client of the proxy that tries so often.
async fn client_with_attempts(server: &DynamoDb, attempts: u32) -> Client {
    let config = server.proxy_client().await.config().to_builder();
    let retries = RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(Duration::from_millis(5));
    let sleep = aws_sdk_dynamodb::config::SharedAsyncSleep::new(TokioSleep);
    Client::from_conf(config.retry_config(retries).sleep_impl(sleep).build())
}

#[derive(Debug)]
struct TokioSleep;

impl aws_sdk_dynamodb::config::AsyncSleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> aws_sdk_dynamodb::config::Sleep {
        aws_sdk_dynamodb::config::Sleep::new(tokio::time::sleep(duration))
    }
}

#[tokio::test]
async fn what_is_put_through_the_proxy_is_got_back_and_recorded() {
    let server = with_table("roundtrip").await;
    let client = server.proxy_client().await;
    let (id, text) = (AttributeValue::N("7".to_owned()), AttributeValue::S("größer".to_owned()));
    client.put_item().table_name("roundtrip").item("id", id.clone()).item("text", text.clone()).send().await.unwrap();
    let got =
        client.get_item().table_name("roundtrip").key("id", id).return_consumed_capacity(ReturnConsumedCapacity::Total);
    assert_eq!(got.send().await.unwrap().item.unwrap()["text"], text);

    let requests = server.take_requests();
    let operations: Vec<&str> = requests.iter().map(|request| request.operation.as_str()).collect();
    assert_eq!(operations, ["PutItem", "GetItem"]);
    assert_eq!(requests[0].capacity_units, None);
    assert_eq!(requests[1].capacity_units, Some(0.5));
    assert_eq!(requests[1].status, Some(200));
    assert_eq!(requests[1].json().unwrap()["Key"], json!({ "id": { "N": "7" } }));
    assert!(requests[1].mentions("\"roundtrip\"") && requests[1].response_bytes > 0 && !requests[1].injected);
    assert_eq!(server.requests(), []);
}

#[tokio::test]
async fn nothing_is_recorded_on_the_direct_endpoint() {
    let server = with_table("direct").await;
    server.client().await.scan().table_name("direct").send().await.unwrap();
    assert_eq!(server.requests(), []);
}

/// Headers, without the date and the request's id, and body of an answer.
async fn list_tables_by_hand(endpoint: &str) -> (BTreeMap<String, HeaderValue>, Bytes) {
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(endpoint).header("x-amz-target", "DynamoDB_20120810.ListTables");
    let request = request
        .header("content-type", "application/x-amz-json-1.0")
        .header("authorization", SIGNATURE)
        .header("x-amz-date", "20260101T000000Z");
    let (parts, body) = client.request(request.body(Full::from("{}")).unwrap()).await.unwrap().into_parts();
    let headers = parts.headers.iter().filter(|(name, _)| !["date", "x-amzn-requestid"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.clone())).collect();
    (headers, body.collect().await.unwrap().to_bytes())
}

const SIGNATURE: &str =
    "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00";

#[tokio::test]
async fn an_answer_is_passed_on_as_it_is_with_its_checksum() {
    let server = with_table("checksum").await;
    let direct = list_tables_by_hand(server.direct_endpoint()).await;
    assert_eq!(list_tables_by_hand(server.endpoint()).await, direct);
    assert_eq!(direct.1, Bytes::from(r#"{"TableNames":["checksum"]}"#));
    assert!(direct.0.contains_key("x-amz-crc32"), "{direct:?}");
}

#[tokio::test]
async fn a_throttled_request_is_seen_by_one_attempt_and_survived_by_two() {
    let server = with_table("throttled").await;
    server.inject(Fault::throttle("Scan", 1));
    let error = client_with_attempts(&server, 1).await.scan().table_name("throttled").send().await.unwrap_err();
    assert_eq!(error.code(), Some("ProvisionedThroughputExceededException"));

    server.take_requests();
    server.inject(Fault::throttle("Scan", 1));
    client_with_attempts(&server, 2).await.scan().table_name("throttled").send().await.unwrap();
    let seen: Vec<_> = server.requests().iter().map(|request| (request.status, request.injected)).collect();
    assert_eq!(seen, [(Some(400), true), (Some(200), false)]);
}

#[tokio::test]
async fn a_reset_closes_the_connection_without_an_answer() {
    let server = with_table("reset").await;
    server.inject(Fault { operation: None, times: 1, kind: FaultKind::Reset });
    let error = client_with_attempts(&server, 1).await.scan().table_name("reset").send().await.unwrap_err();
    assert!(error.as_service_error().is_none(), "{error:?}");
    assert_eq!(server.requests()[0].status, None);
    client_with_attempts(&server, 1).await.scan().table_name("reset").send().await.unwrap();
}

#[tokio::test]
async fn a_delay_is_waited_for_and_the_request_then_answered() {
    let server = with_table("delayed").await;
    let delay = Duration::from_millis(150);
    server.inject(Fault { operation: Some("Scan".to_owned()), times: 1, kind: FaultKind::Delay(delay) });
    let begin = Instant::now();
    server.proxy_client().await.scan().table_name("delayed").send().await.unwrap();
    assert!(begin.elapsed() >= delay);
}

#[tokio::test]
async fn put_items_keep_their_values_and_a_bad_one_is_named() {
    let server = with_table("items").await;
    let items = (0..25).map(|id| json!({ "id": { "N": id.to_string() }, "tags": { "SS": ["a", "b"] } })).collect();
    server.put_items("items", items).await.unwrap();
    let scan = server.client().await.scan().table_name("items").send().await.unwrap();
    assert_eq!(scan.count, 25);
    let error = server.put_items("items", vec![json!({ "id": 7 })]).await.unwrap_err().to_string();
    assert!(error.contains("`items`"), "{error}");
    let error = server.put_items("nowhere", vec![json!({ "id": { "N": "7" } })]).await.unwrap_err().to_string();
    assert!(error.contains("`nowhere`"), "{error}");
}

#[tokio::test]
async fn a_file_keeps_tables_until_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tables.db");
    let first = DynamoDb::start_file(&file).await.unwrap();
    first.create_table(table("kept")).await.unwrap();
    first.put_items("kept", vec![json!({ "id": { "N": "1" } })]).await.unwrap();
    first.set_tag("kept", "a:tag", "1").unwrap();
    first.stop().await.unwrap();
    let second = DynamoDb::start_file(&file).await.unwrap();
    assert_eq!(second.client().await.scan().table_name("kept").send().await.unwrap().count, 1);
    assert_eq!(second.tag("kept", "a:tag").unwrap().as_deref(), Some("1"));
    second.delete_table("kept").await.unwrap();
    second.delete_table("kept").await.unwrap();
}

#[test]
fn a_shared_server_outlives_the_runtime_that_started_it() {
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = DynamoDb::shared().await.unwrap();
            server.proxy_client().await.list_tables().send().await.unwrap();
        });
    }
}

#[tokio::test]
async fn a_dropped_server_refuses_connections() {
    let server = DynamoDb::start().await.unwrap();
    let address = server.endpoint().trim_start_matches("http://").to_owned();
    assert!(std::net::TcpStream::connect(&address).is_ok());
    drop(server);
    let begin = Instant::now();
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
