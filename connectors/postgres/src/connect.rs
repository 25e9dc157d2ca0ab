//! The connections of one catalog: few, reused, and each pinned to one way of reading.

use crate::error::{export_failed, from_driver, from_pool, is_gone, is_snapshot_gone, snapshot_gone, too_many_keepers};
use crate::lease::Lease;
use crate::snapshot::SnapshotId;
use crate::wire::{Endpoint, Opener};
use crate::{PostgresConfig, SslMode, tls};
use deadpool::Runtime;
use deadpool::managed::Pool;
use headwater_core::{Error, Result, Value};
use headwater_sql::{POSTGRES, SqlText};
use std::sync::Arc;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

const APPLICATION: &str = "headwater";

const BEGIN: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; ";

/// Set in every transaction rather than once per session: a transaction-pooling proxy may give us a session that is not
/// ours. All of it goes out as one message with `BEGIN`.
///
/// `search_path` ends with `pg_temp`, which would else come first for types and tables.
const SETTINGS: &str = "SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; \
    SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; \
    SET LOCAL xmlbinary = 'base64'; SET LOCAL client_encoding = 'UTF8'; \
    SET LOCAL standard_conforming_strings = on; SET LOCAL application_name = ";

/// Keeping a snapshot is idling, which servers may be set to end.
const EXPORT: &str = "; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_export_snapshot()";

/// Opens connections when first needed, so that building one does no I/O.
pub(crate) struct Connections {
    config: PostgresConfig,
    ready: OnceCell<Ready>,
    /// One permit per connection that may keep a snapshot: the other connections are for those who read.
    keepers: Arc<Semaphore>,
}

struct Ready {
    pool: Pool<Opener>,
    endpoint: Arc<Endpoint>,
}

/// Which moment a transaction sees.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment<'a> {
    /// That of its first statement.
    Own,
    /// That of the transaction which exported this snapshot.
    Of(&'a SnapshotId),
}

impl Connections {
    pub(crate) fn new(config: PostgresConfig) -> Self {
        let keepers = Arc::new(Semaphore::new((config.max_connections / 2).max(1)));
        Self { config, ready: OnceCell::new(), keepers }
    }

    pub(crate) fn config(&self) -> &PostgresConfig {
        &self.config
    }

    /// A connection inside a read-only transaction, tagged with `query_id` at the server.
    ///
    /// # Errors
    /// `Unavailable`, also when the snapshot to be imported is gone; `Unauthenticated`; `LimitExceeded` when all
    /// connections stay in use.
    pub(crate) async fn begin(&self, query_id: Option<&str>, moment: Moment<'_>) -> Result<Lease> {
        let start = SqlText::from_static(BEGIN);
        let start = match moment {
            Moment::Own => start,
            // Before everything else, or the transaction has a snapshot already.
            Moment::Of(id) => start.then("SET TRANSACTION SNAPSHOT ").append(id.literal()).then("; "),
        };
        let prologue = start.append(&self.settings(query_id)?);
        loop {
            let lease = self.connection().await?;
            match lease.client().batch_execute(prologue.as_str()).await {
                Ok(()) => return Ok(lease),
                // The server had closed it while it lay in the pool. There are finitely many of those; a fresh one
                // that closes is an answer.
                Err(error) if lease.is_used() && is_gone(&error) => {}
                Err(error) if matches!(moment, Moment::Of(_)) && is_snapshot_gone(&error) => {
                    return Err(snapshot_gone(&error, &self.config));
                }
                Err(error) => return Err(from_driver(error, &self.config)),
            }
        }
    }

    /// A connection whose transaction stays open for others to see what it sees, and the name they find it by.
    pub(crate) async fn begin_exporting(&self, query_id: &str) -> Result<(Lease, SnapshotId)> {
        let prologue = SqlText::from_static(BEGIN).append(&self.settings(Some(query_id))?).then(EXPORT);
        loop {
            let lease = self.connection().await?;
            match lease.client().simple_query(prologue.as_str()).await {
                Ok(answers) => return Ok((lease, SnapshotId::of(&answers)?)),
                Err(error) if lease.is_used() && is_gone(&error) => {}
                Err(error) => return Err(export_failed(error, &self.config)),
            }
        }
    }

    /// Leave to keep a snapshot; waits as long as for a connection.
    pub(crate) async fn keeper(&self) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(self.config.acquire_timeout, Arc::clone(&self.keepers).acquire_owned());
        turn.await.ok().and_then(std::result::Result::ok).ok_or_else(|| too_many_keepers(&self.config))
    }

    async fn connection(&self) -> Result<Lease> {
        let ready = self.ready.get_or_try_init(|| self.prepare()).await?;
        let session = ready.pool.get().await.map_err(|error| from_pool(error, &self.config))?;
        Ok(Lease::new(session, Arc::clone(&ready.endpoint)))
    }

    fn settings(&self, query_id: Option<&str>) -> Result<SqlText> {
        let unsayable = |e: headwater_sql::Unsayable| Error::internal(format!("the application name: {e}"));
        let name = application_name(query_id);
        let name = SqlText::literal(&POSTGRES, &Value::Utf8(name)).map_err(unsayable)?;
        let settings = SqlText::from_static(SETTINGS).append(&name);
        Ok(match self.config.statement_timeout {
            Some(timeout) => {
                let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).min(i32::MAX.unsigned_abs().into());
                settings.then("; SET LOCAL statement_timeout = ").append(&SqlText::number(millis))
            }
            None => settings,
        })
    }

    async fn prepare(&self) -> Result<Ready> {
        let config = self.config.clone();
        let tls = tokio::task::spawn_blocking(move || tls::connector(&config))
            .await
            .map_err(|e| Error::internal(format!("reading certificates: {e}")))??;
        let endpoint = Arc::new(Endpoint { host: self.config.host.clone(), port: self.config.port, tls });
        let opener = Opener {
            endpoint: Arc::clone(&endpoint),
            driver: self.driver_config(),
            max_row_bytes: self.config.max_row_bytes,
        };
        let pool = Pool::builder(opener)
            .max_size(self.config.max_connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(self.config.acquire_timeout))
            .create_timeout(Some(self.config.connect_timeout))
            .build()
            .map_err(|e| Error::internal(format!("connection pool: {e}")))?;
        Ok(Ready { pool, endpoint })
    }

    fn driver_config(&self) -> tokio_postgres::Config {
        let mut driver = tokio_postgres::Config::new();
        driver.user(&self.config.user).dbname(&self.config.database).application_name(APPLICATION).ssl_mode(match self
            .config
            .sslmode
        {
            SslMode::VerifyFull | SslMode::Require => tokio_postgres::config::SslMode::Require,
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
        });
        if let Some(password) = &self.config.password {
            driver.password(password.expose());
        }
        driver
    }
}

/// Not more than 63 bytes: PostgreSQL cuts longer ones.
fn application_name(query_id: Option<&str>) -> String {
    let Some(query_id) = query_id else { return APPLICATION.to_owned() };
    // The contract allows letters, digits and `-` only.
    let plain = query_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-');
    let tag: String = plain.take(63 - APPLICATION.len() - 1).collect();
    format!("{APPLICATION}:{tag}")
}

#[cfg(test)]
mod tests {
    use super::application_name;

    #[test]
    fn the_tag_fits_what_the_server_keeps() {
        assert_eq!(application_name(Some("q-1'; --")), "headwater:q-1--");
        assert_eq!(application_name(Some(&"x".repeat(100))).len(), 63);
    }
}
