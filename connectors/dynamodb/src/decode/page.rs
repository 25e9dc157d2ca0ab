//! A whole answer: `Scan`, `Query`, `BatchGetItem` or `ExecuteStatement`.

use super::attribute::attributes;
use super::flaw::Flaw;
use super::json::{Broken, Json};
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// What an answer says besides its items.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    /// How many items match; with `Select=COUNT` all that is said of them.
    pub(crate) count: Option<u64>,
    /// The key after which the next request starts; `None` at the end.
    pub(crate) last_key: Option<HashMap<String, AttributeValue>>,
    /// Where the next `ExecuteStatement` starts; `None` at the end.
    pub(crate) next_token: Option<String>,
    /// Keys that a `BatchGetItem` has left for another request.
    pub(crate) left: Vec<HashMap<String, AttributeValue>>,
    /// Capacity units, summed over tables; `None` if they were not asked for.
    pub(crate) capacity: Option<f64>,
}

/// Reads an answer; `item` is called with the parser before each item, which it must read or skip.
///
/// # Errors
/// Text that is no such answer, and the errors of `item`.
pub(crate) fn page(body: &[u8], mut item: impl FnMut(&mut Json<'_>) -> Result<(), Flaw>) -> Result<Facts, Flaw> {
    let mut facts = Facts::default();
    let json = &mut Json::new(body)?;
    json.open_object()?;
    while let Some(key) = json.next_key()? {
        match key {
            "Items" => each(json, &mut item)?,
            "Responses" => each_value(json, |json| each(json, &mut item))?,
            "Count" => facts.count = Some(count(json)?),
            "LastEvaluatedKey" => facts.last_key = optional(json, attributes)?.filter(|key| !key.is_empty()),
            "NextToken" => facts.next_token = optional(json, |json| json.string().map(str::to_owned))?,
            "UnprocessedKeys" => each_value(json, |json| left(json, &mut facts.left))?,
            "ConsumedCapacity" => facts.capacity = capacity(json)?,
            _ => json.skip()?,
        }
    }
    json.end()?;
    Ok(facts)
}

/// The elements of an array; of `null`, none.
fn each(json: &mut Json<'_>, mut element: impl FnMut(&mut Json<'_>) -> Result<(), Flaw>) -> Result<(), Flaw> {
    if json.null()? {
        return Ok(());
    }
    json.open_array()?;
    while json.next_element()? {
        element(json)?;
    }
    Ok(())
}

/// The values of an object; of `null`, none.
fn each_value(json: &mut Json<'_>, mut value: impl FnMut(&mut Json<'_>) -> Result<(), Flaw>) -> Result<(), Flaw> {
    if json.null()? {
        return Ok(());
    }
    json.open_object()?;
    while json.next_key()?.is_some() {
        value(json)?;
    }
    Ok(())
}

fn optional<T>(
    json: &mut Json<'_>,
    value: impl FnOnce(&mut Json<'_>) -> Result<T, Broken>,
) -> Result<Option<T>, Broken> {
    if json.null()? { Ok(None) } else { value(json).map(Some) }
}

fn count(json: &mut Json<'_>) -> Result<u64, Broken> {
    let wrong = json.broken("a count that is no whole number");
    json.number()?.parse().map_err(|_| wrong)
}

/// The keys of one table, `{"Keys": […], …}`; the rest of it is as it was asked.
fn left(json: &mut Json<'_>, keys: &mut Vec<HashMap<String, AttributeValue>>) -> Result<(), Flaw> {
    json.open_object()?;
    loop {
        let Some(key) = json.next_key()? else { return Ok(()) };
        if key == "Keys" {
            each(json, |json| {
                keys.push(attributes(json)?);
                Ok(())
            })?;
        } else {
            json.skip()?;
        }
    }
}

/// The units of one table, or of several in an array.
fn capacity(json: &mut Json<'_>) -> Result<Option<f64>, Flaw> {
    if json.null()? {
        return Ok(None);
    }
    if json.is_object() {
        return units(json);
    }
    let mut sum = None;
    each(json, |json| {
        sum = units(json)?.map(|units| units + sum.unwrap_or_default()).or(sum);
        Ok(())
    })?;
    Ok(sum)
}

fn units(json: &mut Json<'_>) -> Result<Option<f64>, Flaw> {
    let mut units = None;
    json.open_object()?;
    loop {
        let Some(key) = json.next_key()? else { return Ok(units) };
        if key == "CapacityUnits" {
            let wrong = json.broken("capacity that is no number");
            units = Some(json.number()?.parse::<f64>().map_err(|_| wrong)?);
        } else {
            json.skip()?;
        }
    }
}
