//! A stream that keeps the rows of `COPY` from its reader.

use super::message::{COPY_DATA, HEADER, Message};
use super::queue::{CAPACITY, Chunk, Sender};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// A chunk is handed over when its buffer has no more room than this.
const LITTLE_ROOM: usize = CAPACITY / 4;

/// What the header of `COPY` adds to the first row.
const COPY_HEADER: usize = 64;

/// Reads as the stream beneath, without its CopyData messages, which go into a queue; writes as the stream beneath.
///
/// Who reads and who takes from the queue see everything in the order in which the server sent it: a message after some
/// rows is read when these rows are in the queue. When nobody takes them, reading waits, and with it the server.
pub(super) struct Splitter<S> {
    stream: S,
    rows: Sender,
    buffer: Vec<u8>,
    /// What has arrived, without what was passed on.
    arrived: Range<usize>,
    /// So many bytes of it, from its begin on, are whole CopyData messages.
    whole: usize,
    /// So many bytes from the begin on are a message for the reader; then `whole` is 0. They need not have arrived.
    passing: usize,
    max_message: usize,
    refused: bool,
}

/// What follows the whole CopyData messages.
enum Next {
    /// More must arrive to tell.
    Unfinished,
    /// A CopyData message of so many bytes, more than are allowed.
    TooLarge(usize),
    /// Another message, of so many bytes.
    Other(usize),
}

impl<S> Splitter<S> {
    /// Rows are held whole, up to `max_row_bytes`. Of one that is larger the begin goes into the queue, and reading
    /// fails.
    pub(super) fn new(stream: S, rows: Sender, max_row_bytes: usize) -> Self {
        Self {
            stream,
            rows,
            buffer: vec![0; CAPACITY],
            arrived: 0..0,
            whole: 0,
            passing: 0,
            max_message: max_row_bytes.saturating_add(HEADER + COPY_HEADER),
            refused: false,
        }
    }

    /// Looks at what has arrived and was not looked at before.
    fn look(&mut self) -> io::Result<Next> {
        let arrived = self.buffer.get(self.arrived.clone()).unwrap_or_default();
        while let Some(message) = arrived.get(self.whole..).and_then(Message::parse) {
            let message = message.map_err(|_| invalid("a message of an impossible length"))?;
            match message {
                Message { kind: COPY_DATA, length } if length > self.max_message => {
                    return Ok(Next::TooLarge(self.max_message));
                }
                Message { kind: COPY_DATA, length } if self.whole + length > arrived.len() => break,
                Message { kind: COPY_DATA, length } => self.whole += length,
                Message { length, .. } => return Ok(Next::Other(length)),
            }
        }
        Ok(Next::Unfinished)
    }

    /// Puts the first `length` bytes into the queue, where there is room for them.
    fn hand_over(&mut self, length: usize) {
        let range = self.arrived.start..self.arrived.start + length;
        let rest = self.buffer.get(range.end..self.arrived.end).unwrap_or_default();
        let mut next = self.rows.memory();
        if next.len() < rest.len() {
            next.resize(rest.len(), 0);
        }
        let arrived = 0..rest.len();
        next.get_mut(arrived.clone()).unwrap_or_default().copy_from_slice(rest);
        let bytes = std::mem::replace(&mut self.buffer, next);
        (self.arrived, self.whole) = (arrived, 0);
        self.rows.send(Chunk { bytes, range });
    }

    /// Puts all whole messages into the queue as soon as there is room.
    fn poll_hand_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.rows.poll_vacant(context));
        self.hand_over(self.whole);
        Poll::Ready(())
    }

    /// Gives the reader what has arrived of its message.
    fn pass(&mut self, reader: &mut ReadBuf<'_>) {
        let length = self.passing.min(self.arrived.len()).min(reader.remaining());
        let end = self.arrived.start + length;
        reader.put_slice(self.buffer.get(self.arrived.start..end).unwrap_or_default());
        self.arrived.start = end;
        self.passing -= length;
    }

    fn has_little_room(&self) -> bool {
        self.buffer.len() - self.arrived.end < LITTLE_ROOM
    }

    /// Makes room for more behind what has arrived, moving it to the front or, if it is the begin of a long message,
    /// into a larger buffer: memory follows what has arrived.
    fn make_room(&mut self) {
        if self.arrived.start > 0 && (self.arrived.is_empty() || self.has_little_room()) {
            self.buffer.copy_within(self.arrived.clone(), 0);
            self.arrived = 0..self.arrived.len();
        }
        if self.arrived.end == self.buffer.len() {
            let length = self.buffer.len();
            self.buffer.resize((length * 2).min(self.max_message.max(length + LITTLE_ROOM)), 0);
        }
    }
}

impl<S: AsyncRead + Unpin> Splitter<S> {
    /// Reads once; how many bytes have arrived.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room();
        let mut room = ReadBuf::new(self.buffer.get_mut(self.arrived.end..).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
        let length = room.filled().len();
        self.arrived.end += length;
        Poll::Ready(Ok(length))
    }

    /// Hands over what is large enough, or all that must not wait; then reads. False: the server closed the connection.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.whole > 0 && self.has_little_room() {
            ready!(self.poll_hand_over(context));
        }
        let filled = self.poll_fill(context);
        // Who decodes faster than the server sends gets what there is.
        if filled.is_pending() && self.whole > 0 && self.rows.poll_wanted(context).is_ready() {
            self.hand_over(self.whole);
        }
        filled.map_ok(|length| length > 0)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Splitter<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, reader: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.passing > 0 && !this.arrived.is_empty() {
                this.pass(reader);
                return Poll::Ready(Ok(()));
            }
            if this.refused {
                return Poll::Ready(Err(invalid("a row larger than max_row_bytes")));
            }
            if this.passing == 0 {
                match this.look()? {
                    Next::Unfinished => {}
                    // What came before goes first.
                    Next::Other(_) | Next::TooLarge(_) if this.whole > 0 => {
                        ready!(this.poll_hand_over(context));
                        continue;
                    }
                    Next::Other(length) => {
                        this.passing = length;
                        continue;
                    }
                    Next::TooLarge(enough) if this.arrived.len() >= enough => {
                        ready!(this.rows.poll_vacant(context));
                        this.hand_over(this.arrived.len());
                        this.refused = true;
                        continue;
                    }
                    Next::TooLarge(_) => {}
                }
            }
            if !ready!(this.poll_more(context))? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Splitter<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Splitter<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.stream.channel_binding()
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
