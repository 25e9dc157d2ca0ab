//! Join keys out of the engine's dynamic filters.
//!
//! A hash join tells its probe side what it has on its build side, as an expression whose shape is the engine's own
//! affair: bounds and an `IN` list, perhaps inside a `CASE` over hash partitions. All knowledge of those shapes is
//! in this module. It reads them into a small domain that only ever widens: a form it does not know means "anything",
//! so an engine upgrade can cost speed here but never rows.

use crate::widening::widens;
use arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, DynamicFilterPhysicalExpr, InListExpr, Literal,
};
use datafusion::scalar::ScalarValue;
use headwater_core::{Identity, JoinKeys, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// Which rows a filter lets through, as far as keys can say.
#[derive(Debug, Clone, PartialEq)]
enum Domain {
    /// Perhaps every row.
    All,
    /// No row.
    Empty,
    /// Only rows whose columns (by index in the scan's schema) have one of these tuples of values.
    Keys { columns: Vec<usize>, tuples: Vec<Vec<Value>> },
}

impl Domain {
    /// Both hold. Two key lists: the shorter one alone is a superset of both, and cheaper to ask for.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, _) | (_, Self::Empty) => Self::Empty,
            (Self::All, other) | (other, Self::All) => other,
            (Self::Keys { columns, tuples }, Self::Keys { tuples: fewer, columns: theirs })
                if fewer.len() < tuples.len() =>
            {
                drop((columns, tuples));
                Self::Keys { columns: theirs, tuples: fewer }
            }
            (mine, Self::Keys { .. }) => mine,
        }
    }

    /// Either holds. Lists over different columns cannot be united.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Empty, other) | (other, Self::Empty) => other,
            (Self::Keys { columns, mut tuples }, Self::Keys { columns: theirs, tuples: more }) => {
                if columns != theirs {
                    return Self::All;
                }
                tuples.extend(more);
                Self::Keys { columns, tuples }
            }
        }
    }
}

/// What each of `filters` asks for on columns a connector can use, fewest keys first. Any one of them is a superset of
/// what all let through; which is of use is the connector's to say.
pub(crate) fn offers(filters: &[Arc<dyn PhysicalExpr>], schema: &Schema, usable: &[String]) -> Vec<JoinKeys> {
    let keys = filters.iter().filter_map(|filter| join_keys(domain_of(filter, schema), schema, usable));
    let mut offers: Vec<JoinKeys> = keys.collect();
    offers.sort_by_key(|keys| keys.tuples.len());
    offers
}

/// The keys of a domain on columns a connector can use: distinct, without NULL. `None`: nothing to offer.
fn join_keys(domain: Domain, schema: &Schema, usable: &[String]) -> Option<JoinKeys> {
    let (columns, tuples) = match domain {
        Domain::All => return None,
        Domain::Empty => return Some(JoinKeys { columns: usable.to_vec(), tuples: Vec::new() }),
        Domain::Keys { columns, tuples } => (columns, tuples),
    };
    let name = |index: &usize| schema.fields().get(*index).map(|field| field.name().clone());
    let kept: Vec<(usize, String)> = columns
        .iter()
        .enumerate()
        .filter_map(|(place, index)| Some((place, name(index)?)))
        .filter(|(_, name)| usable.contains(name))
        .collect();
    if kept.is_empty() {
        return None;
    }
    let cut =
        |tuple: Vec<Value>| -> Vec<Value> { kept.iter().filter_map(|(place, _)| tuple.get(*place).cloned()).collect() };
    let whole = |tuple: &Vec<Value>| tuple.len() == kept.len() && !tuple.iter().any(Value::is_null);
    let tuples = distinct(tuples.into_iter().map(cut).filter(whole).collect());
    Some(JoinKeys { columns: kept.into_iter().map(|(_, name)| name).collect(), tuples })
}

/// The tuples in their order, each once.
fn distinct(tuples: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let mut seen = HashSet::with_capacity(tuples.len());
    let first: Vec<bool> = tuples.iter().map(|tuple| seen.insert(identities(tuple))).collect();
    drop(seen);
    tuples.into_iter().zip(first).filter_map(|(tuple, first)| first.then_some(tuple)).collect()
}

/// One identity needs no list of its own: most keys are of one column.
fn identities(tuple: &[Value]) -> (Option<Identity<'_>>, Vec<Identity<'_>>) {
    let mut identities = tuple.iter().map(Value::identity);
    (identities.next(), identities.collect())
}

fn domain_of(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Domain {
    let expr = expr.as_ref();
    if let Some(dynamic) = expr.downcast_ref::<DynamicFilterPhysicalExpr>() {
        return dynamic.current().map_or(Domain::All, |current| domain_of(&current, schema));
    }
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return literal_domain(literal.value());
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        return binary_domain(binary, schema);
    }
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        return list_domain(list, schema);
    }
    if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        return case_domain(case, schema);
    }
    // Among others `key IS NULL`, which widens null-equal joins: NULL cannot be asked for by key.
    Domain::All
}

fn literal_domain(value: &ScalarValue) -> Domain {
    match value {
        ScalarValue::Boolean(Some(true)) => Domain::All,
        ScalarValue::Boolean(_) => Domain::Empty,
        _ => Domain::All,
    }
}

fn binary_domain(binary: &BinaryExpr, schema: &Schema) -> Domain {
    let sides = || (domain_of(binary.left(), schema), domain_of(binary.right(), schema));
    match binary.op() {
        Operator::And => {
            let (left, right) = sides();
            left.and(right)
        }
        Operator::Or => {
            let (left, right) = sides();
            left.or(right)
        }
        Operator::Eq => equality_domain(binary, schema),
        _ => Domain::All,
    }
}

/// `column = constant`: what a list of one key becomes.
fn equality_domain(binary: &BinaryExpr, schema: &Schema) -> Domain {
    let Some(literal) = binary.right().downcast_ref::<Literal>() else { return Domain::All };
    keys_domain(binary.left(), std::iter::once(literal.value()), schema)
}

fn list_domain(list: &InListExpr, schema: &Schema) -> Domain {
    if list.negated() {
        return Domain::All;
    }
    let literals: Option<Vec<&ScalarValue>> =
        list.list().iter().map(|item| item.downcast_ref::<Literal>().map(Literal::value)).collect();
    literals.map_or(Domain::All, |literals| keys_domain(list.expr(), literals.into_iter(), schema))
}

/// The routing expression of a `CASE` over hash partitions says only where a key would be looked for: the rows are
/// those of all branches together. A missing ELSE is NULL, which lets nothing through.
fn case_domain(case: &CaseExpr, schema: &Schema) -> Domain {
    let branches = case.when_then_expr().iter().map(|(_, then)| domain_of(then, schema));
    let otherwise = case.else_expr().map_or(Domain::Empty, |otherwise| domain_of(otherwise, schema));
    branches.fold(otherwise, Domain::or)
}

fn keys_domain<'a>(
    operand: &Arc<dyn PhysicalExpr>,
    literals: impl Iterator<Item = &'a ScalarValue>,
    schema: &Schema,
) -> Domain {
    let Some(columns) = key_columns(operand, schema) else { return Domain::All };
    let types: Option<Vec<&DataType>> =
        columns.iter().map(|index| schema.fields().get(*index).map(|field| field.data_type())).collect();
    let Some(types) = types else { return Domain::All };
    if types.iter().any(|data_type| data_type.is_floating()) {
        // NaN and -0.0 mean different things to different sources.
        return Domain::All;
    }
    let mut tuples = Vec::new();
    for literal in literals {
        match tuple(literal, &types) {
            Tuple::Values(values) => tuples.push(values),
            Tuple::Never => {}
            Tuple::Unknown => return Domain::All,
        }
    }
    Domain::Keys { columns, tuples }
}

/// The columns that a key list is about: one column, or `struct(a, b)` for several.
fn key_columns(operand: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Vec<usize>> {
    if let Some(call) = operand.downcast_ref::<ScalarFunctionExpr>() {
        let columns = call.args().iter().map(|arg| key_column(arg, schema));
        return if call.fun().name() == "struct" { columns.collect() } else { None };
    }
    key_column(operand, schema).map(|column| vec![column])
}

/// A column, also behind a cast that keeps different values different and each value's meaning.
fn key_column(operand: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<usize> {
    if let Some(column) = operand.downcast_ref::<Column>() {
        return Some(column.index());
    }
    let cast = operand.downcast_ref::<CastExpr>()?;
    let inner = cast.expr().downcast_ref::<Column>()?;
    let from = schema.fields().get(inner.index())?.data_type();
    widens(from, cast.cast_type()).then(|| inner.index())
}

enum Tuple {
    /// The key, in the columns' own types.
    Values(Vec<Value>),
    /// No row of the columns' types can have it.
    Never,
    /// The language cannot say it.
    Unknown,
}

fn tuple(literal: &ScalarValue, types: &[&DataType]) -> Tuple {
    let parts: Vec<ScalarValue> = match literal {
        ScalarValue::Struct(row) => {
            let part = |column: &arrow::array::ArrayRef| ScalarValue::try_from_array(column, 0);
            match row.columns().iter().map(part).collect() {
                Ok(parts) => parts,
                Err(_) => return Tuple::Unknown,
            }
        }
        single => vec![single.clone()],
    };
    if parts.len() != types.len() {
        return Tuple::Unknown;
    }
    let mut values = Vec::with_capacity(parts.len());
    for (part, data_type) in parts.iter().zip(types) {
        match crate::translate::literal(part).map(|value| fit(value, data_type)) {
            Ok(Fit::Value(value)) => values.push(value),
            Ok(Fit::Never) => return Tuple::Never,
            Ok(Fit::Unknown) | Err(_) => return Tuple::Unknown,
        }
    }
    Tuple::Values(values)
}

enum Fit {
    Value(Value),
    Never,
    Unknown,
}

/// A key in the type of the column it is compared with.
fn fit(value: Value, data_type: &DataType) -> Fit {
    match (&value, data_type) {
        // NULL equals nothing.
        (Value::Null, _) => Fit::Never,
        (_, integer) if integer.is_integer() => match value.as_decimal().map(whole) {
            Some(Some(number)) => Fit::Value(number),
            Some(None) => Fit::Never,
            None => Fit::Unknown,
        },
        (Value::Int64(_) | Value::UInt64(_) | Value::Decimal { .. }, DataType::Decimal128(..))
        | (Value::Utf8(_), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        | (Value::Binary(_), DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
        | (Value::Boolean(_), DataType::Boolean)
        | (Value::Date(_), DataType::Date32)
        | (Value::Time(_), DataType::Time64(_))
        | (Value::Timestamp(_), DataType::Timestamp(_, None))
        | (Value::Instant(_), DataType::Timestamp(_, Some(_))) => Fit::Value(value),
        _ => Fit::Unknown,
    }
}

/// A whole number of 64 bits; `None` if it has a fraction or is larger, so that no integer column can equal it.
fn whole((unscaled, scale): (i128, i8)) -> Option<Value> {
    let number = match u32::try_from(scale) {
        Ok(places) => {
            let unit = 10i128.checked_pow(places)?;
            (unscaled % unit == 0).then_some(unscaled / unit)?
        }
        Err(_) => unscaled.checked_mul(10i128.checked_pow(u32::from(scale.unsigned_abs()))?)?,
    };
    i64::try_from(number).map(Value::Int64).or_else(|_| u64::try_from(number).map(Value::UInt64)).ok()
}
