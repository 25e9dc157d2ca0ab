//! A connection on loan, which comes back clean or not at all.

use crate::MySqlConfig;
use crate::connect::{Idle, Session};
use crate::error::from_failure;
use crate::product::Product;
use crate::protocol::{ColumnDefinition, Connection, Failure, Rows, Statement, Target, TextRow};
use headwater_core::{Error, Result};
use headwater_sql::Room;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// Opening a connection and sending `KILL`; if that takes longer, closing the connection has to do.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

const END: &str = "COMMIT";

const UPTIME: &str = "SHOW GLOBAL STATUS LIKE 'Uptime'";

/// Where a connection belongs.
pub(crate) struct Place {
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) idle: Arc<Idle>,
    /// To open the connection that kills.
    pub(crate) target: Arc<Target>,
}

/// A connection with a transaction open.
///
/// ```text
/// begin ──▶ Lease ──finish─────────▶ COMMIT ──▶ back among the idle ones
///             ├──drop, at rest─────▶ the same, in the background; with a statement left prepared, closed
///             └──drop, in the midst▶ its place is free at once; KILL QUERY from another connection, then close
/// ```
///
/// Dropping must kill: a server that computes does not notice that nobody listens any more. The connection is closed
/// rather than reused because a `KILL` may arrive late and hit the next statement.
pub(crate) struct Lease {
    held: Option<(Session, Place)>,
    /// Whether the server may still be working for it.
    busy: bool,
    /// Whether the connection was lost, perhaps with its server.
    lost: bool,
    /// Whether the server keeps a statement for it.
    prepared: bool,
    /// `Drop` may run outside of the runtime.
    runtime: Handle,
}

impl Lease {
    /// Must be called within a runtime.
    pub(crate) fn new(session: Session, place: Place) -> Self {
        Self { held: Some((session, place)), busy: false, lost: false, prepared: false, runtime: Handle::current() }
    }

    pub(crate) fn product(&self) -> Result<Product> {
        self.held.as_ref().map(|(session, _)| session.product).ok_or_else(ended)
    }

    /// Bytes received since this was asked last.
    pub(crate) fn take_received(&mut self) -> u64 {
        self.held.as_mut().map(|(session, _)| session.connection.take_received()).unwrap_or_default()
    }

    /// All rows of a short statement.
    pub(crate) async fn query(&mut self, sql: &str, config: &MySqlConfig) -> Result<Vec<TextRow>> {
        let rows = self.connection()?.query(sql).await;
        self.settle(rows, config)
    }

    /// A statement that the server understood. Nothing runs yet.
    pub(crate) async fn prepare(&mut self, sql: &str, config: &MySqlConfig) -> Result<Statement> {
        let statement = self.connection()?.prepare(sql).await;
        self.prepared |= statement.is_ok();
        self.settle(statement, config)
    }

    /// Starts a statement; its rows are then read by [`rows`](Self::rows).
    pub(crate) async fn execute(
        &mut self,
        statement: &Statement,
        config: &MySqlConfig,
    ) -> Result<Vec<ColumnDefinition>> {
        let columns = self.connection()?.execute(statement).await;
        let columns = self.settle(columns, config)?;
        self.busy = true;
        Ok(columns)
    }

    /// The next rows of the statement that was executed, as many as have arrived and there is room for; none: it is
    /// over.
    pub(crate) async fn rows(&mut self, room: Room, config: &MySqlConfig) -> Result<Rows<'_>> {
        let (session, _) = self.held.as_mut().ok_or_else(ended)?;
        match session.connection.rows(room).await {
            Ok(rows) => {
                self.busy = rows.len() > 0;
                Ok(rows)
            }
            Err(failure) => {
                (self.busy, self.lost) = (failure.is_fatal(), failure.is_loss());
                Err(from_failure(failure, config))
            }
        }
    }

    /// Forgets a statement whose rows were all read.
    pub(crate) async fn close(&mut self, statement: Statement, config: &MySqlConfig) -> Result<()> {
        let closed = self.connection()?.close(statement).await;
        self.prepared = false;
        self.settle(closed, config)
    }

    /// The connection, for one step of work that [`settle`](Self::settle) ends.
    fn connection(&mut self) -> Result<&mut Connection> {
        self.busy = true;
        self.held.as_mut().map(|(session, _)| &mut session.connection).ok_or_else(ended)
    }

    /// After an error of the server's own, the connection is at rest.
    fn settle<T>(&mut self, done: Result<T, Failure>, config: &MySqlConfig) -> Result<T> {
        self.busy = done.as_ref().is_err_and(Failure::is_fatal);
        self.lost = done.as_ref().is_err_and(Failure::is_loss);
        done.map_err(|failure| from_failure(failure, config))
    }

    /// Ends the transaction and gives the connection back.
    pub(crate) async fn finish(mut self, config: &MySqlConfig) -> Result<()> {
        let ended = self.connection()?.run(END).await;
        self.settle(ended, config)?;
        if let Some((session, place)) = self.held.take() {
            place.idle.keep(session);
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((mut session, place)) = self.held.take() else { return };
        if self.busy {
            let Place { permit, target, .. } = place;
            drop(permit);
            drop(self.runtime.spawn(end(session.connection, target, self.lost)));
        } else if self.prepared {
            drop(self.runtime.spawn(session.connection.quit()));
        } else {
            drop(self.runtime.spawn(async move {
                if session.connection.run(END).await.is_ok() {
                    place.idle.keep(session);
                }
            }));
        }
    }
}

/// Nobody is left to hear of a failure. Closing comes last: the server would forget whom to kill.
async fn end(connection: Connection, target: Arc<Target>, lost: bool) {
    let _ = timeout(KILL_TIMEOUT, kill(&connection, &target, lost)).await;
    drop(connection);
}

/// A server that was started since the connection was lost may have given its number to another one.
async fn kill(connection: &Connection, target: &Target, lost: bool) -> Result<(), Failure> {
    let mut other = target.connect().await?;
    if !lost || uptime(&other.query(UPTIME).await?).is_some_and(|uptime| uptime > connection.age()) {
        other.run(&format!("KILL QUERY {}", connection.id())).await?;
    }
    other.quit().await
}

/// How long the server runs, less the second that it may have rounded up.
fn uptime(rows: &[TextRow]) -> Option<Duration> {
    let seconds = rows.first()?.get(1)?.as_deref()?;
    let seconds: u64 = std::str::from_utf8(seconds).ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.saturating_sub(1)))
}

fn ended() -> Error {
    Error::internal("a connection was used after it had been given back")
}
