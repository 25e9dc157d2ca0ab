//! A real PostgreSQL server for as long as its handle lives.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::account::Account;
use crate::directory::{ServerDirectory, USER};
use crate::error::{Context as _, HarnessError, Result, with_causes};
use crate::launch::{HOST, LogFile, PORT_ATTEMPTS, READY_WITHIN, blocking, free_port};
use crate::programs::Programs;
use crate::supervisor::{Service, Signals, Stop, Supervisor};

const DATABASE: &str = "headwater";

/// `%a` in the log: tells the harness's own statements from those of the code under test.
const APPLICATION: &str = "headwater-harness";

/// A PostgreSQL server with TLS, SCRAM, a database `headwater` and a superuser of the same name.
///
/// It listens on a free port of the loopback address only, logs every statement, and does not wait for the disk.
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
pub struct Postgres {
    directory: ServerDirectory,
    supervisor: Supervisor,
    port: u16,
    password: String,
    ca_certificate: PathBuf,
    password_file: PathBuf,
}

impl Postgres {
    /// Starts a server in a temporary directory that is deleted with it. Takes about a second.
    ///
    /// # Errors
    ///
    /// No server programs on this machine, or a server that does not come up within 60 s; the error ends with its log.
    pub async fn start() -> Result<Self> {
        let (directory, supervisor) = blocking(|| {
            let (account, programs) = (Account::for_server()?, Programs::find()?);
            let (directory, guard) = ServerDirectory::temporary(account)?;
            let supervisor = supervise(&directory, &programs, Some(guard.path()), &[])?;
            // From here on the supervisor deletes it: no guard of ours would survive kill -9.
            let _ = guard.keep();
            directory.prepare(&programs)?;
            Ok((directory, supervisor))
        })
        .await?;
        Self::launch(directory, supervisor).await
    }

    /// Starts a server on the data in `directory`, made when new, and leaves the data there at the end.
    ///
    /// Password and certificates belong to the data; the port is another one each time. For root the directory must be
    /// one that the server's user can enter; [`persistent_directory`](crate::persistent_directory) names one.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start), and when another server runs there.
    pub async fn start_in(directory: impl Into<PathBuf>) -> Result<Self> {
        Self::start_in_with(directory, &[]).await
    }

    /// The same with settings of its own, such as `shared_buffers=2GB`; they prevail.
    ///
    /// # Errors
    ///
    /// As for [`start_in`](Self::start_in), and when the server does not take a setting.
    pub async fn start_in_with(directory: impl Into<PathBuf>, settings: &'static [&'static str]) -> Result<Self> {
        let path = directory.into();
        let (directory, supervisor) = blocking(move || {
            let (account, programs) = (Account::for_server()?, Programs::find()?);
            let directory = ServerDirectory::persistent(&path, account)?;
            directory.prepare(&programs)?;
            let supervisor = supervise(&directory, &programs, None, settings)?;
            Ok((directory, supervisor))
        })
        .await?;
        Self::launch(directory, supervisor).await
    }

    /// The server that all tests of a test binary share, started by the first of them and stopped with the process.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start); the next call tries again.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    /// Loopback address of the server.
    pub fn host(&self) -> &str {
        HOST
    }

    /// TCP port of the server; a [`restart`](Self::restart) keeps it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser.
    pub fn user(&self) -> &str {
        USER
    }

    /// Password of the superuser.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The database to work in, empty at first.
    pub fn database(&self) -> &str {
        DATABASE
    }

    /// Address of that database, without the password.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@{HOST}:{}/{DATABASE}", self.port)
    }

    /// PEM file with the authority that signed the server's certificate, which names `localhost`, `127.0.0.1` and `::1`.
    pub fn ca_certificate(&self) -> &Path {
        &self.ca_certificate
    }

    /// File with the password and no line end, readable only by the user who runs this process.
    pub fn password_file(&self) -> &Path {
        &self.password_file
    }

    /// A superuser's connection without TLS to `database`, driven by a task of the current runtime.
    ///
    /// # Errors
    ///
    /// The server is stopped or has no such database.
    pub async fn client(&self, database: &str) -> Result<Client> {
        let connection = self.config(database).connect(NoTls).await;
        let (client, connection) =
            connection.context(|| format!("connecting to database `{database}` of the test server"))?;
        // Whatever ends the connection is seen by the client's next call.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// Creates an empty database.
    ///
    /// # Errors
    ///
    /// There is one of that name already.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        let statement = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        let created = self.client("postgres").await?.batch_execute(&statement).await;
        created.context(|| format!("creating database `{name}`"))
    }

    /// What the server has logged since this handle was made, every statement among it.
    ///
    /// Each line begins with the time, the process id in brackets and the application name of the client. A statement is
    /// there before it is run.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn log(&self) -> Result<String> {
        self.log_since(0)
    }

    /// Where the log ends now, for [`log_since`](Self::log_since).
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn log_position(&self) -> Result<u64> {
        self.log_file().position()
    }

    /// What the server has logged since `position`; empty when that is nothing.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn log_since(&self, position: u64) -> Result<String> {
        self.log_file().since(position)
    }

    /// The server's process, parent of those that serve its connections.
    ///
    /// # Errors
    ///
    /// The server is stopped.
    pub fn process_id(&self) -> Result<u32> {
        self.directory.process_id()
    }

    /// Cuts all connections, stops the server and starts it on the same port; also starts it after a [`crash`](Self::crash).
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub async fn restart(&self) -> Result<()> {
        self.supervisor.stop(Stop::Fast).await?;
        self.supervisor.start(&format!("-p {}", self.port)).await?;
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

    /// Stops the server in good order and waits for its end, so that the next start in its directory need not recover.
    ///
    /// # Errors
    ///
    /// The server's supervisor is gone.
    pub async fn stop(self) -> Result<()> {
        self.supervisor.stop(Stop::Fast).await
    }

    async fn launch(directory: ServerDirectory, supervisor: Supervisor) -> Result<Self> {
        let password = directory.password()?;
        let (ca_certificate, password_file) = (directory.ca_certificate(), directory.password_file());
        let mut postgres = Self { directory, supervisor, port: 0, password, ca_certificate, password_file };
        for attempt in 1.. {
            postgres.port = free_port()?;
            postgres.supervisor.start(&format!("-p {}", postgres.port)).await?;
            match postgres.wait_until_ready().await {
                Ok(()) => break,
                Err(_) if attempt < PORT_ATTEMPTS && postgres.log()?.contains("could not bind") => {}
                Err(error) => return Err(error),
            }
        }
        postgres.ensure_database().await?;
        Ok(postgres)
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let refusal = match self.config("postgres").connect(NoTls).await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            if refusal.code() == Some(&SqlState::INVALID_PASSWORD) {
                let file = self.password_file.display();
                return Err(HarnessError::new(format!(
                    "the server refuses the password in {file}; delete its directory to begin anew"
                )));
            }
            if !self.supervisor.is_running().await? {
                return Err(self.with_log_tail("the test server ended while it was starting"));
            }
            if Instant::now() >= deadline {
                let seconds = READY_WITHIN.as_secs();
                let refusal = with_causes(&refusal);
                return Err(self.with_log_tail(&format!("the test server was not ready after {seconds} s ({refusal})")));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn ensure_database(&self) -> Result<()> {
        let client = self.client("postgres").await?;
        let found = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&DATABASE]).await;
        match found.context(|| "listing the databases of the test server".to_owned())? {
            Some(_) => Ok(()),
            None => self.create_database(DATABASE).await,
        }
    }

    fn config(&self, database: &str) -> Config {
        let mut config = Config::new();
        config.host(HOST).port(self.port).user(USER).password(&self.password).dbname(database);
        config.application_name(APPLICATION).connect_timeout(READY_WITHIN);
        config
    }

    fn with_log_tail(&self, what: &str) -> HarnessError {
        self.log_file().explain(what)
    }

    fn log_file(&self) -> LogFile {
        LogFile::new(self.directory.log())
    }
}

impl fmt::Debug for Postgres {
    // Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// INT cuts the connections and stops in good order, QUIT stops as a crash would.
const SIGNALS: Signals = Signals { fast: "INT", immediate: "QUIT", last: "QUIT" };

fn supervise(
    directory: &ServerDirectory,
    programs: &Programs,
    remove: Option<&Path>,
    settings: &[&str],
) -> Result<Supervisor> {
    let (mut server, log) = (directory.server(programs), directory.log());
    for setting in settings {
        server.args(["-c", setting]);
    }
    Supervisor::spawn(Service { server: &server, signals: SIGNALS, log: &log, remove, lock: None })
}

#[cfg(test)]
mod tests;
