//! Comma-separated text (RFC 4180) taken apart, with the line of each record.
//!
//! Our own reader, for three things that readers made for speed do not tell: whether an empty field was quoted, on
//! which line a record begins, and whether a piece of a file ends within quotes.

use headwater_core::{Error, ErrorKind, Result};

/// A record longer than this is a quote that was never closed, more likely than a record.
const MAX_RECORD_BYTES: usize = 32 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a record.
    Record,
    /// Before the first byte of a field that is not the first.
    Field,
    Plain,
    Quoted,
    /// After a quote within quotes: the end of the field, or the first half of a doubled quote.
    Closing,
    /// After a carriage return outside quotes.
    Return,
}

/// Whole records, field after field.
#[derive(Debug, Default)]
pub(crate) struct Records {
    bytes: Vec<u8>,
    /// Where each field ends in `bytes`, and whether it was quoted.
    fields: Vec<(usize, bool)>,
    /// Where each record ends in `fields`.
    ends: Vec<usize>,
    /// The line on which each record begins, from 1.
    lines: Vec<u64>,
}

impl Records {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn line(&self, record: usize) -> u64 {
        self.lines.get(record).copied().unwrap_or_default()
    }

    /// The bytes of a field and whether it was quoted; `None` where the record has no such field.
    pub(crate) fn field(&self, record: usize, index: usize) -> Option<(&[u8], bool)> {
        let (begin, end) = self.range(record)?;
        let at = begin.checked_add(index).filter(|at| *at < end)?;
        let (last, quoted) = *self.fields.get(at)?;
        let first = at.checked_sub(1).and_then(|before| self.fields.get(before)).map_or(0, |(end, _)| *end);
        Some((self.bytes.get(first..last)?, quoted))
    }

    pub(crate) fn width(&self, record: usize) -> usize {
        self.range(record).map_or(0, |(begin, end)| end - begin)
    }

    fn range(&self, record: usize) -> Option<(usize, usize)> {
        let end = *self.ends.get(record)?;
        let begin = record.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        Some((begin, end))
    }
}

/// Reads text piece by piece.
#[derive(Debug)]
pub(crate) struct CsvReader {
    delimiter: u8,
    state: State,
    quoted: bool,
    line: u64,
    records: Records,
    record_line: u64,
    record_start: usize,
    last_is_newline: bool,
    /// How many fields the records have: until it is told, as many as the first one. A blank line is a record with
    /// nothing in it where they have one field, else it is none.
    pub(crate) width: Option<usize>,
    /// Whether a line break within quotes was met.
    pub(crate) met_quoted_newline: bool,
    /// Whether a quote within a field that does not begin with one was met.
    pub(crate) met_stray_quote: bool,
}

impl CsvReader {
    /// A reader whose first byte is on this line.
    pub(crate) fn new(delimiter: u8, line: u64) -> Self {
        Self {
            delimiter,
            state: State::Record,
            quoted: false,
            line,
            records: Records::default(),
            record_line: line,
            record_start: 0,
            last_is_newline: false,
            width: None,
            met_quoted_newline: false,
            met_stray_quote: false,
        }
    }

    /// Records that are whole by now.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// Whether the text so far ends at the end of a record.
    pub(crate) fn is_between_records(&self) -> bool {
        matches!(self.state, State::Record | State::Return)
    }

    /// Whether the text so far ends with a line break within quotes.
    pub(crate) fn is_quoted_newline(&self) -> bool {
        self.state == State::Quoted && self.last_is_newline
    }

    /// Takes the whole records and keeps the beginning of the next.
    pub(crate) fn take(&mut self) -> Records {
        let fields = self.records.ends.last().copied().unwrap_or_default();
        let start = fields.checked_sub(1).and_then(|last| self.records.fields.get(last)).map_or(0, |(end, _)| *end);
        let rest = Records {
            bytes: self.records.bytes.get(start..).unwrap_or_default().to_vec(),
            fields: self.records.fields.iter().skip(fields).map(|(end, quoted)| (end - start, *quoted)).collect(),
            ..Records::default()
        };
        self.record_start = self.record_start.saturating_sub(start);
        std::mem::replace(&mut self.records, rest)
    }

    /// Reads from the start of `chunk` until `most` records are whole; says how many bytes were read.
    ///
    /// # Errors
    /// `LimitExceeded` for a record of more than 32 MiB.
    pub(crate) fn feed(&mut self, chunk: &[u8], most: usize) -> Result<usize> {
        let mut at = 0;
        while at < chunk.len() && self.records.len() < most {
            let rest = chunk.get(at..).unwrap_or_default();
            let run = self.plain_run(rest);
            if run > 0 {
                self.records.bytes.extend_from_slice(rest.get(..run).unwrap_or_default());
                at += run;
                self.last_is_newline = false;
                self.check_length()?;
            } else if let Some(byte) = rest.first() {
                self.step(*byte)?;
                self.last_is_newline = *byte == b'\n';
                at += 1;
            }
        }
        Ok(at)
    }

    /// How many bytes from here on belong to the field as they are.
    fn plain_run(&self, rest: &[u8]) -> usize {
        let delimiter = self.delimiter;
        let end = match self.state {
            State::Plain => rest.iter().position(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r' | b'"')),
            State::Quoted => rest.iter().position(|byte| matches!(byte, b'"' | b'\n')),
            State::Record | State::Field | State::Closing | State::Return => return 0,
        };
        end.unwrap_or(rest.len())
    }

    fn step(&mut self, byte: u8) -> Result<()> {
        match (self.state, byte) {
            (State::Record, b'\n') => {
                self.blank_line();
                self.newline(State::Record);
            }
            (State::Return, b'\n') => self.newline(State::Record),
            // Files are cut at line feeds: a record that ends without one would be cut in two.
            (State::Return, _) => {
                let message = format!("line {} has a carriage return that is no part of a line end", self.line);
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .with_hint("end lines by a line feed, with or without a carriage return before it"));
            }
            (State::Record, b'\r') => {
                self.blank_line();
                self.state = State::Return;
            }
            (State::Record, _) => {
                self.begin_record();
                self.begin_field(byte);
            }
            (State::Field, _) => self.begin_field(byte),
            (State::Plain, _) => {
                self.met_stray_quote |= byte == b'"';
                self.end_or_push(byte);
            }
            (State::Quoted, b'"') => self.state = State::Closing,
            (State::Quoted, b'\n') => {
                self.met_quoted_newline = true;
                self.records.bytes.push(byte);
                self.newline(State::Quoted);
            }
            (State::Quoted, _) => self.records.bytes.push(byte),
            (State::Closing, b'"') => {
                self.records.bytes.push(byte);
                self.state = State::Quoted;
            }
            (State::Closing, b'\n' | b'\r') => self.end_or_push(byte),
            (State::Closing, _) if byte == self.delimiter => self.end_or_push(byte),
            (State::Closing, _) => {
                let message = format!("line {} has text after a closing quote", self.line);
                return Err(Error::new(ErrorKind::Corrupt, message).with_hint(
                    "a quote within quotes is written twice; nothing may stand between quote and delimiter",
                ));
            }
        }
        Ok(())
    }

    fn begin_record(&mut self) {
        self.record_line = self.line;
        self.record_start = self.records.bytes.len();
    }

    fn blank_line(&mut self) {
        if self.width == Some(1) {
            self.begin_record();
            self.end_record();
        }
    }

    fn begin_field(&mut self, byte: u8) {
        self.quoted = byte == b'"';
        if self.quoted {
            self.state = State::Quoted;
        } else {
            self.end_or_push(byte);
        }
    }

    fn end_or_push(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.end_record();
                self.newline(State::Record);
            }
            b'\r' => {
                self.end_record();
                self.state = State::Return;
            }
            _ if byte == self.delimiter => {
                self.end_field();
                self.state = State::Field;
            }
            _ => {
                self.records.bytes.push(byte);
                self.state = State::Plain;
            }
        }
    }

    fn newline(&mut self, state: State) {
        self.line += 1;
        self.state = state;
    }

    fn end_field(&mut self) {
        self.records.fields.push((self.records.bytes.len(), self.quoted));
        self.quoted = false;
    }

    fn end_record(&mut self) {
        self.end_field();
        let before = self.records.ends.last().copied().unwrap_or_default();
        self.width.get_or_insert(self.records.fields.len() - before);
        self.records.ends.push(self.records.fields.len());
        self.records.lines.push(self.record_line);
    }

    fn check_length(&self) -> Result<()> {
        if self.records.bytes.len() - self.record_start.min(self.records.bytes.len()) <= MAX_RECORD_BYTES {
            return Ok(());
        }
        let message = format!("the record that begins on line {} is longer than 32 MiB", self.record_line);
        Err(Error::new(ErrorKind::LimitExceeded, message).with_hint("is a quote there that is never closed?"))
    }

    /// The text is over: its last line may lack a line break.
    ///
    /// # Errors
    /// `Corrupt` within quotes.
    pub(crate) fn finish(&mut self) -> Result<()> {
        match self.state {
            State::Record | State::Return => {}
            State::Quoted => {
                let message = format!("the record that begins on line {} ends within quotes", self.record_line);
                return Err(Error::new(ErrorKind::Corrupt, message));
            }
            State::Field | State::Plain | State::Closing => self.end_record(),
        }
        self.state = State::Record;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records, fed in pieces of `size` bytes.
    fn read(text: &str, size: usize) -> Vec<(u64, Vec<(String, bool)>)> {
        let mut reader = CsvReader::new(b',', 1);
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            let mut rest = piece;
            while !rest.is_empty() {
                let read = reader.feed(rest, 1).unwrap();
                rest = &rest[read..];
                found.extend(all(&reader.take()));
            }
        }
        reader.finish().unwrap();
        found.extend(all(&reader.take()));
        found
    }

    fn all(records: &Records) -> Vec<(u64, Vec<(String, bool)>)> {
        let field = |record, index| {
            let (bytes, quoted): (&[u8], bool) = records.field(record, index).unwrap();
            (String::from_utf8(bytes.to_vec()).unwrap(), quoted)
        };
        let record = |record| (records.line(record), (0..records.width(record)).map(|i| field(record, i)).collect());
        (0..records.len()).map(record).collect()
    }

    #[test]
    fn quotes_line_ends_and_empty_fields_are_told_apart() {
        let text = "a,b\r\n\n\"x\ny\",\"\"\n,\"say \"\"hi\"\"\"\n5\" pipe,last";
        let expected = [
            (1, vec![("a", false), ("b", false)]),
            (3, vec![("x\ny", true), ("", true)]),
            (5, vec![("", false), ("say \"hi\"", true)]),
            (6, vec![("5\" pipe", false), ("last", false)]),
        ];
        let owned = |(line, fields): &(u64, Vec<(&str, bool)>)| {
            (*line, fields.iter().map(|(text, quoted)| ((*text).to_owned(), *quoted)).collect::<Vec<_>>())
        };
        let expected: Vec<_> = expected.iter().map(owned).collect();
        for size in 1..20 {
            assert_eq!(read(text, size), expected, "pieces of {size}");
        }
    }

    #[test]
    fn a_blank_line_is_a_record_where_there_is_one_column() {
        let line = |(line, fields): &(u64, Vec<(String, bool)>)| (*line, fields.first().cloned());
        for (text, last) in [("\na\n\n1\n\n", 5), ("\r\na\r\n\r\n1\r\n\r\n", 5)] {
            for size in 1..8 {
                let found: Vec<_> = read(text, size).iter().map(line).collect();
                let text = |text: &str| Some((text.to_owned(), false));
                assert_eq!(found, [(2, text("a")), (3, text("")), (4, text("1")), (last, text(""))], "{size}");
            }
        }
    }

    #[test]
    fn an_open_quote_is_an_error_at_the_end() {
        let mut reader = CsvReader::new(b',', 1);
        reader.feed(b"a\n\"b\n", 10).unwrap();
        assert!(reader.is_quoted_newline() && reader.met_quoted_newline);
        assert!(reader.finish().unwrap_err().to_string().contains("line 2"));
    }
}
