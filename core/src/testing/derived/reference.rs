//! Groups, joins and orders as they should be, computed row by row.

use crate::eval::evaluate;
use crate::{Aggregate, AggregateCall, Expr, Join, Side, SortKey, Value, decimal_text};
use arrow::array::RecordBatch;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A row by its columns' names.
pub type Row = BTreeMap<String, Value>;

/// The rows of a batch. Columns whose types have no place in the language are left out.
pub fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    let row = |index: usize| {
        let columns = schema.fields().iter().zip(batch.columns());
        columns.filter_map(|(field, column)| Some((field.name().clone(), Value::from_array(column, index)?))).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// One row per group.
pub fn grouped(aggregate: &Aggregate, rows: &[Row]) -> Vec<Row> {
    let mut groups: BTreeMap<Vec<String>, Vec<&Row>> = BTreeMap::new();
    if aggregate.groups.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for row in rows {
        let key = aggregate.groups.iter().map(|group| shown(&value(row, group))).collect();
        groups.entry(key).or_default().push(row);
    }
    let names: Vec<&String> = aggregate.schema.fields().iter().map(|field| field.name()).collect();
    let of_group = |rows: Vec<&Row>| {
        let first = |group: &String| rows.first().map_or(Value::Null, |row| value(row, group));
        let values = aggregate.groups.iter().map(first);
        let values = values.chain(aggregate.calls.iter().map(|call| called(call, &rows)));
        names.iter().map(|name| (*name).clone()).zip(values).collect()
    };
    groups.into_values().map(of_group).collect()
}

/// The rows of both sides that agree.
pub fn joined(join: &Join, left: &[Row], right: &[Row]) -> Vec<Row> {
    let mut rows = Vec::new();
    for a in left {
        for b in right {
            let agree = |(of_left, of_right): &(String, String)| {
                value(a, of_left).compare(&value(b, of_right)) == Some(Ordering::Equal)
            };
            if join.on.iter().all(agree) {
                let of = |side| if side == Side::Left { a } else { b };
                let columns = join.columns.iter();
                rows.push(columns.map(|c| (c.name.clone(), value(of(c.side), &c.column))).collect());
            }
        }
    }
    rows
}

/// The order of two rows.
pub fn order(keys: &[SortKey], a: &Row, b: &Row) -> Ordering {
    let by_key = |key: &SortKey| {
        let (a, b) = (value(a, &key.column), value(b, &key.column));
        let nulls = if key.nulls_first { Ordering::Less } else { Ordering::Greater };
        match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) => nulls,
            (false, true) => nulls.reverse(),
            (false, false) => {
                let order = a.compare(&b).unwrap_or(Ordering::Equal);
                if key.descending { order.reverse() } else { order }
            }
        }
    };
    keys.iter().map(by_key).find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
}

/// A value as text, the same for equal values: `1.50` is `1.5`.
pub fn shown(value: &Value) -> String {
    match value.as_decimal() {
        Some((unscaled, scale)) if scale > 0 => {
            let text = decimal_text(unscaled, scale);
            let text = text.trim_end_matches('0').trim_end_matches('.');
            (if matches!(text, "-0" | "") { "0" } else { text }).to_owned()
        }
        Some((unscaled, scale)) => decimal_text(unscaled, scale),
        None => format!("{value:?}"),
    }
}

fn value(row: &Row, column: &str) -> Value {
    row.get(column).cloned().unwrap_or(Value::Null)
}

fn called(call: &AggregateCall, rows: &[&Row]) -> Value {
    let values = |operand: &Expr| -> Vec<Value> {
        let of_row = |row: &&Row| evaluate(operand, &|name| value(row, name));
        rows.iter().map(of_row).filter(|value| !value.is_null()).collect()
    };
    match call {
        AggregateCall::CountRows => count(rows.len()),
        AggregateCall::Count(operand) => count(values(operand).len()),
        AggregateCall::Sum(operand) => values(operand).into_iter().reduce(|a, b| added(&a, &b)).unwrap_or(Value::Null),
        AggregateCall::Min(operand) => extreme(values(operand), Ordering::Less),
        AggregateCall::Max(operand) => extreme(values(operand), Ordering::Greater),
    }
}

fn count(number: usize) -> Value {
    i64::try_from(number).map_or(Value::Null, Value::Int64)
}

fn added(a: &Value, b: &Value) -> Value {
    let literal = |value: &Value| Box::new(Expr::Literal(value.clone()));
    evaluate(&Expr::Arithmetic { op: crate::ArithmeticOp::Add, left: literal(a), right: literal(b) }, &|_| Value::Null)
}

fn extreme(values: Vec<Value>, wanted: Ordering) -> Value {
    let better = |best: Value, value: Value| if value.compare(&best) == Some(wanted) { value } else { best };
    values.into_iter().reduce(better).unwrap_or(Value::Null)
}
