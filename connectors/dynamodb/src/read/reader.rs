//! A split's request, and where in it the next call starts.

use crate::convert::attribute_from_json;
use crate::decode::Facts;
use crate::plan::{BATCH_GET_ITEM, BatchParameters, KeyBatch, QUERY, ReadParameters, SCAN};
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_core::{Error, ErrorKind, Result, Retry};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Attributes as the SDK takes them: a key, or the values of expressions.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// `BatchGetItem` may leave keys for another request at any time; so often in a row it may bring nothing at all.
const MAX_IDLE_BATCHES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE_DOUBLINGS: u32 = 6;

/// Where in a split the next request starts.
#[derive(Debug, Clone)]
pub(super) enum Position {
    Start,
    /// After the item with this key.
    After(Attributes),
    /// With these keys, that earlier batches left; and how many batches in a row brought nothing.
    Left(Vec<Attributes>, u32),
}

impl Position {
    /// How long to wait first: left keys mean that the table is at its capacity, asking again at once makes it worse.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Left(_, idle) => Some(FIRST_PAUSE * 2u32.pow((*idle).min(MAX_PAUSE_DOUBLINGS))),
            Self::Start | Self::After(_) => None,
        }
    }

    /// Where to go on after an answer with so many items; `None` at the end.
    ///
    /// # Errors
    /// `Throttled` if nothing came too often.
    pub(super) fn next(&self, facts: Facts, items: u64, place: &str) -> Result<Option<Self>> {
        if facts.left.is_empty() {
            return Ok(facts.last_key.map(Self::After));
        }
        let idle = match self {
            Self::Left(_, idle) if items == 0 => idle + 1,
            Self::Start | Self::After(_) if items == 0 => 1,
            Self::Start | Self::After(_) | Self::Left(..) => 0,
        };
        if idle < MAX_IDLE_BATCHES {
            return Ok(Some(Self::Left(facts.left, idle)));
        }
        let message = format!("{place} left {} keys unread {MAX_IDLE_BATCHES} times in a row", facts.left.len());
        Err(Error::new(ErrorKind::Throttled, message)
            .with_hint("raise the table's read capacity, or read less")
            .with_retry(Retry::After(Duration::from_secs(5))))
    }
}

/// A split's request, parsed.
#[derive(Debug)]
pub(super) enum Reader {
    Query(ReadParameters),
    Scan(ReadParameters),
    Batch(Batch),
}

/// A `BatchGetItem` of one table.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) table: String,
    /// What is asked of all keys.
    pub(super) parameters: KeyBatch,
    /// The keys at its start.
    pub(super) keys: Vec<Attributes>,
    pub(super) return_consumed_capacity: Option<String>,
}

impl Reader {
    /// # Errors
    /// `Internal` for an operation or a parameter that this connector does not write.
    pub(super) fn new(name: &str, parameters: &Json) -> Result<Self> {
        let wrong = |error: serde_json::Error| Error::internal(format!("the parameters of a {name}: {error}"));
        match name {
            QUERY => Ok(Self::Query(ReadParameters::deserialize(parameters).map_err(wrong)?)),
            SCAN => Ok(Self::Scan(ReadParameters::deserialize(parameters).map_err(wrong)?)),
            BATCH_GET_ITEM => Batch::new(BatchParameters::deserialize(parameters).map_err(wrong)?).map(Self::Batch),
            _ => Err(Error::internal(format!("a split asks for the unknown operation {name}"))),
        }
    }

    pub(super) fn table(&self) -> &str {
        match self {
            Self::Query(parameters) | Self::Scan(parameters) => &parameters.table_name,
            Self::Batch(batch) => &batch.table,
        }
    }

    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Query(_) => QUERY,
            Self::Scan(_) => SCAN,
            Self::Batch(_) => BATCH_GET_ITEM,
        }
    }

    /// Whether only the number of items is asked.
    pub(super) fn counts(&self) -> bool {
        match self {
            Self::Query(parameters) | Self::Scan(parameters) => parameters.select.as_deref() == Some("COUNT"),
            Self::Batch(_) => false,
        }
    }
}

impl Batch {
    fn new(parameters: BatchParameters) -> Result<Self> {
        let mut tables = parameters.request_items.into_iter();
        let (Some((table, mut batch)), None) = (tables.next(), tables.next()) else {
            return Err(Error::internal("a BatchGetItem of not exactly one table"));
        };
        let keys = std::mem::take(&mut batch.keys).iter().map(attributes).collect::<Result<_>>()?;
        let return_consumed_capacity = parameters.return_consumed_capacity;
        Ok(Self { table, parameters: batch, keys, return_consumed_capacity })
    }
}

/// # Errors
/// `Internal` for values that are not DynamoDB's JSON.
pub(super) fn attributes(values: &BTreeMap<String, Json>) -> Result<Attributes> {
    let wrong = |name: &str| Error::internal(format!("the value of {name} in a request is not DynamoDB's JSON"));
    let value = |(name, json): (&String, &Json)| {
        attribute_from_json(json).map(|value| (name.clone(), value)).ok_or_else(|| wrong(name))
    };
    values.iter().map(value).collect()
}
