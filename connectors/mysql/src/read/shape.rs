//! Whether a statement still gives what was planned.

use crate::convert::Decoding;
use crate::protocol::ColumnDefinition;
use arrow::datatypes::Schema;
use headwater_core::{Error, ErrorKind, Result};
use mysql_common::constants::ColumnType as T;

/// The number of the character set `binary`, which means bytes.
const BINARY: u16 = 63;

/// `SchemaMismatch` when a column is of another type than it was planned with.
///
/// Integers of another width are read all the same, and are an error only where a value does not fit.
pub(super) fn check(found: &[ColumnDefinition], schema: &Schema, decodings: &[Decoding]) -> Result<()> {
    // A statement that selects no column selects a constant instead.
    if found.len() != decodings.len().max(1) {
        let message = "the server answers with another number of columns than the statement has";
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    for ((column, field), decoding) in found.iter().zip(schema.fields()).zip(decodings) {
        if !fits(*column, *decoding) {
            let message = format!("column {} is of another type now than when its table was planned", field.name());
            return Err(Error::new(ErrorKind::SchemaMismatch, message)
                .with_hint("the table was altered; it is read anew on the next attempt"));
        }
    }
    Ok(())
}

fn fits(column: ColumnDefinition, decoding: Decoding) -> bool {
    let (kind, bytes) = (column.kind, column.collation == BINARY);
    if kind == T::MYSQL_TYPE_NULL {
        return true;
    }
    match decoding {
        // A sum, whose digits are checked as they are read.
        Decoding::Int64 | Decoding::UInt64 if kind == T::MYSQL_TYPE_NEWDECIMAL => column.decimals == 0,
        Decoding::Boolean => kind == T::MYSQL_TYPE_TINY && !column.is_unsigned,
        Decoding::Int8
        | Decoding::Int16
        | Decoding::Int32
        | Decoding::Int64
        | Decoding::UInt8
        | Decoding::UInt16
        | Decoding::UInt32
        | Decoding::UInt64 => matches!(
            kind,
            T::MYSQL_TYPE_TINY
                | T::MYSQL_TYPE_SHORT
                | T::MYSQL_TYPE_INT24
                | T::MYSQL_TYPE_LONG
                | T::MYSQL_TYPE_LONGLONG
                | T::MYSQL_TYPE_YEAR
        ),
        Decoding::Bits => kind == T::MYSQL_TYPE_BIT,
        Decoding::Float32 => kind == T::MYSQL_TYPE_FLOAT,
        Decoding::Float64 => kind == T::MYSQL_TYPE_DOUBLE,
        Decoding::Decimal { scale, .. } => {
            kind == T::MYSQL_TYPE_NEWDECIMAL && i16::from(scale) == i16::from(column.decimals)
        }
        Decoding::Text => kind == T::MYSQL_TYPE_JSON || (is_string(kind) && !bytes),
        Decoding::Binary => matches!(kind, T::MYSQL_TYPE_GEOMETRY | T::MYSQL_TYPE_VECTOR) || (is_string(kind) && bytes),
        Decoding::Date => matches!(kind, T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE),
        Decoding::Timestamp => kind == T::MYSQL_TYPE_DATETIME,
        Decoding::Instant => kind == T::MYSQL_TYPE_TIMESTAMP,
        Decoding::Duration | Decoding::TimeOfDay => kind == T::MYSQL_TYPE_TIME,
    }
}

fn is_string(kind: T) -> bool {
    matches!(
        kind,
        T::MYSQL_TYPE_VARCHAR
            | T::MYSQL_TYPE_VAR_STRING
            | T::MYSQL_TYPE_STRING
            | T::MYSQL_TYPE_TINY_BLOB
            | T::MYSQL_TYPE_BLOB
            | T::MYSQL_TYPE_MEDIUM_BLOB
            | T::MYSQL_TYPE_LONG_BLOB
            | T::MYSQL_TYPE_ENUM
            | T::MYSQL_TYPE_SET
    )
}
