//! One `SELECT`.

use crate::{Dialect, SqlText};
use headwater_core::TableName;

/// `SELECT columns FROM rows WHERE conditions ORDER BY order LIMIT limit`.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// The select list. Empty: rows without columns.
    pub columns: Vec<SqlText>,
    /// The table, or what else the rows come from.
    pub from: SqlText,
    /// All of them hold.
    pub conditions: Vec<SqlText>,
    /// What the rows are sorted by, most significant first.
    pub order: Vec<SqlText>,
    /// At most this many rows.
    pub limit: Option<u64>,
}

impl Select {
    /// A table's name, both parts quoted.
    pub fn table(dialect: &Dialect, name: &TableName) -> SqlText {
        let schema = SqlText::identifier(dialect, &name.schema);
        schema.then(".").append(&SqlText::identifier(dialect, &name.table))
    }

    /// The statement, without a semicolon.
    pub fn to_sql(&self) -> SqlText {
        let mut sql = SqlText::from_static("SELECT");
        if !self.columns.is_empty() {
            sql = sql.then(" ").append(&SqlText::joined(&self.columns, ", "));
        }
        sql = sql.then(" FROM ").append(&self.from);
        if !self.conditions.is_empty() {
            sql = sql.then(" WHERE ").append(&SqlText::joined(&self.conditions, " AND "));
        }
        if !self.order.is_empty() {
            sql = sql.then(" ORDER BY ").append(&SqlText::joined(&self.order, ", "));
        }
        match self.limit {
            Some(limit) => sql.then(" LIMIT ").append(&SqlText::number(limit)),
            None => sql,
        }
    }
}
