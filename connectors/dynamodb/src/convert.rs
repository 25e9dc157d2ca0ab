//! From DynamoDB's values to Arrow's.
//!
//! Items carry their own types, so a column's type is decided from a sample (every item of it, at every depth), from
//! the table's description and from the configuration. The law; `tests/convert.rs` walks it:
//!
//! ```text
//! seen in the sample                    Arrow type           when a later value does not fit
//! key attribute, S or B                 Utf8, Binary         cannot happen: DynamoDB enforces the type
//! declared in the configuration         as declared          error SchemaMismatch
//! S                                     Utf8                 error SchemaMismatch
//! N, all integers within i64            Int64                error SchemaMismatch (a fraction, more digits)
//! N, i integer and s fraction digits,   Decimal128(38,s)     error SchemaMismatch
//!   i + s ≤ 38
//! N otherwise                           Utf8, exact digits   fits always
//! BOOL                                  Boolean              error SchemaMismatch
//! B                                     Binary               error SchemaMismatch
//! M                                     Struct, fields by    error SchemaMismatch; an entry that the sample did
//!                                         name, recursively    not have is left out
//! L, SS, NS, BS                         List of the merged   error SchemaMismatch
//!                                         element type
//! M or L, always empty                  Utf8, JSON text      fits always
//! different kinds (S and N, M and L)    Utf8, JSON text      fits always
//! NULL alone                            Utf8, JSON text      fits always
//! N key of an empty table               Int64                error SchemaMismatch
//! ```
//!
//! An absent attribute is NULL, a NULL is NULL. No value is ever rounded, with one exception that a person must ask
//! for: `float64`. An attribute that the sample never had is no column until it is declared.
//!
//! JSON text is plain JSON: numbers with their exact digits, binary as base64, sets as sorted arrays, map entries
//! sorted by name. Numbers as text are in one canonical form (`1500`, `-0.25`, `1E-130`), equal text for equal
//! numbers. A set read as a list is sorted, because DynamoDB returns it in no order.
//!
//! ```text
//! declared type          accepts               Arrow type
//! text                   S                     Utf8
//! number                 N                     Utf8, exact digits
//! int64                  N                     Int64
//! float64                N                     Float64 (nearest; the one type that rounds)
//! decimal(p,s)           N                     Decimal128(p,s)
//! boolean                BOOL                  Boolean
//! binary                 B                     Binary
//! timestamp              S, RFC 3339           Timestamp(us, "UTC"); finer than microseconds does not fit, nor does
//!                                                a year before 1 or after 9999 (here and in the next two)
//! timestamp(epoch_s),    N, or S of digits     the same; fractions are exact
//!   (epoch_ms), (epoch_us)
//! timestamp("%Y-%m-%d")  S after the pattern   the same; UTC unless the pattern has an offset
//! date                   S, YYYY-MM-DD         Date32
//! date(epoch_days)       N, or S of digits     Date32
//! date("%d.%m.%Y")       S after the pattern   Date32
//! json                   everything            Utf8, JSON text
//! list(T)                L, SS, NS, BS         List of T
//! map(T)                 M                     Map of Utf8 to T, sorted by name
//! struct(a T, …)         M                     Struct; entries that are not declared are left out
//! ```
//!
//! Patterns have the letters of `strftime`. The hidden column `_item` is the whole item as JSON text.

mod attribute;
mod builder;
mod cell;
mod column;
mod evidence;
mod json;
mod number;
mod pattern;
mod temporal;
mod written;

pub(crate) use attribute::{attribute_from_json, attribute_to_json, item_size};
pub(crate) use builder::{Column, Columns, RowBuilder, Shape};
pub(crate) use cell::{Cell, Misfit, Step};
#[cfg(test)]
pub(crate) use column::Member;
pub(crate) use column::{ColumnType, KeyKind, attribute_of};
pub(crate) use evidence::Evidence;
pub(crate) use json::{sorted_numbers, sorted_texts, write_entries, write_json};
pub(crate) use number::Number;
pub(crate) use temporal::{DateFormat, TimestampFormat, day_text};
pub(crate) use written::known_types;
