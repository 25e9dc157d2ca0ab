//! What a server is made of.

use crate::FlightServer;
use crate::catalogs::{Catalog, Catalogs};
use crate::guard::Guard;
use crate::seal::Seal;
use crate::service::Service;
use crate::token::carried;
use headwater_core::{Connector, Error, Result, Secret};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// The server's certificate and private key, each as PEM text.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, followed by those that lead to the authority.
    pub certificates: String,
    /// The private key.
    pub key: Secret,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Collects what a [`FlightServer`] is made of.
#[derive(Debug)]
pub struct FlightServerBuilder {
    pub(crate) catalogs: Vec<Catalog>,
    pub(crate) token: Option<Secret>,
    pub(crate) identity: Option<Identity>,
    pub(crate) ticket_secret: Option<Secret>,
    pub(crate) ticket_lifetime: Duration,
    pub(crate) max_reads: usize,
    pub(crate) call_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) insecure: bool,
}

impl Default for FlightServerBuilder {
    fn default() -> Self {
        Self {
            catalogs: Vec::new(),
            token: None,
            identity: None,
            ticket_secret: None,
            ticket_lifetime: Duration::from_secs(24 * 60 * 60),
            max_reads: 256,
            call_timeout: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            insecure: false,
        }
    }
}

impl FlightServerBuilder {
    /// With one more catalog; `kind` is the connector's name, such as `postgres`.
    #[must_use]
    pub fn with_catalog(
        mut self,
        name: impl Into<String>,
        kind: impl Into<String>,
        connector: Arc<dyn Connector>,
    ) -> Self {
        self.catalogs.push(Catalog { name: name.into(), kind: kind.into(), connector });
        self
    }

    /// Callers must present this token, of visible ASCII characters; blanks and line ends at its end are no part of it.
    /// Without, everyone may call.
    #[must_use]
    pub fn with_token(mut self, token: Secret) -> Self {
        self.token = Some(token);
        self
    }

    /// Calls are encrypted, and the server shows this certificate.
    #[must_use]
    pub fn with_tls(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Tickets and handles are signed with a key made from this secret, of 16 bytes or more, so that servers with the
    /// same secret take each other's, and those of before a restart. Without: with a key of this run alone.
    #[must_use]
    pub fn with_ticket_secret(mut self, secret: Secret) -> Self {
        self.ticket_secret = Some(secret);
        self
    }

    /// How long a ticket may be used; 24 hours if not set.
    #[must_use]
    pub fn with_ticket_lifetime(mut self, lifetime: Duration) -> Self {
        self.ticket_lifetime = lifetime;
        self
    }

    /// How many reads may be under way at once, over all callers; 256 if not set, at least one. Those beyond wait, and
    /// fail as `Throttled` after the call timeout.
    ///
    /// A read counts from its start to its end, also while its caller takes nothing from it. A statement may pause one
    /// read until another has come to its end, as joins do: a bound below the number of tables that one statement reads
    /// here makes it fail.
    #[must_use]
    pub fn with_max_reads(mut self, reads: usize) -> Self {
        self.max_reads = reads;
        self
    }

    /// How long a call for names, metadata, a plan or the first splits may take, and a read may wait for its turn;
    /// 60 seconds if not set.
    #[must_use]
    pub fn with_call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// How long reads that are under way may go on once the server is told to stop; 30 seconds if not set.
    #[must_use]
    pub fn with_drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Serves other machines even without a token or without encryption: whoever reaches the address reads the data.
    #[must_use]
    pub fn allow_insecure(mut self) -> Self {
        self.insecure = true;
        self
    }

    /// The server. Does no I/O.
    ///
    /// # Errors
    /// `Config` when there is no catalog, two have one name, a secret is too short to be one, or the token is
    /// empty or holds what no header can carry.
    pub fn build(self) -> Result<FlightServer> {
        let seal = match &self.ticket_secret {
            Some(secret) => Seal::from_secret(secret)?,
            None => Seal::random()?,
        };
        let token = self.token.as_ref().map(carried).transpose()?;
        if token.is_some_and(str::is_empty) {
            return Err(Error::config("the token is empty").with_hint("set a token that is hard to guess"));
        }
        let guard = Guard::new(token)?;
        // The other end of this channel lives as long as the server runs.
        let (close, closing) = watch::channel(false);
        let service = Service {
            catalogs: Arc::new(Catalogs::new(self.catalogs)?),
            seal: Arc::new(seal),
            held: Arc::default(),
            ticket_lifetime: self.ticket_lifetime,
            max_reads: self.max_reads.max(1),
            reads: Arc::new(Semaphore::new(self.max_reads.clamp(1, Semaphore::MAX_PERMITS))),
            call_timeout: self.call_timeout,
            closing,
        };
        Ok(FlightServer {
            service,
            guard,
            close,
            has_token: self.token.is_some(),
            identity: self.identity,
            insecure: self.insecure,
            drain_timeout: self.drain_timeout,
        })
    }
}
