//! What a source has sampled of a column's values.

use crate::Value;
use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::cast;
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::Arc;

/// Shares of a table's rows by the values of a column, as its source sampled them some time ago: for choices between
/// ways to the same answer, never for the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnEstimates {
    /// The share of rows in which the column is NULL, from 0 to 1.
    pub nulls: Option<f64>,
    /// The most common values, each with its share of all rows.
    pub common: Vec<CommonValue>,
    /// Between two of these, in ascending order, lie equally many of the rows that have none of the common values.
    pub bounds: Vec<Value>,
}

/// A value that many rows have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommonValue {
    /// The value.
    pub value: Value,
    /// Its share of all rows, from 0 to 1.
    pub share: f64,
}

impl ColumnEstimates {
    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The share of rows that equal `value`, where the column has about `distinct` values.
    pub fn share_equal(&self, value: &Value, distinct: Option<u64>) -> Option<f64> {
        let is_equal = |common: &&CommonValue| common.value.compare(value) == Some(Ordering::Equal);
        if let Some(common) = self.common.iter().find(is_equal) {
            return Some(common.share);
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let others = distinct?.saturating_sub(self.common.len() as u64).max(1) as f64;
        Some(self.share_of_others() / others)
    }

    /// The share of rows that are less than `value`.
    pub fn share_below(&self, value: &Value) -> Option<f64> {
        let part = self.part_below(value);
        if part.is_none() && self.common.is_empty() {
            return None;
        }
        let common = self.common.iter().filter(|common| common.value.compare(value) == Some(Ordering::Less));
        let common: f64 = common.map(|common| common.share).sum();
        Some((common + part.unwrap_or(0.5) * self.share_of_others()).clamp(0.0, 1.0))
    }

    /// The share of rows that are neither NULL nor one of the common values.
    fn share_of_others(&self) -> f64 {
        let common: f64 = self.common.iter().map(|common| common.share).sum();
        (1.0 - self.nulls.unwrap_or(0.0) - common).clamp(0.0, 1.0)
    }

    /// Which part of the rows between the bounds is less than `value`.
    fn part_below(&self, value: &Value) -> Option<f64> {
        let (first, last) = (self.bounds.first()?, self.bounds.last()?);
        if value.compare(first)? != Ordering::Greater {
            return Some(0.0);
        }
        if value.compare(last)? == Ordering::Greater {
            return Some(1.0);
        }
        let parts = self.bounds.len() - 1;
        let at = self.bounds.windows(2).position(|pair| value.compare(&pair[1]) != Some(Ordering::Greater))?;
        let within = between(&self.bounds[at], &self.bounds[at + 1], value).unwrap_or(0.5);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        Some((at as f64 + within) / parts.max(1) as f64)
    }
}

/// How far `value` is on the way from `low` to `high`, from 0 to 1.
fn between(low: &Value, high: &Value, value: &Value) -> Option<f64> {
    let (low, high, value) = (place(low)?, place(high)?, place(value)?);
    (high > low).then(|| ((value - low) / (high - low)).clamp(0.0, 1.0))
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn place(value: &Value) -> Option<f64> {
    Some(match value {
        Value::Float64(number) => *number,
        Value::Date(days) => f64::from(*days),
        Value::Time(micros) | Value::Timestamp(micros) | Value::Instant(micros) => *micros as f64,
        exact => {
            let (unscaled, scale) = exact.as_decimal()?;
            unscaled as f64 / 10f64.powi(i32::from(scale))
        }
    })
}

/// Texts, as the source prints its values, as values of a column of this type. What cannot be read is `None`.
pub fn parsed_values(texts: Vec<String>, data_type: &DataType) -> Vec<Option<Value>> {
    let count = texts.len();
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let Ok(values) = cast(&texts, data_type) else { return vec![None; count] };
    let value = |row| Value::from_array(&values, row).filter(|value| !value.is_null());
    (0..values.len()).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(from: i32, to: i32, step: usize) -> Vec<Value> {
        (from..=to).step_by(step).map(Value::Date).collect()
    }

    #[test]
    fn shares_add_up_from_common_values_and_bounds() {
        let common = vec![CommonValue { value: Value::Date(50), share: 0.2 }];
        let estimates = ColumnEstimates { nulls: Some(0.1), common, bounds: days(0, 100, 10) };
        let near = |share: Option<f64>, expected: f64| assert!((share.unwrap() - expected).abs() < 1e-9, "{share:?}");
        near(estimates.share_below(&Value::Date(-1)), 0.0);
        near(estimates.share_below(&Value::Date(25)), 0.25 * 0.7);
        near(estimates.share_below(&Value::Date(100)), 0.2 + 0.7);
        near(estimates.share_below(&Value::Date(1_000)), 0.9);
        near(estimates.share_equal(&Value::Date(50), Some(100)), 0.2);
        near(estimates.share_equal(&Value::Date(51), Some(71)), 0.01);
        assert_eq!(ColumnEstimates::default().share_below(&Value::Date(1)), None);
        assert_eq!(ColumnEstimates::default().share_equal(&Value::Date(1), None), None);
    }

    #[test]
    fn printed_values_are_read_in_the_columns_type() {
        let texts = vec!["1995-03-15".to_owned(), "infinity".to_owned()];
        assert_eq!(parsed_values(texts, &DataType::Date32), [Some(Value::Date(9_204)), None]);
        let texts = vec!["12.50".to_owned()];
        let expected = Some(Value::Decimal { unscaled: 1_250, scale: 2 });
        assert_eq!(parsed_values(texts, &DataType::Decimal128(10, 2)), [expected]);
    }
}
