//! The stored bytes of a file, fetched piece by piece: one waits for its reader while the next is fetched. The first ones
//! are small, for whoever wants a few items.
//!
//! Pieces instead of one long answer: whoever reads slowly holds no connection open, and what breaks off is asked for
//! again from where it broke.

use super::corrupt;
use super::place::{Piece, Place};
use crate::connect::Connection;
use bytes::Bytes;
use headwater_core::{Error, Result, ScanMetrics};
use md5::{Digest, Md5};
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const FIRST_PIECE: u64 = 256 << 10;
const LARGEST_PIECE: u64 = 4 << 20;

/// Fetches for a reader, and ends with the one who holds it.
pub(super) struct Download(JoinHandle<()>);

impl Drop for Download {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins to fetch a file.
pub(super) fn download(
    connection: Arc<Connection>,
    place: Place,
    path: String,
    metrics: Option<Arc<ScanMetrics>>,
) -> (Pieces, Download) {
    let (sender, receiver) = mpsc::channel(1);
    let fetching = Fetching { connection, place, path, metrics };
    let task = tokio::spawn(async move {
        let (mut next, mut etag, mut length) = (Some(0), None, FIRST_PIECE);
        while let Some(at) = next {
            let piece = fetching.piece(at..at + length, etag.take()).await;
            length = (2 * length).min(LARGEST_PIECE);
            next = None;
            let bytes = piece.map(|piece| {
                let end = at + piece.bytes.len() as u64;
                (next, etag) = ((end < piece.size).then_some(end), piece.etag);
                piece.bytes
            });
            if sender.send(bytes).await.is_err() {
                return;
            }
        }
    });
    (Pieces { receiver, current: Bytes::new(), sum: Md5::new(), failed: None }, Download(task))
}

struct Fetching {
    connection: Arc<Connection>,
    place: Place,
    path: String,
    metrics: Option<Arc<ScanMetrics>>,
}

impl Fetching {
    async fn piece(&self, range: Range<u64>, etag: Option<String>) -> Result<Piece> {
        let _permit = self.connection.permit().await?;
        let begin = Instant::now();
        let at = range.start;
        let piece = self.place.piece(&self.path, range, etag).await?;
        if let Some(metrics) = &self.metrics {
            metrics.add_request(begin.elapsed());
            metrics.add_wire_bytes(piece.bytes.len() as u64);
        }
        if piece.bytes.is_empty() {
            return Err(corrupt(format!("{} gave nothing at byte {at} of {}", self.path, piece.size)));
        }
        Ok(piece)
    }
}

/// The bytes, for a reader on a thread of its own; summed up as they pass.
pub(super) struct Pieces {
    receiver: mpsc::Receiver<Result<Bytes>>,
    current: Bytes,
    sum: Md5,
    /// What the store said: readers of bytes pass on no errors of ours.
    failed: Option<Error>,
}

impl Pieces {
    /// Why there were no more bytes, if that was not the end.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// The MD5 of the bytes so far.
    pub(super) fn sum(&self) -> [u8; 16] {
        self.sum.clone().finalize().into()
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => {
                    self.sum.update(&piece);
                    self.current = piece;
                }
                Some(Err(error)) => {
                    self.failed = Some(error);
                    return Err(std::io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        let part = self.current.split_to(self.current.len().min(into.len()));
        let (into, _) = into.split_at_mut(part.len());
        into.copy_from_slice(&part);
        Ok(part.len())
    }
}
