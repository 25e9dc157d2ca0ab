//! Splits for a caller, as they are found.

use crate::plan::opened;
use crate::seal::{Purpose, Seal};
use crate::service::Service;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use headwater_core::wire::{GetSplits, SplitAnswer, SplitsPage};
use headwater_core::{KeyDecision, Result, ScanContext, ScanPlan, Split, SplitStream, WIRE_VERSION};
use std::sync::Arc;
use std::time::SystemTime;

/// A page is sent once it is about as large as this.
const PAGE_BYTES: usize = 1 << 20;

/// The pages of a plan's splits. The first has the decision about the keys, the last the end.
pub(crate) async fn pages(
    service: &Service,
    ask: GetSplits,
    context: ScanContext,
) -> Result<BoxStream<'static, Result<SplitsPage>>> {
    let catalog = service.catalogs.find(ask.catalog.as_deref())?;
    let context = service.held.share(&catalog.name, context);
    let plan: ScanPlan = opened(service, catalog, Purpose::Plan, &ask.handle)?;
    let found = service.in_time(catalog.connector.splits(&plan, ask.keys.as_ref(), &context)).await?;
    let pager = Pager {
        splits: found.stream,
        decision: Some(found.keys),
        seal: Arc::clone(&service.seal),
        catalog: catalog.name.clone(),
        expires: SystemTime::now() + service.ticket_lifetime,
        context,
    };
    let step = |pager: Option<Pager>| async { pager?.page().await };
    Ok(stream::unfold(Some(pager), step).boxed())
}

struct Pager {
    splits: SplitStream,
    decision: Option<KeyDecision>,
    seal: Arc<Seal>,
    catalog: String,
    expires: SystemTime,
    context: ScanContext,
}

impl Pager {
    /// The next page, and the pager if there is more to come.
    async fn page(mut self) -> Option<(Result<SplitsPage>, Option<Self>)> {
        match self.filled().await {
            Ok(page) => {
                let rest = if page.end { None } else { Some(self) };
                Some((Ok(page), rest))
            }
            Err(error) => Some((Err(error), None)),
        }
    }

    /// Waits for one split, and takes what else is there already.
    async fn filled(&mut self) -> Result<SplitsPage> {
        let mut splits = Vec::new();
        let mut bytes = 0;
        let mut next = self.splits.next().await;
        let end = loop {
            let Some(split) = next else { break true };
            let answer = self.answer(&split?)?;
            bytes += answer.ticket.len() * 2;
            splits.push(answer);
            if bytes >= PAGE_BYTES {
                break false;
            }
            next = match self.splits.next().now_or_never() {
                Some(next) => next,
                None => break false,
            };
        };
        let counted = Some(self.context.metrics.snapshot().into());
        Ok(SplitsPage { version: WIRE_VERSION, keys: self.decision.take(), splits, counted, end })
    }

    fn answer(&self, split: &Split) -> Result<SplitAnswer> {
        let ticket = self.seal.close(Purpose::Split, &self.catalog, Some(self.expires), split)?;
        Ok(SplitAnswer { ticket, request: split.request.clone(), limit: split.limit })
    }
}
