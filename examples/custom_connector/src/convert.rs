//! JSON to Arrow, exactly: a value that does not fit its column is an error, never a rounded value.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::{error::ArrowError, json::ReaderBuilder};
use headwater_core::{Error, ErrorKind, Result};
use serde_json::Value as Json;
use std::sync::Arc;

pub(crate) fn batch(schema: &SchemaRef, rows: &[Json]) -> Result<RecordBatch> {
    let failed =
        |reason: String| Error::new(ErrorKind::SchemaMismatch, format!("the shop's rows do not fit: {reason}"));
    let fields = || schema.fields().iter();
    let misfit = rows.iter().find_map(|row| fields().find(|field| !fits(field.data_type(), row.get(field.name()))));
    if let Some(field) = misfit {
        return Err(failed(format!("a value of {} is missing, or no {}", field.name(), field.data_type())));
    }
    let arrow = |error: ArrowError| failed(error.to_string());
    let decoder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows.len()).build_decoder();
    let mut decoder = decoder.map_err(arrow)?;
    decoder.serialize(rows).map_err(arrow)?;
    decoder.flush().map_err(arrow)?.ok_or_else(|| Error::internal("a batch without rows"))
}

/// Arrow's decoder reads `1.5` into an integer column as 1, rounds decimals, and completes an odd number of hexadecimal
/// digits: what it would change is found here.
fn fits(data_type: &DataType, value: Option<&Json>) -> bool {
    match (data_type, value) {
        (_, Some(Json::Null)) | (DataType::Boolean, Some(Json::Bool(_))) => true,
        (DataType::Int64, Some(Json::Number(number))) => number.is_i64(),
        (DataType::Utf8, Some(Json::String(_))) => true,
        (DataType::Binary, Some(Json::String(text))) => text.len().is_multiple_of(2),
        (DataType::Decimal128(_, scale), Some(Json::String(text))) => {
            let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
            fraction.len() <= usize::try_from(*scale).unwrap_or(0) && !text.contains(['e', 'E'])
        }
        _ => false,
    }
}
