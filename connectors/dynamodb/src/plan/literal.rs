//! Constants of a predicate, and join keys, as DynamoDB's values.

use crate::convert::{KeyKind, Number};
use aws_smithy_types::base64;
use headwater_core::Value;
use serde_json::{Value as Json, json};

/// Longest partition key and sort key, in bytes.
const MAX_PARTITION_BYTES: usize = 2_048;
pub(super) const MAX_SORT_BYTES: usize = 1_024;

/// A constant as a value of `kind`; the reason if there is none that means the same.
pub(super) fn attribute(kind: KeyKind, value: &Value) -> Result<Json, String> {
    let name = kind.name();
    match (kind, value) {
        (KeyKind::S, Value::Utf8(text)) => Ok(json!({ name: text })),
        (KeyKind::B, Value::Binary(bytes)) => Ok(json!({ name: base64::encode(bytes) })),
        (KeyKind::Bool, Value::Boolean(truth)) => Ok(json!({ name: truth })),
        (KeyKind::N, Value::Float64(_)) => Err("a floating-point constant compares by rounding".to_owned()),
        (KeyKind::N, number) if number.as_decimal().is_some() => Number::from_value(number)
            .map(|number| json!({ name: number.to_string() }))
            .ok_or_else(|| "DynamoDB's numbers have at most 38 digits and lie below 1E126".to_owned()),
        _ => Err(format!("the constant is no value of DynamoDB's type {name}")),
    }
}

/// What a value is as a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AsKey {
    /// This one.
    Storable(Json),
    /// None: no item has it.
    Impossible,
    /// None, but an item that is older than the index may have it.
    Unfit,
    /// Of another family, or a float: nothing is certain.
    Unclear,
}

/// A value as a key attribute of `kind`, which is the sort key or the partition key.
pub(super) fn key_value(kind: KeyKind, is_sort: bool, value: &Value) -> AsKey {
    let most = if is_sort { MAX_SORT_BYTES } else { MAX_PARTITION_BYTES };
    let sized = |length: usize| (1..=most).contains(&length);
    match (kind, value) {
        (_, Value::Null) => AsKey::Impossible,
        (KeyKind::S, Value::Utf8(text)) if !sized(text.len()) => AsKey::Impossible,
        (KeyKind::B, Value::Binary(bytes)) if !sized(bytes.len()) => AsKey::Impossible,
        (KeyKind::N, number) if number.as_decimal().is_some() => {
            attribute(kind, number).map_or(AsKey::Impossible, AsKey::Storable)
        }
        (kind, value) => attribute(kind, value).map_or(AsKey::Unclear, AsKey::Storable),
    }
}
