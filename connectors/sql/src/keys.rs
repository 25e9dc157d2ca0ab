//! Join keys as conditions.

use headwater_core::{Expr, Identity, JoinKeys, ScanPlan, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Up to here keys are always worth it, whatever the size of the table is thought to be.
const ALWAYS_USED: u64 = 1_000;

/// How much one statement may hold.
#[derive(Debug, Clone, Copy)]
pub struct ChunkSize {
    /// Keys per statement.
    pub keys: usize,
    /// Bytes of keys per statement, as they are written, about.
    pub bytes: usize,
}

/// Why keys are not used, if they are not. `table_rows` is what is known of the table's size.
pub fn declined_keys(plan: &ScanPlan, keys: &JoinKeys, table_rows: Option<u64>) -> Option<String> {
    let offered = keys.count();
    if keys.tuples.is_empty() {
        return None;
    }
    if plan.request.limit.is_some() || plan.request.top.is_some() {
        return Some("the scan has a limit, which several statements would each apply".to_owned());
    }
    if let Some(column) = keys.columns.iter().find(|column| !plan.key_columns.contains(column)) {
        return Some(format!("column {column} cannot be looked up by key"));
    }
    if keys.tuples.iter().flatten().any(|value| matches!(value, Value::Float64(_))) {
        return Some("floating-point keys are not looked up".to_owned());
    }
    let rows = table_rows?;
    (offered > ALWAYS_USED && offered.saturating_mul(2) >= rows)
        .then(|| format!("{offered} keys are too many for about {rows} rows: reading them all is cheaper"))
}

/// How many keys are never declined for their number, where that is known: the bound of [`declined_keys`].
pub fn max_keys(table_rows: Option<u64>) -> Option<u64> {
    table_rows.map(|rows| ALWAYS_USED.max(rows.saturating_sub(1) / 2))
}

/// Conditions that together ask for all of `tuples`, one list of conditions per statement.
///
/// The values of one column are cut into chunks, so that no row is in two statements. The other columns narrow each
/// chunk by the values that occur in it: a superset of the tuples, which the contract allows. No tuples: no statement.
pub fn key_chunks(columns: &[String], tuples: &[Vec<Value>], size: ChunkSize) -> Vec<Vec<Expr>> {
    let Some(lead) = lead_column(columns.len(), tuples) else { return Vec::new() };
    let mut groups: BTreeMap<Identity<'_>, Vec<&[Value]>> = BTreeMap::new();
    for tuple in tuples {
        if let Some(value) = tuple.get(lead) {
            groups.entry(value.identity()).or_default().push(tuple);
        }
    }
    let (mut chunks, mut chunk, mut keys, mut bytes) = (Vec::new(), Vec::new(), 0, 0);
    for (_, group) in groups {
        let written: usize = group.iter().copied().flatten().map(written_bytes).sum();
        if keys > 0 && (keys >= size.keys || bytes + written > size.bytes) {
            chunks.push(conditions(columns, &std::mem::take(&mut chunk)));
            (keys, bytes) = (0, 0);
        }
        (keys, bytes) = (keys + 1, bytes + written);
        chunk.extend(group);
    }
    chunks.push(conditions(columns, &chunk));
    chunks
}

/// The value as an integer between `least` and `most`, if it is one: a key that an integer column can hold.
pub fn integer_key(value: &Value, least: i128, most: i128) -> Option<Value> {
    let (unscaled, scale) = value.as_decimal()?;
    let power = 10i128.checked_pow(u32::from(scale.unsigned_abs()));
    let number = match (scale, power) {
        (0, _) => unscaled,
        (..0, power) => unscaled.checked_mul(power?)?,
        // A scale so large leaves only zero.
        (_, None) => (unscaled == 0).then_some(0)?,
        (_, Some(power)) => (unscaled % power == 0).then_some(unscaled / power)?,
    };
    if !(least..=most).contains(&number) {
        return None;
    }
    match i64::try_from(number) {
        Ok(number) => Some(Value::Int64(number)),
        Err(_) => u64::try_from(number).ok().map(Value::UInt64),
    }
}

/// The value as a number of at most `digits` digits, `scale` of them after the point, if it is one. What has no more
/// digits after the point than that stays as it is written.
pub(crate) fn decimal_key(value: &Value, digits: u8, scale: i8) -> Option<Value> {
    let (unscaled, of_value) = value.as_decimal()?;
    let surplus = i16::from(of_value) - i16::from(scale);
    let power = 10i128.checked_pow(u32::from(surplus.unsigned_abs()));
    // As the column counts: with exactly `scale` digits after the point.
    let number = match (surplus, power) {
        _ if unscaled == 0 => 0,
        (1.., power) => {
            let power = power?;
            (unscaled % power == 0).then_some(unscaled / power)?
        }
        (_, power) => match power.and_then(|power| unscaled.checked_mul(power)) {
            Some(number) => number,
            // Longer than 38 digits. A column that long refuses none for its length: the server decides.
            None => return (digits > 38).then(|| value.clone()),
        },
    };
    let bound = 10u128.checked_pow(u32::from(digits));
    if bound.is_some_and(|bound| number.unsigned_abs() >= bound) {
        return None;
    }
    Some(if surplus > 0 { Value::Decimal { unscaled: number, scale } } else { value.clone() })
}

fn conditions(columns: &[String], tuples: &[&[Value]]) -> Vec<Expr> {
    let of_column = |(index, column): (usize, &String)| {
        let mut seen = BTreeSet::new();
        let values = tuples.iter().filter_map(|tuple| tuple.get(index));
        let values = values.filter(|value| seen.insert(value.identity())).cloned().collect();
        Expr::column(column).is_in(values)
    };
    columns.iter().enumerate().map(of_column).collect()
}

/// The column with the most different values: the one to cut into chunks.
fn lead_column(columns: usize, tuples: &[Vec<Value>]) -> Option<usize> {
    if tuples.is_empty() {
        return None;
    }
    let distinct = |index: usize| {
        tuples.iter().filter_map(|tuple| tuple.get(index)).map(Value::identity).collect::<BTreeSet<_>>().len()
    };
    if columns == 1 { Some(0) } else { (0..columns).max_by_key(|index| distinct(*index)) }
}

/// Text may be written twice, and in hexadecimal; everything else is short.
fn written_bytes(value: &Value) -> usize {
    match value {
        Value::Utf8(text) => 8 + text.len() * 4,
        Value::Binary(bytes) => 8 + bytes.len() * 2,
        _ => 40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_an_integer_column_cannot_hold_is_no_key() {
        let int2 = |value: Value| integer_key(&value, i16::MIN.into(), i16::MAX.into());
        assert_eq!(int2(Value::Decimal { unscaled: 500, scale: 2 }), Some(Value::Int64(5)));
        assert_eq!(int2(Value::Decimal { unscaled: 501, scale: 2 }), None);
        assert_eq!(int2(Value::Decimal { unscaled: 5, scale: -1 }), Some(Value::Int64(50)));
        assert_eq!(int2(Value::UInt64(u64::MAX)), None);
        assert_eq!(int2(Value::Int64(40_000)), None);
        assert_eq!(integer_key(&Value::UInt64(u64::MAX), 0, u64::MAX.into()), Some(Value::UInt64(u64::MAX)));
    }

    #[test]
    fn chunks_are_disjoint_and_end_at_either_bound() {
        let tuples: Vec<Vec<Value>> = (0..25).map(|n| vec![Value::Int64(n), Value::Int64(n % 2)]).collect();
        let columns = ["id".to_owned(), "half".to_owned()];
        let chunks = key_chunks(&columns, &tuples, ChunkSize { keys: 10, bytes: usize::MAX });
        assert_eq!(chunks.len(), 3);
        let ids = |chunk: &Vec<Expr>| match &chunk[0] {
            Expr::In { list, .. } => list.len(),
            other => panic!("{other}"),
        };
        assert_eq!(chunks.iter().map(ids).sum::<usize>(), 25);
        assert_eq!(key_chunks(&columns, &tuples, ChunkSize { keys: 10, bytes: 1 }).len(), 25);
        assert!(key_chunks(&columns, &[], ChunkSize { keys: 10, bytes: 1 }).is_empty());
    }
}
