//! Where to cut a large table: values of its primary key's first column, found without reading the table.
//!
//! ```text
//! MIN, MAX ─▶ values evenly between ─▶ the nearest keys there are, in the server's order ─▶ EXPLAIN: rows in each cell
//!                   ▲                                                                             │
//!                   └──────────────── cells that hold too many rows (twice at most) ◀─────────────┘
//! ```
//!
//! All of it are dives into the index, some milliseconds in total. The keys are put in order by the server itself, in
//! the column's own collation: ranges between them are disjoint and complete however the server compares.

mod between;
mod value;

use crate::connect::Connections;
use crate::convert::ColumnLaw;
use crate::lease::Lease;
use crate::product::Product;
use between::between;
use headwater_core::{ErrorKind, Result, TableName, Value};
use headwater_sql::{Select, SqlText};
use serde::{Deserialize, Serialize};
use value::value;

/// A table below this is read faster than connections are opened, also as a part of a join.
pub(crate) const SMALL: u64 = 16 << 20;

/// Into how many cells the keys are cut at first, and each cell that turns out to hold too many rows.
const CELLS: usize = 32;

/// A cell with more than this part of all rows is cut again.
const HEAVY: u64 = 16;

const ROUNDS: usize = 3;

/// Keys of a table, ascending, and about how many rows lie below the first, between any two and from the last on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bounds {
    pub(crate) column: String,
    pub(crate) keys: Vec<Value>,
    pub(crate) rows: Vec<u64>,
    /// The table's size.
    pub(crate) bytes: u64,
}

impl Bounds {
    /// Up to `count - 1` of the keys, such that about as many rows lie in each of the ranges.
    pub(crate) fn even(&self, count: u64) -> Vec<&Value> {
        let all: u128 = self.rows.iter().map(|rows| u128::from(*rows)).sum();
        let mut below = 0u128;
        let mut chosen = Vec::new();
        for (key, rows) in self.keys.iter().zip(&self.rows) {
            below += u128::from(*rows);
            let wanted = all * (chosen.len() as u128 + 1) / u128::from(count);
            if below >= wanted.max(1) && chosen.len() as u64 + 1 < count {
                chosen.push(key);
            }
        }
        chosen
    }
}

/// The bounds of a table whose primary key begins with `column`. `None` if there are none, or we may not look.
///
/// # Errors
/// The connection was lost.
pub(crate) async fn find(
    lease: &mut Lease,
    connections: &Connections,
    table: &TableName,
    (column, law): (&str, &ColumnLaw),
    bytes: u64,
) -> Result<Option<Bounds>> {
    if !law.has_ranges() {
        return Ok(None);
    }
    let product = lease.product()?;
    let table = Select::table(product.dialect(), table);
    let search = Search { product, law, table, column: SqlText::identifier(product.dialect(), column) };
    match search.cells(lease, connections).await {
        Ok(Some((keys, rows))) => Ok(Some(Bounds { column: column.to_owned(), keys, rows, bytes })),
        Ok(None) => Ok(None),
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Internal) => Err(error),
        // A table of which we may see some columns only, a statement that takes too long: it is read in one piece.
        Err(_) => Ok(None),
    }
}

struct Search<'a> {
    product: Product,
    law: &'a ColumnLaw,
    table: SqlText,
    column: SqlText,
}

impl Search<'_> {
    async fn cells(&self, lease: &mut Lease, connections: &Connections) -> Result<Option<(Vec<Value>, Vec<u64>)>> {
        let Some((low, high)) = self.extremes(lease, connections).await? else { return Ok(None) };
        let mut wanted = between(&low, &high, CELLS);
        for _ in 1..ROUNDS {
            let keys = self.keys(lease, connections, &wanted).await?;
            let rows = self.rows(lease, connections, &keys).await?;
            let finer = self.finer(lease, connections, (&low, &high), &keys, &rows).await?;
            if finer.is_empty() {
                return Ok(Some((keys, rows)));
            }
            wanted = keys.into_iter().chain(finer).collect();
        }
        let keys = self.keys(lease, connections, &wanted).await?;
        let rows = self.rows(lease, connections, &keys).await?;
        Ok(Some((keys, rows)))
    }

    /// More keys within the cells that hold too many rows, between the first and the last key that each has.
    async fn finer(
        &self,
        lease: &mut Lease,
        connections: &Connections,
        (low, high): (&Value, &Value),
        keys: &[Value],
        rows: &[u64],
    ) -> Result<Vec<Value>> {
        let all: u64 = rows.iter().sum();
        let starts = std::iter::once(low).chain(keys);
        let ends = keys.iter().map(Some).chain(std::iter::once(None));
        let mut finer = Vec::new();
        for ((start, end), rows) in starts.zip(ends).zip(rows) {
            if *rows <= all / HEAVY {
                continue;
            }
            match end {
                None => finer.extend(between(start, high, CELLS / 2)),
                Some(end) => {
                    let last = self.last_below(lease, connections, end).await?;
                    finer.extend(last.map(|last| between(start, &last, CELLS / 2)).unwrap_or_default());
                }
            }
        }
        Ok(finer)
    }

    async fn last_below(&self, lease: &mut Lease, connections: &Connections, end: &Value) -> Result<Option<Value>> {
        let Some(end) = self.literal(end) else { return Ok(None) };
        let sql = SqlText::from_static("SELECT ").append(&self.column).then(" FROM ").append(&self.table);
        let sql = sql.then(" WHERE ").append(&self.column).then(" < ").append(&end);
        let sql = sql.then(" ORDER BY ").append(&self.column).then(" DESC LIMIT 1");
        let found = lease.query(sql.as_str(), connections.config()).await?;
        Ok(found.first().and_then(|row| value(self.law, row.first()?.as_deref()?)))
    }

    async fn extremes(&self, lease: &mut Lease, connections: &Connections) -> Result<Option<(Value, Value)>> {
        let sql = SqlText::from_static("SELECT MIN(").append(&self.column).then("), MAX(").append(&self.column);
        let sql = sql.then(") FROM ").append(&self.table);
        let found = lease.query(sql.as_str(), connections.config()).await?;
        let Some([Some(low), Some(high)]) = found.first().map(Vec::as_slice) else { return Ok(None) };
        Ok(value(self.law, low).zip(value(self.law, high)))
    }

    /// For each of these values the first key from it on, ascending, each once.
    async fn keys(&self, lease: &mut Lease, connections: &Connections, values: &[Value]) -> Result<Vec<Value>> {
        let dives: Vec<SqlText> = values
            .iter()
            .filter_map(|value| self.literal(value))
            .map(|from| {
                let sql = SqlText::from_static("(SELECT ").append(&self.column).then(" AS k FROM ").append(&self.table);
                let sql = sql.then(" WHERE ").append(&self.column).then(" >= ").append(&from);
                sql.then(" ORDER BY ").append(&self.column).then(" LIMIT 1)")
            })
            .collect();
        if dives.is_empty() {
            return Ok(Vec::new());
        }
        let sql = SqlText::from_static("SELECT k FROM (").append(&SqlText::joined(&dives, " UNION "));
        let sql = sql.then(") AS dives ORDER BY k");
        let found = lease.query(sql.as_str(), connections.config()).await?;
        let keys = found.iter().filter_map(|row| value(self.law, row.first()?.as_deref()?));
        Ok(keys.filter(|key| self.literal(key).is_some()).collect())
    }

    /// How many rows the server expects below the first key, between any two and from the last on.
    async fn rows(&self, lease: &mut Lease, connections: &Connections, keys: &[Value]) -> Result<Vec<u64>> {
        let literals: Vec<SqlText> = keys.iter().filter_map(|key| self.literal(key)).collect();
        let cells = ranges(&self.column, &literals);
        let counts: Vec<SqlText> = cells
            .iter()
            .map(|range| {
                let sql = SqlText::from_static("SELECT ").append(&self.column).then(" FROM ").append(&self.table);
                sql.then(" FORCE INDEX (PRIMARY) WHERE ").append(range)
            })
            .collect();
        // MySQL's default format may be another; in MariaDB it cannot be named.
        let (explain, column) = match self.product {
            Product::MySql => ("EXPLAIN FORMAT=TRADITIONAL ", 9),
            Product::MariaDb => ("EXPLAIN ", 8),
        };
        let sql = SqlText::from_static(explain).append(&SqlText::joined(&counts, " UNION ALL "));
        let found = lease.query(sql.as_str(), connections.config()).await?;
        let rows = found.iter().filter(|row| matches!(row.first(), Some(Some(_)))).map(|row| {
            let text = row.get(column)?.as_deref()?;
            std::str::from_utf8(text).ok()?.parse::<u64>().ok()
        });
        // A cell of which nothing is known is taken for empty.
        let mut rows: Vec<u64> = rows.map(Option::unwrap_or_default).collect();
        rows.resize(cells.len(), 0);
        Ok(rows)
    }

    fn literal(&self, value: &Value) -> Option<SqlText> {
        literal(self.product, self.law, value)
    }
}

/// A key as it stands in a statement; `None` for one that the server might take for another.
pub(crate) fn literal(product: Product, law: &ColumnLaw, key: &Value) -> Option<SqlText> {
    let sayable = match key {
        Value::Utf8(text) => law.can_bound(text),
        _ => true,
    };
    sayable.then(|| SqlText::literal(product.dialect(), key).ok()).flatten()
}

/// Conditions that cut a column at these literals, which ascend: below the first, between any two, from the last on.
pub(crate) fn ranges(column: &SqlText, literals: &[SqlText]) -> Vec<SqlText> {
    let from = |key: &SqlText| column.clone().then(" >= ").append(key);
    let until = |key: &SqlText| column.clone().then(" < ").append(key);
    let starts = std::iter::once(None).chain(literals.iter().map(Some));
    let ends = literals.iter().map(Some).chain(std::iter::once(None));
    let cut = starts.zip(ends).map(|(start, end)| {
        let parts: Vec<SqlText> = start.map(from).into_iter().chain(end.map(until)).collect();
        SqlText::joined(&parts, " AND ")
    });
    cut.filter(|range| !range.as_str().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_sql::MYSQL;

    #[test]
    fn the_first_range_begins_and_the_last_ends_nowhere() {
        let literal = |number| SqlText::literal(&MYSQL, &Value::Int64(number)).unwrap();
        let shown = ranges(&SqlText::identifier(&MYSQL, "id"), &[literal(7), literal(9)]);
        let shown: Vec<String> = shown.into_iter().map(SqlText::into_string).collect();
        assert_eq!(shown, ["`id` < 7", "`id` >= 7 AND `id` < 9", "`id` >= 9"]);
    }

    #[test]
    fn bounds_are_chosen_by_rows_and_not_by_values() {
        let keys = [10, 20, 30, 40].map(Value::Int64).to_vec();
        let bounds = Bounds { column: "id".to_owned(), keys, rows: vec![5, 5, 40, 45, 5], bytes: 0 };
        assert_eq!(bounds.even(2), [&Value::Int64(30)]);
        assert_eq!(bounds.even(4), [&Value::Int64(30), &Value::Int64(40)]);
        assert!(bounds.even(1).is_empty());
        let empty = Bounds { rows: vec![0; 5], ..bounds };
        assert!(empty.even(4).is_empty());
    }
}
