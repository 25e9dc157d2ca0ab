//! Some items of a table, and what they say about its attributes.
//!
//! A table of more items than are wanted is read in segments, from the start of each: the sample is spread over all
//! partitions. With `sample_indexes`, so is each index that has whole items, which finds kinds of items that are rare in
//! the table; no item counts twice.

use super::indexes::{IndexDetail, IndexSample};
use crate::config::DynamoDbConfig;
use crate::connect::Connection;
use crate::convert::{Evidence, attribute_to_json, item_size};
use crate::error::call_error;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures::future::try_join_all;
use headwater_core::Result;
use std::collections::{BTreeMap, HashMap, HashSet};

type Item = HashMap<String, AttributeValue>;

/// What a page of 1 MB costs, read eventually consistently: no part of a sample is allowed less.
const PAGE_UNITS: u32 = 128;
/// A segment with fewer would tell little: most would be empty in a small table.
const ITEMS_PER_SEGMENT: u32 = 50;

/// What is sampled.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) table: &'a str,
    /// The attributes of the primary key, the partition key first.
    pub(super) key: Vec<String>,
    /// Indexes that have whole items and are sampled, too.
    pub(super) sampled_indexes: Vec<String>,
    /// All indexes.
    pub(super) indexes: Vec<IndexDetail>,
    /// How many items the table is said to have. Up to six hours old, and 0 for a new table.
    pub(super) items: u64,
}

/// What the sample taught; the items themselves are not kept.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(super) evidence: BTreeMap<String, Evidence>,
    pub(super) items: u64,
    pub(super) bytes: u64,
    /// Whether the table has no more items than these.
    pub(super) complete: bool,
    /// Distinct values of the partition key, as JSON.
    partitions: HashSet<String>,
    /// Keys of items, as JSON, where one may come again.
    keys: HashSet<String>,
    /// What the items that came from the table itself say of its indexes, and how many those are.
    indexes: Vec<(IndexDetail, IndexSample)>,
    table_items: u64,
}

/// One reader's share of a sample.
#[derive(Debug)]
struct Part<'a> {
    index: Option<&'a str>,
    segment: u32,
    segments: u32,
    /// How many items are wanted of it.
    wanted: u64,
    /// No request is sent that would take more than this in sum.
    units: f64,
    items: Vec<Item>,
    /// Where the next page starts.
    after: Option<Item>,
    at_end: bool,
    taken: f64,
    /// What the dearest page took: as much is expected of the next one.
    dearest: f64,
}

impl Sample {
    /// Nothing yet.
    pub(super) fn of(target: &Target<'_>) -> Self {
        let indexes = target.indexes.iter().map(|index| (index.clone(), IndexSample::default())).collect();
        Self { indexes, ..Self::default() }
    }

    /// Reads as many items as the configuration wants, within its limit of capacity; all parts at once.
    pub(super) async fn take(connection: &Connection, target: &Target<'_>) -> Result<Self> {
        let mut parts = parts(connection.config(), target);
        try_join_all(parts.iter_mut().map(|part| part.read(connection, target))).await?;
        // What segments without enough items leave open is for the others: keys are not spread evenly.
        if share_rest(&mut parts) {
            try_join_all(parts.iter_mut().map(|part| part.read(connection, target))).await?;
        }
        let mut sample = Self { complete: true, ..Self::of(target) };
        let may_repeat = !target.sampled_indexes.is_empty();
        for part in parts {
            sample.complete &= part.at_end || part.index.is_some();
            if part.index.is_none() {
                part.items.iter().for_each(|item| sample.observe_indexes(item));
            }
            part.items.iter().for_each(|item| sample.observe(target, item, may_repeat));
        }
        sample.keys = HashSet::new();
        Ok(sample)
    }

    fn observe(&mut self, target: &Target<'_>, item: &Item, may_repeat: bool) {
        let part_of_key = |name: &String| item.get(name).map(attribute_to_json).unwrap_or_default().to_string();
        if may_repeat && !self.keys.insert(target.key.iter().map(part_of_key).collect::<Vec<_>>().join(" ")) {
            return;
        }
        self.learn(item);
        self.partitions.extend(target.key.first().map(part_of_key));
    }

    /// Learns of an item's attributes.
    pub(crate) fn learn(&mut self, item: &Item) {
        self.items += 1;
        self.bytes += item_size(item);
        for (name, value) in item {
            self.evidence.entry(name.clone()).or_default().observe(value);
        }
    }

    fn observe_indexes(&mut self, item: &Item) {
        self.table_items += 1;
        self.indexes.iter_mut().for_each(|(index, sample)| sample.observe(index, item));
    }

    /// The table's indexes with their sizes; `rows` are in the table, if that is known.
    pub(super) fn indexes(&self, rows: Option<u64>) -> Vec<IndexDetail> {
        let sized = |(index, sample): &(IndexDetail, IndexSample)| {
            sample.sized(index.clone(), self.table_items, rows, self.complete)
        };
        self.indexes.iter().map(sized).collect()
    }

    /// How many items share a partition key, on average; at least 1.
    pub(super) fn items_per_partition(&self) -> f64 {
        if self.partitions.is_empty() { 1.0 } else { self.items as f64 / self.partitions.len() as f64 }
    }
}

/// The parts of a sample: segments of the table, then of each index.
fn parts<'a>(config: &DynamoDbConfig, target: &'a Target<'_>) -> Vec<Part<'a>> {
    let indexes = u32::try_from(target.sampled_indexes.len()).unwrap_or(u32::MAX - 1);
    // The table's own share is that of all indexes together.
    let of_table = if indexes == 0 { config.sample_size } else { config.sample_size.div_ceil(2) };
    let of_index = (config.sample_size - of_table).checked_div(indexes).unwrap_or(0);
    let units = config.limits.units_per_query.unwrap_or(u32::MAX).min(config.sample_read_units) / (1 + indexes);
    let mut parts = segments(config, target, None, of_table, units);
    for index in target.sampled_indexes.iter().filter(|_| of_index > 0) {
        parts.extend(segments(config, target, Some(index), of_index, units));
    }
    parts
}

/// The parts of a table or an index, as many as there is reason for.
fn segments<'a>(
    config: &DynamoDbConfig,
    target: &Target<'_>,
    index: Option<&'a str>,
    wanted: u32,
    units: u32,
) -> Vec<Part<'a>> {
    let is_small = target.items <= u64::from(wanted);
    let most = config.sample_segments.min(units / PAGE_UNITS).min(wanted / ITEMS_PER_SEGMENT);
    let segments = if is_small { 1 } else { most.max(1) };
    let part = |segment| Part {
        index,
        segment,
        segments,
        wanted: u64::from(wanted.div_ceil(segments)),
        units: f64::from(units) / f64::from(segments),
        items: Vec::new(),
        after: None,
        at_end: false,
        taken: 0.0,
        dearest: 0.0,
    };
    (0..segments).map(part).collect()
}

/// Lets the table's segments that have more read what the others did not have. `false`: nothing is left to read.
fn share_rest(parts: &mut [Part<'_>]) -> bool {
    let of_table = || parts.iter().filter(|part| part.index.is_none());
    let missing: u64 = of_table().map(|part| part.wanted.saturating_sub(part.items.len() as u64)).sum();
    let open = of_table().filter(|part| !part.at_end).count() as u64;
    if missing == 0 || open == 0 {
        return false;
    }
    for part in parts.iter_mut().filter(|part| part.index.is_none() && !part.at_end) {
        part.wanted += missing.div_ceil(open);
    }
    true
}

impl Part<'_> {
    /// Reads pages until there are enough items, or none, or the next page would be too dear.
    async fn read(&mut self, connection: &Connection, target: &Target<'_>) -> Result<()> {
        while !self.at_end && self.wanted > self.items.len() as u64 {
            if self.taken > 0.0 && self.taken + self.dearest > self.units {
                return Ok(());
            }
            self.page(connection, target).await?;
        }
        Ok(())
    }

    async fn page(&mut self, connection: &Connection, target: &Target<'_>) -> Result<()> {
        let client = connection.client().await?;
        let leave = connection.leave(target.table).await?;
        let meter = leave.meter("metadata");
        let wanted = self.wanted - self.items.len() as u64;
        let number = |n: u64| i32::try_from(n).unwrap_or(i32::MAX);
        let several = self.segments > 1;
        let scan = client
            .scan()
            .table_name(target.table)
            .set_index_name(self.index.map(str::to_owned))
            .set_segment(several.then_some(number(self.segment.into())))
            .set_total_segments(several.then_some(number(self.segments.into())))
            .limit(number(wanted))
            .set_exclusive_start_key(self.after.take())
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = scan.customize().interceptor(meter).send().await;
        let charged = answer.as_ref().ok().and_then(|answer| answer.consumed_capacity.as_ref()?.capacity_units);
        let charged = charged.unwrap_or_default();
        leave.settle(charged);
        let answer = answer.map_err(|error| call_error(error, &connection.site("Scan", Some(target.table))))?;
        (self.taken, self.dearest) = (self.taken + charged, self.dearest.max(charged));
        self.items.extend(answer.items.unwrap_or_default());
        self.after = answer.last_evaluated_key.filter(|key| !key.is_empty());
        self.at_end = self.after.is_none();
        Ok(())
    }
}
