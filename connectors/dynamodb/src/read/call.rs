//! One request, made from the very parameters that EXPLAIN shows, and its answer as it came.

use super::reader::{Attributes, Batch, Position, Reader, attributes};
use crate::connect::{Connection, Leave, Meter, Tap, check_spent};
use crate::error::{Site, call_error};
use crate::plan::ReadParameters;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity, Select};
use headwater_core::{Error, Result, ScanContext};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Fills the parameters that `Query` and `Scan` share, which their builders have under the same names.
macro_rules! filled {
    ($builder:expr, $parameters:expr, $position:expr) => {
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
            .set_return_consumed_capacity(capacity($parameters.return_consumed_capacity.as_ref()))
            .set_exclusive_start_key(start_key($position))
    };
}

/// Sends a request and leaves its answer in the tap.
macro_rules! send {
    ($call:expr, $request:expr) => {
        $request
            .customize()
            .interceptor($call.meter.clone())
            .interceptor($call.tap.clone())
            .send()
            .await
            .map(drop)
            .map_err(|error| call_error(error, &$call.site))
    };
}

/// An answer that came.
pub(super) struct Answer {
    pub(super) text: Vec<u8>,
    /// To be settled once its charge has been read.
    pub(super) leave: Leave,
}

/// Sends one request, when it may be sent.
///
/// # Errors
/// The call's, after the SDK's retries; `LimitExceeded` for a query that has used its capacity; `Internal` for
/// parameters that this connector does not write.
pub(super) async fn answer(
    connection: &Connection,
    reader: &Reader,
    position: &Position,
    context: &ScanContext,
) -> Result<Answer> {
    let client = connection.client().await?;
    let leave = connection.leave(reader.table()).await?;
    context.metrics.add_throttle_wait(leave.waited());
    check_spent(context, connection.config().limits.units_per_query)?;
    let meter = leave.meter(&context.query_id);
    let site = connection.site(reader.operation(), Some(reader.table()));
    let call = Call { client, tap: meter.tap(), meter, site };
    let begin = Instant::now();
    let sent = match reader {
        Reader::Query(parameters) => call.query(parameters, position).await,
        Reader::Scan(parameters) => call.scan(parameters, position).await,
        Reader::Batch(batch) => call.batch(batch, position).await,
    };
    call.meter.report(&context.metrics, begin);
    match sent {
        Ok(()) => Ok(Answer { text: call.tap.take(), leave }),
        Err(error) => {
            leave.settle(0.0);
            Err(error)
        }
    }
}

/// What a call needs besides its parameters.
struct Call<'a> {
    client: &'a Client,
    meter: Meter,
    tap: Tap,
    site: Site,
}

impl Call<'_> {
    async fn query(&self, parameters: &ReadParameters, position: &Position) -> Result<()> {
        let request = filled!(self.client.query(), parameters, position)
            .set_key_condition_expression(parameters.key_condition_expression.clone())
            .set_scan_index_forward(parameters.scan_index_forward);
        send!(self, request)
    }

    async fn scan(&self, parameters: &ReadParameters, position: &Position) -> Result<()> {
        let request = filled!(self.client.scan(), parameters, position)
            .set_segment(parameters.segment)
            .set_total_segments(parameters.total_segments);
        send!(self, request)
    }

    async fn batch(&self, batch: &Batch, position: &Position) -> Result<()> {
        let request = self
            .client
            .batch_get_item()
            .request_items(&batch.table, keys(batch, position)?)
            .set_return_consumed_capacity(capacity(batch.return_consumed_capacity.as_ref()));
        send!(self, request)
    }
}

fn keys(batch: &Batch, position: &Position) -> Result<KeysAndAttributes> {
    let keys = match position {
        Position::Left(keys, _) => keys,
        Position::Start | Position::After(_) => &batch.keys,
    };
    KeysAndAttributes::builder()
        .set_keys(Some(keys.clone()))
        .set_projection_expression(batch.parameters.projection_expression.clone())
        .set_expression_attribute_names(names(&batch.parameters.expression_attribute_names))
        .set_consistent_read(batch.parameters.consistent_read)
        .build()
        .map_err(|error| Error::internal(error.to_string()))
}

fn start_key(position: &Position) -> Option<Attributes> {
    match position {
        Position::After(key) => Some(key.clone()),
        Position::Start | Position::Left(..) => None,
    }
}

fn capacity(wanted: Option<&String>) -> Option<ReturnConsumedCapacity> {
    wanted.map(|wanted| ReturnConsumedCapacity::from(wanted.as_str()))
}

/// No map at all rather than an empty one, which DynamoDB rejects.
fn names(names: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!names.is_empty()).then(|| names.clone().into_iter().collect())
}

fn values(parameters: &ReadParameters) -> Result<Option<Attributes>> {
    let values = &parameters.expression_attribute_values;
    if values.is_empty() { Ok(None) } else { attributes(values).map(Some) }
}
