//! Batches of the sizes that the engine asked for.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{FieldRef, SchemaRef};
use futures::{StreamExt, stream};
use headwater_core::{BatchStream, Error, Result, ScanContext};

/// Decoded Arrow bytes.
pub(super) fn decoded_bytes(batch: &RecordBatch) -> u64 {
    let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default() as u64;
    batch.columns().iter().map(bytes).sum()
}

/// Halves a batch until each part is within the limits. Parts share memory.
pub(super) fn cut(batch: RecordBatch, context: &ScanContext) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let large = rows > context.max_batch_rows || decoded_bytes(&batch) > context.max_batch_bytes as u64;
    if rows <= 1 || !large {
        return if rows == 0 { Vec::new() } else { vec![batch] };
    }
    let half = rows / 2;
    let mut parts = cut(batch.slice(0, half), context);
    parts.extend(cut(batch.slice(half, rows - half), context));
    parts
}

/// Stops after so many rows.
pub(super) fn limited(batches: BatchStream, limit: Option<u64>) -> BatchStream {
    let Some(limit) = limit else { return batches };
    let next = |(mut batches, left): (BatchStream, u64)| async move {
        if left == 0 {
            return None;
        }
        match batches.next().await? {
            Ok(batch) => {
                let rows = usize::try_from(left).unwrap_or(usize::MAX).min(batch.num_rows());
                let left = left - rows as u64;
                Some((Ok(batch.slice(0, rows)), (batches, left)))
            }
            // An error ends the split: what comes after it would not be the rest.
            Err(error) => Some((Err(error), (stream::empty().boxed(), 0))),
        }
    };
    stream::unfold((batches, limit), next).boxed()
}

/// A batch of the answer's columns: the file's own, and the constants that its path gives.
pub(super) fn assembled(
    schema: &SchemaRef,
    rows: usize,
    own: &[(&FieldRef, ArrayRef)],
    constants: &[(String, ArrayRef)],
) -> Result<RecordBatch> {
    let column = |field: &FieldRef| {
        if let Some((_, constant)) = constants.iter().find(|(name, _)| name == field.name()) {
            return repeated(constant, rows);
        }
        match own.iter().find(|(own, _)| own.name() == field.name()) {
            Some((_, array)) => Ok(array.clone()),
            None => Ok(new_null_array(field.data_type(), rows)),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|error| Error::internal(format!("the columns of a batch do not fit its schema: {error}")))
}

fn repeated(constant: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    let indices = arrow::array::UInt32Array::from(vec![0; rows]);
    take(constant.as_ref(), &indices, None).map_err(|error| Error::internal(format!("a constant column: {error}")))
}
