//! The binary format of `COPY`: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".
//!
//! A header; per row the number of fields, and per field its length (−1 for NULL) and bytes; at the end a number of
//! fields of −1.

use super::batch::BatchBuilder;
use bytes::{Buf as _, Bytes};
use headwater_core::{Error, ErrorKind, Result};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Received bytes that are not decoded yet: at most one message and the row it does not complete.
///
/// The server sends a message per row, but the protocol does not promise it. Rows are decoded where the driver put
/// them; only what a message leaves unfinished is copied.
pub(super) struct Tuples {
    rest: Bytes,
    max_row_bytes: usize,
    header_read: bool,
    ended: bool,
}

impl Tuples {
    pub(super) fn new(max_row_bytes: usize) -> Self {
        Self { rest: Bytes::new(), max_row_bytes, header_read: false, ended: false }
    }

    /// Takes a message, unless it makes the row that is still incomplete too large.
    pub(super) fn receive(&mut self, message: Bytes) -> Result<(), TooLarge> {
        let waiting = self.rest.len() + message.len();
        self.rest = match self.rest.is_empty() {
            true => message,
            false => Bytes::from([self.rest.as_ref(), message.as_ref()].concat()),
        };
        if waiting > self.max_row_bytes {
            return Err(self.too_large(waiting));
        }
        Ok(())
    }

    /// Decodes complete rows until the batch is full (true) or more bytes are needed (false).
    pub(super) fn decode_into(&mut self, batch: &mut BatchBuilder) -> Result<bool> {
        if !self.header_read && !self.read_header()? {
            return Ok(false);
        }
        if self.ended && !self.rest.is_empty() {
            return Err(corrupt("rows after the end mark"));
        }
        let mut rest = self.rest.as_ref();
        let full = loop {
            if batch.is_full() {
                break true;
            }
            match next_tuple(&mut rest)? {
                Tuple::Incomplete => break false,
                Tuple::End => {
                    if !rest.is_empty() {
                        return Err(corrupt("bytes after the end mark"));
                    }
                    self.ended = true;
                    break false;
                }
                Tuple::Fields(count, fields) => batch.append(count, fields)?,
            }
        };
        let decoded = self.rest.len() - rest.len();
        self.rest.advance(decoded);
        Ok(full)
    }

    /// How large the row is, and which of its fields is the largest as far as they have come.
    fn too_large(&self, bytes: usize) -> TooLarge {
        let header = if self.header_read { 0 } else { SIGNATURE.len() + 8 };
        let mut fields = self.rest.get(header + size_of::<i16>()..).unwrap_or_default();
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

    /// An answer that stops before its end mark must not pass for a whole one.
    pub(super) fn check_end(&self) -> Result<()> {
        if self.ended { Ok(()) } else { Err(corrupt("rows that stop before their end mark")) }
    }

    fn read_header(&mut self) -> Result<bool> {
        let fixed = SIGNATURE.len() + 8;
        let Some(header) = self.rest.get(..fixed) else { return Ok(false) };
        let Some(mut rest) = header.strip_prefix(SIGNATURE) else { return Err(corrupt("no COPY signature")) };
        let (Some(flags), Some(extension)) = (take_int(&mut rest), take_int(&mut rest)) else { return Ok(false) };
        // Bits 16 to 31 announce what a reader must know; bit 16 was for OIDs, until version 12.
        if flags.cast_unsigned() >> 16 != 0 {
            return Err(corrupt("a COPY format with unknown flags"));
        }
        let end = fixed + usize::try_from(extension).map_err(|_| corrupt("a COPY header of negative length"))?;
        if self.rest.len() < end {
            return Ok(false);
        }
        self.rest.advance(end);
        self.header_read = true;
        Ok(true)
    }
}

/// A row that is not taken in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge {
    pub(super) bytes: usize,
    /// Its largest field, counted from 0.
    pub(super) field: usize,
}

enum Tuple<'a> {
    Incomplete,
    End,
    /// How many fields, and their bytes with lengths.
    Fields(usize, &'a [u8]),
}

/// The first row of `bytes`, which then begins after it.
fn next_tuple<'a>(bytes: &mut &'a [u8]) -> Result<Tuple<'a>> {
    let Some((count, mut rest)) = bytes.split_first_chunk::<2>() else { return Ok(Tuple::Incomplete) };
    let count = match i16::from_be_bytes(*count) {
        -1 => {
            *bytes = rest;
            return Ok(Tuple::End);
        }
        count => usize::try_from(count).map_err(|_| corrupt("a row with a negative number of fields"))?,
    };
    let fields = rest;
    for _ in 0..count {
        if matches!(take_field(&mut rest)?, Field::Incomplete) {
            return Ok(Tuple::Incomplete);
        }
    }
    let length = fields.len() - rest.len();
    *bytes = rest;
    Ok(Tuple::Fields(count, fields.get(..length).unwrap_or_default()))
}

enum Field<'a> {
    Incomplete,
    Value(Option<&'a [u8]>),
}

fn take_field<'a>(bytes: &mut &'a [u8]) -> Result<Field<'a>> {
    match take_int(bytes) {
        None => Ok(Field::Incomplete),
        Some(-1) => Ok(Field::Value(None)),
        Some(length) => {
            let length = usize::try_from(length).map_err(|_| corrupt("a field of negative length"))?;
            let Some((value, rest)) = bytes.split_at_checked(length) else { return Ok(Field::Incomplete) };
            *bytes = rest;
            Ok(Field::Value(Some(value)))
        }
    }
}

/// The next field of a complete row.
pub(super) fn next_field<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>> {
    match take_field(bytes)? {
        Field::Value(value) => Ok(value),
        Field::Incomplete => Err(corrupt("a row that ends too early")),
    }
}

fn take_int(bytes: &mut &[u8]) -> Option<i32> {
    let (int, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(i32::from_be_bytes(*int))
}

pub(super) fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the server sent {what}"))
}
