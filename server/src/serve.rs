//! The server as it runs.

use crate::guard::Guard;
use crate::service::Service;
use crate::{FlightServerBuilder, Identity};
use arrow_flight::flight_service_server::FlightServiceServer;
use headwater_core::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Server, ServerTlsConfig};

/// Join keys are the largest thing a caller sends.
const LARGEST_REQUEST: usize = 64 << 20;
/// Calls at once on one connection.
const MOST_CALLS: u32 = 10_000;
/// Calls cancelled before they were looked at, after which a connection is taken for an attack. An engine that has
/// enough rows drops all its reads at once.
const MOST_CANCELLED: usize = 1_000;
/// A caller that vanished without a word is noticed after both of these.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long connections get to say goodbye once their reads have been ended.
const GOODBYE: Duration = Duration::from_secs(5);

/// Catalogs behind a Flight endpoint.
#[derive(Debug)]
pub struct FlightServer {
    pub(crate) service: Service,
    pub(crate) guard: Guard,
    pub(crate) close: watch::Sender<bool>,
    pub(crate) has_token: bool,
    pub(crate) identity: Option<Identity>,
    pub(crate) insecure: bool,
    pub(crate) drain_timeout: Duration,
}

impl FlightServer {
    /// Collects what a server is made of.
    pub fn builder() -> FlightServerBuilder {
        FlightServerBuilder::default()
    }

    /// Answers calls until `shutdown` is ready. Then takes no new ones, lets those under way finish within the drain
    /// timeout, ends the rest with an error, and returns.
    ///
    /// # Errors
    /// `Config` when other machines reach the address and there is no token or no TLS, or the certificate is not
    /// usable; `Unavailable` when the listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let address = listener.local_addr().map_err(|error| broken(&error))?;
        self.check_exposure(address)?;
        let router = self.router()?;
        let (told, stopping) = oneshot::channel();
        let stopped = async {
            shutdown.await;
            // Nobody listens once the server has ended by itself.
            told.send(()).ok();
        };
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let serving = router.serve_with_incoming_shutdown(incoming, stopped);
        tokio::select! {
            ended = serving => ended.map_err(|error| broken(&error)),
            () = self.drain(stopping) => Ok(()),
        }
    }

    /// Whether this server may be reached at `address`, which `serve` checks too: for those who announce their address
    /// before they serve. Does no I/O.
    ///
    /// # Errors
    /// `Config` when other machines reach the address and there is no token or no TLS, and insecure was not allowed.
    pub fn check_exposure(&self, address: SocketAddr) -> Result<()> {
        let missing = match (self.has_token, self.identity.is_some()) {
            (true, true) => return Ok(()),
            (false, true) => "without a token",
            (true, false) => "without TLS",
            (false, false) => "without a token and without TLS",
        };
        if address.ip().is_loopback() || self.insecure {
            return Ok(());
        }
        Err(Error::config(format!("other machines would reach the server at {address} {missing}")).with_hint(
            "set a token, and a certificate with its key; or listen on 127.0.0.1; or allow it to be insecure",
        ))
    }

    /// Ready once what was under way at the shutdown has had its time.
    async fn drain(&self, stopping: oneshot::Receiver<()>) {
        if stopping.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.drain_timeout).await;
        self.close.send_replace(true);
        tokio::time::sleep(GOODBYE).await;
    }

    fn router(&self) -> Result<Router> {
        let mut server = Server::builder()
            // The bound on reads is ours; calls that wait for their turn must not keep others from asking.
            .max_concurrent_streams(MOST_CALLS)
            .http2_max_pending_accept_reset_streams(Some(MOST_CANCELLED))
            .http2_keepalive_interval(Some(PING_INTERVAL))
            .http2_keepalive_timeout(Some(PING_TIMEOUT));
        if let Some(identity) = &self.identity {
            let identity = tonic::transport::Identity::from_pem(&identity.certificates, identity.key.expose());
            // The driver's message could repeat a part of the key.
            server = server.tls_config(ServerTlsConfig::new().identity(identity)).map_err(|_| {
                Error::config("the server's certificate or private key is not usable")
                    .with_hint("both are PEM; the key belongs to the first certificate and has no passphrase")
            })?;
        }
        let service = FlightServiceServer::new(self.service.clone())
            .max_decoding_message_size(LARGEST_REQUEST)
            .max_encoding_message_size(usize::MAX);
        Ok(server.add_service(InterceptedService::new(service, self.guard.clone())))
    }
}

fn broken(error: &dyn std::error::Error) -> Error {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    Error::new(ErrorKind::Unavailable, format!("the server cannot accept calls: {cause}"))
        .with_hint("check the address that it listens on")
}
