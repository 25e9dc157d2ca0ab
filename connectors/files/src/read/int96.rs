//! Timestamps as 96 bits, which old writers made: a day and the nanoseconds of it.
//!
//! They are read as microseconds: as nanoseconds in 64 bits the year 9999, which many files have, would overflow. Those
//! of them that are no whole microseconds are an error.

use super::Task;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use headwater_core::{Error, ErrorKind, Result};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::Type as PhysicalType;

/// The schema with INT96 timestamps in this unit, if there are any.
pub(super) fn schema_in(unit: TimeUnit, metadata: &ArrowReaderMetadata) -> Option<SchemaRef> {
    let fields = metadata.schema().fields();
    if !fields.iter().any(|field| is_int96(metadata, field.name())) {
        return None;
    }
    let in_unit = |field: &FieldRef| {
        if is_int96(metadata, field.name()) {
            return FieldRef::new(Field::new(field.name(), DataType::Timestamp(unit, None), field.is_nullable()));
        }
        FieldRef::clone(field)
    };
    Some(SchemaRef::new(Schema::new(fields.iter().map(in_unit).collect::<Vec<_>>())))
}

fn is_int96(metadata: &ArrowReaderMetadata, name: &str) -> bool {
    let columns = metadata.parquet_schema().columns();
    columns.iter().any(|column| column.physical_type() == PhysicalType::INT96 && column.path().parts() == [name])
}

/// Which of the file's columns that are wanted are such timestamps.
///
/// # Errors
/// `Unsupported` for one within a list or a struct.
pub(super) fn wanted(task: &Task, metadata: &ArrowReaderMetadata, file: &str) -> Result<Vec<usize>> {
    let fields = metadata.schema().fields();
    let mut found = Vec::new();
    for name in task.wanted().map(|field| field.name()) {
        let nested = metadata.parquet_schema().columns().iter().any(|column| {
            let path = column.path().parts();
            column.physical_type() == PhysicalType::INT96 && path.len() > 1 && path.first() == Some(name)
        });
        if nested {
            let message = format!("{file}: column {name} has INT96 timestamps within a list or a struct");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("leave the column out, or write the file anew with timestamps of 64 bits"));
        }
        found.extend(fields.iter().position(|field| field.name() == name && is_int96(metadata, name)));
    }
    Ok(found)
}

/// Compares a batch with its timestamps in nanoseconds, which may have overflowed: what is left of them still tells
/// whether they are the microseconds a thousand times.
///
/// # Errors
/// `SchemaMismatch` for a timestamp that is not.
pub(super) fn check(batch: &RecordBatch, in_nanos: &RecordBatch, file: &str) -> Result<()> {
    if batch.num_rows() != in_nanos.num_rows() {
        return Err(Error::internal(format!("{file}: batches of the same row groups differ in their rows")));
    }
    for (field, nanos) in in_nanos.schema_ref().fields().iter().zip(in_nanos.columns()) {
        let micros = batch.column_by_name(field.name());
        let micros = micros.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let (Some(micros), Some(nanos)) = (micros, nanos.as_primitive_opt::<TimestampNanosecondType>()) else {
            return Err(Error::internal(format!("{file}: column {} is no timestamp", field.name())));
        };
        let whole = |(micros, nanos): (Option<i64>, Option<i64>)| micros.map(|n| n.wrapping_mul(1_000)) == nanos;
        if !micros.iter().zip(nanos).all(whole) {
            let message =
                format!("{file}: column {} has an INT96 timestamp that is no whole microsecond", field.name());
            return Err(Error::new(ErrorKind::SchemaMismatch, message)
                .with_hint("leave the column out, or write the file anew with timestamps of 64 bits"));
        }
    }
    Ok(())
}
