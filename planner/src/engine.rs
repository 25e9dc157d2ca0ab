//! The federation: catalogs by name, and statements planned over them.

use crate::cache::MetadataCache;
use crate::error::from_engine;
use crate::federate::{Federation, with_tops};
use crate::kept;
use crate::ledger::QueryRecord;
use crate::negotiation::Negotiation;
use crate::provider::ConnectorTable;
use crate::query::Query;
use crate::resolve::{Resolved, resolve, unknown_catalog};
use crate::scan::ScanExec;
use crate::session::{PushdownMode, session};
use crate::statement::parse_one;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider,
};
use datafusion::common::TableReference;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use futures::future::try_join_all;
use headwater_core::{Connector, Error, QueryScope, Relation, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A configured source.
#[derive(Debug, Clone)]
pub(crate) struct Catalog {
    pub(crate) kind: String,
    pub(crate) connector: Arc<dyn Connector>,
}

/// Plans and runs statements over catalogs. Cheap to clone; metadata is cached across statements.
///
/// ```
/// use arrow::array::{Int64Array, RecordBatch};
/// use futures::TryStreamExt;
/// use headwater_core::{MemoryConnector, TableName};
/// use headwater_planner::Engine;
/// use std::sync::Arc;
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as _)])?;
/// let source = MemoryConnector::new().with_table(TableName::new("main", "numbers"), vec![numbers])?;
/// let engine = Engine::builder().with_catalog("mem", "memory", Arc::new(source)).build()?;
///
/// let query = engine.plan("SELECT sum(n) FROM mem.main.numbers WHERE n > 1").await?;
/// let batches: Vec<RecordBatch> = query.execute()?.try_collect().await?;
/// assert_eq!(batches[0].num_rows(), 1);
/// println!("{}", query.ledger());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    catalogs: Arc<BTreeMap<String, Catalog>>,
    state: Arc<SessionState>,
    cache: Arc<MetadataCache>,
    pushdown: PushdownMode,
}

/// Collects what an [`Engine`] is made of.
#[derive(Debug)]
pub struct EngineBuilder {
    catalogs: BTreeMap<String, Catalog>,
    pushdown: PushdownMode,
    memory_limit: usize,
}

impl EngineBuilder {
    /// Adds a catalog; `connector_kind` is its connector's name, for EXPLAIN.
    #[must_use]
    pub fn with_catalog(mut self, name: &str, connector_kind: &str, connector: Arc<dyn Connector>) -> Self {
        self.catalogs.insert(name.to_owned(), Catalog { kind: connector_kind.to_owned(), connector });
        self
    }

    /// Whether sources are asked to do work.
    #[must_use]
    pub fn with_pushdown(mut self, pushdown: PushdownMode) -> Self {
        self.pushdown = pushdown;
        self
    }

    /// How many bytes the joins, sorts and aggregates of all statements together may hold. Default: 4 GiB.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// The engine.
    ///
    /// # Errors
    /// `Internal` when the engine's own set-up fails.
    pub fn build(self) -> Result<Engine> {
        Ok(Engine {
            catalogs: Arc::new(self.catalogs),
            state: Arc::new(session(self.pushdown, self.memory_limit)?),
            cache: Arc::default(),
            pushdown: self.pushdown,
        })
    }
}

impl Engine {
    /// Starts with no catalog.
    pub fn builder() -> EngineBuilder {
        EngineBuilder { catalogs: BTreeMap::new(), pushdown: PushdownMode::default(), memory_limit: 4 << 30 }
    }

    /// All catalogs, by name.
    pub fn catalogs(&self) -> impl Iterator<Item = (&str, &Arc<dyn Connector>)> {
        self.catalogs.iter().map(|(name, catalog)| (name.as_str(), &catalog.connector))
    }

    /// One catalog.
    ///
    /// # Errors
    /// `NotFound`, with the nearest name.
    pub fn catalog(&self, name: &str) -> Result<&Arc<dyn Connector>> {
        let found = self.catalogs.get(name).map(|catalog| &catalog.connector);
        found.ok_or_else(|| unknown_catalog(name, &self.catalogs))
    }

    /// Parses one statement, reads the metadata of the tables it names, and plans it. Reads no data.
    ///
    /// # Errors
    /// `InvalidInput` for a syntax error, `NotFound` for an unknown name (both with the place in the SQL and the
    /// nearest name), `Unsupported` for a statement that is not a query, or what a source says about its metadata.
    pub async fn plan(&self, sql: &str) -> Result<Query> {
        let statement = parse_one(sql)?;
        let references = self.state.resolve_table_references(&statement).map_err(from_engine)?;
        let functions = self.state.table_functions();
        let is_table = |reference: &TableReference| !matches!(reference, TableReference::Bare { table } if functions.contains_key(table.as_ref()));
        let references = references.into_iter().filter(is_table).collect();
        let resolved = resolve(&statement, references, &self.catalogs, &self.cache).await?;
        let id = query_id();
        let record = Arc::new(QueryRecord::default());
        let tables = self.tables(resolved, &id, &record)?;
        let state = self.state_with(&tables)?;
        let logical = optimized(&state, &statement, &tables).await?;
        let mut federation = Federation::default();
        let logical = match self.pushdown {
            PushdownMode::Auto => federated(&state, logical, tables, &mut federation).await?,
            PushdownMode::Off => logical,
        };
        let physical = state.query_planner().create_physical_plan(&logical, &state).await.map_err(from_engine)?;
        ScanExec::set_awaitable(&physical).map_err(from_engine)?;
        let engine = kept::parts(&logical, &federation.reasons);
        Ok(Query::new(id, record, engine, physical, state.task_ctx()))
    }

    fn tables(&self, resolved: Vec<Resolved>, id: &str, record: &Arc<QueryRecord>) -> Result<Vec<Arc<ConnectorTable>>> {
        let mut scopes: BTreeMap<String, Arc<QueryScope>> = BTreeMap::new();
        let provider = |Resolved { catalog, metadata }| {
            let scope = Arc::clone(scopes.entry(catalog.clone()).or_default());
            Ok(Arc::new(self.provider(catalog, metadata, id, record, scope)?))
        };
        resolved.into_iter().map(provider).collect()
    }

    /// The engine's state plus the tables of one statement.
    fn state_with(&self, tables: &[Arc<ConnectorTable>]) -> Result<SessionState> {
        let mut catalogs: BTreeMap<String, BTreeMap<String, Arc<MemorySchemaProvider>>> = BTreeMap::new();
        for table in tables {
            let schemas = catalogs.entry(table.catalog.clone()).or_default();
            let schema = schemas.entry(table.metadata.name.schema.clone()).or_default();
            let provider = Arc::clone(table) as _;
            schema.register_table(table.metadata.name.table.clone(), provider).map_err(from_engine)?;
        }
        let list = MemoryCatalogProviderList::new();
        for (name, schemas) in catalogs {
            let catalog = MemoryCatalogProvider::new();
            for (schema, tables) in schemas {
                catalog.register_schema(&schema, tables).map_err(from_engine)?;
            }
            list.register_catalog(name, Arc::new(catalog));
        }
        let state = SessionState::clone(&self.state);
        let mut state = SessionStateBuilder::new_from_existing(state).with_catalog_list(Arc::new(list)).build();
        // From here on now() is one constant, for every round of planning and for the sources.
        state.mark_start_execution();
        Ok(state)
    }

    fn provider(
        &self,
        catalog: String,
        metadata: Arc<headwater_core::TableMetadata>,
        id: &str,
        record: &Arc<QueryRecord>,
        scope: Arc<QueryScope>,
    ) -> Result<ConnectorTable> {
        let found = self.catalogs.get(&catalog).ok_or_else(|| Error::internal("a resolved catalog is gone"))?;
        Ok(ConnectorTable {
            connector_kind: found.kind.clone(),
            cache: Arc::clone(&self.cache),
            negotiation: Arc::new(Negotiation::new(Arc::clone(&found.connector), Arc::clone(&metadata))),
            connector: Arc::clone(&found.connector),
            catalog,
            relation: Relation::Table(metadata.name.clone()),
            metadata,
            top: None,
            pushdown: self.pushdown,
            query_id: id.to_owned(),
            scope,
            record: Arc::clone(record),
            told: Arc::default(),
        })
    }
}

/// How often a statement is optimized again because connectors had yet to answer. Each round settles every question
/// of the one before; two are usual.
const MAX_ROUNDS: usize = 32;

/// The logical plan, optimized with every connector's answers.
async fn optimized(state: &SessionState, statement: &Statement, tables: &[Arc<ConnectorTable>]) -> Result<LogicalPlan> {
    for _ in 0..MAX_ROUNDS {
        tables.iter().for_each(|table| table.begin_round());
        let logical = state.statement_to_plan(statement.clone()).await.map_err(from_engine)?;
        let logical = state.optimize(&logical).map_err(from_engine)?;
        let answered = try_join_all(tables.iter().map(|table| table.settle())).await?;
        if !answered.contains(&true) {
            return Ok(logical);
        }
    }
    Err(Error::internal("the connectors' answers raise new questions without end"))
}

/// The plan with what sources compute on their own, and with what of it the optimizer then pushes on.
async fn federated(
    state: &SessionState,
    plan: LogicalPlan,
    mut tables: Vec<Arc<ConnectorTable>>,
    federation: &mut Federation,
) -> Result<LogicalPlan> {
    let rewritten = federation.rewrite(&plan).await?;
    let plan = if federation.tables.is_empty() {
        plan
    } else {
        tables.extend(federation.tables.iter().cloned());
        reoptimized(state, &rewritten, &tables).await?
    };
    with_tops(plan, &mut federation.reasons).map_err(from_engine)
}

/// The plan once more through the optimizer, for conditions and limits above the new scans.
async fn reoptimized(state: &SessionState, plan: &LogicalPlan, tables: &[Arc<ConnectorTable>]) -> Result<LogicalPlan> {
    for _ in 0..MAX_ROUNDS {
        let optimized = state.optimizer().optimize(plan.clone(), state, |_, _| {}).map_err(from_engine)?;
        let answered = try_join_all(tables.iter().map(|table| table.settle())).await?;
        if !answered.contains(&true) {
            return Ok(optimized);
        }
    }
    Err(Error::internal("the connectors' answers raise new questions without end"))
}

/// Twelve hexadecimal digits: short enough to read out, and unlike any other query's of the last weeks.
fn query_id() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    random.chars().take(12).collect()
}
