//! JSON to Arrow, exactly: a value that does not fit its column is an error, never a rounded value.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::{error::ArrowError, json::ReaderBuilder};
use headwater_core::{Error, ErrorKind, Result, ScanContext};
use serde_json::Value as Json;
use std::sync::Arc;

/// Batches of a page, each within the bounds of `context`.
pub(crate) fn batches(schema: &SchemaRef, rows: &[Json], context: &ScanContext) -> Result<Vec<RecordBatch>> {
    let failed = |why: String| Error::new(ErrorKind::SchemaMismatch, format!("the shop's rows do not fit: {why}"));
    let fields = || schema.fields().iter();
    let misfit = rows.iter().find_map(|row| fields().find(|field| !fits(field.data_type(), row.get(field.name()))));
    if let Some(field) = misfit {
        return Err(failed(format!("a value of {} is missing, or no {}", field.name(), field.data_type())));
    }
    let arrow = |error: ArrowError| failed(error.to_string());
    let decoder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(rows.len()).build_decoder();
    let mut decoder = decoder.map_err(arrow)?;
    decoder.serialize(rows).map_err(arrow)?;
    Ok(decoder.flush().map_err(arrow)?.into_iter().flat_map(|page| cut(page, context)).collect())
}

/// Halves a batch until each part is within the bounds. Parts share memory.
fn cut(batch: RecordBatch, context: &ScanContext) -> Vec<RecordBatch> {
    let (rows, half) = (batch.num_rows(), batch.num_rows() / 2);
    let bytes = batch.columns().iter().flat_map(|column| column.to_data().get_slice_memory_size()).sum::<usize>();
    if half > 0 && (rows > context.max_batch_rows || bytes > context.max_batch_bytes) {
        return [cut(batch.slice(0, half), context), cut(batch.slice(half, rows - half), context)].concat();
    }
    context.metrics.add_batch(rows as u64, bytes as u64);
    vec![batch]
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
