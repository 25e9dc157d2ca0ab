//! What travels between a connector server and those who use it, as `docs/flight-protocol.md` has it.
//!
//! Every message is JSON. A reader ignores fields it does not know; a field that a writer may leave out has a
//! default. Whatever comes in parts ends with a part whose `end` is true: without it, it is not whole.

pub(crate) mod binary_text;
mod failure;
pub(crate) mod integer_text;
pub(crate) mod schema_text;

pub use failure::Failure;

use crate::{
    AccessPath, Answer, JoinKeys, KeyDecision, Precision, Relation, Result, ScanPlan, ScanRequest, SourceRequest,
    TableMetadata, TableName,
};
use serde::{Deserialize, Serialize};

/// Says with every call which version of the protocol the caller speaks.
pub const VERSION_HEADER: &str = "headwater-protocol";
/// Tags a call with the query it is for: letters, digits and `-`.
pub const QUERY_HEADER: &str = "headwater-query-id";
/// The most rows a batch may have.
pub const ROWS_HEADER: &str = "headwater-max-batch-rows";
/// The decoded size in bytes after which a batch is closed.
pub const BYTES_HEADER: &str = "headwater-max-batch-bytes";

/// The names of the actions.
pub mod action {
    /// Which catalogs there are: no body, one [`ServerAnswer`](super::ServerAnswer).
    pub const DESCRIBE: &str = "headwater.describe";
    /// [`ListSchemas`](super::ListSchemas), then [`SchemasPage`](super::SchemasPage)s.
    pub const LIST_SCHEMAS: &str = "headwater.list-schemas";
    /// [`ListTables`](super::ListTables), then [`TablesPage`](super::TablesPage)s.
    pub const LIST_TABLES: &str = "headwater.list-tables";
    /// [`GetTable`](super::GetTable), then one [`TableAnswer`](super::TableAnswer).
    pub const GET_TABLE: &str = "headwater.get-table";
    /// [`Derive`](super::Derive), then one [`DeriveAnswer`](super::DeriveAnswer).
    pub const DERIVE: &str = "headwater.derive";
    /// [`PlanScan`](super::PlanScan), then one [`PlanAnswer`](super::PlanAnswer).
    pub const PLAN_SCAN: &str = "headwater.plan-scan";
    /// [`HoldQuery`](super::HoldQuery), then one [`HeldAnswer`](super::HeldAnswer), and nothing until the call is
    /// ended by its caller.
    pub const HOLD_QUERY: &str = "headwater.hold-query";
    /// [`GetSplits`](super::GetSplits), then [`SplitsPage`](super::SplitsPage)s.
    pub const GET_SPLITS: &str = "headwater.get-splits";
}

/// What a server has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerAnswer {
    /// The version of the protocol that the server speaks.
    pub version: u32,
    /// The server's name and version, for people.
    pub server: String,
    /// The catalogs, in no order.
    pub catalogs: Vec<CatalogEntry>,
}

/// A catalog of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// Its name.
    pub name: String,
    /// The kind of source, such as `postgres`.
    pub kind: String,
}

/// Asks for the schemas of a catalog.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListSchemas {
    /// The catalog; may be left out where the server has just one.
    #[serde(default)]
    pub catalog: Option<String>,
}

/// Some schemas.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SchemasPage {
    /// The version of the protocol.
    pub version: u32,
    /// Names.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// Whether this was the last page.
    #[serde(default)]
    pub end: bool,
}

/// Asks for the tables of a schema.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListTables {
    /// The catalog; may be left out where the server has just one.
    #[serde(default)]
    pub catalog: Option<String>,
    /// The schema.
    pub schema: String,
}

/// Some tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TablesPage {
    /// The version of the protocol.
    pub version: u32,
    /// Names.
    #[serde(default)]
    pub tables: Vec<TableName>,
    /// Whether this was the last page.
    #[serde(default)]
    pub end: bool,
}

/// Asks for a table's metadata.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetTable {
    /// The catalog; may be left out where the server has just one.
    #[serde(default)]
    pub catalog: Option<String>,
    /// The table.
    pub table: TableName,
}

/// A table's metadata.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableAnswer {
    /// The version of the protocol.
    pub version: u32,
    /// All that the caller may know; `detail` stays on the server, inside the handle.
    pub table: TableMetadata,
    /// What the server wants to be told again when a scan of the table is planned. The caller does not look into it.
    #[serde(default)]
    pub handle: String,
}

/// Asks whether the source computes a relation of its own tables.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Derive {
    /// The catalog; may be left out where the server has just one.
    #[serde(default)]
    pub catalog: Option<String>,
    /// What it would compute.
    pub relation: Relation,
    /// The handles that came with the relation's inputs, in order.
    #[serde(default)]
    pub handles: Vec<String>,
}

/// What is made of a derived relation: either `table` or `refused`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeriveAnswer {
    /// The version of the protocol.
    pub version: u32,
    /// The relation as a table; `detail` stays on the server, inside the handle.
    #[serde(default)]
    pub table: Option<TableMetadata>,
    /// What the server wants to be told again when a scan of the relation is planned.
    #[serde(default)]
    pub handle: String,
    /// Why the source does not compute it, in words.
    #[serde(default)]
    pub refused: Option<String>,
}

/// Asks that all calls with the same query id share what a query's scans share, until this call is ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoldQuery {
    /// The catalog; may be left out where the server has just one.
    #[serde(default)]
    pub catalog: Option<String>,
    /// How many scans of the query read the catalog; 0 if nobody said.
    #[serde(default)]
    pub scans: u64,
}

/// The query is held from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeldAnswer {
    /// The version of the protocol.
    pub version: u32,
}

/// Asks what is promised for a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanScan {
    /// The catalog; may be left out where the server has just one.
    #[serde(default)]
    pub catalog: Option<String>,
    /// The handle that came with the table.
    #[serde(default)]
    pub handle: String,
    /// What is asked.
    pub request: ScanRequest,
}

/// A [`ScanPlan`] without what the caller knows already: the request, and the schema that follows from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// The version of the protocol.
    pub version: u32,
    /// What the server wants to be told again when the splits are asked for.
    #[serde(default)]
    pub handle: String,
    /// One answer per filter of the request, in its order.
    #[serde(default)]
    pub filters: Vec<Answer>,
    /// The answer for the top, if there was one; a server that knows none leaves it out, which is a refusal.
    #[serde(default)]
    pub top: Option<Answer>,
    /// The answer for the limit, if there was one.
    #[serde(default)]
    pub limit: Option<Answer>,
    /// How the source finds the rows.
    #[serde(default = "scan")]
    pub access: AccessPath,
    /// The requests that will be sent if no join keys arrive, one per split.
    pub requests: Vec<SourceRequest>,
    /// Columns on which join keys would narrow the reading.
    #[serde(default)]
    pub key_columns: Vec<String>,
    /// More keys than this would be declined whatever they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_keys: Option<u64>,
    /// No more splits than this are to be read at once.
    #[serde(default)]
    pub max_parallel_splits: Option<usize>,
    /// How many rows will come.
    #[serde(default)]
    pub rows: Precision,
    /// What else a reader of EXPLAIN should know.
    #[serde(default)]
    pub notes: Vec<String>,
}

fn scan() -> AccessPath {
    AccessPath::Scan
}

impl PlanAnswer {
    /// What a caller is told of a plan.
    pub fn new(plan: ScanPlan, handle: String) -> Self {
        Self {
            version: crate::WIRE_VERSION,
            handle,
            filters: plan.filters,
            top: plan.top,
            limit: plan.limit,
            access: plan.access,
            requests: plan.requests,
            key_columns: plan.key_columns,
            max_keys: plan.max_keys,
            max_parallel_splits: plan.max_parallel_splits,
            rows: plan.rows,
            notes: plan.notes,
        }
    }

    /// The plan as the caller's engine wants it; its `detail` is `detail`.
    ///
    /// # Errors
    /// `NotFound` when the request names an unknown column, `Corrupt` when the answer leaves a part of the request
    /// unanswered.
    pub fn into_plan(
        self,
        table: &TableMetadata,
        request: &ScanRequest,
        detail: serde_json::Value,
    ) -> Result<ScanPlan> {
        if self.filters.len() != request.filters.len() || self.limit.is_some() != request.limit.is_some() {
            return Err(crate::Error::new(
                crate::ErrorKind::Corrupt,
                "the server's plan does not answer each filter and the limit, if any, of the request",
            ));
        }
        let unknown = || Answer::Refused("the server knows no order".to_owned());
        Ok(ScanPlan {
            version: crate::WIRE_VERSION,
            request: request.clone(),
            schema: request.output_schema(table)?,
            filters: self.filters,
            top: request.top.as_ref().map(|_| self.top.unwrap_or_else(unknown)),
            limit: self.limit,
            access: self.access,
            requests: self.requests,
            key_columns: self.key_columns,
            max_keys: self.max_keys,
            max_parallel_splits: self.max_parallel_splits,
            rows: self.rows,
            notes: self.notes,
            detail,
        })
    }
}

/// Asks for the splits of a plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetSplits {
    /// The catalog; may be left out where the server has just one.
    #[serde(default)]
    pub catalog: Option<String>,
    /// The handle that came with the plan.
    #[serde(default)]
    pub handle: String,
    /// What the other side of a join has found, if the scan is part of one and it has.
    #[serde(default)]
    pub keys: Option<JoinKeys>,
}

/// Some splits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitsPage {
    /// The version of the protocol.
    pub version: u32,
    /// What became of the join keys: on the first page only.
    #[serde(default)]
    pub keys: Option<KeyDecision>,
    /// Some splits. Any page may be without.
    #[serde(default)]
    pub splits: Vec<SplitAnswer>,
    /// What finding the splits has cost so far.
    #[serde(default)]
    pub counted: Option<Counted>,
    /// Whether this was the last page.
    #[serde(default)]
    pub end: bool,
}

/// One split.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitAnswer {
    /// The ticket to read it with, as text; `DoGet` takes its bytes.
    pub ticket: String,
    /// The request that the server will send for it.
    pub request: SourceRequest,
    /// The reading stops after this many rows.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// The application metadata of a message of a read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadNote {
    /// The version of the protocol.
    pub version: u32,
    /// What the read has cost so far.
    #[serde(default)]
    pub counted: Option<Counted>,
    /// Whether the split has been read to its end: nothing follows.
    #[serde(default)]
    pub end: bool,
}

/// What the far side has counted since a call began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// Requests sent to the source.
    pub requests: u64,
    /// Requests sent again.
    pub retries: u64,
    /// Bytes of payload received from the source.
    pub wire_bytes: u64,
    /// Microseconds spent waiting for the source.
    pub remote_micros: u64,
    /// Thousandths of the capacity units charged.
    pub milli_capacity: u64,
    /// Microseconds spent waiting for the source's capacity.
    pub throttle_micros: u64,
}

impl Counted {
    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            retries: self.retries.saturating_sub(earlier.retries),
            wire_bytes: self.wire_bytes.saturating_sub(earlier.wire_bytes),
            remote_micros: self.remote_micros.saturating_sub(earlier.remote_micros),
            milli_capacity: self.milli_capacity.saturating_sub(earlier.milli_capacity),
            throttle_micros: self.throttle_micros.saturating_sub(earlier.throttle_micros),
        }
    }
}

impl From<crate::ScanStats> for Counted {
    fn from(stats: crate::ScanStats) -> Self {
        Self {
            requests: stats.requests,
            retries: stats.retries,
            wire_bytes: stats.wire_bytes,
            remote_micros: u64::try_from(stats.remote_time.as_micros()).unwrap_or(u64::MAX),
            milli_capacity: stats.milli_capacity,
            throttle_micros: u64::try_from(stats.throttle_wait.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
