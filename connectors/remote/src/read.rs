//! One split, read at the server.

use crate::connect::Link;
use crate::connector::text;
use crate::decode::Decoder;
use crate::error;
use arrow_flight::Ticket;
use futures::{StreamExt, stream};
use headwater_core::{BatchStream, Result, ScanContext, Split};
use std::sync::Arc;
use std::time::Instant;

pub(crate) async fn read(link: &Arc<Link>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let asked_at = Instant::now();
    let request = link.request(Ticket::new(text(&split.detail, "ticket")), Some(context))?;
    let answer = link.client().await?.do_get(request).await;
    let messages = answer.map_err(|status| error::from_status(&status, &link.config))?.into_inner();
    let decoder =
        Decoder::new(messages, Arc::clone(link), Arc::clone(&split.schema), Arc::clone(&context.metrics), asked_at);
    Ok(stream::try_unfold(decoder, |mut decoder| async {
        let batch = decoder.batch().await?;
        Ok(batch.map(|batch| (batch, decoder)))
    })
    .boxed())
}
