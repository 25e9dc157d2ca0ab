//! The one scan operator: waits for a join's keys, asks the connector for splits, reads them from a shared queue.
//!
//! ```text
//! first poll of any partition ─▶ await the build sides of joins ─▶ keys ─▶ Connector::splits ─▶ shared queue
//! every partition             ─▶ take a split ─▶ Connector::read ─▶ batches   (several splits at once)
//! ```

mod ask;
mod queue;

use crate::error::{from_engine, to_engine};
use crate::keys::{self, BuildSides, Found, KEYS_AT_ONCE, Offer, Wanted};
use crate::ledger::ScanRecord;
use crate::session::PushdownMode;
use ask::{Ask, KnownKeys, Piece};
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
use futures::stream::{self, StreamExt, TryStreamExt};
use headwater_core::{BatchStream, ColumnFacts, Connector, Error, ErrorKind, KeyDecision, Precision, Result, ScanPlan};
use queue::{Queue, read_piece, take_pieces};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OnceCell};

/// How long a scan waits for the keys of joins above it before it reads without them.
const KEY_WAIT: Duration = Duration::from_secs(30);

/// How many splits of one scan are read at once, over all partitions.
const SPLITS_IN_FLIGHT: usize = 16;

/// Reads one [`ScanPlan`](headwater_core::ScanPlan) from its connector.
#[derive(Debug, Clone)]
pub(crate) struct ScanExec {
    connector: Arc<dyn Connector>,
    record: Arc<ScanRecord>,
    pushdown: PushdownMode,
    /// Dynamic filters of joins (and of top-n), as pushed by the engine's last rule: which joins may narrow this scan.
    filters: Vec<Arc<dyn PhysicalExpr>>,
    joins: Arc<OnceLock<Arc<Joins>>>,
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
            joins: Arc::default(),
            queue: Arc::default(),
            ran: not_run(partitions),
            properties: Arc::new(properties),
            statistics,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Sees to it that every scan of a finished plan learns the keys of the joins above it.
    ///
    /// # Errors
    /// The engine's, of a plan that cannot be rebuilt.
    pub(crate) fn with_keys(plan: Arc<dyn ExecutionPlan>, keys_at_once: usize) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let mut wanted = HashMap::new();
        for_each(&plan, &mut |scan| {
            let (schema, usable) = (&scan.record.plan.schema, &scan.record.plan.key_columns);
            for filter in scan.dynamic_filters().filter(|_| scan.takes_keys()) {
                let Some(id) = filter.expression_id() else { continue };
                let own = match keys::is_usable(filter, schema, usable) {
                    true => Wanted::Keys { most: scan.record.plan.max_keys.unwrap_or(u64::MAX) },
                    false => Wanted::Whether,
                };
                wanted.entry(id).and_modify(|wanted: &mut Wanted| *wanted = wanted.and(own)).or_insert(own);
            }
        })?;
        let (plan, sides) = keys::gather(plan, &wanted)?;
        let joins = Arc::new(Joins { sides, keys_at_once });
        for_each(&plan, &mut |scan| {
            // Set once per plan; a second plan has scans of its own.
            let _already = scan.joins.set(Arc::clone(&joins));
        })?;
        Ok(plan)
    }

    /// The splits, found by whichever partition is polled first.
    async fn open(&self) -> Result<Queue> {
        let started = Instant::now();
        let ask = Ask {
            connector: Arc::clone(&self.connector),
            record: Arc::clone(&self.record),
            keys_at_once: self.joins.get().map_or(KEYS_AT_ONCE, |joins| joins.keys_at_once),
        };
        let (decision, pieces) = ask.pieces(self.known_keys().await).await?;
        // Keys make splits of their own, in a number that only their stream knows.
        let by_keys = matches!(decision, KeyDecision::Used { .. });
        let planned = (!by_keys).then_some(self.record.plan.requests.len()).filter(|planned| *planned > 1);
        self.record.update(|run| run.keys = Some(decision));
        Ok(Queue { pieces: Mutex::new(pieces), planned, started })
    }

    /// Whether the keys of joins could narrow the reading.
    fn takes_keys(&self) -> bool {
        // Keys would have to apply to the first rows of the order, which is not what a source would do.
        self.pushdown != PushdownMode::Off && self.record.plan.request.top.is_none()
    }

    /// The keys of the joins above, once their build sides are read. Build sides lie left of what waits for them, so
    /// waits cannot form a circle; the bound is for a plan shape nobody has seen yet: reading without keys is slower and
    /// right.
    async fn known_keys(&self) -> KnownKeys {
        let mut known = KnownKeys::default();
        let Some(joins) = self.joins.get().filter(|_| self.takes_keys()) else { return known };
        let (schema, usable) = (&self.record.plan.schema, &self.record.plan.key_columns);
        for filter in self.dynamic_filters() {
            let Some(side) = filter.expression_id().and_then(|id| joins.sides.get(&id)) else { continue };
            match tokio::time::timeout(KEY_WAIT, side.keys()).await {
                Ok(Found::None) => known.none = true,
                Ok(Found::Keys(keys)) => known.offers.extend(Offer::new(filter, keys, schema, usable)),
                Ok(Found::Lost { keys, reason }) => known.lost = Some((keys, reason)),
                Ok(Found::Some) => {}
                Err(_) => known.lost = Some((0, format!("the join's other side took more than {KEY_WAIT:?}"))),
            }
        }
        known.offers.sort_by_key(Offer::len);
        known
    }

    fn dynamic_filters(&self) -> impl Iterator<Item = &DynamicFilterPhysicalExpr> {
        self.filters.iter().filter_map(|filter| filter.downcast_ref())
    }

    async fn batches(self, partitions: usize) -> Result<BatchStream> {
        let queue = Arc::clone(&self.queue);
        let Queue { started, planned, .. } = *queue.get_or_try_init(|| self.open()).await?;
        // Rounded down, so that all partitions together keep to the bound; there are never more partitions than it.
        let at_once = (splits_at_once(&self.record) / partitions).max(1);
        // Splits whose number is known are shared out, so that all partitions decode.
        let at_once = planned.map_or(at_once, |planned| at_once.min(planned.div_ceil(partitions)));
        let record = Arc::clone(&self.record);
        let pieces = take_pieces(queue, Arc::clone(&record));
        let connector = Arc::clone(&self.connector);
        let read = move |piece: Result<Piece>| -> BatchStream {
            match piece {
                Ok(piece) => read_piece(Arc::clone(&connector), Arc::clone(&record), started, piece),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        Ok(pieces.map(read).flatten_unordered(at_once).boxed())
    }
}

/// What the scans of one plan know of its joins.
#[derive(Debug)]
struct Joins {
    sides: BuildSides,
    keys_at_once: usize,
}

fn for_each(plan: &Arc<dyn ExecutionPlan>, visit: &mut dyn FnMut(&ScanExec)) -> EngineResult<()> {
    plan.apply(|node| {
        node.downcast_ref::<ScanExec>().into_iter().for_each(&mut *visit);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
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
        let (filters, joins, queue) = (Vec::new(), Arc::default(), Arc::default());
        Ok(Arc::new(Self { filters, joins, queue, ran, ..self.as_ref().clone() }))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        if self.ran.get(partition).is_none_or(|ran| ran.swap(true, Ordering::Relaxed)) {
            return Err(to_engine(second_run(&self.record)));
        }
        let schema = Arc::clone(&self.record.plan.schema);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let partitions = self.properties.output_partitioning().partition_count();
        let record = Arc::clone(&self.record);
        let batches = stream::once(self.clone().batches(partitions)).try_flatten();
        let batches = batches
            .map_err(move |error| to_engine(record.failed(error)))
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
            if parent.filter.is::<DynamicFilterPhysicalExpr>() && !filters.contains(&parent.filter) {
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
