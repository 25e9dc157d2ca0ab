//! The connections of one catalog: few, reused, and each pinned to one way of reading.

use crate::error::{from_failure, is_gone, no_answer, no_place};
use crate::lease::{Lease, Place};
use crate::product::Product;
use crate::protocol::{Connection, Failure, Target};
use crate::{MySqlConfig, tls};
use futures::future::try_join_all;
use headwater_core::{Error, Result};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// What every session has, whatever the server's defaults: our literals, the servers' dates and the bounds of a result
/// depend on it. With `sql_auto_is_null`, `id IS NULL` would find the row last inserted. A reader that pauses must not
/// be cut off after the default `net_write_timeout` of a minute.
const SESSION: &str = "SET NAMES utf8mb4 COLLATE utf8mb4_bin, sql_mode = '', time_zone = '+00:00', \
    sql_select_limit = 18446744073709551615, sql_auto_is_null = 0, net_write_timeout = 3600, max_sort_length = 1024";

const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ";

const BEGIN: &str = "START TRANSACTION READ ONLY";

/// The snapshot is taken now, not at the first statement.
const BEGIN_NOW: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";

/// Opens connections when first needed, so that building one does no I/O.
pub(crate) struct Connections {
    config: MySqlConfig,
    target: OnceCell<Arc<Target>>,
    places: Arc<Semaphore>,
    idle: Arc<Idle>,
}

/// A connection with its session set up.
pub(crate) struct Session {
    pub(crate) connection: Connection,
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
        Self { config, target: OnceCell::new(), places, idle: Arc::default() }
    }

    pub(crate) fn config(&self) -> &MySqlConfig {
        &self.config
    }

    /// A connection inside a read-only transaction.
    ///
    /// # Errors
    /// `Unavailable`, `Unauthenticated`, `LimitExceeded` when all connections stay in use.
    pub(crate) async fn begin(&self) -> Result<Lease> {
        let permit = self.places(1).await?;
        loop {
            let (mut session, used) = match self.idle.take() {
                Some(session) => (session, true),
                None => (self.open().await?, false),
            };
            let begun = tokio::time::timeout(self.config.connect_timeout, session.connection.run(BEGIN)).await;
            match begun {
                Ok(Ok(())) => {
                    let place = Place { permit, idle: Arc::clone(&self.idle), target: self.target().await? };
                    return Ok(Lease::new(session, place));
                }
                // The server had closed it while it lay here, or the way to it is cut. There are finitely many of
                // those; a fresh one that closes or stays silent is an answer.
                Ok(Err(failure)) if used && is_gone(&failure) => {}
                Err(_) if used => {}
                Ok(Err(failure)) => return Err(from_failure(failure, &self.config)),
                Err(_) => return Err(no_answer(&self.config)),
            }
        }
    }

    /// So many connections, each inside a read-only transaction, all begun at once.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) async fn begin_together(&self, count: usize) -> Result<Vec<Lease>> {
        let mut permits = self.places(count).await?;
        let target = self.target().await?;
        let mut sessions = try_join_all((0..count).map(|_| self.usable())).await?;
        let begun = try_join_all(sessions.iter_mut().map(|session| session.connection.run(BEGIN_NOW)));
        match tokio::time::timeout(self.config.connect_timeout, begun).await {
            Ok(begun) => drop(begun.map_err(|failure| from_failure(failure, &self.config))?),
            Err(_) => return Err(no_answer(&self.config)),
        }
        let lease = |session| {
            let permit = permits.split(1).ok_or_else(|| Error::internal("a place is missing"))?;
            let place = Place { permit, idle: Arc::clone(&self.idle), target: Arc::clone(&target) };
            Ok(Lease::new(session, place))
        };
        sessions.into_iter().map(lease).collect()
    }

    /// Leave to use so many connections, all or none.
    async fn places(&self, count: usize) -> Result<OwnedSemaphorePermit> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let waiting = Arc::clone(&self.places).acquire_many_owned(count);
        let permit = tokio::time::timeout(self.config.acquire_timeout, waiting).await;
        let permit = permit.map_err(|_| no_place(&self.config))?;
        permit.map_err(|e| Error::internal(format!("connection pool: {e}")))
    }

    /// A connection outside of any transaction: one that lay idle and still answers, or a new one.
    async fn usable(&self) -> Result<Session> {
        while let Some(mut session) = self.idle.take() {
            let answer = tokio::time::timeout(self.config.connect_timeout, session.connection.run("DO 0")).await;
            if matches!(answer, Ok(Ok(()))) {
                return Ok(session);
            }
        }
        self.open().await
    }

    async fn open(&self) -> Result<Session> {
        let target = self.target().await?;
        let opening = async {
            let mut connection = target.connect().await?;
            let version = connection.query("SELECT VERSION()").await?;
            let version = version.first().and_then(|row| row.first()?.as_deref()).unwrap_or_default();
            let product = Product::of_version(&String::from_utf8_lossy(version));
            connection.run(&self.session(product)).await?;
            connection.run(ISOLATION).await?;
            Ok::<_, Failure>(Session { connection, product })
        };
        match tokio::time::timeout(self.config.connect_timeout, opening).await {
            Ok(opened) => opened.map_err(|failure| from_failure(failure, &self.config)),
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

    async fn target(&self) -> Result<Arc<Target>> {
        self.target.get_or_try_init(|| self.prepare()).await.cloned()
    }

    async fn prepare(&self) -> Result<Arc<Target>> {
        let config = self.config.clone();
        let tls = tokio::task::spawn_blocking(move || tls::options(&config))
            .await
            .map_err(|e| Error::internal(format!("reading certificates: {e}")))??;
        Ok(Arc::new(Target { config: self.config.clone(), tls }))
    }
}
