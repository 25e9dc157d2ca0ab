//! What can go wrong between us and a server.

use std::io;

/// An error that the server tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerError {
    pub(crate) code: u16,
    /// SQLSTATE; empty where the server gives none, as before the login.
    pub(crate) state: String,
    pub(crate) message: String,
}

/// Why a step did not succeed. After [`Server`](Self::Server) the connection is at rest, after anything else of no use.
#[derive(Debug)]
pub(crate) enum Failure {
    Server(ServerError),
    /// The network.
    Io(io::Error),
    /// The server closed the connection.
    Closed,
    /// TLS was wanted and could not be had; why.
    Tls(String),
    /// The server wants a way to log in that we do not have, or that is not safe here; why.
    Login(String),
    /// The server sent what the protocol does not allow; what.
    Malformed(&'static str),
    /// A row, or another answer, is longer than `max_row_size`.
    TooLarge(usize),
}

impl Failure {
    /// Whether the connection is of no more use.
    pub(crate) fn is_fatal(&self) -> bool {
        !matches!(self, Self::Server(_))
    }

    /// Whether the connection is gone, and perhaps its server.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Closed)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
