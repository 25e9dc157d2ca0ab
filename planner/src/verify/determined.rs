//! Which part of an answer the data determine, and so two runs must agree on.

use super::lineage::is_computed_float;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Distinct, Expr, FetchType, Limit, LogicalPlan, SkipType, SortExpr};
use std::fmt;

/// How two answers of a statement are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) extent: Extent,
    /// Output columns whose floating-point values depend on the order of addition.
    pub(crate) computed: Vec<usize>,
}

/// What of an answer is determined. Orders are output columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All rows, as a multiset, and the sequence of the columns that they are ordered by.
    All { order: Vec<usize> },
    /// Which rows fill the last place (or the first, after an offset) may be open: their number and the sequence of
    /// the ordering columns are determined, and all rows that are not level with the first or the last.
    Top { order: Vec<usize>, skip: usize, fetch: Option<usize> },
    /// How many rows, and that each is a row of the answer without the limit.
    Some { skip: usize, fetch: Option<usize> },
    /// Nothing that could be compared.
    Undetermined(String),
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All { order } if order.is_empty() => "all rows, in any order",
            Self::All { .. } => "all rows, and their order by the columns shown",
            Self::Top { .. } => "number and order of the rows, and those not level with the last",
            Self::Some { .. } => "number of the rows, each one of the answer without the limit",
            Self::Undetermined(reason) => reason,
        })
    }
}

/// What is determined of the answer of `plan`, which is not optimized yet.
pub(crate) fn comparison(plan: &LogicalPlan) -> Comparison {
    let fields = plan.schema().fields();
    let computed = (0..fields.len()).filter(|index| {
        fields.get(*index).is_some_and(|field| field.data_type().is_floating()) && is_computed_float(plan, *index)
    });
    Comparison { computed: computed.collect(), extent: extent(plan) }
}

/// The statement whose rows those of a limited one are among.
pub(crate) fn without_limit(plan: &LogicalPlan) -> LogicalPlan {
    match plan {
        LogicalPlan::Limit(limit) => limit.input.as_ref().clone(),
        other => other.clone(),
    }
}

fn extent(plan: &LogicalPlan) -> Extent {
    let (inner, limit) = match plan {
        LogicalPlan::Limit(limit) => (limit.input.as_ref(), Some(limit)),
        other => (other, None),
    };
    if let Some(reason) = undetermined(inner) {
        return Extent::Undetermined(reason);
    }
    let (order, whole) = visible_order(inner);
    let Some(limit) = limit else { return Extent::All { order } };
    match bounds(limit) {
        None => Extent::Undetermined("LIMIT or OFFSET is an expression".to_owned()),
        Some((skip, fetch)) if whole && !order.is_empty() => Extent::Top { order, skip, fetch },
        Some((skip, fetch)) => Extent::Some { skip, fetch },
    }
}

fn bounds(limit: &Limit) -> Option<(usize, Option<usize>)> {
    match (limit.get_skip_type().ok()?, limit.get_fetch_type().ok()?) {
        (SkipType::Literal(skip), FetchType::Literal(fetch)) => Some((skip, fetch)),
        _ => None,
    }
}

/// Which of the answer's columns an ordering expression is.
type FindColumn<'a> = Box<dyn Fn(&Expr) -> Option<usize> + 'a>;

/// The ordering columns that the answer shows, up to the first that it does not; `true` if that is all of them.
fn visible_order(plan: &LogicalPlan) -> (Vec<usize>, bool) {
    let (keys, find): (&[SortExpr], FindColumn<'_>) = match plan {
        LogicalPlan::Sort(sort) => (&sort.expr, Box::new(|key| column_index(plan, key))),
        LogicalPlan::Projection(projection) => match projection.input.as_ref() {
            LogicalPlan::Sort(sort) => {
                let shown = |key: &Expr| projection.expr.iter().position(|expr| expr.clone().unalias() == *key);
                (&sort.expr, Box::new(shown))
            }
            _ => return (Vec::new(), true),
        },
        _ => return (Vec::new(), true),
    };
    let order: Vec<usize> = keys.iter().map_while(|key| find(&key.expr)).collect();
    let whole = order.len() == keys.len();
    (order, whole)
}

fn column_index(plan: &LogicalPlan, key: &Expr) -> Option<usize> {
    match key {
        Expr::Column(column) => plan.schema().maybe_index_of_column(column),
        _ => None,
    }
}

/// Why two right runs of `plan` may give different rows.
fn undetermined(plan: &LogicalPlan) -> Option<String> {
    let mut reason = None;
    let walked = plan.apply_with_subqueries(|node| {
        reason = reason_of(node);
        Ok(if reason.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    reason
}

fn reason_of(node: &LogicalPlan) -> Option<String> {
    match node {
        LogicalPlan::Limit(_) => return Some("a LIMIT within the statement may choose other rows".to_owned()),
        LogicalPlan::Distinct(Distinct::On(_)) => return Some("DISTINCT ON may choose other rows".to_owned()),
        _ => {}
    }
    let mut reason = None;
    let walked = node.apply_expressions(|root| {
        root.apply(|expr| {
            reason = reason_of_expression(expr);
            Ok(if reason.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    reason
}

/// Aggregates whose result follows the order in which rows arrive, or an estimate.
const BY_ARRIVAL: &[&str] = &[
    "any_value",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont",
    "approx_percentile_cont_with_weight",
    "array_agg",
    "first_value",
    "last_value",
    "nth_value",
    "string_agg",
];

/// Window functions that give rows which are level in the window's order the same value.
const LEVEL: &[&str] = &["cume_dist", "dense_rank", "percent_rank", "rank"];

fn reason_of_expression(expr: &Expr) -> Option<String> {
    match expr {
        Expr::AggregateFunction(call) if BY_ARRIVAL.contains(&call.func.name()) => {
            Some(format!("{} follows the order in which rows arrive", call.func.name()))
        }
        Expr::WindowFunction(call) if !is_level(call) => {
            Some(format!("{} over a window may order level rows in another way", call.fun.name()))
        }
        volatile if volatile.is_volatile_node() => Some(format!("{volatile} gives another value in each run")),
        _ => None,
    }
}

/// Whether rows that the window's order holds equal get the same value.
fn is_level(call: &WindowFunction) -> bool {
    use datafusion::logical_expr::{WindowFrameUnits, WindowFunctionDefinition};
    match &call.fun {
        WindowFunctionDefinition::WindowUDF(function) => LEVEL.contains(&function.name()),
        WindowFunctionDefinition::AggregateUDF(function) => {
            let frame = call.params.window_frame.units;
            let whole = call.params.order_by.is_empty() || frame == WindowFrameUnits::Range;
            whole && !BY_ARRIVAL.contains(&function.name())
        }
    }
}
