//! The contract between the engine and a source.

use crate::{
    Answer, Derived, JoinKeys, KeyDecision, QueryScope, Relation, Result, ScanMetrics, ScanPlan, ScanRequest, Split,
    TableMetadata, TableName,
};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use std::fmt::Debug;
use std::sync::Arc;

/// Names, as they arrive.
pub type NameStream<'a, T> = BoxStream<'a, Result<T>>;
/// Splits, as they are found.
pub type SplitStream = BoxStream<'static, Result<Split>>;
/// Batches, as they are read.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// Limits and bookkeeping of one scan, handed to every call that may touch the source.
#[derive(Debug, Clone)]
pub struct ScanContext {
    /// Tags every request so that the source's own log tells whose it was. Letters, digits and `-` only.
    pub query_id: String,
    /// No batch has more rows than this.
    pub max_batch_rows: usize,
    /// A batch is closed once its decoded size passes this. One row larger than this makes a batch of its own.
    pub max_batch_bytes: usize,
    /// Where the connector counts what it does.
    pub metrics: Arc<ScanMetrics>,
    /// Shared by all scans of the query that read this catalog: where the connector keeps what they have in common.
    pub scope: Arc<QueryScope>,
}

impl ScanContext {
    /// The defaults: 8,192 rows and 16 MiB per batch, fresh counters, a scope of its own.
    pub fn new(query_id: impl Into<String>) -> Self {
        Self {
            query_id: query_id.into(),
            max_batch_rows: 8_192,
            max_batch_bytes: 16 << 20,
            metrics: Arc::new(ScanMetrics::default()),
            scope: Arc::default(),
        }
    }
}

/// The splits of a scan, and what became of the join keys.
pub struct Splits {
    /// Whether the keys were used, and why not.
    pub keys: KeyDecision,
    /// The splits. Empty: there is nothing to read.
    pub stream: SplitStream,
}

impl Splits {
    /// One split per request of a plan, for a source that makes no use of join keys: they are declined, for `reason`.
    /// The split has the limit that the plan answered for. An empty set of keys wants no row, and gets none.
    pub fn planned(plan: &ScanPlan, keys: Option<&JoinKeys>, reason: &str) -> Self {
        let keys = match keys {
            None => KeyDecision::NotOffered,
            Some(keys) if keys.tuples.is_empty() => {
                return Self { keys: KeyDecision::Used { keys: 0 }, stream: stream::empty().boxed() };
            }
            Some(keys) => KeyDecision::Declined { keys: keys.count(), reason: reason.to_owned() },
        };
        let stops = matches!(plan.limit, Some(Answer::Exact | Answer::Inexact(_)));
        let (schema, limit) = (Arc::clone(&plan.schema), plan.request.limit.filter(|_| stops));
        let split = move |request| Ok(Split { limit, ..Split::new(Arc::clone(&schema), request) });
        Self { keys, stream: stream::iter(plan.requests.clone().into_iter().map(split)).boxed() }
    }
}

impl Debug for Splits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Splits").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// A source of tables that can be planned and read.
///
/// # Contract
/// A connector author implements it for a kind of source; a *catalog* is one configured instance. The engine calls
/// `get_table`, then `plan_scan` as often as it likes, then `splits` once per execution, then `read` once per split.
/// Building an instance does no I/O.
///
/// # Exactness
/// [`Answer::Exact`](crate::Answer::Exact): the source applied it as the engine means it, the engine will not check
/// again. [`Answer::Inexact`](crate::Answer::Inexact): a superset comes back. When unsure, answer `Inexact`. The
/// projection is always exact: batches have just the columns asked for.
///
/// # Order and duplicates
/// No order is promised. Splits are disjoint and together complete: each row comes exactly once.
///
/// # Concurrency
/// All methods may be called concurrently; the connector bounds its own connections and requests in flight.
///
/// # Cancellation
/// Dropping a stream stops the remote work within a second and frees the connection.
///
/// # Memory and units
/// Batches keep to [`ScanContext`]; memory does not grow with the table. Bytes are decoded Arrow bytes. Instants are
/// UTC. No method blocks a runtime thread.
///
/// # Errors
/// Not found and forbidden are different kinds. A `read` may be repeated as long as none of its batches was used;
/// an error after the first batch is final for that split, never a short answer. Errors hold no secret.
///
/// # Example
/// The whole of a small connector is [`MemoryConnector`](crate::MemoryConnector). A connector with no ambitions
/// answers `plan_scan` by [`ScanPlan::whole_table`] and ignores join keys.
#[async_trait]
pub trait Connector: Debug + Send + Sync {
    /// The names of all schemas. Empty: there is none that we may see. Cost: metadata requests.
    fn list_schemas(&self) -> NameStream<'_, String>;

    /// The names of all tables of a schema, in no order. An unknown schema: `NotFound`. Cost: metadata requests.
    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName>;

    /// Everything planning needs of one table. Cost: a few metadata requests; the engine caches.
    ///
    /// # Errors
    /// `NotFound` if there is no such schema or table (names are matched exactly).
    async fn get_table(&self, name: &TableName) -> Result<TableMetadata>;

    /// Describes what the source would compute from relations of its own: a join, groups, a statement in its language.
    ///
    /// `inputs` describes the relation's inputs, in order: two of a join, one of an aggregate, none of a query. The
    /// description is planned and read like a table's, with `relation` as the request's. Its schema is the one that
    /// `relation` asks for; its estimates say whether computing it there pays, which the engine decides. Joins and
    /// aggregates cost nothing to describe; a query is parsed by the source, not run.
    ///
    /// # Errors
    /// What the source says of a query: `InvalidInput` for its syntax, `NotFound` for what it names. A relation that
    /// the source does not compute exactly as the engine would is [`Derived::Refused`], and no error.
    async fn derive(&self, relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
        let _ = inputs;
        Ok(Derived::Refused(match relation {
            Relation::Query(_) => "this connector has no language to say them in".to_owned(),
            _ => "this connector computes neither joins nor groups".to_owned(),
        }))
    }

    /// Negotiates a request: a pure function of its arguments, so the engine may ask as often as it likes. Equal
    /// requests give equal plans; no data is read.
    ///
    /// A connector in this process answers without waiting: its future is ready at the first poll. One whose answers
    /// are given elsewhere may make one request; the engine then plans the statement again with the answer known.
    ///
    /// # Errors
    /// `NotFound` for a column of the projection that `table` does not have; an unknown column in a filter is
    /// `NotFound` or refused. Work that the source cannot do is refused in the plan and is no error.
    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan>;

    /// The splits of a plan. Without `keys` they are exactly `plan.requests`. Cost: few requests, often none.
    ///
    /// `keys` holds what the other side of a join has found; the connector decides whether using them is cheaper
    /// than reading on, and says so. Where it declines, the splits are those of the plan. Whether keys or a limit
    /// apply first is the connector's choice: rows without a key are not wanted.
    ///
    /// # Errors
    /// As `read`.
    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits>;

    /// The rows of one split. Sends `split.request` and nothing else that reads data.
    ///
    /// # Errors
    /// `Unavailable`, `Unauthenticated`, `PermissionDenied`, `Throttled`, `Timeout`: the source's answer, with its
    /// own code. `SchemaMismatch`: a value does not fit its column; nothing is rounded.
    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream>;
}
