//! Column types, and how an Arrow field remembers the ones that Arrow itself cannot tell apart.

use super::temporal::{DateFormat, TimestampFormat};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use aws_sdk_dynamodb::types::ScalarAttributeType;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The key of the field metadata that tells JSON and digits from plain text, and has the format of dates.
const READ_AS: &str = "headwater:read_as";
const JSON: &str = "json";
const ITEM: &str = "item";
const DIGITS: &str = "number";
/// The key of the field metadata that names the attribute, where the column has another name.
const ATTRIBUTE: &str = "headwater:attribute";

/// The attribute that a column, or a nested field, is read from.
pub(crate) fn attribute_of(field: &Field) -> &str {
    field.metadata().get(ATTRIBUTE).unwrap_or(field.name())
}

/// How values of a column become Arrow values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Text,
    /// Any value as JSON text.
    Json,
    /// The whole item as JSON text; of no attribute in particular.
    Item,
    /// Numbers as text, in canonical digits.
    Digits,
    Int64,
    Float64,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Boolean,
    Binary,
    Timestamp(TimestampFormat),
    Date(DateFormat),
    Struct(Vec<Member>),
    List(Box<ColumnType>),
    /// Maps whose entries are all of one type, by name.
    Map(Box<ColumnType>),
}

/// A field of a struct, and the map entry that it is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) attribute: String,
    pub(crate) kind: ColumnType,
}

impl Member {
    /// A field with the name of its entry.
    pub(crate) fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        let name = name.into();
        Self { attribute: name.clone(), name, kind }
    }
}

impl ColumnType {
    /// The nullable Arrow field of this type, read from the attribute of the same name.
    pub(crate) fn field(&self, name: &str) -> Field {
        self.field_of(name, name)
    }

    /// The nullable Arrow field `name`, read from `attribute`.
    pub(crate) fn field_of(&self, name: &str, attribute: &str) -> Field {
        let mut metadata = HashMap::new();
        if let Some(read_as) = self.read_as() {
            metadata.insert(READ_AS.to_owned(), read_as);
        }
        if attribute != name {
            metadata.insert(ATTRIBUTE.to_owned(), attribute.to_owned());
        }
        Field::new(name, self.data_type(), true).with_metadata(metadata)
    }

    /// What the Arrow type does not tell.
    fn read_as(&self) -> Option<String> {
        match self {
            Self::Json => Some(JSON.to_owned()),
            Self::Item => Some(ITEM.to_owned()),
            Self::Digits => Some(DIGITS.to_owned()),
            Self::Timestamp(format) => format.argument(),
            Self::Date(format) => format.argument(),
            _ => None,
        }
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Text | Self::Json | Self::Item | Self::Digits => DataType::Utf8,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::Boolean => DataType::Boolean,
            Self::Binary => DataType::Binary,
            Self::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            Self::Date(_) => DataType::Date32,
            Self::Struct(members) => {
                DataType::Struct(members.iter().map(|m| m.kind.field_of(&m.name, &m.attribute)).collect())
            }
            Self::List(element) => DataType::List(Arc::new(element.field("item"))),
            Self::Map(value) => {
                let entry = [Field::new("key", DataType::Utf8, false), value.field("value")];
                let entries = Field::new("entries", DataType::Struct(Fields::from(entry.to_vec())), false);
                DataType::Map(Arc::new(entries), false)
            }
        }
    }

    /// The type a field stands for; `None` if no table of ours has such a field.
    pub(crate) fn of(field: &Field) -> Option<Self> {
        let read_as = field.metadata().get(READ_AS).map(String::as_str);
        Some(match field.data_type() {
            DataType::Utf8 => match read_as {
                Some(JSON) => Self::Json,
                Some(ITEM) => Self::Item,
                Some(DIGITS) => Self::Digits,
                _ => Self::Text,
            },
            DataType::Int64 => Self::Int64,
            DataType::Float64 => Self::Float64,
            DataType::Decimal128(precision, scale) => Self::Decimal { precision: *precision, scale: *scale },
            DataType::Boolean => Self::Boolean,
            DataType::Binary => Self::Binary,
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Self::Timestamp(TimestampFormat::of(read_as)?),
            DataType::Date32 => Self::Date(DateFormat::of(read_as)?),
            DataType::Struct(fields) => Self::Struct(members(fields)?),
            DataType::List(element) => Self::List(Box::new(Self::of(element)?)),
            DataType::Map(entries, _) => {
                let DataType::Struct(entry) = entries.data_type() else { return None };
                Self::Map(Box::new(Self::of(entry.get(1)?)?))
            }
            _ => return None,
        })
    }

    /// For messages.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Json => "JSON text".to_owned(),
            Self::Item => "the item as JSON text".to_owned(),
            Self::Digits => "numbers as text".to_owned(),
            Self::Struct(_) | Self::Map(_) => "a map".to_owned(),
            Self::List(_) => "a list".to_owned(),
            scalar => scalar.to_string(),
        }
    }

    /// The kind of value that DynamoDB compares exactly as the engine compares this type; the reason if there is none.
    pub(crate) fn comparable(&self) -> Result<KeyKind, &'static str> {
        match self {
            Self::Text => Ok(KeyKind::S),
            Self::Int64 | Self::Decimal { .. } => Ok(KeyKind::N),
            Self::Binary => Ok(KeyKind::B),
            Self::Boolean => Ok(KeyKind::Bool),
            Self::Json => Err("it is read as JSON text, and DynamoDB compares the original values"),
            Self::Item => Err("it is the whole item as JSON text, and no attribute"),
            Self::Digits => Err("its numbers are read as text, and DynamoDB compares numbers"),
            Self::Float64 => Err("it is declared float64, and DynamoDB compares decimal digits"),
            Self::Timestamp(_) => Err("it is declared timestamp, and DynamoDB compares the stored value"),
            Self::Date(_) => Err("it is declared date, and DynamoDB compares the stored value"),
            Self::Struct(_) | Self::List(_) | Self::Map(_) => Err("it is a map or a list"),
        }
    }
}

fn members(fields: &Fields) -> Option<Vec<Member>> {
    let member = |field: &Arc<Field>| {
        let (name, attribute) = (field.name().clone(), attribute_of(field).to_owned());
        Some(Member { name, attribute, kind: ColumnType::of(field)? })
    };
    fields.iter().map(member).collect()
}

/// Kinds of scalar values that DynamoDB compares; keys are of the first three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyKind {
    S,
    N,
    B,
    #[serde(rename = "BOOL")]
    Bool,
}

impl KeyKind {
    /// The kind of a key attribute's type; `None` for one that the API did not have yet.
    pub(crate) fn of(kind: &ScalarAttributeType) -> Option<Self> {
        match kind {
            ScalarAttributeType::S => Some(Self::S),
            ScalarAttributeType::N => Some(Self::N),
            ScalarAttributeType::B => Some(Self::B),
            _ => None,
        }
    }

    /// As the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Bool => "BOOL",
        }
    }
}
