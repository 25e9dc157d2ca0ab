//! One value, `{"S": "text"}`, into its column.

use super::attribute::{bytes, one_kind, value_of};
use super::flaw::Flaw;
use super::json::Json;
use crate::convert::{Cell, Column, Columns, Shape, Step, sorted_numbers, sorted_texts, write_json};
use arrow::array::StringBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::BTreeMap;

/// What is wrong with two attributes, or entries of a map, of one name.
const TWICE: &str = "an attribute that an item has twice";

/// Reads the entries of an item or of a map into their columns, without ending the row; gives their decoded size.
pub(super) fn entries(json: &mut Json<'_>, columns: &mut Columns) -> Result<usize, Flaw> {
    let mut size = 0;
    json.open_object()?;
    loop {
        let Some(name) = json.next_key()? else { return Ok(size) };
        let found = columns.find(name).map_err(|_| json.broken(TWICE))?;
        let Some(index) = found else {
            json.skip()?;
            continue;
        };
        let mut again = columns.next_of_same(index);
        while let Some(other) = again {
            size += field(&mut json.fork(), columns, other)?;
            again = columns.next_of_same(other);
        }
        size += field(json, columns, index)?;
    }
}

fn field(json: &mut Json<'_>, columns: &mut Columns, index: usize) -> Result<usize, Flaw> {
    let Some(column) = columns.get(index) else { return Ok(0) };
    match value(json, column) {
        Err(Flaw::Misfit(misfit)) => Err(misfit.within(columns.step(index)).into()),
        other => other,
    }
}

/// Reads a value into its column and gives its decoded size.
fn value(json: &mut Json<'_>, column: &mut Column) -> Result<usize, Flaw> {
    // Nearly all values are scalars, and read this way a third faster.
    if let Some(kind) = json.begin_scalar() {
        let size = match kind {
            b'S' => column.append(Cell::Text(json.string()?))?,
            b'N' => column.append(Cell::Number(json.string()?))?,
            _ => column.append(Cell::Bytes(&bytes(json)?))?,
        };
        json.end_scalar()?;
        return Ok(size);
    }
    json.open_object()?;
    let Some(kind) = json.next_key()? else { return Err(json.broken("a value of no type").into()) };
    let size = match kind {
        "S" => column.append(Cell::Text(json.string()?))?,
        "N" => column.append(Cell::Number(json.string()?))?,
        "BOOL" => column.append(Cell::Bool(json.boolean()?))?,
        "B" => column.append(Cell::Bytes(&bytes(json)?))?,
        "NULL" => {
            json.boolean()?;
            column.append_null()
        }
        "M" => map(json, column)?,
        "L" => list(json, column)?,
        "SS" => set(json, column, "SS")?,
        "NS" => set(json, column, "NS")?,
        "BS" => set(json, column, "BS")?,
        _ => return Err(json.broken("a value of an unknown type").into()),
    };
    one_kind(json)?;
    Ok(size)
}

fn map(json: &mut Json<'_>, column: &mut Column) -> Result<usize, Flaw> {
    match column.shape() {
        Shape::Struct(columns) => Ok(entries(json, columns)? + column.end_struct()),
        Shape::Map(names, values) => Ok(named(json, names, values)? + column.end_list()?),
        Shape::Json => as_json(json, column, "M"),
        Shape::Leaf | Shape::List(_) => Err(column.misfit(Cell::Nested("M")).into()),
    }
}

/// The entries of a map, sorted by name: where each value is, is noted before any is read.
fn named(json: &mut Json<'_>, names: &mut StringBuilder, values: &mut Column) -> Result<usize, Flaw> {
    let mut places = BTreeMap::new();
    json.open_object()?;
    while let Some(name) = json.next_key()?.map(str::to_owned) {
        if places.insert(name, json.fork()).is_some() {
            return Err(json.broken(TWICE).into());
        }
        json.skip()?;
    }
    let mut size = 0;
    for (name, mut place) in places {
        size += name.len() + 4 + value(&mut place, values).map_err(within_element)?;
        names.append_value(name);
    }
    Ok(size)
}

fn list(json: &mut Json<'_>, column: &mut Column) -> Result<usize, Flaw> {
    match column.shape() {
        Shape::List(element) => {
            let mut size = 0;
            json.open_array()?;
            while json.next_element()? {
                size += value(json, element).map_err(within_element)?;
            }
            Ok(size + column.end_list()?)
        }
        Shape::Json => as_json(json, column, "L"),
        Shape::Leaf | Shape::Struct(_) | Shape::Map(..) => Err(column.misfit(Cell::Nested("L")).into()),
    }
}

/// The members of a set, sorted: DynamoDB sends them in no order.
fn set(json: &mut Json<'_>, column: &mut Column, kind: &'static str) -> Result<usize, Flaw> {
    match column.shape() {
        Shape::List(element) => Ok(members(json, element, kind)? + column.end_list()?),
        Shape::Json => as_json(json, column, kind),
        Shape::Leaf | Shape::Struct(_) | Shape::Map(..) => Err(column.misfit(Cell::Nested(kind)).into()),
    }
}

fn members(json: &mut Json<'_>, element: &mut Column, kind: &'static str) -> Result<usize, Flaw> {
    let mut size = 0;
    let mut append = |cell: Cell<'_>| match element.append(cell) {
        Ok(member) => {
            size += member;
            Ok(())
        }
        Err(misfit) => Err(within_element(misfit.into())),
    };
    match value_of(json, kind)? {
        AttributeValue::Ss(texts) => sorted_texts(&texts).into_iter().try_for_each(|text| append(Cell::Text(text)))?,
        AttributeValue::Ns(texts) => {
            sorted_numbers(&texts).into_iter().try_for_each(|text| append(Cell::Number(text)))?;
        }
        AttributeValue::Bs(mut blobs) => {
            blobs.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
            blobs.iter().try_for_each(|blob| append(Cell::Bytes(blob.as_ref())))?;
        }
        _ => {}
    }
    Ok(size)
}

fn within_element(flaw: Flaw) -> Flaw {
    match flaw {
        Flaw::Misfit(misfit) => misfit.within(Step::Element).into(),
        other => other,
    }
}

/// JSON text has sorted entries and canonical numbers, so the value is read whole first.
fn as_json(json: &mut Json<'_>, column: &mut Column, kind: &str) -> Result<usize, Flaw> {
    let mut text = String::new();
    write_json(&value_of(json, kind)?, &mut text);
    Ok(column.append_json(&text))
}
