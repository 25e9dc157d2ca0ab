//! Connectors as a standalone Flight server, so that `connector = "remote"`, or any program that speaks the protocol,
//! plans and reads them from another process or machine. The protocol is written down in `docs/flight-protocol.md`.
//!
//! ```no_run
//! use headwater_core::{MemoryConnector, Secret};
//! use headwater_server::FlightServer;
//! use std::sync::Arc;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8815").await?;
//! let server = FlightServer::builder()
//!     .with_catalog("numbers", "memory", Arc::new(MemoryConnector::new()))
//!     .with_token(Secret::new("…"))
//!     .build()?;
//! server.serve(listener, async { drop(tokio::signal::ctrl_c().await) }).await?;
//! # Ok(()) }
//! ```
//!
//! # Concepts
//! - **No state.** What a connector knows of a table, a plan and a split travels to the caller and back, signed: see
//!   [`FlightServerBuilder::with_ticket_secret`] for several servers behind one address.
//! - **Not open by accident.** On an address that other machines reach, the server wants both a token and TLS.
//! - **Bounded.** So many reads at once, so long for an answer, so large a message.
//! - **Cancellation.** A call that goes away drops the connector's stream, which stops the source's work.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod actions;
mod builder;
mod catalogs;
mod context;
mod derive;
mod encode;
mod guard;
mod held;
mod info;
mod plan;
mod read;
mod seal;
mod serve;
mod service;
mod splits;
mod status;
mod token;

pub use builder::{FlightServerBuilder, Identity};
pub use serve::FlightServer;
