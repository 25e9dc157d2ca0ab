//! What a connector's author sets up for the suite.

use crate::{Connector, TableName};
use std::sync::Arc;

/// A connector with the tables that the rules ask for already in place.
///
/// ```
/// use headwater_core::testing::{Fixture, dataset};
/// use headwater_core::{MemoryConnector, TableName};
/// use std::sync::Arc;
///
/// # fn main() -> headwater_core::Result<()> {
/// let (rows, empty) = (TableName::new("main", "suite"), TableName::new("main", "suite_empty"));
/// let connector = MemoryConnector::new()
///     .with_table(rows.clone(), vec![dataset()])?
///     .with_table(empty.clone(), vec![dataset().slice(0, 0)])?;
/// let fixture = Fixture::new(Arc::new(connector), rows, empty);
/// # let _ = fixture;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Fixture {
    connector: Arc<dyn Connector>,
    twin: Arc<dyn Connector>,
    table: TableName,
    empty_table: TableName,
    large_table: Option<TableName>,
    secrets: Vec<String>,
}

impl Fixture {
    /// `table` holds [`dataset`](super::dataset) and nothing else; `empty_table` has the same columns, as far as the
    /// source knows columns without rows, and no rows.
    pub fn new(connector: Arc<dyn Connector>, table: TableName, empty_table: TableName) -> Self {
        Self { twin: Arc::clone(&connector), connector, table, empty_table, large_table: None, secrets: Vec::new() }
    }

    /// A second instance with the same configuration: plans and splits travel between the two.
    ///
    /// Without it the connector gets its own plans and splits back, and one that leans on the memory of the instance
    /// that made it goes unnoticed.
    #[must_use]
    pub fn with_twin(mut self, twin: Arc<dyn Connector>) -> Self {
        self.twin = twin;
        self
    }

    /// A table of 20,000 rows or more, of any columns: large enough that a stream dropped after one batch leaves
    /// the source with work to stop. Without it the suite's own table has to do.
    #[must_use]
    pub fn with_large_table(mut self, table: TableName) -> Self {
        self.large_table = Some(table);
        self
    }

    /// Texts planted as credentials in the connector's configuration, which must never be seen again: passwords,
    /// keys, tokens, and any encoding of them that would give them away. Make them long and unusual.
    #[must_use]
    pub fn with_secrets<S: Into<String>>(mut self, secrets: impl IntoIterator<Item = S>) -> Self {
        self.secrets.extend(secrets.into_iter().map(Into::into));
        self
    }

    /// The connector under test.
    pub fn connector(&self) -> &Arc<dyn Connector> {
        &self.connector
    }

    /// The instance to which plans travel, and from which splits come back; the connector itself if there is no other.
    pub fn twin(&self) -> &Arc<dyn Connector> {
        &self.twin
    }

    /// The table that holds the suite's data.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// The table without rows.
    pub fn empty_table(&self) -> &TableName {
        &self.empty_table
    }

    /// The largest table there is.
    pub fn large_table(&self) -> &TableName {
        self.large_table.as_ref().unwrap_or(&self.table)
    }

    /// What must never show.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }
}
