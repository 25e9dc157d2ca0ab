//! Commands over a connection, one after the other.

use super::Failure;
use super::frames::{Frames, Place};
use super::packets::{ColumnDefinition, END, ERROR, OK, Prepared, end_of_rows, error};
use super::payload::Payload;
use super::rows::{Rows, Span, span};
use super::socket::Socket;
use headwater_sql::Room;
use std::time::{Duration, Instant};

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const CLOSE: u8 = 0x19;

/// An end-of-rows packet is shorter than this; a row that begins with the same byte is not.
const LONGEST_END: usize = 0xff_ffff;

/// What the answer to a prepared statement can count.
const MAX_COLUMNS: usize = 65_535;

/// Rows of `information_schema` that are kept at most, in bytes.
const MAX_TEXT: usize = 256 << 20;

/// A row of texts; `None` is NULL.
pub(crate) type TextRow = Vec<Option<Vec<u8>>>;

/// A connection that is logged in. Dropping it closes it without a word.
pub(crate) struct Connection {
    socket: Socket,
    frames: Frames,
    /// The server's number for it.
    id: u32,
    opened: Instant,
    /// Whether rows end with a packet of the shape of an OK; else of an EOF, and another one comes after the columns.
    ends_with_ok: bool,
    /// Reused from one call of [`rows`](Self::rows) to the next.
    spans: Vec<Span>,
    /// How many columns the rows under way have.
    columns: usize,
    /// What came after the last rows that were handed out.
    after: Option<Result<(), Failure>>,
}

/// A statement that the server understood.
pub(crate) struct Statement {
    id: u32,
    pub(crate) parameters: usize,
    pub(crate) columns: Vec<(String, ColumnDefinition)>,
}

impl Connection {
    pub(super) fn new(socket: Socket, frames: Frames, id: u32, ends_with_ok: bool) -> Self {
        Self { socket, frames, id, opened: Instant::now(), ends_with_ok, spans: Vec::new(), columns: 0, after: None }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// How long ago it was opened.
    pub(crate) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Bytes received since this was asked last.
    pub(crate) fn take_received(&mut self) -> u64 {
        self.frames.take_received()
    }

    /// A statement without rows.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        self.command(QUERY, sql.as_bytes()).await?;
        match self.answer().await? {
            [OK, ..] => Ok(()),
            _ => Err(Failure::Malformed("rows where there should be none")),
        }
    }

    /// All rows of a short statement.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Vec<TextRow>, Failure> {
        self.command(QUERY, sql.as_bytes()).await?;
        let columns = match self.answer().await? {
            [OK, ..] => return Ok(Vec::new()),
            // The server would like a file of ours.
            [0xfb, ..] => return Err(Failure::Malformed("a request instead of an answer")),
            header => Payload(header).length()?,
        };
        self.definitions(columns).await?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let is_ok = self.ends_with_ok;
        loop {
            let payload = self.answer().await?;
            if payload.first() == Some(&END) && payload.len() < LONGEST_END {
                return end_of_rows(payload, is_ok).map(|()| rows);
            }
            bytes += payload.len();
            if bytes > MAX_TEXT {
                return Err(Failure::TooLarge(MAX_TEXT));
            }
            rows.push(text_row(payload, columns)?);
        }
    }

    /// Nothing runs yet.
    pub(crate) async fn prepare(&mut self, sql: &str) -> Result<Statement, Failure> {
        self.command(PREPARE, sql.as_bytes()).await?;
        let Prepared { statement: id, columns, parameters } = Prepared::parse(self.answer().await?)?;
        if parameters > 0 {
            self.definitions(parameters).await?;
        }
        let columns = if columns > 0 { self.definitions(columns).await? } else { Vec::new() };
        Ok(Statement { id, parameters, columns })
    }

    /// Starts a statement, whose rows are then read by [`rows`](Self::rows). The columns are those of the answer: the
    /// server may have prepared it anew.
    pub(crate) async fn execute(&mut self, statement: &Statement) -> Result<Vec<ColumnDefinition>, Failure> {
        if statement.parameters > 0 {
            return Err(Failure::Malformed("parameters where the statement has none"));
        }
        let [a, b, c, d] = statement.id.to_le_bytes();
        // No cursor; one time.
        self.command(EXECUTE, &[a, b, c, d, 0, 1, 0, 0, 0]).await?;
        let columns = match self.answer().await? {
            [OK, ..] => return Err(Failure::Malformed("no rows where there should be some")),
            header => Payload(header).length()?,
        };
        let definitions = self.definitions(columns).await?;
        (self.columns, self.after) = (columns, None);
        Ok(definitions.into_iter().map(|(_, definition)| definition).collect())
    }

    /// The next rows of the statement that was executed, as many as have arrived and there is room for; none: it is
    /// over.
    pub(crate) async fn rows(&mut self, room: Room) -> Result<Rows<'_>, Failure> {
        self.spans.clear();
        let room = room.of_a_group();
        let place = match self.after.take() {
            Some(Ok(())) => {
                self.after = Some(Ok(()));
                return Ok(Rows::new(&[], &mut self.spans));
            }
            Some(Err(failure)) => return Err(failure),
            None => self.frames.next(&mut self.socket).await?,
        };
        match place {
            Place::Buffer(mut range) => {
                let mut bytes = 0usize;
                while self.took_row(range.start, range.end)? {
                    bytes = bytes.saturating_add(range.len() + room.per_row);
                    if self.spans.len() >= room.rows || bytes >= room.bytes {
                        break;
                    }
                    match self.frames.buffered()? {
                        Some(next) => range = next,
                        None => break,
                    }
                }
                if self.spans.is_empty() {
                    self.after.take().unwrap_or(Ok(()))?;
                    self.after = Some(Ok(()));
                }
                Ok(Rows::new(self.frames.buffer(), &mut self.spans))
            }
            Place::Long => {
                let payload = self.frames.bytes(&place);
                if payload.first() != Some(&OK) {
                    return Err(Failure::Malformed("a long packet that is no row"));
                }
                self.spans.push(span(0, payload.len(), self.columns)?);
                Ok(Rows::new(self.frames.bytes(&place), &mut self.spans))
            }
        }
    }

    /// Takes a payload of the buffer for a row, or keeps what it says of the rows' end.
    #[inline]
    fn took_row(&mut self, start: usize, end: usize) -> Result<bool, Failure> {
        let payload = self.frames.buffer().get(start..end).unwrap_or_default();
        match payload.first() {
            Some(&OK) => {
                self.spans.push(span(start, end, self.columns)?);
                return Ok(true);
            }
            Some(&END) => self.after = Some(end_of_rows(payload, self.ends_with_ok)),
            Some(&ERROR) => self.after = Some(Err(error(payload))),
            _ => return Err(Failure::Malformed("an unknown packet among the rows")),
        }
        Ok(false)
    }

    /// Lets the server forget a statement, which it does not answer.
    pub(crate) async fn close(&mut self, statement: Statement) -> Result<(), Failure> {
        self.command(CLOSE, &statement.id.to_le_bytes()).await
    }

    /// Takes leave; the server closes the connection.
    pub(crate) async fn quit(mut self) -> Result<(), Failure> {
        self.command(QUIT, &[]).await
    }

    async fn command(&mut self, command: u8, body: &[u8]) -> Result<(), Failure> {
        // An answer that nobody has asked for would be taken for that to the next command.
        if !self.frames.is_empty() {
            return Err(Failure::Malformed("more than was asked for"));
        }
        self.frames.begin_command();
        let framed = self.frames.framed(&[&[command], body].concat());
        Ok(self.socket.write(&framed).await?)
    }

    /// The next payload, unless it is an error.
    async fn answer(&mut self) -> Result<&[u8], Failure> {
        let place = self.frames.next(&mut self.socket).await?;
        match self.frames.bytes(&place) {
            payload if payload.first() == Some(&ERROR) => Err(error(payload)),
            payload => Ok(payload),
        }
    }

    async fn definitions(&mut self, columns: usize) -> Result<Vec<(String, ColumnDefinition)>, Failure> {
        if columns > MAX_COLUMNS {
            return Err(Failure::Malformed("more columns than a statement can have"));
        }
        let mut definitions = Vec::new();
        for _ in 0..columns {
            definitions.push(ColumnDefinition::parse(self.answer().await?)?);
        }
        if !self.ends_with_ok && self.answer().await?.first() != Some(&END) {
            return Err(Failure::Malformed("more columns than were announced"));
        }
        Ok(definitions)
    }
}

fn text_row(payload: &[u8], columns: usize) -> Result<TextRow, Failure> {
    let mut rest = Payload(payload);
    let mut row = Vec::new();
    for _ in 0..columns {
        row.push(match rest.0.split_first() {
            Some((0xfb, after)) => {
                rest = Payload(after);
                None
            }
            _ => Some(rest.bytes()?.to_vec()),
        });
    }
    Ok(row)
}
