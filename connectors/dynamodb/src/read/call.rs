//! The calls themselves, made from the very parameters that EXPLAIN shows.

use crate::connect::{Connection, Leave, Meter, charge, check_spent};
use crate::convert::attribute_from_json;
use crate::error::{Site, call_error};
use crate::plan::{BATCH_GET_ITEM, BatchParameters, KeyBatch, QUERY, ReadParameters, SCAN};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity, Select};
use headwater_core::{Error, ErrorKind, Result, Retry, ScanContext};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

type Item = HashMap<String, AttributeValue>;

/// `BatchGetItem` may leave keys for another request at any time; so often in a row it may bring nothing at all.
const MAX_IDLE_BATCHES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE_DOUBLINGS: u32 = 6;

/// Where in a split the next request starts.
#[derive(Debug)]
pub(super) enum Position {
    Start,
    /// After the item with this key.
    After(Item),
    /// With these keys, that earlier batches left; and how many batches in a row brought nothing.
    Left(KeysAndAttributes, u32),
}

/// One answer.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    /// How many items there are, when only that was asked.
    pub(super) count: Option<u64>,
}

/// A split's request, parsed.
#[derive(Debug)]
pub(super) enum Reader {
    Query(ReadParameters),
    Scan(ReadParameters),
    Batch { table: String, keys: KeysAndAttributes, capacity: Option<ReturnConsumedCapacity> },
}

/// Fills the parameters that `Query` and `Scan` share, which their builders have under the same names.
macro_rules! filled {
    ($builder:expr, $parameters:expr) => {
        $builder
            .table_name(&$parameters.table_name)
            .set_index_name($parameters.index_name.clone())
            .set_filter_expression($parameters.filter_expression.clone())
            .set_projection_expression($parameters.projection_expression.clone())
            .set_expression_attribute_names(names(&$parameters.expression_attribute_names))
            .set_expression_attribute_values(values($parameters)?)
            .set_limit($parameters.limit)
            .set_select($parameters.select.as_deref().map(Select::from))
            .set_consistent_read($parameters.consistent_read)
            .set_return_consumed_capacity(capacity($parameters.return_consumed_capacity.as_deref()))
    };
}

/// What a call needs besides its parameters.
struct Call<'a> {
    client: &'a Client,
    context: &'a ScanContext,
    site: Site,
    leave: Leave,
    /// Read units that its query may use.
    most: Option<u32>,
    meter: Meter,
    begin: Instant,
}

impl Reader {
    /// # Errors
    /// `Internal` for an operation or a parameter that this connector does not write.
    pub(super) fn new(name: &str, parameters: &Json) -> Result<Self> {
        let wrong = |error: serde_json::Error| Error::internal(format!("the parameters of a {name}: {error}"));
        match name {
            QUERY => Ok(Self::Query(ReadParameters::deserialize(parameters).map_err(wrong)?)),
            SCAN => Ok(Self::Scan(ReadParameters::deserialize(parameters).map_err(wrong)?)),
            BATCH_GET_ITEM => {
                let batch = BatchParameters::deserialize(parameters).map_err(wrong)?;
                let capacity = capacity(batch.return_consumed_capacity.as_deref());
                let mut tables = batch.request_items.into_iter();
                match (tables.next(), tables.next()) {
                    (Some((table, keys)), None) => Ok(Self::Batch { table, keys: key_batch(keys)?, capacity }),
                    _ => Err(Error::internal("a BatchGetItem of not exactly one table")),
                }
            }
            _ => Err(Error::internal(format!("a split asks for the unknown operation {name}"))),
        }
    }

    pub(super) fn table(&self) -> &str {
        match self {
            Self::Query(parameters) | Self::Scan(parameters) => &parameters.table_name,
            Self::Batch { table, .. } => table,
        }
    }

    /// One request, and where the next one starts; `None` at the end.
    pub(super) async fn page(
        &self,
        connection: &Connection,
        position: Position,
        context: &ScanContext,
    ) -> Result<(Page, Option<Position>)> {
        let client = connection.client().await?;
        let most = connection.config().limits.units_per_query;
        let leave = connection.leave(self.table()).await?;
        context.metrics.add_throttle_wait(leave.waited());
        check_spent(context, most)?;
        let operation = match self {
            Self::Query(_) => "Query",
            Self::Scan(_) => "Scan",
            Self::Batch { .. } => "BatchGetItem",
        };
        let site = connection.site(operation, Some(self.table()));
        let meter = leave.meter(&context.query_id);
        let call = Call { client, context, site, leave, most, meter, begin: Instant::now() };
        match self {
            Self::Query(parameters) => call.query(parameters, position).await,
            Self::Scan(parameters) => call.scan(parameters, position).await,
            Self::Batch { table, keys, capacity } => call.batch(table, keys, capacity.clone(), position).await,
        }
    }
}

impl Call<'_> {
    async fn query(self, parameters: &ReadParameters, position: Position) -> Result<(Page, Option<Position>)> {
        let request = filled!(self.client.query(), parameters)
            .set_key_condition_expression(parameters.key_condition_expression.clone())
            .set_scan_index_forward(parameters.scan_index_forward)
            .set_exclusive_start_key(start_key(position));
        let answer = request.customize().interceptor(self.meter.clone()).send().await;
        self.meter.report(&self.context.metrics, self.begin);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(error)),
        };
        self.charge(answer.consumed_capacity.as_slice())?;
        let page = Page { count: counted(parameters, answer.count), items: answer.items.unwrap_or_default() };
        Ok((page, next(answer.last_evaluated_key)))
    }

    async fn scan(self, parameters: &ReadParameters, position: Position) -> Result<(Page, Option<Position>)> {
        let request = filled!(self.client.scan(), parameters)
            .set_segment(parameters.segment)
            .set_total_segments(parameters.total_segments)
            .set_exclusive_start_key(start_key(position));
        let answer = request.customize().interceptor(self.meter.clone()).send().await;
        self.meter.report(&self.context.metrics, self.begin);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(error)),
        };
        self.charge(answer.consumed_capacity.as_slice())?;
        let page = Page { count: counted(parameters, answer.count), items: answer.items.unwrap_or_default() };
        Ok((page, next(answer.last_evaluated_key)))
    }

    async fn batch(
        self,
        table: &str,
        keys: &KeysAndAttributes,
        capacity: Option<ReturnConsumedCapacity>,
        position: Position,
    ) -> Result<(Page, Option<Position>)> {
        let (wanted, idle) = match position {
            Position::Left(keys, idle) => {
                // Left keys mean that the table is at its capacity: asking again at once makes it worse.
                let pause = FIRST_PAUSE * 2u32.pow(idle.min(MAX_PAUSE_DOUBLINGS));
                tokio::time::sleep(pause).await;
                self.context.metrics.add_throttle_wait(pause);
                self.context.metrics.add_retries(1);
                (keys, idle)
            }
            Position::Start | Position::After(_) => (keys.clone(), 0),
        };
        let request = self.client.batch_get_item().request_items(table, wanted).set_return_consumed_capacity(capacity);
        let answer = request.customize().interceptor(self.meter.clone()).send().await;
        self.meter.report(&self.context.metrics, self.begin);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Err(self.failed(error)),
        };
        let capacity: Vec<_> = answer.consumed_capacity().to_vec();
        let items = answer.responses.and_then(|mut tables| tables.remove(table)).unwrap_or_default();
        let left = answer.unprocessed_keys.and_then(|mut tables| tables.remove(table));
        let left = left.filter(|left| !left.keys().is_empty());
        if left.is_some() {
            self.leave.throttled();
        }
        let place = self.site.place.clone();
        self.charge(&capacity)?;
        let Some(left) = left else {
            return Ok((Page { items, count: None }, None));
        };
        let idle = if items.is_empty() { idle + 1 } else { 0 };
        if idle >= MAX_IDLE_BATCHES {
            return Err(starved(&place, left.keys().len()));
        }
        Ok((Page { items, count: None }, Some(Position::Left(left, idle))))
    }

    /// A call that was not answered, or refused, after all attempts.
    fn failed<E>(self, error: SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.leave.settle(0.0);
        call_error(error, &self.site)
    }

    /// Charges the budgets, the scan and its query.
    fn charge(self, capacity: &[ConsumedCapacity]) -> Result<()> {
        let units = capacity.iter().filter_map(ConsumedCapacity::capacity_units).sum();
        self.leave.settle(units);
        charge(self.context, units, self.most)
    }
}

fn starved(place: &str, left: usize) -> Error {
    let message = format!("{place} left {left} keys unread {MAX_IDLE_BATCHES} times in a row");
    Error::new(ErrorKind::Throttled, message)
        .with_hint("raise the table's read capacity, or read less")
        .with_retry(Retry::After(Duration::from_secs(5)))
}

fn counted(parameters: &ReadParameters, count: i32) -> Option<u64> {
    parameters.select.as_ref().map(|_| u64::try_from(count).unwrap_or(0))
}

fn start_key(position: Position) -> Option<Item> {
    match position {
        Position::After(key) => Some(key),
        Position::Start | Position::Left(..) => None,
    }
}

fn next(last: Option<Item>) -> Option<Position> {
    last.filter(|key| !key.is_empty()).map(Position::After)
}

fn capacity(wanted: Option<&str>) -> Option<ReturnConsumedCapacity> {
    wanted.map(ReturnConsumedCapacity::from)
}

/// No map at all rather than an empty one, which DynamoDB rejects.
fn names(names: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!names.is_empty()).then(|| names.clone().into_iter().collect())
}

fn values(parameters: &ReadParameters) -> Result<Option<Item>> {
    let values = &parameters.expression_attribute_values;
    if values.is_empty() { Ok(None) } else { item(values).map(Some) }
}

fn item(values: &BTreeMap<String, Json>) -> Result<Item> {
    let wrong = |name: &str| Error::internal(format!("the value of {name} in a request is not DynamoDB's JSON"));
    let value = |(name, json): (&String, &Json)| {
        attribute_from_json(json).map(|value| (name.clone(), value)).ok_or_else(|| wrong(name))
    };
    values.iter().map(value).collect()
}

fn key_batch(batch: KeyBatch) -> Result<KeysAndAttributes> {
    KeysAndAttributes::builder()
        .set_keys(Some(batch.keys.iter().map(item).collect::<Result<_>>()?))
        .set_projection_expression(batch.projection_expression)
        .set_expression_attribute_names(names(&batch.expression_attribute_names))
        .set_consistent_read(batch.consistent_read)
        .build()
        .map_err(|error| Error::internal(error.to_string()))
}
