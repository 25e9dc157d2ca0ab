//! From the pushdown language to DynamoDB's conditions.
//!
//! DynamoDB knows no NULL: a comparison with an absent attribute, or with one of another type, is false, and so its
//! `NOT` is true. So a negation is never sent as such. Every expression is compiled for what it must *be*: the
//! condition under which it is true, or the one under which it is false; NULL satisfies neither.
//!
//! ```text
//! expression        it is true                              it is false
//! a = v             #a = :v                                 attribute_type(#a, :t) AND #a <> :v
//! a < v             #a < :v                                 #a >= :v
//! a IN (…)          #a IN (…)                               attribute_type(#a, :t) AND NOT #a IN (…)
//! a IS NULL         attribute_not_exists(#a) OR             attribute_exists(#a) AND
//!                     attribute_type(#a, :null)               NOT attribute_type(#a, :null)
//! starts_with(a,p)  begins_with(#a, :p)                     attribute_type(#a, :t) AND NOT begins_with(#a, :p)
//! x AND y           both are true                           one is false
//! ```
//!
//! A value of another type than its column's does not satisfy a condition either way. Where DynamoDB filters, such
//! an item is left out; where it does not, reading it is an error. Neither is a wrong row.

use super::Reading;
use super::conjunct::Conjunct;
use super::expression::{Aliases, Condition, MAX_IN_OPERANDS};
use super::literal::attribute;
use super::stored::{DIGITS, OFFSETS, Stored};
use super::target::{Target, attribute_of_column};
use crate::convert::{ColumnType, KeyKind};
use headwater_core::{CompareOp, Expr, TableMetadata, Value};
use serde_json::json;

/// Why an expression is not sent, in words.
pub(super) type Reason = String;

/// Compiles expressions over the items of a table or an index.
#[derive(Debug)]
pub(super) struct Compiler<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) target: &'a Target<'a>,
    pub(super) aliases: &'a mut Aliases,
}

impl Compiler<'_> {
    /// The condition under which `expr` is `wanted`.
    pub(super) fn compile(&mut self, expr: &Expr, wanted: bool) -> Result<Condition, Reason> {
        match expr {
            Expr::And(parts) | Expr::Or(parts) => {
                let conditions = parts.iter().map(|part| self.compile(part, wanted)).collect::<Result<_, _>>()?;
                let all = matches!(expr, Expr::And(_)) == wanted;
                Ok(if all { Condition::all(conditions) } else { Condition::any(conditions) })
            }
            Expr::Not(operand) => self.compile(operand, !wanted),
            Expr::Literal(Value::Boolean(truth)) => Ok(constant(*truth == wanted)),
            Expr::Literal(Value::Null) => Ok(Condition::Never),
            Expr::Column(name) => self.comparison(name, CompareOp::Eq, &Value::Boolean(wanted), true),
            Expr::Compare { op, left, right } => match (left.as_ref(), right.as_ref()) {
                (Expr::Column(name), Expr::Literal(value)) => self.comparison(name, *op, value, wanted),
                (Expr::Literal(value), Expr::Column(name)) => self.comparison(name, op.flipped(), value, wanted),
                (Expr::Column(_), Expr::Column(_)) => Err("it compares two columns".to_owned()),
                _ => Err("only a column and a constant are compared by DynamoDB".to_owned()),
            },
            Expr::IsNull(operand) => self.is_null(operand, wanted),
            Expr::In { operand, list } => self.is_in(operand, list, wanted),
            Expr::StartsWith { operand, prefix } => self.starts_with(operand, prefix, wanted),
            _ => Err("DynamoDB has no such expression".to_owned()),
        }
    }

    /// For a condition on dates or times that cannot be sent: one on what is stored that holds wherever it does; and why
    /// what comes must be checked again.
    pub(super) fn weaker(&mut self, conjunct: &Conjunct<'_>) -> Option<(Condition, &'static str)> {
        let (column, op, value) = conjunct.compared()?;
        let stored = Stored::of(&self.column_type(column).ok()?)?;
        let alias = self.alias(column).ok()?;
        let mut tests = Vec::new();
        for (op, value) in stored.weaker(op, value)? {
            let value = self.aliases.value(attribute(stored.kind(), &value).ok()?);
            tests.push(Condition::test(format!("{alias} {} {value}", op.symbol()), 1));
        }
        if stored.kind() == KeyKind::S {
            return Some((Condition::all(tests), OFFSETS));
        }
        let text = self.of_type(&alias, KeyKind::S, Condition::Always);
        Some((Condition::any(vec![Condition::all(tests), text]), DIGITS))
    }

    fn comparison(&mut self, name: &str, op: CompareOp, value: &Value, wanted: bool) -> Result<Condition, Reason> {
        let kind = self.comparable(name)?;
        if value.is_null() {
            return Ok(Condition::Never);
        }
        let op = if wanted { op } else { negated(op) };
        if kind == KeyKind::Bool && !matches!(op, CompareOp::Eq | CompareOp::NotEq) {
            return Err("DynamoDB does not order truth values".to_owned());
        }
        let value = self.constant(name, kind, value)?;
        let alias = self.alias(name)?;
        let test = Condition::test(format!("{alias} {} {value}", op.symbol()), 1);
        if op == CompareOp::NotEq { Ok(self.of_type(&alias, kind, test)) } else { Ok(test) }
    }

    fn is_null(&mut self, operand: &Expr, wanted: bool) -> Result<Condition, Reason> {
        let Expr::Column(name) = operand else {
            return Err("only a column is tested for NULL by DynamoDB".to_owned());
        };
        if self.column_type(name)? == ColumnType::Item {
            return Ok(constant(!wanted));
        }
        let alias = self.alias(name)?;
        let null = self.aliases.value(json!({ "S": "NULL" }));
        Ok(if wanted {
            Condition::test(format!("(attribute_not_exists({alias}) OR attribute_type({alias}, {null}))"), 3)
        } else {
            Condition::test(format!("(attribute_exists({alias}) AND NOT attribute_type({alias}, {null}))"), 4)
        })
    }

    fn is_in(&mut self, operand: &Expr, list: &[Value], wanted: bool) -> Result<Condition, Reason> {
        let Expr::Column(name) = operand else {
            return Err("only a column is looked up in a list by DynamoDB".to_owned());
        };
        let kind = self.comparable(name)?;
        if !wanted && list.iter().any(Value::is_null) {
            return Ok(Condition::Never);
        }
        let values = list.iter().filter(|value| !value.is_null());
        let values = values.map(|value| self.constant(name, kind, value)).collect::<Result<Vec<_>, _>>()?;
        let alias = self.alias(name)?;
        let tests = values.chunks(MAX_IN_OPERANDS).map(|values| {
            let found = format!("{alias} IN ({})", values.join(", "));
            if wanted { Condition::test(found, 1) } else { Condition::test(format!("NOT ({found})"), 2) }
        });
        let tests = tests.collect();
        // An empty list is no match for any value and no test for NULL: the engine has `x IN ()` false even then.
        match (wanted, list.is_empty()) {
            (true, _) => Ok(Condition::any(tests)),
            (false, true) => Ok(Condition::Always),
            (false, false) => Ok(self.of_type(&alias, kind, Condition::all(tests))),
        }
    }

    fn starts_with(&mut self, operand: &Expr, prefix: &str, wanted: bool) -> Result<Condition, Reason> {
        let Expr::Column(name) = operand else {
            return Err("only a column's beginning is tested by DynamoDB".to_owned());
        };
        let kind = self.comparable(name)?;
        if kind != KeyKind::S || self.stored(name)?.is_some() {
            return Err("only text begins with something".to_owned());
        }
        if prefix.is_empty() && !wanted {
            return Ok(Condition::Never);
        }
        let alias = self.alias(name)?;
        if prefix.is_empty() {
            return Ok(self.of_type(&alias, kind, Condition::Always));
        }
        let prefix = self.aliases.value(json!({ "S": prefix }));
        let test = format!("begins_with({alias}, {prefix})");
        if wanted {
            return Ok(Condition::test(test, 1));
        }
        Ok(self.of_type(&alias, kind, Condition::test(format!("NOT {test}"), 2)))
    }

    /// `test`, and the attribute is there and of this type.
    fn of_type(&mut self, alias: &str, kind: KeyKind, test: Condition) -> Condition {
        let name = self.aliases.value(json!({ "S": kind.name() }));
        Condition::all(vec![Condition::test(format!("attribute_type({alias}, {name})"), 1), test])
    }

    fn constant(&mut self, name: &str, kind: KeyKind, value: &Value) -> Result<String, Reason> {
        let empty = matches!(value, Value::Utf8(text) if text.is_empty())
            || matches!(value, Value::Binary(bytes) if bytes.is_empty());
        let attribute_name = self.attribute(name)?;
        if empty && (self.reading.is_table_key(attribute_name) || self.target.is_key(attribute_name)) {
            return Err("DynamoDB rejects an empty value for a key attribute".to_owned());
        }
        let value = match self.stored(name)? {
            None => attribute(kind, value)?,
            Some(stored) => {
                let value = stored.value(value).ok_or("the constant has no form like what is stored")?;
                attribute(kind, &value)?
            }
        };
        Ok(self.aliases.value(value))
    }

    fn attribute(&self, name: &str) -> Result<&str, Reason> {
        attribute_of_column(self.reading.table, name).ok_or_else(|| unknown(name))
    }

    fn alias(&mut self, name: &str) -> Result<String, Reason> {
        let attribute = attribute_of_column(self.reading.table, name).ok_or_else(|| unknown(name))?;
        Ok(self.aliases.name(attribute))
    }

    fn comparable(&self, name: &str) -> Result<KeyKind, Reason> {
        if let Some(stored) = self.stored(name)? {
            return Ok(stored.kind());
        }
        self.column_type(name)?.comparable().map_err(|reason| format!("column {name} is not compared: {reason}"))
    }

    /// How a column's dates or times are stored, if always in this one way: a key has one type, of other attributes numbers
    /// may be text of digits too.
    fn stored(&self, name: &str) -> Result<Option<Stored>, Reason> {
        let attribute = self.attribute(name)?;
        let kind = self.target.kind_of(attribute).or_else(|| self.reading.detail.kind_of(attribute));
        let stored = Stored::of(&self.column_type(name)?).filter(|stored| stored.is_exact());
        Ok(stored.filter(|stored| stored.kind() == kind.unwrap_or(KeyKind::S)))
    }

    fn column_type(&self, name: &str) -> Result<ColumnType, Reason> {
        column_type(self.reading.table, name).ok_or_else(|| unknown(name))
    }
}

fn unknown(column: &str) -> Reason {
    format!("column {column} is not one of the table's")
}

/// The type of a column; `None` if there is no such column.
pub(super) fn column_type(table: &TableMetadata, name: &str) -> Option<ColumnType> {
    table.schema.field_with_name(name).ok().and_then(ColumnType::of)
}

fn constant(truth: bool) -> Condition {
    if truth { Condition::Always } else { Condition::Never }
}

/// The operator that holds when `op` does not, for values that compare at all.
fn negated(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Eq => CompareOp::NotEq,
        CompareOp::NotEq => CompareOp::Eq,
        CompareOp::Lt => CompareOp::GtEq,
        CompareOp::LtEq => CompareOp::Gt,
        CompareOp::Gt => CompareOp::LtEq,
        CompareOp::GtEq => CompareOp::Lt,
    }
}
