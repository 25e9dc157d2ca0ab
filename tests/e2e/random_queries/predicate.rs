//! Conditions over the columns of a statement's tables.

use super::random::Random;
use super::table::{Kind, PATTERNS};

/// A column as a statement names it.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) constants: &'static [&'static str],
}

const OPERATORS: &[&str] = &["=", "<>", "<", "<=", ">", ">="];

/// A tree of conditions, `depth` levels of AND, OR and NOT at most.
pub(super) fn condition(random: &mut Random, columns: &[Named], depth: usize) -> String {
    match random.below(if depth == 0 { 5 } else { 9 }) {
        0..=4 => leaf(random, columns),
        5 | 6 => format!("({} AND {})", condition(random, columns, depth - 1), condition(random, columns, depth - 1)),
        7 => format!("({} OR {})", condition(random, columns, depth - 1), condition(random, columns, depth - 1)),
        _ => format!("NOT ({})", condition(random, columns, depth - 1)),
    }
}

fn leaf(random: &mut Random, columns: &[Named]) -> String {
    let column = random.pick(columns);
    match random.below(10) {
        0 => format!("{} IS {}NULL", column.name, not(random)),
        1 => listed(random, column),
        2 => {
            let (low, high) = (constant(random, column), constant(random, column));
            format!("{} {}BETWEEN {low} AND {high}", column.name, not(random))
        }
        3 => match alike(random, columns, column) {
            Some(other) => format!("{} {} {}", column.name, random.pick(OPERATORS), other.name),
            None => compared(random, column),
        },
        4 | 5 if column.kind == Kind::Text => {
            format!("{} {}LIKE {}", column.name, not(random), random.pick(PATTERNS))
        }
        4 if column.kind == Kind::Boolean => column.name.clone(),
        5 if column.kind == Kind::Boolean => {
            format!("{} IS {}{}", column.name, not(random), random.pick(&["TRUE", "FALSE", "UNKNOWN"]))
        }
        4 if is_number(column.kind) => {
            let operator = random.pick(&["+", "-", "*", "%"]);
            format!("{} {operator} 3 {} {}", column.name, random.pick(OPERATORS), constant(random, column))
        }
        6 => format!("{} {} {}", constant(random, column), random.pick(OPERATORS), column.name),
        _ => compared(random, column),
    }
}

fn compared(random: &mut Random, column: &Named) -> String {
    format!("{} {} {}", column.name, random.pick(OPERATORS), constant(random, column))
}

fn listed(random: &mut Random, column: &Named) -> String {
    let count = 1 + random.below(5);
    let list: Vec<&str> = (0..count).map(|_| constant(random, column)).collect();
    format!("{} {}IN ({})", column.name, not(random), list.join(", "))
}

fn constant(random: &mut Random, column: &Named) -> &'static str {
    let constant = *random.pick(column.constants);
    // NULL says little; it is wanted now and then.
    if constant == "NULL" && random.percent(70) { column.constants[0] } else { constant }
}

fn not(random: &mut Random) -> &'static str {
    if random.percent(30) { "NOT " } else { "" }
}

/// Another column of the same kind.
pub(super) fn alike<'a>(random: &mut Random, columns: &'a [Named], column: &Named) -> Option<&'a Named> {
    let same: Vec<&Named> =
        columns.iter().filter(|other| other.kind == column.kind && other.name != column.name).collect();
    (!same.is_empty()).then(|| *random.pick(&same))
}

pub(super) fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Whole | Kind::Exact | Kind::Float)
}
