//! What should come back, and whether it did.

use super::{Violation, dataset};
use crate::{Answer, Expr, JoinKeys, ScanPlan, Value, eval::passes};
use arrow::array::RecordBatch;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the column that identifies a row.
pub(super) const ID: &str = "id";

/// The suite's data as values, by the row's `id`.
pub(super) struct Rows {
    rows: BTreeMap<i64, BTreeMap<String, Value>>,
}

/// What the answers of a plan allow: `must ⊆ returned ⊆ may`.
pub(super) struct Allowed {
    pub(super) must: BTreeSet<i64>,
    pub(super) may: BTreeSet<i64>,
}

impl Rows {
    pub(super) fn of_dataset() -> Self {
        let batch = dataset();
        let rows = (0..batch.num_rows()).filter_map(|row| {
            let values = row_values(&batch, row);
            Some((integer(values.get(ID)?)?, values))
        });
        Self { rows: rows.collect() }
    }

    pub(super) fn ids(&self) -> BTreeSet<i64> {
        self.rows.keys().copied().collect()
    }

    /// The rows for which all of `filters` are true.
    pub(super) fn matching<'a>(&self, filters: impl Iterator<Item = &'a Expr> + Clone) -> BTreeSet<i64> {
        let holds = |row: &BTreeMap<String, Value>| {
            filters.clone().all(|filter| passes(filter, &|name| row.get(name).cloned().unwrap_or(Value::Null)))
        };
        self.rows.iter().filter(|(_, row)| holds(row)).map(|(id, _)| *id).collect()
    }

    /// The rows whose key columns are among the keys.
    pub(super) fn with_keys(&self, keys: &JoinKeys) -> BTreeSet<i64> {
        let has = |row: &BTreeMap<String, Value>, tuple: &[Value]| {
            keys.columns
                .iter()
                .zip(tuple)
                .all(|(column, key)| row.get(column).is_some_and(|value| value.compare(key) == Some(Ordering::Equal)))
        };
        let wanted = |row: &BTreeMap<String, Value>| keys.tuples.iter().any(|tuple| has(row, tuple));
        self.rows.iter().filter(|(_, row)| wanted(row)).map(|(id, _)| *id).collect()
    }

    /// The different values of a column without NULL, in their order.
    pub(super) fn distinct(&self, column: &str) -> Vec<Value> {
        let mut values: Vec<_> = self.rows.values().filter_map(|row| row.get(column).cloned()).collect();
        values.retain(|value| !value.is_null());
        values.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
        values.dedup();
        values
    }

    /// A refused filter does nothing, an inexact one may let any row through, an exact one only those that pass.
    pub(super) fn allowed(&self, plan: &ScanPlan) -> Allowed {
        let answered = plan.request.filters.iter().zip(&plan.filters);
        let exact = answered.clone().filter(|(_, answer)| matches!(answer, Answer::Exact));
        let applied = answered.filter(|(_, answer)| !matches!(answer, Answer::Refused(_)));
        Allowed {
            must: self.matching(applied.map(|(filter, _)| filter)),
            may: self.matching(exact.map(|(filter, _)| filter)),
        }
    }

    /// Every value of `batch` is that of the row with the same `id`.
    pub(super) fn hold(&self, batch: &RecordBatch) -> Result<(), Violation> {
        for row in 0..batch.num_rows() {
            let values = row_values(batch, row);
            let id = values.get(ID).and_then(integer);
            let Some(expected) = id.and_then(|id| self.rows.get(&id)) else {
                return Err(Violation::new("each row is one of the data set", format!("a row with id {id:?}")));
            };
            for (column, value) in values {
                let Some(wanted) = expected.get(&column) else { continue };
                if !same(wanted, &value) {
                    let place = format!("{column} of the row with id {}", id.unwrap_or_default());
                    return Err(Violation::new(format!("{place} is {wanted:.60}"), format!("{value:?}")));
                }
            }
        }
        Ok(())
    }
}

impl Allowed {
    pub(super) fn exactly(ids: BTreeSet<i64>) -> Self {
        Self { must: ids.clone(), may: ids }
    }

    /// Returned ids keep to what is allowed, and none comes twice.
    pub(super) fn hold(&self, returned: &[i64]) -> Result<(), Violation> {
        let unique: BTreeSet<i64> = returned.iter().copied().collect();
        if unique.len() < returned.len() {
            let seen = format!("{} rows with {} different ids", returned.len(), unique.len());
            return Err(Violation::new("each row comes once", seen));
        }
        let missing: Vec<_> = self.must.difference(&unique).collect();
        if !missing.is_empty() {
            let expected = format!("at least {} rows with their ids", self.must.len());
            return Err(Violation::new(expected, format!("{} rows; missing: {}", unique.len(), some_of(&missing))));
        }
        let extra: Vec<_> = unique.difference(&self.may).collect();
        if !extra.is_empty() {
            let expected = format!("no more than {} rows with their ids", self.may.len());
            return Err(Violation::new(expected, format!("{} rows; too many: {}", unique.len(), some_of(&extra))));
        }
        Ok(())
    }
}

fn some_of(ids: &[&i64]) -> String {
    let shown: Vec<_> = ids.iter().take(8).map(ToString::to_string).collect();
    let rest = if ids.len() > shown.len() { format!(", … {} ids", ids.len()) } else { String::new() };
    format!("id {}{rest}", shown.join(", "))
}

/// Values that have no counterpart in the language are left out, and so cannot equal anything expected.
fn row_values(batch: &RecordBatch, row: usize) -> BTreeMap<String, Value> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let value = |(field, column): (&arrow_schema::FieldRef, &arrow::array::ArrayRef)| {
        Some((field.name().clone(), Value::from_array(column, row)?))
    };
    columns.filter_map(value).collect()
}

/// A number as an integer, if it is one.
pub(super) fn integer(value: &Value) -> Option<i64> {
    let (unscaled, scale) = exact_number(value)?;
    let divisor = 10i128.checked_pow(u32::try_from(scale).ok()?)?;
    (unscaled % divisor == 0).then(|| i64::try_from(unscaled / divisor).ok())?
}

/// Whether a value that was read is the one that was stored, whatever Arrow type carries it.
fn same(stored: &Value, read: &Value) -> bool {
    if stored.is_null() || read.is_null() {
        return stored.is_null() && read.is_null();
    }
    let Some((unscaled, scale)) = stored.as_decimal() else { return stored.compare(read) == Some(Ordering::Equal) };
    let stored = Value::Decimal { unscaled, scale };
    exact_number(read)
        .is_some_and(|(unscaled, scale)| stored.compare(&Value::Decimal { unscaled, scale }) == Some(Ordering::Equal))
}

/// Exact also for floats and texts: comparing as floats would forgive the rounding that this is to find.
fn exact_number(value: &Value) -> Option<(i128, i8)> {
    match value {
        Value::Float64(x) => parse_number(&x.to_string()),
        Value::Utf8(text) => parse_number(text),
        other => other.as_decimal(),
    }
}

fn parse_number(text: &str) -> Option<(i128, i8)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    Some((format!("{whole}{fraction}").parse().ok()?, i8::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_number_is_not_the_same() {
        let stored = Value::Decimal { unscaled: 999_999_999_999_999_999, scale: 4 };
        assert!(same(&stored, &Value::Utf8("99999999999999.99990".to_owned())));
        assert!(!same(&stored, &Value::Float64(99_999_999_999_999.999_9)));
        assert!(!same(&Value::Int64((1 << 53) + 1), &Value::Float64(9_007_199_254_740_992.0)));
        assert!(same(&Value::Int64(-7), &Value::Float64(-7.0)));
    }

    #[test]
    fn every_row_of_the_dataset_has_an_id_of_its_own() {
        assert_eq!(Rows::of_dataset().ids(), (1..=210).collect());
    }
}
