//! The connector: the contract's methods, each handed to the module that does it.

use crate::connect::Connections;
use crate::{MySqlConfig, derive, keys, metadata, pass_through, plan, read};
use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use headwater_core::{
    BatchStream, Connector, Derived, JoinKeys, NameStream, Relation, Result, ScanContext, ScanPlan, ScanRequest, Split,
    Splits, TableMetadata, TableName,
};
use std::fmt;
use std::sync::Arc;

/// One MySQL or MariaDB server.
///
/// # Exactness
/// Conditions are exact except around floating-point zeros (a superset), and on JSON, spatial and vector columns and
/// durations, and where an exact column meets a floating-point constant (refused).
///
/// # Concurrency
/// Every call takes one of `max_connections` connections, a `read` until its stream ends or is dropped. Callers wait
/// `acquire_timeout` for one, then get `LimitExceeded`. A cancelled read opens one more for a moment.
///
/// # Consistency
/// Each statement sees one snapshot of its table, as far as the storage engine keeps snapshots: two scans may see
/// different moments. A large table is read by up to `max_parallel_reads` statements; their snapshots are taken
/// together, but neither server lets one session see just what another sees: what is committed in that moment may be
/// seen by some and not by others, and a row whose primary key is changed in it may come twice or not at all. With
/// `max_parallel_reads = 1` every table is read at one moment.
pub struct MySqlConnector {
    connections: Arc<Connections>,
}

impl fmt::Debug for MySqlConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MySqlConnector").field(self.connections.config()).finish()
    }
}

impl MySqlConnector {
    /// Does no I/O.
    pub fn new(config: MySqlConfig) -> Self {
        Self { connections: Arc::new(Connections::new(config)) }
    }
}

#[async_trait]
impl Connector for MySqlConnector {
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
        let config = self.connections.config();
        let max_parallel_splits = Some(config.max_connections);
        Ok(ScanPlan { max_parallel_splits, ..plan::plan_scan(table, request, config.parallel_reads())? })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        keys::splits(plan, keys)
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        read::read(&self.connections, split, context).await
    }
}

fn names<'a, T: Send + 'a>(list: impl Future<Output = Result<Vec<T>>> + Send + 'a) -> NameStream<'a, T> {
    stream::once(list).map_ok(|names| stream::iter(names.into_iter().map(Ok))).try_flatten().boxed()
}
