//! A connection on loan, which comes back clean or not at all.

use crate::PostgresConfig;
use crate::error::from_driver;
use crate::wire::{CopiedRows, Endpoint, Opener, Session};
use deadpool::managed::Object;
use headwater_core::Result;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_postgres::Client;

/// A cancel request is one round trip; if it takes longer than this, closing the connection has to do.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection with a transaction open.
///
/// ```text
/// begin ──▶ Lease ──finish──▶ COMMIT ──▶ back into the pool
///             └────drop─────▶ its place in the pool is free at once; cancel request, then close
/// ```
///
/// Dropping must cancel: the driver goes on reading, and the server computing, what nobody will look at (7 s for a
/// table that takes 7 s to read). The connection is closed rather than reused because a cancel request may arrive late
/// and hit the next statement.
pub(crate) struct Lease {
    session: Option<Object<Opener>>,
    endpoint: Arc<Endpoint>,
    /// `Drop` may run outside of the runtime.
    runtime: Handle,
}

impl Lease {
    /// Must be called within a runtime.
    pub(crate) fn new(session: Object<Opener>, endpoint: Arc<Endpoint>) -> Self {
        Self { session: Some(session), endpoint, runtime: Handle::current() }
    }

    #[expect(clippy::expect_used, reason = "only `finish` and `drop` take the session, and both end the lease")]
    fn session(&self) -> &Object<Opener> {
        self.session.as_ref().expect("the session is there until the lease ends")
    }

    pub(crate) fn client(&self) -> &Client {
        &self.session().client
    }

    /// The rows of `client().copy_out(…)`, whose own stream shows nothing but its end.
    pub(crate) fn rows(&self) -> &CopiedRows {
        &self.session().rows
    }

    /// Whether the connection served someone before.
    pub(crate) fn is_used(&self) -> bool {
        Object::metrics(self.session()).recycle_count > 0
    }

    /// Ends the transaction and gives the connection back.
    pub(crate) async fn finish(mut self, config: &PostgresConfig) -> Result<()> {
        self.client().batch_execute("COMMIT").await.map_err(|error| from_driver(error, config))?;
        drop(self.session.take());
        Ok(())
    }

    /// Ends the transaction and closes the connection: what a statement of the user's own may have left in the
    /// session, such as a setting or a lock, must not meet the next statement.
    pub(crate) async fn finish_for_good(mut self, config: &PostgresConfig) -> Result<()> {
        self.client().batch_execute("ROLLBACK").await.map_err(|error| from_driver(error, config))?;
        drop(self.session.take().map(Object::take));
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let session: Session = Object::take(session);
        let endpoint = Arc::clone(&self.endpoint);
        drop(self.runtime.spawn(async move {
            // Nobody is left to hear of a failure, and closing follows in any case.
            let _ = tokio::time::timeout(CANCEL_TIMEOUT, endpoint.cancel(&session.client.cancel_token())).await;
            drop(session);
        }));
    }
}
