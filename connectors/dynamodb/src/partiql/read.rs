//! Runs a statement, page by page.

use super::text::table_of;
use super::{EXECUTE_STATEMENT, StatementParameters};
use crate::connect::{Connection, charge, check_spent};
use crate::convert::RowBuilder;
use crate::error::call_error;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{BatchStream, Error, Result, ScanContext, SourceRequest, Split};
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

type Item = HashMap<String, AttributeValue>;

/// The answers to a statement, one after the other.
pub(super) struct Pages<C> {
    connection: C,
    parameters: StatementParameters,
    table: String,
    next: Next,
}

enum Next {
    Start,
    Token(String),
    End,
}

impl<C: Deref<Target = Connection>> Pages<C> {
    pub(super) fn new(connection: C, parameters: &StatementParameters) -> Result<Self> {
        let table = table_of(&parameters.statement)?;
        Ok(Self { connection, parameters: parameters.clone(), table, next: Next::Start })
    }

    /// The items of the next page; `None` after the last. Without a `context` no query is charged.
    pub(super) async fn next(&mut self, context: Option<&ScanContext>) -> Result<Option<Vec<Item>>> {
        let token = match std::mem::replace(&mut self.next, Next::End) {
            Next::Start => None,
            Next::Token(token) => Some(token),
            Next::End => return Ok(None),
        };
        let connection: &Connection = &self.connection;
        let client = connection.client().await?;
        let most = connection.config().limits.units_per_query;
        let leave = connection.leave(&self.table).await?;
        if let Some(context) = context {
            context.metrics.add_throttle_wait(leave.waited());
            check_spent(context, most)?;
        }
        let meter = leave.meter(context.map_or("metadata", |context| &context.query_id));
        let begin = Instant::now();
        let call = client
            .execute_statement()
            .statement(&self.parameters.statement)
            .set_consistent_read(self.parameters.consistent_read)
            .set_limit(self.parameters.limit)
            .set_next_token(token)
            .set_return_consumed_capacity(
                self.parameters.return_consumed_capacity.as_deref().map(ReturnConsumedCapacity::from),
            );
        let answer = call.customize().interceptor(meter.clone()).send().await;
        let units = answer.as_ref().ok().and_then(|answer| answer.consumed_capacity.as_ref()?.capacity_units);
        leave.settle(units.unwrap_or_default());
        context.inspect(|context| meter.report(&context.metrics, begin));
        let answer =
            answer.map_err(|error| call_error(error, &connection.site(EXECUTE_STATEMENT, Some(&self.table))))?;
        context.map_or(Ok(()), |context| charge(context, units.unwrap_or_default(), most))?;
        if let Some(token) = answer.next_token {
            self.next = Next::Token(token);
        }
        Ok(Some(answer.items.unwrap_or_default()))
    }
}

/// The rows of a statement's split. Nothing is sent until the stream is polled, and nothing once it is dropped.
///
/// # Errors
/// `Internal` when the split is not of this connector.
pub(crate) fn read(connection: Arc<Connection>, split: &Split, context: &ScanContext) -> Result<BatchStream> {
    let SourceRequest::Operation { parameters, .. } = &split.request else {
        return Err(Error::internal("a split of another connector reached the DynamoDB connector"));
    };
    let wrong = |error: serde_json::Error| Error::internal(format!("the parameters of a statement: {error}"));
    let pages = Pages::new(connection, &StatementParameters::deserialize(parameters).map_err(wrong)?)?;
    let left = split.limit.unwrap_or(u64::MAX);
    let reading = Reading { pages, left, schema: Arc::clone(&split.schema), context: context.clone() };
    let batches = stream::try_unfold(reading, |mut reading| async move {
        if reading.left == 0 {
            return Ok(None);
        }
        let Some(items) = reading.pages.next(Some(&reading.context)).await? else { return Ok(None) };
        let batches = reading.batches(&items)?;
        Ok::<_, Error>(Some((stream::iter(batches.into_iter().map(Ok)), reading)))
    });
    Ok(batches.try_flatten().boxed())
}

struct Reading {
    pages: Pages<Arc<Connection>>,
    /// How many more rows are wanted.
    left: u64,
    schema: SchemaRef,
    context: ScanContext,
}

impl Reading {
    fn batches(&mut self, items: &[Item]) -> Result<Vec<RecordBatch>> {
        let catalog = &self.pages.connection.config().catalog;
        let mut builder = RowBuilder::new(Arc::clone(&self.schema))?;
        let mut batches = Vec::new();
        for item in items.iter().take(usize::try_from(self.left).unwrap_or(usize::MAX)) {
            builder.push(item).map_err(|misfit| misfit.into_error(catalog, &self.pages.table, builder.schema()))?;
            self.left -= 1;
            let full = builder.rows() >= self.context.max_batch_rows.max(1);
            if full || builder.bytes() > self.context.max_batch_bytes {
                batches.push(self.finish(&mut builder)?);
            }
        }
        if builder.rows() > 0 {
            batches.push(self.finish(&mut builder)?);
        }
        Ok(batches)
    }

    fn finish(&self, builder: &mut RowBuilder) -> Result<RecordBatch> {
        let (rows, bytes) = (builder.rows() as u64, builder.bytes() as u64);
        let batch = builder.finish()?;
        self.context.metrics.add_batch(rows, bytes);
        Ok(batch)
    }
}
