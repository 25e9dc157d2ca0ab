//! Join keys as conditions.

use crate::convert::ColumnLaw;
use crate::plan::{self, PlanDetail};
use arrow::datatypes::{DataType, Schema};
use futures::{StreamExt as _, stream};
use headwater_core::{Answer, Expr, JoinKeys, KeyDecision, Result, ScanPlan, Split, Splits, Value};
use headwater_sql::{ChunkSize, declined_keys, integer_key, key_chunks};
use std::collections::BTreeMap;

/// Bytes of keys per statement: 100,000 of type uuid, or 400,000 integers.
const BYTES: usize = 16 << 20;

/// Where an index finds the keys: 10,000 integers are some 80 kB of SQL.
const LOOKED_UP: ChunkSize = ChunkSize { keys: 10_000, bytes: BYTES };

/// Where every statement reads the whole table, one has all the keys. Since version 14 a long list is a hash table:
/// among 1,000,000 rows 100,000 keys were found in 0.4 s, and 10,000 in 0.15 s, so that ten statements take longer.
const SCANNED_FOR: ChunkSize = ChunkSize { keys: usize::MAX, bytes: BYTES };

pub(crate) fn splits(plan: &ScanPlan, keys: Option<&JoinKeys>) -> Result<Splits> {
    let detail = PlanDetail::of(plan)?;
    let (decision, splits) = match keys {
        None => (KeyDecision::NotOffered, whole(plan, &detail)?),
        Some(keys) => offered(plan, &detail, keys)?,
    };
    Ok(Splits { keys: decision, stream: stream::iter(splits.into_iter().map(Ok)).boxed() })
}

fn offered(plan: &ScanPlan, detail: &PlanDetail, keys: &JoinKeys) -> Result<(KeyDecision, Vec<Split>)> {
    let count = u64::try_from(keys.tuples.len()).unwrap_or(u64::MAX);
    let declined = |reason| Ok((KeyDecision::Declined { keys: count, reason }, whole(plan, detail)?));
    if let Some(reason) = declined_keys(plan, keys, detail.table_rows) {
        return declined(reason);
    }
    let indexed = keys.columns.iter().any(|column| detail.indexed.contains(column));
    let size = if indexed { LOOKED_UP } else { SCANNED_FOR };
    let chunks = key_chunks(&keys.columns, &possible_tuples(plan, &detail.laws.columns, keys), size);
    let statements = chunks.len();
    if statements > 1 && !indexed {
        return declined(format!("without an index, {statements} statements would each look at the whole table"));
    }
    match keyed(plan, detail, chunks)? {
        Some(splits) => Ok((KeyDecision::Used { keys: count }, splits)),
        None => declined("one of the keys cannot be written in SQL".to_owned()),
    }
}

fn whole(plan: &ScanPlan, detail: &PlanDetail) -> Result<Vec<Split>> {
    plan::splits(plan, &detail.laws, plan.requests.clone())
}

/// `None` if some value cannot be said: a chunk without its condition would read the rows of all others too.
fn keyed(plan: &ScanPlan, detail: &PlanDetail, chunks: Vec<Vec<Expr>>) -> Result<Option<Vec<Split>>> {
    let fields = plan.schema.fields();
    let projection: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut requests = Vec::new();
    for conditions in chunks {
        let mut request = plan.request.clone();
        request.filters.extend(conditions);
        let negotiated = plan::negotiated(&detail.laws, &plan.schema, &projection, &request)?;
        if negotiated.filters.iter().skip(plan.request.filters.len()).any(|answer| *answer != Answer::Exact) {
            return Ok(None);
        }
        requests.push(plan::statement(&negotiated));
    }
    plan::splits(plan, &detail.laws, requests).map(Some)
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
        DataType::Int16 => integer_key(value, i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => integer_key(value, i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => integer_key(value, i64::MIN.into(), i64::MAX.into()),
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
