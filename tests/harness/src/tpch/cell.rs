//! Values of the benchmark's tables, of which there are but five types.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use arrow::error::ArrowError;

use crate::copy::{Line, hundredths};
use crate::timestamp::Timestamp;

/// A value; none is ever NULL.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Integer(i64),
    /// In hundredths.
    Decimal(i128),
    /// In days since 1970-01-01.
    Date(i32),
    Text(&'a str),
}

/// The columns of a batch, of known types.
#[derive(Debug)]
pub(super) struct Columns {
    names: Vec<String>,
    arrays: Vec<ArrayRef>,
    rows: usize,
}

impl Columns {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        for field in batch.schema().fields() {
            match field.data_type() {
                DataType::Int32
                | DataType::Int64
                | DataType::Decimal128(_, 2)
                | DataType::Date32
                | DataType::Utf8View => {}
                other => {
                    return Err(ArrowError::SchemaError(format!(
                        "column {} has the unexpected type {other}",
                        field.name()
                    )));
                }
            }
        }
        let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        Ok(Self { names, arrays: batch.columns().iter().map(Arc::clone).collect(), rows: batch.num_rows() })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Names and values of one row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (&str, Cell<'_>)> {
        self.names.iter().zip(&self.arrays).map(move |(name, array)| (name.as_str(), cell(array, row)))
    }

    /// All rows in the text format of COPY.
    pub(super) fn lines(&self) -> String {
        let mut text = String::new();
        for row in 0..self.rows {
            let mut line = Line::default();
            for (_, cell) in self.row(row) {
                match cell {
                    Cell::Integer(value) => line.field(value),
                    Cell::Decimal(value) => line.field(hundredths(value)),
                    Cell::Date(days) => line.field(date(days)),
                    Cell::Text(value) => line.text(value),
                };
            }
            text.push_str(&line.end());
        }
        text
    }
}

/// `1996-03-13`.
pub(super) fn date(days: i32) -> String {
    let (year, month, day) = Timestamp { seconds: i64::from(days) * 86_400 }.date();
    format!("{year:04}-{month:02}-{day:02}")
}

/// The types are those that [`Columns::of`] lets pass.
fn cell(array: &ArrayRef, row: usize) -> Cell<'_> {
    match array.data_type() {
        DataType::Int32 => Cell::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Date32 => Cell::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Decimal128(..) => Cell::Decimal(array.as_primitive::<Decimal128Type>().value(row)),
        _ => Cell::Text(array.as_string_view().value(row)),
    }
}
