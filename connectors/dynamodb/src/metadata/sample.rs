//! The first items of a table, and what they say about its attributes.

use super::indexes::{IndexDetail, IndexSample};
use crate::connect::Connection;
use crate::convert::{Evidence, attribute_to_json, item_size};
use crate::error::call_error;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use headwater_core::Result;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A page is at most 1 MB: large items must not turn a sample into a scan.
const MAX_PAGES: usize = 16;

/// What is sampled.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) table: &'a str,
    /// The partition key attribute.
    pub(super) partition: String,
    pub(super) indexes: Vec<IndexDetail>,
}

/// What the sample taught; the items themselves are not kept.
#[derive(Debug, Default)]
pub(super) struct Sample {
    pub(super) evidence: BTreeMap<String, Evidence>,
    pub(super) items: u64,
    pub(super) bytes: u64,
    /// Read capacity units that it took.
    units: f64,
    /// Whether the table has no more items than these.
    pub(super) complete: bool,
    /// Distinct values of the partition key, as JSON.
    partitions: HashSet<String>,
    indexes: Vec<(IndexDetail, IndexSample)>,
}

impl Sample {
    /// Nothing yet.
    pub(super) fn of(target: &Target<'_>) -> Self {
        let indexes = target.indexes.iter().map(|index| (index.clone(), IndexSample::default())).collect();
        Self { indexes, ..Self::default() }
    }

    /// Scans from the start of the table, as many items as the configuration wants.
    pub(super) async fn take(connection: &Connection, target: &Target<'_>) -> Result<Self> {
        let mut sample = Self::of(target);
        let most = connection.config().limits.units_per_query;
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let wanted = u64::from(connection.config().sample_size).saturating_sub(sample.items);
            if wanted == 0 || most.is_some_and(|most| sample.units >= f64::from(most)) {
                break;
            }
            after = sample.page(connection, target, wanted, after).await?;
            if after.is_none() {
                sample.complete = true;
                break;
            }
        }
        Ok(sample)
    }

    async fn page(
        &mut self,
        connection: &Connection,
        target: &Target<'_>,
        wanted: u64,
        after: Option<HashMap<String, AttributeValue>>,
    ) -> Result<Option<HashMap<String, AttributeValue>>> {
        let client = connection.client().await?;
        let leave = connection.leave(target.table).await?;
        let meter = leave.meter("metadata");
        let scan = client.scan().table_name(target.table).limit(i32::try_from(wanted).unwrap_or(i32::MAX));
        let scan = scan.set_exclusive_start_key(after).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = scan.customize().interceptor(meter).send().await;
        let charged = answer.as_ref().ok().and_then(|answer| answer.consumed_capacity.as_ref()?.capacity_units);
        leave.settle(charged.unwrap_or_default());
        self.units += charged.unwrap_or_default();
        let answer = answer.map_err(|error| call_error(error, &connection.site("Scan", Some(target.table))))?;
        answer.items.unwrap_or_default().iter().for_each(|item| self.observe(&target.partition, item));
        Ok(answer.last_evaluated_key.filter(|key| !key.is_empty()))
    }

    fn observe(&mut self, partition: &str, item: &HashMap<String, AttributeValue>) {
        self.items += 1;
        self.bytes += item_size(item);
        self.indexes.iter_mut().for_each(|(index, sample)| sample.observe(index, item));
        for (name, value) in item {
            self.evidence.entry(name.clone()).or_default().observe(value);
            if name == partition {
                self.partitions.insert(attribute_to_json(value).to_string());
            }
        }
    }

    /// The table's indexes with their sizes; `rows` are in the table, if that is known.
    pub(super) fn indexes(&self, rows: Option<u64>) -> Vec<IndexDetail> {
        let sized =
            |(index, sample): &(IndexDetail, IndexSample)| sample.sized(index.clone(), self.items, rows, self.complete);
        self.indexes.iter().map(sized).collect()
    }

    /// How many items share a partition key, on average; at least 1.
    pub(super) fn items_per_partition(&self) -> f64 {
        if self.partitions.is_empty() { 1.0 } else { self.items as f64 / self.partitions.len() as f64 }
    }
}
