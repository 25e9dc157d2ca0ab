//! The contract of Headwater: what a source of tables must be able to do, and the values that travel.
//!
//! One trait, [`Connector`], makes a source queryable. Everything that crosses it is a plain serialisable value: a
//! [`ScanRequest`] is what is asked, a [`ScanPlan`] what is promised, a [`Split`] a unit of its reading. So whoever
//! holds a connector's configuration can read any split, in this process or in another one.
//!
//! ```
//! use headwater_core::{CompareOp, Connector, Expr, MemoryConnector, ScanContext, ScanRequest, TableName, Value};
//! use arrow::array::{Int64Array, RecordBatch};
//! use futures::TryStreamExt;
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let name = TableName::new("main", "numbers");
//! let numbers = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as _)])?;
//! let source = MemoryConnector::new().with_table(name.clone(), vec![numbers])?;
//!
//! let table = source.get_table(&name).await?;
//! let request = ScanRequest::table(name)
//!     .with_filters(vec![Expr::column("n").compare(CompareOp::Gt, Value::Int64(1))]);
//! let plan = source.plan_scan(&table, &request).await?;
//! let context = ScanContext::new("doc");
//! let mut rows = 0;
//! let mut splits = source.splits(&plan, None, &context).await?.stream;
//! while let Some(split) = splits.try_next().await? {
//!     let mut batches = source.read(&split, &context).await?;
//!     while let Some(batch) = batches.try_next().await? {
//!         rows += batch.num_rows();
//!     }
//! }
//! assert_eq!(rows, 2);
//! # Ok(()) }
//! ```
//!
//! | feature | adds |
//! |---|---|
//! | `testing` | [`testing`]: the conformance suite that every connector runs |
//!
//! This crate knows Arrow and serde. It knows no engine, no driver and no network.

pub mod config;
mod connector;
mod error;
mod estimates;
pub mod eval;
mod expr;
mod factory;
mod memory;
mod metrics;
pub mod name;
mod precision;
mod relation;
mod scan;
mod scope;
mod secret;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod value;
pub mod wire;

pub use connector::{BatchStream, Connector, NameStream, ScanContext, SplitStream, Splits};
pub use error::{Error, ErrorKind, Result, Retry, SqlLocation};
pub use estimates::{ColumnEstimates, CommonValue, parsed_values};
pub use expr::{ArithmeticOp, CompareOp, Expr, shown_list};
pub use factory::{ConnectorFactory, ConnectorList};
pub use memory::MemoryConnector;
pub use metrics::{ScanMetrics, ScanStats};
pub use name::TableName;
pub use precision::Precision;
pub use relation::{Aggregate, AggregateCall, Derived, Input, Join, JoinColumn, Relation, Side, SortKey, Top};
pub use scan::{AccessPath, Answer, JoinKeys, KeyDecision, ScanPlan, ScanRequest, SourceRequest, Split};
pub use scope::QueryScope;
pub use secret::Secret;
pub use table::{
    ColumnFacts, ColumnOrigin, HIDDEN, KeyRole, Sighting, TableKey, TableKind, TableMetadata, TextComparison, is_hidden,
};
pub use value::{Identity, Value, decimal_text, values_of};

/// The version of the serialised values of this crate. A reader accepts its own version and tolerates unknown fields.
pub const WIRE_VERSION: u32 = 1;

fn wire_version() -> u32 {
    WIRE_VERSION
}
