//! The splits of a plan, as the server finds them.

use crate::call::{Pages, body};
use crate::connect::Link;
use crate::connector::text;
use crate::error;
use crate::hold::hold;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::wire::{Counted, GetSplits, SplitAnswer, SplitsPage, action};
use headwater_core::{Error, JoinKeys, KeyDecision, Result, ScanContext, ScanMetrics, ScanPlan, Split, Splits};
use serde_json::json;
use std::sync::Arc;

/// Half of what servers take. Keys above this stay here, and the scan goes on without them.
const LARGEST_QUESTION: usize = 32 << 20;

pub(crate) async fn splits(
    link: &Arc<Link>,
    plan: &ScanPlan,
    keys: Option<&JoinKeys>,
    context: &ScanContext,
) -> Result<Splits> {
    // One statement alone is of one moment by itself.
    if plan.requests.len() > 1 || keys.is_some() || context.scope.scans() > 1 {
        hold(link, context).await?;
    }
    let question =
        GetSplits { catalog: link.config.catalog.clone(), handle: text(&plan.detail, "handle"), keys: keys.cloned() };
    let (body, kept) = written(question)?;
    let asked = async {
        let mut pages = Pages::<SplitsPage>::send(link, action::GET_SPLITS, body, Some(context)).await?;
        let first = pages.next().await?;
        Ok((pages, first.ok_or_else(|| error::cut(&link.config))?))
    };
    let (pages, first) = link.in_time(asked).await?;
    let sent = keys.filter(|_| kept.is_none());
    let said = decision(&first, sent).map_err(|what| error::unexpected(what, &link.config))?;
    let decision = kept.unwrap_or(said);
    let pager = Pager { pages, metrics: Arc::clone(&context.metrics), counted: Counted::default() };
    let schema = Arc::clone(&plan.schema);
    let pages = stream::try_unfold((Some(first), pager), |(first, mut pager)| async {
        let page = match first {
            Some(page) => Some(page),
            None => pager.pages.next_in_time().await?,
        };
        Ok::<_, Error>(page.map(|page| (pager.count(page), (None, pager))))
    });
    let split = move |answer: SplitAnswer| {
        let mut split = Split::new(Arc::clone(&schema), answer.request);
        split.limit = answer.limit;
        Ok(split.with_detail(json!({ "ticket": answer.ticket })))
    };
    let stream = pages.map_ok(move |list| {
        let split = split.clone();
        stream::iter(list.into_iter().map(split))
    });
    Ok(Splits { keys: decision, stream: stream.try_flatten().boxed() })
}

/// The question as it is sent; where its keys stay here because they are too large, what is said of them.
fn written(mut question: GetSplits) -> Result<(Vec<u8>, Option<KeyDecision>)> {
    let all = body(&question)?;
    if all.len() <= LARGEST_QUESTION {
        return Ok((all, None));
    }
    let Some(keys) = question.keys.take() else { return Ok((all, None)) };
    let reason = format!("with them the question takes {} MiB, too large to send", all.len() >> 20);
    let declined = KeyDecision::Declined { keys: keys.count(), reason };
    Ok((body(&question)?, Some(declined)))
}

/// What became of the keys, which must be said if any were offered.
fn decision(first: &SplitsPage, keys: Option<&JoinKeys>) -> Result<KeyDecision, &'static str> {
    match (&first.keys, keys) {
        (None | Some(KeyDecision::NotOffered), None) => Ok(KeyDecision::NotOffered),
        (Some(KeyDecision::NotOffered) | None, Some(_)) => Err("it does not say what became of the join keys"),
        (Some(_), None) => Err("it speaks of join keys, but none were offered"),
        (Some(decision), Some(_)) => Ok(decision.clone()),
    }
}

struct Pager {
    pages: Pages<SplitsPage>,
    metrics: Arc<ScanMetrics>,
    counted: Counted,
}

impl Pager {
    /// The splits of a page, its costs put into the account.
    fn count(&mut self, page: SplitsPage) -> Vec<SplitAnswer> {
        if let Some(counted) = page.counted {
            self.metrics.add_counted(counted.since(self.counted));
            self.counted = counted;
        }
        page.splits
    }
}
