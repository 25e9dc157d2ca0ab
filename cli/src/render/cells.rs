//! Values as text, for the formats that have nothing but text.

use super::{failed, is_nested, json};
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::json::EncoderOptions;
use arrow::json::writer::NullableEncoder;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use headwater_core::{Error, Result};

/// Calls `cell` with every value of a batch, row by row; `None` is NULL.
///
/// Numbers have all their digits, instants are ISO 8601 (`Z` for UTC), binary is hexadecimal, nested values are JSON.
pub(super) fn for_each_cell(
    batch: &RecordBatch,
    mut cell: impl FnMut(usize, Option<&str>) -> Result<()>,
) -> Result<()> {
    let options = json::options();
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let mut columns =
        columns.map(|(field, column)| Column::new(field, column, &options)).collect::<Result<Vec<_>>>()?;
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        for (index, column) in columns.iter_mut().enumerate() {
            text.clear();
            let is_value = column.write(row, &mut text)?;
            cell(index, is_value.then_some(text.as_str()))?;
        }
    }
    Ok(())
}

struct Column<'a> {
    /// Logical, as an array of type Null or a dictionary may hold NULLs that it has no bits for.
    nulls: Option<NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Plain(ArrayFormatter<'a>),
    Json(NullableEncoder<'a>),
}

impl<'a> Column<'a> {
    fn new(field: &'a arrow::datatypes::FieldRef, column: &'a ArrayRef, options: &'a EncoderOptions) -> Result<Self> {
        let values = if is_nested(field.data_type()) {
            Values::Json(json::encoder(field, column, options)?)
        } else {
            // An error is better than a cell that says "ERROR: …".
            let format = FormatOptions::new().with_display_error(false);
            Values::Plain(ArrayFormatter::try_new(column.as_ref(), &format).map_err(failed)?)
        };
        Ok(Self { nulls: column.logical_nulls(), values })
    }

    /// Appends the value of a row; `false` if it is NULL.
    fn write(&mut self, row: usize, text: &mut String) -> Result<bool> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(false);
        }
        match &mut self.values {
            Values::Plain(formatter) => formatter.value(row).write(text).map_err(failed)?,
            Values::Json(encoder) => {
                let mut bytes = Vec::new();
                encoder.encode(row, &mut bytes);
                let json = String::from_utf8(bytes).map_err(|_| Error::internal("JSON that is not UTF-8"))?;
                text.push_str(&json);
            }
        }
        Ok(true)
    }
}
