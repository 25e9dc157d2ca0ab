//! MySQL and MariaDB as a source: tables and views, read by prepared statements in the binary protocol.
//!
//! ```no_run
//! use headwater_core::{ConnectorList, TableName};
//! use headwater_mysql::MySqlFactory;
//!
//! # async fn example() -> headwater_core::Result<()> {
//! let kinds = ConnectorList::new().with(MySqlFactory);
//! let catalog = kinds.check_url("shop", "mysql://reader@db.example.com:3306/shop?sslmode=verify-full")?;
//! let shop = kinds.build(&catalog)?;
//! println!("{:?}", shop.get_table(&TableName::new("shop", "customers")).await?.schema);
//! # Ok(()) }
//! ```
//!
//! # Concepts
//! - **Databases are schemas.** The servers' own (`mysql`, `sys`, `information_schema`, `performance_schema`) are not
//!   listed.
//! - **Read only.** All work happens in `READ ONLY` transactions with a pinned session: UTC, `utf8mb4`, an empty
//!   `sql_mode`, no `sql_select_limit`.
//! - **Shown is sent.** `ScanPlan::requests` holds the very statements. Before each stands a comment,
//!   `/* headwater query=… */`, by which a process list or a log tells whose it is; nothing else reads data.
//! - **Exactness.** What the server and the engine do not mean alike is said otherwise (text by bytes, zero dates as
//!   NULL) or left to the engine with a reason.
//! - **Conversion** follows one table, in the `convert` module.
//! - **Cancellation.** Dropping a stream sends `KILL QUERY` over another connection and closes its own.
//!
//! Needs MySQL 8.0.17 or MariaDB 10.5, or later. Users of MariaDB's `ed25519` plugin cannot log in.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod bounds;
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
mod product;
mod protocol;
mod ranges;
mod read;
mod tls;
mod together;

pub use config::{MySqlConfig, MySqlFactory, SslMode, TimeType};
pub use connector::MySqlConnector;
