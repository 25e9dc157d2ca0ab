//! The federation: catalogs by name, and statements planned over them.

use crate::cache::MetadataCache;
use crate::error::from_engine;
use crate::federate::{Federation, with_tops};
use crate::hidden;
use crate::kept;
use crate::keys::KEYS_AT_ONCE;
use crate::ledger::{Part, QueryRecord};
use crate::negotiation::Negotiation;
use crate::provider::{ConnectorTable, with_tables_apart};
use crate::query::Query;
use crate::resolve::{Resolved, resolve, unknown_catalog};
use crate::runtime::{RunLog, RuntimeConnector, SYSTEM};
use crate::scan::ScanExec;
use crate::session::{PushdownMode, runtime, session};
use crate::statement::parse_one;
use crate::sums;
use crate::verify::{self, Check, Comparison, Extent, Run, comparison};
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider,
};
use datafusion::common::TableReference;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;
use futures::future::try_join_all;
use headwater_core::{Connector, Error, QueryScope, Result};
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
    /// For statements without pushdown.
    plain: Arc<SessionState>,
    cache: Arc<MetadataCache>,
    pushdown: PushdownMode,
    keys_at_once: usize,
    log: Arc<RunLog>,
}

/// Collects what an [`Engine`] is made of.
#[derive(Debug)]
pub struct EngineBuilder {
    catalogs: BTreeMap<String, Catalog>,
    pushdown: PushdownMode,
    memory_limit: usize,
    keys_at_once: usize,
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

    /// How many keys of a join a source is offered at once; more come in parts, one after another. Default: 400,000.
    #[must_use]
    pub fn with_keys_at_once(mut self, keys: usize) -> Self {
        self.keys_at_once = keys.max(1);
        self
    }

    /// The engine.
    ///
    /// # Errors
    /// `Internal` when the engine's own set-up fails.
    pub fn build(mut self) -> Result<Engine> {
        let runtime = runtime(self.memory_limit)?;
        let log = Arc::<RunLog>::default();
        self.catalogs.entry(SYSTEM.to_owned()).or_insert_with(|| Catalog {
            kind: SYSTEM.to_owned(),
            connector: Arc::new(RuntimeConnector::new(Arc::clone(&log))),
        });
        Ok(Engine {
            catalogs: Arc::new(self.catalogs),
            state: Arc::new(session(PushdownMode::Auto, &runtime)),
            plain: Arc::new(session(PushdownMode::Off, &runtime)),
            cache: Arc::default(),
            pushdown: self.pushdown,
            keys_at_once: self.keys_at_once,
            log,
        })
    }
}

impl Engine {
    /// Starts with no catalog.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            catalogs: BTreeMap::new(),
            pushdown: PushdownMode::default(),
            memory_limit: 4 << 30,
            keys_at_once: KEYS_AT_ONCE,
        }
    }

    /// All catalogs, by name; `system` is the engine's own, unless another one was given that name.
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

    /// Forgets what is known of tables: the next statement asks for those that it names. Without it a table is asked for
    /// anew after a minute, or after as long as its connector says.
    pub fn refresh(&self) {
        self.cache.clear();
    }

    /// Parses one statement, reads the metadata of the tables it names, and plans it. Reads no data.
    ///
    /// # Errors
    /// `InvalidInput` for a syntax error, `NotFound` for an unknown name (both with the place in the SQL and the
    /// nearest name), `Unsupported` for a statement that is not a query, or what a source says about its metadata.
    pub async fn plan(&self, sql: &str) -> Result<Query> {
        if self.pushdown != PushdownMode::Verify {
            return Ok(self.planned(sql, self.pushdown, None).await?.into_query(None, &self.log));
        }
        let pushed = self.planned(sql, PushdownMode::Auto, None).await?;
        let plain = match &pushed.comparison.extent {
            Extent::Undetermined(_) => None,
            _ => Some(self.planned(sql, PushdownMode::Off, Some(&pushed)).await?.into_run()),
        };
        let check = Check::new(sql, pushed.comparison.clone(), plain);
        Ok(pushed.into_query(Some(check), &self.log))
    }

    /// Plans a statement with pushdown or without; `beside`: as a second run to compare that one with.
    async fn planned(&self, sql: &str, pushdown: PushdownMode, beside: Option<&Planned>) -> Result<Planned> {
        let mut statement = parse_one(sql)?;
        let references = self.state.resolve_table_references(&statement).map_err(from_engine)?;
        let functions = self.state.table_functions();
        let is_table = |reference: &TableReference| !matches!(reference, TableReference::Bare { table } if functions.contains_key(table.as_ref()));
        let references = references.into_iter().filter(is_table).collect();
        let mut resolved = resolve(&statement, references, &self.catalogs, &self.cache).await?;
        hidden::settle(&mut statement, &mut resolved)?;
        let mut way = Way::new(pushdown, beside);
        let tables = self.tables(resolved, &mut way)?;
        let mut state = self.state_with(&tables, pushdown)?;
        if let Some(first) = beside {
            state.execution_props_mut().query_execution_start_time =
                first.state.execution_props().query_execution_start_time;
        }
        let within = beside.is_some_and(|first| matches!(first.comparison.extent, Extent::Some { .. }));
        let (logical, comparison) = optimized(&state, &statement, &tables, within).await?;
        let mut federation = Federation::default();
        let logical = match pushdown {
            PushdownMode::Off => logical,
            PushdownMode::Auto | PushdownMode::Verify => federated(&state, logical, tables, &mut federation).await?,
        };
        let checked = sums::checked(logical.clone()).map_err(from_engine)?;
        let physical = state.query_planner().create_physical_plan(&checked, &state).await.map_err(from_engine)?;
        let physical = ScanExec::with_keys(physical, self.keys_at_once).map_err(from_engine)?;
        let engine = kept::parts(&logical, &federation.reasons);
        Ok(Planned { way, engine, comparison, physical, state })
    }

    fn tables(&self, resolved: Vec<Resolved>, way: &mut Way) -> Result<Vec<Arc<ConnectorTable>>> {
        let provider = |resolved| Ok(Arc::new(self.provider(resolved, way)?));
        resolved.into_iter().map(provider).collect()
    }

    /// The engine's state plus the tables of one statement.
    fn state_with(&self, tables: &[Arc<ConnectorTable>], pushdown: PushdownMode) -> Result<SessionState> {
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
        let state = if pushdown == PushdownMode::Off { &self.plain } else { &self.state };
        let state = SessionState::clone(state);
        let mut state = SessionStateBuilder::new_from_existing(state).with_catalog_list(Arc::new(list)).build();
        // From here on now() is one constant, for every round of planning and for the sources.
        state.mark_start_execution();
        Ok(state)
    }

    fn provider(&self, Resolved { catalog, relation, metadata }: Resolved, way: &mut Way) -> Result<ConnectorTable> {
        let found = self.catalogs.get(&catalog).ok_or_else(|| Error::internal("a resolved catalog is gone"))?;
        Ok(ConnectorTable {
            connector_kind: found.kind.clone(),
            cache: Arc::clone(&self.cache),
            negotiation: Arc::new(Negotiation::new(Arc::clone(&found.connector), Arc::clone(&metadata))),
            connector: Arc::clone(&found.connector),
            scope: Arc::clone(way.scopes.entry(catalog.clone()).or_default()),
            catalog,
            relation,
            metadata,
            top: None,
            pushdown: way.pushdown,
            query_id: way.id.clone(),
            record: Arc::clone(&way.record),
            told: Arc::default(),
        })
    }
}

/// What the tables of one run of a statement share.
struct Way {
    id: String,
    pushdown: PushdownMode,
    record: Arc<QueryRecord>,
    /// By catalog.
    scopes: BTreeMap<String, Arc<QueryScope>>,
}

impl Way {
    /// A run of its own, or one that is part of the same query as another: it reads what that one reads.
    fn new(pushdown: PushdownMode, beside: Option<&Planned>) -> Self {
        let (id, scopes) = match beside {
            Some(first) => (first.way.id.clone(), first.way.scopes.clone()),
            None => (query_id(), BTreeMap::new()),
        };
        Self { id, pushdown, record: Arc::default(), scopes }
    }
}

/// A statement planned one way.
struct Planned {
    way: Way,
    engine: Vec<Part>,
    comparison: Comparison,
    physical: Arc<dyn ExecutionPlan>,
    state: SessionState,
}

impl Planned {
    fn into_run(self) -> Run {
        Run { plan: self.physical, context: self.state.task_ctx(), record: self.way.record }
    }

    fn into_query(self, check: Option<Check>, log: &Arc<RunLog>) -> Query {
        let run = Run { plan: self.physical, context: self.state.task_ctx(), record: self.way.record };
        Query::new(self.way.id, self.engine, run, check, log)
    }
}

/// How often a statement is optimized again because connectors had yet to answer. Each round settles every question
/// of the one before; two are usual.
const MAX_ROUNDS: usize = 32;

/// The logical plan, optimized with every connector's answers, and what is determined of its answer.
async fn optimized(
    state: &SessionState,
    statement: &Statement,
    tables: &[Arc<ConnectorTable>],
    without_limit: bool,
) -> Result<(LogicalPlan, Comparison)> {
    for _ in 0..MAX_ROUNDS {
        let logical = state.statement_to_plan(statement.clone()).await.map_err(from_engine)?;
        let logical = with_tables_apart(logical).map_err(from_engine)?;
        let comparison = comparison(&logical);
        let logical = if without_limit { verify::without_limit(&logical) } else { logical };
        let logical = state.optimize(&logical).map_err(from_engine)?;
        let answered = try_join_all(tables.iter().map(|table| table.settle())).await?;
        if !answered.contains(&true) {
            return Ok((logical, comparison));
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
