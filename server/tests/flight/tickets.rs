//! What leaves the server and comes back altered, late or to the wrong place; and plain Flight clients.

use crate::support::{Running, first_split, name, plan, splits};
use crate::watched::{MANY, Watched};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::{Action, FlightDescriptor, Ticket};
use futures::TryStreamExt;
use headwater_core::wire::action;
use headwater_core::{Error, ErrorKind, ScanContext, ScanRequest, Split};
use headwater_server::FlightServer;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tonic::Request;

async fn refused(server: &Running, split: &Split) -> Error {
    let read = server.remote().read(split, &ScanContext::new("test")).await;
    read.err().expect("the ticket is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_was_altered_or_made_elsewhere_is_refused() {
    let (server, other) = (Running::of(Watched::new()).await, Running::of(Watched::new()).await);
    let split = first_split(&server.remote(), "numbers").await;
    let ticket = split.detail["ticket"].as_str().unwrap().to_owned();
    assert_eq!(refused(&other, &split).await.kind(), ErrorKind::PermissionDenied);
    let altered = ticket.replace("numbers", "endless");
    assert_ne!(altered, ticket);
    let flipped = format!("{}{}", if ticket.starts_with('0') { '1' } else { '0' }, &ticket[1..]);
    let cut = ticket[..ticket.len() - 1].to_owned();
    for ticket in [altered, flipped, cut, ticket[..64].to_owned(), String::new(), "☃".to_owned()] {
        let split = split.clone().with_detail(json!({ "ticket": ticket }));
        let error = refused(&server, &split).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert_eq!(error.to_string(), "the server did not make this ticket, or it was altered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_good_for_its_purpose_and_catalog_alone() {
    let builder = FlightServer::builder().with_catalog("one", "memory", Arc::new(Watched::new())).with_catalog(
        "two",
        "memory",
        Arc::new(Watched::new()),
    );
    let server = Running::new(builder).await;
    let named = |name: &str| {
        let catalog = Some(name.to_owned());
        crate::support::connector(headwater_remote::RemoteConfig { catalog, ..crate::support::config(server.port) })
    };
    let (one, two) = (named("one"), named("two"));
    let request = ScanRequest::table(name("numbers"));
    let table = one.get_table(&name("numbers")).await.unwrap();
    assert_eq!(two.plan_scan(&table, &request).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let plan = plan(&one, &request).await.unwrap();
    let context = ScanContext::new("test");
    assert_eq!(splits(&two, &plan, None, &context).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let misused = headwater_core::ScanPlan { detail: table.detail.clone(), ..plan };
    assert_eq!(splits(&one, &misused, None, &context).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_good_for_its_own_table_alone() {
    let server = Running::of(Watched::new()).await;
    let remote = server.remote();
    let table = remote.get_table(&name("huge")).await.unwrap();
    let error = remote.plan_scan(&table, &ScanRequest::table(name("numbers"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert_eq!(error.to_string(), "the handle is that of main.huge, the request is about another");
    assert!(remote.plan_scan(&table, &ScanRequest::table(name("huge"))).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_expires() {
    let builder = FlightServer::builder().with_catalog("main", "memory", Arc::new(Watched::new()));
    let server = Running::new(builder.with_ticket_lifetime(Duration::ZERO)).await;
    let split = first_split(&server.remote(), "numbers").await;
    let error = refused(&server, &split).await;
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Timeout, "the ticket has expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_connector_keeps_to_itself_stays_at_the_server() {
    let server = Running::of(Watched::new()).await;
    let table = server.remote().get_table(&name("numbers")).await.unwrap();
    assert_eq!(table.detail.as_object().unwrap().keys().collect::<Vec<_>>(), ["handle"]);
}

fn plain<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("headwater-protocol", "1".parse().unwrap());
    request
}

/// The answer to a condition that only a later version has: refused, and the limit beneath it too.
#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_a_later_version_are_refused_not_errors() {
    let server = Running::of(Watched::new()).await;
    let table = server.remote().get_table(&name("huge")).await.unwrap();
    let is_null = json!({ "is_null": { "column": "text" } });
    let request = json!({ "relation": { "table": { "schema": "main", "table": "huge" } }, "limit": 1,
        "filters": [{ "sounds_like": { "column": "text" } }, is_null] });
    let body = json!({ "handle": table.detail["handle"], "request": request });
    let ask = Action { r#type: action::PLAN_SCAN.to_owned(), body: body.to_string().into() };
    let mut answers = server.plain_client().await.do_action(plain(ask)).await.unwrap().into_inner();
    let answer: serde_json::Value = serde_json::from_slice(&answers.try_next().await.unwrap().unwrap().body).unwrap();
    let unknown = json!({ "answer": "refused", "reason": "the server does not know this condition" });
    assert_eq!(answer["filters"], json!([unknown, { "answer": "exact" }]));
    assert_eq!(answer["limit"]["answer"], "refused");
    assert!(!answer["requests"].to_string().contains("sounds_like"), "{answer}");
}

/// An ordinary client, which knows neither handles nor the end mark.
#[tokio::test(flavor = "multi_thread")]
async fn plain_flight_clients_read_whole_tables() {
    let server = Running::of(Watched::new()).await;
    let mut client = server.plain_client().await;
    let path = |table: &str| FlightDescriptor::new_path(["main", "main", table].map(str::to_owned).to_vec());
    let info = client.get_flight_info(plain(path("many"))).await.unwrap().into_inner();
    assert_eq!(info.endpoint.len(), MANY);
    let shown: serde_json::Value = serde_json::from_slice(&info.endpoint[7].app_metadata).unwrap();
    assert_eq!(shown["operation"]["parameters"]["part"], 7);
    let info = client.get_flight_info(plain(path("numbers"))).await.unwrap().into_inner();
    let ticket: Ticket = info.endpoint[0].ticket.clone().unwrap();
    assert_eq!(info.try_decode_schema().unwrap().field(0).name(), "n");
    let data = client.do_get(plain(ticket)).await.unwrap().into_inner();
    let batches = FlightRecordBatchStream::new_from_flight_data(data.map_err(Into::into));
    let batches: Vec<_> = batches.try_collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1_000);
    let missing = client.get_flight_info(plain(path("nothing"))).await.unwrap_err();
    assert_eq!(missing.code(), tonic::Code::NotFound);
}
