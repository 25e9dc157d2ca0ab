//! Join keys as conditions.

use crate::convert::ColumnLaw;
use crate::plan::{self, PlanDetail};
use arrow::datatypes::{DataType, Schema};
use futures::{StreamExt as _, stream};
use headwater_core::{Answer, Expr, JoinKeys, KeyDecision, Result, ScanPlan, Split, Splits, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Keys per statement: 10,000 integers are some 80 kB of SQL.
const KEYS_PER_STATEMENT: usize = 10_000;

/// Up to here keys are always worth it, whatever the size of the table is thought to be.
const ALWAYS_USED: u64 = 1_000;

pub(crate) fn splits(plan: &ScanPlan, keys: Option<&JoinKeys>) -> Result<Splits> {
    let detail = PlanDetail::of(plan)?;
    let (decision, splits) = match keys {
        None => (KeyDecision::NotOffered, whole(plan, &detail)?),
        Some(keys) => {
            let offered = u64::try_from(keys.tuples.len()).unwrap_or(u64::MAX);
            match refusal(plan, &detail, keys, offered) {
                Some(reason) => (KeyDecision::Declined { keys: offered, reason }, whole(plan, &detail)?),
                None => match keyed(plan, &detail, keys)? {
                    Some(splits) => (KeyDecision::Used { keys: offered }, splits),
                    None => {
                        let reason = "one of the keys cannot be written in SQL".to_owned();
                        (KeyDecision::Declined { keys: offered, reason }, whole(plan, &detail)?)
                    }
                },
            }
        }
    };
    Ok(Splits { keys: decision, stream: stream::iter(splits.into_iter().map(Ok)).boxed() })
}

fn whole(plan: &ScanPlan, detail: &PlanDetail) -> Result<Vec<Split>> {
    plan.requests.iter().map(|request| plan::split(plan, &detail.columns, request.clone())).collect()
}

fn refusal(plan: &ScanPlan, detail: &PlanDetail, keys: &JoinKeys, offered: u64) -> Option<String> {
    if offered == 0 {
        return None;
    }
    if plan.request.limit.is_some() {
        return Some("the scan has a limit, which several statements would each apply".to_owned());
    }
    if let Some(column) = keys.columns.iter().find(|column| !plan.key_columns.contains(column)) {
        return Some(format!("column {column} cannot be looked up by key"));
    }
    if keys.tuples.iter().flatten().any(|value| matches!(value, Value::Float64(_))) {
        return Some("floating-point keys are not looked up".to_owned());
    }
    let rows = detail.table_rows?;
    (offered > ALWAYS_USED && offered.saturating_mul(2) >= rows)
        .then(|| format!("{offered} keys are too many for about {rows} rows: reading them all is cheaper"))
}

/// One split per chunk of the values of one column, so that no row is in two of them. The other columns narrow each
/// chunk by the values that occur in it: a superset of the tuples, which the contract allows.
///
/// `None` if some value cannot be said: a chunk without its condition would read the rows of all others too.
fn keyed(plan: &ScanPlan, detail: &PlanDetail, keys: &JoinKeys) -> Result<Option<Vec<Split>>> {
    let possible = possible_tuples(plan, &detail.columns, keys);
    let Some(lead) = lead_column(keys, &possible) else { return Ok(Some(Vec::new())) };
    let mut groups: BTreeMap<String, Vec<&[Value]>> = BTreeMap::new();
    for tuple in &possible {
        if let Some(value) = tuple.get(lead) {
            groups.entry(format!("{value:?}")).or_default().push(tuple);
        }
    }
    let groups: Vec<Vec<&[Value]>> = groups.into_values().collect();
    groups.chunks(KEYS_PER_STATEMENT).map(|chunk| keyed_split(plan, detail, keys, chunk)).collect()
}

fn keyed_split(
    plan: &ScanPlan,
    detail: &PlanDetail,
    keys: &JoinKeys,
    groups: &[Vec<&[Value]>],
) -> Result<Option<Split>> {
    let mut request = plan.request.clone();
    for (index, column) in keys.columns.iter().enumerate() {
        let mut seen = BTreeSet::new();
        let values = groups.iter().flatten().filter_map(|tuple| tuple.get(index));
        let values = values.filter(|value| seen.insert(format!("{value:?}"))).cloned().collect();
        request.filters.push(Expr::column(column).is_in(values));
    }
    let fields = plan.schema.fields();
    let projection: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let negotiated = plan::negotiated(&detail.columns, &projection, &request)?;
    let added = negotiated.filters.iter().skip(plan.request.filters.len());
    if added.into_iter().any(|answer| *answer != Answer::Exact) {
        return Ok(None);
    }
    plan::split(plan, &detail.columns, plan::statement(&negotiated)).map(Some)
}

/// The column with the most different values: the one to cut into chunks.
fn lead_column(keys: &JoinKeys, tuples: &[Vec<Value>]) -> Option<usize> {
    if tuples.is_empty() {
        return None;
    }
    let distinct = |index: usize| {
        tuples.iter().filter_map(|tuple| tuple.get(index)).map(|value| format!("{value:?}")).collect::<BTreeSet<_>>()
    };
    (0..keys.columns.len()).max_by_key(|index| distinct(*index).len())
}

/// The tuples whose values their columns can hold, integers in one spelling.
fn possible_tuples(plan: &ScanPlan, laws: &BTreeMap<String, ColumnLaw>, keys: &JoinKeys) -> Vec<Vec<Value>> {
    let possible = |tuple: &Vec<Value>| -> Option<Vec<Value>> {
        let columns = keys.columns.iter().zip(tuple);
        columns.map(|(column, value)| possible(&plan.schema, laws.get(column)?, column, value)).collect()
    };
    keys.tuples.iter().filter_map(possible).collect()
}

fn possible(schema: &Schema, law: &ColumnLaw, column: &str, value: &Value) -> Option<Value> {
    let field = schema.field_with_name(column).ok()?;
    match field.data_type() {
        DataType::Int16 => integer(value, i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => integer(value, i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => integer(value, i64::MIN, i64::MAX),
        DataType::Decimal128(..) => value.as_decimal().map(|_| value.clone()),
        DataType::Utf8 => match value {
            Value::Utf8(text) if law.may_hold(text) => Some(value.clone()),
            _ => None,
        },
        DataType::Date32 => matches!(value, Value::Date(_)).then(|| value.clone()),
        DataType::Timestamp(_, None) => matches!(value, Value::Timestamp(_)).then(|| value.clone()),
        DataType::Timestamp(_, Some(_)) => matches!(value, Value::Instant(_)).then(|| value.clone()),
        _ => None,
    }
}

/// The value as an integer between `least` and `most`, if it is one.
fn integer(value: &Value, least: i64, most: i64) -> Option<Value> {
    let (unscaled, scale) = value.as_decimal()?;
    let power = 10i128.checked_pow(u32::from(scale.unsigned_abs()));
    let number = match (scale, power) {
        (0, _) => unscaled,
        (..0, power) => unscaled.checked_mul(power?)?,
        // A scale so large leaves only zero.
        (_, None) => (unscaled == 0).then_some(0)?,
        (_, Some(power)) => (unscaled % power == 0).then_some(unscaled / power)?,
    };
    let number = i64::try_from(number).ok()?;
    (least..=most).contains(&number).then_some(Value::Int64(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_an_integer_column_cannot_hold_is_no_key() {
        let int2 = |value: Value| integer(&value, i16::MIN.into(), i16::MAX.into());
        assert_eq!(int2(Value::Decimal { unscaled: 500, scale: 2 }), Some(Value::Int64(5)));
        assert_eq!(int2(Value::Decimal { unscaled: 501, scale: 2 }), None);
        assert_eq!(int2(Value::Decimal { unscaled: 5, scale: -1 }), Some(Value::Int64(50)));
        assert_eq!(int2(Value::UInt64(u64::MAX)), None);
        assert_eq!(int2(Value::Int64(40_000)), None);
    }
}
