//! One value on its way into a column, and what to say when it does not fit.

use super::attribute::kind_of;
use super::column::{ColumnType, attribute_of};
use super::number::Number;
use crate::config::declaration;
use arrow::datatypes::Field;
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_core::config::quoted_key;
use headwater_core::{Error, ErrorKind};

/// A value as the builders see it: members of sets are values like any other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Null,
    Text(&'a str),
    Number(&'a str),
    Bytes(&'a [u8]),
    Other(&'a AttributeValue),
}

impl<'a> Cell<'a> {
    pub(super) fn of(value: &'a AttributeValue) -> Self {
        match value {
            AttributeValue::Null(_) => Self::Null,
            AttributeValue::S(text) => Self::Text(text),
            AttributeValue::N(text) => Self::Number(text),
            AttributeValue::B(bytes) => Self::Bytes(bytes.as_ref()),
            other => Self::Other(other),
        }
    }

    /// The kind of value, precise enough to see why it does not fit.
    fn describe(self) -> String {
        let Self::Number(text) = self else {
            return match self {
                Self::Null => "NULL".to_owned(),
                Self::Text(_) => "text (S)".to_owned(),
                Self::Bytes(_) => "binary (B)".to_owned(),
                Self::Other(value) => format!("a value of type {}", kind_of(value)),
                Self::Number(_) => "a number (N)".to_owned(),
            };
        };
        match Number::parse(text) {
            Some(number) if number.fraction_digits() > 0 => {
                format!("a number (N) with {} digits after the point", number.fraction_digits())
            }
            Some(number) => format!("a number (N) with {} digits", number.integer_digits()),
            None => "a number (N) with more than 38 digits".to_owned(),
        }
    }

    /// A type that would hold this value.
    fn fitting_type(self) -> ColumnType {
        let Self::Number(text) = self else { return ColumnType::Json };
        let Some(number) = Number::parse(text) else { return ColumnType::Json };
        match i8::try_from(number.fraction_digits()) {
            Ok(scale) if number.fraction_digits() + number.integer_digits() <= 38 => {
                ColumnType::Decimal { precision: 38, scale }
            }
            _ => ColumnType::Digits,
        }
    }
}

/// A value that its column cannot hold.
#[derive(Debug)]
pub(super) struct Misfit {
    found: String,
    wanted: String,
    /// The type to declare instead; nested values can only be declared with their whole column.
    declare: ColumnType,
    path: Vec<String>,
}

impl Misfit {
    pub(super) fn new(cell: Cell<'_>, wanted: &ColumnType) -> Box<Self> {
        // A number fits a number column of another size; anything else only fits as JSON.
        let numeric = matches!(wanted, ColumnType::Int64 | ColumnType::Decimal { .. });
        let declare = if numeric { cell.fitting_type() } else { ColumnType::Json };
        Box::new(Self { found: cell.describe(), wanted: wanted.label(), declare, path: Vec::new() })
    }

    pub(super) fn within(mut self: Box<Self>, step: &str) -> Box<Self> {
        self.path.insert(0, step.to_owned());
        self.declare = ColumnType::Json;
        self
    }

    /// The error, with the declaration that would help.
    pub(super) fn into_error(self, catalog: &str, table: &str, field: &Field) -> Error {
        let mut column = field.name().clone();
        self.path.iter().for_each(|step| column.push_str(step));
        let message = format!("column {column} of table {table} is {}, but an item has {}", self.wanted, self.found);
        let line = declaration(field.name(), attribute_of(field), &self.declare);
        let line = format!("[catalogs.{catalog}.tables.{}.columns] {line}", quoted_key(table));
        Error::new(ErrorKind::SchemaMismatch, message).with_hint(format!("declare its type: {line}"))
    }
}
