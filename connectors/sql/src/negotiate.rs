//! A whole scan request as a statement, with an answer for each of its parts.

use crate::{ColumnSql, Dialect, Pushed, Select, SqlText, push_down};
use headwater_core::{Answer, Error, Relation, Result, ScanRequest};
use std::collections::BTreeMap;

/// What a source was found able to do of a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Negotiated {
    /// The statement that does it.
    pub select: Select,
    /// One answer per filter.
    pub filters: Vec<Answer>,
    /// The answer for the limit, if there is one. `Exact` holds for a scan of one split.
    pub limit: Option<Answer>,
}

/// Translates `request`; `projection` names its columns, `columns` holds every column of the table.
///
/// # Errors
/// `NotFound` for a column that is not among `columns`; `Unsupported` for a relation of a later version.
pub fn negotiate(
    dialect: &Dialect,
    columns: &BTreeMap<String, ColumnSql>,
    projection: &[&str],
    request: &ScanRequest,
) -> Result<Negotiated> {
    let Relation::Table(name) = &request.relation else {
        return Err(Error::new(headwater_core::ErrorKind::Unsupported, "this relation is of a later version"));
    };
    let find = |column: &str| {
        columns.get(column).ok_or_else(|| Error::not_found(format!("column {column} not found in {name}")))
    };
    let mut selected: Vec<_> =
        projection.iter().map(|column| Ok(find(column)?.selected.clone())).collect::<Result<_>>()?;
    if selected.is_empty() && !dialect.no_columns.is_empty() {
        selected.push(SqlText::from_static(dialect.no_columns));
    }
    let (mut conditions, mut filters) = (Vec::new(), Vec::new());
    for filter in &request.filters {
        let mut unknown = Ok(());
        filter.visit_columns(&mut |column| {
            if unknown.is_ok() {
                unknown = find(column).map(drop);
            }
        });
        unknown?;
        filters.push(match push_down(dialect, columns, filter) {
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
    let (limit, answer) = limit(request.limit, &filters);
    let select = Select { columns: selected, from: Select::table(dialect, name), conditions, limit };
    Ok(Negotiated { select, filters, limit: answer })
}

/// A limit below a filter that is applied again above it would lose rows.
fn limit(limit: Option<u64>, filters: &[Answer]) -> (Option<u64>, Option<Answer>) {
    match limit {
        // `LIMIT` takes a signed 64-bit number; no table has more rows.
        Some(rows) if i64::try_from(rows).is_err() && filters.iter().all(|answer| *answer == Answer::Exact) => {
            (None, Some(Answer::Exact))
        }
        Some(_) if filters.iter().all(|answer| *answer == Answer::Exact) => (limit, Some(Answer::Exact)),
        Some(_) => (None, Some(Answer::Refused("a filter is applied above the scan".to_owned()))),
        None => (None, None),
    }
}
