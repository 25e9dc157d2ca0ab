//! Any value as plain JSON text.

use super::cell::Cell;
use super::number::Number;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;
use std::collections::HashMap;

/// Appends a value to `out`.
pub(crate) fn write_json(value: &AttributeValue, out: &mut String) {
    match value {
        AttributeValue::S(text) => write_text(text, out),
        AttributeValue::N(text) => write_number(text, out),
        AttributeValue::B(bytes) => write_text(&base64::encode(bytes.as_ref()), out),
        AttributeValue::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        AttributeValue::M(entries) => write_entries(entries, out),
        AttributeValue::L(values) => write_joined(out, '[', ']', values, write_json),
        AttributeValue::Ss(texts) => {
            write_joined(out, '[', ']', sorted_texts(texts), write_text);
        }
        AttributeValue::Ns(texts) => {
            write_joined(out, '[', ']', sorted_numbers(texts), write_number);
        }
        AttributeValue::Bs(blobs) => {
            let mut blobs: Vec<&[u8]> = blobs.iter().map(AsRef::as_ref).collect();
            blobs.sort_unstable();
            write_joined(out, '[', ']', blobs, |bytes, out| write_text(&base64::encode(bytes), out));
        }
        _ => out.push_str("null"),
    }
}

/// Appends a map, or an item, sorted by name.
pub(crate) fn write_entries(entries: &HashMap<String, AttributeValue>, out: &mut String) {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    write_joined(out, '{', '}', entries, |(name, value), out| {
        write_text(name, out);
        out.push(':');
        write_json(value, out);
    });
}

/// A scalar as [`write_json`] has it; `None` for what is none.
pub(super) fn scalar_json(cell: Cell<'_>) -> Option<String> {
    let mut json = String::new();
    match cell {
        Cell::Text(text) => write_text(text, &mut json),
        Cell::Number(text) => write_number(text, &mut json),
        Cell::Bytes(bytes) => write_text(&base64::encode(bytes), &mut json),
        Cell::Bool(truth) => json.push_str(if truth { "true" } else { "false" }),
        Cell::Nested(_) => return None,
    }
    Some(json)
}

/// The members of a string set, by bytes.
pub(crate) fn sorted_texts(texts: &[String]) -> Vec<&str> {
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.sort_unstable();
    texts
}

/// The members of a number set, by value.
pub(crate) fn sorted_numbers(texts: &[String]) -> Vec<&str> {
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.sort_by_cached_key(|text| Number::parse(text));
    texts
}

fn write_joined<T>(
    out: &mut String,
    open: char,
    close: char,
    parts: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    out.push(open);
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(part, out);
    }
    out.push(close);
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn write_number(text: &str, out: &mut String) {
    match Number::parse(text) {
        Some(number) => out.push_str(&number.to_string()),
        None => write_text(text, out),
    }
}
