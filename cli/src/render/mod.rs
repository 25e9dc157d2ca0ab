//! Rows to bytes: the only module that writes to standard output.

mod arrow;
mod cells;
mod csv;
mod json;
mod jsonl;
mod output;
mod parquet;
mod table;

pub(crate) use output::Output;

use crate::settings::RowFormat;
use ::arrow::array::RecordBatch;
use ::arrow::datatypes::{DataType, SchemaRef};
use ::arrow::error::ArrowError;
use headwater_core::{Error, ErrorKind, Result};

/// Writes the rows of one statement.
///
/// Created when the first rows are there or it is known that there are none, so that a statement that fails before
/// has written nothing. Dropped without `finish`, it leaves behind what it has written so far.
pub(crate) trait Renderer {
    /// Adds rows.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Whether nothing was handed to the output so far.
    fn holds_back(&self) -> bool {
        false
    }

    /// Writes what was held back, and the end.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// A renderer for rows of `schema`.
pub(crate) fn renderer<'a>(
    format: RowFormat,
    schema: &SchemaRef,
    output: &'a mut Output,
) -> Result<Box<dyn Renderer + 'a>> {
    Ok(match format {
        RowFormat::Table => Box::new(table::Table::new(schema, output)),
        RowFormat::Csv => Box::new(csv::Csv::new(schema, output)?),
        RowFormat::Jsonl => Box::new(jsonl::Jsonl::new(schema, output)?),
        RowFormat::Parquet => Box::new(parquet::Parquet::new(schema, output)?),
        RowFormat::Arrow => Box::new(arrow::Arrow::new(schema, output)?),
    })
}

/// Whether the statements of a text may follow one another in one output.
pub(crate) fn takes_several(format: RowFormat) -> bool {
    match format {
        RowFormat::Table | RowFormat::Csv | RowFormat::Jsonl => true,
        RowFormat::Parquet | RowFormat::Arrow => false,
    }
}

fn is_nested(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_nested(value),
        other => other.is_nested(),
    }
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// What a renderer could not do with a value.
fn failed(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, reason) => write_failed(&reason),
        other => Error::new(ErrorKind::Unsupported, format!("the result cannot be written: {other}"))
            .with_hint("cast the column to text, or choose another --format"),
    }
}

fn write_failed(reason: &std::io::Error) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the output cannot be written: {reason}"))
}
