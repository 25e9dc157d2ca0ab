//! Items into Arrow columns, value by value, without rows in between.

use super::cell::{Cell, Misfit};
use super::column::{ColumnType, attribute_of};
use super::json::{sorted_numbers, sorted_texts, write_entries, write_json};
use super::number::Number;
use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder,
    Int64Builder, ListArray, MapArray, RecordBatch, RecordBatchOptions, StringBuilder, StructArray,
    TimestampMicrosecondBuilder,
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
            let appended =
                if column.kind == ColumnType::Item { Ok(column.append_item(item)) } else { column.append(cell) };
            match appended {
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
    Map { entry: FieldRef, names: StringBuilder, column: Box<ColumnBuilder>, offsets: Vec<i32>, valid: Vec<bool> },
}

impl ColumnBuilder {
    fn new(field: &Field) -> Result<Self> {
        let unknown = || Error::internal(format!("column {} has a type that no DynamoDB column has", field.name()));
        let kind = ColumnType::of(field).ok_or_else(unknown)?;
        let values = match (&kind, field.data_type()) {
            (ColumnType::Text | ColumnType::Json | ColumnType::Item | ColumnType::Digits, _) => {
                Values::Text(StringBuilder::new())
            }
            (ColumnType::Int64, _) => Values::Int64(Int64Builder::new()),
            (ColumnType::Float64, _) => Values::Float64(Float64Builder::new()),
            (ColumnType::Decimal { .. }, decimal) => {
                Values::Decimal(Decimal128Builder::new().with_data_type(decimal.clone()))
            }
            (ColumnType::Boolean, _) => Values::Boolean(BooleanBuilder::new()),
            (ColumnType::Binary, _) => Values::Binary(BinaryBuilder::new()),
            (ColumnType::Timestamp(_), timestamp) => {
                Values::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(timestamp.clone()))
            }
            (ColumnType::Date(_), _) => Values::Date(Date32Builder::new()),
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
            (ColumnType::Map(_), DataType::Map(entry, _)) => Values::Map {
                entry: Arc::clone(entry),
                names: StringBuilder::new(),
                column: Box::new(Self::new(value_field(entry).ok_or_else(unknown)?)?),
                offsets: vec![0],
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
            (Values::Timestamp(out), cell) => out.append_value(instant(&self.kind, cell).ok_or_else(misfit)?),
            (Values::Date(out), cell) => out.append_value(day(&self.kind, cell).ok_or_else(misfit)?),
            (Values::Map { names, column, offsets, valid, .. }, Cell::Other(AttributeValue::M(entries))) => {
                let bytes = append_named(names, column, entries)?;
                offsets.push(offset(names.len()));
                valid.push(true);
                return Ok(bytes);
            }
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

    /// Appends the whole item, as JSON.
    fn append_item(&mut self, item: &HashMap<String, AttributeValue>) -> usize {
        let Values::Text(out) = &mut self.values else { return self.values.append_null() };
        let mut text = String::new();
        write_entries(item, &mut text);
        out.append_value(&text);
        text.len() + 4
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
            Values::Map { entry, names, column, offsets, valid } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(offsets, vec![0])));
                let nulls = NullBuffer::from(std::mem::take(valid));
                let DataType::Struct(fields) = entry.data_type() else { return column.finish() };
                let entries = StructArray::new(fields.clone(), vec![Arc::new(names.finish()), column.finish()], None);
                Arc::new(MapArray::new(Arc::clone(entry), offsets, entries, Some(nulls), false))
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
            Self::Map { names, offsets, valid, .. } => {
                valid.push(false);
                offsets.push(offset(names.len()));
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

/// The field of the values of a map's entries.
fn value_field(entry: &Field) -> Option<&FieldRef> {
    let DataType::Struct(fields) = entry.data_type() else { return None };
    fields.get(1)
}

/// Entries so far as the end of a map; a batch ends long before there are too many.
fn offset(entries: usize) -> i32 {
    i32::try_from(entries).unwrap_or(i32::MAX)
}

/// The entries of a map, sorted by name.
fn append_named(
    names: &mut StringBuilder,
    column: &mut ColumnBuilder,
    entries: &HashMap<String, AttributeValue>,
) -> Result<usize, Box<Misfit>> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    let mut bytes = 4;
    for (name, value) in entries {
        bytes += name.len() + 4 + column.append(Cell::of(value)).map_err(|misfit| misfit.within("[]"))?;
        names.append_value(name);
    }
    Ok(bytes)
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
