//! From a plan, and join keys if there are any, to splits.

use super::literal::AsKey;
use super::paths::{KeyPath, PlanDetail};
use super::request::MAX_BATCH_KEYS;
use super::template::{ItemKey, QueryTemplate};
use super::whole;
use arrow::datatypes::SchemaRef;
use futures::{StreamExt, stream};
use headwater_core::{Error, JoinKeys, KeyDecision, Result, ScanPlan, SourceRequest, Split, SplitStream, Splits};
use serde::Deserialize;
use serde_json::Value as Json;
use std::sync::Arc;

/// A `BatchGetItem` of large items asks for fewer, of 4 MB together: answers are held whole, many at once, and fewer
/// keys in each cost the same.
const BATCH_UNITS: f64 = 512.0;

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
        Ok(choice) => Ok(by_keys(plan, &detail, choice, offered)),
        Err(reason) => Ok(unchanged(plan, &detail, KeyDecision::Declined { keys: keys.count(), reason })),
    }
}

/// What to read by keys, and the keys.
struct Choice<'a> {
    template: &'a QueryTemplate,
    keys: Vec<FoundKey>,
    /// Whether the keys have the sort key's value.
    full: bool,
    /// What all parts of the join's keys cost.
    units: f64,
    /// How many keys all parts have.
    count: usize,
}

/// A key as the text of its JSON: there may be hundreds of thousands of them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FoundKey {
    partition: Box<str>,
    sort: Option<Box<str>>,
}

impl FoundKey {
    fn item_key(&self) -> Result<ItemKey> {
        let parse = |text: &str| serde_json::from_str::<Json>(text).map_err(|error| Error::internal(error.to_string()));
        Ok(ItemKey { partition: parse(&self.partition)?, sort: self.sort.as_deref().map(parse).transpose()? })
    }
}

/// The cheapest path for these keys, if they can and should be used; the reason if not.
fn chosen<'a>(detail: &'a PlanDetail, keys: &JoinKeys) -> Result<Choice<'a>, String> {
    if detail.stops_at_limit {
        return Err("the scan stops at its limit".to_owned());
    }
    let given = |path: &&KeyPath| path.required.iter().all(|column| keys.columns.contains(column));
    let (mut best, mut refused): (Option<Choice<'_>>, _) = (None, None);
    for path in detail.paths.iter().filter(given) {
        match choice(path, keys) {
            Ok(choice) if best.as_ref().is_none_or(|best| choice.units < best.units) => best = Some(choice),
            Ok(_) => {}
            Err(reason) => refused = Some(reason),
        }
    }
    let best = best.ok_or_else(|| refused.unwrap_or_else(|| no_path(detail, keys)))?;
    cheaper(detail, &best)?;
    Ok(best)
}

fn no_path(detail: &PlanDetail, keys: &JoinKeys) -> String {
    match (detail.paths.first(), &detail.refused) {
        (Some(path), None) => {
            let (given, partition) = (keys.columns.join(", "), path.template.partition_column());
            format!("keys on {given} alone find no items: the partition key is {partition}")
        }
        (_, Some(reason)) => reason.clone(),
        (None, None) => "nothing is read by keys here".to_owned(),
    }
}

/// Distinct keys that an item can have.
fn choice<'a>(path: &'a KeyPath, keys: &JoinKeys) -> Result<Choice<'a>, String> {
    let template = &path.template;
    let index = |column: &str| keys.columns.iter().position(|name| name == column);
    let sort = template.sort_column().and_then(index);
    let Some(partition) = index(template.partition_column()) else {
        return Err("the keys have no partition key".to_owned());
    };
    let mut found = Vec::with_capacity(keys.tuples.len());
    for tuple in &keys.tuples {
        let Some(partition) = text(tuple.get(partition).map(|value| template.partition_key(value)))? else { continue };
        let sort = match sort.and_then(|sort| tuple.get(sort)) {
            None => None,
            Some(value) => match text(Some(template.sort_key(value)))? {
                Some(text) => Some(text),
                None => continue,
            },
        };
        found.push(FoundKey { partition, sort });
    }
    // Sorted rather than looked up in a set: that would be a second copy of them all.
    found.sort_unstable();
    found.dedup();
    found.shrink_to_fit();
    let count = in_all(found.len(), keys);
    Ok(Choice { template, units: path.units(count, sort.is_some()), keys: found, full: sort.is_some(), count })
}

/// How many keys all parts have, if the others are like this one.
fn in_all(found: usize, keys: &JoinKeys) -> usize {
    let share = found as f64 / keys.tuples.len().max(1) as f64;
    usize::try_from(whole(keys.count() as f64 * share)).unwrap_or(usize::MAX).max(found)
}

/// A key's JSON; `None` if no item has it.
fn text(key: Option<AsKey>) -> Result<Option<Box<str>>, String> {
    match key {
        Some(AsKey::Storable(json)) => Ok(Some(json.to_string().into_boxed_str())),
        Some(AsKey::Impossible) => Ok(None),
        Some(AsKey::Unfit) => {
            Err("a key is empty or longer than keys may be: items with it may not be in the index".to_owned())
        }
        Some(AsKey::Unclear) | None => Err("the keys are not of the key attribute's type".to_owned()),
    }
}

/// Compares capacity. A table of unknown size is read by keys.
fn cheaper(detail: &PlanDetail, choice: &Choice<'_>) -> Result<(), String> {
    let Some(planned) = detail.units else { return Ok(()) };
    if choice.units <= planned {
        return Ok(());
    }
    let (label, count, units) = (&detail.label, choice.count, choice.units);
    let through = choice.template.index_name().map_or_else(String::new, |index| format!(" through index {index}"));
    Err(format!("{label} costs about {planned} read units, {count} keys{through} about {units}"))
}

fn unchanged(plan: &ScanPlan, detail: &PlanDetail, keys: KeyDecision) -> Splits {
    let (schema, limit) = (Arc::clone(&plan.schema), detail.split_limit);
    let splits = plan.requests.clone().into_iter().map(move |request| Ok(split(&schema, request, limit)));
    Splits { keys, stream: stream::iter(splits).boxed() }
}

/// One split per Query, or per hundred items. They are written when they are asked for.
fn by_keys(plan: &ScanPlan, detail: &PlanDetail, choice: Choice<'_>, offered: u64) -> Splits {
    let (schema, limit) = (Arc::clone(&plan.schema), detail.split_limit);
    let per_request = limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX));
    let template = choice.template.clone().with_limit(per_request);
    let get_items = template.can_get_items(choice.full);
    let chunk = if get_items { batch_keys(choice.units / choice.count.max(1) as f64) } else { 1 };
    let mut keys = choice.keys.into_iter();
    let chunks = std::iter::from_fn(move || {
        let chunk: Vec<FoundKey> = keys.by_ref().take(chunk).collect();
        (!chunk.is_empty()).then_some(chunk)
    });
    let splits = chunks.flat_map(move |keys| match requests(&template, &keys, get_items) {
        Ok(requests) => requests.into_iter().map(|request| Ok(split(&schema, request, limit))).collect(),
        Err(error) => vec![Err(error)],
    });
    let stream: SplitStream = stream::iter(splits).boxed();
    Splits { keys: KeyDecision::Used { keys: offered }, stream }
}

fn requests(template: &QueryTemplate, keys: &[FoundKey], get_items: bool) -> Result<Vec<SourceRequest>> {
    let keys: Vec<ItemKey> = keys.iter().map(FoundKey::item_key).collect::<Result<_>>()?;
    if get_items {
        return Ok(vec![template.get_items(&keys)?]);
    }
    let requests: Vec<_> = keys.iter().map(|key| template.requests(key)).collect::<Result<_>>()?;
    Ok(requests.into_iter().flatten().collect())
}

/// How many keys of items that cost so much each belong into one request.
fn batch_keys(item_units: f64) -> usize {
    let keys = whole(BATCH_UNITS / item_units.max(0.5));
    usize::try_from(keys).unwrap_or(MAX_BATCH_KEYS).clamp(1, MAX_BATCH_KEYS)
}

fn split(schema: &SchemaRef, request: SourceRequest, limit: Option<u64>) -> Split {
    Split { limit, ..Split::new(Arc::clone(schema), request) }
}
