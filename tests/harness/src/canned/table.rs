//! Tables that are only described.

use super::item::{Projection, write_item};

/// A table with a partition key `id`, a number, of the items 0, 1, 2 ….
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannedTable {
    /// At least three characters.
    pub name: String,
    /// How many items.
    pub items: u64,
    /// What they look like.
    pub shape: ItemShape,
}

/// What items look like besides their `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemShape {
    /// Eleven flat attributes: six texts, four numbers, a boolean; some 200 bytes, some texts with escapes and umlauts.
    Flat,
    /// So many texts, `a000`, `a001` ….
    Wide(usize),
    /// One text, `pad`, of so many bytes; item 0 has an empty one, so that a sample of one item knows nothing of it.
    Large(usize),
}

/// A page of a Scan ends once its items, as DynamoDB counts them, pass this.
const PAGE_BYTES: u64 = 1 << 20;
/// A BatchGetItem ends there, and leaves the other keys.
pub(super) const BATCH_BYTES: u64 = 16 << 20;

/// Items as JSON, `{…},{…}`.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    pub(super) json: String,
    pub(super) count: u64,
    /// As DynamoDB counts them.
    pub(super) bytes: u64,
    /// Read units of reading each alone, eventually consistent.
    pub(super) units: f64,
}

impl Items {
    pub(super) fn add(&mut self, table: &CannedTable, id: u64, projection: &Projection) {
        if self.count > 0 {
            self.json.push(',');
        }
        let bytes = write_item(&mut self.json, table.shape, id, projection);
        self.count += 1;
        self.bytes += bytes;
        self.units += units(bytes);
    }
}

/// Eventually consistent: half a unit per 4 KB begun.
#[allow(clippy::cast_precision_loss)]
pub(super) fn units(bytes: u64) -> f64 {
    bytes.div_ceil(4_096).max(1) as f64 * 0.5
}

impl CannedTable {
    /// The items from `first` on that make a page, at most `limit` of them and none from `end` on.
    pub(super) fn page(&self, first: u64, end: u64, limit: Option<u64>, projection: &Projection) -> Items {
        let mut items = Items::default();
        let most = limit.unwrap_or(u64::MAX);
        let mut id = first;
        while id < end && items.count < most && items.bytes < PAGE_BYTES {
            items.add(self, id, projection);
            id += 1;
        }
        items
    }

    /// The items of a segment.
    pub(super) fn segment(&self, segment: u64, of: u64) -> std::ops::Range<u64> {
        let bound = |segment: u64| u64::try_from(u128::from(self.items) * u128::from(segment) / u128::from(of.max(1)));
        bound(segment).unwrap_or(self.items)..bound(segment + 1).unwrap_or(self.items)
    }

    /// What all items take, by the first of them.
    pub(super) fn byte_size(&self) -> u64 {
        let some = self.items.min(100);
        let mut items = Items::default();
        (0..some).for_each(|id| items.add(self, id, &Projection::All));
        items.bytes.checked_div(some).unwrap_or(0) * self.items
    }
}
