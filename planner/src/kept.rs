//! The parts of a statement that stay in the engine, with the reason in words.

use crate::ledger::Part;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Join, LogicalPlan};
use headwater_core::{Answer, Input, Relation};
use std::collections::{BTreeSet, HashMap};

/// One part per operator of the optimized plan that is not a scan, from the scans upwards. `reasons` says why, by text,
/// where more is known than the operator's kind.
pub(crate) fn parts(plan: &LogicalPlan, reasons: &HashMap<String, String>) -> Vec<Part> {
    let mut parts = Vec::new();
    let walked = plan.apply_with_subqueries(|node| {
        parts.extend(text(node).map(|text| {
            let reason = reasons.get(&text).cloned().unwrap_or_else(|| usual_reason(node));
            Part { text, answer: Answer::Refused(reason) }
        }));
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    parts.reverse();
    parts
}

/// What a source computes of a relation's inputs, in the order in which it does.
pub(crate) fn derived(relation: &Relation) -> Vec<Part> {
    match relation {
        Relation::Join(join) => {
            let on = join.on.iter().map(|(left, right)| format!("{left} = {right}"));
            let text = format!("join on {}", on.collect::<Vec<_>>().join(" AND "));
            [input(&join.left), input(&join.right), vec![pushed(text)]].concat()
        }
        Relation::Aggregate(aggregate) => {
            let calls: Vec<String> = aggregate.calls.iter().map(ToString::to_string).collect();
            let text = match (calls.as_slice(), aggregate.groups.as_slice()) {
                ([], groups) => format!("distinct {}", groups.join(", ")),
                (calls, []) => format!("aggregate {}", calls.join(", ")),
                (calls, groups) => format!("aggregate {} by {}", calls.join(", "), groups.join(", ")),
            };
            [input(&aggregate.input), vec![pushed(text)]].concat()
        }
        _ => Vec::new(),
    }
}

fn input(input: &Input) -> Vec<Part> {
    let filters = input.filters.iter().map(|filter| pushed(filter.to_string()));
    derived(&input.relation).into_iter().chain(filters).collect()
}

fn pushed(text: String) -> Part {
    Part { text, answer: Answer::Exact }
}

/// What an operator does, for people; `None` for one that does not change which rows there are.
pub(crate) fn text(node: &LogicalPlan) -> Option<String> {
    Some(match node {
        LogicalPlan::Join(join) => join_text(join),
        LogicalPlan::Aggregate(aggregate) => {
            format!("aggregate {}", listed(&aggregate.aggr_expr, &aggregate.group_expr))
        }
        LogicalPlan::Distinct(_) => "distinct".to_owned(),
        LogicalPlan::Sort(sort) => {
            let keys: Vec<String> = sort.expr.iter().map(ToString::to_string).collect();
            format!("sort {}", keys.join(", "))
        }
        LogicalPlan::Limit(_) => limit_text(node),
        LogicalPlan::Window(_) => "window functions".to_owned(),
        LogicalPlan::Union(_) => "union".to_owned(),
        _ => return None,
    })
}

fn usual_reason(node: &LogicalPlan) -> String {
    match node {
        LogicalPlan::Join(_) => join_reason(node),
        LogicalPlan::Limit(_) => "applied to what comes out of the operators below it".to_owned(),
        LogicalPlan::Window(_) => "computed over all rows".to_owned(),
        LogicalPlan::Union(_) => "its inputs are read side by side".to_owned(),
        _ => "computed here".to_owned(),
    }
}

fn join_text(join: &Join) -> String {
    let on = join.on.iter().map(|(left, right)| format!("{} = {}", sql_text(left), sql_text(right)));
    let on: Vec<String> = on.chain(join.filter.as_ref().map(sql_text)).collect();
    format!("{} join on {}", join.join_type.to_string().to_lowercase(), on.join(" AND "))
}

fn join_reason(node: &LogicalPlan) -> String {
    match catalogs(node) {
        several if several.len() > 1 => across(&several),
        _ => "computed here".to_owned(),
    }
}

/// The catalogs that a plan reads.
pub(crate) fn catalogs(plan: &LogicalPlan) -> BTreeSet<String> {
    let mut catalogs = BTreeSet::new();
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            catalogs.extend(scan.table_name.catalog().map(str::to_owned));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    debug_assert!(walked.is_ok(), "the walk itself never fails");
    catalogs
}

/// The reason of what has inputs of several catalogs.
pub(crate) fn across(catalogs: &BTreeSet<String>) -> String {
    format!("across catalogs {}", catalogs.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
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
