//! One value on its way into a column, and what to say when it does not fit.

use super::column::ColumnType;
use super::number::Number;
use super::temporal::{DateFormat, EpochUnit, TimestampFormat};
use crate::config::declaration;
use arrow::datatypes::Schema;
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

    /// A type of instants that would hold this value, of numbers in the unit in which it lies nearest to our days; else one
    /// that holds it as it is.
    fn fitting_timestamp(self, wanted: &TimestampFormat) -> ColumnType {
        let epoch = |number: &Number| TimestampFormat::Epoch(EpochUnit::likely(number.integer_digits()));
        let rfc_3339 = TimestampFormat::Rfc3339;
        match self {
            Self::Text(text) if rfc_3339.of_text(text).is_some() => ColumnType::Timestamp(rfc_3339),
            Self::Text(_) if !matches!(wanted, TimestampFormat::Epoch(_)) => ColumnType::Text,
            Self::Number(text) => match Number::parse(text).map(|number| epoch(&number)) {
                Some(format) if format.of_number(text).is_some() => ColumnType::Timestamp(format),
                _ => self.fitting_number(0),
            },
            _ => ColumnType::Json,
        }
    }

    /// A type of numbers that would hold this value, and those with so many digits after the point.
    fn fitting_number(self, fraction_digits: u32) -> ColumnType {
        let Self::Number(text) = self else { return ColumnType::Json };
        let Some(number) = Number::parse(text) else { return ColumnType::Json };
        let fraction_digits = number.fraction_digits().max(fraction_digits);
        match i8::try_from(fraction_digits) {
            Ok(scale) if fraction_digits + number.integer_digits() <= 38 => {
                ColumnType::Decimal { precision: 38, scale }
            }
            _ => ColumnType::Digits,
        }
    }
}

/// A type with another one at the end of a path.
fn replaced(whole: ColumnType, path: &[&Step], by: &ColumnType) -> ColumnType {
    let Some((step, path)) = path.split_first() else { return by.clone() };
    match (whole, step) {
        (ColumnType::Struct(mut members), Step::Field { name, .. }) => {
            for member in members.iter_mut().filter(|member| member.name == *name) {
                member.kind = replaced(member.kind.clone(), path, by);
            }
            ColumnType::Struct(members)
        }
        (ColumnType::List(element), Step::Element) => ColumnType::List(Box::new(replaced(*element, path, by))),
        (ColumnType::Map(value), Step::Element) => ColumnType::Map(Box::new(replaced(*value, path, by))),
        _ => ColumnType::Json,
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
        // A number fits a number column of another size, a time one of another form; anything else only fits as JSON.
        let declare = match wanted {
            ColumnType::Int64 => cell.fitting_number(0),
            ColumnType::Decimal { scale, .. } => cell.fitting_number(u32::try_from(*scale).unwrap_or(0)),
            ColumnType::Timestamp(format) => cell.fitting_timestamp(format),
            ColumnType::Date(DateFormat::Iso | DateFormat::Pattern(_)) if matches!(cell, Cell::Text(_)) => {
                ColumnType::Text
            }
            _ => ColumnType::Json,
        };
        Box::new(Self { found: cell.describe(), wanted: wanted.label(), declare, path: Vec::new() })
    }

    pub(crate) fn within(mut self: Box<Self>, step: Step) -> Box<Self> {
        self.path.push(step);
        self
    }

    /// The error, with the declaration that would help; `schema` has the column.
    pub(crate) fn into_error(self, catalog: &str, table: &str, schema: &Schema) -> Error {
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
        let inner: Vec<&Step> = self.path.iter().rev().skip(1).collect();
        let whole = schema.field_with_name(column).ok().and_then(ColumnType::of);
        let declare = match whole {
            Some(whole) => replaced(whole, &inner, &self.declare),
            None if inner.is_empty() => self.declare.clone(),
            None => ColumnType::Json,
        };
        let line = declaration(column, attribute, &declare);
        let line = format!("[catalogs.{catalog}.tables.{}.columns] {line}", quoted_key(table));
        Error::new(ErrorKind::SchemaMismatch, message).with_hint(format!("declare its type: {line}"))
    }
}
