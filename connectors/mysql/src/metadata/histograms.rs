//! What `ANALYZE TABLE` has sampled of columns' values: MySQL's histograms, MariaDB's statistics independent of engines.
//!
//! MySQL: <https://dev.mysql.com/doc/refman/en/optimizer-statistics.html>, "Histogram Statistics Analysis"; a JSON object
//! per column, with buckets of one value and the share up to it, or of two values, the share and how many differ.
//! MariaDB: <https://mariadb.com/kb/en/mysqlcolumn_stats-table/>; least and greatest value, and the share of NULL.

use super::columns::FoundColumn;
use super::rows::Fields;
use crate::product::Product;
use arrow::datatypes::DataType;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use headwater_core::{ColumnEstimates, CommonValue, Result, parsed_values};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// One row per column, with the names of table and column as in `information_schema`.
pub(super) fn query(product: Product) -> &'static str {
    match product {
        Product::MySql => {
            "SELECT * FROM (SELECT SCHEMA_NAME AS TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, HISTOGRAM \
            FROM information_schema.COLUMN_STATISTICS) sampled"
        }
        Product::MariaDb => {
            "SELECT * FROM (SELECT db_name AS TABLE_SCHEMA, table_name AS TABLE_NAME, column_name, min_value, max_value, \
            nulls_ratio FROM mysql.column_stats) sampled"
        }
    }
}

/// By column. What cannot be read is not known: nothing but speed depends on it.
pub(super) fn parse(
    rows: &[Fields],
    product: Product,
    columns: &[FoundColumn],
) -> Result<BTreeMap<String, ColumnEstimates>> {
    let mut found = BTreeMap::new();
    for row in rows {
        let name = row.text(2)?;
        let Some(column) = columns.iter().find(|column| column.name == name) else { continue };
        let data_type = column.law.decoding().arrow_type();
        let estimates = match product {
            Product::MySql => row.optional_text(3)?.and_then(|json| histogram(&json, &data_type)),
            Product::MariaDb => Some(extremes(row, &data_type)?),
        };
        found.extend(estimates.filter(|estimates| !estimates.is_empty()).map(|estimates| (name, estimates)));
    }
    Ok(found)
}

fn extremes(row: &Fields, data_type: &DataType) -> Result<ColumnEstimates> {
    let ends: Option<Vec<String>> = [row.optional_text(3)?, row.optional_text(4)?].into_iter().collect();
    let nulls = row.optional_text(5)?.and_then(|share| share.parse().ok());
    Ok(ColumnEstimates { nulls, bounds: values(ends.unwrap_or_default(), data_type), ..ColumnEstimates::default() })
}

fn histogram(json: &str, data_type: &DataType) -> Option<ColumnEstimates> {
    let json: Json = serde_json::from_str(json).ok()?;
    let nulls = json["null-values"].as_f64();
    let buckets: Option<Vec<&[Json]>> =
        json["buckets"].as_array()?.iter().map(|b| Some(b.as_array()?.as_slice())).collect();
    let mut estimates = ColumnEstimates { nulls, ..ColumnEstimates::default() };
    match buckets?.as_slice() {
        buckets @ [[_, _], ..] => estimates.common = common(buckets, data_type)?,
        buckets @ [[first, ..], ..] => {
            // As many rows in each bucket, between the values at its ends.
            let ends = buckets.iter().map(|bucket| text(bucket.get(1)?));
            let ends: Option<Vec<String>> = std::iter::once(text(first)).chain(ends).collect();
            estimates.bounds = values(ends?, data_type);
        }
        _ => {}
    }
    Some(estimates)
}

/// A bucket per value, with the share of the rows up to it.
fn common(buckets: &[&[Json]], data_type: &DataType) -> Option<Vec<CommonValue>> {
    let texts: Option<Vec<String>> = buckets.iter().map(|bucket| text(bucket.first()?)).collect();
    let shares: Option<Vec<f64>> = buckets.iter().map(|bucket| bucket.get(1)?.as_f64()).collect();
    let mut below = 0.0;
    let common = parsed_values(texts?, data_type).into_iter().zip(shares?).filter_map(|(value, until)| {
        let share = until - below;
        below = until;
        Some(CommonValue { value: value?, share })
    });
    Some(common.collect())
}

/// `ColumnEstimates` takes two bounds or more.
fn values(texts: Vec<String>, data_type: &DataType) -> Vec<headwater_core::Value> {
    let values: Vec<_> = parsed_values(texts, data_type).into_iter().flatten().collect();
    if values.len() > 1 { values } else { Vec::new() }
}

/// Text is `base64:type254:aGVsbG8=`, whatever the number.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => match text.strip_prefix("base64:").and_then(|rest| rest.split_once(':')) {
            Some((_, encoded)) => String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok(),
            None => Some(text.clone()),
        },
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headwater_core::Value;

    #[test]
    fn a_bucket_has_one_value_or_two() {
        let one = r#"{"buckets": [["base64:type254:REU=", 0.25], ["base64:type254:Tlo=", 0.75]], "null-values": 0.25}"#;
        let one = histogram(one, &DataType::Utf8).unwrap();
        assert_eq!(one.nulls, Some(0.25));
        assert_eq!(one.common[1], CommonValue { value: Value::Utf8("NZ".to_owned()), share: 0.5 });
        let two = r#"{"buckets": [["2026-01-01", "2026-01-31", 0.5, 31], ["2026-02-01", "2026-02-28", 1.0, 28]]}"#;
        let two = histogram(two, &DataType::Date32).unwrap();
        assert_eq!(two.bounds, [Value::Date(20_454), Value::Date(20_484), Value::Date(20_512)]);
        assert_eq!(histogram(r#"{"buckets": []}"#, &DataType::Int32), Some(ColumnEstimates::default()));
        assert_eq!(histogram(r#"{"buckets": [[{}, 1]]}"#, &DataType::Int32), None);
        assert_eq!(histogram("?", &DataType::Int32), None);
    }
}
