//! Arrays out of JSON values, exactly or not at all.

use super::json::Json;
use super::text_array::{Misfit, shown, text_array};
use arrow::array::{ArrayRef, BooleanArray, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields};
use std::sync::Arc;

/// The array of a column; `None` where an object lacks the key. NULL and absent are the same.
pub(crate) fn json_array(
    data_type: &DataType,
    values: &[Option<&Json<'_>>],
    lenient: bool,
) -> Result<ArrayRef, Misfit> {
    match data_type {
        DataType::Struct(fields) => objects(fields, values, lenient),
        DataType::List(field) => lists(field, values, lenient),
        DataType::Boolean => {
            let truth = |value: &Json<'_>| if let Json::Boolean(truth) = value { Some(*truth) } else { None };
            Ok(Arc::new(BooleanArray::from(picked(values, truth)?)))
        }
        DataType::Int64 | DataType::Float64 | DataType::Decimal128(..) => {
            let number = |value: &Json<'_>| number_text(value, lenient).map(str::to_owned);
            let texts = picked(values, number)?;
            text_array(data_type, &borrowed(&texts), lenient)
        }
        _ => {
            // What is declared text may be any value: it is then the JSON of it.
            let any = lenient && *data_type == DataType::Utf8;
            let text = |value: &Json<'_>| match value {
                Json::Text(text) => Some(text.to_string()),
                other => any.then(|| other.to_string()),
            };
            let texts = picked(values, text)?;
            text_array(data_type, &borrowed(&texts), lenient)
        }
    }
}

/// A number; where the type was declared also one written as a text.
fn number_text<'a>(value: &'a Json<'_>, lenient: bool) -> Option<&'a str> {
    match value {
        Json::Number(text) => Some(text),
        Json::Text(text) if lenient => Some(text),
        _ => None,
    }
}

fn borrowed(texts: &[Option<String>]) -> Vec<Option<&str>> {
    texts.iter().map(Option::as_deref).collect()
}

fn picked<T>(values: &[Option<&Json<'_>>], pick: impl Fn(&Json<'_>) -> Option<T>) -> Result<Vec<Option<T>>, Misfit> {
    let one = |(row, value): (usize, &Option<&Json<'_>>)| match value {
        None | Some(Json::Null) => Ok(None),
        Some(value) => pick(value).map(Some).ok_or_else(|| misfit(row, value)),
    };
    values.iter().enumerate().map(one).collect()
}

fn misfit(row: usize, value: &Json<'_>) -> Misfit {
    let value = match value {
        Json::Text(text) => format!("the text {}", shown(text)),
        Json::Number(text) => format!("the number {}", shown(text)),
        other => other.label().to_owned(),
    };
    Misfit { row, value }
}

fn objects(fields: &Fields, values: &[Option<&Json<'_>>], lenient: bool) -> Result<ArrayRef, Misfit> {
    let mut columns = vec![vec![None; values.len()]; fields.len()];
    let mut valid = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let entries = match value {
            None | Some(Json::Null) => None,
            Some(Json::Object(entries)) => Some(entries),
            Some(other) => return Err(misfit(row, other)),
        };
        valid.push(entries.is_some());
        for (key, value) in entries.into_iter().flatten() {
            let index = fields.iter().position(|field| field.name() == key);
            let cell = index.and_then(|index| columns.get_mut(index)).and_then(|column| column.get_mut(row));
            let Some(cell) = cell else {
                return Err(Misfit { row, value: format!("an object with the key {}", shown(key)) });
            };
            *cell = Some(value);
        }
    }
    let nulls = Some(NullBuffer::from(valid));
    let arrays = fields.iter().zip(&columns).map(|(field, column)| json_array(field.data_type(), column, lenient));
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    let length = values.len();
    let built = if fields.is_empty() {
        Ok(StructArray::new_empty_fields(length, nulls))
    } else {
        StructArray::try_new(fields.clone(), arrays, nulls)
    };
    built.map(|array| Arc::new(array) as ArrayRef).map_err(|error| Misfit { row: 0, value: error.to_string() })
}

fn lists(field: &FieldRef, values: &[Option<&Json<'_>>], lenient: bool) -> Result<ArrayRef, Misfit> {
    let (mut items, mut rows, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, value) in values.iter().enumerate() {
        let list = match value {
            None | Some(Json::Null) => None,
            Some(Json::List(list)) => Some(list),
            Some(other) => return Err(misfit(row, other)),
        };
        valid.push(list.is_some());
        lengths.push(list.map_or(0, Vec::len));
        items.extend(list.into_iter().flatten().map(Some));
        rows.resize(items.len(), row);
    }
    let built = json_array(field.data_type(), &items, lenient)
        .map_err(|misfit| Misfit { row: rows.get(misfit.row).copied().unwrap_or_default(), ..misfit })?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    ListArray::try_new(Arc::clone(field), offsets, built, Some(NullBuffer::from(valid)))
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(|error| Misfit { row: 0, value: error.to_string() })
}
