//! A connector's table as the engine sees it: negotiation on the way in, a [`ScanExec`] on the way out.

use crate::cache::MetadataCache;
use crate::error::to_engine;
use crate::implied::{self, Said};
use crate::ledger::{Part, QueryRecord, Run, ScanRecord};
use crate::negotiation::Negotiation;
use crate::scan::ScanExec;
use crate::session::PushdownMode;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::default_table_source::{provider_as_source, source_as_provider};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column as EngineColumn, DFSchema};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{
    Expr as EngineExpr, LogicalPlan, TableProviderFilterPushDown, TableScan, TableType, utils::conjunction,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use headwater_core::{
    Answer, ColumnFacts, Connector, Expr, QueryScope, Relation, Result, ScanContext, ScanPlan, ScanRequest,
    TableMetadata, Top,
};
use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A table of one query. Made anew for each query, as it remembers what it promised.
#[derive(Debug)]
pub(crate) struct ConnectorTable {
    pub(crate) catalog: String,
    pub(crate) connector_kind: String,
    pub(crate) connector: Arc<dyn Connector>,
    /// What the rows come from: a table, or what the source computes.
    pub(crate) relation: Relation,
    pub(crate) metadata: Arc<TableMetadata>,
    /// All that is wanted, if that is the first rows of an order: the engine sorts them again.
    pub(crate) top: Option<Top>,
    pub(crate) pushdown: PushdownMode,
    pub(crate) query_id: String,
    pub(crate) scope: Arc<QueryScope>,
    pub(crate) record: Arc<QueryRecord>,
    pub(crate) negotiation: Arc<Negotiation>,
    pub(crate) cache: Arc<MetadataCache>,
    /// What the engine was told about each filter. The engine may ask about filters one by one and then scan with
    /// all of them, where the connector's answer can be another: what was promised exact is then checked here.
    pub(crate) told: Arc<Mutex<HashMap<EngineExpr, Answer>>>,
}

impl ConnectorTable {
    /// The table that a scan reads, if it is one of a catalog.
    pub(crate) fn of(scan: &TableScan) -> EngineResult<Option<Arc<Self>>> {
        let any: Arc<dyn Any + Send + Sync> = source_as_provider(&scan.source)?;
        Ok(any.downcast().ok())
    }

    /// A relation that the same source computes, described by `metadata`.
    pub(crate) fn derived(&self, relation: Relation, metadata: Arc<TableMetadata>) -> Self {
        let negotiation = Negotiation::new(Arc::clone(&self.connector), Arc::clone(&metadata));
        Self { relation, metadata, negotiation: Arc::new(negotiation), told: Arc::default(), ..self.again() }
    }

    /// The same table, of which only the first rows are wanted.
    pub(crate) fn with_top(&self, top: Top) -> Self {
        Self { top: Some(top), ..self.again() }
    }

    /// The same table for a scan of its own: what one scan is told about its filters is not said of another.
    fn apart(&self) -> Self {
        Self { told: Arc::default(), ..self.again() }
    }

    fn again(&self) -> Self {
        Self {
            catalog: self.catalog.clone(),
            connector_kind: self.connector_kind.clone(),
            connector: Arc::clone(&self.connector),
            relation: self.relation.clone(),
            metadata: Arc::clone(&self.metadata),
            top: self.top.clone(),
            pushdown: self.pushdown,
            query_id: self.query_id.clone(),
            scope: Arc::clone(&self.scope),
            record: Arc::clone(&self.record),
            negotiation: Arc::clone(&self.negotiation),
            cache: Arc::clone(&self.cache),
            told: Arc::clone(&self.told),
        }
    }

    /// Whether the engine has let go of a filter of this table's scan.
    pub(crate) fn is_exact(&self, filter: &EngineExpr) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        unqualified(filter.clone()).is_ok_and(|filter| told.get(&filter) == Some(&Answer::Exact))
    }

    /// Awaits the answers that the optimizer had to go without. `true`: optimize again, with them.
    pub(crate) async fn settle(&self) -> Result<bool> {
        self.negotiation.settle().await.map_err(|error| self.refused(error))
    }

    /// No plan could be made: the metadata may be out of date, so the next statement asks anew.
    fn refused(&self, error: headwater_core::Error) -> headwater_core::Error {
        for table in self.relation.tables() {
            self.cache.forget(&self.catalog, table);
        }
        error.with_catalog(&self.catalog)
    }

    /// One answer per filter, in order.
    fn negotiate(&self, filters: &[&EngineExpr]) -> Result<Vec<Answer>> {
        if self.pushdown == PushdownMode::Off {
            let off = || Answer::Refused("pushdown is off".to_owned());
            return Ok(filters.iter().map(|_| off()).collect());
        }
        let said: Vec<_> = filters.iter().map(|filter| implied::said(filter, &self.metadata.schema)).collect();
        let sayable: Vec<Expr> = said.iter().flatten().map(|said| said.expr.clone()).collect();
        let request = self.request().with_filters(sayable);
        let plan = self.negotiation.plan_now(&request).map_err(|error| self.refused(error))?;
        let mut answers = plan.map(|plan| plan.filters).unwrap_or_default().into_iter();
        let answer = |said: std::result::Result<Said, String>| match said {
            // Also while the question is open; then the engine asks again.
            Ok(Said { less, .. }) => {
                let none = || Answer::Refused("the connector gave no answer".to_owned());
                match (answers.next().unwrap_or_else(none), less) {
                    (Answer::Exact, Some(reason)) => Answer::Inexact(reason),
                    (answer, _) => answer,
                }
            }
            Err(reason) => Answer::Refused(reason),
        };
        Ok(said.into_iter().map(answer).collect())
    }

    pub(crate) fn request(&self) -> ScanRequest {
        ScanRequest::relation(self.relation.clone())
    }

    pub(crate) async fn plan(&self, request: &ScanRequest) -> Result<ScanPlan> {
        self.negotiation.plan(request).await.map_err(|error| self.refused(error))
    }

    /// The filters of a scan that were promised exact and are not.
    fn broken_promises(&self, filters: &[EngineExpr], said: &[Said], plan: &ScanPlan) -> EngineResult<Vec<EngineExpr>> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut broken = Vec::new();
        for ((filter, said), answer) in filters.iter().zip(said).zip(&plan.filters) {
            let filter = unqualified(filter.clone())?;
            let is_exact = *answer == Answer::Exact && said.less.is_none();
            if !is_exact && told.get(&filter).is_none_or(|told| *told == Answer::Exact) {
                broken.push(filter);
            }
        }
        Ok(broken)
    }

    /// The filters that the engine kept because we said so, for the ledger.
    fn kept(&self) -> Vec<Part> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let reason = |filter: &EngineExpr, answer: &Answer| match answer {
            Answer::Exact => None,
            Answer::Inexact(_) => {
                let less = implied::said(filter, &self.metadata.schema).ok()?.less?;
                Some(format!("what it implies is pushed; {less}"))
            }
            Answer::Refused(reason) => Some(reason.clone()),
        };
        let part = |(filter, answer): (&EngineExpr, &Answer)| {
            let answer = Answer::Refused(reason(filter, answer)?);
            Some(Part { text: crate::kept::sql_text(filter), answer })
        };
        let mut kept: Vec<Part> = told.iter().filter_map(part).collect();
        kept.sort_by(|a, b| a.text.cmp(&b.text));
        kept
    }

    fn scan_exec(&self, plan: ScanPlan, partitions: usize) -> Arc<dyn ExecutionPlan> {
        self.scope.add_scan();
        let context = ScanContext { scope: Arc::clone(&self.scope), ..ScanContext::new(&self.query_id) };
        let record = Arc::new(ScanRecord {
            catalog: self.catalog.clone(),
            connector: self.connector_kind.clone(),
            table: self.metadata.name.clone(),
            table_columns: self.metadata.schema.fields().len(),
            kept: self.kept(),
            context,
            cache: Arc::clone(&self.cache),
            run: Mutex::new(Run::default()),
            plan,
        });
        self.record.add(Arc::clone(&record));
        let fields = record.plan.schema.fields().iter();
        let facts: Vec<ColumnFacts> = fields.map(|field| self.metadata.facts(field.name())).collect();
        Arc::new(ScanExec::new(Arc::clone(&self.connector), record, &facts, partitions, self.pushdown))
    }
}

#[async_trait]
impl TableProvider for ConnectorTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.metadata.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&EngineExpr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        let answers = self.negotiate(filters).map_err(to_engine)?;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (filter, answer) in filters.iter().zip(&answers) {
            let earlier = told.entry(unqualified((*filter).clone())?).or_insert_with(|| answer.clone());
            // Once exact, the engine has let go of it: no later answer takes that back.
            if *earlier != Answer::Exact {
                *earlier = answer.clone();
            }
        }
        let engine = |answer| match answer {
            Answer::Exact => TableProviderFilterPushDown::Exact,
            Answer::Inexact(_) => TableProviderFilterPushDown::Inexact,
            Answer::Refused(_) => TableProviderFilterPushDown::Unsupported,
        };
        Ok(answers.into_iter().map(engine).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[EngineExpr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let wanted = projected_names(&self.metadata, projection);
        let said: std::result::Result<Vec<Said>, _> =
            filters.iter().map(|filter| implied::said(filter, &self.metadata.schema)).collect();
        let said = said
            .map_err(|_| to_engine(headwater_core::Error::internal("a filter that cannot be said reached the scan")))?;
        let sayable = said.iter().map(|said| said.expr.clone()).collect();
        let mut request = self.request().with_filters(sayable).with_projection(wanted.clone());
        request.top = self.top.clone();
        request.limit = limit
            .filter(|_| request.top.is_none())
            .filter(|_| self.pushdown != PushdownMode::Off)
            .map(|limit| limit as u64);
        let partitions = state.config().target_partitions();
        let plan = self.plan(&request).await.map_err(to_engine)?;
        let broken = self.broken_promises(filters, &said, &plan)?;
        if broken.is_empty() {
            return Ok(self.scan_exec(plan, partitions));
        }
        // Some promise does not hold for the whole of the filters: read what it needs, check here, then project.
        (request.top, request.limit) = (None, None);
        let widened = with_filter_columns(wanted.clone(), &request.filters);
        let plan = self.plan(&request.with_projection(widened)).await.map_err(to_engine)?;
        // This plan is another answer: what it does not keep is checked too.
        let mut unkept = self.broken_promises(filters, &said, &plan)?;
        unkept.extend(broken.into_iter().filter(|filter| !unkept.contains(filter)).collect::<Vec<_>>());
        let scan = self.scan_exec(plan, partitions);
        checked(state, scan, unkept, &wanted)
    }
}

/// The plan with a table of its own for each scan.
pub(crate) fn with_tables_apart(plan: LogicalPlan) -> EngineResult<LogicalPlan> {
    let apart = plan.transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(Transformed::no(node)) };
        Ok(match ConnectorTable::of(&scan)? {
            Some(table) => {
                let source = provider_as_source(Arc::new(table.apart()) as _);
                Transformed::yes(LogicalPlan::TableScan(TableScan { source, ..scan }))
            }
            None => Transformed::no(LogicalPlan::TableScan(scan)),
        })
    });
    apart.map(|apart| apart.data)
}

fn projected_names(metadata: &TableMetadata, projection: Option<&Vec<usize>>) -> Vec<String> {
    let fields = metadata.schema.fields();
    match projection {
        None => fields.iter().map(|field| field.name().clone()).collect(),
        Some(indices) => {
            indices.iter().filter_map(|index| fields.get(*index)).map(|field| field.name().clone()).collect()
        }
    }
}

fn with_filter_columns(mut columns: Vec<String>, filters: &[Expr]) -> Vec<String> {
    for filter in filters {
        filter.visit_columns(&mut |name| {
            if !columns.iter().any(|known| known == name) {
                columns.push(name.to_owned());
            }
        });
    }
    columns
}

/// The engine names columns with their table while it asks, and without when it scans.
fn unqualified(expr: EngineExpr) -> EngineResult<EngineExpr> {
    let strip = |expr| {
        Ok(match expr {
            EngineExpr::Column(column) => {
                Transformed::yes(EngineExpr::Column(EngineColumn::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    };
    expr.transform(strip).map(|transformed| transformed.data)
}

/// Filters a scan in the engine and projects it to `wanted`.
fn checked(
    state: &dyn Session,
    scan: Arc<dyn ExecutionPlan>,
    filters: Vec<EngineExpr>,
    wanted: &[String],
) -> EngineResult<Arc<dyn ExecutionPlan>> {
    let schema = scan.schema();
    let Some(filter) = conjunction(filters) else { return Ok(scan) };
    let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
    let predicate = state.create_physical_expr(filter, &df_schema)?;
    let filtered = Arc::new(FilterExec::try_new(predicate, scan)?);
    let mut columns: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::new();
    for name in wanted {
        columns.push((Arc::new(Column::new_with_schema(name, &schema)?), name.clone()));
    }
    Ok(Arc::new(ProjectionExec::try_new(columns, filtered)?))
}
