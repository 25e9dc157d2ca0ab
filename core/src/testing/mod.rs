//! The conformance suite: the rules of the contract, one async function per rule.
//!
//! A connector's author loads [`dataset`] into the source, describes the place by a [`Fixture`] and runs [`check`].
//! The suite knows nothing of the connector but the [`Connector`](crate::Connector) trait, so it runs unchanged
//! against a table in memory, a database, a remote server or a plugin in another language. It never panics: a broken
//! rule is a [`Violation`] that says what was expected, what was seen and for which request.
//!
//! ```
//! # use headwater_core::testing::{self, Fixture, dataset};
//! # use headwater_core::{MemoryConnector, TableName};
//! # use std::sync::Arc;
//! # fn fixture() -> headwater_core::Result<Fixture> {
//! #     let (rows, empty) = (TableName::new("main", "suite"), TableName::new("main", "suite_empty"));
//! #     let connector = MemoryConnector::new()
//! #         .with_table(rows.clone(), vec![dataset()])?
//! #         .with_table(empty.clone(), vec![dataset().slice(0, 0)])?;
//! #     Ok(Fixture::new(Arc::new(connector), rows, empty))
//! # }
//! // In the connector's crate: #[tokio::test]
//! async fn the_contract_is_kept() -> Result<(), Box<dyn std::error::Error>> {
//!     testing::check(&fixture()?).await.into_result()?;
//!     Ok(())
//! }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #     the_contract_is_kept().await
//! # }
//! ```
//!
//! There are no time limits in here, as this crate has no clock: wrap [`check`], or each [`Rule`] of [`rules()`], in
//! one of your runtime's. A full run makes about two thousand scans of 210 rows.

mod dataset;
pub mod derived;
mod fixture;
mod predicates;
mod probe;
mod report;
mod rows;
pub mod rules;
#[cfg(test)]
mod tests;

pub use dataset::{DATASET_ROWS, dataset};
pub use fixture::Fixture;
pub use report::{Report, Rule, RuleResult, Violation};
pub use rules::rules;

/// Holds a connector against every rule, one after the other, and reports on all of them.
pub async fn check(fixture: &Fixture) -> Report {
    let mut report = Report::default();
    for rule in rules() {
        report.add(rule, rule.check(fixture).await);
    }
    report
}
