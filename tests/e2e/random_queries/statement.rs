//! Random statements, kept as parts so that a failing one can be made smaller.

use super::predicate::{Named, alike, condition, is_number};
use super::random::Random;
use super::table::{Kind, Path, Table};
use std::fmt;

/// A statement in parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Statement {
    from: String,
    distinct: bool,
    columns: Vec<String>,
    conditions: Vec<String>,
    groups: Vec<String>,
    having: Option<String>,
    order: Vec<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let distinct = if self.distinct { "DISTINCT " } else { "" };
        write!(f, "SELECT {distinct}{} FROM {}", self.columns.join(", "), self.from)?;
        let list = |f: &mut fmt::Formatter<'_>, word: &str, parts: &[String], between: &str| {
            if parts.is_empty() { Ok(()) } else { write!(f, " {word} {}", parts.join(between)) }
        };
        list(f, "WHERE", &self.conditions, " AND ")?;
        list(f, "GROUP BY", &self.groups, ", ")?;
        self.having.iter().try_for_each(|having| write!(f, " HAVING {having}"))?;
        list(f, "ORDER BY", &self.order, ", ")?;
        self.limit.iter().try_for_each(|limit| write!(f, " LIMIT {limit}"))?;
        self.offset.iter().try_for_each(|offset| write!(f, " OFFSET {offset}"))
    }
}

impl Statement {
    /// A statement over one table, or over two that are joined.
    pub(super) fn random(random: &mut Random, tables: &[Table]) -> Self {
        let mut statement = Self::default();
        let (columns, paths) = statement.sources(random, tables);
        for _ in 0..random.below(3) {
            statement.conditions.push(condition(random, &columns, 2));
        }
        if !paths.is_empty() && random.percent(60) {
            let path = random_path(random, paths);
            if statement.by_path(random, path, &columns) {
                return statement;
            }
        }
        match random.below(10) {
            0..=4 => statement.rows(random, &columns),
            _ => statement.groups(random, &columns),
        }
        if random.percent(50) {
            statement.order(random);
        }
        if random.percent(40) {
            statement.limit = Some(random.below(12));
            statement.offset = random.percent(30).then(|| random.below(5));
        }
        statement
    }

    fn sources(&mut self, random: &mut Random, tables: &[Table]) -> (Vec<Named>, &'static [Path]) {
        let left = random.pick(tables);
        let mut columns = named("t", left);
        self.from = format!("{} t", left.name);
        if random.percent(30) {
            let right = random.pick(tables);
            let others = named("u", right);
            if let Some((key, other)) = keys(random, &columns, &others) {
                let join = random.pick(&["JOIN", "JOIN", "LEFT JOIN"]);
                self.from = format!("{} t {join} {} u ON {key} = {other}", left.name, right.name);
                columns.extend(others);
            }
        }
        (columns, left.paths)
    }

    /// Adds a path's conditions, and sometimes asks for its first rows. `true`: the statement is whole.
    fn by_path(&mut self, random: &mut Random, path: &Path, columns: &[Named]) -> bool {
        self.conditions.extend(path.conditions.iter().map(|condition| format!("t.{condition}")));
        let Some(order) = path.order.filter(|_| random.percent(50)) else { return false };
        if random.percent(70) {
            // Other conditions keep the first rows from being the source's to find.
            self.conditions.drain(..self.conditions.len() - path.conditions.len());
        }
        self.columns = vec![format!("t.{order} AS c0"), format!("{} AS c1", random.pick(columns).name)];
        self.order = vec![format!("c0{}", random.pick(&["", " DESC", " DESC NULLS LAST"]))];
        self.limit = Some(1 + random.below(12));
        true
    }

    fn rows(&mut self, random: &mut Random, columns: &[Named]) {
        self.distinct = random.percent(25);
        let count = 1 + random.below(4);
        self.columns = (0..count)
            .map(|index| {
                let column = random.pick(columns);
                if is_number(column.kind) && column.kind != Kind::Float && random.percent(10) {
                    format!("{} * (1 - 2) AS c{index}", column.name)
                } else {
                    format!("{} AS c{index}", column.name)
                }
            })
            .collect();
    }

    fn groups(&mut self, random: &mut Random, columns: &[Named]) {
        let count = random.below(3);
        let groups: Vec<&Named> = (0..count).map(|_| random.pick(columns)).collect();
        self.groups = groups.iter().map(|column| column.name.clone()).collect();
        self.groups.sort();
        self.groups.dedup();
        self.columns = self.groups.iter().enumerate().map(|(index, name)| format!("{name} AS c{index}")).collect();
        for _ in 0..1 + random.below(3) {
            let call = call(random, columns);
            self.columns.push(format!("{call} AS c{}", self.columns.len()));
        }
        if !self.groups.is_empty() && random.percent(25) {
            let call = if random.percent(60) {
                "count(*)".to_owned()
            } else {
                format!("count({})", random.pick(columns).name)
            };
            self.having = Some(format!("{call} {} {}", random.pick(&[">", "<", "=", ">="]), random.below(4)));
        }
    }

    /// Orders by columns of the answer, and sometimes by one that it does not show.
    fn order(&mut self, random: &mut Random) {
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, random.below(place + 1));
        }
        order.truncate(1 + random.below(3));
        let direction = ["", " ASC", " DESC", " ASC NULLS FIRST", " DESC NULLS LAST", " NULLS LAST"];
        self.order = order.into_iter().map(|column| format!("c{column}{}", random.pick(&direction))).collect();
    }

    /// Statements with one part less.
    pub(super) fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut without = |change: &dyn Fn(&mut Self)| {
            let mut smaller = self.clone();
            change(&mut smaller);
            if smaller.to_string() != self.to_string() {
                all.push(smaller);
            }
        };
        without(&|statement| statement.offset = None);
        without(&|statement| statement.limit = None);
        without(&|statement| statement.having = None);
        without(&|statement| statement.distinct = false);
        (0..self.order.len()).for_each(|index| without(&|statement| drop(statement.order.remove(index))));
        (0..self.conditions.len()).for_each(|index| without(&|statement| drop(statement.conditions.remove(index))));
        if self.groups.is_empty() && self.order.is_empty() && self.columns.len() > 1 {
            (0..self.columns.len()).for_each(|index| without(&|statement| drop(statement.columns.remove(index))));
        }
        all
    }
}

fn random_path(random: &mut Random, paths: &'static [Path]) -> &'static Path {
    &paths[random.below(paths.len())]
}

fn named(alias: &str, table: &Table) -> Vec<Named> {
    let name = |column: &super::table::Column| Named {
        name: format!("{alias}.{}", column.name),
        kind: column.kind,
        constants: column.constants,
    };
    table.columns.iter().map(name).collect()
}

/// A column of each side that can be compared; mostly not of two kinds of number.
fn keys(random: &mut Random, left: &[Named], right: &[Named]) -> Option<(String, String)> {
    let key = random.pick(left);
    if key.kind == Kind::Boolean {
        return None;
    }
    alike(random, right, key).map(|other| (key.name.clone(), other.name.clone()))
}

fn call(random: &mut Random, columns: &[Named]) -> String {
    let column = random.pick(columns);
    let name = &column.name;
    let numbers: Vec<&Named> =
        columns.iter().filter(|column| matches!(column.kind, Kind::Whole | Kind::Exact)).collect();
    // The engine averages 64-bit integers as floating-point numbers, where ±2^63 do not cancel out.
    let small: Vec<&Named> = numbers.iter().copied().filter(|number| !number.name.ends_with('8')).collect();
    let exact: Vec<&Named> = columns.iter().filter(|column| column.kind == Kind::Exact).collect();
    match random.below(10) {
        0 | 1 => "count(*)".to_owned(),
        2 => format!("count({name})"),
        3 => format!("count(DISTINCT {name})"),
        4 | 5 if column.kind != Kind::Boolean => format!("min({name})"),
        6 if column.kind != Kind::Boolean => format!("max({name})"),
        7 if !numbers.is_empty() => format!("sum({})", random.pick(&numbers).name),
        8 if !small.is_empty() => format!("avg({})", random.pick(&small).name),
        9 if !exact.is_empty() => {
            let (a, b) = (&random.pick(&exact).name, &random.pick(&exact).name);
            format!("sum({a} * (1 - {b}))")
        }
        _ => format!("count({name})"),
    }
}
