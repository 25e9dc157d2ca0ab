//! What can be read: the table itself, or one of its secondary indexes.

use super::cost::Sizes;
use super::literal::{AsKey, key_value};
use super::stored::Stored;
use crate::convert::{ColumnType, DateFormat, KeyKind, TimestampFormat, attribute_of};
use crate::metadata::{IndexDetail, IndexKey, TableDetail};
use arrow::datatypes::Field;
use headwater_core::{TableMetadata, Value};
use serde::{Deserialize, Serialize};

/// A key attribute and the column that it is read as. DynamoDB hears of the one, the engine of the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) attribute: String,
    pub(super) column: String,
    pub(super) kind: KeyKind,
    /// How the column's dates or times are stored in it.
    #[serde(default)]
    pub(super) stored: Option<Stored>,
    /// Why the column's values are not the key's own, so that it cannot be looked up; `None`: it can.
    pub(super) problem: Option<String>,
    /// Whether the column has values of the key's kind alone: any other value of the attribute cannot be read.
    pub(super) is_typed: bool,
    /// Whether items may have values that are no keys, empty or too long: those older than a global index.
    #[serde(default)]
    pub(super) may_be_unfit: bool,
}

impl Key {
    /// What a value is as this key; `is_sort`: as a sort key.
    pub(super) fn value(&self, is_sort: bool, value: &Value) -> AsKey {
        match self.found_value(is_sort, value) {
            AsKey::Impossible if self.may_be_unfit && !value.is_null() && self.kind != KeyKind::N => AsKey::Unfit,
            found => found,
        }
    }

    /// The same, where only values that are keys are meant.
    pub(super) fn found_value(&self, is_sort: bool, value: &Value) -> AsKey {
        match self.stored {
            None => key_value(self.kind, is_sort, value),
            Some(_) if value.is_null() => AsKey::Impossible,
            Some(stored) => stored.value(value).map_or(AsKey::Unclear, |value| key_value(self.kind, is_sort, &value)),
        }
    }

    fn of_index(table: &TableMetadata, detail: &TableDetail, index: &IndexDetail, key: &IndexKey) -> Self {
        let may_be_unfit = index.global && !detail.is_key(&key.name);
        let key = Self::new(table, &key.name, key.kind);
        // A local index is as old as its table: no item has a value of another type.
        Self { may_be_unfit, is_typed: key.is_typed || (!index.global && key.is_usable()), ..key }
    }

    fn new(table: &TableMetadata, attribute: &str, kind: KeyKind) -> Self {
        let fields = || table.schema.fields().iter().filter(|field| attribute_of(field) == attribute);
        let best = fields().find(|field| problem(field, kind).is_none()).or_else(|| fields().next());
        let attribute = attribute.to_owned();
        let Some(field) = best else {
            let problem = Some(format!("key attribute {attribute} is no column"));
            let column = attribute.clone();
            return Self { attribute, column, kind, stored: None, problem, is_typed: false, may_be_unfit: false };
        };
        let column_type = ColumnType::of(field);
        let is_typed = column_type.as_ref().and_then(accepted) == Some(kind);
        let stored = column_type.as_ref().and_then(Stored::of).filter(|stored| stored.kind() == kind);
        let (column, problem) = (field.name().clone(), problem(field, kind));
        Self { attribute, column, kind, stored, problem, is_typed, may_be_unfit: false }
    }

    /// Whether the column's values mean the same in the engine and as a key.
    pub(super) fn is_usable(&self) -> bool {
        self.problem.is_none()
    }
}

/// Why a column does not stand for a key of this kind.
fn problem(field: &Field, kind: KeyKind) -> Option<String> {
    let (name, column) = (field.name(), ColumnType::of(field));
    if column.as_ref().and_then(Stored::of).is_some_and(|stored| stored.is_exact() && stored.kind() == kind) {
        return None;
    }
    match column.map(|column| column.comparable()) {
        Some(Ok(column)) if column == kind => None,
        Some(Err(reason)) => Some(format!("key column {name} is not compared: {reason}")),
        _ => Some(format!("key column {name} is read as another type")),
    }
}

/// The one kind of value that a column takes; `None` if there are several.
fn accepted(column: &ColumnType) -> Option<KeyKind> {
    match column {
        ColumnType::Text => Some(KeyKind::S),
        ColumnType::Timestamp(TimestampFormat::Rfc3339 | TimestampFormat::Pattern(_)) => Some(KeyKind::S),
        ColumnType::Date(DateFormat::Iso | DateFormat::Pattern(_)) => Some(KeyKind::S),
        // A number, or text of its digits.
        ColumnType::Timestamp(TimestampFormat::Epoch(_)) | ColumnType::Date(DateFormat::EpochDays) => None,
        ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. } | ColumnType::Digits => Some(KeyKind::N),
        ColumnType::Binary => Some(KeyKind::B),
        ColumnType::Boolean | ColumnType::Json | ColumnType::Item => None,
        ColumnType::Struct(_) | ColumnType::List(_) | ColumnType::Map(_) => None,
    }
}

/// The table, or an index of it, with the keys that it is sorted by.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) index: Option<&'a IndexDetail>,
    pub(super) partition: Key,
    pub(super) sort: Option<Key>,
    pub(super) sizes: Sizes,
}

impl<'a> Target<'a> {
    pub(super) fn of_table(table: &TableMetadata, detail: &TableDetail) -> Self {
        Self {
            index: None,
            partition: Key::new(table, &detail.partition.name, detail.partition.kind),
            sort: detail.sort.as_ref().map(|sort| Key::new(table, &sort.name, sort.kind)),
            sizes: Sizes::of_table(table, detail),
        }
    }

    pub(super) fn of_index(table: &TableMetadata, detail: &TableDetail, index: &'a IndexDetail) -> Self {
        Self {
            index: Some(index),
            partition: Key::of_index(table, detail, index, &index.partition),
            sort: index.sort.as_ref().map(|sort| Key::of_index(table, detail, index, sort)),
            sizes: Sizes::of_index(index, detail),
        }
    }

    /// The type of an attribute in its key; `None` for one that is not part of it.
    pub(super) fn kind_of(&self, attribute: &str) -> Option<KeyKind> {
        let mut keys = [Some(&self.partition), self.sort.as_ref()].into_iter().flatten();
        keys.find(|key| key.attribute == attribute).map(|key| key.kind)
    }

    /// Whether the attribute is part of its key.
    pub(super) fn is_key(&self, attribute: &str) -> bool {
        self.kind_of(attribute).is_some()
    }

    /// For messages: `the table` or `index by_email`.
    pub(super) fn label(&self) -> String {
        self.index.map_or_else(|| "the table".to_owned(), |index| format!("index {}", index.name))
    }
}

/// The attribute that a column is read from; `None` if there is no such column.
pub(super) fn attribute_of_column<'a>(table: &'a TableMetadata, column: &str) -> Option<&'a str> {
    table.schema.field_with_name(column).ok().map(attribute_of)
}
