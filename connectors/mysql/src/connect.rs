//! The connections of one catalog: few, reused, and each pinned to one way of reading.

use crate::error::{from_driver, is_gone, no_answer, no_place};
use crate::lease::{Lease, Place};
use crate::product::Product;
use crate::{MySqlConfig, tls};
use headwater_core::{Error, Result};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

/// Rows may be as long as the protocol allows.
const MAX_PACKET: usize = 1 << 30;

/// What every session has, whatever the server's defaults: our literals, the servers' dates and the bounds of a result
/// depend on it. With `sql_auto_is_null`, `id IS NULL` would find the row last inserted. A reader that pauses must not
/// be cut off after the default `net_write_timeout` of a minute.
const SESSION: &str = "SET NAMES utf8mb4 COLLATE utf8mb4_bin, sql_mode = '', time_zone = '+00:00', \
    sql_select_limit = 18446744073709551615, sql_auto_is_null = 0, net_write_timeout = 3600";

const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

const BEGIN: &str = "START TRANSACTION READ ONLY";

/// Opens connections when first needed, so that building one does no I/O.
pub(crate) struct Connections {
    config: MySqlConfig,
    opts: OnceCell<Opts>,
    places: Arc<Semaphore>,
    idle: Arc<Idle>,
}

/// A connection with its session set up.
pub(crate) struct Session {
    pub(crate) conn: Conn,
    pub(crate) product: Product,
}

/// Connections that nobody uses at the moment.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Vec<Session>>);

impl Idle {
    pub(crate) fn keep(&self, session: Session) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    fn take(&self) -> Option<Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Connections {
    pub(crate) fn new(config: MySqlConfig) -> Self {
        let places = Arc::new(Semaphore::new(config.max_connections));
        Self { config, opts: OnceCell::new(), places, idle: Arc::default() }
    }

    pub(crate) fn config(&self) -> &MySqlConfig {
        &self.config
    }

    /// A connection inside a read-only transaction.
    ///
    /// # Errors
    /// `Unavailable`, `Unauthenticated`, `LimitExceeded` when all connections stay in use.
    pub(crate) async fn begin(&self) -> Result<Lease> {
        let waiting = Arc::clone(&self.places).acquire_owned();
        let permit = tokio::time::timeout(self.config.acquire_timeout, waiting).await;
        let permit = permit.map_err(|_| no_place(&self.config))?;
        let permit = permit.map_err(|e| Error::internal(format!("connection pool: {e}")))?;
        loop {
            let (mut session, used) = match self.idle.take() {
                Some(session) => (session, true),
                None => (self.open().await?, false),
            };
            let begun = tokio::time::timeout(self.config.connect_timeout, session.conn.query_drop(BEGIN)).await;
            match begun {
                Ok(Ok(())) => {
                    let place = Place { permit, idle: Arc::clone(&self.idle), opts: self.opts().await?.clone() };
                    return Ok(Lease::new(session, place));
                }
                // The server had closed it while it lay here, or the way to it is cut. There are finitely many of
                // those; a fresh one that closes or stays silent is an answer.
                Ok(Err(error)) if used && is_gone(&error) => {}
                Err(_) if used => {}
                Ok(Err(error)) => return Err(from_driver(error, &self.config)),
                Err(_) => return Err(no_answer(&self.config)),
            }
        }
    }

    async fn open(&self) -> Result<Session> {
        let opts = self.opts().await?.clone();
        let opening = async {
            let mut conn = Conn::new(opts).await?;
            let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
            let product = Product::of_version(version.as_deref().unwrap_or_default());
            conn.query_drop(self.session(product)).await?;
            conn.query_drop(ISOLATION).await?;
            Ok(Session { conn, product })
        };
        match tokio::time::timeout(self.config.connect_timeout, opening).await {
            Ok(opened) => opened.map_err(|error| from_driver(error, &self.config)),
            Err(_) => Err(no_answer(&self.config)),
        }
    }

    fn session(&self, product: Product) -> String {
        let timeout = self.config.statement_timeout;
        match (product, timeout) {
            // Statistics of a table as they are now, not as they were cached up to a day ago.
            (Product::MySql, None) => format!("{SESSION}, information_schema_stats_expiry = 0"),
            (Product::MySql, Some(timeout)) => {
                let millis = timeout.as_millis().clamp(1, u32::MAX.into());
                format!("{SESSION}, information_schema_stats_expiry = 0, max_execution_time = {millis}")
            }
            (Product::MariaDb, None) => SESSION.to_owned(),
            (Product::MariaDb, Some(timeout)) => {
                // In seconds, at most a year.
                let seconds = timeout.as_secs_f64().clamp(0.001, 31_536_000.0);
                format!("{SESSION}, max_statement_time = {seconds:.6}")
            }
        }
    }

    async fn opts(&self) -> Result<&Opts> {
        self.opts.get_or_try_init(|| self.prepare()).await
    }

    async fn prepare(&self) -> Result<Opts> {
        let config = self.config.clone();
        let tls = tokio::task::spawn_blocking(move || tls::options(&config))
            .await
            .map_err(|e| Error::internal(format!("reading certificates: {e}")))??;
        let builder = OptsBuilder::default()
            .ip_or_hostname(&self.config.host)
            .tcp_port(self.config.port)
            .user(Some(&self.config.user))
            .pass(self.config.password.as_ref().map(headwater_core::Secret::expose))
            .db_name(self.config.database.as_ref())
            // A server on this machine would else be reached by its socket, past TLS.
            .prefer_socket(false)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .stmt_cache_size(0)
            .max_allowed_packet(Some(MAX_PACKET))
            // Liveness is seen when a connection is used.
            .wait_timeout(Some(0))
            .connect_attribute("program_name", "headwater")
            .ssl_opts(tls);
        Ok(builder.into())
    }
}
