//! The one scan operator: waits for a join's keys, asks the connector for splits, reads them from a shared queue.
//!
//! ```text
//! first poll of any partition ─▶ await awaitable dynamic filters ─▶ keys ─▶ Connector::splits ─▶ shared queue
//! every partition             ─▶ take a split ─▶ Connector::read ─▶ batches   (several splits at once)
//! ```

use crate::error::{from_engine, to_engine};
use crate::keys::offers;
use crate::ledger::{SHOWN_REQUESTS, ScanRecord};
use crate::session::PushdownMode;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::stats::Precision as EnginePrecision;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Statistics, config::ConfigOptions};
use datafusion::error::Result as EngineResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, apply_expression_roots, coop,
};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use headwater_core::{
    BatchStream, ColumnFacts, Connector, Error, ErrorKind, JoinKeys, KeyDecision, Precision, Result, ScanPlan, Split,
    SplitStream, Splits,
};
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OnceCell};

/// How long a scan waits for the keys of joins above it before it reads without them.
const KEY_WAIT: Duration = Duration::from_secs(30);

/// More keys than this are not offered: they would take more memory than reading the rows that they save.
pub(crate) const MAX_KEYS: usize = 400_000;

/// How many splits of one scan are read at once, over all partitions.
const SPLITS_IN_FLIGHT: usize = 16;

/// Reads one [`ScanPlan`](headwater_core::ScanPlan) from its connector.
#[derive(Debug, Clone)]
pub(crate) struct ScanExec {
    connector: Arc<dyn Connector>,
    record: Arc<ScanRecord>,
    pushdown: PushdownMode,
    /// Dynamic filters of joins (and of top-n), as pushed by the engine's last rule.
    filters: Vec<Arc<dyn PhysicalExpr>>,
    /// Which of them end: only a hash join's filter is ever complete.
    awaitable: Arc<OnceLock<HashSet<u64>>>,
    queue: Arc<OnceCell<Queue>>,
    /// Which partitions have run. The queue is empty afterwards: a second run would look like an empty table.
    ran: Arc<[AtomicBool]>,
    properties: Arc<PlanProperties>,
    statistics: Arc<Statistics>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanExec {
    pub(crate) fn new(
        connector: Arc<dyn Connector>,
        record: Arc<ScanRecord>,
        facts: &[ColumnFacts],
        target_partitions: usize,
        pushdown: PushdownMode,
    ) -> Self {
        let most = target_partitions.min(splits_at_once(&record)).max(1);
        let partitions = record.plan.requests.len().clamp(1, most);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&record.plan.schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        let statistics = Arc::new(statistics(&record.plan, facts));
        Self {
            connector,
            record,
            pushdown,
            filters: Vec::new(),
            awaitable: Arc::default(),
            queue: Arc::default(),
            ran: not_run(partitions),
            properties: Arc::new(properties),
            statistics,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Tells every scan of a finished plan which dynamic filters it may wait for.
    pub(crate) fn set_awaitable(plan: &Arc<dyn ExecutionPlan>) -> EngineResult<()> {
        let mut ids = HashSet::new();
        plan.apply(|node| {
            if node.is::<datafusion::physical_plan::joins::HashJoinExec>() {
                ids.extend(node.dynamic_expressions_produced().iter().filter_map(|filter| filter.expression_id()));
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        plan.apply(|node| {
            if let Some(scan) = node.downcast_ref::<Self>() {
                // Set once per plan; a second plan has scans of its own.
                let _already = scan.awaitable.set(ids.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    /// The splits, found by whichever partition is polled first.
    async fn open(&self) -> Result<Queue> {
        let started = Instant::now();
        let offers = self.join_keys().await;
        let nothing_wanted = offers.first().is_some_and(|keys| keys.tuples.is_empty());
        let (decision, splits) = if nothing_wanted {
            (KeyDecision::Used { keys: 0 }, stream::empty().boxed())
        } else {
            let splits = self.splits(&offers).await?;
            (splits.keys, splits.stream)
        };
        // Keys make splits of their own, in a number that only their stream knows.
        let by_keys = matches!(decision, KeyDecision::Used { .. });
        let planned = (!by_keys).then_some(self.record.plan.requests.len()).filter(|planned| *planned > 1);
        self.record.update(|run| run.keys = Some(decision));
        Ok(Queue { splits: Mutex::new(splits), planned, started })
    }

    /// By the first keys that the connector takes: those of one join may lead nowhere, those of another to the rows.
    async fn splits(&self, offers: &[JoinKeys]) -> Result<Splits> {
        let (plan, context) = (&self.record.plan, &self.record.context);
        let mut declined = None;
        for keys in offers {
            let splits = self.connector.splits(plan, Some(keys), context).await?;
            if matches!(splits.keys, KeyDecision::Used { .. }) {
                return Ok(splits);
            }
            declined.get_or_insert(splits);
        }
        match declined {
            Some(splits) => Ok(splits),
            None => self.connector.splits(plan, None, context).await,
        }
    }

    /// The keys of each join above, fewest first.
    async fn join_keys(&self) -> Vec<JoinKeys> {
        // Keys would have to apply to the first rows of the order, which is not what a source would do.
        let has_top = self.record.plan.request.top.is_some();
        if self.pushdown == PushdownMode::Off || self.filters.is_empty() || has_top {
            return Vec::new();
        }
        let usable = &self.record.plan.key_columns;
        self.await_filters().await;
        let mut offers = offers(&self.filters, &self.record.plan.schema, usable);
        offers.retain(|keys| keys.tuples.len() <= MAX_KEYS);
        offers
    }

    /// Waits for the joins' build sides. Build sides lie left of what waits for them, so waits cannot form a circle;
    /// the bound is for a plan shape nobody has seen yet: reading without keys is slower and right.
    async fn await_filters(&self) {
        let Some(awaitable) = self.awaitable.get() else { return };
        for filter in &self.filters {
            for dynamic in dynamic_filters(filter) {
                if dynamic.expression_id().is_some_and(|id| awaitable.contains(&id)) {
                    let _timed_out = tokio::time::timeout(KEY_WAIT, dynamic.wait_complete()).await;
                }
            }
        }
    }

    async fn batches(self, partitions: usize) -> Result<BatchStream> {
        let queue = Arc::clone(&self.queue);
        let Queue { started, planned, .. } = *queue.get_or_try_init(|| self.open()).await?;
        // Rounded down, so that all partitions together keep to the bound; there are never more partitions than it.
        let at_once = (splits_at_once(&self.record) / partitions).max(1);
        // Splits whose number is known are shared out, so that all partitions decode.
        let at_once = planned.map_or(at_once, |planned| at_once.min(planned.div_ceil(partitions)));
        let record = Arc::clone(&self.record);
        let splits = take_splits(queue, Arc::clone(&record));
        let connector = Arc::clone(&self.connector);
        let read = move |split: Result<Split>| -> BatchStream {
            match split {
                Ok(split) => read_split(Arc::clone(&connector), Arc::clone(&record), started, split),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        Ok(splits.map(read).flatten_unordered(at_once).boxed())
    }
}

/// What is expected of a scan, for the choice of a join's sides and of the order of joins. `facts` are those of the
/// scan's columns, in order.
fn statistics(plan: &ScanPlan, facts: &[ColumnFacts]) -> Statistics {
    let mut statistics = Statistics::new_unknown(&plan.schema);
    let count = |rows: u64| usize::try_from(rows).ok();
    statistics.num_rows = match plan.rows {
        Precision::Exact(rows) => count(rows).map_or(EnginePrecision::Absent, EnginePrecision::Exact),
        Precision::Inexact(rows) => count(rows).map_or(EnginePrecision::Absent, EnginePrecision::Inexact),
        Precision::Unknown => EnginePrecision::Absent,
    };
    let Some(rows) = plan.rows.value() else { return statistics };
    for (column, facts) in statistics.column_statistics.iter_mut().zip(facts) {
        let distinct = facts.distinct.value().map(|distinct| distinct.min(rows)).and_then(count);
        column.distinct_count = distinct.map_or(EnginePrecision::Absent, EnginePrecision::Inexact);
    }
    statistics
}

/// A pool of connections that one scan could exhaust would make it wait for itself.
fn splits_at_once(record: &ScanRecord) -> usize {
    record.plan.max_parallel_splits.map_or(SPLITS_IN_FLIGHT, |most| most.clamp(1, SPLITS_IN_FLIGHT))
}

fn not_run(partitions: usize) -> Arc<[AtomicBool]> {
    (0..partitions).map(|_| AtomicBool::new(false)).collect()
}

/// The engine's nested-loop join reads its left side again when it does not fit into memory.
fn second_run(record: &ScanRecord) -> Error {
    let message =
        format!("{} would have to be read twice: a join above it does not fit the memory limit", record.table);
    Error::new(ErrorKind::LimitExceeded, message)
        .with_catalog(&record.catalog)
        .with_hint("join on equal columns, or select fewer rows or columns on its left side")
}

/// Splits not yet taken, shared by all partitions of a scan: an idle one takes the next.
struct Queue {
    splits: Mutex<SplitStream>,
    /// How many splits there are, if the plan says so and there are several.
    planned: Option<usize>,
    started: Instant,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("started", &self.started).finish_non_exhaustive()
    }
}

fn take_splits(queue: Arc<OnceCell<Queue>>, record: Arc<ScanRecord>) -> BoxStream<'static, Result<Split>> {
    stream::unfold((queue, record), |(queue, record)| async move {
        let ready = queue.get()?;
        let split = ready.splits.lock().await.next().await;
        match &split {
            Some(Ok(split)) => record.update(|run| {
                record.context.metrics.add_split();
                run.sent_count += 1;
                if run.sent.len() < SHOWN_REQUESTS {
                    run.sent.push(split.request.clone());
                }
            }),
            // The last split may still be read: its end sets the time again.
            Some(Err(_)) | None => record.update(|run| run.elapsed = Some(ready.started.elapsed())),
        }
        split.map(|split| (split, (queue, record)))
    })
    .boxed()
}

fn read_split(connector: Arc<dyn Connector>, record: Arc<ScanRecord>, started: Instant, split: Split) -> BatchStream {
    let done = Arc::clone(&record);
    let batches = async move { connector.read(&split, &record.context).await };
    let finished = stream::once(async move {
        done.context.metrics.finish_split();
        done.update(|run| run.elapsed = Some(started.elapsed()));
        Ok::<_, Error>(None)
    });
    let batches = stream::once(batches).try_flatten().map_ok(Some).chain(finished);
    batches.try_filter_map(|batch| async move { Ok(batch) }).boxed()
}

fn dynamic_filters(filter: &Arc<dyn PhysicalExpr>) -> Vec<Arc<DynamicFilterPhysicalExpr>> {
    let mut found = Vec::new();
    let walked = filter.apply(|expr| {
        if expr.is::<DynamicFilterPhysicalExpr>() {
            let any: Arc<dyn std::any::Any + Send + Sync> = Arc::clone(expr) as _;
            found.extend(any.downcast::<DynamicFilterPhysicalExpr>().ok());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    found
}

/// Refuses a batch that breaks the connector's promise before it can change an answer.
fn check_batch(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let same = batch.num_columns() == schema.fields().len()
        && batch.schema().fields().iter().zip(schema.fields()).all(|(a, b)| a.data_type() == b.data_type());
    if same {
        return Ok(batch);
    }
    let message = format!("the connector promised columns [{schema}] and sent [{}]", batch.schema());
    Err(Error::new(ErrorKind::SchemaMismatch, message))
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScanRecord { catalog, table, plan, .. } = self.record.as_ref();
        write!(f, "ScanExec: {catalog}.{table}, requests={}", plan.requests.len())?;
        if !self.filters.is_empty() {
            write!(f, ", join filters={}", self.filters.len())?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    /// The held filters must show here: a hash join that finds no consumer never computes its filter.
    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        apply_expression_roots(&self.filters, visit)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// A recursive query runs its recursive term again and again: each time with splits of its own, and without the
    /// filters of joins that are gone with the run before.
    fn reset_state(self: Arc<Self>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let ran = not_run(self.ran.len());
        self.record.context.scope.add_scan();
        let (filters, awaitable, queue) = (Vec::new(), Arc::default(), Arc::default());
        Ok(Arc::new(Self { filters, awaitable, queue, ran, ..self.as_ref().clone() }))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        if self.ran.get(partition).is_none_or(|ran| ran.swap(true, Ordering::Relaxed)) {
            return Err(to_engine(second_run(&self.record)));
        }
        let schema = Arc::clone(&self.record.plan.schema);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let partitions = self.properties.output_partitioning().partition_count();
        let record = Arc::clone(&self.record);
        let promised = Arc::clone(&schema);
        let batches = stream::once(self.clone().batches(partitions)).try_flatten();
        let batches = batches
            .map(move |batch| {
                let batch = batch.and_then(|batch| check_batch(batch, &promised));
                batch.map_err(|error| to_engine(record.failed(error)))
            })
            .inspect_ok(move |batch| baseline.record_output(batch.num_rows()));
        let batches = RecordBatchStreamAdapter::new(schema, batches.boxed());
        Ok(Box::pin(coop::cooperative(batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> EngineResult<Arc<Statistics>> {
        Ok(match args.partition() {
            None => Arc::clone(&self.statistics),
            Some(_) => Arc::new(Statistics::new_unknown(&self.record.plan.schema)),
        })
    }

    /// Keeps dynamic filters and takes none over: `No` leaves every check where it is, in the join.
    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> EngineResult<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let answers = vec![PushedDown::No; result.parent_filters.len()];
        let mut filters = self.filters.clone();
        for parent in result.parent_filters {
            // Asked again with the same filter, the answer is the same plan: the rule may run more than once.
            if !dynamic_filters(&parent.filter).is_empty() && !filters.contains(&parent.filter) {
                filters.push(parent.filter);
            }
        }
        let out = FilterPushdownPropagation::with_parent_pushdown_result(answers);
        if filters.len() == self.filters.len() {
            return Ok(out);
        }
        let updated = Self { filters, ..self.clone() };
        Ok(out.with_updated_node(Arc::new(updated)))
    }
}

/// Runs a plan; an error comes back as the contract's own.
pub(crate) fn run(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<BatchStream> {
    let batches = datafusion::physical_plan::execute_stream(plan, context).map_err(from_engine)?;
    Ok(batches.map_err(from_engine).boxed())
}
