//! One table under test, and the steps from request to rows.

use super::rows::{ID, integer};
use super::{Fixture, Violation};
use crate::{
    Connector, JoinKeys, KeyDecision, ScanContext, ScanPlan, ScanRequest, Split, TableMetadata, TableName, Value,
};
use arrow::array::RecordBatch;
use futures::{StreamExt, TryStreamExt};

/// A table of the connector. Errors become violations that name the step and the request.
pub(super) struct Probe<'a> {
    pub(super) connector: &'a dyn Connector,
    pub(super) table: TableMetadata,
}

/// All that one scan gave.
pub(super) struct Scanned {
    pub(super) plan: ScanPlan,
    pub(super) keys: KeyDecision,
    pub(super) splits: Vec<Split>,
    pub(super) batches: Vec<RecordBatch>,
}

/// A context with the suite's name in it.
pub(super) fn context() -> ScanContext {
    ScanContext::new("conformance")
}

impl<'a> Probe<'a> {
    /// The suite's own table.
    pub(super) async fn of(fixture: &'a Fixture) -> Result<Self, Violation> {
        Self::of_table(fixture, fixture.table()).await
    }

    pub(super) async fn of_table(fixture: &'a Fixture, name: &TableName) -> Result<Self, Violation> {
        let connector = fixture.connector().as_ref();
        let table = connector.get_table(name).await;
        let table = table.map_err(|error| Violation::error(&format!("get_table({name})"), &error))?;
        Ok(Self { connector, table })
    }

    /// A request for the whole table.
    pub(super) fn request(&self) -> ScanRequest {
        ScanRequest::table(self.table.name.clone())
    }

    /// Whether every column that a request names is there; a table without rows may know fewer.
    pub(super) fn has_columns_of(&self, request: &ScanRequest) -> bool {
        let mut known = true;
        let mut visit = |name: &str| known &= self.table.schema.index_of(name).is_ok();
        request.filters.iter().for_each(|filter| filter.visit_columns(&mut visit));
        request.projection.iter().flatten().for_each(|name| visit(name));
        known
    }

    pub(super) async fn plan(&self, request: &ScanRequest) -> Result<ScanPlan, Violation> {
        let plan = self.connector.plan_scan(&self.table, request).await;
        plan.map_err(|error| Violation::error("plan_scan", &error).for_request(request))
    }

    pub(super) async fn scan(&self, request: &ScanRequest) -> Result<Scanned, Violation> {
        self.scan_with(request, None, &context()).await
    }

    pub(super) async fn scan_with(
        &self,
        request: &ScanRequest,
        keys: Option<&JoinKeys>,
        context: &ScanContext,
    ) -> Result<Scanned, Violation> {
        let plan = self.plan(request).await?;
        let (decision, splits) = splits(self.connector, &plan, keys, context).await?;
        let mut batches = Vec::new();
        for split in &splits {
            let read = read(self.connector, split, context).await;
            batches.extend(read.map_err(|violation| violation.for_request(request))?);
        }
        Ok(Scanned { plan, keys: decision, splits, batches })
    }
}

/// The splits of a plan, all of them.
pub(super) async fn splits(
    connector: &dyn Connector,
    plan: &ScanPlan,
    keys: Option<&JoinKeys>,
    context: &ScanContext,
) -> Result<(KeyDecision, Vec<Split>), Violation> {
    let failed = |error| Violation::error("splits", &error).for_request(&plan.request);
    let splits = connector.splits(plan, keys, context).await.map_err(failed)?;
    Ok((splits.keys, splits.stream.try_collect().await.map_err(failed)?))
}

/// The batches of a split, all of them.
pub(super) async fn read(
    connector: &dyn Connector,
    split: &Split,
    context: &ScanContext,
) -> Result<Vec<RecordBatch>, Violation> {
    let failed = |error| Violation::error(&format!("reading the split {:.300}", split.request.to_string()), &error);
    connector.read(split, context).await.map_err(failed)?.try_collect().await.map_err(failed)
}

/// The first batch of a split, after which the stream is dropped.
pub(super) async fn read_one_batch(
    connector: &dyn Connector,
    split: &Split,
    context: &ScanContext,
) -> Result<(), Violation> {
    let failed = |error| Violation::error("reading the first batch of a split", &error);
    let mut stream = connector.read(split, context).await.map_err(failed)?;
    stream.next().await.transpose().map_err(failed).map(|_| ())
}

impl Scanned {
    pub(super) fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The `id` of every row, in the order of arrival.
    pub(super) fn ids(&self) -> Result<Vec<i64>, Violation> {
        let mut ids = Vec::with_capacity(self.row_count());
        for batch in &self.batches {
            let Some(column) = batch.column_by_name(ID) else {
                let seen = format!("a batch without it: {:?}", batch.schema().fields());
                return Err(
                    Violation::new("the projected column id is in every batch", seen).for_request(&self.plan.request)
                );
            };
            for row in 0..batch.num_rows() {
                let value = Value::from_array(column, row).unwrap_or(Value::Null);
                ids.push(integer(&value).ok_or_else(|| {
                    Violation::new("id is a whole number, never NULL", format!("{value}"))
                        .for_request(&self.plan.request)
                })?);
            }
        }
        Ok(ids)
    }
}
