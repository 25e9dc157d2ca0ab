//! Ways by join keys that a plan keeps open, as data: which keys arrive is known only at run time.

use super::template::QueryTemplate;
use super::ways::Candidate;
use headwater_core::Answer;
use serde::{Deserialize, Serialize};

/// Kept in [`ScanPlan::detail`](headwater_core::ScanPlan::detail).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct PlanDetail {
    /// How to read by keys: the table first, then its indexes.
    pub(super) paths: Vec<KeyPath>,
    /// Why the table itself cannot be read by keys, if so.
    pub(super) refused: Option<String>,
    /// What the plan's own requests cost, if that is known, and what they are.
    pub(super) units: Option<f64>,
    pub(super) label: String,
    /// Each split ends after so many rows.
    pub(super) split_limit: Option<u64>,
    /// Whether the plan promised that all splits together do, or that they are the first of an order.
    pub(super) stops_at_limit: bool,
}

/// The table or an index, read by keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KeyPath {
    pub(super) template: QueryTemplate,
    /// Columns that the keys must have: the partition key, and what else makes sure that an index has all rows.
    pub(super) required: Vec<String>,
    /// What a partition costs, and one item.
    query_units: f64,
    item_units: f64,
}

impl KeyPath {
    /// What so many keys cost; `full`: with the sort key.
    pub(super) fn units(&self, keys: usize, full: bool) -> f64 {
        keys as f64 * if full { self.item_units } else { self.query_units }
    }
}

impl PlanDetail {
    /// Columns on which join keys would be used.
    pub(super) fn key_columns(&self) -> Vec<String> {
        let mut columns = Vec::new();
        if self.stops_at_limit {
            return columns;
        }
        for path in &self.paths {
            let own = std::iter::once(path.template.partition_column()).chain(path.template.sort_column());
            for column in own.map(str::to_owned) {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        columns
    }
}

/// Every candidate that can be read by keys and then keeps what the plan promises; and why the table is not one.
pub(super) fn key_paths(candidates: &[Candidate<'_>], promised: &[Answer]) -> (Vec<KeyPath>, Option<String>) {
    let (mut paths, mut refused) = (Vec::new(), None);
    for candidate in candidates {
        match key_path(candidate, promised) {
            Ok(path) => paths.push(path),
            Err(reason) if candidate.target.index.is_none() => refused = Some(reason),
            Err(_) => {}
        }
    }
    (paths, refused)
}

fn key_path(candidate: &Candidate<'_>, promised: &[Answer]) -> Result<KeyPath, String> {
    let (target, template) = (&candidate.target, &candidate.shape.template);
    if let Some(reason) = &target.partition.problem {
        return Err(reason.clone());
    }
    keeps_promises(candidate, promised)?;
    let partition = &target.partition.column;
    let mut required = vec![partition.clone()];
    required.extend(candidate.unproven.iter().filter(|column| *column != partition).cloned());
    if let Some(reason) = target.sort.as_ref().filter(|_| required.len() > 1).and_then(|sort| sort.problem.clone()) {
        return Err(reason);
    }
    let query_units = target.sizes.query(&template.sort_test, None);
    Ok(KeyPath { template: template.clone(), required, query_units, item_units: target.sizes.item() })
}

/// A Query by join keys must apply everything that the plan in whose place it is read has promised.
fn keeps_promises(candidate: &Candidate<'_>, promised: &[Answer]) -> Result<(), String> {
    for (promise, outcome) in promised.iter().zip(&candidate.shape.outcomes) {
        if let (Answer::Exact, Answer::Inexact(reason) | Answer::Refused(reason)) = (promise, outcome) {
            return Err(reason.clone());
        }
    }
    Ok(())
}
