//! From the servers' types to Arrow's: one law, nothing rounded, nothing left out.
//!
//! ```text
//! MySQL, MariaDB type              Arrow type               when a value does not fit
//! tinyint … bigint                 Int8, 16, 32, 32, 64     –
//! the same unsigned                UInt8, 16, 32, 32, 64    –
//! tinyint(1), bool                 Int8                     – (it holds any tinyint). With `tinyint1_is_boolean` Boolean: another value than 0 and 1 → SchemaMismatch
//! bit(n)                           UInt64                   –
//! float, double                    Float32, Float64         –
//! decimal(p,s), p ≤ 38             Decimal128(p,s)          –
//! decimal(p,s), p > 38             Decimal256(p,s)          –
//! date                             Date32                   zero and partial dates, days that no calendar has, the year 0 → NULL
//! datetime(n)                      Timestamp(us)            the same
//! timestamp(n)                     Timestamp(us, "UTC")     the same
//! time(n)                          Duration(us)             –. With `time = "time_of_day"` Time64(us): negative or from 24 h on → SchemaMismatch
//! year                             Int16                    – (0 is the year 0000)
//! char, varchar, text              Utf8                     – (char without the blanks that pad it, as the server gives it)
//! enum, set                        Utf8                     – (set: its members, separated by commas)
//! json                             Utf8                     – (MariaDB's json is a longtext)
//! binary, varbinary, blob          Binary                   – (binary(n) with the zeros that pad it)
//! geometry and its kinds           Binary: WKB              – (longitude first; without the SRID)
//! vector                           Binary                   – (32-bit floats, little endian)
//! anything else (uuid, inet6, …)   Utf8, "read as text"     –
//! ```
//!
//! Columns of dates and times are nullable whatever the table says, as `NOT NULL` does not keep zero dates out. Text of
//! any character set arrives as UTF-8.

mod calendar;
mod decimal;
mod law;
mod scalar;
mod statement;
mod temporal;
mod text;

pub(crate) use calendar::days;
pub(crate) use headwater_sql::Misfit;
pub(crate) use law::{ColumnLaw, Reading, SourceType};

use crate::protocol::{ColumnDefinition, Rows, length_encoded};
use arrow::array::ArrayRef;
use arrow::datatypes::{
    BinaryType, DataType, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type, Utf8Type,
};
use mysql_common::constants::ColumnType;
use serde::{Deserialize, Serialize};

/// How the values of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decoding {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    /// The bytes of an unsigned integer, most significant first.
    Bits,
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Text,
    Binary,
    Date,
    Timestamp,
    Instant,
    Duration,
    TimeOfDay,
}

impl Decoding {
    pub(crate) fn arrow_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt8 => DataType::UInt8,
            Self::UInt16 => DataType::UInt16,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 | Self::Bits => DataType::UInt64,
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision: precision @ ..=38, scale } => DataType::Decimal128(precision, scale),
            Self::Decimal { precision, scale } => DataType::Decimal256(precision, scale),
            Self::Text => DataType::Utf8,
            Self::Binary => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Duration => DataType::Duration(TimeUnit::Microsecond),
            Self::TimeOfDay => DataType::Time64(TimeUnit::Microsecond),
        }
    }

    /// Whether values that are not NULL at the source may be read as NULL.
    pub(crate) fn has_gaps(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp | Self::Instant)
    }

    /// A column of values that arrive as `definition` says, which must fit.
    pub(crate) fn column(self, definition: ColumnDefinition) -> Box<dyn Column> {
        let is_decimal = definition.kind == ColumnType::MYSQL_TYPE_NEWDECIMAL;
        match self {
            Self::Boolean => scalar::booleans(),
            Self::Int8 => scalar::integers::<Int8Type>(definition),
            Self::Int16 => scalar::integers::<Int16Type>(definition),
            Self::Int32 => scalar::integers::<Int32Type>(definition),
            // A sum.
            Self::Int64 if is_decimal => decimal::integers::<Int64Type>(),
            Self::UInt64 if is_decimal => decimal::integers::<UInt64Type>(),
            Self::Int64 => scalar::integers::<Int64Type>(definition),
            Self::UInt8 => scalar::integers::<UInt8Type>(definition),
            Self::UInt16 => scalar::integers::<UInt16Type>(definition),
            Self::UInt32 => scalar::integers::<UInt32Type>(definition),
            Self::UInt64 => scalar::integers::<UInt64Type>(definition),
            Self::Bits => scalar::bits(),
            Self::Float32 => scalar::floats(),
            Self::Float64 => scalar::doubles(),
            Self::Decimal { precision, scale } => decimal::column(precision, scale),
            Self::Text => text::column::<Utf8Type>(),
            Self::Binary => text::column::<BinaryType>(),
            Self::Date | Self::Timestamp | Self::Instant | Self::Duration | Self::TimeOfDay => temporal::column(self),
        }
    }

    /// The Arrow bytes of a value, its own length apart where it has one.
    pub(crate) fn width(self) -> usize {
        self.arrow_type().primitive_width().unwrap_or(size_of::<i32>())
    }
}

/// One column of the batch being built.
pub(crate) trait Column: Send {
    /// Appends the values of column number `index`, and says how many Arrow bytes they take.
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit>;

    /// The values so far; the column is empty again.
    fn finish(&mut self) -> Result<ArrayRef, Misfit>;
}

/// The bytes of a value that begins with its length, and how many bytes both take.
#[inline]
fn value_bytes(rest: &[u8]) -> Result<(&[u8], u32), Misfit> {
    let (length, used) = length_encoded(rest).ok_or_else(misplaced)?;
    let end = used.checked_add(length).ok_or_else(misplaced)?;
    let bytes = rest.get(used..end).ok_or_else(misplaced)?;
    Ok((bytes, u32::try_from(end).map_err(|_| misplaced())?))
}

/// The row is too short for its columns.
fn misplaced() -> Misfit {
    Misfit::corrupt("a value that ends too early")
}
