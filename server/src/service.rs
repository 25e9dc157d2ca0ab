//! The Flight service: what it answers, and what it leaves out.

use crate::catalogs::Catalogs;
use crate::held::HeldQueries;
use crate::seal::Seal;
use crate::status::to_status;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::stream::BoxStream;
use headwater_core::wire::action;
use headwater_core::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status, Streaming, async_trait};

/// A stream of answers.
pub(crate) type Answers<T> = BoxStream<'static, Result<T, Status>>;

/// What all calls share.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) catalogs: Arc<Catalogs>,
    pub(crate) seal: Arc<Seal>,
    pub(crate) held: Arc<HeldQueries>,
    pub(crate) ticket_lifetime: Duration,
    pub(crate) max_reads: usize,
    /// One permit per read under way.
    pub(crate) reads: Arc<Semaphore>,
    pub(crate) call_timeout: Duration,
    /// True once what is still under way has to end.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Service {
    /// `work`, unless it takes longer than a call may.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.call_timeout, work).await.unwrap_or_else(|_| {
            let waited = self.call_timeout.as_secs_f64();
            Err(Error::new(ErrorKind::Timeout, format!("the source did not answer the server within {waited} s"))
                .with_hint("try again, or raise the server's call timeout"))
        })
    }
}

/// The answer to what the protocol does not have.
fn not_offered<T>(what: &str) -> Result<T, Status> {
    let error = Error::new(ErrorKind::Unsupported, format!("this server has no {what}"));
    Err(to_status(&error.with_hint("see docs/flight-protocol.md for what it has")))
}

#[async_trait]
impl FlightService for Service {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoExchangeStream = Answers<FlightData>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let answers = crate::actions::answer(self, request).await;
        answers.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let data = crate::read::read(self, request).await;
        data.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let info = crate::info::flight_info(self, request).await;
        info.map(Response::new).map_err(|error| to_status(&error))
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        let actions = [
            (action::DESCRIBE, "which catalogs there are"),
            (action::LIST_SCHEMAS, "the schemas of a catalog"),
            (action::LIST_TABLES, "the tables of a schema"),
            (action::GET_TABLE, "a table's columns, keys and statistics"),
            (action::DERIVE, "whether the source computes a join or groups of its tables"),
            (action::PLAN_SCAN, "what is promised for a request"),
            (action::HOLD_QUERY, "all reads of a query at one moment, while the call is open"),
            (action::GET_SPLITS, "the parts of a plan, with tickets to read them"),
        ];
        let actions = actions
            .map(|(name, description)| Ok(ActionType { r#type: name.to_owned(), description: description.to_owned() }));
        Ok(Response::new(Box::pin(futures::stream::iter(actions))))
    }

    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        not_offered("handshake: the token goes into every call")
    }

    async fn list_flights(&self, _: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        not_offered("ListFlights")
    }

    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        not_offered("PollFlightInfo")
    }

    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        not_offered("GetSchema")
    }

    async fn do_put(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        not_offered("DoPut: it only reads")
    }

    async fn do_exchange(&self, _: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        not_offered("DoExchange")
    }
}
