//! From what files hold to Arrow.
//!
//! ```text
//! stored                      Arrow type                     when it does not fit
//! Parquet                     that of the file; text, binary and dictionaries in their plain form (Utf8, Binary);
//!                             INT96 as Timestamp(us)
//! CSV, JSON text              Utf8                           –
//! whole numbers               Int64                          beyond 64 bits: decimal
//! 1.10                        Decimal128(18 or 38, scale)    more than 38 digits: text
//! 1e3                         Float64                        more digits than 64 bits hold: text
//! true, false                 Boolean                        other words: text
//! 2024-01-31                  Date32 (CSV)
//! 2024-01-31T10:00:00[.f]     Timestamp(us) (CSV)            finer than microseconds: text
//! 2024-01-31T10:00:00Z        Timestamp(us, "UTC") (CSV)
//! -0.0                        Float64
//! 007, +5, .5                 Utf8 (CSV)                     digits as written are part of the value
//! nothing (CSV)               NULL; a quoted "" is the empty text in a text column, else NULL
//! absent, null (JSON)         NULL
//! {…}, […] (JSON)             Struct, List; a mixture of kinds is an error that names the column
//! ```
//!
//! A column's type is the narrowest that holds every value of the sample. A later value that does not fit is
//! `SchemaMismatch` with file, line and what to declare. A declared type reads more leniently: `007` is 7 in a column
//! declared `int64`, and `0.30000000000000004441` is what a `float64` makes of it. A JSON
//! column declared `text` takes any value, as the JSON of it.

pub(crate) mod csv;
pub(crate) mod evidence;
pub(crate) mod json;
pub(crate) mod json_array;
pub(crate) mod json_evidence;
pub(crate) mod scalar;
pub(crate) mod text_array;
pub(crate) mod union;
