//! PostgreSQL as a source: tables, views and foreign tables, read by `COPY … (FORMAT binary)`.
//!
//! ```no_run
//! use headwater_core::{ConnectorList, TableName};
//! use headwater_postgres::PostgresFactory;
//!
//! # async fn example() -> headwater_core::Result<()> {
//! let kinds = ConnectorList::new().with(PostgresFactory);
//! let catalog = kinds.check_url("crm", "postgres://reader@db.example.com:5432/crm?sslmode=verify-full")?;
//! let crm = kinds.build(&catalog)?;
//! println!("{:?}", crm.get_table(&TableName::new("public", "customers")).await?.schema);
//! # Ok(()) }
//! ```
//!
//! # Concepts
//! - **Read only.** All work happens in `READ ONLY` transactions with a pinned session: UTC, ISO dates, and a
//!   `search_path` that lets nobody put other functions or operators under our names.
//! - **Shown is sent.** `ScanPlan::requests` holds the very statements; nothing else reads data.
//! - **One moment.** A large table is read by several statements, each over a range of its pages. They, and all other
//!   scans of the same query, see one exported snapshot.
//! - **Exactness.** What PostgreSQL and the engine do not mean alike is rewritten (`COLLATE "C"`), asked as a superset,
//!   or left to the engine with a reason.
//! - **Conversion** follows one table, in the `convert` module.
//! - **Cancellation.** Dropping a stream sends PostgreSQL's own cancel request and gives the pool its place back.
//!
//! Needs PostgreSQL 12 or later. Text of a database whose encoding is not UTF8 is read, but never compared there.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod connect;
mod connector;
mod convert;
mod derive;
mod error;
mod keys;
mod lease;
mod metadata;
mod pass_through;
mod plan;
mod ranges;
mod read;
mod snapshot;
mod tls;
mod wire;

pub use config::{PostgresConfig, PostgresFactory, Snapshots, SslMode};
pub use connector::PostgresConnector;
