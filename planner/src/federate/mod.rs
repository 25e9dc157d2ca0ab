//! Work that a source does on its own rows: joins inside one catalog, groups, and the first rows of an order.
//!
//! The engine's optimizer pushes filters, columns and limits into scans. What lies above them is looked at here, once
//! the optimizer is done, from the top downwards: the largest part of the plan that one source can compute becomes a
//! scan of a *derived* relation, which its connector describes as a table.
//!
//! ```text
//! Aggregate ─ Join ┬ scan a         scan "groups of a join b"
//!                  └ scan b    ─▶
//! ```
//!
//! After that the optimizer runs again, so that conditions on groups (HAVING), columns and limits find their way into
//! the new scans like into any other.

mod aggregate;
mod block;
mod join;
mod number;
mod top;

use crate::provider::ConnectorTable;
use crate::translate::Reason;
use block::{Block, is_scan};
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::{Expr as EngineExpr, LogicalPlan, Projection, TableScanBuilder};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use headwater_core::{Derived, Relation, Result, TableMetadata};
use std::collections::HashMap;
use std::sync::Arc;
pub(crate) use top::with_tops;

/// Fewer rows than this are not worth weighing.
const FEW_ROWS: u64 = 1_000;

/// What became of the plan's joins and groups.
#[derive(Debug, Default)]
pub(crate) struct Federation {
    /// The scans that took the place of joins and groups.
    pub(crate) tables: Vec<Arc<ConnectorTable>>,
    /// Why an operator stays in the engine, by its text in the ledger.
    pub(crate) reasons: HashMap<String, Reason>,
}

/// A block that could take an operator's place, or why not.
type Attempt = std::result::Result<Block, Reason>;

impl Federation {
    /// The plan with what sources compute in the place of what the engine would.
    pub(crate) fn rewrite<'a>(&'a mut self, plan: &'a LogicalPlan) -> BoxFuture<'a, Result<LogicalPlan>> {
        async move {
            if matches!(plan, LogicalPlan::Aggregate(_) | LogicalPlan::Join(_)) {
                let attempt = match crate::kept::catalogs(plan) {
                    several if several.len() > 1 => Err(crate::kept::across(&several)),
                    _ => self.attempt(plan).await?,
                };
                match attempt {
                    Ok(block) => match self.scan(plan, block) {
                        Ok(scan) => return Ok(scan),
                        Err(reason) => self.stays(plan, reason),
                    },
                    Err(reason) => self.stays(plan, reason),
                }
            }
            let inputs = plan.inputs();
            if inputs.is_empty() {
                return Ok(plan.clone());
            }
            let mut rewritten = Vec::with_capacity(inputs.len());
            let mut changed = false;
            for input in inputs {
                let new = self.rewrite(input).await?;
                changed |= new != *input;
                rewritten.push(new);
            }
            if !changed {
                return Ok(plan.clone());
            }
            plan.with_new_exprs(plan.expressions(), rewritten).map_err(crate::error::from_engine)
        }
        .boxed()
    }

    fn stays(&mut self, plan: &LogicalPlan, reason: Reason) {
        if let Some(text) = crate::kept::text(plan) {
            self.reasons.entry(text).or_insert(reason);
        }
    }

    /// The whole of a join or an aggregate at one source, if that source can and it pays.
    async fn attempt(&self, plan: &LogicalPlan) -> Result<Attempt> {
        let block = match block(plan).await? {
            Ok(block) => block,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(weigh(plan, &block).await?.map_or(Ok(block), Err))
    }

    /// A scan of the derived relation, with the columns of the operator whose place it takes.
    fn scan(&mut self, plan: &LogicalPlan, block: Block) -> std::result::Result<LogicalPlan, Reason> {
        let Block { table, relation, metadata, columns, .. } = block;
        let derived = Arc::new(table.derived(relation, metadata));
        let name = TableReference::full(table.catalog.as_str(), "derived", self.tables.len().to_string());
        let scan = TableScanBuilder::new(name.clone(), provider_as_source(Arc::clone(&derived) as _)).build();
        let scan = scan.map_err(|error| error.strip_backtrace())?;
        let exprs = columns.into_iter().map(|(column, meaning)| {
            let Column { relation, name: output, .. } = column;
            qualified(meaning, &name).map(|expr| expr.alias_qualified(relation, output))
        });
        let exprs = exprs.collect::<std::result::Result<Vec<_>, _>>()?;
        let projection = Projection::try_new(exprs, Arc::new(LogicalPlan::TableScan(scan)));
        let projection = projection.map_err(|error| error.strip_backtrace())?;
        if !same_columns(&projection.schema, plan.schema()) {
            return Err("the source's columns would have other types".to_owned());
        }
        self.tables.push(derived);
        Ok(LogicalPlan::Projection(projection))
    }
}

/// An expression over the derived relation's columns, for a plan above its scan.
fn qualified(expr: EngineExpr, scan: &TableReference) -> std::result::Result<EngineExpr, Reason> {
    let replaced = expr.transform(|expr| {
        Ok(match expr {
            EngineExpr::Column(column) => {
                Transformed::yes(EngineExpr::Column(Column::new(Some(scan.clone()), column.name)))
            }
            other => Transformed::no(other),
        })
    });
    replaced.map(|replaced| replaced.data).map_err(|error| error.strip_backtrace())
}

fn same_columns(one: &DFSchema, other: &DFSchema) -> bool {
    one.fields().len() == other.fields().len()
        && one
            .iter()
            .zip(other.iter())
            .all(|((q1, f1), (q2, f2))| q1 == q2 && f1.name() == f2.name() && f1.data_type() == f2.data_type())
}

/// The rows of a plan as one source's, described by its connector.
fn block(plan: &LogicalPlan) -> BoxFuture<'_, Result<Attempt>> {
    async move {
        match plan {
            LogicalPlan::TableScan(scan) => Ok(Block::of_scan(scan)),
            LogicalPlan::Projection(projection) => {
                let input = block(&projection.input).await?;
                Ok(input.and_then(|input| input.projected(&projection.expr, &projection.schema)))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                Ok(block(&alias.input).await?.map(|input| input.renamed(&alias.schema)))
            }
            LogicalPlan::Aggregate(aggregate) => {
                let input = match block(&aggregate.input).await? {
                    Ok(input) => input,
                    Err(reason) => return Ok(Err(reason)),
                };
                let groups = match aggregate::groups(aggregate, &input) {
                    Ok(groups) => groups,
                    Err(reason) => return Ok(Err(reason)),
                };
                let relation = Relation::Aggregate(Box::new(groups.relation));
                derived(plan, &input.table, relation, &[&input.metadata], groups.columns).await
            }
            LogicalPlan::Join(join) => {
                let (left, right) = (block(&join.left).await?, block(&join.right).await?);
                let (left, right) = match (left, right) {
                    (Ok(left), Ok(right)) => (left, right),
                    (Err(reason), _) | (_, Err(reason)) => return Ok(Err(reason)),
                };
                let joined = match join::joined(join, &left, &right) {
                    Ok(joined) => joined,
                    Err(reason) => return Ok(Err(reason)),
                };
                let relation = Relation::Join(Box::new(joined.relation));
                derived(plan, &left.table, relation, &[&left.metadata, &right.metadata], joined.columns).await
            }
            LogicalPlan::Filter(filter) => {
                Ok(Err(format!("the condition {} is checked here first", crate::kept::sql_text(&filter.predicate))))
            }
            LogicalPlan::Limit(_) => Ok(Err("a limit applies first".to_owned())),
            _ => Ok(Err("its rows are made here".to_owned())),
        }
    }
    .boxed()
}

async fn derived(
    plan: &LogicalPlan,
    table: &Arc<ConnectorTable>,
    relation: Relation,
    inputs: &[&Arc<TableMetadata>],
    columns: Vec<EngineExpr>,
) -> Result<Attempt> {
    let inputs: Vec<Arc<TableMetadata>> = inputs.iter().map(|input| Arc::clone(input)).collect();
    let answer = table.connector.derive(&relation, &inputs).await;
    Ok(match answer.map_err(|error| error.with_catalog(&table.catalog))? {
        Derived::Refused(reason) => Err(reason),
        Derived::Table(metadata) => Ok(Block {
            table: Arc::clone(table),
            relation,
            filters: Vec::new(),
            metadata: Arc::new(*metadata),
            columns: plan.schema().columns().into_iter().zip(columns).collect(),
        }),
    })
}

/// Why the source had better not compute the block, if the rows that would then be read are more than without.
async fn weigh(plan: &LogicalPlan, block: &Block) -> Result<Option<Reason>> {
    let Some(rows) = block.metadata.row_count.value() else {
        let grouped = matches!(plan, LogicalPlan::Aggregate(_));
        return Ok((!grouped).then(|| "its size is not known".to_owned()));
    };
    let mut apart = Some(0u64);
    for scan in scans(plan) {
        let Ok(input) = self::block(scan).await? else { return Ok(None) };
        let cells = input.rows().await?.map(|rows| rows.saturating_mul(width(scan)));
        apart = apart.zip(cells).map(|(sum, cells)| sum.saturating_add(cells));
    }
    let together = rows.saturating_mul(width(plan));
    Ok(match apart {
        Some(apart) if together > apart && rows > FEW_ROWS => {
            Some(format!("about {} rows would come, more than its inputs have", crate::ledger::grouped(rows)))
        }
        _ => None,
    })
}

fn width(plan: &LogicalPlan) -> u64 {
    plan.schema().fields().len().max(1) as u64
}

/// The scans below an operator, with the projections around them.
fn scans(plan: &LogicalPlan) -> Vec<&LogicalPlan> {
    if is_scan(plan) { vec![plan] } else { plan.inputs().into_iter().flat_map(scans).collect() }
}
