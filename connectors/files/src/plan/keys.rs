//! Join keys: files, row groups and pages without any of them are left out.

use super::prune::{Range, may_match};
use super::{ReadDetail, pieces_of, source_request, split};
use futures::{StreamExt, stream};
use headwater_core::{CompareOp, Error, Expr, JoinKeys, KeyDecision, Result, ScanPlan, Split, Splits, Value};
use serde::Deserialize;
use std::cmp::Ordering;

/// Up to so many keys travel as a list with each split, more as a range.
const MAX_LIST: usize = 1_000;

/// More keys lie everywhere, or nearly: gathering them costs more than they leave out.
pub(super) const MOST: u64 = 100_000;

/// The splits of a plan.
pub(crate) fn splits(plan: &ScanPlan, keys: Option<&JoinKeys>) -> Result<Splits> {
    let (decision, splits) = match keys {
        None => (KeyDecision::NotOffered, planned(plan)),
        Some(keys) => {
            let offered = keys.tuples.len() as u64;
            let conditions = conditions(plan, keys);
            if offered == 0 {
                (KeyDecision::Used { keys: 0 }, Vec::new())
            } else if let Some(reason) = declined(&conditions, keys) {
                (KeyDecision::Declined { keys: keys.count(), reason }, planned(plan))
            } else {
                (KeyDecision::Used { keys: offered }, narrowed(plan, conditions)?)
            }
        }
    };
    Ok(Splits { keys: decision, stream: stream::iter(splits.into_iter().map(Ok)).boxed() })
}

fn declined(conditions: &[Expr], keys: &JoinKeys) -> Option<String> {
    if conditions.is_empty() {
        return Some(format!("nothing tells which files hold which {}", keys.columns.join(", ")));
    }
    keys.is_part().then(|| format!("each {} of them might read the same files", keys.tuples.len()))
}

fn planned(plan: &ScanPlan) -> Vec<Split> {
    plan.requests.iter().map(|request| split(plan, request.clone(), plan.detail.clone())).collect()
}

/// What the keys say of each column that narrows the reading.
fn conditions(plan: &ScanPlan, keys: &JoinKeys) -> Vec<Expr> {
    let useful = keys.columns.iter().filter(|column| plan.key_columns.contains(column));
    useful.filter_map(|column| condition(column, keys.values_of(column)?)).collect()
}

fn condition(column: &str, values: Vec<Value>) -> Option<Expr> {
    if values.iter().any(|value| matches!(value, Value::Float64(_))) {
        return None;
    }
    if values.len() <= MAX_LIST {
        return Some(Expr::column(column).is_in(values));
    }
    let (mut least, mut greatest) = (values.first()?, values.first()?);
    for value in &values {
        if value.compare(least)? == Ordering::Less {
            least = value;
        }
        if value.compare(greatest)? == Ordering::Greater {
            greatest = value;
        }
    }
    let from = Expr::column(column).compare(CompareOp::GtEq, least.clone());
    Some(Expr::And(vec![from, Expr::column(column).compare(CompareOp::LtEq, greatest.clone())]))
}

/// The plan's requests, less the files that have none of the keys.
fn narrowed(plan: &ScanPlan, conditions: Vec<Expr>) -> Result<Vec<Split>> {
    let mut detail = ReadDetail::deserialize(&plan.detail)
        .map_err(|error| Error::internal(format!("this plan is not one of ours: {error}")))?;
    detail.predicate.extend(conditions.iter().cloned());
    let encoded = serde_json::to_value(&detail).map_err(|error| Error::internal(error.to_string()))?;
    let mut splits = Vec::new();
    for request in &plan.requests {
        let mut pieces = pieces_of(request)?;
        let mut kept = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            let values = detail.constant_values(piece)?;
            let range =
                |column: &str| values.iter().find(|(name, _)| name == column).map(|(_, value)| Range::constant(value));
            kept.push(conditions.iter().all(|condition| may_match(condition, &range)));
        }
        let mut keep = kept.into_iter();
        pieces.retain(|_| keep.next().unwrap_or(true));
        if !pieces.is_empty() {
            splits.push(split(plan, source_request(&detail, &plan.schema, &pieces), encoded.clone()));
        }
    }
    Ok(splits)
}
