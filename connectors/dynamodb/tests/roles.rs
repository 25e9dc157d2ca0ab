//! Credentials of a role, assumed at a token service that we answer for.

use crate::support::{SECRET, configured, create_table, name};
use headwater_core::ErrorKind;
use headwater_harness::DynamoDb;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ASSUMED: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
    <AssumedRoleUser><AssumedRoleId>AROA:s</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/reader/s</Arn></AssumedRoleUser>\
    <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role</SecretAccessKey>\
    <SessionToken>token</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
    </AssumeRoleResult></AssumeRoleResponse>";
const DENIED: &str = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
    <Code>AccessDenied</Code><Message>not authorized to perform sts:AssumeRole</Message></Error></ErrorResponse>";

/// A token service that lets in whoever knows the external id. Counts those it let in.
async fn token_service() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let assumed = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&assumed);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            answer(stream, &counter).await;
        }
    });
    (endpoint, assumed)
}

async fn answer(mut stream: TcpStream, assumed: &AtomicUsize) {
    let mut request = String::new();
    let mut buffer = [0; 4_096];
    // The form is one line, and the last of its parameters is not always the same: it is whole when all are there.
    while !["RoleArn=", "RoleSessionName=", "ExternalId=", "Action=AssumeRole"].iter().all(|p| request.contains(p)) {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..read])),
            _ => return,
        }
    }
    let known = request.contains("ExternalId=shared-with-them") && request.contains("RoleSessionName=nightly");
    let (status, body) = if known { ("200 OK", ASSUMED) } else { ("403 Forbidden", DENIED) };
    assumed.fetch_add(usize::from(known), Relaxed);
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: text/xml\r\nconnection: close\r\n");
    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
}

fn lines(server: &DynamoDb, sts: &str, external_id: &str) -> String {
    let endpoint = server.endpoint();
    format!(
        "endpoint = \"{endpoint}\"\nregion = \"us-east-1\"\naccess_key_id = \"a\"\nsecret_access_key = \"{SECRET}\"\n\
         role_arn = \"arn:aws:iam::1:role/reader\"\nexternal_id = \"{external_id}\"\nrole_session_name = \"nightly\"\n\
         sts_endpoint = \"{sts}\""
    )
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_requests() {
    let server = DynamoDb::start().await.unwrap();
    server.create_table(create_table("things", &[("id", "S")])).await.unwrap();
    let (sts, assumed) = token_service().await;
    let connector = configured(&lines(&server, &sts, "shared-with-them")).unwrap();
    for _ in 0..3 {
        connector.get_table(&name("things")).await.unwrap();
    }
    assert!((1..=2).contains(&assumed.load(Relaxed)), "once to see that it can be, once for the client");
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_told() {
    let server = DynamoDb::start().await.unwrap();
    let (sts, _) = token_service().await;
    let error = configured(&lines(&server, &sts, "guessed-7d1")).unwrap().get_table(&name("things")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.to_string().contains("arn:aws:iam::1:role/reader cannot be assumed"), "{error}");
    assert!(error.to_string().contains("sts:AssumeRole"), "{error}");
    assert!(error.hint().unwrap().contains("external_id"), "{error:?}");
    assert!(!format!("{error:?}").contains(SECRET) && !error.to_string().contains("guessed-7d1"));
    assert!(server.requests().is_empty());
}

#[test]
fn an_external_id_without_a_role_is_refused() {
    let error = configured("external_id = \"x\"").unwrap_err();
    assert!(error.to_string().contains("external_id is of no use without role_arn"), "{error}");
}
