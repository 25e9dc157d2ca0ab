//! Where a scalar becomes an Arrow value: the law of `convert.rs` for everything that is not nested.

use crate::convert::cell::Cell;
use crate::convert::column::ColumnType;
use crate::convert::json::scalar_json;
use crate::convert::number::Number;
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::DataType;
use std::sync::Arc;

/// The Arrow builder of scalar values.
#[derive(Debug)]
pub(super) enum Leaf {
    Text(StringBuilder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder),
    Boolean(BooleanBuilder),
    Binary(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
}

impl Leaf {
    /// `None` if a column of that type is no leaf.
    pub(super) fn new(kind: &ColumnType, data_type: &DataType) -> Option<Self> {
        Some(match kind {
            ColumnType::Text | ColumnType::Json | ColumnType::Item | ColumnType::Digits => {
                Self::Text(StringBuilder::new())
            }
            ColumnType::Int64 => Self::Int64(Int64Builder::new()),
            ColumnType::Float64 => Self::Float64(Float64Builder::new()),
            ColumnType::Decimal { .. } => Self::Decimal(Decimal128Builder::new().with_data_type(data_type.clone())),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Binary => Self::Binary(BinaryBuilder::new()),
            ColumnType::Timestamp(_) => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(data_type.clone()))
            }
            ColumnType::Date(_) => Self::Date(Date32Builder::new()),
            ColumnType::Struct(_) | ColumnType::List(_) | ColumnType::Map(_) => return None,
        })
    }

    /// Appends a value and gives its decoded size; `None` if it does not fit.
    pub(super) fn append(&mut self, kind: &ColumnType, cell: Cell<'_>) -> Option<usize> {
        match (self, cell) {
            (Self::Text(out), cell) => return append_text(out, kind, cell),
            (Self::Int64(out), Cell::Number(text)) => out.append_value(Number::parse(text)?.as_i64()?),
            (Self::Float64(out), Cell::Number(text)) => out.append_value(text.parse().ok()?),
            (Self::Decimal(out), Cell::Number(text)) => {
                let ColumnType::Decimal { precision, scale } = kind else { return None };
                out.append_value(Number::parse(text)?.as_decimal(*precision, *scale)?);
                return Some(16);
            }
            (Self::Boolean(out), Cell::Bool(truth)) => out.append_value(truth),
            (Self::Binary(out), Cell::Bytes(bytes)) => {
                out.append_value(bytes);
                return Some(bytes.len() + 4);
            }
            (Self::Timestamp(out), cell) => out.append_value(instant(kind, cell)?),
            (Self::Date(out), cell) => out.append_value(day(kind, cell)?),
            _ => return None,
        }
        Some(8)
    }

    /// Appends JSON text and gives its size.
    pub(super) fn append_json(&mut self, json: &str) -> usize {
        let Self::Text(out) = self else { return 0 };
        out.append_value(json);
        json.len() + 4
    }

    pub(super) fn append_null(&mut self) {
        match self {
            Self::Text(out) => out.append_null(),
            Self::Int64(out) => out.append_null(),
            Self::Float64(out) => out.append_null(),
            Self::Decimal(out) => out.append_null(),
            Self::Boolean(out) => out.append_null(),
            Self::Binary(out) => out.append_null(),
            Self::Timestamp(out) => out.append_null(),
            Self::Date(out) => out.append_null(),
        }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(out) => Arc::new(out.finish()),
            Self::Int64(out) => Arc::new(out.finish()),
            Self::Float64(out) => Arc::new(out.finish()),
            Self::Decimal(out) => Arc::new(out.finish()),
            Self::Boolean(out) => Arc::new(out.finish()),
            Self::Binary(out) => Arc::new(out.finish()),
            Self::Timestamp(out) => Arc::new(out.finish()),
            Self::Date(out) => Arc::new(out.finish()),
        }
    }
}

/// Text, the canonical digits of a number, or a scalar as JSON, as the column says.
fn append_text(out: &mut StringBuilder, kind: &ColumnType, cell: Cell<'_>) -> Option<usize> {
    match (kind, cell) {
        (ColumnType::Text, Cell::Text(text)) => {
            out.append_value(text);
            Some(text.len() + 4)
        }
        (ColumnType::Digits, Cell::Number(text)) => {
            let digits = Number::parse(text)?.to_string();
            out.append_value(&digits);
            Some(digits.len() + 4)
        }
        (ColumnType::Json, cell) => {
            let json = scalar_json(cell)?;
            out.append_value(&json);
            Some(json.len() + 4)
        }
        _ => None,
    }
}

fn instant(kind: &ColumnType, cell: Cell<'_>) -> Option<i64> {
    match (kind, cell) {
        (ColumnType::Timestamp(format), Cell::Text(text)) => format.of_text(text),
        (ColumnType::Timestamp(format), Cell::Number(digits)) => format.of_number(digits),
        _ => None,
    }
}

fn day(kind: &ColumnType, cell: Cell<'_>) -> Option<i32> {
    match (kind, cell) {
        (ColumnType::Date(format), Cell::Text(text)) => format.of_text(text),
        (ColumnType::Date(format), Cell::Number(digits)) => format.of_number(digits),
        _ => None,
    }
}
