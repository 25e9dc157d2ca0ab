//! A connector behind a Flight server as a source: `headwater serve-connector`, or any program that speaks
//! `docs/flight-protocol.md`.
//!
//! ```no_run
//! use headwater_core::{ConnectorList, TableName};
//! use headwater_remote::RemoteFactory;
//!
//! # async fn example() -> headwater_core::Result<()> {
//! let kinds = ConnectorList::new().with(RemoteFactory);
//! let catalog = kinds.check_url("crm", "grpc+tls://connectors.example.com:8815/crm")?;
//! let crm = kinds.build(&catalog)?;
//! println!("{:?}", crm.get_table(&TableName::new("public", "customers")).await?.schema);
//! # Ok(()) }
//! ```
//!
//! # Concepts
//! - **Everything travels**: conditions and limits to the server, answers and literal requests back before anything
//!   runs; join keys when they are known; and what the far side counted, which is the scan's account here.
//! - **Nothing cut is taken for whole**: answers in parts end with a mark, and what ends without one is an error.
//! - **Cancellation**: dropping a stream cancels the call, and the server stops its source's work.
//! - **One connection**, opened at first use, shared by all calls and opened again when it breaks.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod call;
mod config;
mod connect;
mod connector;
mod decode;
mod error;
mod filters;
mod hold;
mod read;
mod splits;
mod token;

pub use config::{RemoteConfig, RemoteFactory};
pub use connector::RemoteConnector;
