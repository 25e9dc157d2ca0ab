//! The connections of one catalog: few, reused, and each pinned to one way of reading.

use crate::error::{from_driver, from_pool, is_gone};
use crate::lease::Lease;
use crate::{PostgresConfig, SslMode, tls};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use headwater_core::{Error, Result, Value};
use headwater_sql::{POSTGRES, SqlText};
use tokio::sync::OnceCell;
use tokio_postgres_rustls::MakeRustlsConnect;

const APPLICATION: &str = "headwater";

/// Set in every transaction rather than once per session: a transaction-pooling proxy may give us a session that is not
/// ours. All of it goes out as one message with `BEGIN`.
///
/// `search_path` ends with `pg_temp`, which would else come first for types and tables.
const PROLOGUE: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; \
    SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; \
    SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; \
    SET LOCAL xmlbinary = 'base64'; SET LOCAL client_encoding = 'UTF8'; \
    SET LOCAL standard_conforming_strings = on; SET LOCAL application_name = ";

/// Opens connections when first needed, so that building one does no I/O.
pub(crate) struct Connections {
    config: PostgresConfig,
    ready: OnceCell<Ready>,
}

struct Ready {
    pool: Pool,
    tls: MakeRustlsConnect,
}

impl Connections {
    pub(crate) fn new(config: PostgresConfig) -> Self {
        Self { config, ready: OnceCell::new() }
    }

    pub(crate) fn config(&self) -> &PostgresConfig {
        &self.config
    }

    /// A connection inside a read-only transaction, tagged with `query_id` at the server.
    ///
    /// # Errors
    /// `Unavailable`, `Unauthenticated`, `LimitExceeded` when all connections stay in use.
    pub(crate) async fn begin(&self, query_id: Option<&str>) -> Result<Lease> {
        let prologue = self.prologue(query_id)?;
        let ready = self.ready.get_or_try_init(|| self.prepare()).await?;
        loop {
            let client = ready.pool.get().await.map_err(|error| from_pool(error, &self.config))?;
            let lease = Lease::new(client, ready.tls.clone());
            match lease.client().batch_execute(prologue.as_str()).await {
                Ok(()) => return Ok(lease),
                // The server had closed it while it lay in the pool. There are finitely many of those; a fresh one
                // that closes is an answer.
                Err(error) if lease.is_used() && is_gone(&error) => {}
                Err(error) => return Err(from_driver(error, &self.config)),
            }
        }
    }

    fn prologue(&self, query_id: Option<&str>) -> Result<SqlText> {
        let unsayable = |e: headwater_sql::Unsayable| Error::internal(format!("the application name: {e}"));
        let name = application_name(query_id);
        let name = SqlText::literal(&POSTGRES, &Value::Utf8(name)).map_err(unsayable)?;
        let prologue = SqlText::from_static(PROLOGUE).append(&name);
        Ok(match self.config.statement_timeout {
            Some(timeout) => {
                let millis = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).min(i32::MAX.unsigned_abs().into());
                prologue.then("; SET LOCAL statement_timeout = ").append(&SqlText::number(millis))
            }
            None => prologue,
        })
    }

    async fn prepare(&self) -> Result<Ready> {
        let config = self.config.clone();
        let tls = tokio::task::spawn_blocking(move || tls::connector(&config))
            .await
            .map_err(|e| Error::internal(format!("reading certificates: {e}")))??;
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.driver_config(), tls.clone(), manager);
        let pool = Pool::builder(manager)
            .max_size(self.config.max_connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(self.config.acquire_timeout))
            .create_timeout(Some(self.config.connect_timeout))
            .build()
            .map_err(|e| Error::internal(format!("connection pool: {e}")))?;
        Ok(Ready { pool, tls })
    }

    fn driver_config(&self) -> tokio_postgres::Config {
        let mut driver = tokio_postgres::Config::new();
        driver
            .host(&self.config.host)
            .port(self.config.port)
            .user(&self.config.user)
            .dbname(&self.config.database)
            .application_name(APPLICATION)
            .connect_timeout(self.config.connect_timeout)
            .ssl_mode(match self.config.sslmode {
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
