//! From PostgreSQL's types to Arrow's: one law, nothing rounded, nothing left out.
//!
//! ```text
//! PostgreSQL type                  Arrow type               when a value does not fit
//! bool                             Boolean                  –
//! int2, int4, int8                 Int16, Int32, Int64      –
//! oid                              Int64                    –
//! float4, float8                   Float32, Float64         – (every NaN becomes the one NaN)
//! numeric(p,s), p ≤ 38             Decimal128(p,s)          NaN → SchemaMismatch. s > p: Decimal128(s,s); s < 0: Decimal128(p-s,0)
//! numeric, numeric(p,s) p > 38     Utf8, all digits         – (also NaN, Infinity, -Infinity)
//! money                            Decimal128(21,2)         a third digit after the point → Corrupt
//! text, varchar, citext            Utf8                     –
//! char(n)                          Utf8 with its padding    –
//! name                             Utf8                     –
//! json, jsonb                      Utf8                     –
//! uuid                             Utf8, lower case         –
//! bytea                            Binary                   –
//! date                             Date32                   infinity, -infinity → SchemaMismatch
//! time                             Time64(us)               – (24:00:00 is 86,400,000,000)
//! timestamp                        Timestamp(us)            infinity, -infinity, after the year 294246 → SchemaMismatch
//! timestamptz                      Timestamp(us, "UTC")     the same
//! timetz, interval                 Utf8                     –
//! bit(n), varbit                   Utf8, 0 and 1            –
//! inet, cidr, macaddr, macaddr8    Utf8                     –
//! ranges, multiranges              Utf8                     –
//! composite types                  Utf8                     –
//! geometric types                  Utf8                     –
//! xml, hstore, tsvector, pg_lsn    Utf8                     –
//! enum                             Utf8                     –
//! domain                           as its base type         as its base type
//! array of bool, int2, int4, int8, float4, float8, text, varchar, uuid, date, timestamp, timestamptz
//!                                  List of the above        more than one dimension, or a first index other than 1 → SchemaMismatch
//! array of numeric                 List(Utf8), all digits   the same
//! any other array, and one declared with several dimensions
//!                                  Utf8, such as {{1,2},{3,NULL}}  –
//! anything else, and what option read_as_text names
//!                                  Utf8                     –
//! ```
//!
//! "As text" is what `value::text` gives with `TimeZone` UTC, `DateStyle` ISO and `IntervalStyle` postgres. Binary
//! formats are those of the types' send functions in `src/backend/utils/adt` of PostgreSQL's source.

mod decimal;
mod law;
mod list;
mod scalar;
mod server;
mod text;

pub(crate) use headwater_sql::Misfit;
pub(crate) use law::{ColumnLaw, SourceType};
pub(crate) use server::PostgreSql;

use crate::wire::Rows;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How the bytes of a single value are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scalar {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Text,
    /// A version byte, then text.
    Jsonb,
    Uuid,
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
}

/// How the bytes of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decoding {
    Scalar(Scalar),
    Decimal { precision: u8, scale: i8 },
    List(Scalar),
}

impl Scalar {
    fn arrow_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Text | Self::Jsonb | Self::Uuid => DataType::Utf8,
            Self::Bytea => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

impl Decoding {
    pub(crate) fn arrow_type(self) -> DataType {
        match self {
            Self::Scalar(scalar) => scalar.arrow_type(),
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
            Self::List(item) => DataType::List(Arc::new(Field::new_list_field(item.arrow_type(), true))),
        }
    }

    pub(crate) fn column(self) -> Box<dyn Column> {
        match self {
            Self::Scalar(scalar) => scalar::column(scalar),
            Self::Decimal { precision, scale } => decimal::column(precision, scale),
            Self::List(item) => list::column(item),
        }
    }

    /// The Arrow bytes of a value, its own length apart where it has one.
    pub(crate) fn width(self) -> usize {
        self.arrow_type().primitive_width().unwrap_or(size_of::<i32>())
    }
}

/// One column of the batch being built.
pub(crate) trait Column: Send {
    /// Appends one value in PostgreSQL's binary format, or NULL.
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit>;

    /// Appends the next value of each row.
    fn append_rows(&mut self, rows: &mut Rows<'_>) -> Result<(), Misfit> {
        rows.each(|value| self.append(value))
    }

    /// The Arrow bytes of the values so far.
    fn bytes(&self) -> usize;

    /// The values so far; the column is empty again.
    fn finish(&mut self) -> Result<ArrayRef, Misfit>;
}
