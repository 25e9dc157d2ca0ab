//! What planning needs to know of a table.

use crate::{ColumnEstimates, Precision, TableName};
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What kind of thing a table name stands for at its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableKind {
    /// Stored rows.
    Table,
    /// A query with a name.
    View,
    /// A table whose rows are stored in child tables.
    PartitionedTable,
    /// A table that the source itself reads from elsewhere.
    ForeignTable,
}

impl TableKind {
    /// In words, for listings.
    pub fn label(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::PartitionedTable => "partitioned table",
            Self::ForeignTable => "foreign table",
        }
    }
}

/// How the source compares the text of a column, against the engine's comparison by bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextComparison {
    /// Equality and order are those of the bytes.
    Bytes,
    /// Equal means equal bytes, but the order is that of a language.
    BytesEqualityOnly,
    /// Different bytes may be equal (case, accents, trailing blanks), or nothing is known.
    #[default]
    Loose,
}

/// Where a column's type came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ColumnOrigin {
    /// The source's own catalog.
    #[default]
    Catalog,
    /// A key attribute, typed by the source.
    Key,
    /// Declared in the configuration.
    Declared,
    /// Seen in `seen` of `sampled` items.
    Inferred {
        /// Items of the sample that had it.
        seen: u64,
        /// Size of the sample.
        sampled: u64,
    },
}

/// What is known of a column beyond its Arrow field.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnFacts {
    /// The type as the source names it, for people: `numeric(12,2)`, `S`.
    pub source_type: String,
    /// How the source compares this column's text.
    pub text_comparison: TextComparison,
    /// Where the type came from.
    pub origin: ColumnOrigin,
    /// Anything a reader should know, such as "read as text".
    pub note: Option<String>,
    /// How many different values there are.
    pub distinct: Precision,
    /// What was sampled of its values.
    #[serde(skip_serializing_if = "ColumnEstimates::is_empty")]
    pub estimates: ColumnEstimates,
}

/// What a key or an index promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Unique, never NULL.
    Primary,
    /// Unique where not NULL.
    Unique,
    /// Only finds rows fast.
    Index,
}

/// A key or an index of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableKey {
    /// Its name at the source, if it has one.
    pub name: Option<String>,
    /// Its columns, most significant first. For DynamoDB: partition key, then sort key.
    pub columns: Vec<String>,
    /// What it promises.
    pub role: KeyRole,
}

/// Everything about one table that planning will ask for.
///
/// Serialisable, so that a remote connector can hand it over; `plan_scan` is a pure function of this value and the
/// request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableMetadata {
    /// Version of this value's own format.
    #[serde(default = "crate::wire_version")]
    pub version: u32,
    /// Schema and table, as the source spells them.
    pub name: TableName,
    /// What it is.
    pub kind: TableKind,
    /// Every column. No column of the source is left out.
    #[serde(with = "crate::wire::schema_text")]
    pub schema: SchemaRef,
    /// Facts per column, by name; a column without an entry has the default facts.
    #[serde(default)]
    pub columns: BTreeMap<String, ColumnFacts>,
    /// Keys and indexes.
    #[serde(default)]
    pub keys: Vec<TableKey>,
    /// How many rows there are.
    #[serde(default)]
    pub row_count: Precision,
    /// How many bytes the source stores for them.
    #[serde(default)]
    pub byte_size: Precision,
    /// The source's own comment on the table.
    #[serde(default)]
    pub comment: Option<String>,
    /// Facts that only the connector itself understands.
    #[serde(default)]
    pub detail: serde_json::Value,
}

impl TableMetadata {
    /// A plain table about which nothing but its columns is known.
    pub fn new(name: TableName, schema: SchemaRef) -> Self {
        Self {
            version: crate::WIRE_VERSION,
            name,
            kind: TableKind::Table,
            schema,
            columns: BTreeMap::new(),
            keys: Vec::new(),
            row_count: Precision::Unknown,
            byte_size: Precision::Unknown,
            comment: None,
            detail: serde_json::Value::Null,
        }
    }

    /// The facts of a column; the default ones if none are known.
    pub fn facts(&self, column: &str) -> ColumnFacts {
        self.columns.get(column).cloned().unwrap_or_default()
    }

    /// The primary key's columns, or none.
    pub fn primary_key(&self) -> Option<&TableKey> {
        self.keys.iter().find(|key| key.role == KeyRole::Primary)
    }
}
