//! The binary format of `COPY`: <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".
//!
//! A header; per row the number of fields, and per field its length (−1 for NULL) and bytes; at the end a number of
//! fields of −1.

use super::batch::BatchBuilder;
use headwater_core::{Error, ErrorKind, Result};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Received bytes that are not decoded yet: at most one message and the row it does not complete.
///
/// The server sends a message per row, but the protocol does not promise it.
#[derive(Default)]
pub(super) struct Tuples {
    buffer: Vec<u8>,
    start: usize,
    header_read: bool,
    ended: bool,
}

impl Tuples {
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Decodes complete rows until the batch is full (true) or more bytes are needed (false).
    pub(super) fn decode_into(&mut self, batch: &mut BatchBuilder) -> Result<bool> {
        if !self.header_read && !self.read_header()? {
            return Ok(false);
        }
        if self.ended && self.start < self.buffer.len() {
            return Err(corrupt("rows after the end mark"));
        }
        while !batch.is_full() {
            let mut rest = self.buffer.get(self.start..).unwrap_or_default();
            let before = rest.len();
            match next_tuple(&mut rest)? {
                Tuple::Incomplete => return Ok(false),
                Tuple::End => {
                    if !rest.is_empty() {
                        return Err(corrupt("bytes after the end mark"));
                    }
                    self.ended = true;
                    self.start = self.buffer.len();
                    return Ok(false);
                }
                Tuple::Fields(count, fields) => batch.append(count, fields)?,
            }
            self.start += before - rest.len();
        }
        Ok(true)
    }

    /// An answer that stops before its end mark must not pass for a whole one.
    pub(super) fn check_end(&self) -> Result<()> {
        if self.ended { Ok(()) } else { Err(corrupt("rows that stop before their end mark")) }
    }

    fn read_header(&mut self) -> Result<bool> {
        let fixed = SIGNATURE.len() + 8;
        let Some(header) = self.buffer.get(..fixed) else { return Ok(false) };
        let Some(mut rest) = header.strip_prefix(SIGNATURE) else { return Err(corrupt("no COPY signature")) };
        let (Some(flags), Some(extension)) = (take_int(&mut rest), take_int(&mut rest)) else { return Ok(false) };
        // Bits 16 to 31 announce what a reader must know; bit 16 was for OIDs, until version 12.
        if flags.cast_unsigned() >> 16 != 0 {
            return Err(corrupt("a COPY format with unknown flags"));
        }
        let end = fixed + usize::try_from(extension).map_err(|_| corrupt("a COPY header of negative length"))?;
        if self.buffer.len() < end {
            return Ok(false);
        }
        self.start = end;
        self.header_read = true;
        Ok(true)
    }
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
