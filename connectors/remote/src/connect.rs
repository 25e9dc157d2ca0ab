//! The connection to the server.

use crate::token::carried;
use crate::{RemoteConfig, error};
use arrow_flight::flight_service_client::FlightServiceClient;
use headwater_core::wire::{BYTES_HEADER, QUERY_HEADER, ROWS_HEADER, VERSION_HEADER};
use headwater_core::{Error, Result, ScanContext, WIRE_VERSION};
use std::fmt;
use std::time::Duration;
use tokio::sync::OnceCell;
use tonic::Request;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

/// A batch, or a row that is a batch of its own.
const LARGEST_MESSAGE: usize = 256 << 20;
/// How much of a read may be on its way before it is taken.
const READ_WINDOW: u32 = 2 << 20;
/// All reads share a connection, and one that nobody takes from must not stop the others: room for hundreds.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// A read that was dropped is remembered while its data still arrive; forgotten ones are counted, and by default the
/// connection is given up at some number of them, with all other reads on it.
const REMEMBERED_RESETS: usize = 1_000;
/// A server that vanished without a word is noticed after both of these.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Calls one server.
pub(crate) struct Link {
    pub(crate) config: RemoteConfig,
    channel: OnceCell<Channel>,
    headers: MetadataMap,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

impl Link {
    /// Does no I/O.
    pub(crate) fn new(config: RemoteConfig) -> Result<Self> {
        let mut headers = MetadataMap::new();
        headers.insert(VERSION_HEADER, WIRE_VERSION.into());
        if let Some(token) = &config.token {
            let value: Result<AsciiMetadataValue, _> = format!("Bearer {}", carried(token)?).parse();
            // The driver's message could repeat it.
            let mut value = value.map_err(|_| Error::config("the token cannot be put into a header"))?;
            value.set_sensitive(true);
            headers.insert("authorization", value);
        }
        Ok(Self { config, channel: OnceCell::new(), headers })
    }

    /// A client on the shared connection, which opens with the first call.
    pub(crate) async fn client(&self) -> Result<FlightServiceClient<Channel>> {
        let channel = self.channel.get_or_try_init(|| async {
            let config = self.config.clone();
            // Certificates are read from disk.
            let endpoint = tokio::task::spawn_blocking(move || endpoint(&config)).await;
            let endpoint = endpoint.map_err(|error| Error::internal(format!("TLS: {error}")))??;
            Ok::<_, Error>(endpoint.connect_lazy())
        });
        Ok(FlightServiceClient::new(channel.await?.clone())
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(usize::MAX))
    }

    /// `message` with the headers of every call, and those of a scan.
    pub(crate) fn request<T>(&self, message: T, context: Option<&ScanContext>) -> Result<Request<T>> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        if let Some(context) = context {
            let query = context.query_id.parse();
            let query = query.map_err(|_| Error::internal("a query id has letters, digits and `-` only"))?;
            request.metadata_mut().insert(QUERY_HEADER, query);
            request.metadata_mut().insert(ROWS_HEADER, number(context.max_batch_rows));
            request.metadata_mut().insert(BYTES_HEADER, number(context.max_batch_bytes));
        }
        Ok(request)
    }

    /// `work`, unless the server takes too long.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let result = tokio::time::timeout(self.config.request_timeout, work).await;
        result.unwrap_or_else(|_| Err(error::too_late(&self.config)))
    }
}

fn number(limit: usize) -> AsciiMetadataValue {
    AsciiMetadataValue::from(u64::try_from(limit).unwrap_or(u64::MAX))
}

/// Reads certificates: not for a runtime thread.
fn endpoint(config: &RemoteConfig) -> Result<Endpoint> {
    let scheme = if config.tls { "https" } else { "http" };
    let unusable = |error: tonic::transport::Error| {
        Error::config(format!("the address {} is not usable: {}", config.address(), error::innermost(&error)))
    };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{}", config.address())).map_err(unusable)?;
    let endpoint = endpoint
        .connect_timeout(config.connect_timeout)
        .initial_stream_window_size(READ_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .http2_max_concurrent_reset_streams(REMEMBERED_RESETS)
        .http2_max_local_error_reset_streams(None)
        .tcp_nodelay(true);
    if !config.tls {
        return Ok(endpoint);
    }
    let tls = match &config.sslrootcert {
        None => ClientTlsConfig::new().with_native_roots(),
        Some(path) => {
            let unreadable = |error: std::io::Error| {
                Error::config(format!("sslrootcert {} is not usable: {error}", path.display()))
                    .with_hint("name a PEM file with one or more certificates")
            };
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(std::fs::read(path).map_err(unreadable)?))
        }
    };
    endpoint.tls_config(tls).map_err(|error| {
        Error::config(format!("TLS cannot be set up: {}", error::innermost(&error)))
            .with_hint("set sslrootcert to a PEM file with the authority of the server's certificate")
    })
}
