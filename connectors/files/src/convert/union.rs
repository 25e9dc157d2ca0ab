//! One type for a column that several files have.
//!
//! ```text
//! in one file              in another               together
//! an integer               a wider one              the wider one
//! unsigned                 signed                   the signed integer that holds both; UInt64: Decimal128(20,0)
//! an integer               Decimal128               a decimal that holds both, if 38 digits do
//! Decimal128               Decimal128               as above
//! Float32, up to 32 bits   Float64                  Float64
//! Timestamp(s, ms)         Timestamp(us)            the finer unit; with a zone only together with a zone: UTC
//! text, binary of any kind                          Utf8, Binary
//! only NULL                anything                 the other
//! anything else            of another type          an error that names both files
//! ```

use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use std::sync::Arc;

/// The plain form of a type: what the table's schema says for it.
pub(crate) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("UTC".into())),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => DataType::List(plain_field(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(plain_field(field), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect::<Fields>()),
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        other => other.clone(),
    }
}

/// The field in its plain form, without the metadata that a file's writer left.
pub(crate) fn plain_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), plain(field.data_type()), field.is_nullable()))
}

/// The type that holds the values of both exactly, or none.
pub(crate) fn united(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{Binary, Decimal128, FixedSizeBinary, Float32, Float64, Null, Timestamp};
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Null, other) | (other, Null) => Some(other.clone()),
        (Binary, FixedSizeBinary(_)) | (FixedSizeBinary(_), Binary | FixedSizeBinary(_)) => Some(Binary),
        (Float32, Float64) | (Float64, Float32) => Some(Float64),
        (Float64, other) | (other, Float64) => fits_in_float(other).then_some(Float64),
        (Timestamp(a, zone), Timestamp(b, other)) if zone.is_some() == other.is_some() => {
            Some(Timestamp(finer(*a, *b), zone.clone()))
        }
        _ if a.is_integer() && b.is_integer() => Some(integer(a, b)),
        (Decimal128(..), _) | (_, Decimal128(..)) => decimal(digits(a)?, digits(b)?),
        _ => None,
    }
}

fn fits_in_float(other: &DataType) -> bool {
    use DataType::{Int8, Int16, Int32, UInt8, UInt16, UInt32};
    matches!(other, Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32)
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    [TimeUnit::Nanosecond, TimeUnit::Microsecond, TimeUnit::Millisecond]
        .into_iter()
        .find(|unit| *unit == a || *unit == b)
        .unwrap_or(TimeUnit::Second)
}

/// Bits of magnitude and whether it has a sign.
fn width(data_type: &DataType) -> (u32, bool) {
    match data_type {
        DataType::Int8 => (7, true),
        DataType::Int16 => (15, true),
        DataType::Int32 => (31, true),
        DataType::Int64 => (63, true),
        DataType::UInt8 => (8, false),
        DataType::UInt16 => (16, false),
        DataType::UInt32 => (32, false),
        _ => (64, false),
    }
}

fn integer(a: &DataType, b: &DataType) -> DataType {
    let ((a, a_signed), (b, b_signed)) = (width(a), width(b));
    match (a.max(b), a_signed || b_signed) {
        (..=7, true) => DataType::Int8,
        (..=15, true) => DataType::Int16,
        (..=31, true) => DataType::Int32,
        (..=63, true) => DataType::Int64,
        (_, true) => DataType::Decimal128(20, 0),
        (..=8, false) => DataType::UInt8,
        (..=16, false) => DataType::UInt16,
        (..=32, false) => DataType::UInt32,
        (_, false) => DataType::UInt64,
    }
}

/// Digits before and after the point.
fn digits(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Decimal128(precision, scale) => Some((i16::from(*precision) - i16::from(*scale), i16::from(*scale))),
        DataType::Int8 | DataType::UInt8 => Some((3, 0)),
        DataType::Int16 | DataType::UInt16 => Some((5, 0)),
        DataType::Int32 | DataType::UInt32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::UInt64 => Some((20, 0)),
        _ => None,
    }
}

fn decimal((a, a_scale): (i16, i16), (b, b_scale): (i16, i16)) -> Option<DataType> {
    let scale = a_scale.max(b_scale);
    let precision = a.max(b) + scale;
    (1..=38).contains(&precision).then_some(())?;
    Some(DataType::Decimal128(u8::try_from(precision).ok()?, i8::try_from(scale).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use DataType::{Decimal128, Float32, Float64, Int16, Int32, Int64, UInt8, UInt32, UInt64, Utf8};

    #[test]
    fn types_unite_only_where_nothing_is_lost() {
        let cases = [
            (Int16, Int64, Some(Int64)),
            (UInt8, Int16, Some(Int16)),
            (UInt32, Int32, Some(Int64)),
            (UInt64, Int64, Some(Decimal128(20, 0))),
            (Int32, Decimal128(9, 2), Some(Decimal128(12, 2))),
            (Decimal128(38, 0), Decimal128(38, 10), None),
            (Decimal128(10, 2), Decimal128(8, 4), Some(Decimal128(12, 4))),
            (Int32, Float64, Some(Float64)),
            (Int64, Float64, None),
            (Int32, Float32, None),
            (Decimal128(9, 2), Float64, None),
            (Utf8, Int64, None),
            (DataType::Null, Utf8, Some(Utf8)),
            (DataType::Date32, DataType::Timestamp(TimeUnit::Second, None), None),
            (
                DataType::Timestamp(TimeUnit::Second, None),
                DataType::Timestamp(TimeUnit::Microsecond, None),
                Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
            ),
        ];
        for (a, b, both) in cases {
            assert_eq!(united(&a, &b), both, "{a} and {b}");
            assert_eq!(united(&b, &a), both, "{b} and {a}");
        }
        assert_eq!(plain(&DataType::Dictionary(Box::new(Int32), Box::new(DataType::Utf8View))), Utf8);
    }
}
