//! What rows come from: a table, or what a source computes from its own tables.
//!
//! ```text
//! Table ─┐
//! Table ─┴─▶ Join ─▶ Aggregate      each described by Connector::derive, then scanned like a table
//! ```
//!
//! A relation that is not a table is *derived*: the connector describes it as a table of its own
//! ([`TableMetadata`](crate::TableMetadata)), and from then on it is planned, split and read as any other, so that
//! filters, a limit or further groups on top of it need no words of their own.

use crate::{Expr, TableMetadata, TableName};
use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What rows come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Relation {
    /// One table.
    Table(TableName),
    /// Two relations of one catalog, joined.
    Join(Box<Join>),
    /// One row per group of another relation's rows.
    Aggregate(Box<Aggregate>),
    /// A statement in the source's own language, as the user wrote it.
    Query(String),
}

impl Relation {
    /// The tables it reads, each as often as it is read.
    pub fn tables(&self) -> Vec<&TableName> {
        match self {
            Self::Table(name) => vec![name],
            Self::Join(join) => {
                let mut tables = join.left.relation.tables();
                tables.extend(join.right.relation.tables());
                tables
            }
            Self::Aggregate(aggregate) => aggregate.input.relation.tables(),
            Self::Query(_) => Vec::new(),
        }
    }
}

/// For people: `public.orders`, `public.orders join public.customers`, `groups of public.orders`.
impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) => write!(f, "{name}"),
            Self::Join(join) => write!(f, "{} join {}", join.left.relation, join.right.relation),
            Self::Aggregate(aggregate) => write!(f, "groups of {}", aggregate.input.relation),
            Self::Query(_) => f.write_str("query"),
        }
    }
}

/// A relation whose rows go into another, less those that a condition keeps out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Where the rows come from.
    pub relation: Relation,
    /// Conditions that all must hold. A source that cannot apply one of them exactly must refuse the whole.
    #[serde(default)]
    pub filters: Vec<Expr>,
}

/// The rows of two relations that agree on columns: an inner join.
///
/// Two values agree when [`Expr::Compare`] with `=` is true of them: NULL agrees with nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// One side.
    pub left: Input,
    /// The other.
    pub right: Input,
    /// Pairs of columns that agree, left and right; at least one.
    pub on: Vec<(String, String)>,
    /// The columns of the answer, in order.
    pub columns: Vec<JoinColumn>,
}

/// A column of a join's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinColumn {
    /// Which side it comes from.
    pub side: Side,
    /// Its name there.
    pub column: String,
    /// Its name in the answer; no two are the same.
    pub name: String,
}

/// A side of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The first relation.
    Left,
    /// The second.
    Right,
}

/// One row per group; without grouping columns one row in all, also over no rows.
///
/// Values are of one group when [`Expr::Compare`] with `=` is true of them, or when both are NULL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The rows that are grouped.
    pub input: Input,
    /// The columns of `input` that make the groups.
    pub groups: Vec<String>,
    /// What is computed of each group.
    pub calls: Vec<AggregateCall>,
    /// The answer: first the groups, then the calls, with names (no two the same) and the engine's types. A value that
    /// does not fit its type is an error, never rounded.
    #[serde(with = "crate::wire::schema_text")]
    pub schema: SchemaRef,
}

/// A value computed of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AggregateCall {
    /// How many rows.
    CountRows,
    /// In how many rows the operand is not NULL.
    Count(Expr),
    /// The sum of exact numbers that are not NULL, exact itself; NULL if there are none. The planner never asks for
    /// sums of floating-point numbers: they depend on the order of addition.
    Sum(Expr),
    /// The least value that is not NULL, ordered as [`Expr::Compare`] does; NULL if there is none.
    Min(Expr),
    /// The greatest.
    Max(Expr),
}

impl AggregateCall {
    /// What it is computed from, if that is not whole rows.
    pub fn operand(&self) -> Option<&Expr> {
        match self {
            Self::CountRows => None,
            Self::Count(operand) | Self::Sum(operand) | Self::Min(operand) | Self::Max(operand) => Some(operand),
        }
    }
}

impl fmt::Display for AggregateCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CountRows => f.write_str("count(*)"),
            Self::Count(operand) => write!(f, "count({operand})"),
            Self::Sum(operand) => write!(f, "sum({operand})"),
            Self::Min(operand) => write!(f, "min({operand})"),
            Self::Max(operand) => write!(f, "max({operand})"),
        }
    }
}

/// What a connector makes of a derived relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "content")]
pub enum Derived {
    /// The source computes it, exactly as the engine would.
    Table(Box<TableMetadata>),
    /// It does not. Why, in words.
    Refused(String),
}

/// The rows that come first in an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Top {
    /// The order, most significant key first; at least one. Which of equal rows come first is left open.
    pub order: Vec<SortKey>,
    /// How many rows.
    pub rows: u64,
}

/// A column to sort by, as [`Expr::Compare`] orders its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortKey {
    /// The column.
    pub column: String,
    /// Greatest first.
    #[serde(default)]
    pub descending: bool,
    /// NULL before all values, whichever the direction; else after them.
    #[serde(default)]
    pub nulls_first: bool,
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.descending { "DESC" } else { "ASC" };
        let nulls = if self.nulls_first { "FIRST" } else { "LAST" };
        write!(f, "{} {direction} NULLS {nulls}", self.column)
    }
}

impl fmt::Display for Top {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order: Vec<String> = self.order.iter().map(SortKey::to_string).collect();
        write!(f, "top {} by {}", self.rows, order.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompareOp, Value};
    use arrow_schema::{DataType, Field, Schema};
    use std::sync::Arc;

    #[test]
    fn a_derived_relation_travels_as_json() -> Result<(), serde_json::Error> {
        let table = |name| Input { relation: Relation::Table(TableName::new("s", name)), filters: Vec::new() };
        let mut left = table("orders");
        left.filters.push(Expr::column("paid").compare(CompareOp::Eq, Value::Boolean(true)));
        let column = |side, column: &str| JoinColumn { side, column: column.into(), name: column.into() };
        let columns = vec![column(Side::Left, "amount"), column(Side::Right, "country")];
        let join = Join { left, right: table("users"), on: vec![("user_id".into(), "id".into())], columns };
        let input = Input { relation: Relation::Join(Box::new(join)), filters: Vec::new() };
        let fields =
            vec![Field::new("country", DataType::Utf8, true), Field::new("a1", DataType::Decimal128(38, 2), true)];
        let calls = vec![AggregateCall::Sum(Expr::column("amount"))];
        let schema = Arc::new(Schema::new(fields));
        let aggregate = Aggregate { input, groups: vec!["country".into()], calls, schema };
        let relation = Relation::Aggregate(Box::new(aggregate));
        let text = serde_json::to_string(&relation)?;
        assert_eq!(serde_json::from_str::<Relation>(&text)?, relation);
        assert_eq!(relation.to_string(), "groups of s.orders join s.users");
        assert_eq!(relation.tables().len(), 2);
        Ok(())
    }
}
