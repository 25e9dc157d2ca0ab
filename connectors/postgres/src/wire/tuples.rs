//! The binary format of `COPY`: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".
//!
//! A header; per row the number of fields, and the fields; at the end a number of fields of −1. Each row is a CopyData
//! message of its own; header and end mark may share one with a row.

use super::message::{HEADER, Message};
use super::queue::Chunk;
use super::rows::{Malformed, Rows, Span};
use headwater_sql::Room;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The rows of one statement, chunk by chunk.
#[derive(Debug)]
pub(crate) struct Tuples {
    chunk: Chunk,
    columns: usize,
    max_row_bytes: usize,
    header_read: bool,
    ended: bool,
    /// Reused from one call of [`rows`](Self::rows) to the next.
    spans: Vec<Span>,
}

/// Why there are no rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRows {
    Malformed(Malformed),
    TooLarge(TooLarge),
}

/// A row that is not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) bytes: usize,
    /// Its largest field, as far as it has come, counted from 0.
    pub(crate) field: usize,
}

impl From<Malformed> for NoRows {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl Tuples {
    pub(crate) fn new(columns: usize, max_row_bytes: usize) -> Self {
        Self { chunk: Chunk::default(), columns, max_row_bytes, header_read: false, ended: false, spans: Vec::new() }
    }

    /// The chunk that is read: nothing is left of it when another one is put in its place.
    pub(crate) fn chunk(&mut self) -> &mut Chunk {
        &mut self.chunk
    }

    /// An answer that stops before its end mark must not pass for a whole one.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// The next rows, as many as the chunk has and there is room for; none: it is read.
    pub(crate) fn rows(&mut self, room: Room) -> Result<Rows<'_>, NoRows> {
        self.spans.clear();
        let room = room.of_a_group();
        let mut bytes = 0usize;
        while self.spans.len() < room.rows && bytes < room.bytes.max(1) {
            let Some(length) = self.next_message()? else { break };
            bytes = bytes.saturating_add(length + room.per_row);
        }
        Ok(Rows::new(&self.chunk.bytes, &mut self.spans))
    }

    /// Takes a message, with its row if it has one; the message's length.
    #[inline]
    fn next_message(&mut self) -> Result<Option<usize>, NoRows> {
        let arrived = self.chunk.bytes.get(self.chunk.range.clone()).unwrap_or_default();
        let Some(message) = Message::parse(arrived) else { return Ok(None) };
        let length = message.map_err(|_| Malformed("a message of an impossible length"))?.length;
        let Some(body) = arrived.get(HEADER..length) else {
            let row = self.without_header(arrived.get(HEADER..).unwrap_or_default());
            return Err(NoRows::TooLarge(too_large(row, length - (arrived.len() - row.len()))));
        };
        if self.ended {
            return Err(Malformed("rows after the end mark").into());
        }
        let row = if self.header_read { body } else { after_header(body)? };
        if row.len() > self.max_row_bytes {
            return Err(NoRows::TooLarge(too_large(row, row.len())));
        }
        self.header_read = true;
        let end = self.chunk.range.start + length;
        let start = end - row.len();
        self.chunk.range.start = end;
        match fields(row)? {
            Fields::None => {}
            Fields::End => self.ended = true,
            Fields::Some(count) if count == self.columns => {
                let place = |place| u32::try_from(place).map_err(|_| Malformed("a row beyond 4 GiB"));
                self.spans.push(Span { at: place(start + 2)?, end: place(end)? });
            }
            Fields::Some(_) => {
                return Err(Malformed("a row with another number of fields than the statement has columns").into());
            }
        }
        Ok(Some(length))
    }

    /// What has come of a row.
    fn without_header<'a>(&self, row: &'a [u8]) -> &'a [u8] {
        if self.header_read { row } else { after_header(row).unwrap_or_default() }
    }
}

enum Fields {
    /// The header was alone in its message.
    None,
    End,
    Some(usize),
}

fn fields(row: &[u8]) -> Result<Fields, Malformed> {
    let Some((count, rest)) = row.split_first_chunk::<2>() else {
        return if row.is_empty() { Ok(Fields::None) } else { Err(Malformed("a row that ends too early")) };
    };
    match i16::from_be_bytes(*count) {
        -1 if rest.is_empty() => Ok(Fields::End),
        -1 => Err(Malformed("bytes after the end mark")),
        count => match usize::try_from(count) {
            Ok(count) => Ok(Fields::Some(count)),
            Err(_) => Err(Malformed("a row with a negative number of fields")),
        },
    }
}

/// What follows the signature, the flags and the extension.
fn after_header(bytes: &[u8]) -> Result<&[u8], Malformed> {
    let cut = Malformed("a COPY header that ends too early");
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(Malformed("no COPY signature"))?;
    let (flags, extension) = (take_int(&mut rest).ok_or(cut)?, take_int(&mut rest).ok_or(cut)?);
    // Bits 16 to 31 announce what a reader must know; bit 16 was for OIDs, until version 12.
    if flags.cast_unsigned() >> 16 != 0 {
        return Err(Malformed("a COPY format with unknown flags"));
    }
    let extension = usize::try_from(extension).map_err(|_| Malformed("a COPY header of negative length"))?;
    rest.get(extension..).ok_or(cut)
}

/// Which field is the largest, as far as the row has come.
fn too_large(row: &[u8], bytes: usize) -> TooLarge {
    let mut fields = row.get(size_of::<i16>()..).unwrap_or_default();
    let mut largest = (0, 0);
    for index in 0.. {
        let Some(length) = take_int(&mut fields).and_then(|length| usize::try_from(length.max(0)).ok()) else {
            break;
        };
        largest = largest.max((length, index));
        fields = fields.get(length..).unwrap_or_default();
    }
    TooLarge { bytes, field: largest.1 }
}

fn take_int(bytes: &mut &[u8]) -> Option<i32> {
    let (int, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(i32::from_be_bytes(*int))
}
