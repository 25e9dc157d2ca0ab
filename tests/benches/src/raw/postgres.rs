//! PostgreSQL's protocol, as little of it as `COPY … TO STDOUT` needs.

use super::BUFFER;
use crate::task::{Access, Result};
use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Runs the statements that `next` gives, one after another, and counts their rows.
pub(super) fn drain(access: &Access, next: impl Fn() -> Option<String>) -> Result<u64> {
    let mut connection = Connection::open(access)?;
    let mut rows = 0;
    while let Some(statement) = next() {
        rows += connection.copy(&statement)?;
    }
    Ok(rows)
}

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// The part of the buffer that has been received and not looked at.
    filled: std::ops::Range<usize>,
}

impl Connection {
    fn open(access: &Access) -> Result<Self> {
        let socket = TcpStream::connect((access.host.as_str(), access.port))?;
        socket.set_nodelay(true)?;
        let mut connection = Self { socket, buffer: vec![0; BUFFER], filled: 0..0 };
        let parameters = [("user", access.user.as_str()), ("database", &access.database), ("client_encoding", "UTF8")];
        connection.send(|out| frontend::startup_message(parameters, out))?;
        connection.authenticate(&access.password)?;
        connection.until_ready()?;
        Ok(connection)
    }

    fn authenticate(&mut self, password: &str) -> Result<()> {
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        loop {
            let (kind, body) = self.message()?;
            let code = body.first_chunk::<4>().map(|code| i32::from_be_bytes(*code));
            let rest = body.get(4..).unwrap_or_default();
            match (kind, code) {
                (b'R', Some(0)) => return Ok(()),
                (b'R', Some(10)) => {
                    self.send(|out| frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), out))?;
                }
                (b'R', Some(11)) => {
                    scram.update(rest)?;
                    self.send(|out| frontend::sasl_response(scram.message(), out))?;
                }
                (b'R', Some(12)) => scram.finish(rest)?,
                (b'E', _) => return Err(refusal(&body)),
                _ => return Err("the server wants to authenticate in another way than by SCRAM".into()),
            }
        }
    }

    fn copy(&mut self, statement: &str) -> Result<u64> {
        self.send(|out| frontend::query(statement, out))?;
        // The first piece is the header with the first row, the last is the end mark alone.
        Ok(self.until_ready()?.saturating_sub(1))
    }

    /// Reads up to the server's readiness for the next statement; the number of pieces of a COPY.
    fn until_ready(&mut self) -> Result<u64> {
        let mut pieces = 0;
        loop {
            let (kind, length) = self.header()?;
            match kind {
                b'd' => {
                    pieces += 1;
                    self.skip(length)?;
                }
                b'Z' => return self.skip(length).map(|()| pieces),
                b'E' => return Err(refusal(&self.body(length)?)),
                _ => self.skip(length)?,
            }
        }
    }

    fn message(&mut self) -> Result<(u8, Vec<u8>)> {
        let (kind, length) = self.header()?;
        Ok((kind, self.body(length)?))
    }

    /// The kind of the next message and the length of its body.
    fn header(&mut self) -> Result<(u8, usize)> {
        while self.filled.len() < 5 {
            self.receive()?;
        }
        let header = self.buffer.get(self.filled.start..self.filled.start + 5).and_then(<[u8]>::split_first);
        let Some((kind, length)) = header else { return Err("the buffer is too small".into()) };
        let length = length.first_chunk::<4>().map_or(0, |length| u32::from_be_bytes(*length));
        self.filled.start += 5;
        Ok((*kind, (length as usize).saturating_sub(4)))
    }

    fn body(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut body = Vec::with_capacity(length);
        while body.len() < length {
            if self.filled.is_empty() {
                self.receive()?;
            }
            let end = self.filled.end.min(self.filled.start + length - body.len());
            body.extend_from_slice(self.buffer.get(self.filled.start..end).unwrap_or_default());
            self.filled.start = end;
        }
        Ok(body)
    }

    fn skip(&mut self, mut length: usize) -> Result<()> {
        loop {
            let step = length.min(self.filled.len());
            self.filled.start += step;
            length -= step;
            if length == 0 {
                return Ok(());
            }
            self.receive()?;
        }
    }

    /// Waits for more bytes; what has not been looked at moves to the buffer's begin.
    fn receive(&mut self) -> Result<()> {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        let free = self.buffer.get_mut(self.filled.end..).unwrap_or_default();
        match self.socket.read(free)? {
            0 => Err("the server closed the connection".into()),
            more => {
                self.filled.end += more;
                Ok(())
            }
        }
    }

    fn send(&mut self, message: impl FnOnce(&mut BytesMut) -> std::io::Result<()>) -> Result<()> {
        let mut out = BytesMut::new();
        message(&mut out)?;
        Ok(self.socket.write_all(&out)?)
    }
}

/// The fields of an error message are divided by zero bytes.
fn refusal(body: &[u8]) -> Box<dyn std::error::Error + Send + Sync> {
    let fields: Vec<_> = body.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    format!("the server refuses: {}", fields.join(" ")).into()
}
