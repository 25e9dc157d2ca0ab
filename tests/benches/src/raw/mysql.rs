//! MySQL's protocol, as little of it as a prepared statement without parameters needs.

use super::BUFFER;
use crate::task::{Access, Result};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// Runs the statements that `next` gives, one after another, and counts their rows.
pub(super) fn drain(access: &Access, next: impl Fn() -> Option<String>) -> Result<u64> {
    let mut connection = Connection::open(access)?;
    let mut rows = 0;
    while let Some(statement) = next() {
        rows += connection.run(&statement)?;
    }
    Ok(rows)
}

/// Long passwords, the 4.1 protocol, a database, transactions, secure authentication and its plug-ins.
const CAPABILITIES: u32 = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
const UTF8MB4: u8 = 45;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;

struct Connection {
    socket: BufReader<TcpStream>,
    /// Of the packet that was read last.
    sequence: u8,
}

impl Connection {
    fn open(access: &Access) -> Result<Self> {
        let socket = TcpStream::connect((access.host.as_str(), access.port))?;
        socket.set_nodelay(true)?;
        let mut connection = Self { socket: BufReader::with_capacity(BUFFER, socket), sequence: 0 };
        let greeting = connection.packet()?;
        let mut answer = Vec::new();
        answer.extend_from_slice(&CAPABILITIES.to_le_bytes());
        answer.extend_from_slice(&(64u32 << 20).to_le_bytes());
        answer.push(UTF8MB4);
        answer.extend_from_slice(&[0; 23]);
        answer.extend_from_slice(access.user.as_bytes());
        answer.extend_from_slice(&[0, 20]);
        answer.extend_from_slice(&scrambled(&access.password, &salt(&greeting)?));
        answer.extend_from_slice(access.database.as_bytes());
        answer.extend_from_slice(b"\0mysql_native_password\0");
        connection.send(connection.sequence + 1, &answer)?;
        match connection.packet()?.first() {
            Some(0) => Ok(connection),
            _ => Err("the server refuses the password or asks for another way to send it".into()),
        }
    }

    fn run(&mut self, statement: &str) -> Result<u64> {
        self.send(0, &[&[PREPARE], statement.as_bytes()].concat())?;
        let prepared = self.packet()?;
        let (0, Some(id), Some(columns)) = (prepared[0], prepared.get(1..5), prepared.get(5..7)) else {
            return Err(refusal(&prepared));
        };
        let columns = usize::from(u16::from_le_bytes([columns[0], columns[1]]));
        let execute = [&[EXECUTE], id, &[0, 1, 0, 0, 0]].concat();
        self.skip_definitions(columns)?;
        self.send(0, &execute)?;
        let head = self.packet()?;
        if head.first() == Some(&0xff) {
            return Err(refusal(&head));
        }
        self.skip_definitions(columns)?;
        self.count_rows()
    }

    /// One packet per column and one that ends them.
    fn skip_definitions(&mut self, columns: usize) -> Result<()> {
        for _ in 0..=columns {
            let length = self.header()?;
            self.skip(length)?;
        }
        Ok(())
    }

    fn count_rows(&mut self) -> Result<u64> {
        for rows in 0.. {
            let length = self.header()?;
            let first = self.socket.fill_buf()?.first().copied();
            match first {
                Some(0xfe) if length < 8 => return self.skip(length).map(|()| rows),
                Some(0xff) => return Err(refusal(&self.body(length)?)),
                _ => self.skip(length)?,
            }
        }
        Err("more rows than there are numbers".into())
    }

    fn packet(&mut self) -> Result<Vec<u8>> {
        let length = self.header()?;
        let packet = self.body(length)?;
        if packet.is_empty() { Err("the server sent an empty packet".into()) } else { Ok(packet) }
    }

    fn header(&mut self) -> Result<usize> {
        let mut header = [0; 4];
        self.socket.read_exact(&mut header)?;
        let [low, middle, high, sequence] = header;
        self.sequence = sequence;
        Ok(u32::from_le_bytes([low, middle, high, 0]) as usize)
    }

    fn body(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body)?;
        Ok(body)
    }

    fn skip(&mut self, mut length: usize) -> Result<()> {
        while length > 0 {
            let step = length.min(self.socket.fill_buf()?.len());
            if step == 0 {
                return Err("the server closed the connection".into());
            }
            self.socket.consume(step);
            length -= step;
        }
        Ok(())
    }

    fn send(&mut self, sequence: u8, payload: &[u8]) -> Result<()> {
        let length = u32::try_from(payload.len())?.to_le_bytes();
        let packet = [&length[..3], &[sequence], payload].concat();
        Ok(self.socket.get_mut().write_all(&packet)?)
    }
}

/// The 20 bytes of a greeting that the password is mixed with: after version, its name and the connection's number.
fn salt(greeting: &[u8]) -> Result<Vec<u8>> {
    let short = || "the server's greeting is too short";
    let name = greeting.get(1..).and_then(|rest| rest.iter().position(|byte| *byte == 0)).ok_or_else(short)?;
    let rest = greeting.get(name + 2 + 4..).ok_or_else(short)?;
    let (head, tail) = (rest.get(..8).ok_or_else(short)?, rest.get(27..39).ok_or_else(short)?);
    Ok([head, tail].concat())
}

/// `SHA1(password) XOR SHA1(salt, SHA1(SHA1(password)))`
fn scrambled(password: &str, salt: &[u8]) -> Vec<u8> {
    let sha1 = |bytes: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
    let once = sha1(password.as_bytes());
    let mixed = sha1(&[salt, &sha1(&once)].concat());
    once.iter().zip(mixed).map(|(a, b)| a ^ b).collect()
}

fn refusal(packet: &[u8]) -> Box<dyn std::error::Error + Send + Sync> {
    format!("the server refuses: {}", String::from_utf8_lossy(packet.get(3..).unwrap_or_default())).into()
}
