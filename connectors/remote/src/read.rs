//! One split, read at the server.

use crate::connect::Link;
use crate::connector::text;
use crate::decode::Decoder;
use crate::error;
use arrow::array::RecordBatch;
use arrow_flight::Ticket;
use futures::{StreamExt, stream};
use headwater_core::{BatchStream, Result, Retry, ScanContext, Split};
use std::sync::Arc;
use std::time::Instant;

pub(crate) async fn read(link: &Arc<Link>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let asked_at = Instant::now();
    let request = link.request(Ticket::new(text(&split.detail, "ticket")), Some(context))?;
    let answer = link.client().await?.do_get(request).await;
    let messages = answer.map_err(|status| error::from_status(&status, &link.config))?.into_inner();
    let decoder =
        Decoder::new(messages, Arc::clone(link), Arc::clone(&split.schema), Arc::clone(&context.metrics), asked_at);
    Ok(stream::unfold(Some(Reading { decoder, yielded: false }), step).boxed())
}

struct Reading {
    decoder: Decoder,
    /// Whether a batch has left: from then on a repeated read would give rows twice.
    yielded: bool,
}

/// The next batch. Nothing follows an error.
async fn step(reading: Option<Reading>) -> Option<(Result<RecordBatch>, Option<Reading>)> {
    let mut reading = reading?;
    match reading.decoder.batch().await {
        Ok(Some(batch)) => {
            reading.yielded = true;
            Some((Ok(batch), Some(reading)))
        }
        Ok(None) => None,
        Err(error) if reading.yielded => Some((Err(error.with_retry(Retry::No)), None)),
        Err(error) => Some((Err(error), None)),
    }
}
