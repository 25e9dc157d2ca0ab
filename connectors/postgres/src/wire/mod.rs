//! The way to a server, which takes the rows of `COPY` past the driver.
//!
//! ```text
//! server ─▶ socket ─▶ TLS ─▶ Splitter ─▶ the driver: everything but rows
//!                               └─▶ Queue, one chunk of messages ─▶ Tuples ─▶ Rows, column by column
//! ```
//!
//! The driver makes a message of its own of every row, several allocations each: half of what a scan would cost here.
//! Beside that it does all that takes care: authentication, statements, errors, notices, cancelling.

mod message;
mod open;
mod queue;
mod rows;
mod splitter;
#[cfg(test)]
mod tests;
mod tuples;

pub(crate) use open::{Endpoint, OpenError, Opener, Session};
pub(crate) use queue::CopiedRows;
pub(crate) use rows::Rows;
pub(crate) use tuples::{NoRows, TooLarge, Tuples};
