//! The parts of a statement that stay in the engine, with the reason in words.

use crate::ledger::Part;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Join, LogicalPlan};
use headwater_core::Answer;
use std::collections::BTreeSet;

/// One part per operator of the optimized plan that is not a scan, from the scans upwards.
pub(crate) fn parts(plan: &LogicalPlan) -> Vec<Part> {
    let mut parts = Vec::new();
    let walked = plan.apply_with_subqueries(|node| {
        parts.extend(part(node));
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    parts.reverse();
    parts
}

fn part(node: &LogicalPlan) -> Option<Part> {
    let (text, reason) = match node {
        LogicalPlan::Join(join) => (join_text(join), join_reason(join)),
        LogicalPlan::Aggregate(aggregate) => {
            let text = format!("aggregate {}", listed(&aggregate.aggr_expr, &aggregate.group_expr));
            (text, "connectors are not asked for aggregates yet".to_owned())
        }
        LogicalPlan::Distinct(_) => ("distinct".to_owned(), "connectors are not asked for DISTINCT yet".to_owned()),
        LogicalPlan::Sort(sort) => {
            let keys: Vec<String> = sort.expr.iter().map(ToString::to_string).collect();
            (format!("sort {}", keys.join(", ")), "connectors are not asked for an order yet".to_owned())
        }
        LogicalPlan::Limit(_) => (limit_text(node), "applied to what comes out of the operators below it".to_owned()),
        LogicalPlan::Window(_) => ("window functions".to_owned(), "computed over all rows".to_owned()),
        LogicalPlan::Union(_) => ("union".to_owned(), "its inputs are read side by side".to_owned()),
        _ => return None,
    };
    Some(Part { text, answer: Answer::Refused(reason) })
}

fn join_text(join: &Join) -> String {
    let on = join.on.iter().map(|(left, right)| format!("{} = {}", sql_text(left), sql_text(right)));
    let on: Vec<String> = on.chain(join.filter.as_ref().map(sql_text)).collect();
    format!("{} join on {}", join.join_type.to_string().to_lowercase(), on.join(" AND "))
}

fn join_reason(join: &Join) -> String {
    let mut catalogs = BTreeSet::new();
    for side in [&join.left, &join.right] {
        let walked = side.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                catalogs.extend(scan.table_name.catalog().map(str::to_owned));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok(), "the walk itself never fails");
    }
    match catalogs.len() {
        0 | 1 => "joins inside one catalog are not pushed yet".to_owned(),
        _ => format!("across catalogs {}", catalogs.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// An expression as SQL, for people; in the engine's own notation where SQL has none.
pub(crate) fn sql_text(expr: &datafusion::prelude::Expr) -> String {
    match datafusion::sql::unparser::expr_to_sql(expr) {
        Ok(sql) => sql.to_string(),
        Err(_) => expr.human_display().to_string(),
    }
}

fn listed(aggregates: &[datafusion::prelude::Expr], groups: &[datafusion::prelude::Expr]) -> String {
    let names = |list: &[datafusion::prelude::Expr]| list.iter().map(sql_text).collect::<Vec<_>>().join(", ");
    if groups.is_empty() { names(aggregates) } else { format!("{} by {}", names(aggregates), names(groups)) }
}

fn limit_text(node: &LogicalPlan) -> String {
    match node {
        LogicalPlan::Limit(limit) => {
            let fetch = limit.fetch.as_ref().map(|n| format!("limit {}", sql_text(n)));
            let skip = limit.skip.as_ref().map(|n| sql_text(n)).filter(|n| n != "0").map(|n| format!("offset {n}"));
            [fetch, skip].into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    }
}
