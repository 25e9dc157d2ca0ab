//! A real MySQL or MariaDB server for as long as its handle lives.

mod settings;
mod statement;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql_async::{Conn, Opts, OptsBuilder, Pool, SslOpts};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::directory::process_id;
use crate::error::{Context as _, HarnessError, Result};
use crate::home::{Home, installed};
use crate::launch::{HOST, LogFile, PORT_ATTEMPTS, READY_WITHIN, blocking, free_port};
use crate::supervisor::{Service, Stop, Supervisor};

pub use settings::Product;
pub use statement::MySqlStatement;

use settings::{DATABASE, USER};

/// A MySQL or MariaDB server with TLS, a database `headwater` and a user of the same name who may do everything.
///
/// It listens on a free port of the loopback address only, logs every statement, and does not wait for the disk. Its
/// character set is utf8mb4, its time zone UTC, `LOAD DATA LOCAL` is allowed. The user's password is random; MySQL checks
/// it with `caching_sha2_password`, MariaDB with `mysql_native_password`. There is no other account: a test that wants
/// one makes it (`CREATE USER reader IDENTIFIED BY '…'`, on a [`conn`](Self::conn)).
///
/// # Lifetime
///
/// The server stops when the handle is dropped or the process ends, in whatever way, `kill -9` included. A server of
/// [`start`](Self::start) takes its directory along. Dropping does not wait: the port is closed some milliseconds later.
///
/// # Concurrency
///
/// A handle belongs to no runtime, so tests with a runtime each can share one; see [`shared`](Self::shared).
/// [`restart`](Self::restart), [`crash`](Self::crash) and the log concern everyone who shares it.
pub struct MySqlServer {
    product: Product,
    home: Home,
    supervisor: Supervisor,
    port: u16,
    password: String,
    ca_certificate: PathBuf,
    password_file: PathBuf,
}

impl MySqlServer {
    /// Starts a server in a temporary directory that is deleted with it. Takes about a second.
    ///
    /// # Errors
    ///
    /// No such server on this machine, or one that does not come up within 60 s; the error ends with its log.
    pub async fn start(product: Product) -> Result<Self> {
        let (home, supervisor) = blocking(move || {
            let (home, guard) = Home::temporary(product.name())?;
            let supervisor = supervise(product, &home, Some(guard.path()), None, &[])?;
            // From here on the supervisor deletes it: no guard of ours would survive kill -9.
            let _ = guard.keep();
            prepare(product, &home)?;
            Ok((home, supervisor))
        })
        .await?;
        Self::launch(product, home, supervisor).await
    }

    /// Starts a server on the data in `directory`, made when new, and leaves the data there at the end.
    ///
    /// Password and certificates belong to the data; the port is another one each time. Waits some seconds for a server
    /// that is still ending there.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start), and when another server runs there.
    pub async fn start_in(product: Product, directory: impl Into<PathBuf>) -> Result<Self> {
        Self::start_in_with(product, directory, &[]).await
    }

    /// The same with settings of its own, such as `--general-log=OFF`; they prevail.
    ///
    /// # Errors
    ///
    /// As for [`start_in`](Self::start_in), and when the server does not take a setting.
    pub async fn start_in_with(
        product: Product,
        directory: impl Into<PathBuf>,
        settings: &'static [&'static str],
    ) -> Result<Self> {
        let path = directory.into();
        let (home, supervisor) = blocking(move || {
            let (home, lock) = Home::persistent(&path)?;
            prepare(product, &home)?;
            let supervisor = supervise(product, &home, None, Some(lock), settings)?;
            Ok((home, supervisor))
        })
        .await?;
        Self::launch(product, home, supervisor).await
    }

    /// The server of this product that all tests of a test binary share, started by the first of them and stopped with
    /// the process.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start); the next call tries again.
    pub async fn shared(product: Product) -> Result<&'static Self> {
        static MYSQL: OnceCell<MySqlServer> = OnceCell::const_new();
        static MARIADB: OnceCell<MySqlServer> = OnceCell::const_new();
        let shared = match product {
            Product::MySql => &MYSQL,
            Product::MariaDb => &MARIADB,
        };
        shared.get_or_try_init(|| Self::start(product)).await
    }

    /// Which of the two it is.
    pub fn product(&self) -> Product {
        self.product
    }

    /// Loopback address of the server.
    pub fn host(&self) -> &str {
        HOST
    }

    /// TCP port of the server; a [`restart`](Self::restart) keeps it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user who may do everything.
    pub fn user(&self) -> &str {
        USER
    }

    /// That user's password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The database to work in, empty at first.
    pub fn database(&self) -> &str {
        DATABASE
    }

    /// `mysql://headwater@127.0.0.1:PORT/headwater`: the address of that database, without the password.
    pub fn url(&self) -> String {
        format!("mysql://{USER}@{HOST}:{}/{DATABASE}", self.port)
    }

    /// PEM file with the authority that signed the server's certificate, which names `localhost`, `127.0.0.1` and `::1`.
    pub fn ca_certificate(&self) -> &Path {
        &self.ca_certificate
    }

    /// File with the password and no line end, readable only by the user who runs this process.
    pub fn password_file(&self) -> &Path {
        &self.password_file
    }

    /// Options for a connection of the server's user to `database`, with verified TLS; a test may change them.
    pub fn options(&self, database: &str) -> OptsBuilder {
        let tls = SslOpts::default().with_root_certs(vec![self.ca_certificate.clone().into()]);
        OptsBuilder::default()
            .ip_or_hostname(HOST)
            .tcp_port(self.port)
            .user(Some(USER))
            .pass(Some(self.password.clone()))
            .db_name(Some(database))
            .ssl_opts(tls.with_disable_built_in_roots(true))
            .prefer_socket(false)
    }

    /// A connection of the server's user to the database `headwater`, to prepare and to check a test.
    ///
    /// # Errors
    ///
    /// The server is stopped.
    pub async fn conn(&self) -> Result<Conn> {
        let connection = Conn::new(Opts::from(self.options(DATABASE))).await;
        connection.context(|| format!("connecting to the {} test server", self.product))
    }

    /// A pool of such connections; it belongs to the current runtime.
    pub fn pool(&self) -> Pool {
        Pool::new(Opts::from(self.options(DATABASE)))
    }

    /// Where the log of statements ends now, for [`statements_since`](Self::statements_since).
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn log_position(&self) -> Result<u64> {
        self.statement_log().position()
    }

    /// What clients have sent since `position` (0: since this handle was made), in the order of arrival; the harness's
    /// own statements are among it. A statement is there before it is run.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn statements_since(&self, position: u64) -> Result<Vec<MySqlStatement>> {
        Ok(statement::parse(&self.statement_log().since(position)?))
    }

    /// The server's process.
    ///
    /// # Errors
    ///
    /// The server is stopped.
    pub fn process_id(&self) -> Result<u32> {
        let pid = process_id(&self.home.path(settings::PID));
        pid.ok_or_else(|| HarnessError::new(format!("no {} server runs on port {}", self.product, self.port)))
    }

    /// Cuts all connections, stops the server and starts it on the same port; also starts it after a [`crash`](Self::crash).
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub async fn restart(&self) -> Result<()> {
        self.supervisor.stop(Stop::Fast).await?;
        self.begin().await?;
        self.wait_until_ready().await
    }

    /// Stops the server at once, as a crash would, and leaves it stopped.
    ///
    /// # Errors
    ///
    /// The server's supervisor is gone.
    pub async fn crash(&self) -> Result<()> {
        self.supervisor.stop(Stop::Immediate).await
    }

    /// Stops the server in good order and waits for its end.
    ///
    /// # Errors
    ///
    /// The server's supervisor is gone.
    pub async fn stop(self) -> Result<()> {
        self.supervisor.stop(Stop::Fast).await
    }

    async fn launch(product: Product, home: Home, supervisor: Supervisor) -> Result<Self> {
        let password_file = home.path(settings::PASSWORD);
        let (password, ca_certificate) = (home.secret(settings::PASSWORD)?, home.path("ca.crt"));
        let mut server = Self { product, home, supervisor, port: 0, password, ca_certificate, password_file };
        for attempt in 1.. {
            server.port = free_port()?;
            server.begin().await?;
            match server.wait_until_ready().await {
                Ok(()) => break,
                Err(_) if attempt < PORT_ATTEMPTS && server.log().since(0)?.contains("already in use") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(server)
    }

    async fn begin(&self) -> Result<()> {
        self.supervisor.start(&format!("--port={}", self.port)).await
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let refusal = match self.conn().await {
                Ok(connection) => return connection.disconnect().await.context(|| "leaving a test server".to_owned()),
                Err(error) => error,
            };
            if !self.supervisor.is_running().await? {
                return Err(self.log().explain("the test server ended while it was starting"));
            }
            if Instant::now() >= deadline {
                let seconds = READY_WITHIN.as_secs();
                let what = format!("the test server was not ready after {seconds} s ({refusal})");
                return Err(self.log().explain(&what));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> LogFile {
        LogFile::new(self.home.path(settings::LOG))
    }

    fn statement_log(&self) -> LogFile {
        LogFile::new(self.home.path(settings::STATEMENTS))
    }
}

impl fmt::Debug for MySqlServer {
    // Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = (self.product, self.url());
        f.debug_struct("MySqlServer").field("product", &fields.0).field("url", &fields.1).finish_non_exhaustive()
    }
}

/// Makes what is missing in the directory, so that a server can start.
fn prepare(product: Product, home: &Home) -> Result<()> {
    home.copy_once(&installed(product.name(), "data")?, settings::DATA)?;
    home.make_certificates()?;
    settings::write_files(home)
}

fn supervise(
    product: Product,
    home: &Home,
    remove: Option<&Path>,
    lock: Option<File>,
    settings: &[&str],
) -> Result<Supervisor> {
    let mut server = settings::command(product, home, &installed(product.name(), "server")?)?;
    server.args(settings);
    let signals = settings::signals(remove.is_some());
    let log = home.path(settings::LOG);
    Supervisor::spawn(Service { server: &server, signals, log: &log, remove, lock })
}
