//! From the way that was chosen to a plan in the making.

use super::conjunct::Conjunct;
use super::paths::{PlanDetail, key_paths};
use super::request::MAX_BATCH_KEYS;
use super::scan::{ScanShape, segments};
use super::sort::SortTest;
use super::template::ItemKey;
use super::top::direction;
use super::ways::{Candidate, How, Way, all_exact};
use super::{Reading, whole};
use headwater_core::{AccessPath, Answer, Precision, Result, SourceRequest};

/// A plan in the making.
pub(super) struct Draft {
    /// One answer per condition.
    pub(super) outcomes: Vec<Answer>,
    pub(super) access: AccessPath,
    pub(super) requests: Vec<SourceRequest>,
    pub(super) rows: Precision,
    pub(super) detail: PlanDetail,
    pub(super) notes: Vec<String>,
    /// Whether DynamoDB filters after it counts its own `Limit`.
    pub(super) filtered: bool,
    /// Why each request does not give the first rows of the wanted order first; `None`: it does, or none is wanted.
    pub(super) unordered: Option<String>,
}

/// Writes the requests of a way.
///
/// # Errors
/// `Internal` if the parameters cannot be written as JSON.
pub(super) fn draft(
    reading: &Reading<'_>,
    candidates: &[Candidate<'_>],
    conjuncts: &[Conjunct<'_>],
    way: Way<'_, '_>,
) -> Result<Draft> {
    let Way { candidate, units, .. } = way;
    let label = way.label();
    let mut draft = match way.how {
        How::Items(keys) => items(reading, candidate, conjuncts, &keys)?,
        How::Queries(keys) => queries(reading, candidate, conjuncts, &keys)?,
        How::Scan(shape) => scan(reading, candidate, conjuncts, *shape)?,
    };
    let (paths, refused) = key_paths(candidates, &draft.outcomes);
    if let (AccessPath::Scan, Some(reason)) = (&draft.access, &refused) {
        draft.notes.push(format!("join keys are of no use: {reason}"));
    }
    draft.detail = PlanDetail { paths, refused, units, label, ..draft.detail };
    Ok(draft)
}

fn items(
    reading: &Reading<'_>,
    candidate: &Candidate<'_>,
    conjuncts: &[Conjunct<'_>],
    partitions: &[ItemKey],
) -> Result<Draft> {
    let template = &candidate.shape.template;
    let crossed: Vec<ItemKey> = match &template.sort_test {
        SortTest::Values(sorts) if template.sort.is_some() => {
            let with = |key: &ItemKey, sort: &serde_json::Value| ItemKey {
                partition: key.partition.clone(),
                sort: Some(sort.clone()),
            };
            partitions.iter().flat_map(|key| sorts.iter().map(move |sort| with(key, sort))).collect()
        }
        _ => partitions.to_vec(),
    };
    let requests = crossed.chunks(MAX_BATCH_KEYS).map(|keys| template.get_items(keys)).collect::<Result<_>>()?;
    let unordered = reading.top.map(|_| "items come by their keys, in no order".to_owned());
    by_keys(candidate, conjuncts, (requests, crossed.len() as f64), unordered)
}

fn queries(
    reading: &Reading<'_>,
    candidate: &Candidate<'_>,
    conjuncts: &[Conjunct<'_>],
    keys: &[ItemKey],
) -> Result<Draft> {
    let (mut template, mut unordered) = (candidate.shape.template.clone(), None);
    match reading.top.map(|top| direction(&candidate.target, top)) {
        Some(Ok(direction)) if all_exact(&candidate.shape.outcomes) => template = template.with_direction(direction),
        Some(Err(reason)) => unordered = Some(reason),
        Some(Ok(_)) | None => {}
    }
    let requests: Vec<_> = keys.iter().map(|key| template.requests(key)).collect::<Result<_>>()?;
    let requests: Vec<SourceRequest> = requests.into_iter().flatten().collect();
    let items = match &template.sort_test {
        SortTest::Values(_) => requests.len() as f64,
        _ => keys.len() as f64 * candidate.target.sizes.items_per_partition,
    };
    by_keys(candidate, conjuncts, (requests, items), unordered)
}

/// What Queries and items by key have in common.
fn by_keys(
    candidate: &Candidate<'_>,
    conjuncts: &[Conjunct<'_>],
    (requests, items): (Vec<SourceRequest>, f64),
    unordered: Option<String>,
) -> Result<Draft> {
    let (target, shape) = (&candidate.target, &candidate.shape);
    let mut columns = vec![target.partition.column.clone()];
    if shape.template.sort_test != SortTest::Any {
        columns.extend(target.sort.iter().map(|sort| sort.column.clone()));
    }
    let by_value = |conjunct: &Conjunct<'_>| columns.iter().any(|column| conjunct.equals(column).is_some());
    let others = conjuncts.iter().zip(&shape.outcomes).filter(|(conjunct, _)| !by_value(conjunct));
    let rows = if requests.is_empty() { Precision::Exact(0) } else { Precision::Inexact(thinned(items, others)) };
    Ok(Draft {
        outcomes: shape.outcomes.clone(),
        access: AccessPath::Keys(columns),
        requests,
        rows,
        detail: PlanDetail::default(),
        notes: Vec::new(),
        filtered: shape.template.has_filter(),
        unordered,
    })
}

fn scan(
    reading: &Reading<'_>,
    candidate: &Candidate<'_>,
    conjuncts: &[Conjunct<'_>],
    mut shape: ScanShape,
) -> Result<Draft> {
    // Exact answers are of use to a limit and to counting; to anything else, reading by keys is of more.
    if reading.limit.is_none() && !reading.attributes.is_empty() && candidate.target.partition.is_usable() {
        shape.soften(&candidate.shape);
    }
    let filtered = shape.base.filter_expression.is_some();
    let stops_after = reading.limit.filter(|_| !filtered && all_exact(&shape.outcomes));
    let requests = shape.requests(segments(reading, &candidate.target, stops_after))?;
    let rows = match candidate.target.sizes.items {
        _ if shape.never => Precision::Exact(0),
        None => Precision::Unknown,
        Some(items) => Precision::Inexact(thinned(items, conjuncts.iter().zip(&shape.outcomes))),
    };
    let unordered = reading.top.map(|_| "a Scan has no order".to_owned());
    Ok(Draft {
        outcomes: shape.outcomes,
        access: AccessPath::Scan,
        requests,
        rows,
        detail: PlanDetail::default(),
        notes: Vec::new(),
        filtered,
        unordered,
    })
}

/// Rows thinned by a guess per applied condition.
fn thinned<'a, 'b: 'a>(rows: f64, parts: impl Iterator<Item = (&'a Conjunct<'b>, &'a Answer)>) -> u64 {
    let applied = parts.filter(|(_, answer)| !matches!(answer, Answer::Refused(_)));
    let rows = applied.fold(rows, |rows, (conjunct, _)| rows * conjunct.selectivity());
    whole(rows.ceil().max(1.0))
}
