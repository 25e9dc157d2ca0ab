//! What the statements of a run did, so that a run that proves nothing is seen.

use headwater_core::{Answer, KeyDecision, SourceRequest};
use headwater_planner::{Ledger, ScanLedger, Verification};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Statements whose answers were compared.
    pub(super) compared: usize,
    /// Among them those with rows.
    pub(super) with_rows: usize,
    /// Statements whose answer is not determined.
    pub(super) open: usize,
    /// Statements that fail both ways.
    pub(super) refused: BTreeMap<String, usize>,
    /// Statements that fail only without pushdown, where an expression meets more rows.
    pub(super) plain_fails: usize,
    /// Statements that fail only with pushdown, because a source's sum of integers does not fit 64 bits.
    pub(super) overflows: usize,
    /// Statements of which a source did a part of each kind.
    pub(super) pushed: BTreeMap<&'static str, usize>,
    /// Scans by the operation, the index and the manner in which they were read.
    pub(super) ways: BTreeMap<String, usize>,
}

impl Tally {
    pub(super) fn count(&mut self, ledger: &Ledger) {
        match &ledger.verification {
            Some(Verification::Same { rows, .. }) => {
                self.compared += 1;
                self.with_rows += usize::from(*rows > 0);
            }
            _ => self.open += 1,
        }
        ledger.scans.iter().filter_map(way).for_each(|way| *self.ways.entry(way).or_default() += 1);
        let parts = ledger.scans.iter().flat_map(|scan| &scan.parts);
        let pushed = parts.filter(|part| part.answer == Answer::Exact);
        let mut kinds: Vec<&'static str> = pushed.map(|part| kind(&part.text)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.into_iter().for_each(|kind| *self.pushed.entry(kind).or_default() += 1);
    }

    pub(super) fn pushed(&self, kind: &str) -> usize {
        self.pushed.get(kind).copied().unwrap_or_default()
    }
}

/// A part of a scan by the first word of its text.
fn kind(text: &str) -> &'static str {
    match text.split(' ').next() {
        Some("join") => "join",
        Some("aggregate") => "aggregate",
        Some("distinct") => "distinct",
        Some("limit") => "limit",
        Some("top") => "top",
        _ => "filter",
    }
}

/// How a scan was read, if a request of it was sent and is an operation with parameters.
fn way(scan: &ScanLedger) -> Option<String> {
    let Some(SourceRequest::Operation { name, parameters }) = scan.requests.first() else { return None };
    let mut way = name.clone();
    if let Some(index) = parameters["IndexName"].as_str() {
        way = format!("{way} {index}");
    }
    if parameters["ScanIndexForward"] == false {
        way.push_str(" backward");
    }
    if parameters["Select"] == "COUNT" {
        way.push_str(" counted");
    }
    if matches!(scan.keys, Some(KeyDecision::Used { .. })) {
        way.push_str(" by join keys");
    }
    Some(way)
}
