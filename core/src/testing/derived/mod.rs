//! What a connector computes of its own relations, held against the same computed from its rows.
//!
//! For a table of awkward values: whatever column is grouped by, joined on, sorted by or aggregated, the connector
//! either refuses or gives exactly what [`mod@reference`] gives.

pub mod reference;

use crate::{
    Aggregate, AggregateCall, Answer, Connector, Derived, Expr, Input, Join, JoinColumn, Relation, ScanContext,
    ScanPlan, ScanRequest, Side, SortKey, TableMetadata, Top, Value,
};
use arrow_schema::{DataType, Field, Schema};
use futures::TryStreamExt as _;
use reference::{Row, grouped, joined, order, rows_of, shown};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was asked and what is wrong with the answer.
pub type Fault = String;

/// By what was asked: why it was refused.
pub type Refusals = BTreeMap<String, String>;

/// A connector and one of its relations, with all of its rows.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The connector.
    pub connector: Arc<dyn Connector>,
    /// The relation.
    pub relation: Relation,
    /// Its description.
    pub table: Arc<TableMetadata>,
    /// Its rows, read plainly.
    pub rows: Vec<Row>,
}

impl Subject {
    /// Reads all of a table.
    ///
    /// # Errors
    /// Whatever reading it gives.
    pub async fn of_table(connector: &Arc<dyn Connector>, name: &crate::TableName) -> Result<Self, Fault> {
        let table = Arc::new(connector.get_table(name).await.map_err(|error| error.to_string())?);
        let mut subject =
            Self { connector: Arc::clone(connector), relation: Relation::Table(name.clone()), table, rows: Vec::new() };
        subject.rows = subject.read(&ScanRequest::relation(subject.relation.clone())).await?.1;
        Ok(subject)
    }

    /// The plan and the rows of a request.
    ///
    /// # Errors
    /// Whatever planning and reading give, with what was sent.
    pub async fn read(&self, request: &ScanRequest) -> Result<(ScanPlan, Vec<Row>), Fault> {
        let context = ScanContext::new("derived");
        let plan = self.connector.plan_scan(&self.table, request).await;
        let plan = plan.map_err(|error| format!("{}: {error}", request.relation))?;
        let fault = |error: crate::Error| {
            format!("{}: {error}", plan.requests.first().map_or_else(String::new, |sent| sent.to_string()))
        };
        let splits = self.connector.splits(&plan, None, &context).await.map_err(fault)?;
        let splits: Vec<_> = splits.stream.try_collect().await.map_err(fault)?;
        let mut rows = Vec::new();
        for split in &splits {
            let batches = self.connector.read(split, &context).await.map_err(fault)?;
            let batches: Vec<_> = batches.try_collect().await.map_err(fault)?;
            rows.extend(batches.iter().flat_map(rows_of));
        }
        Ok((plan, rows))
    }

    /// What `relation` gives, made of subjects, or why the connector refuses. Its rows are those of `expected`.
    ///
    /// # Errors
    /// Other rows than expected.
    pub async fn derived(
        relation: Relation,
        inputs: &[&Self],
        expected: Vec<Row>,
    ) -> Result<Result<Self, String>, Fault> {
        let Some(first) = inputs.first() else { return Err("no inputs".to_owned()) };
        let tables: Vec<_> = inputs.iter().map(|input| Arc::clone(&input.table)).collect();
        let derived = first.connector.derive(&relation, &tables).await.map_err(|error| error.to_string())?;
        let table = match derived {
            Derived::Table(table) => Arc::new(*table),
            Derived::Refused(reason) => return Ok(Err(reason)),
        };
        let subject = Self { connector: Arc::clone(&first.connector), relation, table, rows: expected };
        let request = ScanRequest::relation(subject.relation.clone());
        let (plan, rows) = subject.read(&request).await?;
        same(&plan, &rows, &subject.rows)?;
        Ok(Ok(subject))
    }

    /// The groups of the subject's rows.
    ///
    /// # Errors
    /// As [`Subject::derived`].
    pub async fn grouped(
        &self,
        groups: &[&str],
        calls: Vec<(AggregateCall, DataType)>,
        filters: Vec<Expr>,
    ) -> Result<Result<Self, String>, Fault> {
        let aggregate = self.aggregate(groups, calls, filters)?;
        let passing: Vec<Row> = self.passing(&aggregate.input.filters);
        let expected = grouped(&aggregate, &passing);
        Self::derived(Relation::Aggregate(Box::new(aggregate)), &[self], expected).await
    }

    fn passing(&self, filters: &[Expr]) -> Vec<Row> {
        let passes = |row: &&Row| {
            let value = |name: &str| row.get(name).cloned().unwrap_or(Value::Null);
            filters.iter().all(|filter| crate::eval::passes(filter, &value))
        };
        self.rows.iter().filter(passes).cloned().collect()
    }

    /// As the planner would ask for it, its calls named `a1`, `a2`, …
    ///
    /// # Errors
    /// A column that is not there.
    pub fn aggregate(
        &self,
        groups: &[&str],
        calls: Vec<(AggregateCall, DataType)>,
        filters: Vec<Expr>,
    ) -> Result<Aggregate, Fault> {
        let mut fields = Vec::new();
        for group in groups {
            fields.push(self.table.schema.field_with_name(group).map_err(|error| error.to_string())?.clone());
        }
        let (calls, types): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        for (index, data_type) in types.into_iter().enumerate() {
            fields.push(Field::new(format!("a{}", index + 1), data_type, true));
        }
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let input = Input { relation: self.relation.clone(), filters };
        Ok(Aggregate { input, groups, calls, schema: Arc::new(Schema::new(fields)) })
    }

    /// The rows of this and another subject that agree, with all of the columns named in `columns`, as `l_` and `r_`.
    ///
    /// # Errors
    /// As [`Subject::derived`].
    pub async fn joined(
        &self,
        other: &Self,
        on: &[(&str, &str)],
        columns: &[(Side, &str)],
    ) -> Result<Result<Self, String>, Fault> {
        let input = |subject: &Self| Input { relation: subject.relation.clone(), filters: Vec::new() };
        let named = |(side, column): &(Side, &str)| {
            let prefix = if *side == Side::Left { "l" } else { "r" };
            JoinColumn { side: *side, column: (*column).to_owned(), name: format!("{prefix}_{column}") }
        };
        let on = on.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let columns = columns.iter().map(named).collect();
        let join = Join { left: input(self), right: input(other), on, columns };
        let expected = joined(&join, &self.rows, &other.rows);
        Self::derived(Relation::Join(Box::new(join)), &[self, other], expected).await
    }

    /// Groups by every column in turn.
    ///
    /// # Errors
    /// Groups that are not those of the rows.
    pub async fn groups_by_every_column(&self) -> Result<Refusals, Fault> {
        let mut refusals = Refusals::new();
        for field in self.table.schema.fields() {
            let calls = vec![(AggregateCall::CountRows, DataType::Int64)];
            let answer = self.grouped(&[field.name()], calls, Vec::new()).await;
            if let Err(reason) = answer.map_err(|fault| format!("groups by {}: {fault}", field.name()))? {
                refusals.insert(field.name().clone(), reason);
            }
        }
        Ok(refusals)
    }

    /// Counts every column's values, and looks for the least and the greatest.
    ///
    /// # Errors
    /// Values that are not those of the rows.
    pub async fn bounds_of_every_column(&self) -> Result<Refusals, Fault> {
        let mut refusals = Refusals::new();
        for field in self.table.schema.fields() {
            let column = || Expr::column(field.name());
            let all = [
                (AggregateCall::Count(column()), DataType::Int64),
                (AggregateCall::Min(column()), field.data_type().clone()),
                (AggregateCall::Max(column()), field.data_type().clone()),
            ];
            for (call, data_type) in all {
                let asked = call.to_string();
                if matches!(call, AggregateCall::Count(_))
                    && self.rows.iter().any(|row| !row.contains_key(field.name()))
                {
                    // The values of such a type have no place in the reference.
                    continue;
                }
                let answer = self.grouped(&[], vec![(call, data_type)], Vec::new()).await;
                if let Err(reason) = answer.map_err(|fault| format!("{asked}: {fault}"))? {
                    refusals.insert(asked, reason);
                }
            }
        }
        Ok(refusals)
    }

    /// Asks for the first rows by every column, in both directions, NULL at either end.
    ///
    /// # Errors
    /// Rows that are not the first ones.
    pub async fn tops_by_every_column(&self, rows: &[u64]) -> Result<Refusals, Fault> {
        let mut refusals = Refusals::new();
        for field in self.table.schema.fields() {
            for (descending, nulls_first) in [(false, false), (false, true), (true, false), (true, true)] {
                for rows in rows {
                    let key = SortKey { column: field.name().clone(), descending, nulls_first };
                    let top = Top { order: vec![key], rows: *rows };
                    if let Err(reason) = self.first_rows(top).await? {
                        refusals.insert(field.name().clone(), reason);
                    }
                }
            }
        }
        Ok(refusals)
    }

    /// Asks for the first rows of an order.
    ///
    /// # Errors
    /// Rows that are not the first ones.
    pub async fn first_rows(&self, top: Top) -> Result<Result<(), String>, Fault> {
        let request = ScanRequest::relation(self.relation.clone()).with_top(top.clone());
        let (plan, got) = self.read(&request).await?;
        let key = |row: &Row| top.order.iter().map(|key| row.get(&key.column).map(shown)).collect::<Vec<_>>();
        let mut expected: Vec<&Row> = self.rows.iter().collect();
        expected.sort_by(|a, b| order(&top.order, a, b));
        expected.truncate(usize::try_from(top.rows).unwrap_or(usize::MAX));
        match &plan.top {
            Some(Answer::Refused(reason)) => return Ok(Err(reason.clone())),
            Some(Answer::Exact) if got.len() == expected.len() => {}
            other => return Err(format!("{top}: {} rows for {other:?} of {}", got.len(), expected.len())),
        }
        let mut got: Vec<&Row> = got.iter().collect();
        got.sort_by(|a, b| order(&top.order, a, b));
        let (got, expected): (Vec<_>, Vec<_>) = got.into_iter().zip(expected).map(|(a, b)| (key(a), key(b))).unzip();
        if got == expected {
            return Ok(Ok(()));
        }
        Err(format!("{top}: got {got:?}, not {expected:?}, from {:?}", plan.requests))
    }
}

/// The same rows, in whatever order.
fn same(plan: &ScanPlan, got: &[Row], expected: &[Row]) -> Result<(), Fault> {
    let names: Vec<&String> = plan.schema.fields().iter().map(|field| field.name()).collect();
    let all = |rows: &[Row]| {
        let row = |row: &Row| names.iter().map(|name| row.get(*name).map(shown)).collect::<Vec<_>>();
        let mut rows: Vec<_> = rows.iter().map(row).collect();
        rows.sort();
        rows
    };
    let (got, expected) = (all(got), all(expected));
    if got == expected {
        return Ok(());
    }
    let surplus: Vec<_> = got.iter().filter(|row| !expected.contains(row)).take(5).collect();
    let missing: Vec<_> = expected.iter().filter(|row| !got.contains(row)).take(5).collect();
    Err(format!(
        "{} rows, not {}; {surplus:?} should not be there, {missing:?} should; sent {:?}",
        got.len(),
        expected.len(),
        plan.requests
    ))
}
