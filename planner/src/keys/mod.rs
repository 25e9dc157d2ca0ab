//! A join's keys: what its build side has, offered to the scans of its other side.
//!
//! ```text
//! build side ─▶ BuildExec ─▶ HashJoinExec ◀─ … ◀─ ScanExec
//!                  │ distinct keys                  ▲
//!                  └──▶ BuildSide ── Offer ── parts ┘
//! ```
//!
//! The engine sends a hash join's dynamic filter down to the scans whose rows it may drop. Here that filter is only an
//! address: which join may narrow which scan, and by which of the scan's columns. The keys themselves are taken from
//! the build side's own batches on their way into the join, so nothing depends on the shape in which the engine writes
//! its filters, and there may be as many keys as memory holds. A source is offered so many at once ([`KEYS_AT_ONCE`]).

mod build_exec;
mod build_side;
mod fit;
mod offer;
mod range;

pub(crate) use build_side::{BuildSide, Found};
pub(crate) use offer::{Offer, Part, Parts, is_usable};
pub(crate) use range::KeyRange;

use build_exec::BuildExec;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as EngineResult;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::HashJoinExec;
use std::collections::HashMap;
use std::sync::Arc;

/// How many keys a source is offered at once. More come in parts, one after another, so that neither the list nor what
/// a connector makes of it grows with them.
pub(crate) const KEYS_AT_ONCE: usize = 400_000;

/// The build sides of a plan's joins, by the identity of the dynamic filter that each join sends to its other side.
pub(crate) type BuildSides = HashMap<u64, Arc<BuildSide>>;

/// What scans make of a join's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// None could find rows by them: whether there are any tells whether to read at all.
    Whether,
    /// Some may find rows by so many.
    Keys { most: u64 },
}

impl Wanted {
    /// What two scans make of them.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Keys { most }, Self::Keys { most: others }) => Self::Keys { most: most.max(others) },
            (Self::Whether, wanted) | (wanted, Self::Whether) => wanted,
        }
    }
}

/// Sees to it that the joins whose filters are `wanted` tell what they have on their build sides.
///
/// # Errors
/// The engine's, of a plan that cannot be rebuilt.
pub(crate) fn gather(
    plan: Arc<dyn ExecutionPlan>,
    wanted: &HashMap<u64, Wanted>,
) -> EngineResult<(Arc<dyn ExecutionPlan>, BuildSides)> {
    let mut sides = BuildSides::new();
    let gathered = plan.transform_up(|node| {
        let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(Transformed::no(node)) };
        let ids = join.dynamic_expressions_produced().into_iter().filter_map(|filter| filter.expression_id());
        let Some((id, wanted)) = ids.filter_map(|id| Some((id, *wanted.get(&id)?))).next() else {
            return Ok(Transformed::no(node));
        };
        let side = Arc::new(BuildSide::of(join, wanted)?);
        sides.insert(id, Arc::clone(&side));
        let build = Arc::new(BuildExec::new(Arc::clone(join.left()), side)) as _;
        let children = vec![build, Arc::clone(join.right())];
        replace_children_if_necessary(node, children).map(Transformed::yes)
    })?;
    Ok((gathered.data, sides))
}
