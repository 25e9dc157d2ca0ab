//! The parameters of the requests that read data, exactly as they are sent.

use headwater_core::{Error, Result, SourceRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The parameters of a `Query` or a `Scan`. Unknown ones are an error: nothing is shown that is not sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct ReadParameters {
    pub(crate) table_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) index_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_condition_expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter_expression: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) projection_expression: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) expression_attribute_names: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) expression_attribute_values: BTreeMap<String, Json>,
    /// `false` reads a Query's items from the greatest sort key down; a Scan has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scan_index_forward: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) segment: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) total_segments: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) select: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) consistent_read: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) return_consumed_capacity: Option<String>,
}

/// The parameters of a `BatchGetItem`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct BatchParameters {
    /// One table.
    pub(crate) request_items: BTreeMap<String, KeyBatch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) return_consumed_capacity: Option<String>,
}

/// The keys to get from one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct KeyBatch {
    pub(crate) keys: Vec<BTreeMap<String, Json>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) projection_expression: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) expression_attribute_names: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) consistent_read: Option<bool>,
}

pub(crate) const QUERY: &str = "Query";
pub(crate) const SCAN: &str = "Scan";
pub(crate) const BATCH_GET_ITEM: &str = "BatchGetItem";

/// Most keys of a `BatchGetItem`.
pub(super) const MAX_BATCH_KEYS: usize = 100;

/// The value of `ReturnConsumedCapacity` in every request.
pub(crate) fn capacity_wanted() -> Option<String> {
    Some("TOTAL".to_owned())
}

/// A request of ours as the contract's value.
///
/// # Errors
/// `Internal` if the parameters cannot be written as JSON.
pub(crate) fn operation(name: &str, parameters: &impl Serialize) -> Result<SourceRequest> {
    let parameters = serde_json::to_value(parameters).map_err(|error| Error::internal(error.to_string()))?;
    Ok(SourceRequest::Operation { name: name.to_owned(), parameters })
}
