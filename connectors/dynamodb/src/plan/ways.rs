//! All ways to the rows, and the cheapest of them.

use super::conjunct::Conjunct;
use super::literal::AsKey;
use super::scan::{ScanShape, scan_shape};
use super::sort::SortTest;
use super::target::Target;
use super::template::{ItemKey, QueryShape, query_shape};
use super::top::direction;
use super::{Reading, index};
use headwater_core::Answer;
use std::cmp::Ordering;
use std::collections::HashSet;

/// The table or an index of it that can be read, and what its Queries make of the conditions.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) target: Target<'a>,
    pub(super) shape: QueryShape,
    /// Columns that something else has to bind before the index has all the rows that are wanted.
    pub(super) unproven: Vec<String>,
}

/// How a candidate is read.
#[derive(Debug)]
pub(super) enum How {
    /// Each item by its whole key: these partition keys, with each value of the sort key's test if there is a sort key.
    Items(Vec<ItemKey>),
    /// A Query, or several, per value of the partition key.
    Queries(Vec<ItemKey>),
    /// All of it.
    Scan(Box<ScanShape>),
}

/// One way to the rows.
#[derive(Debug)]
pub(super) struct Way<'c, 'a> {
    pub(super) candidate: &'c Candidate<'a>,
    pub(super) how: How,
    /// What it costs, if that is known.
    pub(super) units: Option<f64>,
}

/// The table first, then the indexes that can be read; and why the others cannot.
pub(super) fn candidates<'a>(reading: &Reading<'a>, conjuncts: &[Conjunct<'_>]) -> (Vec<Candidate<'a>>, Vec<String>) {
    let mut notes = Vec::new();
    let mut candidates = vec![candidate(Target::of_table(reading.table, reading.detail), reading, conjuncts)];
    for detail in &reading.detail.indexes {
        let target = Target::of_index(reading.table, reading.detail, detail);
        match index::refusal(detail, &target, reading) {
            Some(reason) => notes.push(format!("{} not used: {reason}", target.label())),
            None => candidates.push(candidate(target, reading, conjuncts)),
        }
    }
    (candidates, notes)
}

fn candidate<'a>(target: Target<'a>, reading: &Reading<'_>, conjuncts: &[Conjunct<'_>]) -> Candidate<'a> {
    let mut shape = query_shape(reading, &target, conjuncts);
    index::mark_proofs(&target, reading, conjuncts, &mut shape.outcomes);
    let unproven = index::unproven(&target, reading, conjuncts).into_iter().map(|key| key.column.clone()).collect();
    Candidate { target, shape, unproven }
}

/// The cheapest way; and in words why each other index is not it.
pub(super) fn cheapest<'c, 'a>(
    reading: &Reading<'_>,
    candidates: &'c [Candidate<'a>],
    conjuncts: &[Conjunct<'_>],
) -> Option<(Way<'c, 'a>, Vec<String>)> {
    let ways = candidates.iter().flat_map(|candidate| candidate.ways(reading, conjuncts));
    // Of equal ones the first: the table before its indexes, keys before a Scan.
    let best = ways.min_by(|a, b| a.compare(b))?;
    let others = candidates.iter().filter(|other| !std::ptr::eq(*other, best.candidate));
    let notes = others.filter(|other| other.target.index.is_some()).map(|other| {
        // The keys of a join, if there are any, may still lead through it.
        let reason = other.why_not(reading, conjuncts, &best);
        format!("{} not used without a join's keys: {reason}", other.target.label())
    });
    let notes = notes.collect();
    Some((best, notes))
}

impl Way<'_, '_> {
    /// An unknown cost is the highest: a table that nobody has counted may be of any size.
    fn compare(&self, other: &Self) -> Ordering {
        let units = |way: &Self| way.units.unwrap_or(f64::INFINITY);
        units(self).total_cmp(&units(other)).then_with(|| self.is_scan().cmp(&other.is_scan()))
    }

    fn is_scan(&self) -> bool {
        matches!(self.how, How::Scan(_))
    }

    /// For messages: `a Query of index by_email`.
    pub(super) fn label(&self) -> String {
        let word = match self.how {
            How::Items(_) => "BatchGetItem",
            How::Queries(_) => "Query",
            How::Scan(_) => "Scan",
        };
        match self.candidate.target.index {
            None => format!("the table's {word}"),
            Some(index) => format!("the {word} of {}", index.name),
        }
    }
}

impl<'a> Candidate<'a> {
    fn ways<'c>(&'c self, reading: &Reading<'_>, conjuncts: &[Conjunct<'_>]) -> Vec<Way<'c, 'a>> {
        if !self.unproven.is_empty() {
            return Vec::new();
        }
        self.by_keys(reading, conjuncts).into_iter().chain([self.by_scan(reading, conjuncts)]).collect()
    }

    /// Through the values that conditions give for the key.
    fn by_keys<'c>(&'c self, reading: &Reading<'_>, conjuncts: &[Conjunct<'_>]) -> Option<Way<'c, 'a>> {
        let mut values = self.bound_values(conjuncts)?;
        if self.shape.never {
            values.clear();
        }
        let (template, sizes) = (&self.shape.template, &self.target.sizes);
        let sorts = match &template.sort_test {
            SortTest::Values(sorts) => Some(sorts.len()),
            _ => None,
        };
        let partitions = values.len() as f64;
        let (how, units) = if template.can_get_items(sorts.is_some()) {
            (How::Items(values), partitions * sorts.unwrap_or(1) as f64 * sizes.item())
        } else {
            (How::Queries(values), partitions * sizes.query(&template.sort_test, self.rows_read(reading)))
        };
        Some(Way { candidate: self, how, units: Some(units) })
    }

    fn by_scan<'c>(&'c self, reading: &Reading<'_>, conjuncts: &[Conjunct<'_>]) -> Way<'c, 'a> {
        let mut shape = scan_shape(reading, &self.target, conjuncts);
        index::mark_proofs(&self.target, reading, conjuncts, &mut shape.outcomes);
        let most = reading.limit.filter(|_| shape.base.filter_expression.is_none() && all_exact(&shape.outcomes));
        let units = if shape.never { Some(0.0) } else { self.target.sizes.scan(most) };
        Way { candidate: self, how: How::Scan(Box::new(shape)), units }
    }

    /// After how many rows a Query may stop, where DynamoDB itself looks at no more than these.
    fn rows_read(&self, reading: &Reading<'_>) -> Option<u64> {
        if self.shape.template.has_filter() || !all_exact(&self.shape.outcomes) {
            return None;
        }
        let top = reading.top.filter(|top| direction(&self.target, top).is_ok());
        reading.limit.or(top.map(|top| top.rows))
    }

    /// The values of the partition key that a condition names, each once, those that cannot be left out.
    fn bound_values(&self, conjuncts: &[Conjunct<'_>]) -> Option<Vec<ItemKey>> {
        let partition = &self.target.partition;
        if !partition.is_usable() {
            return None;
        }
        let lists = conjuncts.iter().filter_map(|conjunct| conjunct.equals(&partition.column));
        lists.into_iter().find_map(|values| {
            let (mut kept, mut seen) = (Vec::new(), HashSet::new());
            for value in values {
                match self.shape.template.partition_key(&value) {
                    AsKey::Storable(json) if seen.insert(json.to_string()) => {
                        kept.push(ItemKey { partition: json, sort: None });
                    }
                    AsKey::Storable(_) | AsKey::Impossible => {}
                    AsKey::Unfit | AsKey::Unclear => return None,
                }
            }
            Some(kept)
        })
    }

    /// Why this index is not the way taken.
    fn why_not(&self, reading: &Reading<'_>, conjuncts: &[Conjunct<'_>], best: &Way<'_, '_>) -> String {
        if !self.unproven.is_empty() {
            return index::lacking(&self.target, &self.unproven);
        }
        let Some(own) = self.ways(reading, conjuncts).into_iter().min_by(|a, b| a.compare(b)) else {
            return "it cannot be read".to_owned();
        };
        match (own.units, best.units) {
            (Some(own_units), Some(units)) => {
                let word = if own.is_scan() { "Scan" } else { "Query" };
                format!("its {word} costs about {own_units} read units, {} {units}", best.label())
            }
            _ => "its size is not known".to_owned(),
        }
    }
}

pub(super) fn all_exact(outcomes: &[Answer]) -> bool {
    outcomes.iter().all(|answer| *answer == Answer::Exact)
}
