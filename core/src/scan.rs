//! A scan as data: what is asked, what is promised for it, and a unit of its reading.
//!
//! ```text
//! ScanRequest ──plan_scan──▶ ScanPlan ──splits(+ join keys)──▶ Split, Split, … ──read──▶ batches
//!   asked        pure          promised                          what will be sent
//! ```

use crate::{Expr, Precision, Relation, TableMetadata, TableName, Top, Value, expr::shown_list};
use arrow_schema::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What the engine asks of a connector. Parts apply in the order of the fields: filters, top or limit, projection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanRequest {
    /// Version of this value's own format.
    #[serde(default = "crate::wire_version")]
    pub version: u32,
    /// What to read.
    pub relation: Relation,
    /// Columns of the answer, each once, in this order; `None` means all in the table's order, but hidden ones. An empty
    /// list is a request for rows without columns, as `count(*)` needs.
    #[serde(default)]
    pub projection: Option<Vec<String>>,
    /// Conditions that all must hold. Each gets an answer of its own. They may use columns outside the projection.
    #[serde(default)]
    pub filters: Vec<Expr>,
    /// Only the first rows in an order are needed. Never together with `limit`. The engine sorts what comes back, so
    /// more rows than these do no harm. They may be ordered by columns outside the projection.
    #[serde(default)]
    pub top: Option<Top>,
    /// No more than this many rows are needed; any rows will do.
    #[serde(default)]
    pub limit: Option<u64>,
}

impl ScanRequest {
    /// The whole table.
    pub fn table(name: TableName) -> Self {
        Self::relation(Relation::Table(name))
    }

    /// The whole of a relation.
    pub fn relation(relation: Relation) -> Self {
        Self { version: crate::WIRE_VERSION, relation, projection: None, filters: Vec::new(), top: None, limit: None }
    }

    /// Only these columns, in this order.
    #[must_use]
    pub fn with_projection<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.projection = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// With these conditions.
    #[must_use]
    pub fn with_filters(mut self, filters: Vec<Expr>) -> Self {
        self.filters = filters;
        self
    }

    /// With only the first rows of an order needed.
    #[must_use]
    pub fn with_top(mut self, top: Top) -> Self {
        self.top = Some(top);
        self
    }

    /// With at most this many rows needed.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The schema of the answer: the projected columns of `table`.
    ///
    /// # Errors
    /// `NotFound` when the projection names a column the table does not have.
    pub fn output_schema(&self, table: &TableMetadata) -> crate::Result<SchemaRef> {
        let Some(projection) = &self.projection else { return Ok(table.schema_without_hidden(|_| false)) };
        let mut fields = Vec::with_capacity(projection.len());
        for name in projection {
            let (_, field) = table
                .schema
                .fields()
                .find(name)
                .ok_or_else(|| crate::Error::not_found(format!("column {name} not found in {}", table.name)))?;
            fields.push(Arc::clone(field));
        }
        Ok(Arc::new(Schema::new(fields)))
    }
}

/// What a connector promises for one part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "reason")]
pub enum Answer {
    /// The source applies it fully; the engine will not look again.
    Exact,
    /// More rows than asked for may come back, never fewer; the engine checks again. Why, in words.
    Inexact(String),
    /// The source does nothing at all about it, as if it had not been asked. Why, in words.
    Refused(String),
}

/// A request in the source's own terms: the very value that is sent, and that EXPLAIN prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceRequest {
    /// A statement in the source's SQL.
    Sql(String),
    /// An operation with its parameters, as the source's API has them.
    Operation {
        /// For example `Query`.
        name: String,
        /// The parameters as JSON.
        parameters: serde_json::Value,
    },
}

impl fmt::Display for SourceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(text) => f.write_str(text),
            Self::Operation { name, parameters } => write!(f, "{name} {parameters}"),
        }
    }
}

/// Which way in the source takes to the rows, for people and for the engine's choice of join side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccessPath {
    /// Every row is looked at (perhaps by the source itself).
    Scan,
    /// Rows are found by the values of these columns.
    Keys(Vec<String>),
}

/// The promise made for a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanPlan {
    /// Version of this value's own format.
    #[serde(default = "crate::wire_version")]
    pub version: u32,
    /// The request that was planned.
    pub request: ScanRequest,
    /// The schema of every batch of every split: exactly the projection that was asked for.
    #[serde(with = "crate::wire::schema_text")]
    pub schema: SchemaRef,
    /// One answer per filter of the request, in its order.
    pub filters: Vec<Answer>,
    /// The answer for the top; `None` if there was none. `Exact`: all splits together give just those rows.
    /// `Inexact`: each split may, or others besides.
    #[serde(default)]
    pub top: Option<Answer>,
    /// The answer for the limit; `None` if there was none. `Exact`: all splits together stop at it. `Inexact`: each
    /// split may.
    #[serde(default)]
    pub limit: Option<Answer>,
    /// How the source finds the rows.
    pub access: AccessPath,
    /// The requests that will be sent if no join keys arrive, one per split.
    pub requests: Vec<SourceRequest>,
    /// Columns on which join keys, once known, would narrow the reading. Empty: keys are of no use here.
    #[serde(default)]
    pub key_columns: Vec<String>,
    /// More keys of a join than this would be declined whatever they are: they need not be gathered. `None`: that depends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_keys: Option<u64>,
    /// No more splits than this are to be read at once: as many as the source or a pool of connections bears.
    /// `None`: the engine's choice.
    #[serde(default)]
    pub max_parallel_splits: Option<usize>,
    /// How many rows will come back, as far as is known.
    #[serde(default)]
    pub rows: Precision,
    /// What else a reader of EXPLAIN should know.
    #[serde(default)]
    pub notes: Vec<String>,
    /// State that only the connector itself understands. No credentials.
    #[serde(default)]
    pub detail: serde_json::Value,
}

impl ScanPlan {
    /// The plan of a connector without ambitions: whole rows of whole tables, everything else stays in the engine.
    ///
    /// `request.projection` is honoured all the same: the batches must be projected before they leave the connector.
    ///
    /// # Errors
    /// `NotFound` when the projection names an unknown column.
    pub fn whole_table(
        table: &TableMetadata,
        request: &ScanRequest,
        requests: Vec<SourceRequest>,
    ) -> crate::Result<Self> {
        const REASON: &str = "this connector reads whole tables";
        Ok(Self {
            version: crate::WIRE_VERSION,
            schema: request.output_schema(table)?,
            filters: request.filters.iter().map(|_| Answer::Refused(REASON.to_owned())).collect(),
            top: request.top.as_ref().map(|_| Answer::Refused(REASON.to_owned())),
            limit: request.limit.map(|_| Answer::Refused(REASON.to_owned())),
            access: AccessPath::Scan,
            requests,
            key_columns: Vec::new(),
            max_keys: None,
            max_parallel_splits: None,
            rows: table.row_count,
            notes: Vec::new(),
            detail: serde_json::Value::Null,
            request: request.clone(),
        })
    }
}

/// Distinct, non-NULL values of join keys, known at run time.
///
/// Every row of the answer that could find a partner has its columns' values among `tuples`; rows without are not
/// wanted but do no harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JoinKeys {
    /// The columns, by name in the table's schema.
    pub columns: Vec<String>,
    /// One value per column. No duplicates, no NULL. Empty: no row is wanted at all.
    pub tuples: Vec<Vec<Value>>,
    /// Set where these are a part of a join's keys: about how many there are in all. Each part is asked for by itself,
    /// and the engine drops the rows of other parts that come with it; a source that would look at everything for each
    /// part should decline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl JoinKeys {
    /// All keys of a join.
    pub fn new(columns: Vec<String>, tuples: Vec<Vec<Value>>) -> Self {
        Self { columns, tuples, total: None }
    }

    /// As a part of so many.
    #[must_use]
    pub fn part_of(self, total: u64) -> Self {
        Self { total: Some(total), ..self }
    }

    /// How many keys the join has, about: what its cost is to be counted by.
    pub fn count(&self) -> u64 {
        self.total.unwrap_or(0).max(self.tuples.len() as u64)
    }

    /// Whether there are more parts.
    pub fn is_part(&self) -> bool {
        self.total.is_some()
    }

    /// The distinct values of one column alone, in order of first appearance, or `None` if the keys do not have it.
    pub fn values_of(&self, column: &str) -> Option<Vec<Value>> {
        let index = self.columns.iter().position(|name| name == column)?;
        let mut seen = std::collections::HashSet::new();
        let values = self.tuples.iter().filter_map(|tuple| tuple.get(index));
        Some(values.filter(|value| seen.insert(value.identity())).cloned().collect())
    }
}

impl fmt::Display for JoinKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys on {}", self.tuples.len(), self.columns.join(", "))?;
        if let ([_], Some(values)) = (self.columns.as_slice(), self.columns.first().and_then(|c| self.values_of(c))) {
            write!(f, ": {}", shown_list(&values))?;
        }
        Ok(())
    }
}

/// What became of the join keys that a scan was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyDecision {
    /// No keys were offered.
    NotOffered,
    /// Only rows with these keys are asked for.
    Used {
        /// How many of the offered keys the requests name; those that no row can have may be left out.
        keys: u64,
    },
    /// Reading without them is cheaper, or they cannot be used. Why, in words.
    Declined {
        /// How many keys were offered.
        keys: u64,
        /// Why they are not used.
        reason: String,
    },
}

/// A disjoint part of a scan: self-contained, so that whoever holds the configuration can read it, anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Version of this value's own format.
    #[serde(default = "crate::wire_version")]
    pub version: u32,
    /// The schema of every batch that `read` yields.
    #[serde(with = "crate::wire::schema_text")]
    pub schema: SchemaRef,
    /// The request that `read` sends.
    pub request: SourceRequest,
    /// Stop after this many rows.
    #[serde(default)]
    pub limit: Option<u64>,
    /// State that only the connector itself understands. No credentials.
    #[serde(default)]
    pub detail: serde_json::Value,
}

impl Split {
    /// A split that sends `request`.
    pub fn new(schema: SchemaRef, request: SourceRequest) -> Self {
        Self { version: crate::WIRE_VERSION, schema, request, limit: None, detail: serde_json::Value::Null }
    }

    /// With the connector's own state.
    #[must_use]
    pub fn with_detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }
}
