//! Join keys as conditions.

use crate::convert::ColumnLaw;
use crate::plan::{self, PlanDetail};
use crate::ranges;
use arrow::datatypes::{DataType, Schema};
use futures::{StreamExt as _, stream};
use headwater_core::{
    Answer, Expr, Identity, JoinKeys, KeyDecision, Relation, Result, ScanPlan, SourceRequest, Split, Splits, Value,
};
use headwater_sql::{ChunkSize, Comparison, POSTGRES, SqlText, declined_keys, integer_key, key_chunks};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of keys per statement: 100,000 of type uuid, or 400,000 integers.
const BYTES: usize = 16 << 20;

/// Where an index finds the keys. The server takes every found row for a page to be fetched: with some thousand keys in
/// a list it would rather read the whole table, for each statement anew. See [`looked_up`] for longer lists.
const LOOKED_UP: ChunkSize = ChunkSize { keys: 1_000, bytes: BYTES };

/// Where a statement reads the whole table, or a range of it, one has all the keys: since version 14 a long list is a
/// hash table.
const LISTED: ChunkSize = ChunkSize { keys: usize::MAX, bytes: BYTES };

/// A longer list of integers is written as one constant: the server parses it four times as fast.
const LONG_LIST: usize = 100;

/// Up to here keys are looked up without counting the cost.
const FEW: u64 = 1_000;

/// What things cost, in rows that are read one after another (some 0.2 µs each, measured on a warm server):
/// looking up a key,
const LOOK_UP: u64 = 30;
/// reading a row that an index found and that lies anywhere,
const FOUND_ROW: u64 = 15;
/// and having a key in a statement's list.
const LISTED_KEY: u64 = 4;

pub(crate) fn splits(plan: &ScanPlan, keys: Option<&JoinKeys>, parallel: usize) -> Result<Splits> {
    let detail = PlanDetail::of(plan)?;
    let (decision, splits) = match keys {
        None => (KeyDecision::NotOffered, whole(plan, &detail)?),
        Some(keys) => offered(plan, &detail, keys, parallel)?,
    };
    Ok(Splits { keys: decision, stream: stream::iter(splits.into_iter().map(Ok)).boxed() })
}

fn offered(
    plan: &ScanPlan,
    detail: &PlanDetail,
    keys: &JoinKeys,
    parallel: usize,
) -> Result<(KeyDecision, Vec<Split>)> {
    let count = keys.tuples.len() as u64;
    let declined = |reason| Ok((KeyDecision::Declined { keys: keys.count(), reason }, whole(plan, detail)?));
    if let Some(reason) = declined_keys(plan, keys, detail.table_rows).or_else(|| nearly_all(detail, keys)) {
        return declined(reason);
    }
    let way = way(detail, keys, parallel);
    let tuples = possible_tuples(plan, &detail.laws.columns, keys);
    if way == Way::LookedUp
        && let Some(splits) = looked_up(plan, detail, keys, &tuples, parallel)?
    {
        return Ok((KeyDecision::Used { keys: count }, splits));
    }
    let size = if way == Way::LookedUp { LOOKED_UP } else { LISTED };
    let chunks = key_chunks(&keys.columns, &tuples, size);
    let ranges = match way {
        Way::Listed { .. } if keys.is_part() => {
            return declined(format!("each {count} of them would look at the whole table"));
        }
        Way::Listed { statements } if chunks.len() > 1 => {
            return declined(format!(
                "{} statements would each look at the whole table",
                chunks.len() as u64 * statements
            ));
        }
        Way::Listed { statements } => ranges::cut(&detail.pages, statements),
        Way::LookedUp => Vec::new(),
    };
    match keyed(plan, detail, chunks, &ranges)? {
        Some(splits) => Ok((KeyDecision::Used { keys: count }, splits)),
        None => declined("one of the keys cannot be written in SQL".to_owned()),
    }
}

/// How rows are found by keys.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// By an index.
    LookedUp,
    /// By looking at every row, in about so many statements that each have a range of pages and all the keys.
    Listed { statements: u64 },
}

/// The cheaper way.
fn way(detail: &PlanDetail, keys: &JoinKeys, parallel: usize) -> Way {
    let count = keys.count();
    let indexed = keys.columns.iter().filter(|column| detail.indexed.contains(*column));
    // Rows that are found where others were cost little. Where values are not counted, a key is taken to have one row.
    let rows_per_key = |column: &String| -> u64 {
        if detail.clustered.contains(column) {
            return 0;
        }
        let (rows, distinct) =
            (detail.table_rows.unwrap_or(1), detail.distinct.get(column).copied().unwrap_or(u64::MAX));
        rows.div_ceil(distinct.max(1))
    };
    let least = indexed.map(rows_per_key).min();
    let listed = detail.table_rows.map_or(u64::MAX, |rows| rows + rows / 5 + LISTED_KEY * count);
    match least {
        Some(rows) if count <= FEW || count.saturating_mul(LOOK_UP + FOUND_ROW * rows) <= listed => Way::LookedUp,
        // So many that their lists do not cost more than half of what reading the table does.
        _ => {
            let bearable = detail.table_rows.unwrap_or(0) / (2 * LISTED_KEY * count.max(1));
            Way::Listed { statements: bearable.clamp(1, parallel.max(1) as u64) }
        }
    }
}

/// Whether nearly every value that the column has is among the keys.
fn nearly_all(detail: &PlanDetail, keys: &JoinKeys) -> Option<String> {
    let [column] = keys.columns.as_slice() else { return None };
    let (count, distinct) = (keys.count(), *detail.distinct.get(column)?);
    (count > FEW && count.saturating_mul(10) >= distinct.saturating_mul(9))
        .then(|| format!("{column} has about {distinct} different values: nearly all of them are wanted"))
}

fn whole(plan: &ScanPlan, detail: &PlanDetail) -> Result<Vec<Split>> {
    plan::splits(plan, &detail.laws, plan.requests.clone())
}

/// One statement per chunk, or per chunk and range. `None` if some value cannot be said: a chunk without its condition
/// would read the rows of all others too.
fn keyed(
    plan: &ScanPlan,
    detail: &PlanDetail,
    chunks: Vec<Vec<Expr>>,
    ranges: &[SqlText],
) -> Result<Option<Vec<Split>>> {
    let fields = plan.schema.fields();
    let projection: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let mut requests = Vec::new();
    for chunk in chunks {
        let mut request = plan.request.clone();
        let mut lists = Vec::new();
        for condition in chunk {
            // Conditions on what a join or groups give have places of their own.
            let table = matches!(plan.request.relation, Relation::Table(_));
            match integer_list(&plan.schema, &detail.laws.columns, &condition).filter(|_| table) {
                Some(list) => lists.push(list),
                None => request.filters.push(condition),
            }
        }
        let mut negotiated = plan::negotiated(&detail.laws, &plan.schema, &projection, &request)?;
        if negotiated.filters.iter().skip(plan.request.filters.len()).any(|answer| *answer != Answer::Exact) {
            return Ok(None);
        }
        negotiated.select.conditions.extend(lists);
        match ranges {
            [] => requests.push(plan::statement(&negotiated)),
            ranges => requests.extend(ranges.iter().map(|range| plan::ranged(&negotiated, range))),
        }
    }
    plan::splits(plan, &detail.laws, requests).map(Some)
}

/// What the keys are called in a statement that looks them up.
const KEYS: &str = "join keys";

/// Many integers, each looked up by itself, so that the server cannot but use the index:
/// `SELECT found.* FROM unnest('{1,2,…}'::int8[]) AS "join keys"(key), LATERAL (SELECT … AND column = key OFFSET 0) AS found`.
/// `OFFSET 0` keeps the server from making a join of it. `None`: they are few, of another type, or each would be looked
/// up in many parts of the table.
fn looked_up(
    plan: &ScanPlan,
    detail: &PlanDetail,
    keys: &JoinKeys,
    tuples: &[Vec<Value>],
    parallel: usize,
) -> Result<Option<Vec<Split>>> {
    let ([column], Relation::Table(table)) = (keys.columns.as_slice(), &plan.request.relation) else { return Ok(None) };
    let (Some(law), Ok(field)) = (detail.laws.columns.get(column), plan.schema.field_with_name(column)) else {
        return Ok(None);
    };
    let array = match field.data_type() {
        DataType::Int16 => "}'::int2[]",
        DataType::Int32 => "}'::int4[]",
        DataType::Int64 => "}'::int8[]",
        _ => return Ok(None),
    };
    let sql = law.column_sql(SqlText::identifier(&POSTGRES, column));
    let numbers: BTreeSet<Identity<'_>> = tuples.iter().flatten().map(Value::identity).collect();
    let written = |number: &Identity<'_>| match number {
        Identity::Integer(number) => SqlText::literal(&POSTGRES, &Value::Int64(*number)).ok(),
        Identity::Text(_) | Identity::Other(_) => None,
    };
    let Some(numbers) = numbers.iter().map(written).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let number = matches!(sql.comparison, Comparison::Number);
    if numbers.len() <= LOOKED_UP.keys || !number || detail.pages.len() > 1 || table.table == KEYS {
        return Ok(None);
    }
    let projection: Vec<&str> = plan.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut select = plan::negotiated(&detail.laws, &plan.schema, &projection, &plan.request)?.select;
    let name = SqlText::identifier(&POSTGRES, KEYS);
    select.conditions.push(sql.value.then(" = ").append(&name).then(".key"));
    let found = select.to_sql().then(" OFFSET 0");
    let statement = |numbers: &[SqlText]| {
        let list = SqlText::from_static("COPY (SELECT found.* FROM unnest('{").append(&SqlText::joined(numbers, ","));
        let joined = list.then(array).then(") AS ").append(&name).then("(key), LATERAL ").parenthesized(&found);
        SourceRequest::Sql(joined.then(" AS found) TO STDOUT (FORMAT binary)").into_string())
    };
    // Neighbours stay together; no statement is too small to be worth a connection.
    let size = numbers.len().div_ceil(parallel.max(1)).clamp(LOOKED_UP.keys, BYTES / 20);
    plan::splits(plan, &detail.laws, numbers.chunks(size).map(statement).collect()).map(Some)
}

/// `column = ANY ('{1,2,…}')`, where the constant takes the column's own type: integers that it can hold.
fn integer_list(schema: &Schema, laws: &BTreeMap<String, ColumnLaw>, condition: &Expr) -> Option<SqlText> {
    let Expr::In { operand, list } = condition else { return None };
    let Expr::Column(name) = operand.as_ref() else { return None };
    let integer =
        matches!(schema.field_with_name(name).ok()?.data_type(), DataType::Int16 | DataType::Int32 | DataType::Int64);
    let column = laws.get(name)?.column_sql(SqlText::identifier(&POSTGRES, name));
    if !integer || list.len() <= LONG_LIST || !matches!(column.comparison, Comparison::Number) {
        return None;
    }
    let written = |value: &Value| match value {
        Value::Int64(_) => SqlText::literal(&POSTGRES, value).ok(),
        _ => None,
    };
    let list: Vec<SqlText> = list.iter().map(written).collect::<Option<_>>()?;
    Some(column.value.then(" = ANY ('{").append(&SqlText::joined(&list, ",")).then("}')"))
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
