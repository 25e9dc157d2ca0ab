//! Connections, as the pool opens them.

use super::queue::{CopiedRows, Sender, queue};
use super::splitter::Splitter;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use futures::future::{BoxFuture, FutureExt as _};
use socket2::{SockRef, TcpKeepalive};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_postgres::tls::{MakeTlsConnect, NoTls, TlsConnect};
use tokio_postgres::{CancelToken, Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A peer that vanished is noticed even by who only waits.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Where a server is.
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// `None`: in clear.
    pub(crate) tls: Option<MakeRustlsConnect>,
}

type Handshake = <MakeRustlsConnect as MakeTlsConnect<TcpStream>>::TlsConnect;

impl Endpoint {
    async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        Ok(stream)
    }

    fn handshake(&self, tls: &MakeRustlsConnect) -> Result<Handshake, OpenError> {
        let made = MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls.clone(), &self.host);
        made.map_err(|error| OpenError::Io(io::Error::other(error)))
    }

    /// Asks the server to stop what the connection of this token runs.
    pub(crate) async fn cancel(&self, token: &CancelToken) -> Result<(), OpenError> {
        let stream = self.connect().await?;
        match &self.tls {
            Some(tls) => token.cancel_query_raw(stream, self.handshake(tls)?).await?,
            None => token.cancel_query_raw(stream, NoTls).await?,
        }
        Ok(())
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The network, before anything was said.
    Io(io::Error),
    Driver(tokio_postgres::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Driver(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

/// Opens connections.
pub(crate) struct Opener {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) driver: Config,
    pub(crate) max_row_bytes: usize,
}

/// A connection that is logged in. Dropping it closes it without a word.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// What `client.copy_out` does not show.
    pub(crate) rows: CopiedRows,
    task: JoinHandle<()>,
}

impl Session {
    /// Reads and writes in a task of its own.
    fn start<S, T>(client: Client, connection: Connection<S, T>, rows: CopiedRows) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Whoever uses the client hears of the error.
        let task = tokio::spawn(connection.map(drop));
        Self { client, rows, task }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Manager for Opener {
    type Type = Session;
    type Error = OpenError;

    async fn create(&self) -> Result<Session, OpenError> {
        let stream = self.endpoint.connect().await?;
        let (sender, rows) = queue();
        let max_row_bytes = self.max_row_bytes;
        match &self.endpoint.tls {
            Some(tls) => {
                let tls = Splitting { tls: self.endpoint.handshake(tls)?, sender, max_row_bytes };
                let (client, connection) = self.driver.connect_raw(stream, tls).await?;
                Ok(Session::start(client, connection, rows))
            }
            None => {
                let stream = Splitter::new(stream, sender, max_row_bytes);
                let (client, connection) = self.driver.connect_raw(stream, NoTls).await?;
                Ok(Session::start(client, connection, rows))
            }
        }
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<OpenError> {
        match session.client.is_closed() {
            true => Err(RecycleError::message("the connection was closed")),
            false => Ok(()),
        }
    }
}

/// TLS, and beyond it the rows past the reader.
struct Splitting {
    tls: Handshake,
    sender: Sender,
    max_row_bytes: usize,
}

impl TlsConnect<TcpStream> for Splitting {
    type Stream = Splitter<<Handshake as TlsConnect<TcpStream>>::Stream>;
    type Error = <Handshake as TlsConnect<TcpStream>>::Error;
    type Future = BoxFuture<'static, Result<Self::Stream, Self::Error>>;

    fn connect(self, stream: TcpStream) -> Self::Future {
        let Self { tls, sender, max_row_bytes } = self;
        tls.connect(stream).map(move |tls| Ok(Splitter::new(tls?, sender, max_row_bytes))).boxed()
    }
}
