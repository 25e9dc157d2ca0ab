//! A whole scan request as a statement, with an answer for each of its parts.

use crate::block::{block, column_sqls};
use crate::order::sort_key;
use crate::predicate::{add_guard, push_down_guarded};
use crate::{ColumnSql, Laws, Pushed, Select, Server, SqlText, Unsayable};
use arrow_schema::Schema;
use headwater_core::{Answer, Error, ErrorKind, Expr, Result, ScanRequest, Top};
use std::collections::BTreeMap;

/// What is asked of a source, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a, L> {
    /// The request.
    pub request: &'a ScanRequest,
    /// The columns of its projection.
    pub projection: &'a [&'a str],
    /// The laws of the relation's columns: of all that the request names.
    pub laws: &'a Laws<L>,
    /// The relation's columns, as far as known: it says which are never NULL.
    pub schema: &'a Schema,
}

/// What a source was found able to do of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Negotiated {
    /// The statement that does it.
    pub select: Select,
    /// One answer per filter.
    pub filters: Vec<Answer>,
    /// The answer for the top, if there is one. `Exact` holds for a scan of one split.
    pub top: Option<Answer>,
    /// The answer for the limit, if there is one. `Exact` holds for a scan of one split.
    pub limit: Option<Answer>,
}

/// Translates a request.
///
/// # Errors
/// `NotFound` for a column without a law; `Unsupported` for a relation that the source does not compute.
pub fn negotiate<S: Server>(server: S, asked: Asked<'_, S::Law>) -> Result<Negotiated> {
    let Asked { request, projection, laws, schema } = asked;
    let dialect = server.dialect();
    let unsupported = |reason: Unsayable| {
        Error::new(
            ErrorKind::Unsupported,
            format!("{} is not asked for {}: {reason}", dialect.product, request.relation),
        )
    };
    let rows = block(server, &request.relation, laws).map_err(unsupported)?;
    let columns = column_sqls(server, &rows.columns);
    let find = |column: &str| {
        let missing = || Error::not_found(format!("column {column} not found in {}", request.relation));
        columns.get(column).ok_or_else(missing)
    };
    let mut selected: Vec<_> =
        projection.iter().map(|column| Ok(find(column)?.selected.clone())).collect::<Result<_>>()?;
    if selected.is_empty() && !dialect.no_columns.is_empty() {
        selected.push(SqlText::from_static(dialect.no_columns));
    }
    let (mut conditions, mut guards, mut filters) = (rows.conditions, Vec::new(), Vec::new());
    for filter in &request.filters {
        check_columns(filter, &find)?;
        let (pushed, own_guards) = push_down_guarded(dialect, &columns, filter);
        own_guards.into_iter().for_each(|guard| add_guard(&mut guards, guard));
        filters.push(match pushed {
            Pushed::Exact(sql) => {
                conditions.push(sql);
                Answer::Exact
            }
            Pushed::Superset(sql, reason) => {
                conditions.push(sql);
                Answer::Inexact(reason)
            }
            Pushed::Refused(reason) => Answer::Refused(reason),
        });
    }
    conditions.extend(guards);
    let mut select = Select { columns: selected, from: rows.from, conditions, order: Vec::new(), limit: None };
    let exact = filters.iter().all(|answer| *answer == Answer::Exact);
    let limit = request.limit.map(|rows| limit(&mut select, rows, exact));
    let top = match &request.top {
        Some(top) => Some(first_rows(server, &columns, schema, top, &mut select, exact)?),
        None => None,
    };
    Ok(Negotiated { select, filters, top, limit })
}

fn check_columns<'a>(filter: &Expr, find: &impl Fn(&str) -> Result<&'a ColumnSql>) -> Result<()> {
    let mut unknown = Ok(());
    filter.visit_columns(&mut |column| {
        if unknown.is_ok() {
            unknown = find(column).map(drop);
        }
    });
    unknown
}

/// A limit below a filter that is applied again above it would lose rows.
fn limit(select: &mut Select, rows: u64, exact: bool) -> Answer {
    if !exact {
        return Answer::Refused("a filter is applied above the scan".to_owned());
    }
    // `LIMIT` takes a signed 64-bit number; no table has more rows.
    select.limit = i64::try_from(rows).is_ok().then_some(rows);
    Answer::Exact
}

fn first_rows<S: Server>(
    server: S,
    columns: &BTreeMap<String, ColumnSql>,
    schema: &Schema,
    top: &Top,
    select: &mut Select,
    exact: bool,
) -> Result<Answer> {
    let mut order = Vec::new();
    for key in &top.order {
        let missing = || Error::not_found(format!("column {} not found", key.column));
        let column = columns.get(&key.column).ok_or_else(missing)?;
        let nullable = schema.field_with_name(&key.column).map_or(true, |field| field.is_nullable());
        match sort_key(server.dialect(), column, key, nullable) {
            Ok(parts) => order.extend(parts),
            Err(reason) => return Ok(Answer::Refused(format!("the order of {}: {reason}", key.column))),
        }
    }
    let answer = limit(select, top.rows, exact);
    if answer == Answer::Exact {
        select.order = order;
    }
    Ok(answer)
}
