//! Real servers and known data for Headwater's tests and its demo.
//!
//! - [`Postgres`]: a real PostgreSQL server with TLS and SCRAM in a directory of its own, gone when its handle is.
//! - [`MySqlServer`]: a real MySQL or MariaDB server with TLS, in the same manner.
//! - [`S3`]: a real S3 server, and for each test that wants one an [`S3Proxy`] that records and injects faults.
//! - [`DynamoDb`]: an embedded DynamoDB server behind a proxy that records every request and injects [`Fault`]s.
//! - [`CannedDynamoDb`]: a server of DynamoDB's protocol that makes its items up, for measuring the client alone.
//! - [`Export`]: a point-in-time export as DynamoDB writes it to S3.
//! - [`scenario1`], [`scenario2`]: deterministic data sets for them, with the answers known without any query engine.
//! - [`tpch`]: the tables of the TPC-H benchmark, for several of them at once.
//!
//! ```no_run
//! # async fn example() -> headwater_harness::Result<()> {
//! use headwater_harness::{DynamoDb, Postgres, scenario1::Scenario1};
//!
//! let (postgres, dynamodb) = (Postgres::start().await?, DynamoDb::start().await?);
//! let data = Scenario1::generate();
//! data.load_postgres(&mut postgres.client(postgres.database()).await?).await?;
//! data.load_dynamodb(&dynamodb).await?;
//! println!("{} {}", postgres.url(), dynamodb.endpoint());
//! # Ok(())
//! # }
//! ```
//!
//! `scripts/install-services` puts the server programs on a machine that has none, and the Python that [`python`] finds.
//! Nothing else is needed: the DynamoDB server is compiled in.

#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

mod account;
mod attribute;
mod canned;
mod certificates;
mod copy;
mod dialect;
mod directory;
mod dynamodb;
mod error;
mod export;
mod fault;
mod fingerprint;
mod home;
mod launch;
mod mysql;
mod parquet;
mod postgres;
mod programs;
mod proxy;
mod random;
mod recorder;
mod s3;
pub mod scenario1;
pub mod scenario2;
mod supervisor;
mod timestamp;
pub mod tpch;

pub use canned::{CannedDynamoDb, CannedTable, ItemShape};
pub use directory::persistent_directory;
pub use dynamodb::DynamoDb;
pub use error::{HarnessError, Result};
pub use export::{Export, ExportFormat};
pub use fault::{Fault, FaultKind};
pub use mysql::{MySqlServer, MySqlStatement, Product};
pub use postgres::Postgres;
pub use programs::{installed_python, python};
pub use recorder::RecordedRequest;
pub use s3::{S3, S3Proxy};
pub use timestamp::Timestamp;
