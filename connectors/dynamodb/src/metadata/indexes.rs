//! Secondary indexes: what the table's description says of them, and how large the sample makes them look.

use crate::convert::{KeyKind, attribute_to_json, item_size};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, IndexStatus, KeySchemaElement, KeyType, Projection, ProjectionType,
    TableDescription,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A key attribute of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexKey {
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
}

/// A secondary index as planning needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IndexDetail {
    pub(crate) name: String,
    /// Global: with a partition key and a capacity of its own, never strongly consistent. Else local.
    pub(crate) global: bool,
    /// Why it cannot be read at all, if so.
    pub(crate) unusable: Option<String>,
    pub(crate) partition: IndexKey,
    pub(crate) sort: Option<IndexKey>,
    /// The attributes that it has; `None`: all of them.
    pub(crate) attributes: Option<Vec<String>>,
    /// How many items and bytes it has, if anything is known; sparse indexes have fewer items than the table.
    pub(crate) items: Option<u64>,
    pub(crate) bytes: Option<u64>,
    /// How many items share its partition key, on average, at least 1.
    pub(crate) items_per_partition: f64,
    /// Provisioned read units per second; `None`: the table's own, or on demand.
    pub(crate) read_capacity: Option<u64>,
}

/// The indexes of a table, local ones first: they share the table's partitions. Sizes come with the sample.
pub(super) fn indexes(described: &TableDescription) -> Vec<IndexDetail> {
    let definitions = described.attribute_definitions();
    let table_keys = described.key_schema();
    let local = described.local_secondary_indexes().iter().filter_map(|index| {
        let keys = IndexKeys { table: table_keys, own: index.key_schema(), definitions };
        let detail = keys.detail(index.index_name()?, index.projection())?;
        Some(IndexDetail { items: known(index.item_count()), bytes: known(index.index_size_bytes()), ..detail })
    });
    let global = described.global_secondary_indexes().iter().filter_map(|index| {
        let keys = IndexKeys { table: table_keys, own: index.key_schema(), definitions };
        let detail = keys.detail(index.index_name()?, index.projection())?;
        let status = index.index_status().filter(|status| **status != IndexStatus::Active);
        let inactive = status.map(|status| format!("its status is {}", status.as_str()));
        let capacity = index.provisioned_throughput().and_then(|provisioned| provisioned.read_capacity_units());
        Some(IndexDetail {
            global: true,
            unusable: detail.unusable.or(inactive),
            items: known(index.item_count()),
            bytes: known(index.index_size_bytes()),
            read_capacity: known(capacity),
            ..detail
        })
    });
    local.chain(global).collect()
}

/// A number that is more than nothing: counts are up to six hours old, and zero until the first one.
pub(super) fn known(number: Option<i64>) -> Option<u64> {
    number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0)
}

struct IndexKeys<'a> {
    table: &'a [KeySchemaElement],
    own: &'a [KeySchemaElement],
    definitions: &'a [AttributeDefinition],
}

impl IndexKeys<'_> {
    /// An index without sizes; `None` if its description makes no sense.
    fn detail(&self, name: &str, projection: Option<&Projection>) -> Option<IndexDetail> {
        let of = |role: KeyType| self.own.iter().filter(move |element| *element.key_type() == role);
        let several = of(KeyType::Hash).count() > 1 || of(KeyType::Range).count() > 1;
        let sort = match of(KeyType::Range).next() {
            Some(element) => Some(self.key(element)?),
            None => None,
        };
        Some(IndexDetail {
            name: name.to_owned(),
            global: false,
            unusable: several.then(|| "its key has several attributes of one role".to_owned()),
            partition: self.key(of(KeyType::Hash).next()?)?,
            sort,
            attributes: self.attributes(projection),
            items: None,
            bytes: None,
            items_per_partition: 1.0,
            read_capacity: None,
        })
    }

    fn key(&self, element: &KeySchemaElement) -> Option<IndexKey> {
        let name = element.attribute_name();
        let definition = self.definitions.iter().find(|definition| definition.attribute_name() == name)?;
        let kind = KeyKind::of(definition.attribute_type())?;
        Some(IndexKey { name: name.to_owned(), kind })
    }

    /// Keys of table and index are always there.
    fn attributes(&self, projection: Option<&Projection>) -> Option<Vec<String>> {
        let projection = projection?;
        if projection.projection_type() == Some(&ProjectionType::All) {
            return None;
        }
        let keys = self.table.iter().chain(self.own).map(|element| element.attribute_name().to_owned());
        let mut names: Vec<String> = keys.chain(projection.non_key_attributes().iter().cloned()).collect();
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}

/// What the sampled items say of one index.
#[derive(Debug, Default)]
pub(super) struct IndexSample {
    items: u64,
    bytes: u64,
    /// How often each value of the partition key was met.
    partitions: HashMap<String, u64>,
}

impl IndexSample {
    /// Counts an item if the index has it: if it has all key attributes, in their types.
    pub(super) fn observe(&mut self, index: &IndexDetail, item: &HashMap<String, AttributeValue>) {
        let value = |key: &IndexKey| {
            let json = attribute_to_json(item.get(&key.name)?);
            json.get(key.kind.name()).is_some().then(|| json.to_string())
        };
        let Some(partition) = value(&index.partition) else { return };
        if index.sort.as_ref().is_some_and(|sort| value(sort).is_none()) {
            return;
        }
        self.items += 1;
        self.bytes += match &index.attributes {
            None => item_size(item),
            Some(names) => {
                let kept = names.iter().filter_map(|name| Some((name.clone(), item.get(name)?.clone())));
                item_size(&kept.collect())
            }
        };
        *self.partitions.entry(partition).or_default() += 1;
    }

    /// The index with its sizes. `sampled` items out of `table` (if that is known) were looked at; `complete`: all.
    pub(super) fn sized(&self, index: IndexDetail, sampled: u64, table: Option<u64>, complete: bool) -> IndexDetail {
        let share = (sampled > 0).then(|| self.items as f64 / sampled as f64);
        let of_table = |known: Option<u64>| match (complete, known) {
            (true, _) => Some(self.items),
            (false, Some(items)) => Some(items),
            (false, None) => table.zip(share).map(|(items, share)| (items as f64 * share).round() as u64),
        };
        let items = of_table(index.items);
        let item_bytes = if self.items == 0 { 0.0 } else { self.bytes as f64 / self.items as f64 };
        let bytes = match (complete, index.bytes) {
            (false, Some(bytes)) => Some(bytes),
            (false, None) if self.items == 0 => None,
            _ => items.map(|items| (items as f64 * item_bytes).round() as u64),
        };
        let items_per_partition = self.items_per_partition(&index, items);
        IndexDetail { items, bytes, items_per_partition, ..index }
    }

    /// A sample of a table's beginning holds whole partitions of the table and of its local indexes. To a global index
    /// it is a random one, in which most partitions show once: their number is estimated as
    /// `√(N/n) · once + more than once` (Charikar and others, 2000).
    fn items_per_partition(&self, index: &IndexDetail, items: Option<u64>) -> f64 {
        if self.items == 0 {
            return 1.0;
        }
        let (sampled, distinct) = (self.items as f64, self.partitions.len() as f64);
        let Some(items) = items.filter(|items| index.global && *items > self.items) else { return sampled / distinct };
        let once = self.partitions.values().filter(|count| **count == 1).count() as f64;
        let estimate = (items as f64 / sampled).sqrt() * once + (distinct - once);
        (items as f64 / estimate).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_email() -> IndexDetail {
        IndexDetail {
            name: "by_email".to_owned(),
            global: true,
            unusable: None,
            partition: IndexKey { name: "email".to_owned(), kind: KeyKind::S },
            sort: None,
            attributes: Some(vec!["email".to_owned()]),
            items: None,
            bytes: None,
            items_per_partition: 1.0,
            read_capacity: None,
        }
    }

    fn item(email: AttributeValue) -> HashMap<String, AttributeValue> {
        HashMap::from([("email".to_owned(), email), ("more".to_owned(), AttributeValue::S("x".repeat(100)))])
    }

    #[test]
    fn an_index_has_the_items_with_its_key_and_only_what_is_projected() {
        let mut sample = IndexSample::default();
        for email in ["a", "a", "b"] {
            sample.observe(&by_email(), &item(AttributeValue::S(email.to_owned())));
        }
        sample.observe(&by_email(), &item(AttributeValue::N("1".to_owned())));
        sample.observe(&by_email(), &HashMap::new());
        let complete = sample.sized(by_email(), 5, Some(5), true);
        assert_eq!((complete.items, complete.bytes, complete.items_per_partition), (Some(3), Some(18), 1.5));
        let part = sample.sized(by_email(), 5, Some(5_000), false);
        assert_eq!((part.items, part.bytes), (Some(3_000), Some(18_000)));
        // One of two values was met once: √1000 · 1 + 1 values.
        assert!((part.items_per_partition - 3_000.0 / 32.62).abs() < 0.1, "{}", part.items_per_partition);
    }
}
