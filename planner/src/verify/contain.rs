//! The rows of a limited answer, looked for among those of the answer without its limit.

use super::answer::{Answer, Layout};
use arrow::array::RecordBatch;
use headwater_core::Result;
use std::collections::HashMap;

/// What is still to be found. Holds the limited answer's rows, never those of the other.
#[derive(Debug)]
pub(super) struct Sought {
    rows: HashMap<Box<[u8]>, Vec<usize>>,
    /// Rows of the limited answer.
    count: usize,
    missing: usize,
    seen: usize,
    skip: usize,
    fetch: Option<usize>,
}

impl Sought {
    pub(super) fn new(limited: &Answer, skip: usize, fetch: Option<usize>) -> Self {
        let mut rows: HashMap<Box<[u8]>, Vec<usize>> = HashMap::new();
        for row in 0..limited.len() {
            let key = limited.exact(row).map(|row| row.data().into()).unwrap_or_default();
            rows.entry(key).or_default().push(row);
        }
        Self { rows, count: limited.len(), missing: limited.len(), seen: 0, skip, fetch }
    }

    /// Looks at more rows of the whole answer. `true`: there is nothing left to find out.
    pub(super) fn see(&mut self, layout: &Layout, batch: &RecordBatch) -> Result<bool> {
        let rows = layout.exact_rows(batch)?;
        self.seen += batch.num_rows();
        for row in 0..batch.num_rows() {
            let key: &[u8] = if row < rows.num_rows() { rows.row(row).data() } else { &[] };
            if self.rows.get_mut(key).and_then(Vec::pop).is_some() {
                self.missing -= 1;
            }
        }
        let is_full = self.fetch == Some(self.count);
        Ok(self.missing == 0 && is_full && self.seen >= self.skip.saturating_add(self.count))
    }

    /// How many rows the answer should have, once all or enough rows were seen.
    pub(super) fn expected(&self) -> usize {
        let rest = self.seen.saturating_sub(self.skip);
        self.fetch.map_or(rest, |fetch| rest.min(fetch))
    }

    /// The rows that are in the limited answer only.
    pub(super) fn strangers(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = self.rows.values().flatten().copied().collect();
        rows.sort_unstable();
        rows
    }
}
