//! The distinct keys of a join's build side.

use super::Wanted;
use crate::ledger::grouped;
use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::NullEquality;
use datafusion::error::Result as EngineResult;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::utils::evaluate_expressions_to_arrays;
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::joins::HashJoinExec;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Keys may take one part in so many of the memory limit: the join itself needs the rest.
const SHARE_OF_MEMORY: usize = 8;

/// As they were gathered, and in order.
const COPIES: usize = 2;

/// Where no limit is set.
const UNLIMITED: usize = 512 << 20;

/// What a join has on its build side, gathered while the join reads it.
pub(crate) struct BuildSide {
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    types: SchemaRef,
    wanted: Wanted,
    /// Whether NULL finds NULL, as in `IS NOT DISTINCT FROM`.
    nulls_match: bool,
    gathered: Mutex<Gathered>,
    /// How many partitions are not read to their ends, those not begun included.
    unread: watch::Sender<usize>,
}

enum Gathered {
    Nothing,
    /// Nobody finds rows by the keys; whether there are any tells whether to read at all.
    Rows(u64),
    Keys {
        groups: Box<dyn GroupValues>,
        memory: MemoryReservation,
        /// In bytes.
        most: usize,
        most_keys: u64,
    },
    Done(Arc<BuildKeys>),
    Lost {
        keys: u64,
        reason: String,
    },
}

/// All of them.
#[derive(Debug)]
pub(crate) struct BuildKeys {
    /// One array per key expression of the join, all of one length. No tuple twice.
    pub(super) columns: Vec<ArrayRef>,
    _memory: MemoryReservation,
}

/// What became of a build side's keys.
pub(crate) enum Found {
    Keys(Arc<BuildKeys>),
    /// They were not kept: how many there were by then, and why.
    Lost {
        keys: u64,
        reason: String,
    },
    /// There are some, which nobody could use.
    Some,
    /// There are none.
    None,
}

impl BuildKeys {
    pub(crate) fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.len())
    }
}

impl BuildSide {
    pub(super) fn of(join: &HashJoinExec, wanted: Wanted) -> EngineResult<Self> {
        let schema = join.left().schema();
        let exprs: Vec<_> = join.on().iter().map(|(build, _)| Arc::clone(build)).collect();
        let field = |expr: &Arc<dyn PhysicalExpr>| Ok(Field::new("key", expr.data_type(&schema)?, true));
        let types = exprs.iter().map(field).collect::<EngineResult<Vec<_>>>()?;
        let (unread, _) = watch::channel(join.left().output_partitioning().partition_count());
        Ok(Self {
            exprs,
            types: Arc::new(Schema::new(types)),
            wanted,
            nulls_match: join.null_equality() == NullEquality::NullEqualsNull,
            gathered: Mutex::new(Gathered::Nothing),
            unread,
        })
    }

    pub(super) fn exprs(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.exprs
    }

    /// Once all of it is read.
    pub(crate) async fn keys(&self) -> Found {
        let mut unread = self.unread.subscribe();
        // The sender is this value's own: it cannot be gone.
        let _read = unread.wait_for(|unread| *unread == 0).await.is_ok();
        let mut gathered = self.gathered();
        if let Gathered::Keys { groups, memory, .. } = &mut *gathered {
            let columns = groups.emit(EmitTo::All);
            let memory = memory.take();
            *gathered = match columns {
                Ok(columns) => self.done(columns, memory),
                Err(error) => Gathered::Lost { keys: 0, reason: error.to_string() },
            };
        }
        match &*gathered {
            Gathered::Done(keys) if keys.len() == 0 => Found::None,
            Gathered::Done(keys) => Found::Keys(Arc::clone(keys)),
            Gathered::Lost { keys, reason } => Found::Lost { keys: *keys, reason: reason.clone() },
            Gathered::Rows(rows) if *rows > 0 => Found::Some,
            Gathered::Rows(_) | Gathered::Nothing | Gathered::Keys { .. } => Found::None,
        }
    }

    fn done(&self, columns: Vec<ArrayRef>, memory: MemoryReservation) -> Gathered {
        let keys = columns.first().map_or(0, |column| column.len()) as u64;
        if self.nulls_match && columns.iter().any(|column| column.null_count() > 0) {
            return Gathered::Lost { keys, reason: "one of them is NULL, which this join finds too".to_owned() };
        }
        // What the table of groups took is free again; the keys were a part of it.
        let bytes: usize = columns.iter().map(|column| column.get_array_memory_size()).sum();
        memory.shrink(memory.size().saturating_sub(bytes * COPIES));
        Gathered::Done(Arc::new(BuildKeys { columns, _memory: memory }))
    }

    /// A partition begins to be read; it ends with the returned value.
    pub(super) fn open(self: &Arc<Self>, context: &TaskContext) -> Open {
        let mut gathered = self.gathered();
        if matches!(*gathered, Gathered::Nothing) {
            *gathered = self.begun(context);
        }
        Open(Arc::clone(self))
    }

    fn begun(&self, context: &TaskContext) -> Gathered {
        let Wanted::Keys { most: most_keys } = self.wanted else { return Gathered::Rows(0) };
        let pool = context.memory_pool();
        let most = match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / SHARE_OF_MEMORY,
            _ => UNLIMITED,
        };
        let memory = MemoryConsumer::new("join keys").register(pool);
        match new_group_values(Arc::clone(&self.types), &GroupOrdering::None) {
            Ok(groups) => Gathered::Keys { groups, memory, most, most_keys },
            Err(error) => Gathered::Lost { keys: 0, reason: error.to_string() },
        }
    }

    /// Takes over the keys of some rows. Keys that cannot be kept are lost, which costs time and no rows.
    pub(super) fn add(&self, batch: &RecordBatch) {
        let values = if self.wanted == Wanted::Whether {
            Ok(Vec::new())
        } else {
            evaluate_expressions_to_arrays(&self.exprs, batch)
        };
        let mut gathered = self.gathered();
        let (groups, memory, most, most_keys) = match &mut *gathered {
            Gathered::Keys { groups, memory, most, most_keys } => (groups, memory, most, *most_keys),
            Gathered::Rows(rows) => return *rows += batch.num_rows() as u64,
            _ => return,
        };
        let added = values.and_then(|columns| groups.intern(&columns, &mut Vec::new()));
        let (keys, bytes) = (groups.len() as u64, groups.size() * COPIES);
        let lost = match added {
            Err(error) => Some(error.to_string()),
            Ok(()) if keys > most_keys => Some(format!("more than {} are too many to read by", grouped(most_keys))),
            Ok(()) if bytes > *most => Some(format!("more than {} MiB of them are not kept", *most >> 20)),
            Ok(()) => memory.try_resize(bytes).err().map(|_| "no memory was left for them".to_owned()),
        };
        if let Some(reason) = lost {
            *gathered = Gathered::Lost { keys, reason };
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A partition that is being read.
pub(super) struct Open(Arc<BuildSide>);

impl Open {
    /// It could not be read to its end.
    pub(super) fn fail(&self) {
        *self.0.gathered() = Gathered::Lost { keys: 0, reason: "the join's other side could not be read".to_owned() };
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.unread.send_modify(|unread| *unread = unread.saturating_sub(1));
    }
}

impl fmt::Debug for BuildSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildSide").field("exprs", &self.exprs).finish_non_exhaustive()
    }
}
