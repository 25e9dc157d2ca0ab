//! Tables and what is known of them: `ListTables`, `DescribeTable`, and a sample by `Scan`.

mod columns;
mod indexes;
mod sample;

use crate::config::DeclaredTable;
use crate::connect::Connection;
use crate::convert::{KeyKind, attribute_of};
use crate::error::call_error;
use arrow::datatypes::Schema;
use aws_sdk_dynamodb::types::{BillingMode, KeySchemaElement, KeyType, TableDescription};
use columns::{Column, Sources};
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{Error, KeyRole, NameStream, Precision, Result, TableKey, TableMetadata, TableName};
pub(crate) use indexes::{IndexDetail, IndexKey};
use indexes::{indexes, known};
pub(crate) use sample::Sample;
use sample::Target;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The one schema: DynamoDB has none.
pub(crate) const SCHEMA: &str = "default";

/// What is assumed of a table with a sort key that nothing was sampled of.
const ITEMS_PER_PARTITION: f64 = 10.0;

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
    /// Provisioned read units per second; `None`: on demand.
    #[serde(default)]
    pub(crate) read_capacity: Option<u64>,
    /// Secondary indexes, local ones first.
    #[serde(default)]
    pub(crate) indexes: Vec<IndexDetail>,
}

/// A key attribute as the table's description has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyAttribute {
    /// The attribute.
    pub(crate) name: String,
    /// The column that it is read as; of the same name unless declared otherwise.
    pub(crate) column: String,
    pub(crate) kind: KeyKind,
}

impl TableDetail {
    /// # Errors
    /// `Internal` when the metadata is not of this connector.
    pub(crate) fn of(table: &TableMetadata) -> Result<Self> {
        Self::deserialize(&table.detail)
            .map_err(|_| Error::internal(format!("the metadata of {} is not of this connector", table.name)))
    }

    /// The type of an attribute in the table's own key; `None` for one that is not part of it.
    pub(crate) fn kind_of(&self, attribute: &str) -> Option<KeyKind> {
        let mut keys = [Some(&self.partition), self.sort.as_ref()].into_iter().flatten();
        keys.find(|key| key.name == attribute).map(|key| key.kind)
    }

    /// Whether the attribute is part of the table's own key.
    pub(crate) fn is_key(&self, attribute: &str) -> bool {
        self.kind_of(attribute).is_some()
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
    let declared = connection.config().tables.of(&name.table);
    let partition = key(&described, &declared, &KeyType::Hash)?;
    let partition = partition.ok_or_else(|| Error::internal("a DynamoDB table without a partition key"))?;
    let sort = key(&described, &declared, &KeyType::Range)?;
    let indexes = indexes(&described);
    let target = Target {
        table: &name.table,
        key: [Some(&partition), sort.as_ref()].into_iter().flatten().map(|key| key.name.clone()).collect(),
        sampled_indexes: if connection.config().sample_indexes { whole_indexes(&indexes) } else { Vec::new() },
        indexes,
        items: known(described.item_count()).unwrap_or(0),
    };
    let sample = if declared.complete { Sample::of(&target) } else { Sample::take(connection, &target).await? };
    let consistent = connection.config().limits.consistent(&name.table);
    let metadata = Description { name, described, declared, sample, consistent }.into_metadata(partition, sort)?;
    Ok(TableMetadata { max_age_seconds: Some(connection.config().metadata_max_age.as_secs()), ..metadata })
}

/// The indexes that have items with all their attributes, and can be read.
fn whole_indexes(indexes: &[IndexDetail]) -> Vec<String> {
    let whole = indexes.iter().filter(|index| index.attributes.is_none() && index.unusable.is_none());
    whole.map(|index| index.name.clone()).collect()
}

/// The columns of a table of which a sample is all that is known, by the same rules.
///
/// # Errors
/// `Config` for a declaration that contradicts itself.
pub(crate) fn sampled_columns(connection: &Connection, table: &str, sample: &Sample) -> Result<Vec<Column>> {
    let declared = connection.config().tables.of(table);
    Sources { table, keys: &[], index_keys: &BTreeMap::new(), declared: &declared, sample }.columns()
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
fn key(described: &TableDescription, declared: &DeclaredTable, role: &KeyType) -> Result<Option<KeyAttribute>> {
    let mut schema = described.key_schema().iter();
    let Some(element) = schema.find(|element| element.key_type() == role) else { return Ok(None) };
    let name = element.attribute_name();
    let kind = kind_of_key(described, name).ok_or_else(|| no_known_type(name))?;
    let column = declared.columns.iter().find(|column| column.attribute == name);
    let column = column.map_or_else(|| name.to_owned(), |column| column.name.clone());
    Ok(Some(KeyAttribute { name: name.to_owned(), column, kind }))
}

/// The type of an attribute in a key of the table or of an index.
fn kind_of_key(described: &TableDescription, name: &str) -> Option<KeyKind> {
    let definition = described.attribute_definitions().iter().find(|definition| definition.attribute_name() == name);
    KeyKind::of(definition?.attribute_type())
}

fn no_known_type(attribute: &str) -> Error {
    Error::internal(format!("key attribute {attribute} has no known type"))
}

struct Description<'a> {
    name: &'a TableName,
    described: TableDescription,
    declared: DeclaredTable,
    sample: Sample,
    consistent: bool,
}

impl Description<'_> {
    fn into_metadata(self, partition: KeyAttribute, sort: Option<KeyAttribute>) -> Result<TableMetadata> {
        let keys: Vec<KeyAttribute> = [Some(&partition), sort.as_ref()].into_iter().flatten().cloned().collect();
        let index_keys = self.index_keys();
        let (table, declared, sample) = (self.name.table.as_str(), &self.declared, &self.sample);
        let columns = Sources { table, keys: &keys, index_keys: &index_keys, declared, sample }.columns()?;
        let schema = Schema::new(columns.iter().map(|(field, _)| field.clone()).collect::<Vec<_>>());
        let mut metadata = TableMetadata::new(self.name.clone(), Arc::new(schema));
        metadata.columns = columns.into_iter().map(|(field, facts)| (field.name().clone(), facts)).collect();
        (metadata.row_count, metadata.byte_size) = self.sizes();
        let items_per_partition = match (self.declared.complete, &sort) {
            (true, Some(_)) => ITEMS_PER_PARTITION,
            _ => self.sample.items_per_partition(),
        };
        let distinct = metadata.row_count.value().map(|rows| (rows as f64 / items_per_partition).round() as u64);
        if let (Some(facts), Some(distinct)) = (metadata.columns.get_mut(&partition.column), distinct) {
            facts.distinct = Precision::Inexact(distinct);
        }
        metadata.keys = self.keys(&keys, &metadata.schema);
        let item_bytes = self.sample.bytes.checked_div(self.sample.items).or_else(|| self.described_item_bytes());
        let item_bytes = item_bytes.unwrap_or(0);
        let (consistent, read_capacity) = (self.consistent, self.read_capacity());
        let indexes = self.sample.indexes(metadata.row_count.value());
        let detail =
            TableDetail { partition, sort, item_bytes, items_per_partition, consistent, read_capacity, indexes };
        metadata.detail = serde_json::to_value(detail).map_err(|error| Error::internal(error.to_string()))?;
        Ok(metadata)
    }

    fn described_item_bytes(&self) -> Option<u64> {
        known(self.described.table_size_bytes())?.checked_div(known(self.described.item_count())?)
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

    /// What the table may be read with per second, if it is limited to that.
    fn read_capacity(&self) -> Option<u64> {
        let billing = self.described.billing_mode_summary().and_then(|summary| summary.billing_mode());
        let provisioned =
            self.described.provisioned_throughput().filter(|_| billing != Some(&BillingMode::PayPerRequest));
        known(provisioned.and_then(|provisioned| provisioned.read_capacity_units()))
    }

    /// Names of indexes and the attributes of their keys: partition first, as in the description itself.
    fn indexes(&self) -> Vec<(Option<&str>, Vec<&str>)> {
        let global = self.described.global_secondary_indexes().iter().map(|i| (i.index_name(), i.key_schema()));
        let local = self.described.local_secondary_indexes().iter().map(|i| (i.index_name(), i.key_schema()));
        global.chain(local).map(|(name, schema)| (name, attributes_of(schema))).collect()
    }

    fn index_keys(&self) -> BTreeMap<String, KeyKind> {
        let names = self.indexes().into_iter().flat_map(|(_, attributes)| attributes);
        names.filter_map(|name| Some((name.to_owned(), kind_of_key(&self.described, name)?))).collect()
    }

    fn keys(&self, primary: &[KeyAttribute], schema: &Schema) -> Vec<TableKey> {
        let columns = primary.iter().map(|key| key.column.clone()).collect();
        let mut keys = vec![TableKey { name: None, columns, role: KeyRole::Primary }];
        for (name, attributes) in self.indexes() {
            let columns = attributes.into_iter().map(|attribute| column_of(schema, attribute)).collect();
            // A key that the declaration of a complete table leaves out has no column, and so no name here.
            let Some(columns) = columns else { continue };
            keys.push(TableKey { name: name.map(str::to_owned), columns, role: KeyRole::Index });
        }
        keys
    }
}

fn attributes_of(key: &[KeySchemaElement]) -> Vec<&str> {
    key.iter().map(KeySchemaElement::attribute_name).collect()
}

/// The first column that is read from an attribute.
fn column_of(schema: &Schema, attribute: &str) -> Option<String> {
    let field = schema.fields().iter().find(|field| attribute_of(field) == attribute)?;
    Some(field.name().clone())
}
