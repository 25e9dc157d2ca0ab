//! The client side of the MySQL protocol, as far as reading needs it: one statement at a time, rows left where they
//! arrived.
//!
//! ```text
//! socket ─▶ frames (256 KiB, reused) ─▶ payload ─▶ packets: greeting, error, column definition, …
//!                                            └───▶ rows: places in the buffer, decoded there by `convert`
//! ```
//!
//! Whatever a server sends, nothing here panics, and nothing is allocated because of a length that it merely claims: a
//! payload grows with the bytes that arrive, up to the catalog's `max_row_size`.
//!
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html>, <https://mariadb.com/kb/en/clientserver-protocol/>

mod auth;
mod connection;
mod failure;
mod frames;
mod handshake;
mod packets;
mod payload;
mod rows;
mod rsa;
mod socket;

pub(crate) use connection::{Connection, Statement, TextRow};
pub(crate) use failure::{Failure, ServerError};
pub(crate) use handshake::Target;
pub(crate) use packets::ColumnDefinition;
pub(crate) use payload::length_encoded;
pub(crate) use rows::Rows;

#[cfg(test)]
mod tests;
