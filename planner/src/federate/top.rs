//! `ORDER BY … LIMIT`: the source is asked for the first rows only; the engine puts them in order again.

use super::block::Block;
use crate::provider::ConnectorTable;
use crate::translate::Reason;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{LogicalPlan, Sort, TableScan};
use headwater_core::{SortKey, Top};
use std::collections::HashMap;
use std::sync::Arc;

/// The plan with scans that know how few rows are wanted, and why the others do not.
pub(crate) fn with_tops(plan: LogicalPlan, reasons: &mut HashMap<String, Reason>) -> EngineResult<LogicalPlan> {
    let plan = plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::Sort(sort) = &node else { return Ok(Transformed::no(node)) };
        let reason = match top(sort) {
            Ok((top, block)) => {
                let table = Arc::new(block.table.with_top(top));
                let input = with_source(LogicalPlan::clone(&sort.input), table)?;
                let sorted = LogicalPlan::Sort(Sort { input: Arc::new(input), ..sort.clone() });
                reasons.extend(crate::kept::text(&sorted).map(|text| (text, SORTED_AGAIN.to_owned())));
                return Ok(Transformed::yes(sorted));
            }
            Err(reason) => reason,
        };
        if let Some(text) = crate::kept::text(&node) {
            reasons.entry(text).or_insert(reason);
        }
        Ok(Transformed::no(node))
    })?;
    Ok(plan.data)
}

const SORTED_AGAIN: &str = "puts in order what the scan below gives";

fn top(sort: &Sort) -> Result<(Top, Block), Reason> {
    let Some(rows) = sort.fetch else { return Err("all rows are wanted: they are put in order here".to_owned()) };
    let block = scanned(&sort.input)?;
    let mut order = Vec::with_capacity(sort.expr.len());
    for key in &sort.expr {
        let column = block.column(&key.expr)?;
        order.push(SortKey { column, descending: !key.asc, nulls_first: key.nulls_first });
    }
    Ok((Top { order, rows: rows as u64 }, block))
}

/// The scan under projections.
fn scanned(plan: &LogicalPlan) -> Result<Block, Reason> {
    match plan {
        LogicalPlan::TableScan(scan) => Block::of_scan(scan),
        LogicalPlan::Projection(projection) => {
            scanned(&projection.input)?.projected(&projection.expr, &projection.schema)
        }
        LogicalPlan::SubqueryAlias(alias) => Ok(scanned(&alias.input)?.renamed(&alias.schema)),
        LogicalPlan::Filter(filter) => {
            Err(format!("the condition {} is checked here first", crate::kept::sql_text(&filter.predicate)))
        }
        _ => Err("its rows are made here".to_owned()),
    }
}

/// The same plan over the one scan of it with another table.
fn with_source(plan: LogicalPlan, table: Arc<ConnectorTable>) -> EngineResult<LogicalPlan> {
    let source = provider_as_source(table);
    let replaced = plan.transform_down(|node| {
        Ok(match node {
            LogicalPlan::TableScan(scan) => {
                Transformed::yes(LogicalPlan::TableScan(TableScan { source: Arc::clone(&source), ..scan }))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(replaced.data)
}
