//! Servers that break the protocol: nothing they send is taken for whole or for good.

use crate::support::{PATIENCE, config, connector, count, ending, name, plan};
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::utils::batches_to_flight_data;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use headwater_core::wire::{TableAnswer, action};
use headwater_core::{
    CompareOp, Connector, Error, ErrorKind, Expr, Retry, ScanContext, ScanRequest, SourceRequest, Split, TableMetadata,
    TableName, Value,
};
use headwater_remote::RemoteConfig;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::transport::{Server, server::TcpIncoming};
use tonic::{Request, Response, Status, Streaming};

type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// Answers each action with prepared pages, and each read with prepared messages.
#[derive(Clone, Default)]
struct Rogue {
    pages: BTreeMap<&'static str, Vec<Json>>,
    data: Vec<FlightData>,
    status: Option<Status>,
    /// The action whose answer never comes to its end.
    stalls: Option<&'static str>,
}

fn batch() -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    RecordBatch::try_from_iter([("n", column)]).unwrap()
}

fn data(batch: &RecordBatch) -> Vec<FlightData> {
    batches_to_flight_data(&batch.schema(), vec![batch.clone()]).unwrap()
}

fn end(version: u32) -> FlightData {
    FlightData::new().with_app_metadata(json!({ "version": version, "end": true }).to_string())
}

impl Rogue {
    /// One that keeps to the protocol.
    fn honest() -> Self {
        let table = TableMetadata::new(name("t"), batch().schema());
        let table = TableAnswer { version: 1, table, handle: String::new() };
        let read = json!({ "sql": "read" });
        let mut data = data(&batch());
        data.push(end(1));
        let pages = BTreeMap::from([
            (action::GET_TABLE, vec![serde_json::to_value(table).unwrap()]),
            (action::PLAN_SCAN, vec![json!({ "version": 1, "requests": [read] })]),
            (
                action::GET_SPLITS,
                vec![json!({ "version": 1, "end": true,
                "splits": [{ "ticket": "t", "request": read }] })],
            ),
            (action::LIST_SCHEMAS, vec![json!({ "version": 1, "schemas": ["main"], "end": true })]),
        ]);
        Self { pages, data, status: None, stalls: None }
    }

    fn with(mut self, action: &'static str, pages: Vec<Json>) -> Self {
        self.pages.insert(action, pages);
        self
    }

    fn sending(mut self, data: Vec<FlightData>) -> Self {
        self.data = data;
        self
    }

    async fn connector(self) -> Arc<dyn Connector> {
        connector(config(self.port().await))
    }

    /// Where it answers from now on.
    async fn port(self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Server::builder().add_service(FlightServiceServer::new(self));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        port
    }

    async fn failure(self) -> Error {
        let connector = self.connector().await;
        tokio::time::timeout(PATIENCE, count(&connector, "t")).await.unwrap().expect_err("not taken for whole")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_server_needs_no_more_than_the_least() {
    let connector = Rogue::honest().connector().await;
    assert_eq!(count(&connector, "t").await.unwrap(), 3);
    // It tells no costs: the call itself is counted.
    let context = ScanContext::new("test");
    let split = Split::new(batch().schema(), SourceRequest::Sql("read".to_owned()));
    crate::support::rows_of(connector.read(&split, &context).await.unwrap()).await.unwrap();
    let counted = context.metrics.snapshot();
    assert_eq!((counted.rows, counted.requests), (3, 1));
    assert!(counted.wire_bytes > 24, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_without_its_end_mark_is_not_whole() {
    let error = Rogue::honest().sending(data(&batch())).failure().await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::No), "{error:?}");
    assert!(error.to_string().ends_with("went away in the middle of an answer: its end is missing"), "{error}");
    // Nothing of it has been given away.
    let error = Rogue::honest().sending(Vec::new()).failure().await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Now), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_after_rows_is_final() {
    let mut rogue = Rogue::honest().sending(data(&batch()));
    rogue.status = Some(Status::unknown("boom. Detail: Python exception: Traceback\n secret lines"));
    let connector = rogue.connector().await;
    let split = Split::new(batch().schema(), SourceRequest::Sql("read".to_owned()));
    let stream = connector.read(&split, &ScanContext::new("test")).await.unwrap();
    let error = ending(stream).await;
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().ends_with(": boom"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_break_the_protocol_are_refused() {
    let other: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let other = RecordBatch::try_from_iter([("n", other)]).unwrap();
    let after = [data(&batch()), vec![end(1)], data(&batch())[1..].to_vec()].concat();
    let garbage = [data(&batch()), vec![FlightData::new().with_data_header(vec![1, 2, 3])]].concat();
    let note = [data(&batch()), vec![FlightData::new().with_app_metadata("not JSON")]].concat();
    let cases = [
        (after, ErrorKind::Corrupt, "data after the end mark"),
        (garbage, ErrorKind::Corrupt, "breaks the protocol"),
        (note, ErrorKind::Config, "does not speak Headwater's protocol"),
        (vec![end(2)], ErrorKind::Config, "speaks version 2 of the protocol, this program version 1"),
        ([data(&other), vec![end(1)]].concat(), ErrorKind::SchemaMismatch, "other columns than planned"),
    ];
    for (data, kind, said) in cases {
        let error = Rogue::honest().sending(data).failure().await;
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_break_the_protocol_are_refused() {
    let splits = |pages: Vec<Json>| Rogue::honest().with(action::GET_SPLITS, pages);
    let one = json!({ "version": 1, "splits": [{ "ticket": "t", "request": { "sql": "read" } }] });
    let last = json!({ "version": 1, "end": true });
    let other = TableMetadata::new(TableName::new("main", "T"), batch().schema());
    let other = json!({ "version": 1, "table": other });
    let cases = [
        (splits(vec![one.clone()]), ErrorKind::Unavailable, "in the middle of an answer"),
        (splits(vec![]), ErrorKind::Unavailable, "in the middle of an answer"),
        (splits(vec![last.clone(), one]), ErrorKind::Corrupt, "a page after the last"),
        (splits(vec![json!({ "version": 3, "end": true })]), ErrorKind::Config, "speaks version 3"),
        (Rogue::honest().with(action::GET_TABLE, vec![other]), ErrorKind::Corrupt, "it describes main.T"),
        (Rogue::honest().with(action::GET_TABLE, vec![]), ErrorKind::Corrupt, "there is no answer"),
        (Rogue::honest().with(action::PLAN_SCAN, vec![json!("hello")]), ErrorKind::Config, "does not speak"),
    ];
    for (rogue, kind, said) in cases {
        let error = rogue.failure().await;
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
    let connector = Rogue::honest().connector().await;
    let table = connector.get_table(&name("t")).await.unwrap();
    let error = connector.plan_scan(&table, &ScanRequest::table(name("t")).with_limit(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "an unanswered limit: {error:?}");
}

/// One answer for one condition looks right where two were asked about and one of them was not sent.
#[tokio::test(flavor = "multi_thread")]
async fn answers_belong_to_conditions_that_were_sent() {
    let exact = json!({ "answer": "exact" });
    let answers = |filters: Json| json!({ "version": 1, "requests": [{ "sql": "read" }], "filters": filters });
    let shallow = Expr::column("n").compare(CompareOp::Eq, Value::Int64(1));
    let deep = (0..100).fold(shallow.clone(), |deep, _| deep.negate());
    for (filters, answered) in [
        (vec![shallow.clone(), deep.clone()], json!([exact, exact])),
        (vec![deep], json!([exact])),
        (vec![shallow], json!([])),
    ] {
        let connector = Rogue::honest().with(action::PLAN_SCAN, vec![answers(answered)]).connector().await;
        let error = plan(&connector, &ScanRequest::table(name("t")).with_filters(filters)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
        assert!(error.to_string().contains("conditions, it answers"), "{error}");
    }
}

/// The first page of splits came in time; so must each of the others.
#[tokio::test(flavor = "multi_thread")]
async fn splits_that_never_come_to_their_end_are_given_up() {
    let page = json!({ "version": 1, "splits": [{ "ticket": "t", "request": { "sql": "read" } }] });
    let mut rogue = Rogue::honest().with(action::GET_SPLITS, vec![page]);
    rogue.stalls = Some(action::GET_SPLITS);
    let port = rogue.port().await;
    let hasty = connector(RemoteConfig { request_timeout: Duration::from_secs(2), ..config(port) });
    let plan = plan(&hasty, &ScanRequest::table(name("t"))).await.unwrap();
    let mut splits = hasty.splits(&plan, None, &ScanContext::new("test")).await.unwrap().stream;
    assert!(splits.next().await.unwrap().is_ok());
    let error = tokio::time::timeout(PATIENCE, splits.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(splits.next().await.is_none());
}

/// A Flight server of another program.
#[tokio::test(flavor = "multi_thread")]
async fn another_kind_of_server_is_told_apart() {
    let error = Rogue::default().failure().await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.hint().unwrap().contains("is it a connector server"), "{error:?}");
}

fn nothing<T>() -> Result<T, Status> {
    Err(Status::unimplemented("not here"))
}

#[tonic::async_trait]
impl FlightService for Rogue {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoExchangeStream = Answers<FlightData>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let Some(pages) = self.pages.get(request.get_ref().r#type.as_str()) else { return nothing() };
        let results = pages.clone().into_iter().map(|page| Ok(arrow_flight::Result { body: page.to_string().into() }));
        if self.stalls == Some(request.get_ref().r#type.as_str()) {
            return Ok(Response::new(Box::pin(stream::iter(results).chain(stream::pending()))));
        }
        Ok(Response::new(Box::pin(stream::iter(results))))
    }

    async fn do_get(&self, _: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let data = self.data.clone().into_iter().map(Ok).chain(self.status.clone().map(Err));
        Ok(Response::new(Box::pin(stream::iter(data.collect::<Vec<_>>()))))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        nothing()
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        nothing()
    }

    async fn get_flight_info(&self, _: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        nothing()
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        nothing()
    }

    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        nothing()
    }

    async fn do_put(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        nothing()
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        nothing()
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        nothing()
    }
}
