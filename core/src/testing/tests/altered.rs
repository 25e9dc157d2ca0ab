//! The in-memory connector with one thing done otherwise: modestly, or wrongly.

use super::twist::Twist::{self, *};
use crate::testing::dataset;
use crate::{
    Answer, BatchStream, CompareOp, Connector, Error, ErrorKind, Expr, JoinKeys, KeyDecision, KeyRole, MemoryConnector,
    NameStream, Precision, Result, ScanContext, ScanMetrics, ScanPlan, ScanRequest, Split, Splits, TableKey,
    TableMetadata, TableName, Value,
};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

pub(super) const SECRET: &str = "hunter2-planted-secret";

pub(super) struct Altered {
    pub(super) inner: MemoryConnector,
    pub(super) twist: Twist,
    pub(super) instance: usize,
    pub(super) counter: Arc<AtomicUsize>,
    pub(super) seen: Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Altered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = if self.twist == SecretInDebug { SECRET } else { "***" };
        f.debug_struct("Altered").field("password", &password).finish()
    }
}

impl Altered {
    /// What is really asked of the tables in memory.
    fn asked(&self, request: &ScanRequest) -> ScanRequest {
        let mut asked = request.clone();
        match self.twist {
            RefusesEverything | InexactForEverything => {
                asked.filters.clear();
                asked.limit = None;
            }
            AnswersByTurns => {
                let exact = |(index, filter)| (index % 3 == 0).then_some(filter);
                asked.filters = request.filters.iter().cloned().enumerate().filter_map(exact).collect();
                asked.limit = None;
            }
            ExactButUnfiltered | LimitBeneathARefusedFilter | ExactLimitBeneathAnInexactFilter => {
                asked.filters.clear();
            }
            InexactButLosesRows if !asked.filters.is_empty() => {
                asked.filters.push(Expr::column("id").compare(CompareOp::NotEq, Value::Int64(20)));
            }
            OnlyTheFirstFilter => asked.filters.truncate(1),
            IgnoresCase | NullIsFalse | PrefixIsAPattern | NumbersAreFloats => {
                asked.filters.iter_mut().for_each(|filter| *filter = self.misread(filter));
            }
            SortsTheProjection => asked.projection.iter_mut().for_each(|columns| columns.sort()),
            InventsColumns => asked.projection.iter_mut().for_each(|columns| columns.retain(|c| known(c))),
            _ => {}
        }
        asked
    }

    fn misread(&self, filter: &Expr) -> Expr {
        match (self.twist, filter) {
            (NullIsFalse, Expr::Not(inner)) => Expr::Or(vec![filter.clone(), inner.as_ref().clone().is_null()]),
            (PrefixIsAPattern, Expr::StartsWith { prefix, .. }) if prefix == "%" => {
                Expr::column("name").is_null().negate()
            }
            (IgnoresCase, Expr::Compare { op: CompareOp::Eq, left, right }) => match right.as_ref() {
                Expr::Literal(Value::Utf8(text)) => left.as_ref().clone().is_in(vec![
                    Value::Utf8(text.clone()),
                    Value::Utf8(text.to_lowercase()),
                    Value::Utf8(text.to_uppercase()),
                ]),
                _ => filter.clone(),
            },
            (NumbersAreFloats, Expr::Compare { op, left, right }) => match right.as_ref() {
                Expr::Literal(Value::Int64(n)) => left.as_ref().clone().compare(*op, Value::Float64(*n as f64)),
                _ => filter.clone(),
            },
            _ => filter.clone(),
        }
    }

    fn answer(&self, index: usize) -> Answer {
        let because = || "a reason".to_owned();
        match self.twist {
            RefusesEverything | RefusedButFiltered | LimitBeneathARefusedFilter => Answer::Refused(because()),
            RefusesWithoutReason => Answer::Refused(String::new()),
            InexactForEverything | InexactButLosesRows | ExactLimitBeneathAnInexactFilter => Answer::Inexact(because()),
            AnswersByTurns if index % 3 == 1 => Answer::Inexact(because()),
            AnswersByTurns if index % 3 == 2 => Answer::Refused(because()),
            _ => Answer::Exact,
        }
    }

    fn limit(&self, has_filters: bool) -> Answer {
        match self.twist {
            RefusesEverything | AnswersByTurns => Answer::Refused("a reason".to_owned()),
            ExactLimitBeneathAnInexactFilter if has_filters => Answer::Exact,
            ExactLimitPerSplit => Answer::Exact,
            _ => Answer::Inexact("a reason".to_owned()),
        }
    }

    fn altered(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let schema = batch.schema();
        let rows = |rows| RecordBatchOptions::new().with_row_count(Some(rows));
        let made = match self.twist {
            MakesColumnsNullable => {
                let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
                let schema = Schema::new(fields.collect::<Vec<Field>>());
                RecordBatch::try_new_with_options(Arc::new(schema), batch.columns().to_vec(), &rows(batch.num_rows()))
            }
            ReordersAmounts => {
                let reversed = arrow::array::UInt32Array::from_iter_values((0..batch.num_rows() as u32).rev());
                let alter = |(column, field): (&ArrayRef, &Arc<Field>)| match field.name().as_str() {
                    "amount" => arrow::compute::take(column, &reversed, None).unwrap(),
                    _ => Arc::clone(column),
                };
                let columns = batch.columns().iter().zip(schema.fields()).map(alter).collect();
                RecordBatch::try_new_with_options(schema, columns, &rows(batch.num_rows()))
            }
            LosesRowsWithoutColumns if batch.num_columns() == 0 => {
                RecordBatch::try_new_with_options(schema, vec![], &rows(0))
            }
            _ => Ok(batch),
        };
        made.map_err(|error| Error::internal(error.to_string()))
    }

    fn not_found(&self, error: Error) -> Error {
        match self.twist {
            ForbidsMissingTables => Error::new(ErrorKind::PermissionDenied, "no"),
            SecretInErrors => error.with_source(format!("connecting with {SECRET}")),
            _ => error,
        }
    }

    fn altered_splits(&self, splits: &mut Vec<Split>, has_keys: bool) {
        match self.twist {
            LosesASplit => drop(splits.pop()),
            ReadsASplitTwice => splits.extend(splits.first().cloned()),
            ReadsTwicePerKey if has_keys => splits.extend(splits.clone()),
            SplitsLeanOnTheInstance => splits.iter_mut().for_each(|split| split.detail = json!(self.instance)),
            SecretInSplits => splits.iter_mut().for_each(|split| split.detail = json!({ "password": SECRET })),
            _ => {}
        }
    }

    /// Fails as a source does whose connections are all in use.
    fn open(&self, split: &Split) -> Result<()> {
        let open = self.counter.fetch_add(1, SeqCst);
        let busy = match self.twist {
            KeepsDroppedStreams => open >= 100,
            OneReaderAtATime => open > 0,
            FailsOnEmptyTables => split.request.to_string().contains("empty"),
            SplitsLeanOnTheInstance => split.detail != json!(self.instance),
            PanicsWhenReading => panic!("a panic on purpose"),
            _ => false,
        };
        if busy { Err(Error::new(ErrorKind::Unavailable, "the source cannot")) } else { Ok(()) }
    }
}

fn known(column: &str) -> bool {
    dataset().schema().index_of(column).is_ok()
}

#[async_trait]
impl Connector for Altered {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.inner.list_schemas()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        let listed = self.inner.list_tables(schema).map_err(|error| self.not_found(error));
        match self.twist {
            ListsATableTwice => listed.chain(self.inner.list_tables(schema)).boxed(),
            ListsNoTables if schema == "main" => stream::empty().boxed(),
            ListsMissingSchemas => listed.filter(|name| std::future::ready(name.is_ok())).boxed(),
            _ => listed.boxed(),
        }
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        let folded = TableName::new(name.schema.as_str(), name.table.to_lowercase());
        let name = if self.twist == FoldsCase { &folded } else { name };
        let mut table = self.inner.get_table(name).await.map_err(|error| self.not_found(error))?;
        match self.twist {
            LeavesOutAColumn => {
                let fields: Vec<_> = table.schema.fields().iter().filter(|f| f.name() != "payload").cloned().collect();
                table.schema = Arc::new(Schema::new(fields));
            }
            HasAKeyOnNothing => {
                table.keys = vec![TableKey { name: None, columns: vec!["no".to_owned()], role: KeyRole::Primary }];
            }
            _ => {}
        }
        Ok(table)
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        let asked = self.asked(request);
        if self.twist == InexactForEverything {
            // Filters that are not passed on are not looked at either.
            self.inner.plan_scan(table, request).await?;
        }
        let planned = self.inner.plan_scan(table, &asked).await.map_err(|error| match self.twist {
            RefusesUnknownProjections => Error::new(ErrorKind::Unsupported, "no such column"),
            _ => error,
        })?;
        let mut plan = ScanPlan { request: request.clone(), ..planned };
        plan.filters = (0..request.filters.len()).map(|index| self.answer(index)).collect();
        plan.limit = request.limit.map(|_| self.limit(!request.filters.is_empty()));
        match self.twist {
            SortsTheProjection => plan.schema = request.output_schema(table)?,
            CallsEstimatesExact => plan.rows = Precision::Exact(table.row_count.value().unwrap_or(0)),
            CountsPlans => plan.notes.push(self.counter.fetch_add(1, SeqCst).to_string()),
            AnswersNoFilter => plan.filters.clear(),
            PlansNothingSendsAll => plan.requests.clear(),
            DeclinesKeys => plan.key_columns.clear(),
            _ => {}
        }
        Ok(plan)
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        let inner_plan = ScanPlan { request: self.asked(&plan.request), ..plan.clone() };
        let some = keys.map(|keys| JoinKeys { tuples: keys.tuples.iter().take(20).cloned().collect(), ..keys.clone() });
        let sent = match (self.twist, keys) {
            (UsesSomeKeys, _) => some.as_ref(),
            (DeclinesKeys, Some(keys)) if !keys.tuples.is_empty() => None,
            (EmptyKeysReadAll, Some(keys)) if keys.tuples.is_empty() => None,
            _ => keys,
        };
        let mut splits = self.inner.splits(&inner_plan, sent, context).await?;
        let mut list: Vec<Split> = splits.stream.try_collect().await?;
        self.altered_splits(&mut list, keys.is_some());
        if let (DeclinesKeys | DeclinesButUsesKeys, Some(keys)) = (self.twist, keys) {
            splits.keys = KeyDecision::Declined { keys: keys.tuples.len() as u64, reason: "a reason".to_owned() };
        }
        if self.twist == KeysAreNotTold {
            splits.keys = KeyDecision::NotOffered;
        }
        Ok(Splits { keys: splits.keys, stream: stream::iter(list.into_iter().map(Ok)).boxed() })
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        self.open(split)?;
        if self.twist == UsesUpSplits && !self.seen.lock().unwrap().insert(split.request.to_string()) {
            return Ok(stream::empty().boxed());
        }
        let mut context = context.clone();
        match self.twist {
            NoBatchRows => context.max_batch_rows = usize::MAX,
            NoBatchBytes => context.max_batch_bytes = usize::MAX,
            CountsNothing => context.metrics = Arc::new(ScanMetrics::default()),
            _ => {}
        }
        let batches: Vec<_> = self.inner.read(split, &context).await?.try_collect().await?;
        let altered: Vec<_> = batches.into_iter().map(|batch| self.altered(batch)).collect();
        let counter = Arc::clone(&self.counter);
        let closed = stream::once(async move {
            // Lets another reader in between, as any source with a network does.
            tokio::task::yield_now().await;
            counter.fetch_sub(1, SeqCst);
        });
        Ok(stream::iter(altered).chain(closed.filter_map(|()| std::future::ready(None))).boxed())
    }
}
