//! The Arrow builder of one column, of one field of a map, or of the elements of a list.

use super::columns::Columns;
use super::leaf::Leaf;
use crate::convert::cell::{Cell, Misfit};
use crate::convert::column::ColumnType;
use arrow::array::{ArrayRef, ListArray, MapArray, StringBuilder, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use headwater_core::{Error, Result};
use std::sync::Arc;

/// The values of a column so far.
#[derive(Debug)]
pub(crate) struct Column {
    kind: ColumnType,
    values: Values,
    rows: usize,
}

#[derive(Debug)]
enum Values {
    Leaf(Leaf),
    Struct { fields: Fields, columns: Columns, valid: Vec<bool> },
    Map { entry: FieldRef, names: StringBuilder, column: Box<Column>, offsets: Vec<i32>, valid: Vec<bool> },
    List { element: FieldRef, column: Box<Column>, offsets: Vec<i32>, valid: Vec<bool> },
}

/// What a column takes.
#[derive(Debug)]
pub(crate) enum Shape<'a> {
    /// Scalars, by [`Column::append`].
    Leaf,
    /// Any value but NULL, or the whole item, as JSON text, by [`Column::append_json`].
    Json,
    /// Maps of known entries, which go here; then [`Column::end_struct`].
    Struct(&'a mut Columns),
    /// Maps of any entries: their names and values go here, sorted by name; then [`Column::end_list`].
    Map(&'a mut StringBuilder, &'a mut Column),
    /// Lists and sets: their members go here, then [`Column::end_list`].
    List(&'a mut Column),
}

impl Column {
    /// # Errors
    /// `Internal` for a type that no column of ours has.
    pub(crate) fn new(field: &Field) -> Result<Self> {
        let unknown = || Error::internal(format!("column {} has a type that no DynamoDB column has", field.name()));
        let kind = ColumnType::of(field).ok_or_else(unknown)?;
        let values = match (&kind, field.data_type()) {
            (ColumnType::Struct(_), DataType::Struct(fields)) => {
                Values::Struct { fields: fields.clone(), columns: Columns::new(fields)?, valid: Vec::new() }
            }
            (ColumnType::List(_), DataType::List(element)) => Values::List {
                element: Arc::clone(element),
                column: Box::new(Self::new(element)?),
                offsets: vec![0],
                valid: Vec::new(),
            },
            (ColumnType::Map(_), DataType::Map(entry, _)) => Values::Map {
                entry: Arc::clone(entry),
                names: StringBuilder::new(),
                column: Box::new(Self::new(value_field(entry).ok_or_else(unknown)?)?),
                offsets: vec![0],
                valid: Vec::new(),
            },
            (leaf, data_type) => Values::Leaf(Leaf::new(leaf, data_type).ok_or_else(unknown)?),
        };
        Ok(Self { kind, values, rows: 0 })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it has the whole item, and no attribute of its own.
    pub(crate) fn is_whole(&self) -> bool {
        self.kind == ColumnType::Item
    }

    pub(crate) fn shape(&mut self) -> Shape<'_> {
        match &mut self.values {
            Values::Leaf(_) if matches!(self.kind, ColumnType::Json | ColumnType::Item) => Shape::Json,
            Values::Leaf(_) => Shape::Leaf,
            Values::Struct { columns, .. } => Shape::Struct(columns),
            Values::Map { names, column, .. } => Shape::Map(names, column),
            Values::List { column, .. } => Shape::List(column),
        }
    }

    /// Appends a scalar and gives its decoded size.
    ///
    /// # Errors
    /// The column cannot hold it; it is then of no more use.
    pub(crate) fn append(&mut self, cell: Cell<'_>) -> Result<usize, Box<Misfit>> {
        let Values::Leaf(leaf) = &mut self.values else { return Err(self.misfit(cell)) };
        let size = leaf.append(&self.kind, cell).ok_or_else(|| Misfit::new(cell, &self.kind))?;
        self.rows += 1;
        Ok(size)
    }

    /// Appends JSON text, where the [`shape`](Self::shape) wants it, and gives its size.
    pub(crate) fn append_json(&mut self, json: &str) -> usize {
        let Values::Leaf(leaf) = &mut self.values else { return 0 };
        self.rows += 1;
        leaf.append_json(json)
    }

    /// Ends a map whose entries are in the columns of the [`shape`](Self::shape); gives the bytes of its NULLs.
    pub(crate) fn end_struct(&mut self) -> usize {
        let Values::Struct { columns, valid, .. } = &mut self.values else { return 0 };
        valid.push(true);
        self.rows += 1;
        columns.end_row()
    }

    /// Ends a list, or a map, whose members are in the column of the [`shape`](Self::shape).
    ///
    /// # Errors
    /// More elements than Arrow can count.
    pub(crate) fn end_list(&mut self) -> Result<usize, Box<Misfit>> {
        let (Values::List { column, offsets, valid, .. } | Values::Map { column, offsets, valid, .. }) =
            &mut self.values
        else {
            return Ok(0);
        };
        let Ok(end) = i32::try_from(column.rows) else { return Err(self.misfit(Cell::Nested("L"))) };
        offsets.push(end);
        valid.push(true);
        self.rows += 1;
        Ok(4)
    }

    /// Appends a NULL and gives its size.
    pub(crate) fn append_null(&mut self) -> usize {
        self.rows += 1;
        match &mut self.values {
            Values::Leaf(leaf) => leaf.append_null(),
            Values::Struct { columns, valid, .. } => {
                valid.push(false);
                return columns.end_row();
            }
            Values::List { offsets, valid, .. } | Values::Map { offsets, valid, .. } => {
                valid.push(false);
                offsets.push(offsets.last().copied().unwrap_or_default());
            }
        }
        4
    }

    pub(crate) fn misfit(&self, cell: Cell<'_>) -> Box<Misfit> {
        Misfit::new(cell, &self.kind)
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        self.rows = 0;
        match &mut self.values {
            Values::Leaf(leaf) => leaf.finish(),
            Values::Struct { fields, columns, valid } => {
                let nulls = NullBuffer::from(std::mem::take(valid));
                Arc::new(StructArray::new(fields.clone(), columns.finish(), Some(nulls)))
            }
            Values::List { element, column, offsets, valid } => {
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

/// The field of the values of a map's entries.
fn value_field(entry: &Field) -> Option<&FieldRef> {
    let DataType::Struct(fields) = entry.data_type() else { return None };
    fields.get(1)
}
