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
//! contains(a,p)     attribute_type(#a, :t) AND              attribute_type(#a, :t) AND NOT contains(#a, :p)
//!                     contains(#a, :p)
//! x AND y           both are true                           one is false
//! ```
//!
//! A member of a struct is an entry of a map: `a['b']` is `#a.#b`. Is it NULL, then what it is an entry of is a map all the
//! same, or absent, or NULL.
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

const BEGINS_WITH: &str = "begins_with";
const CONTAINS: &str = "contains";

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
            Expr::Column(_) | Expr::Field { .. } => {
                self.comparison(&self.place(expr)?, CompareOp::Eq, &Value::Boolean(wanted), true)
            }
            Expr::Compare { op, left, right } => match (left.as_ref(), right.as_ref()) {
                (Expr::Literal(_), Expr::Literal(_)) => Err("it compares two constants".to_owned()),
                (place, Expr::Literal(value)) => self.comparison(&self.place(place)?, *op, value, wanted),
                (Expr::Literal(value), place) => self.comparison(&self.place(place)?, op.flipped(), value, wanted),
                _ => Err("it compares two columns".to_owned()),
            },
            Expr::IsNull(operand) => self.is_null(operand, wanted),
            Expr::In { operand, list } => self.is_in(operand, list, wanted),
            Expr::StartsWith { operand, prefix } => self.text_test(BEGINS_WITH, operand, prefix, wanted),
            Expr::Contains { operand, part } => self.text_test(CONTAINS, operand, part, wanted),
            _ => Err("DynamoDB has no such expression".to_owned()),
        }
    }

    /// For a condition on dates or times that cannot be sent: one on what is stored that holds wherever it does; and why
    /// what comes must be checked again.
    pub(super) fn weaker(&mut self, conjunct: &Conjunct<'_>) -> Option<(Condition, &'static str)> {
        let (column, op, value) = conjunct.compared()?;
        let place = self.column(column).ok()?;
        let stored = Stored::of(&place.kind)?;
        let alias = self.alias(&place);
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

    fn comparison(&mut self, place: &Place, op: CompareOp, value: &Value, wanted: bool) -> Result<Condition, Reason> {
        let kind = place.comparable()?;
        if value.is_null() {
            return Ok(Condition::Never);
        }
        let op = if wanted { op } else { negated(op) };
        if kind == KeyKind::Bool && !matches!(op, CompareOp::Eq | CompareOp::NotEq) {
            return Err("DynamoDB does not order truth values".to_owned());
        }
        let value = self.constant(place, kind, value)?;
        let alias = self.alias(place);
        let test = Condition::test(format!("{alias} {} {value}", op.symbol()), 1);
        if op == CompareOp::NotEq { Ok(self.of_type(&alias, kind, test)) } else { Ok(test) }
    }

    fn is_null(&mut self, operand: &Expr, wanted: bool) -> Result<Condition, Reason> {
        let place = self.place(operand)?;
        if place.kind == ColumnType::Item {
            return Ok(constant(!wanted));
        }
        let alias = self.alias(&place);
        let null = self.aliases.value(json!({ "S": "NULL" }));
        if !wanted {
            return Ok(Condition::test(
                format!("(attribute_exists({alias}) AND NOT attribute_type({alias}, {null}))"),
                4,
            ));
        }
        let absent = |alias: &str| format!("attribute_not_exists({alias}) OR attribute_type({alias}, {null})");
        let mut tests = vec![Condition::test(format!("({})", absent(&alias)), 3)];
        // What is no map has no entries either, and is no value of the column.
        for depth in 1..place.attributes.len() {
            let parent = self.aliases.path(place.attributes.get(..depth).unwrap_or_default());
            let map = self.aliases.value(json!({ "S": "M" }));
            tests.push(Condition::test(format!("({} OR attribute_type({parent}, {map}))", absent(&parent)), 5));
        }
        Ok(Condition::all(tests))
    }

    fn is_in(&mut self, operand: &Expr, list: &[Value], wanted: bool) -> Result<Condition, Reason> {
        let place = self.place(operand)?;
        let kind = place.comparable()?;
        if !wanted && list.iter().any(Value::is_null) {
            return Ok(Condition::Never);
        }
        let values = list.iter().filter(|value| !value.is_null());
        let values = values.map(|value| self.constant(&place, kind, value)).collect::<Result<Vec<_>, _>>()?;
        let alias = self.alias(&place);
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

    /// `begins_with` or `contains`, of text.
    fn text_test(&mut self, function: &str, operand: &Expr, text: &str, wanted: bool) -> Result<Condition, Reason> {
        let place = self.place(operand)?;
        if place.comparable()? != KeyKind::S || place.stored.is_some() {
            return Err("only text begins with something, or has it in it".to_owned());
        }
        if text.is_empty() && !wanted {
            return Ok(Condition::Never);
        }
        let alias = self.alias(&place);
        if text.is_empty() {
            return Ok(self.of_type(&alias, KeyKind::S, Condition::Always));
        }
        let text = self.aliases.value(json!({ "S": text }));
        let test = format!("{function}({alias}, {text})");
        match (wanted, function) {
            (true, BEGINS_WITH) => Ok(Condition::test(test, 1)),
            // Sets and lists contain members.
            (true, _) => Ok(self.of_type(&alias, KeyKind::S, Condition::test(test, 1))),
            (false, _) => Ok(self.of_type(&alias, KeyKind::S, Condition::test(format!("NOT {test}"), 2))),
        }
    }

    /// `test`, and the attribute is there and of this type.
    fn of_type(&mut self, alias: &str, kind: KeyKind, test: Condition) -> Condition {
        let name = self.aliases.value(json!({ "S": kind.name() }));
        Condition::all(vec![Condition::test(format!("attribute_type({alias}, {name})"), 1), test])
    }

    fn constant(&mut self, place: &Place, kind: KeyKind, value: &Value) -> Result<String, Reason> {
        let empty = matches!(value, Value::Utf8(text) if text.is_empty())
            || matches!(value, Value::Binary(bytes) if bytes.is_empty());
        if empty && place.is_key {
            return Err("DynamoDB rejects an empty value for a key attribute".to_owned());
        }
        let value = match place.stored {
            None => attribute(kind, value)?,
            Some(stored) => {
                let value = stored.value(value).ok_or("the constant has no form like what is stored")?;
                attribute(kind, &value)?
            }
        };
        Ok(self.aliases.value(value))
    }

    fn alias(&mut self, place: &Place) -> String {
        self.aliases.path(&place.attributes)
    }

    /// The attribute, or the entry within its maps, that `expr` is read from.
    fn place(&self, expr: &Expr) -> Result<Place, Reason> {
        match expr {
            Expr::Column(name) => self.column(name),
            Expr::Field { operand, name } => {
                let whole = self.place(operand)?;
                whole.member(name).ok_or_else(|| format!("{expr} is no entry of a map with fixed entries"))
            }
            _ => Err("only attributes are tested by DynamoDB".to_owned()),
        }
    }

    fn column(&self, name: &str) -> Result<Place, Reason> {
        let (Some(attribute), Some(kind)) =
            (attribute_of_column(self.reading.table, name), column_type(self.reading.table, name))
        else {
            return Err(format!("column {name} is not one of the table's"));
        };
        let key = self.target.kind_of(attribute).or_else(|| self.reading.detail.kind_of(attribute));
        Ok(Place {
            label: format!("column {name}"),
            attributes: vec![attribute.to_owned()],
            stored: stored(&kind, key),
            is_key: self.reading.is_table_key(attribute) || self.target.is_key(attribute),
            kind,
        })
    }
}

/// What a condition is about.
struct Place {
    /// For messages.
    label: String,
    /// The attribute, and the way through its maps.
    attributes: Vec<String>,
    kind: ColumnType,
    /// How its dates or times are stored, if always in this one way.
    stored: Option<Stored>,
    is_key: bool,
}

impl Place {
    fn member(self, name: &str) -> Option<Self> {
        let ColumnType::Struct(members) = self.kind else { return None };
        // No entry has an empty name, nor may a path have one.
        let member = members.into_iter().find(|member| member.name == name && !member.attribute.is_empty())?;
        let (label, mut attributes) = (format!("{}, member {name}", self.label), self.attributes);
        attributes.push(member.attribute);
        Some(Self { label, attributes, stored: stored(&member.kind, None), is_key: false, kind: member.kind })
    }

    fn comparable(&self) -> Result<KeyKind, Reason> {
        if let Some(stored) = self.stored {
            return Ok(stored.kind());
        }
        self.kind.comparable().map_err(|reason| format!("{} is not compared: {reason}", self.label))
    }
}

/// How dates or times are stored, if always in this one way: a key has one type, of other attributes numbers may be text of
/// digits too.
fn stored(kind: &ColumnType, key: Option<KeyKind>) -> Option<Stored> {
    let stored = Stored::of(kind).filter(|stored| stored.is_exact());
    stored.filter(|stored| stored.kind() == key.unwrap_or(KeyKind::S))
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
