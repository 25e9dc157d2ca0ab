//! Items into Arrow columns, value by value, without rows in between.

use super::cell::{Cell, Misfit};
use super::column::{ColumnType, attribute_of};
use super::json::{sorted_numbers, sorted_texts, write_json};
use super::number::Number;
use super::temporal::{date_days, timestamp_micros};
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, ListArray,
    RecordBatch, RecordBatchOptions, StringBuilder, StructArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, SchemaRef};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_core::{Error, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// Collects items of one table into a batch of a schema.
#[derive(Debug)]
pub(crate) struct RowBuilder {
    schema: SchemaRef,
    catalog: String,
    table: String,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

impl RowBuilder {
    /// # Errors
    /// `Internal` for a schema that no table of ours has.
    pub(crate) fn new(schema: SchemaRef, catalog: &str, table: &str) -> Result<Self> {
        let columns = schema.fields().iter().map(|field| ColumnBuilder::new(field)).collect::<Result<_>>()?;
        Ok(Self { schema, catalog: catalog.to_owned(), table: table.to_owned(), columns, rows: 0, bytes: 0 })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// About how many decoded bytes there are so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an item; attributes without a column are left out.
    ///
    /// # Errors
    /// `SchemaMismatch` for a value that its column cannot hold; the builder is then of no more use.
    pub(crate) fn push(&mut self, item: &HashMap<String, AttributeValue>) -> Result<()> {
        for (field, column) in self.schema.fields().iter().zip(&mut self.columns) {
            let cell = item.get(attribute_of(field)).map_or(Cell::Null, Cell::of);
            match column.append(cell) {
                Ok(bytes) => self.bytes += bytes,
                Err(misfit) => return Err((*misfit).into_error(&self.catalog, &self.table, field)),
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// The batch so far; the builder starts anew.
    ///
    /// # Errors
    /// `Internal` if Arrow rejects the columns.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch> {
        let columns = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| Error::internal(format!("a batch of table {}: {error}", self.table)))
    }
}

/// The Arrow builder of one column or of one nested field.
#[derive(Debug)]
struct ColumnBuilder {
    kind: ColumnType,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Text(StringBuilder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder),
    Boolean(BooleanBuilder),
    Binary(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    Struct { fields: Fields, columns: Vec<ColumnBuilder>, valid: Vec<bool> },
    List { element: FieldRef, column: Box<ColumnBuilder>, offsets: Vec<i32>, length: i32, valid: Vec<bool> },
}

impl ColumnBuilder {
    fn new(field: &Field) -> Result<Self> {
        let unknown = || Error::internal(format!("column {} has a type that no DynamoDB column has", field.name()));
        let kind = ColumnType::of(field).ok_or_else(unknown)?;
        let values = match (&kind, field.data_type()) {
            (ColumnType::Text | ColumnType::Json | ColumnType::Digits, _) => Values::Text(StringBuilder::new()),
            (ColumnType::Int64, _) => Values::Int64(Int64Builder::new()),
            (ColumnType::Float64, _) => Values::Float64(Float64Builder::new()),
            (ColumnType::Decimal { .. }, decimal) => {
                Values::Decimal(Decimal128Builder::new().with_data_type(decimal.clone()))
            }
            (ColumnType::Boolean, _) => Values::Boolean(BooleanBuilder::new()),
            (ColumnType::Binary, _) => Values::Binary(BinaryBuilder::new()),
            (ColumnType::Timestamp, timestamp) => {
                Values::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(timestamp.clone()))
            }
            (ColumnType::Date, _) => Values::Date(Date32Builder::new()),
            (ColumnType::Struct(_), DataType::Struct(fields)) => Values::Struct {
                fields: fields.clone(),
                columns: fields.iter().map(|field| Self::new(field)).collect::<Result<_>>()?,
                valid: Vec::new(),
            },
            (ColumnType::List(_), DataType::List(element)) => Values::List {
                element: Arc::clone(element),
                column: Box::new(Self::new(element)?),
                offsets: vec![0],
                length: 0,
                valid: Vec::new(),
            },
            _ => return Err(unknown()),
        };
        Ok(Self { kind, values })
    }

    /// Appends a value and gives its decoded size.
    fn append(&mut self, cell: Cell<'_>) -> Result<usize, Box<Misfit>> {
        let misfit = || Misfit::new(cell, &self.kind);
        match (&mut self.values, cell) {
            (values, Cell::Null) => return Ok(values.append_null()),
            (Values::Text(out), cell) => return append_text(out, &self.kind, cell).ok_or_else(misfit),
            (Values::Int64(out), Cell::Number(text)) => {
                out.append_value(Number::parse(text).and_then(|number| number.as_i64()).ok_or_else(misfit)?);
            }
            (Values::Float64(out), Cell::Number(text)) => out.append_value(text.parse().map_err(|_| misfit())?),
            (Values::Decimal(out), Cell::Number(text)) => {
                out.append_value(decimal(&self.kind, text).ok_or_else(misfit)?);
                return Ok(16);
            }
            (Values::Boolean(out), Cell::Other(AttributeValue::Bool(truth))) => out.append_value(*truth),
            (Values::Binary(out), Cell::Bytes(bytes)) => {
                out.append_value(bytes);
                return Ok(bytes.len() + 4);
            }
            (Values::Timestamp(out), Cell::Text(text)) => {
                out.append_value(timestamp_micros(text).ok_or_else(misfit)?);
            }
            (Values::Date(out), Cell::Text(text)) => out.append_value(date_days(text).ok_or_else(misfit)?),
            (Values::Struct { fields, columns, valid }, Cell::Other(AttributeValue::M(entries))) => {
                valid.push(true);
                return append_entries(fields, columns, entries);
            }
            (values @ Values::List { .. }, Cell::Other(value)) => {
                return values.append_members(value).unwrap_or_else(|| Err(Misfit::new(cell, &self.kind)));
            }
            _ => return Err(misfit()),
        }
        Ok(8)
    }

    fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Text(out) => Arc::new(out.finish()),
            Values::Int64(out) => Arc::new(out.finish()),
            Values::Float64(out) => Arc::new(out.finish()),
            Values::Decimal(out) => Arc::new(out.finish()),
            Values::Boolean(out) => Arc::new(out.finish()),
            Values::Binary(out) => Arc::new(out.finish()),
            Values::Timestamp(out) => Arc::new(out.finish()),
            Values::Date(out) => Arc::new(out.finish()),
            Values::Struct { fields, columns, valid } => {
                let children = columns.iter_mut().map(Self::finish).collect();
                let nulls = NullBuffer::from(std::mem::take(valid));
                Arc::new(StructArray::new(fields.clone(), children, Some(nulls)))
            }
            Values::List { element, column, offsets, length, valid } => {
                *length = 0;
                let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(offsets, vec![0])));
                let nulls = NullBuffer::from(std::mem::take(valid));
                Arc::new(ListArray::new(Arc::clone(element), offsets, column.finish(), Some(nulls)))
            }
        }
    }
}

impl Values {
    fn append_null(&mut self) -> usize {
        match self {
            Self::Text(out) => out.append_null(),
            Self::Int64(out) => out.append_null(),
            Self::Float64(out) => out.append_null(),
            Self::Decimal(out) => out.append_null(),
            Self::Boolean(out) => out.append_null(),
            Self::Binary(out) => out.append_null(),
            Self::Timestamp(out) => out.append_null(),
            Self::Date(out) => out.append_null(),
            Self::Struct { columns, valid, .. } => {
                valid.push(false);
                return columns.iter_mut().map(|column| column.values.append_null()).sum();
            }
            Self::List { offsets, length, valid, .. } => {
                valid.push(false);
                offsets.push(*length);
            }
        }
        4
    }

    /// Appends the members of a list or a set; `None` if the value is neither.
    fn append_members(&mut self, value: &AttributeValue) -> Option<Result<usize, Box<Misfit>>> {
        let Self::List { column, offsets, length, valid, .. } = self else { return None };
        let members: Vec<Cell<'_>> = match value {
            AttributeValue::L(values) => values.iter().map(Cell::of).collect(),
            AttributeValue::Ss(texts) => sorted_texts(texts).into_iter().map(Cell::Text).collect(),
            AttributeValue::Ns(texts) => sorted_numbers(texts).into_iter().map(Cell::Number).collect(),
            AttributeValue::Bs(blobs) => {
                let mut blobs: Vec<&[u8]> = blobs.iter().map(AsRef::as_ref).collect();
                blobs.sort_unstable();
                blobs.into_iter().map(Cell::Bytes).collect()
            }
            _ => return None,
        };
        let mut bytes = 4;
        for member in members {
            match column.append(member) {
                Ok(size) => bytes += size,
                Err(misfit) => return Some(Err(misfit.within("[]"))),
            }
            *length += 1;
        }
        offsets.push(*length);
        valid.push(true);
        Some(Ok(bytes))
    }
}

/// Text, digits or JSON, as the column says; `None` if it does not fit.
fn append_text(out: &mut StringBuilder, kind: &ColumnType, cell: Cell<'_>) -> Option<usize> {
    let text = match (kind, cell) {
        (ColumnType::Text, Cell::Text(text)) => {
            out.append_value(text);
            return Some(text.len() + 4);
        }
        (ColumnType::Digits, Cell::Number(text)) => Number::parse(text)?.to_string(),
        (ColumnType::Json, cell) => json_text(cell),
        _ => return None,
    };
    out.append_value(&text);
    Some(text.len() + 4)
}

fn json_text(cell: Cell<'_>) -> String {
    let mut text = String::new();
    match cell {
        Cell::Null => text.push_str("null"),
        Cell::Text(value) => write_json(&AttributeValue::S(value.to_owned()), &mut text),
        Cell::Number(value) => write_json(&AttributeValue::N(value.to_owned()), &mut text),
        Cell::Bytes(value) => {
            write_json(&AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(value)), &mut text);
        }
        Cell::Other(value) => write_json(value, &mut text),
    }
    text
}

fn decimal(kind: &ColumnType, text: &str) -> Option<i128> {
    let ColumnType::Decimal { precision, scale } = kind else { return None };
    Number::parse(text)?.as_decimal(*precision, *scale)
}

fn append_entries(
    fields: &Fields,
    columns: &mut [ColumnBuilder],
    entries: &HashMap<String, AttributeValue>,
) -> Result<usize, Box<Misfit>> {
    let mut bytes = 0;
    for (field, column) in fields.iter().zip(columns) {
        let cell = entries.get(attribute_of(field)).map_or(Cell::Null, Cell::of);
        bytes += column.append(cell).map_err(|misfit| misfit.within(&format!(".{}", field.name())))?;
    }
    Ok(bytes)
}
