//! What planning needs to know of a table.

use crate::{ColumnEstimates, Precision, TableName};
use arrow_schema::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// The key of the field metadata of columns that are read where they are named, and not as part of `*`.
pub const HIDDEN: &str = "headwater:hidden";

/// Whether a column is read only where it is named.
pub fn is_hidden(field: &Field) -> bool {
    field.metadata().contains_key(HIDDEN)
}

/// What a sample says of a column, or of a place within its values.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sighting {
    /// The place: empty for the column itself, `.name` for an entry of maps, `[]` for members of lists.
    pub path: String,
    /// What kinds of values there were, and how many of each: `N 990, S 10`.
    pub kinds: String,
    /// How many there were, NULL included.
    pub seen: u64,
    /// How many there might have been: items, or maps that could have the entry.
    pub of: u64,
    /// How the type was chosen, where that is not plain.
    pub note: Option<String>,
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
    /// What a sample says of it: first of the column itself, then of places within its values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sightings: Vec<Sighting>,
    /// Where it is declared, as `FILE:LINE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_at: Option<String>,
    /// The line that declares it in the configuration of its connector, where such a line can be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
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
    /// Every column. No column of the source is left out; those that stand for no data of their own may be [`HIDDEN`].
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
    /// After how many seconds the table should be asked for anew; `None`: the engine's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_seconds: Option<u64>,
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
            max_age_seconds: None,
            detail: serde_json::Value::Null,
        }
    }

    /// The facts of a column; the default ones if none are known.
    pub fn facts(&self, column: &str) -> ColumnFacts {
        self.columns.get(column).cloned().unwrap_or_default()
    }

    /// The same table without the hidden columns that are not `wanted`.
    #[must_use]
    pub fn without_hidden(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let schema = self.schema_without_hidden(wanted);
        let mut table = Self { schema, ..self.clone() };
        table.columns.retain(|name, _| table.schema.field_with_name(name).is_ok());
        table
    }

    /// The schema of the same.
    pub(crate) fn schema_without_hidden(&self, wanted: impl Fn(&str) -> bool) -> SchemaRef {
        let is_left_out = |field: &Field| is_hidden(field) && !wanted(field.name());
        let fields = self.schema.fields();
        if !fields.iter().any(|field| is_left_out(field)) {
            return Arc::clone(&self.schema);
        }
        let kept: Vec<_> = fields.iter().filter(|field| !is_left_out(field)).map(Arc::clone).collect();
        Arc::new(Schema::new_with_metadata(kept, self.schema.metadata().clone()))
    }

    /// The primary key's columns, or none.
    pub fn primary_key(&self) -> Option<&TableKey> {
        self.keys.iter().find(|key| key.role == KeyRole::Primary)
    }
}
