//! Tables and what is known of them: `ListTables`, `DescribeTable`, and a sample by `Scan`.

mod sample;

use crate::connect::Connection;
use crate::convert::{ColumnType, KeyKind};
use crate::error::call_error;
use arrow::datatypes::{Field, Schema};
use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType, TableDescription};
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{
    ColumnFacts, ColumnOrigin, Error, KeyRole, NameStream, Precision, Result, TableKey, TableMetadata, TableName,
    TextComparison,
};
use sample::{Sample, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The one schema: DynamoDB has none.
pub(crate) const SCHEMA: &str = "default";

/// Kept in [`TableMetadata::detail`]: what planning needs and the contract has no place for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableDetail {
    pub(crate) partition: KeyAttribute,
    pub(crate) sort: Option<KeyAttribute>,
    /// Average size of a sampled item in DynamoDB's count; 0 if there was none.
    pub(crate) item_bytes: u64,
    /// How many items share a partition key, on average, at least 1.
    pub(crate) items_per_partition: f64,
    /// Whether reads are strongly consistent: twice the capacity, and no global secondary index can serve them.
    #[serde(default)]
    pub(crate) consistent: bool,
}

/// A key attribute as the table's description has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyAttribute {
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
}

impl TableDetail {
    /// # Errors
    /// `Internal` when the metadata is not of this connector.
    pub(crate) fn of(table: &TableMetadata) -> Result<Self> {
        Self::deserialize(&table.detail)
            .map_err(|_| Error::internal(format!("the metadata of {} is not of this connector", table.name)))
    }

    /// Whether the attribute is part of the primary key.
    pub(crate) fn is_key(&self, name: &str) -> bool {
        self.partition.name == name || self.sort.as_ref().is_some_and(|sort| sort.name == name)
    }
}

/// All tables, page by page.
pub(crate) fn list_tables(connection: &Connection) -> NameStream<'_, TableName> {
    let pages = stream::try_unfold(Some(None), move |position: Option<Option<String>>| async move {
        let Some(after) = position else { return Ok(None) };
        let client = connection.client().await?;
        let _permit = connection.permit().await?;
        let answer = client.list_tables().set_exclusive_start_table_name(after).send().await;
        let answer = answer.map_err(|error| call_error(error, &connection.site("ListTables", None)))?;
        let names = answer.table_names.unwrap_or_default().into_iter().map(|table| Ok(TableName::new(SCHEMA, table)));
        Ok::<_, Error>(Some((stream::iter(names), answer.last_evaluated_table_name.map(Some))))
    });
    pages.try_flatten().boxed()
}

/// Describes and samples one table: one `DescribeTable` and a few pages of `Scan`.
///
/// # Errors
/// `NotFound`; `Config` if a key attribute is declared as a type it cannot have.
pub(crate) async fn get_table(connection: &Connection, name: &TableName) -> Result<TableMetadata> {
    let site = connection.site("DescribeTable", Some(&name.table));
    if name.schema != SCHEMA {
        return Err(unknown_schema(&name.schema));
    }
    if !can_be_table(&name.table) {
        return Err(Error::not_found(format!("table {} not found: DynamoDB has no such names", name.table))
            .with_hint("a table's name has letters, digits, `_`, `-` and `.` only"));
    }
    let client = connection.client().await?;
    let described = client.describe_table().table_name(&name.table).send().await;
    let described = described.map_err(|error| call_error(error, &site))?;
    let described = described.table.ok_or_else(|| Error::not_found(format!("table {} not found", name.table)))?;
    let partition = key(&described, &KeyType::Hash)?;
    let partition = partition.ok_or_else(|| Error::internal("a DynamoDB table without a partition key"))?;
    let target = Target { table: &name.table, partition: partition.name.clone() };
    let sample = Sample::take(connection, &target).await?;
    Description { name, described, sample, connection }.into_metadata(partition)
}

/// Whether DynamoDB could have a table of this name; asking for another one is a `ValidationException`.
fn can_be_table(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Any schema but `default`.
pub(crate) fn unknown_schema(schema: &str) -> Error {
    Error::not_found(format!("schema {schema} not found"))
        .with_hint(format!("a DynamoDB catalog has the one schema `{SCHEMA}`"))
}

/// The key attribute of a role, if the table has one.
fn key(described: &TableDescription, role: &KeyType) -> Result<Option<KeyAttribute>> {
    let mut schema = described.key_schema().iter();
    let Some(element) = schema.find(|element| element.key_type() == role) else { return Ok(None) };
    let name = element.attribute_name();
    let definition = described.attribute_definitions().iter().find(|definition| definition.attribute_name() == name);
    let kind = match definition.map(|definition| definition.attribute_type()) {
        Some(ScalarAttributeType::S) => KeyKind::S,
        Some(ScalarAttributeType::N) => KeyKind::N,
        Some(ScalarAttributeType::B) => KeyKind::B,
        _ => return Err(Error::internal(format!("key attribute {name} has no known type"))),
    };
    Ok(Some(KeyAttribute { name: name.to_owned(), kind }))
}

struct Description<'a> {
    name: &'a TableName,
    described: TableDescription,
    sample: Sample,
    connection: &'a Connection,
}

impl Description<'_> {
    fn into_metadata(self, partition: KeyAttribute) -> Result<TableMetadata> {
        let sort = key(&self.described, &KeyType::Range)?;
        let columns = self.columns(&partition, sort.as_ref())?;
        let schema = Schema::new(columns.iter().map(|(field, _)| field.clone()).collect::<Vec<_>>());
        let mut metadata = TableMetadata::new(self.name.clone(), Arc::new(schema));
        metadata.columns = columns.into_iter().map(|(field, facts)| (field.name().clone(), facts)).collect();
        (metadata.row_count, metadata.byte_size) = self.sizes();
        let items_per_partition = self.sample.items_per_partition();
        let distinct = metadata.row_count.value().map(|rows| (rows as f64 / items_per_partition).round() as u64);
        if let (Some(facts), Some(distinct)) = (metadata.columns.get_mut(&partition.name), distinct) {
            facts.distinct = Precision::Inexact(distinct);
        }
        metadata.keys = self.keys(&partition, sort.as_ref());
        let item_bytes = self.sample.bytes.checked_div(self.sample.items).unwrap_or(0);
        let consistent = self.connection.config().limits.consistent(&self.name.table);
        let detail = TableDetail { partition, sort, item_bytes, items_per_partition, consistent };
        metadata.detail = serde_json::to_value(detail).map_err(|error| Error::internal(error.to_string()))?;
        Ok(metadata)
    }

    /// Key attributes, then declared ones, then those of the sample; the latter two sorted by name.
    fn columns(&self, partition: &KeyAttribute, sort: Option<&KeyAttribute>) -> Result<Vec<(Field, ColumnFacts)>> {
        let declared: BTreeMap<_, _> = self.declared().collect();
        let mut columns = Vec::new();
        for key in [Some(partition), sort].into_iter().flatten() {
            columns.push(self.key_column(key, declared.get(key.name.as_str()))?);
        }
        let is_key = |name: &str| name == partition.name || sort.is_some_and(|sort| sort.name == name);
        for (name, kind) in declared.iter().filter(|(name, _)| !is_key(name)) {
            let source_type = self.sample.evidence.get(*name).map_or_else(String::new, |evidence| evidence.kinds());
            columns.push((kind.field(name), facts(kind, source_type, ColumnOrigin::Declared)));
        }
        for (name, evidence) in &self.sample.evidence {
            if is_key(name) || declared.contains_key(name.as_str()) {
                continue;
            }
            let (kind, note) = evidence.column_type();
            let origin = ColumnOrigin::Inferred { seen: evidence.seen, sampled: self.sample.items };
            let facts = ColumnFacts { note: note.map(str::to_owned), ..facts(&kind, evidence.kinds(), origin) };
            columns.push((kind.field(name), facts));
        }
        Ok(columns)
    }

    fn declared(&self) -> impl Iterator<Item = (&str, ColumnType)> {
        let tables = &self.connection.config().tables;
        tables.of(&self.name.table).map(|(name, declared, _)| (name, ColumnType::from(declared)))
    }

    fn key_column(&self, key: &KeyAttribute, declared: Option<&ColumnType>) -> Result<(Field, ColumnFacts)> {
        let evidence = self.sample.evidence.get(&key.name);
        let (kind, note) = match (declared, key.kind, evidence) {
            (Some(declared), _, _) => (self.checked_key_type(key, declared)?, None),
            (None, KeyKind::B, _) => (ColumnType::Binary, None),
            (None, KeyKind::N, Some(evidence)) => evidence.column_type(),
            (None, KeyKind::N, None) => (ColumnType::Int64, Some("an empty table: taken for integers")),
            (None, _, _) => (ColumnType::Text, None),
        };
        let origin = if declared.is_some() { ColumnOrigin::Declared } else { ColumnOrigin::Key };
        let facts = ColumnFacts { note: note.map(str::to_owned), ..facts(&kind, key.kind.name().to_owned(), origin) };
        Ok((kind.field(&key.name).with_nullable(false), facts))
    }

    /// A declaration may refine a key's type, but not contradict it: no item could ever be read.
    fn checked_key_type(&self, key: &KeyAttribute, declared: &ColumnType) -> Result<ColumnType> {
        let fits = match key.kind {
            KeyKind::N => {
                matches!(
                    declared,
                    ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. } | ColumnType::Json
                )
            }
            KeyKind::B => matches!(declared, ColumnType::Binary | ColumnType::Json),
            _ => matches!(declared, ColumnType::Text | ColumnType::Timestamp | ColumnType::Date | ColumnType::Json),
        };
        if fits {
            return Ok(declared.clone());
        }
        let tables = &self.connection.config().tables;
        let origin = tables.of(&self.name.table).find(|(name, ..)| *name == key.name).map(|(.., origin)| origin);
        let place = origin.map(|origin| format!("{origin}: ")).unwrap_or_default();
        let (label, kind) = (declared.label(), key.kind.name());
        let message = format!(
            "{place}column {} is declared {label}, but the key of {} is of type {kind}",
            key.name, self.name.table
        );
        Err(Error::config(message).with_hint("remove the declaration, or declare a type that the key can have"))
    }

    /// Rows and bytes. DynamoDB's own numbers are up to six hours old; a sample that saw everything knows better.
    fn sizes(&self) -> (Precision, Precision) {
        if self.sample.complete {
            return (Precision::Inexact(self.sample.items), Precision::Inexact(self.sample.bytes));
        }
        let known = |number: Option<i64>| match number.and_then(|number| u64::try_from(number).ok()) {
            // The sample has items, so zero only means that nobody has counted yet.
            None | Some(0) => Precision::Unknown,
            Some(number) => Precision::Inexact(number),
        };
        (known(self.described.item_count()), known(self.described.table_size_bytes()))
    }

    fn keys(&self, partition: &KeyAttribute, sort: Option<&KeyAttribute>) -> Vec<TableKey> {
        let columns = [Some(partition), sort].into_iter().flatten().map(|key| key.name.clone()).collect();
        let mut keys = vec![TableKey { name: None, columns, role: KeyRole::Primary }];
        let global = self.described.global_secondary_indexes().iter().map(|i| (i.index_name(), i.key_schema()));
        let local = self.described.local_secondary_indexes().iter().map(|i| (i.index_name(), i.key_schema()));
        for (name, schema) in global.chain(local) {
            // Parts of an index's key are listed partition first, as in the description itself.
            let columns = schema.iter().map(|element| element.attribute_name().to_owned()).collect();
            keys.push(TableKey { name: name.map(str::to_owned), columns, role: KeyRole::Index });
        }
        keys
    }
}

fn facts(kind: &ColumnType, source_type: String, origin: ColumnOrigin) -> ColumnFacts {
    let text_comparison = if *kind == ColumnType::Text { TextComparison::Bytes } else { TextComparison::Loose };
    ColumnFacts { source_type, text_comparison, origin, ..ColumnFacts::default() }
}
