//! Both runs of a statement, and the answer that both agree on.

use super::answer::{Answer, Layout};
use super::compare::{Difference, Ordered, same_count, same_order, same_rows, same_within};
use super::contain::Sought;
use super::determined::{Comparison, Extent};
use super::difference::{self, Told};
use super::outcome::Verification;
use crate::error::from_engine;
use crate::ledger::QueryRecord;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::ExecutionPlan;
use futures::stream::{self, StreamExt, TryStreamExt};
use headwater_core::{BatchStream, Error, Result};
use std::sync::{Arc, OnceLock};

/// The run without pushdown, and what to compare.
#[derive(Debug)]
pub(crate) struct Check {
    sql: String,
    comparison: Comparison,
    /// `None` where nothing can be compared.
    plain: Option<Run>,
    same: OnceLock<u64>,
}

/// One planned run of the statement.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) context: Arc<TaskContext>,
    pub(crate) record: Arc<QueryRecord>,
}

impl Run {
    pub(crate) fn start(&self) -> Result<BatchStream> {
        crate::scan::run(Arc::clone(&self.plan), Arc::clone(&self.context))
    }
}

impl Check {
    pub(crate) fn new(sql: &str, comparison: Comparison, plain: Option<Run>) -> Self {
        Self { sql: sql.to_owned(), comparison, plain, same: OnceLock::new() }
    }

    /// What was compared, or will be.
    pub(crate) fn state(&self) -> Verification {
        match self.same.get() {
            Some(rows) => Verification::Same { rows: *rows, compares: self.comparison.extent.to_string() },
            None => Verification::planned(&self.comparison.extent),
        }
    }

    /// The scans of the run without pushdown.
    pub(crate) fn plain_record(&self) -> Option<Arc<QueryRecord>> {
        self.plain.as_ref().map(|plain| Arc::clone(&plain.record))
    }

    /// The answer of `pushed`, once it is known to be that of the run without pushdown too.
    pub(crate) fn execute(self: Arc<Self>, pushed: Run) -> Result<BatchStream> {
        if self.plain.is_none() {
            return pushed.start();
        }
        let memory = MemoryConsumer::new("verify").register(pushed.context.memory_pool());
        let agreed = async move {
            let batches = self.agreed(&pushed, &memory).await?;
            // The rows stay accounted for until they are taken.
            let held = stream::iter(batches).map(move |batch| {
                let _memory = &memory;
                Ok(batch)
            });
            Ok::<_, Error>(held)
        };
        Ok(stream::once(agreed).try_flatten().boxed())
    }

    async fn agreed(&self, pushed: &Run, memory: &MemoryReservation) -> Result<Vec<RecordBatch>> {
        let Some(plain) = &self.plain else { return Ok(Vec::new()) };
        let schema = pushed.plan.schema();
        let layout = Layout::new(Arc::clone(&schema), &self.comparison.computed)?;
        if let Err(found) = same_types(&schema, &plain.plan.schema()) {
            return Err(self.differs(&layout, &found, (None, pushed), (None, plain))?);
        }
        match &self.comparison.extent {
            Extent::Some { skip, fetch } => self.contained(&layout, pushed, plain, memory, (*skip, *fetch)).await,
            _ => self.equal(&layout, pushed, plain, memory).await,
        }
    }

    /// Both answers at hand, row by row.
    async fn equal(
        &self,
        layout: &Layout,
        pushed: &Run,
        plain: &Run,
        memory: &MemoryReservation,
    ) -> Result<Vec<RecordBatch>> {
        let order = Order::new(layout, &self.comparison.extent)?;
        let (mut batches, mut dropped) = (Some(Vec::new()), None);
        // One after the other: each may need as many connections as there are.
        let left = Side::read(layout, &order, pushed.start()?, memory, &mut batches).await;
        let right = Side::read(layout, &order, plain.start()?, memory, &mut dropped).await;
        let (left, right) = both(left, right)?;
        if let Err(found) = self.held_against(&order, &left, &right) {
            let (left, right) = ((Some(&left.answer), pushed), (Some(&right.answer), plain));
            return Err(self.differs(layout, &found, left, right)?);
        }
        self.is_same(left.answer.len());
        Ok(batches.unwrap_or_default())
    }

    fn held_against(&self, order: &Order, left: &Side, right: &Side) -> std::result::Result<(), Difference> {
        let of = |side| order.of(side);
        match &self.comparison.extent {
            Extent::Top { skip, fetch, .. } => {
                same_count(&left.answer, &right.answer)?;
                same_order(&of(left), &of(right))?;
                let full = *fetch == Some(left.answer.len());
                same_within(&of(left), &of(right), *skip > 0, full)
            }
            _ => {
                same_rows(&left.answer, &right.answer)?;
                same_order(&of(left), &of(right))
            }
        }
    }

    /// The limited answer at hand, the other one passing by.
    async fn contained(
        &self,
        layout: &Layout,
        pushed: &Run,
        plain: &Run,
        memory: &MemoryReservation,
        (skip, fetch): (usize, Option<usize>),
    ) -> Result<Vec<RecordBatch>> {
        let mut batches = Some(Vec::new());
        let unordered = Order::new(layout, &self.comparison.extent)?;
        let limited = Side::read(layout, &unordered, pushed.start()?, memory, &mut batches).await?.answer;
        let mut sought = Sought::new(&limited, skip, fetch);
        let mut rows = plain.start()?;
        while let Some(batch) = rows.next().await {
            if sought.see(layout, &batch.map_err(|error| only("without", error))?)? {
                break;
            }
        }
        let (expected, strangers) = (sought.expected(), sought.strangers());
        if expected != limited.len() || !strangers.is_empty() {
            let what = format!("{} rows for {expected}, {} of them in no answer", limited.len(), strangers.len());
            let found = Difference { what, pushed: strangers, plain: Vec::new() };
            return Err(self.differs(layout, &found, (Some(&limited), pushed), (None, plain))?);
        }
        self.is_same(limited.len());
        Ok(batches.unwrap_or_default())
    }

    fn is_same(&self, rows: usize) {
        // Set once: a query runs once.
        let _already = self.same.set(rows as u64);
    }

    fn differs(
        &self,
        layout: &Layout,
        found: &Difference,
        (left, pushed): (Option<&Answer>, &Run),
        (right, plain): (Option<&Answer>, &Run),
    ) -> Result<Error> {
        let pushed = Told { side: "with", answer: left, record: &pushed.record };
        let plain = Told { side: "without", answer: right, record: &plain.record };
        difference::error(&self.sql, layout, found, [pushed, plain])
    }
}

/// One side's rows, whole and as the keys they are ordered by.
struct Side {
    answer: Answer,
    keys: Answer,
}

impl Side {
    /// Reads a run to its end. Its batches are kept where there is a place for them.
    async fn read(
        layout: &Layout,
        order: &Order,
        mut batches: BatchStream,
        memory: &MemoryReservation,
        kept: &mut Option<Vec<RecordBatch>>,
    ) -> Result<Self> {
        let mut side = Self { answer: layout.empty(), keys: order.layout.empty() };
        while let Some(batch) = batches.try_next().await? {
            side.answer.add(layout, &batch, memory)?;
            let keys = batch.project(&order.columns).map_err(|error| Error::internal(error.to_string()))?;
            side.keys.add(&order.layout, &keys, memory)?;
            if let Some(kept) = kept {
                memory.try_grow(batch.get_array_memory_size()).map_err(from_engine)?;
                kept.push(batch);
            }
        }
        Ok(side)
    }
}

/// The columns whose sequence is compared.
struct Order {
    /// Those compared exactly.
    columns: Vec<usize>,
    layout: Layout,
    /// The position, among the computed columns, of the one that follows.
    computed: Option<usize>,
}

impl Order {
    fn new(whole: &Layout, extent: &Extent) -> Result<Self> {
        let order = match extent {
            Extent::All { order } | Extent::Top { order, .. } => order.as_slice(),
            Extent::Some { .. } | Extent::Undetermined(_) => &[],
        };
        let exact = order.iter().take_while(|column| whole.computed_position(**column).is_none());
        let columns: Vec<usize> = exact.copied().collect();
        let computed = order.get(columns.len()).and_then(|column| whole.computed_position(*column));
        let schema = whole.schema.project(&columns).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Self { layout: Layout::new(Arc::new(schema), &[])?, columns, computed })
    }

    fn of<'a>(&self, side: &'a Side) -> Ordered<'a> {
        Ordered { answer: &side.answer, keys: &side.keys, computed: self.computed }
    }
}

/// Both answers. What only one way of running fails with is told as such; it is no difference: which rows an expression
/// is computed for is left open by SQL.
fn both<T>(pushed: Result<T>, plain: Result<T>) -> Result<(T, T)> {
    match (pushed, plain) {
        (Ok(pushed), Ok(plain)) => Ok((pushed, plain)),
        (Err(error), Err(_)) => Err(error),
        (Err(error), Ok(_)) => Err(only("with", error)),
        (Ok(_), Err(error)) => Err(only("without", error)),
    }
}

fn only(side: &str, error: Error) -> Error {
    error.with_context("verify", format!("only the run {side} pushdown failed"))
}

fn same_types(pushed: &SchemaRef, plain: &SchemaRef) -> std::result::Result<(), Difference> {
    let same = pushed.fields().len() == plain.fields().len()
        && pushed.fields().iter().zip(plain.fields()).all(|(a, b)| a.data_type() == b.data_type());
    if same {
        return Ok(());
    }
    let what = format!("columns [{pushed}] with pushdown, [{plain}] without");
    Err(Difference { what, ..Difference::default() })
}
