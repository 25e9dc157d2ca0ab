//! DynamoDB's own JSON for values: `{"S": "text"}`.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

/// The API's name of a value's kind.
pub(crate) fn kind_of(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::S(_) => "S",
        AttributeValue::N(_) => "N",
        AttributeValue::B(_) => "B",
        AttributeValue::Bool(_) => "BOOL",
        AttributeValue::Null(_) => "NULL",
        AttributeValue::M(_) => "M",
        AttributeValue::L(_) => "L",
        AttributeValue::Ss(_) => "SS",
        AttributeValue::Ns(_) => "NS",
        AttributeValue::Bs(_) => "BS",
        _ => "unknown",
    }
}

/// A value as the API writes it.
pub(crate) fn attribute_to_json(value: &AttributeValue) -> Json {
    let encode = |blob: &Blob| base64::encode(blob.as_ref());
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(text) => json!({ "N": text }),
        AttributeValue::B(bytes) => json!({ "B": encode(bytes) }),
        AttributeValue::Bool(truth) => json!({ "BOOL": truth }),
        AttributeValue::M(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), attribute_to_json(value)));
            json!({ "M": entries.collect::<Map<_, _>>() })
        }
        AttributeValue::L(values) => json!({ "L": values.iter().map(attribute_to_json).collect::<Vec<_>>() }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(texts) => json!({ "NS": texts }),
        AttributeValue::Bs(blobs) => json!({ "BS": blobs.iter().map(encode).collect::<Vec<_>>() }),
        _ => json!({ "NULL": true }),
    }
}

/// A scalar from the API's JSON: what keys and literals are made of. `None` for anything else.
pub(crate) fn attribute_from_json(json: &Json) -> Option<AttributeValue> {
    let (kind, value) = json.as_object()?.iter().next()?;
    Some(match (kind.as_str(), value) {
        ("S", Json::String(text)) => AttributeValue::S(text.clone()),
        ("N", Json::String(text)) => AttributeValue::N(text.clone()),
        ("B", Json::String(text)) => AttributeValue::B(Blob::new(base64::decode(text).ok()?)),
        ("BOOL", Json::Bool(truth)) => AttributeValue::Bool(*truth),
        _ => return None,
    })
}

/// Roughly what DynamoDB counts for an item: names and values in UTF-8, numbers at half a byte per digit.
pub(crate) fn item_size(item: &HashMap<String, AttributeValue>) -> u64 {
    item.iter().map(|(name, value)| name.len() as u64 + value_size(value)).sum()
}

fn value_size(value: &AttributeValue) -> u64 {
    let number = |text: &String| text.len() as u64 / 2 + 1;
    match value {
        AttributeValue::S(text) => text.len() as u64,
        AttributeValue::N(text) => number(text),
        AttributeValue::B(bytes) => bytes.as_ref().len() as u64,
        AttributeValue::M(entries) => 3 + entries.len() as u64 + item_size(entries),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + value_size(value)).sum::<u64>(),
        AttributeValue::Ss(texts) => texts.iter().map(|text| text.len() as u64).sum(),
        AttributeValue::Ns(texts) => texts.iter().map(number).sum(),
        AttributeValue::Bs(blobs) => blobs.iter().map(|blob| blob.as_ref().len() as u64).sum(),
        _ => 1,
    }
}
