//! The SDK's own values into columns: for items that do not come as text.

use super::RowBuilder;
use super::column::{Column, Shape};
use super::columns::Columns;
use crate::convert::cell::{Cell, Misfit, Step};
use crate::convert::json::{sorted_numbers, sorted_texts, write_entries, write_json};
use arrow::array::StringBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::{BTreeMap, HashMap};

type Fitted<T> = Result<T, Box<Misfit>>;

impl RowBuilder {
    /// Adds an item; attributes without a column are left out.
    ///
    /// # Errors
    /// A value that its column cannot hold; the builder is then of no more use.
    pub(crate) fn push(&mut self, item: &HashMap<String, AttributeValue>) -> Fitted<()> {
        let mut bytes = 0;
        if self.columns.has_whole() {
            let mut text = String::new();
            write_entries(item, &mut text);
            bytes += self.columns.whole().map(|column| column.append_json(&text)).sum::<usize>();
        }
        bytes += entries(&mut self.columns, item)?;
        self.end_row(bytes);
        Ok(())
    }
}

fn entries(columns: &mut Columns, entries: &HashMap<String, AttributeValue>) -> Fitted<usize> {
    let mut size = 0;
    for index in 0..columns.len() {
        let step = columns.step(index);
        let Step::Field { attribute, .. } = &step else { continue };
        let (Some(value), Some(column)) = (entries.get(attribute), columns.get(index)) else { continue };
        if !column.is_whole() {
            size += append(column, value).map_err(|misfit| misfit.within(step))?;
        }
    }
    Ok(size)
}

fn append(column: &mut Column, value: &AttributeValue) -> Fitted<usize> {
    if let (Shape::Json, false) = (column.shape(), value.is_null()) {
        let mut text = String::new();
        write_json(value, &mut text);
        return Ok(column.append_json(&text));
    }
    match value {
        AttributeValue::S(text) => column.append(Cell::Text(text)),
        AttributeValue::N(text) => column.append(Cell::Number(text)),
        AttributeValue::B(bytes) => column.append(Cell::Bytes(bytes.as_ref())),
        AttributeValue::Bool(truth) => column.append(Cell::Bool(*truth)),
        AttributeValue::M(entries) => map(column, entries),
        AttributeValue::L(values) => members(column, "L", values, append),
        AttributeValue::Ss(texts) => {
            members(column, "SS", sorted_texts(texts), |element, text| element.append(Cell::Text(text)))
        }
        AttributeValue::Ns(texts) => {
            members(column, "NS", sorted_numbers(texts), |element, text| element.append(Cell::Number(text)))
        }
        AttributeValue::Bs(blobs) => {
            let mut blobs: Vec<&[u8]> = blobs.iter().map(AsRef::as_ref).collect();
            blobs.sort_unstable();
            members(column, "BS", blobs, |element, bytes| element.append(Cell::Bytes(bytes)))
        }
        _ => Ok(column.append_null()),
    }
}

fn map(column: &mut Column, values: &HashMap<String, AttributeValue>) -> Fitted<usize> {
    match column.shape() {
        Shape::Struct(columns) => Ok(entries(columns, values)? + column.end_struct()),
        Shape::Map(names, element) => Ok(named(names, element, values)? + column.end_list()?),
        Shape::Leaf | Shape::List(_) | Shape::Json => Err(column.misfit(Cell::Nested("M"))),
    }
}

fn named(names: &mut StringBuilder, element: &mut Column, values: &HashMap<String, AttributeValue>) -> Fitted<usize> {
    let mut size = 0;
    for (name, value) in values.iter().collect::<BTreeMap<_, _>>() {
        size += name.len() + 4 + append(element, value).map_err(|misfit| misfit.within(Step::Element))?;
        names.append_value(name);
    }
    Ok(size)
}

fn members<T>(
    column: &mut Column,
    kind: &'static str,
    values: impl IntoIterator<Item = T>,
    each: impl Fn(&mut Column, T) -> Fitted<usize>,
) -> Fitted<usize> {
    let Shape::List(element) = column.shape() else { return Err(column.misfit(Cell::Nested(kind))) };
    let mut size = 0;
    for value in values {
        size += each(element, value).map_err(|misfit| misfit.within(Step::Element))?;
    }
    Ok(size + column.end_list()?)
}
