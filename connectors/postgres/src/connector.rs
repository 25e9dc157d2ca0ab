//! The connector: the contract's methods, each handed to the module that does it.

use crate::connect::Connections;
use crate::{PostgresConfig, derive, keys, metadata, pass_through, plan, read};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::{
    BatchStream, Connector, Derived, JoinKeys, NameStream, Relation, Result, ScanContext, ScanPlan, ScanRequest, Split,
    Splits, TableMetadata, TableName,
};
use std::fmt;
use std::sync::Arc;

/// One PostgreSQL database.
///
/// # Exactness
/// Conditions are exact except around floating-point zeros (a superset) and on `char(n)` and list columns (refused).
///
/// # Concurrency
/// Every call takes one of `max_connections` connections, a `read` until its stream ends or is dropped. Callers wait
/// `acquire_timeout` for one, then get `LimitExceeded`.
///
/// # Consistency
/// All that a query reads, by however many statements, is of one moment: where there is more than one, a connection
/// exports its snapshot and the others import it. With `max_connections = 1` or `snapshot = "statement"` each statement
/// has a moment of its own.
pub struct PostgresConnector {
    connections: Arc<Connections>,
}

impl fmt::Debug for PostgresConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresConnector").field(self.connections.config()).finish()
    }
}

impl PostgresConnector {
    /// Does no I/O.
    pub fn new(config: PostgresConfig) -> Self {
        Self { connections: Arc::new(Connections::new(config)) }
    }
}

#[async_trait]
impl Connector for PostgresConnector {
    fn list_schemas(&self) -> NameStream<'_, String> {
        names(metadata::list_schemas(&self.connections))
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        names(metadata::list_tables(&self.connections, schema))
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        metadata::get_table(&self.connections, name).await
    }

    async fn derive(&self, relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
        match relation {
            Relation::Query(statement) => pass_through::describe(&self.connections, statement).await,
            _ => derive::derive(relation, inputs),
        }
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        plan::plan_scan(table, request, self.connections.config())
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        keys::splits(plan, keys, self.connections.config().parallel_reads())
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        read::read(&self.connections, split, context).await
    }
}

fn names<'a, T: Send + 'a>(list: impl Future<Output = Result<Vec<T>>> + Send + 'a) -> NameStream<'a, T> {
    stream::once(list).map_ok(|names| stream::iter(names.into_iter().map(Ok))).try_flatten().boxed()
}
