//! One split for a caller.

use crate::context::context_of;
use crate::encode::Encoder;
use crate::seal::{Purpose, foreign};
use crate::service::{Answers, Service};
use crate::status::to_status;
use arrow_flight::{FlightData, Ticket};
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{Error, ErrorKind, Result, Retry, Split};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tonic::{Request, Status};

pub(crate) async fn read(service: &Service, request: Request<Ticket>) -> Result<Answers<FlightData>> {
    let (headers, _, ticket) = request.into_parts();
    let context = context_of(&headers)?;
    let text = std::str::from_utf8(&ticket.ticket).map_err(|_| foreign())?;
    let (catalog, split): (String, Split) = service.seal.open(Purpose::Split, text)?;
    let catalog = service.catalogs.find(Some(&catalog))?;
    let context = service.held.share(&catalog.name, context);
    let permit = permit(service).await?;
    let batches = catalog.connector.read(&split, &context).await?;
    let encoder = Encoder::new(batches, split.schema, context.metrics);
    let reading = Reading { encoder, closing: service.closing.clone(), _permit: permit };
    let step = |reading: Option<Reading>| async { reading?.step().await };
    Ok(stream::unfold(Some(reading), step).map_ok(|data| stream::iter(data.into_iter().map(Ok))).try_flatten().boxed())
}

async fn permit(service: &Service) -> Result<OwnedSemaphorePermit> {
    let turn = tokio::time::timeout(service.call_timeout, Arc::clone(&service.reads).acquire_owned());
    let busy = || {
        let (reads, waited) = (service.max_reads, service.call_timeout.as_secs_f64());
        let message = format!("all {reads} reads that the server does at once were under way for {waited} s");
        Error::new(ErrorKind::Throttled, message)
            .with_hint("try again later, or let the server do more at once; reads that stand still count too")
    };
    turn.await.ok().and_then(Result::ok).ok_or_else(busy)
}

/// A read under way. Dropped with the call, and with it the connector's stream.
struct Reading {
    encoder: Encoder,
    closing: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

type Step = (Result<Vec<FlightData>, Status>, Option<Reading>);

impl Reading {
    /// The next messages, and the read if it goes on.
    async fn step(mut self) -> Option<Step> {
        let message = tokio::select! {
            message = self.encoder.message() => message,
            _ = self.closing.wait_for(|closing| *closing) => Some(Err(to_status(&closed()))),
        };
        Some(match message {
            Some(Ok(data)) => (Ok(vec![data]), Some(self)),
            Some(Err(status)) => (Err(status), None),
            None => (self.encoder.end().map_err(|error| to_status(&error)), None),
        })
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the server was stopped before the split was read to its end")
        .with_hint("run the statement again")
        .with_retry(Retry::No)
}
