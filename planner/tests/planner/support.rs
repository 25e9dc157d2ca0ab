//! Small tables and shortcuts.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::pretty::pretty_format_batches;
use async_trait::async_trait;
use futures::TryStreamExt;
use headwater_core::{
    BatchStream, Connector, JoinKeys, KeyDecision, MemoryConnector, NameStream, Precision, Result, ScanContext,
    ScanPlan, ScanRequest, Split, Splits, TableMetadata, TableName,
};
use headwater_planner::{Engine, EngineBuilder, Ledger, PushdownMode};
use std::sync::Arc;

/// An in-memory source with tables `main.NAME`.
pub(crate) fn memory(tables: Vec<(&str, Vec<RecordBatch>)>) -> MemoryConnector {
    tables.into_iter().fold(MemoryConnector::new(), |source, (name, batches)| {
        source.with_table(TableName::new("main", name), batches).unwrap()
    })
}

pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).unwrap()
}

/// An engine over catalogs of in-memory sources.
pub(crate) fn engine(catalogs: Vec<(&str, Arc<dyn Connector>)>, pushdown: PushdownMode) -> Engine {
    engine_with(Engine::builder().with_pushdown(pushdown), catalogs)
}

/// The same, with settings of one's own.
pub(crate) fn engine_with(settings: EngineBuilder, catalogs: Vec<(&str, Arc<dyn Connector>)>) -> Engine {
    let with = |builder: EngineBuilder, (name, source): (&str, _)| builder.with_catalog(name, "memory", source);
    catalogs.into_iter().fold(settings, with).build().unwrap()
}

/// The answer's rows as sorted text, and the ledger.
pub(crate) async fn answer(engine: &Engine, sql: &str) -> (Vec<String>, Ledger) {
    let query = engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let batches: Vec<RecordBatch> =
        query.execute().unwrap().try_collect().await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut rows: Vec<String> = text.lines().filter(|line| line.starts_with('|')).skip(1).map(str::to_owned).collect();
    rows.sort();
    (rows, query.ledger())
}

/// A small deterministic generator (SplitMix64), so that a failure can be repeated from its printed seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A source in memory that does some things in a way of its own, and all others as it is.
#[async_trait]
pub(crate) trait Wrapper: std::fmt::Debug + Send + Sync {
    fn source(&self) -> &MemoryConnector;

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        self.source().plan_scan(table, request).await
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        self.source().splits(plan, keys, context).await
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        self.source().read(split, context).await
    }
}

/// A [`Wrapper`] as a connector.
#[derive(Debug)]
pub(crate) struct Wrapped<T>(pub(crate) T);

#[async_trait]
impl<T: Wrapper> Connector for Wrapped<T> {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.0.source().list_schemas()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        self.0.source().list_tables(schema)
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        self.0.source().get_table(name).await
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        self.0.plan_scan(table, request).await
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        self.0.splits(plan, keys, context).await
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        self.0.read(split, context).await
    }
}

/// A source in memory that tells or takes less.
#[derive(Debug)]
pub(crate) struct Reluctant {
    source: MemoryConnector,
    /// Whether it says how many rows a scan gives.
    tells_rows: bool,
    /// The only column on which it takes keys; `None`: any.
    keys_on: Option<&'static str>,
}

/// Says nothing of its sizes.
pub(crate) fn size_unknown(source: MemoryConnector) -> Wrapped<Reluctant> {
    Wrapped(Reluctant { source, tells_rows: false, keys_on: None })
}

/// Takes keys on `column` alone.
pub(crate) fn keys_on(column: &'static str, source: MemoryConnector) -> Wrapped<Reluctant> {
    Wrapped(Reluctant { source, tells_rows: true, keys_on: Some(column) })
}

#[async_trait]
impl Wrapper for Reluctant {
    fn source(&self) -> &MemoryConnector {
        &self.source
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let plan = self.source.plan_scan(table, request).await?;
        Ok(if self.tells_rows { plan } else { ScanPlan { rows: Precision::Unknown, ..plan } })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        match (keys, self.keys_on) {
            (Some(keys), Some(column)) if keys.columns != [column] => {
                let (offered, reason) = (keys.tuples.len() as u64, format!("not on {}", keys.columns.join(", ")));
                let splits = self.source.splits(plan, None, context).await?;
                Ok(Splits { keys: KeyDecision::Declined { keys: offered, reason }, ..splits })
            }
            (keys, _) => self.source.splits(plan, keys, context).await,
        }
    }
}
