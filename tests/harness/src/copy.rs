//! Rows in the text format that both Postgres' COPY and MySQL's LOAD DATA read, and the ways to send them.

use std::fmt::{Display, Write as _};
use std::pin::pin;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, stream};
use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tokio_postgres::{Error, Transaction};

/// Rows go out in pieces of about this size, in bytes.
const PIECE: usize = 64 * 1024;

/// A row, ended by [`end`](Self::end).
#[derive(Debug, Default)]
pub(crate) struct Line {
    text: String,
}

impl Line {
    /// A value that needs no escaping.
    pub(crate) fn field(&mut self, value: impl Display) -> &mut Self {
        // Writing to a string does not fail.
        let _ = write!(self.text, "{value}\t");
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        for letter in value.chars() {
            match letter {
                '\\' => self.text.push_str("\\\\"),
                '\t' => self.text.push_str("\\t"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                _ => self.text.push(letter),
            }
        }
        self.text.push('\t');
        self
    }

    pub(crate) fn optional(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.field("\\N"),
        }
    }

    pub(crate) fn end(mut self) -> String {
        self.text.pop();
        self.text.push('\n');
        self.text
    }
}

/// Hundredths as `-12.34`.
pub(crate) fn hundredths(value: i128) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    format!("{sign}{}.{:02}", value / 100, value % 100)
}

/// Copies lines into a table that this transaction has created: rows are frozen at once, otherwise the first reads would
/// write.
pub(crate) async fn into_postgres(
    transaction: &Transaction<'_>,
    table: &str,
    lines: impl Iterator<Item = String>,
) -> Result<(), Error> {
    let sink = transaction.copy_in(&format!("COPY {table} FROM STDIN (FREEZE)")).await?;
    let mut sink = pin!(sink);
    for piece in pieces(lines) {
        sink.feed(piece).await?;
    }
    sink.finish().await.map(drop)
}

/// Loads lines into a table; a value that does not fit is an error.
pub(crate) async fn into_mysql(
    connection: &mut Conn,
    table: &str,
    lines: Vec<String>,
) -> Result<(), mysql_async::Error> {
    connection.set_infile_handler(async move { Ok(stream::iter(pieces(lines.into_iter()).map(Ok)).boxed()) });
    // With LOCAL, a value that does not fit is a warning and the row is changed: that would go unseen.
    connection.query_drop(format!("LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table} CHARACTER SET utf8mb4")).await?;
    match connection.get_warnings() {
        0 => Ok(()),
        count => Err(mysql_async::Error::Other(format!("{count} warnings while loading {table}").into())),
    }
}

/// Joins lines to pieces.
fn pieces(mut lines: impl Iterator<Item = String>) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let mut piece = lines.next()?;
        piece.reserve(2 * PIECE);
        while piece.len() < PIECE {
            let Some(line) = lines.next() else { break };
            piece.push_str(&line);
        }
        Some(Bytes::from(piece))
    })
}
