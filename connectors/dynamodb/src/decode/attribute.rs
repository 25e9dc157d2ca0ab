//! Values of the SDK's from an answer: for keys, and for what is kept as JSON text.

use super::json::{Broken, Json};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;
use std::collections::HashMap;

type Result<T> = std::result::Result<T, Broken>;

/// An item, a key, or the entries of a map.
///
/// # Errors
/// Text that is none, or has a name twice.
pub(crate) fn attributes(json: &mut Json<'_>) -> Result<HashMap<String, AttributeValue>> {
    let mut entries = HashMap::new();
    json.open_object()?;
    while let Some(name) = json.next_key()?.map(str::to_owned) {
        if entries.insert(name, attribute(json)?).is_some() {
            return Err(json.broken("an attribute that an item has twice"));
        }
    }
    Ok(entries)
}

/// A value with its kind, `{"S": "text"}`.
fn attribute(json: &mut Json<'_>) -> Result<AttributeValue> {
    json.open_object()?;
    let Some(kind) = json.next_key()?.map(str::to_owned) else { return Err(json.broken("a value of no type")) };
    let value = value_of(json, &kind)?;
    one_kind(json)?;
    Ok(value)
}

/// A value whose kind has been read already.
pub(super) fn value_of(json: &mut Json<'_>, kind: &str) -> Result<AttributeValue> {
    Ok(match kind {
        "S" => AttributeValue::S(json.string()?.to_owned()),
        "N" => AttributeValue::N(json.string()?.to_owned()),
        "B" => AttributeValue::B(Blob::new(bytes(json)?)),
        "BOOL" => AttributeValue::Bool(json.boolean()?),
        "NULL" => AttributeValue::Null(json.boolean()?),
        "M" => AttributeValue::M(attributes(json)?),
        "L" => AttributeValue::L(elements(json, attribute)?),
        "SS" => AttributeValue::Ss(elements(json, text)?),
        "NS" => AttributeValue::Ns(elements(json, text)?),
        "BS" => AttributeValue::Bs(elements(json, |json| bytes(json).map(Blob::new))?),
        _ => return Err(json.broken("a value of an unknown type")),
    })
}

/// Binary in base64.
pub(super) fn bytes(json: &mut Json<'_>) -> Result<Vec<u8>> {
    let decoded = base64::decode(json.string()?);
    decoded.map_err(|_| json.broken("binary that is not base64"))
}

/// The end of a value: it has one kind.
pub(super) fn one_kind(json: &mut Json<'_>) -> Result<()> {
    if json.next_key()?.is_some() {
        return Err(json.broken("a value of more than one type"));
    }
    Ok(())
}

fn text(json: &mut Json<'_>) -> Result<String> {
    json.string().map(str::to_owned)
}

fn elements<T>(json: &mut Json<'_>, mut each: impl FnMut(&mut Json<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut elements = Vec::new();
    json.open_array()?;
    while json.next_element()? {
        elements.push(each(json)?);
    }
    Ok(elements)
}
