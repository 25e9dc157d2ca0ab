//! From a plan, and join keys if there are any, to splits.

use super::literal::AsKey;
use super::request::SCAN;
use super::sort::SortTest;
use super::template::{ItemKey, QueryTemplate};
use super::{QUERY, Reading};
use futures::{StreamExt, stream};
use headwater_core::{Error, JoinKeys, KeyDecision, Result, ScanPlan, SourceRequest, Split, SplitStream, Splits};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::HashSet;
use std::sync::Arc;

/// Most keys of a `BatchGetItem`.
const MAX_BATCH_KEYS: usize = 100;
/// An eventually consistent read of up to 4 KB costs half a unit, a strongly consistent one twice that.
const BYTES_PER_BLOCK: f64 = 4_096.0;
const UNITS_PER_BLOCK: f64 = 0.5;

/// Kept in [`ScanPlan::detail`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PlanDetail {
    /// How to read by keys, or why that cannot be done.
    template: std::result::Result<QueryTemplate, String>,
    /// The partition values that the filters allow, if the plan is made of Queries already.
    bound: Option<Vec<Json>>,
    /// What a Scan costs, if the table's size is known.
    scan_units: Option<f64>,
    /// What one partition, and one item, costs.
    partition_units: f64,
    item_units: f64,
    /// Each split ends after so many rows.
    pub(super) split_limit: Option<u64>,
    /// Whether the plan promised that all splits together do.
    pub(super) stops_at_limit: bool,
}

impl PlanDetail {
    pub(super) fn new(
        reading: &Reading<'_>,
        template: std::result::Result<QueryTemplate, String>,
        bound: Option<Vec<Json>>,
    ) -> Self {
        let (table, detail) = (reading.table, reading.detail);
        let each = if detail.consistent { 2.0 * UNITS_PER_BLOCK } else { UNITS_PER_BLOCK };
        let blocks = |bytes: f64| (bytes / BYTES_PER_BLOCK).ceil().max(1.0) * each;
        let item_bytes = detail.item_bytes as f64;
        Self {
            template,
            bound,
            scan_units: table.byte_size.value().map(|bytes| blocks(bytes as f64)),
            partition_units: blocks(item_bytes * detail.items_per_partition),
            item_units: blocks(item_bytes),
            split_limit: None,
            stops_at_limit: false,
        }
    }

    /// Columns on which join keys would be used.
    pub(super) fn key_columns(&self) -> Vec<String> {
        match &self.template {
            Ok(template) if !self.stops_at_limit => {
                let sort = template.sort_column().map(str::to_owned);
                std::iter::once(template.partition_column().to_owned()).chain(sort).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The splits of a plan; with keys, where that is cheaper than the plan's own requests. No I/O.
///
/// # Errors
/// `Internal` when the plan is not of this connector.
pub(crate) fn splits(plan: &ScanPlan, keys: Option<&JoinKeys>) -> Result<Splits> {
    let detail = PlanDetail::deserialize(&plan.detail)
        .map_err(|_| Error::internal("a plan of another connector reached the DynamoDB connector"))?;
    let Some(keys) = keys else { return Ok(unchanged(plan, &detail, KeyDecision::NotOffered)) };
    let offered = keys.tuples.len() as u64;
    if offered == 0 || plan.requests.is_empty() {
        return Ok(Splits { keys: KeyDecision::Used { keys: offered }, stream: stream::empty().boxed() });
    }
    match chosen(&detail, keys) {
        Ok((template, keys)) => Ok(by_keys(plan, &detail, template.clone(), keys, offered)),
        Err(reason) => Ok(unchanged(plan, &detail, KeyDecision::Declined { keys: offered, reason })),
    }
}

/// The keys to read, if they can and should be used; the reason if not.
fn chosen<'a>(detail: &'a PlanDetail, keys: &JoinKeys) -> Result<(&'a QueryTemplate, Vec<ItemKey>), String> {
    let template = detail.template.as_ref().map_err(Clone::clone)?;
    if detail.stops_at_limit {
        return Err("the scan stops at its limit".to_owned());
    }
    let found = item_keys(template, keys)?;
    let Some(bound) = &detail.bound else {
        cheaper(detail, template, &found)?;
        return Ok((template, found));
    };
    let bound: HashSet<String> = bound.iter().map(Json::to_string).collect();
    let kept = found.into_iter().filter(|key| bound.contains(&key.partition.to_string()));
    Ok((template, kept.collect()))
}

/// Distinct keys that an item can have.
fn item_keys(template: &QueryTemplate, keys: &JoinKeys) -> Result<Vec<ItemKey>, String> {
    let index = |column: &str| keys.columns.iter().position(|name| name == column);
    let partition_column = template.partition_column();
    let Some(partition) = index(partition_column) else {
        let given = keys.columns.join(", ");
        return Err(format!("keys on {given} alone find no items: the partition key is {partition_column}"));
    };
    let sort = template.sort_column().and_then(index);
    let unclear = || "the keys are not of the key attribute's type".to_owned();
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for tuple in &keys.tuples {
        let partition = match tuple.get(partition).map(|value| template.partition_key(value)) {
            Some(AsKey::Storable(json)) => json,
            Some(AsKey::Impossible) => continue,
            Some(AsKey::Unclear) | None => return Err(unclear()),
        };
        let sort = match sort.and_then(|sort| tuple.get(sort)).map(|value| template.sort_key(value)) {
            None => None,
            Some(AsKey::Storable(json)) => Some(json),
            Some(AsKey::Impossible) => continue,
            Some(AsKey::Unclear) => return Err(unclear()),
        };
        if seen.insert(format!("{partition} {sort:?}")) {
            found.push(ItemKey { partition, sort });
        }
    }
    Ok(found)
}

/// Compares capacity: it is money, and with many keys also time. A table of unknown size is read by keys.
fn cheaper(detail: &PlanDetail, template: &QueryTemplate, keys: &[ItemKey]) -> Result<(), String> {
    let Some(scan) = detail.scan_units else { return Ok(()) };
    let full = keys.first().is_some_and(|key| key.sort.is_some());
    let (requests, each) = match &template.sort_test {
        SortTest::Values(values) if !full => (keys.len() * values.len(), detail.item_units),
        _ if full => (keys.len(), detail.item_units),
        _ => (keys.len(), detail.partition_units),
    };
    let by_keys = requests as f64 * each;
    if by_keys <= scan {
        return Ok(());
    }
    let count = keys.len();
    Err(format!("reading the table costs about {scan} read units, {count} keys about {by_keys}"))
}

fn unchanged(plan: &ScanPlan, detail: &PlanDetail, keys: KeyDecision) -> Splits {
    let (schema, limit) = (Arc::clone(&plan.schema), detail.split_limit);
    let splits = plan.requests.clone().into_iter().map(move |request| Ok(split(&schema, request, limit)));
    Splits { keys, stream: stream::iter(splits).boxed() }
}

/// One split per Query, or per hundred items. They are written when they are asked for: keys may be many.
fn by_keys(plan: &ScanPlan, detail: &PlanDetail, template: QueryTemplate, keys: Vec<ItemKey>, offered: u64) -> Splits {
    let (schema, limit) = (Arc::clone(&plan.schema), detail.split_limit);
    let per_request = limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
    let template = template.with_limit(per_request);
    let get_items = template.can_get_items(keys.first().is_some_and(|key| key.sort.is_some()));
    let chunk = if get_items { MAX_BATCH_KEYS } else { 1 };
    let chunks: Vec<Vec<ItemKey>> = keys.chunks(chunk).map(<[ItemKey]>::to_vec).collect();
    let splits = chunks.into_iter().flat_map(move |keys| {
        let requests = match (get_items, keys.first()) {
            (false, Some(key)) => template.requests(key),
            _ => template.get_items(&keys).map(|request| vec![request]),
        };
        match requests {
            Ok(requests) => requests.into_iter().map(|request| Ok(split(&schema, request, limit))).collect(),
            Err(error) => vec![Err(error)],
        }
    });
    let stream: SplitStream = stream::iter(splits).boxed();
    Splits { keys: KeyDecision::Used { keys: offered }, stream }
}

fn split(schema: &arrow::datatypes::SchemaRef, request: SourceRequest, limit: Option<u64>) -> Split {
    Split { limit, ..Split::new(Arc::clone(schema), request) }
}

/// Puts the API's `Limit` into a request: items looked at, which are items returned where nothing filters.
pub(super) fn set_limit(request: &mut SourceRequest, limit: u64) {
    if let SourceRequest::Operation { name, parameters: Json::Object(parameters) } = request
        && [QUERY, SCAN].contains(&name.as_str())
        && limit > 0
    {
        parameters.insert("Limit".to_owned(), i32::try_from(limit).unwrap_or(i32::MAX).into());
    }
}

/// A non-negative estimate as a count.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn whole(estimate: f64) -> u64 {
    estimate as u64
}
