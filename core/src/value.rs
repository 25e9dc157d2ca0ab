//! One typed value: a literal in a predicate, a join key, a statistic.

use crate::{Error, ErrorKind, Result};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A value of the pushdown language, serialisable without loss.
///
/// The width of an integer is not part of a value: an `Int32` column compares with `Int64(7)` by number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Value {
    /// SQL NULL.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A signed integer of any width.
    Int64(#[serde(with = "crate::wire::integer_text")] i64),
    /// An unsigned integer that may exceed `i64`.
    UInt64(#[serde(with = "crate::wire::integer_text")] u64),
    /// A binary floating-point number, NaN and infinities included.
    Float64(#[serde(with = "float_text")] f64),
    /// `unscaled × 10^-scale`, at most 38 digits.
    Decimal {
        /// The digits as one integer.
        #[serde(with = "crate::wire::integer_text")]
        unscaled: i128,
        /// Digits after the point; may be negative.
        scale: i8,
    },
    /// Text, compared by bytes (UTF-8).
    Utf8(String),
    /// Bytes, compared by bytes.
    Binary(#[serde(with = "crate::wire::binary_text")] Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(#[serde(with = "crate::wire::integer_text")] i64),
    /// Microseconds since 1970-01-01 00:00:00 of a clock without a time zone.
    Timestamp(#[serde(with = "crate::wire::integer_text")] i64),
    /// Microseconds since 1970-01-01T00:00:00Z: an instant.
    Instant(#[serde(with = "crate::wire::integer_text")] i64),
    /// The members of a struct, in order, by name: what a column holds. Never a constant or a key.
    Struct(Vec<(String, Value)>),
}

/// What tells a value from the others of its column. Equal identities: equal values of the same kind.
///
/// For sets and maps, which `Value` itself cannot be in: floating-point numbers have no order that all agree on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity<'a> {
    /// Of [`Value::Int64`].
    Integer(i64),
    /// Of [`Value::Utf8`].
    Text(&'a str),
    /// Of all others: the way they are shown.
    Other(String),
}

impl Value {
    /// What tells this value from others.
    pub fn identity(&self) -> Identity<'_> {
        match self {
            Self::Int64(number) => Identity::Integer(*number),
            Self::Utf8(text) => Identity::Text(text),
            other => Identity::Other(format!("{other:?}")),
        }
    }

    /// The value at `row`, or `None` when the array's type has no counterpart in the language.
    ///
    /// Nanosecond timestamps that are not whole microseconds have none either: rounding would change an answer.
    pub fn from_array(array: &dyn Array, row: usize) -> Option<Self> {
        if array.is_null(row) {
            return Some(Self::Null);
        }
        let value = match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.as_boolean().value(row)),
            DataType::Int8 => Self::Int64(array.as_primitive::<Int8Type>().value(row).into()),
            DataType::Int16 => Self::Int64(array.as_primitive::<Int16Type>().value(row).into()),
            DataType::Int32 => Self::Int64(array.as_primitive::<Int32Type>().value(row).into()),
            DataType::Int64 => Self::Int64(array.as_primitive::<Int64Type>().value(row)),
            DataType::UInt8 => Self::Int64(array.as_primitive::<UInt8Type>().value(row).into()),
            DataType::UInt16 => Self::Int64(array.as_primitive::<UInt16Type>().value(row).into()),
            DataType::UInt32 => Self::Int64(array.as_primitive::<UInt32Type>().value(row).into()),
            DataType::UInt64 => Self::UInt64(array.as_primitive::<UInt64Type>().value(row)),
            DataType::Float32 => Self::Float64(array.as_primitive::<Float32Type>().value(row).into()),
            DataType::Float64 => Self::Float64(array.as_primitive::<Float64Type>().value(row)),
            DataType::Decimal128(_, scale) => {
                Self::Decimal { unscaled: array.as_primitive::<Decimal128Type>().value(row), scale: *scale }
            }
            DataType::Utf8 => Self::Utf8(array.as_string::<i32>().value(row).to_owned()),
            DataType::LargeUtf8 => Self::Utf8(array.as_string::<i64>().value(row).to_owned()),
            DataType::Utf8View => Self::Utf8(array.as_string_view().value(row).to_owned()),
            DataType::Binary => Self::Binary(array.as_binary::<i32>().value(row).to_vec()),
            DataType::LargeBinary => Self::Binary(array.as_binary::<i64>().value(row).to_vec()),
            DataType::BinaryView => Self::Binary(array.as_binary_view().value(row).to_vec()),
            DataType::FixedSizeBinary(_) => Self::Binary(array.as_fixed_size_binary().value(row).to_vec()),
            DataType::Date32 => Self::Date(array.as_primitive::<Date32Type>().value(row)),
            DataType::Time64(TimeUnit::Microsecond) => {
                Self::Time(array.as_primitive::<Time64MicrosecondType>().value(row))
            }
            DataType::Timestamp(unit, zone) => {
                let micros = timestamp_micros(array, *unit, row)?;
                if zone.is_some() { Self::Instant(micros) } else { Self::Timestamp(micros) }
            }
            DataType::Struct(_) => {
                let array = array.as_struct();
                let members = array.column_names().into_iter().zip(array.columns());
                Self::Struct(members.map(|(name, member)| (name.to_owned(), Self::seen(member, row))).collect())
            }
            _ => return None,
        };
        Some(value)
    }

    /// What a predicate sees at `row`: a value of a type without a counterpart is not NULL, and equal to nothing.
    pub fn seen(array: &dyn Array, row: usize) -> Self {
        Self::from_array(array, row).unwrap_or_else(|| Self::Struct(Vec::new()))
    }

    /// Whether this is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The order of two values as the engine has it, or `None` when one is NULL or they are of different families.
    ///
    /// Numbers compare by value across integer, decimal and float. NaN equals NaN and is greater than every other
    /// number; −0.0 equals 0.0 (both as DataFusion 55 and Postgres have it; Arrow's own kernels order −0.0 before 0.0).
    /// Text and binary compare by bytes. `false < true`.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Utf8(a), Self::Utf8(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Binary(a), Self::Binary(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b))
            | (Self::Timestamp(a), Self::Timestamp(b))
            | (Self::Instant(a), Self::Instant(b)) => Some(a.cmp(b)),
            (Self::Float64(a), b) => Some(compare_floats(*a, b.as_f64()?)),
            (a, Self::Float64(b)) => Some(compare_floats(a.as_f64()?, *b)),
            (a, b) => compare_exact(a.as_decimal()?, b.as_decimal()?),
        }
    }

    /// The number as `(unscaled, scale)`, if this is an exact number.
    pub fn as_decimal(&self) -> Option<(i128, i8)> {
        match self {
            Self::Int64(n) => Some((i128::from(*n), 0)),
            Self::UInt64(n) => Some((i128::from(*n), 0)),
            Self::Decimal { unscaled, scale } => Some((*unscaled, *scale)),
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        if let Self::Float64(x) = self {
            return Some(*x);
        }
        let (unscaled, scale) = self.as_decimal()?;
        decimal_text(unscaled, scale).parse().ok()
    }
}

/// Exact decimals in plain notation: `-12.50`, never an exponent.
pub fn decimal_text(unscaled: i128, scale: i8) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    let Ok(scale) = usize::try_from(scale) else {
        let zeros = "0".repeat(usize::from(scale.unsigned_abs()));
        return if unscaled == 0 { "0".to_owned() } else { format!("{sign}{digits}{zeros}") };
    };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

fn compare_floats(a: f64, b: f64) -> Ordering {
    // Adding positive zero turns −0.0 into 0.0; a NaN of either sign counts as the positive one.
    let plain = |x: f64| if x.is_nan() { f64::NAN } else { x + 0.0 };
    plain(a).total_cmp(&plain(b))
}

fn compare_exact((a, a_scale): (i128, i8), (b, b_scale): (i128, i8)) -> Option<Ordering> {
    if a_scale == b_scale {
        return Some(a.cmp(&b));
    }
    let common = a_scale.max(b_scale);
    match (rescale(a, a_scale, common), rescale(b, b_scale, common)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        // More than 38 digits at the common scale: that side is larger in magnitude than anything the other can be.
        (None, Some(_)) => Some(if a < 0 { Ordering::Less } else { Ordering::Greater }),
        (Some(_), None) => Some(if b < 0 { Ordering::Greater } else { Ordering::Less }),
        (None, None) => None,
    }
}

fn rescale(unscaled: i128, from: i8, to: i8) -> Option<i128> {
    let places = u32::try_from(i16::from(to) - i16::from(from)).ok()?;
    if unscaled == 0 {
        return Some(0);
    }
    unscaled.checked_mul(10i128.checked_pow(places)?)
}

fn timestamp_micros(array: &dyn Array, unit: TimeUnit, row: usize) -> Option<i64> {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).checked_mul(1_000_000),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row).checked_mul(1_000),
        TimeUnit::Microsecond => Some(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        TimeUnit::Nanosecond => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
            (nanos % 1_000 == 0).then_some(nanos / 1_000)
        }
    }
}

/// How values read in EXPLAIN and in messages: close to SQL literals, long text cut.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Boolean(b) => write!(f, "{b}"),
            Self::Int64(n) => write!(f, "{n}"),
            Self::UInt64(n) => write!(f, "{n}"),
            Self::Float64(x) => write!(f, "{x:?}"),
            Self::Decimal { unscaled, scale } => f.write_str(&decimal_text(*unscaled, *scale)),
            Self::Utf8(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Binary(bytes) => {
                f.write_str("X'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))?;
                f.write_str("'")
            }
            Self::Date(_) | Self::Time(_) | Self::Timestamp(_) | Self::Instant(_) => self.fmt_temporal(f),
            Self::Struct(members) => {
                let shown: Vec<String> = members.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                write!(f, "{{{}}}", shown.join(", "))
            }
        }
    }
}

impl Value {
    fn fmt_temporal(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
        match self {
            Self::Date(days) => match date32_to_datetime(*days) {
                Some(date) => write!(f, "DATE '{}'", date.date()),
                None => write!(f, "DATE '{days} days after 1970-01-01'"),
            },
            Self::Time(micros) => {
                let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
                write!(f, "TIME '{:02}:{:02}:{:02}.{fraction:06}'", seconds / 3600, seconds / 60 % 60, seconds % 60)
            }
            Self::Timestamp(micros) => match timestamp_us_to_datetime(*micros) {
                Some(at) => write!(f, "TIMESTAMP '{at}'"),
                None => write!(f, "TIMESTAMP '{micros} us after 1970-01-01'"),
            },
            Self::Instant(micros) => match timestamp_us_to_datetime(*micros) {
                Some(at) => write!(f, "TIMESTAMP '{at}Z'"),
                None => write!(f, "TIMESTAMP '{micros} us after 1970-01-01Z'"),
            },
            _ => Ok(()),
        }
    }
}

/// The value of every row of `array`.
///
/// # Errors
/// `Unsupported` when the type has no counterpart in the language.
pub fn values_of(array: &dyn Array) -> Result<Vec<Value>> {
    (0..array.len())
        .map(|row| {
            Value::from_array(array, row).ok_or_else(|| {
                let message = format!("a value of type {} has no place in the pushdown language", array.data_type());
                Error::new(ErrorKind::Unsupported, message)
            })
        })
        .collect()
}

/// JSON numbers cannot say NaN or infinity, and 2^53+1 does not survive every reader: floats travel as text.
mod float_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &f64, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&format!("{value:?}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(unscaled: i128, scale: i8) -> Value {
        Value::Decimal { unscaled, scale }
    }

    #[test]
    fn numbers_compare_by_value_whatever_their_type() {
        assert_eq!(Value::Int64(2).compare(&decimal(200, 2)), Some(Ordering::Equal));
        assert_eq!(decimal(-1, 0).compare(&decimal(i128::MAX, 38)), Some(Ordering::Less));
        assert_eq!(decimal(10i128.pow(37), -1).compare(&decimal(1, 10)), Some(Ordering::Greater));
        assert_eq!(Value::UInt64(u64::MAX).compare(&Value::Int64(-1)), Some(Ordering::Greater));
        assert_eq!(Value::Float64(f64::NAN).compare(&Value::Int64(1)), Some(Ordering::Greater));
        assert_eq!(Value::Float64(-0.0).compare(&Value::Float64(0.0)), Some(Ordering::Equal));
    }

    #[test]
    fn null_compares_with_nothing() {
        assert_eq!(Value::Null.compare(&Value::Null), None);
        assert_eq!(Value::Int64(1).compare(&Value::Null), None);
        assert_eq!(Value::Utf8("1".into()).compare(&Value::Int64(1)), None);
    }

    #[test]
    fn every_value_survives_json() -> Result<(), serde_json::Error> {
        let values = vec![
            Value::Null,
            Value::UInt64(u64::MAX),
            Value::Float64(f64::NEG_INFINITY),
            Value::Float64(-0.0),
            decimal(i128::MIN, 38),
            Value::Utf8("O'Brien ☃".into()),
            Value::Binary(vec![0, 255]),
            Value::Instant(i64::MIN),
        ];
        let json = serde_json::to_string(&values)?;
        let back: Vec<Value> = serde_json::from_str(&json)?;
        assert_eq!(format!("{values:?}"), format!("{back:?}"));
        Ok(())
    }

    #[test]
    fn decimals_print_without_exponent() {
        assert_eq!(decimal_text(-5, 3), "-0.005");
        assert_eq!(decimal_text(12, -3), "12000");
        assert_eq!(decimal_text(0, 2), "0.00");
    }
}
