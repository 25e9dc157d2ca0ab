//! `SELECT … GROUP BY …`: what is selected is what is grouped.

use crate::block::{Block, Columns, Placed, column_sqls};
use crate::order::{equated, length, ordered};
use crate::{ColumnSql, Comparison, Server, SqlText, Unsayable, number};
use arrow_schema::DataType;
use headwater_core::{Aggregate, AggregateCall, Expr};
use std::collections::{BTreeMap, BTreeSet};

/// The longest name that every product keeps.
const NAME_BYTES: usize = 60;

/// A statement with groups, and how its columns are read.
pub(crate) struct Grouped<L> {
    pub(crate) sql: SqlText,
    /// In the order of the aggregate's schema.
    pub(crate) laws: Vec<(String, L)>,
    /// What the statement calls each column.
    pub(crate) aliases: BTreeMap<String, String>,
}

/// The groups of a block's rows, or why the source does not make them.
pub(crate) fn grouped<S: Server>(
    server: S,
    aggregate: &Aggregate,
    block: &Block<S::Law>,
) -> Result<Grouped<S::Law>, Unsayable> {
    let fields = aggregate.schema.fields();
    if fields.is_empty() || fields.len() != aggregate.groups.len() + aggregate.calls.len() {
        return Err(Unsayable::new("the aggregate does not say what to compute"));
    }
    let asked = Asked { server, columns: &block.columns, sqls: column_sqls(server, &block.columns) };
    let (mut computed, mut by) = (Vec::new(), Vec::new());
    for group in &aggregate.groups {
        let (sql, law) = asked.group(group)?;
        by.push(sql.clone());
        by.extend(asked.column(group).ok().and_then(|(_, column)| length(server.dialect(), column, &sql)));
        computed.push((sql, law));
    }
    for (call, field) in aggregate.calls.iter().zip(fields.iter().skip(aggregate.groups.len())) {
        computed.push(asked.call(call, field.data_type())?);
    }
    let aliases = aliases(&fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>());
    let (mut selected, mut laws) = (Vec::new(), Vec::new());
    for (field, (sql, law)) in fields.iter().zip(computed) {
        if server.data_type(&law) != *field.data_type() {
            let message = format!("{} comes as {}, not as {}", field.name(), server.data_type(&law), field.data_type());
            return Err(Unsayable::new(message));
        }
        let alias = aliases.get(field.name()).map_or(field.name().as_str(), String::as_str);
        selected.push(sql.then(" AS ").append(&SqlText::identifier(server.dialect(), alias)));
        laws.push((field.name().clone(), law));
    }
    let mut sql = SqlText::from_static("SELECT ").append(&SqlText::joined(&selected, ", "));
    sql = sql.then(" FROM ").append(&block.from);
    if !block.conditions.is_empty() {
        sql = sql.then(" WHERE ").append(&SqlText::joined(&block.conditions, " AND "));
    }
    if !by.is_empty() {
        sql = sql.then(" GROUP BY ").append(&SqlText::joined(&by, ", "));
    }
    Ok(Grouped { sql, laws, aliases })
}

struct Asked<'a, S: Server> {
    server: S,
    columns: &'a Columns<S::Law>,
    sqls: BTreeMap<String, ColumnSql>,
}

/// An expression, and how its values are read.
type Computed<L> = (SqlText, L);

impl<S: Server> Asked<'_, S> {
    fn column(&self, name: &str) -> Result<(&Placed<S::Law>, &ColumnSql), Unsayable> {
        let found = self.columns.get(name).zip(self.sqls.get(name));
        found.ok_or_else(|| Unsayable::new(format!("column {name} is unknown")))
    }

    fn group(&self, name: &str) -> Result<Computed<S::Law>, Unsayable> {
        let (placed, column) = self.column(name)?;
        let because = |reason: &dyn std::fmt::Display| Unsayable::new(format!("groups by {name}: {reason}"));
        if let Some(reason) = column.unsortable {
            return Err(because(&reason));
        }
        let sql = equated(self.server.dialect(), column).map_err(|reason| because(&reason))?;
        let law = self.law_of(placed, column, &sql)?;
        Ok((sql, law))
    }

    fn call(&self, call: &AggregateCall, data_type: &DataType) -> Result<Computed<S::Law>, Unsayable> {
        match call {
            AggregateCall::CountRows => self.count(SqlText::from_static("*"), data_type),
            AggregateCall::Count(expr) => self.count(self.counted(expr)?, data_type),
            AggregateCall::Sum(expr) => {
                let sql = number::sum(self.server, self.columns, expr, data_type)?;
                let law = self.server.total(data_type);
                Ok((sql, law.ok_or_else(|| Unsayable::new(format!("a sum does not come as {data_type}")))?))
            }
            AggregateCall::Min(expr) => self.extreme("min", expr),
            AggregateCall::Max(expr) => self.extreme("max", expr),
            other => Err(Unsayable::new(format!("{other} has no translation"))),
        }
    }

    fn count(&self, counted: SqlText, data_type: &DataType) -> Result<Computed<S::Law>, Unsayable> {
        let law = self.server.number(&DataType::Int64).filter(|_| *data_type == DataType::Int64);
        let law = law.ok_or_else(|| Unsayable::new(format!("a count does not come as {data_type}")))?;
        Ok((SqlText::from_static("count").parenthesized(&counted), law))
    }

    /// What is NULL where the engine has NULL.
    fn counted(&self, expr: &Expr) -> Result<SqlText, Unsayable> {
        let Expr::Column(name) = expr else { return number::computed(self.server, self.columns, expr) };
        let (placed, column) = self.column(name)?;
        Ok(match column.comparison {
            Comparison::Gappy { .. } => column.value.clone(),
            _ => placed.name.clone(),
        })
    }

    fn extreme(&self, function: &'static str, expr: &Expr) -> Result<Computed<S::Law>, Unsayable> {
        let Expr::Column(name) = expr else {
            return Err(Unsayable::new(format!("{function}({expr}): only columns are compared at the source")));
        };
        let (placed, column) = self.column(name)?;
        let dialect = self.server.dialect();
        let sql = match &column.comparison {
            Comparison::Boolean => return Err(Unsayable::new("truth values have no least and greatest at the source")),
            Comparison::Binary if !dialect.least_of_bytes => {
                return Err(Unsayable::new("bytes have no least and greatest at the source"));
            }
            // MySQL was seen to give such a maximum converted twice, `Ã©` for `é`.
            Comparison::Collated { ascii_only: true, .. } => {
                return Err(Unsayable::new(
                    "text of another character set has no reliable least and greatest at the source",
                ));
            }
            // A type of its own, without such functions.
            Comparison::Encoded { .. } => column.value.clone().then(dialect.by_bytes),
            _ => ordered(dialect, column).map_err(|reason| Unsayable::new(format!("{function}({name}): {reason}")))?,
        };
        let law = self.law_of(placed, column, &sql)?;
        Ok((SqlText::from_static(function).parenthesized(&sql), law))
    }

    /// How the values of a column are read once it was written as `sql`.
    fn law_of(&self, placed: &Placed<S::Law>, column: &ColumnSql, sql: &SqlText) -> Result<S::Law, Unsayable> {
        if *sql == placed.name {
            return Ok(placed.law.clone());
        }
        match &column.comparison {
            Comparison::Text(_) | Comparison::Collated { .. } | Comparison::Encoded { .. } => {
                Ok(self.server.text(column.unsortable))
            }
            Comparison::Gappy { .. } => Ok(placed.law.clone()),
            _ => {
                let data_type = self.server.data_type(&placed.law);
                let law = self.server.number(&data_type);
                law.ok_or_else(|| Unsayable::new(format!("{sql} does not come as {data_type}")))
            }
        }
    }
}

/// The names themselves, unless a server could cut one or take two for the same: then numbers.
fn aliases(names: &[&str]) -> BTreeMap<String, String> {
    let distinct: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let plain = |name: &&str| name.len() <= NAME_BYTES && name.is_ascii() && !name.is_empty() && !name.contains('\0');
    let usable = names.iter().all(plain) && distinct.len() == names.len();
    let alias = |(index, name): (usize, &&str)| {
        ((*name).to_owned(), if usable { (*name).to_owned() } else { format!("c{}", index + 1) })
    };
    names.iter().enumerate().map(alias).collect()
}
