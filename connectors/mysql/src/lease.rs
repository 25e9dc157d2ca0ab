//! A connection on loan, which comes back clean or not at all.

use crate::MySqlConfig;
use crate::connect::{Idle, Session};
use crate::error::from_driver;
use crate::product::Product;
use headwater_core::{Error, Result};
use mysql_async::prelude::Queryable as _;
use mysql_async::{BinaryProtocol, Conn, Opts, QueryResult, Row, Statement};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// Opening a connection and sending `KILL`; if that takes longer, closing the connection has to do.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to read on, after `KILL`, so that the server ends without complaint. Then the socket is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

const END: &str = "COMMIT";

/// Where a connection belongs.
pub(crate) struct Place {
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) idle: Arc<Idle>,
    /// To open the connection that kills.
    pub(crate) opts: Opts,
}

/// A connection with a transaction open.
///
/// ```text
/// begin ──▶ Lease ──finish─────────▶ COMMIT ──▶ back among the idle ones
///             ├──drop, at rest─────▶ the same, in the background; with a statement left prepared, closed
///             └──drop, in the midst▶ its place is free at once; KILL QUERY from another connection, then close
/// ```
///
/// Dropping must kill: the driver would read, and the server compute, what nobody will look at. The connection is
/// closed rather than reused because a `KILL` may arrive late and hit the next statement.
pub(crate) struct Lease {
    held: Option<(Session, Place)>,
    /// Whether the server may still be working for it.
    busy: bool,
    /// Whether the server keeps a statement for it.
    prepared: bool,
    /// `Drop` may run outside of the runtime.
    runtime: Handle,
}

/// What follows a step of work that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The server waits for the next statement.
    Rest,
    /// It has rows to send.
    Rows,
}

impl Lease {
    /// Must be called within a runtime.
    pub(crate) fn new(session: Session, place: Place) -> Self {
        Self { held: Some((session, place)), busy: false, prepared: false, runtime: Handle::current() }
    }

    pub(crate) fn product(&self) -> Result<Product> {
        self.held.as_ref().map(|(session, _)| session.product).ok_or_else(ended)
    }

    /// All rows of a short statement.
    pub(crate) async fn query(&mut self, sql: &str, config: &MySqlConfig) -> Result<Vec<Row>> {
        let rows = self.conn()?.query(sql).await;
        self.settle(rows, After::Rest, config)
    }

    /// A statement that the server understood. Nothing runs yet.
    pub(crate) async fn prepare(&mut self, sql: &str, config: &MySqlConfig) -> Result<Statement> {
        let statement = self.conn()?.prep(sql).await;
        self.prepared |= statement.is_ok();
        self.settle(statement, After::Rest, config)
    }

    /// Starts a statement; its rows are then read by [`next_row`](Self::next_row).
    pub(crate) async fn execute(&mut self, statement: &Statement, config: &MySqlConfig) -> Result<()> {
        let started = self.conn()?.exec_iter(statement, ()).await.map(drop);
        self.settle(started, After::Rows, config)
    }

    /// The next row of the statement that was executed.
    pub(crate) async fn next_row(&mut self, config: &MySqlConfig) -> Result<Option<Row>> {
        let row = QueryResult::<BinaryProtocol>::new(self.conn()?).next().await;
        let after = if matches!(row, Ok(Some(_))) { After::Rows } else { After::Rest };
        self.settle(row, after, config)
    }

    /// Forgets a statement whose rows were all read.
    pub(crate) async fn close(&mut self, statement: Statement, config: &MySqlConfig) -> Result<()> {
        let closed = self.conn()?.close(statement).await;
        self.prepared = false;
        self.settle(closed, After::Rest, config)
    }

    /// The connection, for one step of work that [`settle`](Self::settle) ends.
    fn conn(&mut self) -> Result<&mut Conn> {
        self.busy = true;
        self.held.as_mut().map(|(session, _)| &mut session.conn).ok_or_else(ended)
    }

    /// After an error of the server's own, the connection is at rest.
    fn settle<T>(&mut self, done: mysql_async::Result<T>, after: After, config: &MySqlConfig) -> Result<T> {
        self.busy = match &done {
            Ok(_) => after == After::Rows,
            Err(error) => error.is_fatal(),
        };
        done.map_err(|error| from_driver(error, config))
    }

    /// Ends the transaction and gives the connection back.
    pub(crate) async fn finish(mut self, config: &MySqlConfig) -> Result<()> {
        let ended = self.conn()?.query_drop(END).await;
        self.settle(ended, After::Rest, config)?;
        if let Some((session, place)) = self.held.take() {
            place.idle.keep(session);
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((mut session, place)) = self.held.take() else { return };
        if self.busy || session.conn.is_disconnected() {
            let Place { permit, opts, .. } = place;
            drop(permit);
            drop(self.runtime.spawn(end(session.conn, opts)));
        } else if self.prepared {
            drop(self.runtime.spawn(session.conn.disconnect()));
        } else {
            drop(self.runtime.spawn(async move {
                if session.conn.query_drop(END).await.is_ok() {
                    place.idle.keep(session);
                }
            }));
        }
    }
}

/// Nobody is left to hear of a failure, and closing follows in any case.
async fn end(conn: Conn, opts: Opts) {
    let _ = timeout(KILL_TIMEOUT, kill(conn.id(), opts)).await;
    // It reads what is left of the rows first. Cut short, it closes the socket.
    let _ = timeout(DRAIN_TIMEOUT, conn.disconnect()).await;
}

async fn kill(id: u32, opts: Opts) -> mysql_async::Result<()> {
    let mut other = Conn::new(opts).await?;
    other.query_drop(format!("KILL QUERY {id}")).await?;
    other.disconnect().await
}

fn ended() -> Error {
    Error::internal("a connection was used after it had been given back")
}
