//! The operator between a join and its build side: passes every batch on and keeps the keys.

use super::BuildSide;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, apply_expression_roots};
use futures::{StreamExt, TryStreamExt};
use std::fmt;
use std::sync::Arc;

/// A join's build side whose keys some scan waits for.
#[derive(Debug)]
pub(crate) struct BuildExec {
    input: Arc<dyn ExecutionPlan>,
    /// `None` once the plan runs again: the scans have forgotten their filters by then.
    side: Option<Arc<BuildSide>>,
}

impl BuildExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, side: Arc<BuildSide>) -> Self {
        Self { input, side: Some(side) }
    }
}

impl DisplayAs for BuildExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.side.iter().flat_map(|side| side.exprs()).map(ToString::to_string).collect();
        write!(f, "BuildExec: keys={}", keys.join(", "))
    }
}

impl ExecutionPlan for BuildExec {
    fn name(&self) -> &'static str {
        "BuildExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        apply_expression_roots(self.side.iter().flat_map(|side| side.exprs()), visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(Self { input, side: self.side.clone() }))
    }

    fn reset_state(self: Arc<Self>) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: Arc::clone(&self.input), side: None }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> EngineResult<SendableRecordBatchStream> {
        let Some(side) = &self.side else { return self.input.execute(partition, context) };
        // From here on, whether it is read to its end or dropped: then its rows are not wanted any more.
        let open = side.open(&context);
        let batches = self.input.execute(partition, context).inspect_err(|_| open.fail())?;
        let schema = batches.schema();
        let seen = batches.inspect_ok({
            let side = Arc::clone(side);
            move |batch| side.add(batch)
        });
        let closing = futures::stream::poll_fn({
            let (mut seen, mut open) = (seen.boxed(), Some(open));
            move |context| {
                let polled = seen.poll_next_unpin(context);
                match &polled {
                    // Part of a build side is none.
                    std::task::Poll::Ready(Some(Err(_))) => open.iter().for_each(|open| open.fail()),
                    std::task::Poll::Ready(None) => drop(open.take()),
                    _ => {}
                }
                polled
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, closing)))
    }
}
