//! A part of the plan that one source could compute: scans, and what lies directly above them.

use crate::provider::ConnectorTable;
use crate::translate::{self, Reason};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::logical_expr::{Expr as EngineExpr, LogicalPlan, TableScan};
use headwater_core::{Expr, Input, Relation, TableMetadata};
use std::sync::Arc;

/// Rows of one relation of one source, and what the plan's columns are in its terms.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// A table of the source, for what its relations have in common.
    pub(crate) table: Arc<ConnectorTable>,
    pub(crate) relation: Relation,
    /// All exact.
    pub(crate) filters: Vec<Expr>,
    pub(crate) metadata: Arc<TableMetadata>,
    /// For each column of the plan, what it is computed from: an expression over the relation's columns, unqualified.
    pub(crate) columns: Vec<(Column, EngineExpr)>,
}

impl Block {
    /// The rows of a scan, if the source applies all of its conditions.
    pub(crate) fn of_scan(scan: &TableScan) -> Result<Self, Reason> {
        let table = ConnectorTable::of(scan).map_err(|error| error.strip_backtrace())?;
        let table = table.ok_or_else(|| "it is not a table of a catalog".to_owned())?;
        if scan.fetch.is_some() || table.top.is_some() {
            return Err("a limit applies first".to_owned());
        }
        let mut filters = Vec::with_capacity(scan.filters.len());
        for filter in &scan.filters {
            if !table.is_exact(filter) {
                return Err(format!("the condition {} is checked here first", crate::kept::sql_text(filter)));
            }
            filters.push(translate::predicate(filter, &table.metadata.schema)?);
        }
        let meaning = |column: Column| (column.clone(), EngineExpr::Column(Column::new_unqualified(column.name)));
        let columns = scan.projected_schema.columns().into_iter().map(meaning).collect();
        let (relation, metadata) = (table.relation.clone(), Arc::clone(&table.metadata));
        Ok(Self { table, relation, filters, metadata, columns })
    }

    /// The same rows with other columns: a projection's.
    pub(crate) fn projected(self, exprs: &[EngineExpr], schema: &DFSchema) -> Result<Self, Reason> {
        let meanings = exprs.iter().map(|expr| self.meaning(expr)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { columns: schema.columns().into_iter().zip(meanings).collect(), ..self })
    }

    /// The same rows under another name.
    pub(crate) fn renamed(self, schema: &DFSchemaRef) -> Self {
        let meanings = self.columns.into_iter().map(|(_, meaning)| meaning);
        Self { columns: schema.columns().into_iter().zip(meanings).collect(), ..self }
    }

    /// An expression over the plan's columns as one over the relation's.
    pub(crate) fn meaning(&self, expr: &EngineExpr) -> Result<EngineExpr, Reason> {
        let mut elsewhere = None;
        let replaced = expr.clone().transform(|expr| {
            let EngineExpr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
            Ok(match self.columns.iter().find(|(known, _)| known == column) {
                Some((_, meaning)) => Transformed::yes(meaning.clone()),
                None => {
                    elsewhere = Some(format!("{column} comes from elsewhere"));
                    Transformed::no(expr)
                }
            })
        });
        let replaced = replaced.map_err(|error| error.strip_backtrace())?.data;
        elsewhere.map_or(Ok(replaced), Err)
    }

    /// The relation's column that an expression of the plan is.
    pub(crate) fn column(&self, expr: &EngineExpr) -> Result<String, Reason> {
        match self.meaning(expr)? {
            EngineExpr::Column(column) => Ok(column.name),
            EngineExpr::Alias(alias) => match *alias.expr {
                EngineExpr::Column(column) => Ok(column.name),
                other => Err(format!("{} is computed here", crate::kept::sql_text(&other))),
            },
            other => Err(format!("{} is computed here", crate::kept::sql_text(&other))),
        }
    }

    /// The types of the relation's columns.
    pub(crate) fn schema(&self) -> Result<DFSchema, Reason> {
        DFSchema::try_from(Arc::clone(&self.metadata.schema)).map_err(|error| error.strip_backtrace())
    }

    pub(crate) fn input(&self) -> Input {
        Input { relation: self.relation.clone(), filters: self.filters.clone() }
    }

    /// How many rows the source expects it to have.
    pub(crate) async fn rows(&self) -> headwater_core::Result<Option<u64>> {
        let request = headwater_core::ScanRequest::relation(self.relation.clone()).with_filters(self.filters.clone());
        let derived = self.table.derived(self.relation.clone(), Arc::clone(&self.metadata));
        Ok(derived.plan(&request).await?.rows.value())
    }
}

/// Whether the plan is but a scan under names.
pub(crate) fn is_scan(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(projection) => is_scan(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_scan(&alias.input),
        _ => false,
    }
}
