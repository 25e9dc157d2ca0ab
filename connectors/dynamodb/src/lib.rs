//! DynamoDB as a source of tables.
//!
//! ```toml
//! [catalogs.events]
//! connector = "dynamodb"
//! region = "eu-central-1"
//!
//! [catalogs.events.tables.workflow_items.columns]
//! completed_at = "timestamp"
//! ```
//!
//! ```
//! use headwater_core::ConnectorList;
//! use headwater_dynamodb::DynamoDbFactory;
//!
//! # fn main() -> headwater_core::Result<()> {
//! let connectors = ConnectorList::new().with(DynamoDbFactory);
//! let config = connectors.check_url("events", "dynamodb://eu-central-1?endpoint=http://127.0.0.1:8000")?;
//! let events = connectors.build(&config)?; // no I/O yet
//! # drop(events);
//! # Ok(()) }
//! ```
//!
//! | concept | here |
//! |---|---|
//! | schemas | `default`; and `export`, if there are exports |
//! | columns | key attributes, declared ones, and those of a sample; an attribute that the sample did not have is no column until it is declared; `_item`, hidden, is the whole item |
//! | types | per value at the source; the law is in `convert.rs` |
//! | access | the cheapest in read units of `BatchGetItem` (whole keys), `Query` (partition key bound by `=`, `IN` or join keys) and `Scan` in segments, of the table or of an index |
//! | indexes | only where the conditions keep out every item that an index lacks; EXPLAIN says why one is not used |
//! | first rows | of the sort key's order by `Query`, from either end |
//! | exports | point-in-time exports on S3 or disk, as tables of the schema `export` |
//! | statements | `TABLE(catalog.query('SELECT … FROM "t"'))` in PartiQL, SELECT only, run as written |
//! | filters | the partition and sort key in the key condition, other columns in a filter expression, where DynamoDB means exactly the same |
//! | consistency | eventual, as DynamoDB's default is, or strong by choice (`consistent_reads`) |
//! | capacity | budgets per catalog and table, shared by all readers of the process; throttling slows them down; a limit per query |
//!
//! A local server needs credentials too; any text will do.

mod config;
mod connect;
mod convert;
mod decode;
mod error;
mod export;
mod metadata;
mod partiql;
mod plan;
mod read;

use async_trait::async_trait;
use config::DynamoDbConfig;
use connect::Connection;
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::config::{CatalogConfig, OptionSpec};
use headwater_core::{
    BatchStream, Connector, ConnectorFactory, Derived, JoinKeys, NameStream, Relation, Result, ScanContext, ScanPlan,
    ScanRequest, SourceRequest, Split, Splits, TableMetadata, TableName,
};
use std::sync::Arc;

/// Builds [`DynamoDbConnector`]s.
#[derive(Debug, Clone, Copy, Default)]
pub struct DynamoDbFactory;

impl ConnectorFactory for DynamoDbFactory {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    fn options(&self) -> &'static [OptionSpec] {
        config::OPTIONS
    }

    fn url_schemes(&self) -> &'static [&'static str] {
        &["dynamodb"]
    }

    fn build(&self, catalog: &CatalogConfig) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(DynamoDbConnector::new(catalog)?))
    }
}

/// The tables of one AWS account and region, or of a local server.
#[derive(Debug)]
pub struct DynamoDbConnector {
    connection: Arc<Connection>,
}

impl DynamoDbConnector {
    /// A connector of a checked catalog. Does no I/O.
    ///
    /// # Errors
    /// `Config` when options contradict each other or a declaration is wrong.
    pub fn new(catalog: &CatalogConfig) -> Result<Self> {
        let config = Arc::new(DynamoDbConfig::parse(catalog)?);
        Ok(Self { connection: Arc::new(Connection::new(config)) })
    }
}

#[async_trait]
impl Connector for DynamoDbConnector {
    fn list_schemas(&self) -> NameStream<'_, String> {
        let exports = self.has_exports().then_some(export::SCHEMA);
        stream::iter([Some(metadata::SCHEMA), exports].into_iter().flatten().map(|name| Ok(name.to_owned()))).boxed()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        if schema == export::SCHEMA && self.has_exports() {
            return export::list_tables(&self.connection);
        }
        if schema != metadata::SCHEMA {
            return stream::iter([Err(metadata::unknown_schema(schema))]).boxed();
        }
        metadata::list_tables(&self.connection).map_err(|error| self.of_catalog(error)).boxed()
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        let found = match name.schema.as_str() {
            export::SCHEMA if self.has_exports() => export::get_table(&self.connection, name).await,
            _ => metadata::get_table(&self.connection, name).await,
        };
        found.map_err(|error| self.of_catalog(error))
    }

    async fn derive(&self, relation: &Relation, _: &[Arc<TableMetadata>]) -> Result<Derived> {
        match relation {
            Relation::Query(statement) => {
                partiql::describe(&self.connection, statement).await.map_err(|error| self.of_catalog(error))
            }
            _ => Ok(Derived::Refused("DynamoDB computes neither joins nor groups".to_owned())),
        }
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let most = self.connection.config().scan_segments;
        match &request.relation {
            Relation::Query(_) => partiql::plan_scan(table, request),
            Relation::Table(name) if name.schema == export::SCHEMA => export::plan_scan(table, request, most),
            _ => plan::plan_scan(table, request, most),
        }
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, _: &ScanContext) -> Result<Splits> {
        match &plan.request.relation {
            Relation::Query(_) => Ok(partiql::splits(plan, keys)),
            Relation::Table(name) if name.schema == export::SCHEMA => Ok(export::splits(plan, keys)),
            _ => plan::splits(plan, keys),
        }
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let catalog = self.connection.config().catalog.clone();
        let connection = Arc::clone(&self.connection);
        let batches = match &split.request {
            SourceRequest::Operation { name, .. } if name == partiql::EXECUTE_STATEMENT => {
                partiql::read(connection, split, context)?
            }
            SourceRequest::Operation { name, .. } if name == export::READ_EXPORT => {
                export::read(connection, split, context)?
            }
            _ => read::read(connection, split, context)?,
        };
        Ok(batches.map_err(move |error| error.with_catalog(&catalog)).boxed())
    }
}

impl DynamoDbConnector {
    fn has_exports(&self) -> bool {
        !self.connection.config().exports.is_empty()
    }

    fn of_catalog(&self, error: headwater_core::Error) -> headwater_core::Error {
        error.with_catalog(&self.connection.config().catalog)
    }
}
