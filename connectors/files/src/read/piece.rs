//! The part of a text file that a split reads: the records that begin within its range of bytes.

use super::text_of;
use crate::connect::{Chunks, FileStore};
use crate::plan::Piece;
use arrow::buffer::Buffer;
use futures::TryStreamExt;
use headwater_core::Result;

/// How much is read at once beyond the range, where its last record ends.
const TAIL: u64 = 64 << 10;

/// ```text
///         a                         b
/// …record\nrecord\nrecord\n…record\nrec|ord\n…
///         └─ read from a−1: skip to the first line break, then all records that begin before b
/// ```
/// A record that begins exactly at `a` is ours, as the byte before it is a line break.
pub(super) struct PieceText {
    store: FileStore,
    file_name: String,
    text: Chunks,
    /// How far the file was asked for.
    end: u64,
    size: u64,
    /// The next bytes belong to a record of the split before.
    skipping: bool,
}

impl PieceText {
    pub(super) fn open(store: FileStore, piece: &Piece) -> Result<Self> {
        let (start, end) = piece.range.unwrap_or((0, piece.size));
        let file_name = piece.path.rsplit('/').next().unwrap_or_default().to_owned();
        let text = text_of(store.clone(), &file_name, start.saturating_sub(1)..end)?;
        Ok(Self { store, file_name, text, end, size: piece.size, skipping: start > 0 })
    }

    /// Whether the range ends before the file does, so that a record may reach beyond it.
    pub(super) fn may_reach_beyond(&self) -> bool {
        self.end < self.size
    }

    /// More of the range; `None` at its end.
    pub(super) async fn next(&mut self) -> Result<Option<Buffer>> {
        while let Some(chunk) = self.text.try_next().await? {
            if !self.skipping {
                return Ok(Some(chunk));
            }
            if let Some(at) = chunk.iter().position(|byte| *byte == b'\n') {
                self.skipping = false;
                return Ok(Some(chunk.slice(at + 1)));
            }
        }
        Ok(None)
    }

    /// Whether no line break was in the range: then no record begins in it.
    pub(super) fn is_inside_a_record(&self) -> bool {
        self.skipping
    }

    /// More of what comes after the range; `None` at the file's end.
    pub(super) async fn beyond(&mut self) -> Result<Option<Buffer>> {
        loop {
            if let Some(chunk) = self.text.try_next().await? {
                return Ok(Some(chunk));
            }
            if self.end >= self.size {
                return Ok(None);
            }
            let upto = (self.end + TAIL).min(self.size);
            self.text = text_of(self.store.clone(), &self.file_name, self.end..upto)?;
            self.end = upto;
        }
    }
}
