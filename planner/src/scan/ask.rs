//! Which splits a scan reads: those of its plan, or those of a join's keys.

use crate::error::from_engine;
use crate::keys::{KeyRange, Offer, Part, Parts};
use crate::ledger::ScanRecord;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use headwater_core::{Connector, Error, JoinKeys, KeyDecision, Result, Split, SplitStream, Splits};
use std::sync::Arc;

/// A split, and which of its rows count.
pub(super) struct Piece {
    pub(super) split: Split,
    /// `None`: all rows.
    pub(super) range: Option<KeyRange>,
}

pub(super) type PieceStream = BoxStream<'static, Result<Piece>>;

/// What the joins above a scan know when it begins.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    /// Fewest keys first.
    pub(super) offers: Vec<Offer>,
    /// One of them has nothing on its build side: no row is wanted.
    pub(super) none: bool,
    /// Keys that there were and that cannot be offered: how many, and why.
    pub(super) lost: Option<(u64, String)>,
}

/// Asks the connector for splits.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) record: Arc<ScanRecord>,
    /// How many keys a connector is offered at once.
    pub(super) keys_at_once: usize,
}

impl Ask {
    /// By the first keys that the connector takes: those of one join may lead nowhere, those of another to the rows.
    pub(super) async fn pieces(&self, known: KnownKeys) -> Result<(KeyDecision, PieceStream)> {
        if known.none {
            return Ok(nothing());
        }
        let mut declined = None;
        for offer in known.offers {
            let mut parts = offer.parts(self.at_once()).map_err(from_engine)?;
            let Some(Part { keys, range }) = parts.next().map_err(from_engine)? else { return Ok(nothing()) };
            let Some(keys) = keys else { continue };
            let splits = self.splits(Some(&keys)).await?;
            if let KeyDecision::Used { keys: used } = splits.keys {
                let first = pieces(splits.stream, range);
                let rest = Rest { ask: self.clone(), parts, used, is_last: false };
                return Ok((KeyDecision::Used { keys: used }, first.chain(rest.stream()).boxed()));
            }
            declined.get_or_insert(splits);
        }
        let Splits { keys, stream } = match declined {
            Some(splits) => splits,
            None => self.splits(None).await?,
        };
        let decision = match (keys, known.lost) {
            (KeyDecision::NotOffered, Some((keys, reason))) => KeyDecision::Declined { keys, reason },
            (keys, _) => keys,
        };
        Ok((decision, pieces(stream, None)))
    }

    /// A limit counts the rows of a whole scan.
    fn at_once(&self) -> usize {
        if self.record.plan.request.limit.is_some() { usize::MAX } else { self.keys_at_once }
    }

    async fn splits(&self, keys: Option<&JoinKeys>) -> Result<Splits> {
        self.connector.splits(&self.record.plan, keys, &self.record.context).await
    }
}

fn nothing() -> (KeyDecision, PieceStream) {
    (KeyDecision::Used { keys: 0 }, stream::empty().boxed())
}

fn pieces(splits: SplitStream, range: Option<KeyRange>) -> PieceStream {
    splits.map_ok(move |split| Piece { split, range: range.clone() }).boxed()
}

/// The parts after the first, each asked for when the splits of the one before are taken.
struct Rest {
    ask: Ask,
    parts: Parts,
    used: u64,
    is_last: bool,
}

impl Rest {
    fn stream(self) -> PieceStream {
        let parts = stream::try_unfold(self, |mut rest| async move {
            let pieces = rest.next().await?;
            Ok::<_, Error>(pieces.map(|pieces| (pieces, rest)))
        });
        parts.try_flatten().boxed()
    }

    async fn next(&mut self) -> Result<Option<PieceStream>> {
        if self.is_last {
            return Ok(None);
        }
        let Some(Part { keys, range }) = self.parts.next().map_err(from_engine)? else { return Ok(None) };
        let splits = self.ask.splits(keys.as_ref()).await?;
        let reason = match splits.keys {
            KeyDecision::Used { keys } => {
                self.used += keys;
                self.tell(KeyDecision::Used { keys: self.used });
                return Ok(Some(pieces(splits.stream, range)));
            }
            KeyDecision::Declined { reason, .. } => reason,
            KeyDecision::NotOffered => "one of them cannot be said".to_owned(),
        };
        // The whole plan then, without the rows that earlier parts have read.
        self.is_last = true;
        let reason = format!("after the first {}: {reason}", self.used);
        self.tell(KeyDecision::Declined { keys: self.parts.total() as u64, reason });
        Ok(Some(pieces(splits.stream, range.map(|range| range.and_beyond()))))
    }

    fn tell(&self, decision: KeyDecision) {
        self.ask.record.update(|run| run.keys = Some(decision));
    }
}
