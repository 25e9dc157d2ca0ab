//! Join keys as conditions.

use crate::convert::ColumnLaw;
use crate::plan::{self, PlanDetail};
use arrow::datatypes::{DataType, Schema};
use futures::{StreamExt as _, stream};
use headwater_core::{Answer, Expr, JoinKeys, KeyDecision, Result, ScanPlan, Split, Splits, Value};
use headwater_sql::{ChunkSize, declined_keys, integer_key, key_chunks};
use std::collections::BTreeMap;

/// 10,000 integers are some 80 kB of SQL. No server we know takes less than 4 MiB in one packet.
const CHUNK: ChunkSize = ChunkSize { keys: 10_000, bytes: 1 << 20 };

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
    let declined = |reason| Ok((KeyDecision::Declined { keys: keys.count(), reason }, whole(plan, detail)?));
    if let Some(reason) = declined_keys(plan, keys, detail.table_rows) {
        return declined(reason);
    }
    let chunks = key_chunks(&keys.columns, &possible_tuples(plan, &detail.laws.columns, keys), CHUNK);
    let statements = chunks.len();
    if (statements > 1 || keys.is_part()) && !keys.columns.iter().any(|column| detail.indexed.contains(column)) {
        return declined(format!(
            "without an index, each {} of them would look at the whole table",
            count / statements.max(1) as u64
        ));
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
        let negotiated = plan::negotiated(detail.product, &detail.laws, &plan.schema, &projection, &request)?;
        if negotiated.filters.iter().skip(plan.request.filters.len()).any(|answer| *answer != Answer::Exact) {
            return Ok(None);
        }
        requests.push(plan::statement(&negotiated));
    }
    plan::splits(plan, &detail.laws, requests).map(Some)
}

/// The tuples whose values their columns can hold, integers in one spelling.
fn possible_tuples(plan: &ScanPlan, laws: &BTreeMap<String, ColumnLaw>, keys: &JoinKeys) -> Vec<Vec<Value>> {
    let tuple = |tuple: &Vec<Value>| -> Option<Vec<Value>> {
        let columns = keys.columns.iter().zip(tuple);
        columns.map(|(column, value)| possible(&plan.schema, laws, column, value)).collect()
    };
    keys.tuples.iter().filter_map(tuple).collect()
}

fn possible(schema: &Schema, laws: &BTreeMap<String, ColumnLaw>, column: &str, value: &Value) -> Option<Value> {
    laws.get(column)?;
    let same = |fits: bool| fits.then(|| value.clone());
    match schema.field_with_name(column).ok()?.data_type() {
        DataType::Int8 => integer_key(value, i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => integer_key(value, i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => integer_key(value, i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => integer_key(value, i64::MIN.into(), i64::MAX.into()),
        DataType::UInt8 => integer_key(value, 0, u8::MAX.into()),
        DataType::UInt16 => integer_key(value, 0, u16::MAX.into()),
        DataType::UInt32 => integer_key(value, 0, u32::MAX.into()),
        DataType::UInt64 => integer_key(value, 0, u64::MAX.into()),
        DataType::Decimal128(..) => same(value.as_decimal().is_some()),
        DataType::Utf8 => same(matches!(value, Value::Utf8(_))),
        DataType::Binary => same(matches!(value, Value::Binary(_))),
        DataType::Date32 => same(matches!(value, Value::Date(_))),
        DataType::Timestamp(_, None) => same(matches!(value, Value::Timestamp(_))),
        DataType::Timestamp(_, Some(_)) => same(matches!(value, Value::Instant(_))),
        _ => None,
    }
}
