//! What stands after `FROM` and `WHERE` for a relation: its tables, joined or grouped.
//!
//! ```text
//! table         "s"."t"
//! join          "s"."a" AS t1 JOIN "s"."b" AS t2 ON t1."x" = t2."y"        filters of both: WHERE
//! query         (the user's statement) AS q
//! aggregate     (SELECT "g" AS "g", count(*) AS "a1" FROM … WHERE … GROUP BY "g") AS q
//! ```
//!
//! Joins of joins are one list of tables, so that no server has to take a subselect apart to see what it can do.

use crate::compare::Need;
use crate::predicate::{add_guard, push_down_guarded};
use crate::{ColumnSql, Dialect, Laws, Pushed, Select, Server, SqlText, Unsayable, compare, groups};
use headwater_core::{CompareOp, Expr, Input, Join, Relation, Side};
use std::collections::BTreeMap;

/// A column in the statement at hand: its law, and what it is called there.
#[derive(Debug, Clone)]
pub(crate) struct Placed<L> {
    pub(crate) law: L,
    pub(crate) name: SqlText,
}

pub(crate) type Columns<L> = BTreeMap<String, Placed<L>>;

/// The rows of a relation, as a part of a statement.
#[derive(Debug, Clone)]
pub(crate) struct Block<L> {
    pub(crate) from: SqlText,
    /// All hold.
    pub(crate) conditions: Vec<SqlText>,
    pub(crate) columns: Columns<L>,
    /// Whether `from` is more than one name.
    joined: bool,
}

/// Names for the parts of a join: `t1`, `t2`, …
#[derive(Debug, Default)]
struct Names(u64);

impl Names {
    fn next(&mut self) -> SqlText {
        self.0 += 1;
        SqlText::from_static("t").append(&SqlText::number(self.0))
    }
}

/// The rows of `relation`, whose laws these are, or why the source is not asked for them.
pub(crate) fn block<S: Server>(
    server: S,
    relation: &Relation,
    laws: &Laws<S::Law>,
) -> Result<Block<S::Law>, Unsayable> {
    named(server, relation, laws, None)
}

pub(crate) fn column_sqls<S: Server>(server: S, columns: &Columns<S::Law>) -> BTreeMap<String, ColumnSql> {
    columns.iter().map(|(name, placed)| (name.clone(), server.column(&placed.law, placed.name.clone()))).collect()
}

fn named<S: Server>(
    server: S,
    relation: &Relation,
    laws: &Laws<S::Law>,
    names: Option<&mut Names>,
) -> Result<Block<S::Law>, Unsayable> {
    match (relation, laws.inputs.as_slice(), names) {
        (Relation::Table(name), [], names) => {
            let table = Select::table(server.dialect(), name);
            let columns = laws.columns.iter().map(|(column, law)| (column.clone(), law.clone())).collect();
            Ok(leaf(server.dialect(), table, columns, names.map(Names::next), |name| name.to_owned()))
        }
        (Relation::Query(text), [], names) => {
            let columns = laws.columns.iter().map(|(column, law)| (column.clone(), law.clone())).collect();
            let alias = names.map_or_else(|| SqlText::from_static("q"), Names::next);
            Ok(leaf(server.dialect(), SqlText::subselect(text), columns, Some(alias), |name| name.to_owned()))
        }
        (Relation::Join(join), [left, right], names) => match names {
            Some(names) => joined(server, join, left, right, names),
            None => joined(server, join, left, right, &mut Names::default()),
        },
        (Relation::Aggregate(aggregate), [input], names) => {
            let grouped = groups::grouped(server, aggregate, &self::input(server, &aggregate.input, input, None)?)?;
            let from = SqlText::default().parenthesized(&grouped.sql);
            let alias = names.map_or_else(|| SqlText::from_static("q"), Names::next);
            let aliases = grouped.aliases;
            let of_column = |name: &str| aliases.get(name).cloned().unwrap_or_else(|| name.to_owned());
            Ok(leaf(server.dialect(), from, grouped.laws, Some(alias), of_column))
        }
        _ => Err(Unsayable::new("the relation is not one that this source can be asked for")),
    }
}

/// One name after `FROM`, and its columns: qualified where it has an alias.
fn leaf<L>(
    dialect: &Dialect,
    from: SqlText,
    columns: Vec<(String, L)>,
    alias: Option<SqlText>,
    known_as: impl Fn(&str) -> String,
) -> Block<L> {
    let placed = |(column, law): (String, L)| {
        let name = SqlText::identifier(dialect, &known_as(&column));
        let name = match &alias {
            Some(alias) => alias.clone().then(".").append(&name),
            None => name,
        };
        (column, Placed { law, name })
    };
    let columns = columns.into_iter().map(placed).collect();
    let from = match &alias {
        Some(alias) => from.then(" AS ").append(alias),
        None => from,
    };
    Block { from, conditions: Vec::new(), columns, joined: false }
}

/// The rows of an input: its filters apply exactly or not at all.
fn input<S: Server>(
    server: S,
    input: &Input,
    laws: &Laws<S::Law>,
    names: Option<&mut Names>,
) -> Result<Block<S::Law>, Unsayable> {
    let mut block = named(server, &input.relation, laws, names)?;
    let columns = column_sqls(server, &block.columns);
    let mut guards = Vec::new();
    for filter in &input.filters {
        let (pushed, own_guards) = push_down_guarded(server.dialect(), &columns, filter);
        block.conditions.push(exactly(pushed, filter)?);
        own_guards.into_iter().for_each(|guard| add_guard(&mut guards, guard));
    }
    block.conditions.extend(guards);
    Ok(block)
}

fn exactly(pushed: Pushed, filter: &Expr) -> Result<SqlText, Unsayable> {
    match pushed {
        Pushed::Exact(condition) => Ok(condition),
        Pushed::Superset(_, reason) | Pushed::Refused(reason) => {
            Err(Unsayable::new(format!("{filter} is checked by the engine first: {reason}")))
        }
    }
}

fn joined<S: Server>(
    server: S,
    join: &Join,
    left: &Laws<S::Law>,
    right: &Laws<S::Law>,
    names: &mut Names,
) -> Result<Block<S::Law>, Unsayable> {
    let left = input(server, &join.left, left, Some(names))?;
    let right = input(server, &join.right, right, Some(names))?;
    let find = |side: Side, column: &str| {
        let columns = if side == Side::Left { &left.columns } else { &right.columns };
        columns.get(column).ok_or_else(|| Unsayable::new(format!("column {column} is unknown")))
    };
    let mut on = Vec::with_capacity(join.on.len());
    for (of_left, of_right) in &join.on {
        let (a, b) = (find(Side::Left, of_left)?, find(Side::Right, of_right)?);
        let (a, b) = (server.column(&a.law, a.name.clone()), server.column(&b.law, b.name.clone()));
        on.push(compare::of_columns(server.dialect(), &a, CompareOp::Eq, &b, Need::Rows)?.into_exact()?);
    }
    if on.is_empty() {
        return Err(Unsayable::new("the join has no columns that agree"));
    }
    let mut columns = BTreeMap::new();
    for column in &join.columns {
        columns.insert(column.name.clone(), find(column.side, &column.column)?.clone());
    }
    let of_right = if right.joined { SqlText::default().parenthesized(&right.from) } else { right.from.clone() };
    let from = left.from.clone().then(" JOIN ").append(&of_right).then(" ON ").append(&SqlText::joined(&on, " AND "));
    let conditions = [left.conditions, right.conditions].concat();
    Ok(Block { from, conditions, columns, joined: true })
}
