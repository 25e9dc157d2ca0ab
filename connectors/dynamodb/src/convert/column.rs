//! Column types, and how an Arrow field remembers the ones that Arrow itself cannot tell apart.

use crate::config::DeclaredType;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The key of the field metadata that tells JSON and digits from plain text.
const READ_AS: &str = "headwater:read_as";
const JSON: &str = "json";
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
    Timestamp,
    Date,
    /// Sorted by name.
    Struct(Vec<(String, ColumnType)>),
    List(Box<ColumnType>),
}

impl ColumnType {
    /// The nullable Arrow field of this type.
    pub(crate) fn field(&self, name: &str) -> Field {
        let field = Field::new(name, self.data_type(), true);
        let read_as = match self {
            Self::Json => JSON,
            Self::Digits => DIGITS,
            _ => return field,
        };
        field.with_metadata(HashMap::from([(READ_AS.to_owned(), read_as.to_owned())]))
    }

    fn data_type(&self) -> DataType {
        match self {
            Self::Text | Self::Json | Self::Digits => DataType::Utf8,
            Self::Int64 => DataType::Int64,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Self::Boolean => DataType::Boolean,
            Self::Binary => DataType::Binary,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            Self::Date => DataType::Date32,
            Self::Struct(fields) => DataType::Struct(fields.iter().map(|(name, kind)| kind.field(name)).collect()),
            Self::List(element) => DataType::List(Arc::new(element.field("item"))),
        }
    }

    /// The type a field stands for; `None` if no table of ours has such a field.
    pub(crate) fn of(field: &Field) -> Option<Self> {
        Some(match field.data_type() {
            DataType::Utf8 => match field.metadata().get(READ_AS).map(String::as_str) {
                Some(JSON) => Self::Json,
                Some(DIGITS) => Self::Digits,
                _ => Self::Text,
            },
            DataType::Int64 => Self::Int64,
            DataType::Float64 => Self::Float64,
            DataType::Decimal128(precision, scale) => Self::Decimal { precision: *precision, scale: *scale },
            DataType::Boolean => Self::Boolean,
            DataType::Binary => Self::Binary,
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Self::Timestamp,
            DataType::Date32 => Self::Date,
            DataType::Struct(fields) => Self::Struct(named(fields)?),
            DataType::List(element) => Self::List(Box::new(Self::of(element)?)),
            _ => return None,
        })
    }

    /// For messages.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Json => "JSON text".to_owned(),
            Self::Digits => "numbers as text".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Float64 => "float64".to_owned(),
            Self::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            Self::Boolean => "boolean".to_owned(),
            Self::Binary => "binary".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
            Self::Date => "date".to_owned(),
            Self::Struct(_) => "a map".to_owned(),
            Self::List(_) => "a list".to_owned(),
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
            Self::Digits => Err("its numbers are read as text, and DynamoDB compares numbers"),
            Self::Float64 => Err("it is declared float64, and DynamoDB compares decimal digits"),
            Self::Timestamp => Err("it is declared timestamp, and DynamoDB compares the stored text"),
            Self::Date => Err("it is declared date, and DynamoDB compares the stored text"),
            Self::Struct(_) | Self::List(_) => Err("it is a map or a list"),
        }
    }
}

fn named(fields: &Fields) -> Option<Vec<(String, ColumnType)>> {
    fields.iter().map(|field| Some((field.name().clone(), ColumnType::of(field)?))).collect()
}

impl From<DeclaredType> for ColumnType {
    fn from(declared: DeclaredType) -> Self {
        match declared {
            DeclaredType::Text => Self::Text,
            DeclaredType::Int64 => Self::Int64,
            DeclaredType::Float64 => Self::Float64,
            DeclaredType::Decimal { precision, scale } => Self::Decimal { precision, scale },
            DeclaredType::Boolean => Self::Boolean,
            DeclaredType::Binary => Self::Binary,
            DeclaredType::Timestamp => Self::Timestamp,
            DeclaredType::Date => Self::Date,
            DeclaredType::Json => Self::Json,
        }
    }
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
