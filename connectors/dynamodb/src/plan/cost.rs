//! What a way to the rows costs, in read units: capacity is money, and with many requests also time.
//!
//! ```text
//! GetItem, BatchGetItem    each item, rounded up to 4 KB
//! Query                    all items that its key condition finds, together rounded up to 4 KB
//! Scan                     all items of the table or index, rounded up to 4 KB
//! ```
//!
//! A 4 KB block costs half a unit, a whole one if it is read strongly consistent. A filter expression saves nothing:
//! items are paid for before it looks at them. An index costs the bytes that it has of each item. Sizes are those of the
//! sample and the table's description, so a cost is an estimate; it decides which right way is taken, never what is right.

use super::sort::SortTest;
use crate::metadata::{IndexDetail, TableDetail};
use headwater_core::TableMetadata;

const BYTES_PER_BLOCK: f64 = 4_096.0;
/// An eventually consistent read of up to 4 KB, and a strongly consistent one.
const EVENTUAL_UNITS: f64 = 0.5;
const CONSISTENT_UNITS: f64 = 1.0;

/// How large a table or an index is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Items and bytes, if anybody has counted.
    pub(super) items: Option<f64>,
    pub(super) bytes: Option<f64>,
    item_bytes: f64,
    /// What a block costs.
    block_units: f64,
    pub(super) items_per_partition: f64,
}

impl Sizes {
    pub(super) fn of_table(table: &TableMetadata, detail: &TableDetail) -> Self {
        let items = table.row_count.value().map(|items| items as f64);
        let bytes = table.byte_size.value().map(|bytes| bytes as f64);
        Self {
            items,
            bytes,
            item_bytes: item_bytes(items, bytes, detail),
            block_units: block_units(detail),
            items_per_partition: detail.items_per_partition,
        }
    }

    pub(super) fn of_index(index: &IndexDetail, detail: &TableDetail) -> Self {
        let (items, bytes) = (index.items.map(|items| items as f64), index.bytes.map(|bytes| bytes as f64));
        let item_bytes = item_bytes(items, bytes, detail);
        let (block_units, items_per_partition) = (block_units(detail), index.items_per_partition);
        Self { items, bytes, item_bytes, block_units, items_per_partition }
    }

    /// One item by its key.
    pub(super) fn item(&self) -> f64 {
        self.units(self.item_bytes)
    }

    /// So many items in a row.
    pub(super) fn items(&self, count: f64) -> f64 {
        self.units(self.item_bytes * count)
    }

    /// The Queries for one partition value, of which no more than `most` rows are read.
    pub(super) fn query(&self, test: &SortTest, most: Option<u64>) -> f64 {
        let share = match test {
            SortTest::Values(values) => return self.item() * values.len() as f64,
            SortTest::Any => 1.0,
            SortTest::Compare(..) => 0.3,
            SortTest::Between(..) | SortTest::BeginsWith(_) => 0.1,
        };
        let found = (self.items_per_partition * share).max(1.0);
        self.items(most.map_or(found, |most| found.min(most as f64)))
    }

    /// Everything, or no more than `most` rows.
    pub(super) fn scan(&self, most: Option<u64>) -> Option<f64> {
        match (self.bytes, most) {
            (Some(bytes), Some(most)) => Some(self.units(bytes.min(self.item_bytes * most as f64))),
            (Some(bytes), None) => Some(self.units(bytes)),
            (None, most) => most.map(|most| self.items(most as f64)),
        }
    }

    fn units(&self, bytes: f64) -> f64 {
        (bytes / BYTES_PER_BLOCK).ceil().max(1.0) * self.block_units
    }

    /// Whether so many rows fit one page of an answer.
    pub(super) fn fit_one_page(&self, rows: u64) -> bool {
        const PAGE: f64 = 1_048_576.0;
        self.item_bytes * (rows as f64) < PAGE
    }
}

/// By the totals, if there are any; else by the sample.
fn item_bytes(items: Option<f64>, bytes: Option<f64>, detail: &TableDetail) -> f64 {
    let average = items.zip(bytes).filter(|(items, _)| *items > 0.0).map(|(items, bytes)| bytes / items);
    average.unwrap_or(detail.item_bytes as f64)
}

fn block_units(detail: &TableDetail) -> f64 {
    if detail.consistent { CONSISTENT_UNITS } else { EVENTUAL_UNITS }
}
