//! One value on its way into a column, and what to say when it does not fit.

use super::column::ColumnType;
use super::number::Number;
use crate::config::declaration;
use headwater_core::config::quoted_key;
use headwater_core::{Error, ErrorKind};

/// A value as the leaves of the builders see it: members of sets are values like any other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    Number(&'a str),
    Bytes(&'a [u8]),
    Bool(bool),
    /// A map, a list or a set, by the API's name of its kind: no leaf holds any.
    Nested(&'static str),
}

impl Cell<'_> {
    /// The kind of value, precise enough to see why it does not fit.
    fn describe(self) -> String {
        let Self::Number(text) = self else {
            return match self {
                Self::Text(_) => "text (S)".to_owned(),
                Self::Bytes(_) => "binary (B)".to_owned(),
                Self::Bool(_) => "a value of type BOOL".to_owned(),
                Self::Nested(kind) => format!("a value of type {kind}"),
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
pub(crate) struct Misfit {
    found: String,
    wanted: String,
    /// The type to declare instead.
    declare: ColumnType,
    /// Where in the item, from the inside out.
    path: Vec<Step>,
}

/// A step into a value.
#[derive(Debug)]
pub(crate) enum Step {
    /// Into a column, or the field of a nested value, that is read from an attribute or entry.
    Field { name: String, attribute: String },
    /// Into an element of a list, or a value of a map.
    Element,
}

impl Misfit {
    pub(crate) fn new(cell: Cell<'_>, wanted: &ColumnType) -> Box<Self> {
        // A number fits a number column of another size; anything else only fits as JSON.
        let numeric = matches!(wanted, ColumnType::Int64 | ColumnType::Decimal { .. });
        let declare = if numeric { cell.fitting_type() } else { ColumnType::Json };
        Box::new(Self { found: cell.describe(), wanted: wanted.label(), declare, path: Vec::new() })
    }

    pub(crate) fn within(mut self: Box<Self>, step: Step) -> Box<Self> {
        self.path.push(step);
        self
    }

    /// The error, with the declaration that would help.
    pub(crate) fn into_error(self, catalog: &str, table: &str) -> Error {
        let mut path = self.path.iter().rev();
        let (column, attribute) = match path.next() {
            Some(Step::Field { name, attribute }) => (name.as_str(), attribute.as_str()),
            Some(Step::Element) | None => ("", ""),
        };
        let place = path.fold(column.to_owned(), |place, step| match step {
            Step::Field { name, .. } => format!("{place}.{name}"),
            Step::Element => format!("{place}[]"),
        });
        let message = format!("column {place} of table {table} is {}, but an item has {}", self.wanted, self.found);
        // Nested values can only be declared with their whole column.
        let declare = if self.path.len() > 1 { &ColumnType::Json } else { &self.declare };
        let line = declaration(column, attribute, declare);
        let line = format!("[catalogs.{catalog}.tables.{}.columns] {line}", quoted_key(table));
        Error::new(ErrorKind::SchemaMismatch, message).with_hint(format!("declare its type: {line}"))
    }
}
