//! The packets that a server sends, rows apart.

use super::payload::Payload;
use super::{Failure, ServerError};
use mysql_common::constants::{CapabilityFlags, ColumnFlags, ColumnType, StatusFlags};

/// First bytes of answers.
pub(super) const OK: u8 = 0x00;
pub(super) const END: u8 = 0xfe;
pub(super) const ERROR: u8 = 0xff;

/// What a server says first.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) connection: u32,
    pub(super) capabilities: CapabilityFlags,
    /// The plugin that the server begins with, and what it scrambles passwords with.
    pub(super) plugin: String,
    pub(super) nonce: Vec<u8>,
}

impl Greeting {
    /// Protocol version 10, which all servers since MySQL 3.21 speak.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Failure> {
        let mut rest = Payload(payload);
        if rest.u8()? != 10 {
            return Err(Failure::Malformed("a greeting of another protocol"));
        }
        rest.until_nul();
        let connection = rest.u32()?;
        let mut nonce = rest.take(8)?.to_vec();
        rest.take(1)?;
        let lower = rest.u16()?;
        rest.take(3)?;
        let upper = rest.u16()?;
        let length = usize::from(rest.u8()?);
        rest.take(10)?;
        nonce.extend_from_slice(rest.take(length.saturating_sub(8).max(13))?);
        // It ends with a NUL, which is not part of it.
        nonce.truncate(20);
        let capabilities = u32::from(upper) << 16 | u32::from(lower);
        Ok(Self {
            connection,
            capabilities: CapabilityFlags::from_bits_truncate(capabilities),
            plugin: String::from_utf8_lossy(rest.until_nul()).into_owned(),
            nonce,
        })
    }
}

/// The server wants another plugin than the one we began with.
pub(super) fn switch(payload: &[u8]) -> Result<(String, Vec<u8>), Failure> {
    let mut rest = Payload(payload);
    rest.take(1)?;
    let plugin = String::from_utf8_lossy(rest.until_nul()).into_owned();
    let mut nonce = rest.0.to_vec();
    if nonce.last() == Some(&0) {
        nonce.pop();
    }
    Ok((plugin, nonce))
}

/// An error of the server, which is a failure whether it can be read or not. Before the login it has no SQLSTATE.
pub(super) fn error(payload: &[u8]) -> Failure {
    let mut rest = Payload(payload);
    let Ok(code) = rest.take(1).and_then(|_| rest.u16()) else {
        return Failure::Malformed("an error without its number");
    };
    let state = match rest.0.split_first_chunk::<6>() {
        Some(([b'#', state @ ..], message)) => {
            rest = Payload(message);
            String::from_utf8_lossy(state).into_owned()
        }
        _ => String::new(),
    };
    Failure::Server(ServerError { code, state, message: String::from_utf8_lossy(rest.0).into_owned() })
}

/// A column of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    pub(crate) kind: ColumnType,
    pub(crate) is_unsigned: bool,
    /// The number of its collation; 63 is that of bytes.
    pub(crate) collation: u16,
    /// Digits after the point.
    pub(crate) decimals: u8,
    /// How many characters or bytes it takes to show a value, at most.
    pub(crate) length: u32,
}

impl ColumnDefinition {
    /// A column and its name in the statement.
    pub(super) fn parse(payload: &[u8]) -> Result<(String, Self), Failure> {
        let mut rest = Payload(payload);
        // Catalog, schema and table, by its name in the statement and by its own.
        for _ in 0..4 {
            rest.bytes()?;
        }
        let name = String::from_utf8_lossy(rest.bytes()?).into_owned();
        rest.bytes()?;
        rest.length()?;
        let collation = rest.u16()?;
        let length = rest.u32()?;
        let kind = ColumnType::try_from(rest.u8()?).map_err(|_| Failure::Malformed("a column of an unknown type"))?;
        let flags = ColumnFlags::from_bits_truncate(rest.u16()?);
        let is_unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
        Ok((name, Self { kind, is_unsigned, collation, decimals: rest.u8()?, length }))
    }
}

/// What the server made of a statement to be prepared.
pub(super) struct Prepared {
    pub(super) statement: u32,
    pub(super) columns: usize,
    pub(super) parameters: usize,
}

impl Prepared {
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Failure> {
        let mut rest = Payload(payload);
        rest.take(1)?;
        let (statement, columns, parameters) = (rest.u32()?, rest.u16()?, rest.u16()?);
        Ok(Self { statement, columns: columns.into(), parameters: parameters.into() })
    }
}

/// Checks the packet after the last row. `is_ok`: it has the shape of an answer to a statement without rows.
pub(super) fn end_of_rows(payload: &[u8], is_ok: bool) -> Result<(), Failure> {
    let mut rest = Payload(payload);
    rest.take(1)?;
    if is_ok {
        rest.length()?;
        rest.length()?;
    } else {
        rest.u16()?;
    }
    let status = StatusFlags::from_bits_truncate(rest.u16()?);
    if status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
        return Err(Failure::Malformed("a second result of one statement"));
    }
    Ok(())
}
