//! Which output columns hold floating-point numbers that were added up.
//!
//! Addition of floating-point numbers depends on the order, which differs between two runs; what is stored, or chosen
//! among what is stored, does not.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use std::sync::Arc;

/// Aggregates that give back one of their arguments, or no floating-point number.
const CHOOSES: &[&str] = &["any_value", "count", "first_value", "last_value", "max", "min", "nth_value"];

/// Whether the output column at `index` comes out of such an addition. When in doubt, `true`.
pub(super) fn is_computed_float(plan: &LogicalPlan, index: usize) -> bool {
    match plan {
        LogicalPlan::Projection(node) => node.expr.get(index).is_none_or(|expr| in_expression(expr, &node.input)),
        LogicalPlan::Aggregate(node) => match index.checked_sub(node.group_expr.len()) {
            None => node.group_expr.get(index).is_none_or(|expr| in_expression(expr, &node.input)),
            Some(index) => node.aggr_expr.get(index).is_none_or(|expr| in_aggregate(expr, &node.input)),
        },
        LogicalPlan::Filter(node) => is_computed_float(&node.input, index),
        LogicalPlan::Sort(node) => is_computed_float(&node.input, index),
        LogicalPlan::Limit(node) => is_computed_float(&node.input, index),
        LogicalPlan::SubqueryAlias(node) => is_computed_float(&node.input, index),
        LogicalPlan::Distinct(node) => is_computed_float(node.input(), index),
        LogicalPlan::Union(node) => node.inputs.iter().any(|input| is_computed_float(input, index)),
        LogicalPlan::Join(node) => {
            let left = node.left.schema().fields().len();
            match index.checked_sub(left) {
                None => is_computed_float(&node.left, index),
                Some(index) => is_computed_float(&node.right, index),
            }
        }
        LogicalPlan::TableScan(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => false,
        _ => true,
    }
}

fn in_aggregate(expr: &Expr, input: &Arc<LogicalPlan>) -> bool {
    match expr.clone().unalias() {
        Expr::AggregateFunction(call) if CHOOSES.contains(&call.func.name()) => {
            call.params.args.iter().any(|argument| in_expression(argument, input))
        }
        _ => true,
    }
}

fn in_expression(expr: &Expr, input: &Arc<LogicalPlan>) -> bool {
    let mut computed = false;
    let walked = expr.apply(|part| {
        computed = match part {
            Expr::Column(column) => {
                let index = input.schema().maybe_index_of_column(column);
                index.is_none_or(|index| is_computed_float(input, index))
            }
            Expr::ScalarSubquery(subquery) => is_computed_float(&subquery.subquery, 0),
            _ => false,
        };
        Ok(if computed { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    computed
}
