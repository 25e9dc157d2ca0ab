//! One filter of core's language as a condition, and how far the two mean the same.

use crate::compare::{self, Need};
use crate::{ColumnSql, Comparison, Dialect, SqlText, Unsayable};
use headwater_core::{Expr, Value};
use std::collections::BTreeMap;

/// What became of a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// True, false and NULL on exactly the rows where the engine has them.
    Exact(SqlText),
    /// True on every row where the engine has true, and perhaps on others; why.
    Superset(SqlText, String),
    /// Nothing can be said; why.
    Refused(String),
}

/// Translates one filter over `columns`, which holds every column by name.
pub fn push_down(dialect: &Dialect, columns: &BTreeMap<String, ColumnSql>, filter: &Expr) -> Pushed {
    let condition = Translator { dialect, columns }.condition(filter, Need::Rows);
    pushed(condition.map(Condition::closed))
}

/// The same for one of several conditions that must all hold. What keeps rows out that it would let through comes apart,
/// to stand once and after all conditions: it costs the server more than they do, and is then asked of few rows.
pub(crate) fn push_down_guarded(
    dialect: &Dialect,
    columns: &BTreeMap<String, ColumnSql>,
    filter: &Expr,
) -> (Pushed, Vec<SqlText>) {
    let mut condition = Translator { dialect, columns }.condition(filter, Need::Rows);
    let guards = condition.as_mut().map(|condition| std::mem::take(&mut condition.guards)).unwrap_or_default();
    (pushed(condition), guards)
}

fn pushed(condition: Result<Condition, Unsayable>) -> Pushed {
    match condition {
        Ok(Condition { sql, inexact: None, .. }) => Pushed::Exact(sql),
        Ok(Condition { sql, inexact: Some(reason), .. }) => Pushed::Superset(sql, reason),
        Err(reason) => Pushed::Refused(reason.to_string()),
    }
}

/// A translated condition. With `inexact`, only "true where the engine has true" is known of it.
#[derive(Debug)]
pub(crate) struct Condition {
    sql: SqlText,
    /// What must be true as well.
    guards: Vec<SqlText>,
    inexact: Option<String>,
}

impl Condition {
    pub(crate) fn exact(sql: SqlText) -> Self {
        Self { sql, guards: Vec::new(), inexact: None }
    }

    pub(crate) fn superset(sql: SqlText, reason: impl Into<String>) -> Self {
        Self { sql, guards: Vec::new(), inexact: Some(reason.into()) }
    }

    /// With another condition that is never true where this one must not be.
    pub(crate) fn guarded(mut self, guard: &SqlText) -> Self {
        add_guard(&mut self.guards, guard.clone());
        self
    }

    /// With a condition before it that is true wherever this one is.
    pub(crate) fn after(self, other: SqlText) -> Self {
        let sql = SqlText::default().parenthesized(&SqlText::joined([&other, &self.sql], " AND "));
        Self { sql, ..self }
    }

    /// The same, its guards within the text.
    fn closed(self) -> Self {
        if self.guards.is_empty() {
            return self;
        }
        let parts = std::iter::once(&self.sql).chain(&self.guards);
        let sql = SqlText::default().parenthesized(&SqlText::joined(parts, " AND "));
        Self { sql, guards: Vec::new(), inexact: self.inexact }
    }

    /// The text, if it is exact.
    pub(crate) fn into_exact(self) -> Result<SqlText, Unsayable> {
        let Self { sql, inexact, .. } = self.closed();
        inexact.map_or(Ok(sql), |reason| Err(Unsayable::new(reason)))
    }

    /// The text, if it stays right under `NOT` and `IS NULL`, which need false and NULL exact as well.
    fn exactly(self) -> Result<SqlText, Unsayable> {
        match self.inexact {
            None => Ok(self.closed().sql),
            Some(reason) => Err(Unsayable::new(format!("{reason}, and this stands under a NOT or IS NULL"))),
        }
    }
}

struct Translator<'a> {
    dialect: &'a Dialect,
    columns: &'a BTreeMap<String, ColumnSql>,
}

impl Translator<'_> {
    fn condition(&self, expr: &Expr, need: Need) -> Result<Condition, Unsayable> {
        match expr {
            Expr::Column(name) => self.truth_of(name),
            Expr::Literal(value) => self.constant(value),
            Expr::Compare { op, left, right } => match (left.as_ref(), right.as_ref()) {
                (Expr::Column(left), Expr::Column(right)) => {
                    compare::of_columns(self.dialect, self.column(left)?, *op, self.column(right)?, need)
                }
                (Expr::Column(name), Expr::Literal(value)) => {
                    compare::with_constant(self.dialect, self.column(name)?, *op, value, need)
                }
                (Expr::Literal(value), Expr::Column(name)) => {
                    compare::with_constant(self.dialect, self.column(name)?, op.flipped(), value, need)
                }
                _ => Err(Unsayable::new("only columns and constants are compared at the source")),
            },
            Expr::And(parts) => self.all(parts, need),
            Expr::Or(parts) => self.any(parts, need),
            Expr::Not(operand) => self.negated(operand),
            Expr::IsNull(operand) => Ok(Condition::exact(self.operand(operand)?.then(" IS NULL"))),
            Expr::In { operand, list } => compare::with_list(self.dialect, self.operand_column(operand)?, list, need),
            Expr::StartsWith { operand, prefix } => {
                compare::with_prefix(self.dialect, self.operand_column(operand)?, prefix, need)
            }
            Expr::Contains { operand, part } => compare::with_part(self.dialect, self.operand_column(operand)?, part),
            other => Err(Unsayable::new(format!("{other} has no translation"))),
        }
    }

    fn column(&self, name: &str) -> Result<&ColumnSql, Unsayable> {
        self.columns.get(name).ok_or_else(|| Unsayable::new(format!("column {name} is unknown")))
    }

    fn operand_column(&self, operand: &Expr) -> Result<&ColumnSql, Unsayable> {
        match operand {
            Expr::Column(name) => self.column(name),
            _ => Err(Unsayable::new("only columns are looked up in lists and by their text at the source")),
        }
    }

    fn truth_of(&self, name: &str) -> Result<Condition, Unsayable> {
        let column = self.column(name)?;
        match column.comparison {
            Comparison::Boolean => Ok(Condition::exact(column.value.clone())),
            _ => Err(Unsayable::new(format!("column {name} is no truth value"))),
        }
    }

    fn constant(&self, value: &Value) -> Result<Condition, Unsayable> {
        match value {
            Value::Null => Ok(Condition::exact(SqlText::from_static(self.dialect.null_condition))),
            Value::Boolean(_) => SqlText::literal(self.dialect, value).map(Condition::exact),
            _ => Err(Unsayable::new(format!("{value} is no truth value"))),
        }
    }

    /// What `IS NULL` is asked of: a column's value, or a condition that has NULL where the engine has it.
    fn operand(&self, operand: &Expr) -> Result<SqlText, Unsayable> {
        match operand {
            Expr::Column(name) => {
                let column = self.column(name)?;
                match &column.comparison {
                    Comparison::Collated { indexed, .. } => Ok(indexed.clone()),
                    _ => Ok(column.operand().clone()),
                }
            }
            other => Ok(SqlText::default().parenthesized(&self.condition(other, Need::Value)?.exactly()?)),
        }
    }

    fn negated(&self, operand: &Expr) -> Result<Condition, Unsayable> {
        if let Expr::IsNull(inner) = operand {
            return Ok(Condition::exact(self.operand(inner)?.then(" IS NOT NULL")));
        }
        let inner = self.condition(operand, Need::Value)?.exactly()?;
        Ok(Condition::exact(SqlText::from_static("NOT ").parenthesized(&inner)))
    }

    /// A conjunction without the parts that cannot be said is a superset of the whole.
    fn all(&self, parts: &[Expr], need: Need) -> Result<Condition, Unsayable> {
        let (mut said, mut guards, mut inexact, mut refused) = (Vec::new(), Vec::new(), None, None);
        for part in parts {
            match self.condition(part, need) {
                Ok(condition) => {
                    inexact = inexact.or(condition.inexact);
                    said.push(condition.sql);
                    condition.guards.into_iter().for_each(|guard| add_guard(&mut guards, guard));
                }
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        match refused {
            Some(reason) if said.is_empty() => Err(reason),
            Some(reason) => {
                let reason = Some(format!("a part stays behind: {reason}"));
                Ok(Condition { guards, ..joined(&said, " AND ", "TRUE", reason) })
            }
            None => Ok(Condition { guards, ..joined(&said, " AND ", "TRUE", inexact) }),
        }
    }

    fn any(&self, parts: &[Expr], need: Need) -> Result<Condition, Unsayable> {
        let parts = parts.iter().map(|part| self.condition(part, need).map(Condition::closed));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let inexact = parts.iter().find_map(|part| part.inexact.clone());
        let said: Vec<_> = parts.into_iter().map(|part| part.sql).collect();
        Ok(joined(&said, " OR ", "FALSE", inexact))
    }
}

fn joined(parts: &[SqlText], separator: &'static str, none: &'static str, inexact: Option<String>) -> Condition {
    let sql = match parts {
        [] => SqlText::from_static(none),
        [only] => only.clone(),
        _ => SqlText::default().parenthesized(&SqlText::joined(parts, separator)),
    };
    Condition { sql, guards: Vec::new(), inexact }
}

/// Each once.
pub(crate) fn add_guard(guards: &mut Vec<SqlText>, guard: SqlText) {
    if !guards.contains(&guard) {
        guards.push(guard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MYSQL, POSTGRES, Step};
    use headwater_core::{CompareOp, TextComparison};

    fn push(filter: &Expr) -> Pushed {
        let column = |name: &str, comparison| {
            (name.to_owned(), ColumnSql::plain(SqlText::identifier(&POSTGRES, name), comparison))
        };
        let columns = BTreeMap::from([
            column("n", Comparison::Number),
            column("x", Comparison::Float),
            column("t", Comparison::Text(TextComparison::BytesEqualityOnly)),
            column("c", Comparison::Different("char(n) pads with blanks")),
        ]);
        push_down(&POSTGRES, &columns, filter)
    }

    fn shown(filter: &Expr) -> String {
        match push(filter) {
            Pushed::Exact(sql) => sql.into_string(),
            Pushed::Superset(sql, _) => format!("superset: {sql}"),
            Pushed::Refused(reason) => format!("refused: {reason}"),
        }
    }

    fn x(op: CompareOp, value: f64) -> Expr {
        Expr::column("x").compare(op, Value::Float64(value))
    }

    #[test]
    fn an_order_is_asked_by_bytes_and_an_equality_so_that_an_index_serves() {
        let t = |op| Expr::column("t").compare(op, Value::Utf8("a".into()));
        assert_eq!(shown(&t(CompareOp::Eq)), r#""t" = 'a'"#);
        assert_eq!(shown(&t(CompareOp::Lt)), r#""t" COLLATE "C" < 'a'"#);
    }

    #[test]
    fn a_comparison_with_zero_never_loses_a_zero() {
        assert_eq!(shown(&x(CompareOp::Lt, 0.0)), r#"superset: "x" <= '0.0'::float8"#);
        assert_eq!(shown(&x(CompareOp::Gt, 0.0)), r#""x" > '0.0'::float8"#);
        assert!(shown(&x(CompareOp::NotEq, -0.0)).starts_with("refused"));
    }

    #[test]
    fn a_superset_does_not_survive_a_not() {
        assert!(shown(&x(CompareOp::Eq, 0.0).negate()).starts_with("refused"));
        assert_eq!(shown(&x(CompareOp::Eq, 1.0).negate()), r#"NOT ("x" = '1.0'::float8)"#);
    }

    #[test]
    fn what_cannot_be_said_leaves_a_conjunction_but_spoils_a_disjunction() {
        let (n, c) = (Expr::column("n").compare(CompareOp::Eq, Value::Int64(1)), Expr::column("c"));
        let c = c.compare(CompareOp::Eq, Value::Utf8("a".into()));
        assert_eq!(shown(&Expr::And(vec![n.clone(), c.clone()])), r#"superset: "n" = 1"#);
        assert!(shown(&Expr::Or(vec![n, c])).starts_with("refused"));
    }

    fn shown_in_mysql(filter: &Expr) -> String {
        let name = |name: &str| SqlText::identifier(&MYSQL, name);
        let collated = Comparison::Collated { indexed: name("t"), ascii_only: false, by_prefix: true };
        let whole = SqlText::from_static("`d` = `d` + INTERVAL 0 DAY");
        let value = SqlText::from_static("IF(`d` = `d` + INTERVAL 0 DAY, `d`, NULL)");
        let step = Step::Micros(1);
        let gappy = Comparison::Gappy { inner: Box::new(Comparison::Date), indexed: name("d"), whole, step };
        let step = Step::Decimal(5, 2);
        let stepped = Comparison::Stepped { inner: Box::new(Comparison::Number), indexed: name("p"), step };
        let price = SqlText::from_static("COALESCE(`p`)");
        let column = |value, comparison, selected| ColumnSql { value, ..ColumnSql::plain(selected, comparison) };
        let columns = BTreeMap::from([
            ("n".to_owned(), ColumnSql::plain(name("n"), Comparison::Number)),
            ("t".to_owned(), ColumnSql::plain(name("t"), collated)),
            ("p".to_owned(), column(price, stepped, name("p"))),
            ("d".to_owned(), column(value, gappy, name("d"))),
        ]);
        match push_down(&MYSQL, &columns, filter) {
            Pushed::Exact(sql) => sql.into_string(),
            Pushed::Superset(sql, _) => format!("superset: {sql}"),
            Pushed::Refused(reason) => format!("refused: {reason}"),
        }
    }

    #[test]
    fn a_collated_column_finds_its_candidates_by_index_and_decides_by_bytes() {
        let t = |op| Expr::column("t").compare(op, Value::Utf8("a".into()));
        let by_bytes = "`t` COLLATE utf8mb4_0900_bin";
        assert_eq!(shown_in_mysql(&t(CompareOp::Eq)), format!("(`t` = 'a' AND {by_bytes} = 'a')"));
        assert_eq!(shown_in_mysql(&t(CompareOp::Lt)), format!("{by_bytes} < 'a'"));
        assert_eq!(shown_in_mysql(&t(CompareOp::Eq).negate()), format!("NOT ({by_bytes} = 'a')"));
        assert_eq!(shown_in_mysql(&Expr::column("t").is_null()), "`t` IS NULL");
        let prefix = Expr::StartsWith { operand: Box::new(Expr::column("t")), prefix: "1_0%!".into() };
        let like = "LIKE '1!_0!%!!%' ESCAPE '!'";
        assert_eq!(shown_in_mysql(&prefix), format!("(`t` {like} AND {by_bytes} {like})"));
    }

    #[test]
    fn what_is_in_a_gap_is_null() {
        let d = |op| Expr::column("d").compare(op, Value::Date(0));
        let (whole, day) = ("`d` = `d` + INTERVAL 0 DAY", "DATE '1970-01-01'");
        assert_eq!(shown_in_mysql(&d(CompareOp::Eq)), format!("`d` = {day}"));
        assert_eq!(shown_in_mysql(&d(CompareOp::Lt)), format!("(`d` < {day} AND {whole})"));
        assert_eq!(shown_in_mysql(&d(CompareOp::Lt).negate()), format!("NOT (IF({whole}, `d`, NULL) < {day})"));
        assert_eq!(shown_in_mysql(&Expr::column("d").is_null()), format!("IF({whole}, `d`, NULL) IS NULL"));
    }

    #[test]
    fn a_constant_that_the_column_cannot_hold_is_kept_from_the_index() {
        let p = |unscaled, scale| Expr::column("p").compare(CompareOp::Eq, Value::Decimal { unscaled, scale });
        assert_eq!(shown_in_mysql(&p(150, 2)), "`p` = 1.50");
        assert_eq!(shown_in_mysql(&p(1501, 3)), "COALESCE(`p`) = 1.501");
        let list = vec![Value::Int64(1), Value::Decimal { unscaled: 1501, scale: 3 }];
        assert_eq!(shown_in_mysql(&Expr::column("p").is_in(list)), "`p` IN (1)");
        let list = vec![Value::Decimal { unscaled: 1501, scale: 3 }];
        assert_eq!(shown_in_mysql(&Expr::column("p").is_in(list)), "`p` <> `p`");
        assert_eq!(shown_in_mysql(&Expr::column("p").is_null()), "`p` IS NULL");
    }

    #[test]
    fn a_constant_with_more_digits_than_it_needs_is_one_that_the_column_can_hold() {
        let decimal = |unscaled, scale| Value::Decimal { unscaled, scale };
        let p = |op| Expr::column("p").compare(op, decimal(1_500, 3));
        assert_eq!(shown_in_mysql(&p(CompareOp::Eq)), "`p` = 1.50");
        assert_eq!(shown_in_mysql(&p(CompareOp::Lt)), "`p` < 1.50");
        let list = Expr::column("p").is_in(vec![decimal(1_500, 3), decimal(999_991, 3), decimal(1_000_000, 3)]);
        assert_eq!(shown_in_mysql(&list), "`p` IN (1.50)");
        assert_eq!(shown_in_mysql(&list.negate()), "NOT (COALESCE(`p`) IN (1.50))");
    }

    #[test]
    fn mysql_is_not_asked_for_an_exact_number_beside_a_float() {
        let n = Expr::column("n").compare(CompareOp::Eq, Value::Float64(1.0));
        assert!(shown_in_mysql(&n).starts_with("refused"));
    }

    #[test]
    fn empty_lists_and_connectives_have_their_value() {
        assert_eq!(shown(&Expr::column("n").is_in(vec![])), "FALSE");
        assert_eq!(shown(&Expr::And(vec![])), "TRUE");
        assert_eq!(shown(&Expr::Or(vec![])), "FALSE");
    }
}
