//! Columns of single values.

use super::{Column, Misfit, Scalar, text};
use arrow::array::{ArrayBuilder as _, ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};
use headwater_sql::Primitives;
use std::sync::Arc;

/// PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01.
const DAYS_TO_2000: i32 = 10_957;
const MICROS_TO_2000: i64 = 946_684_800_000_000;

const INFINITE: &str = "have the column read as text, by the catalog's option read_as_text, or read it through a view that maps it to a date";

pub(super) fn column(scalar: Scalar) -> Box<dyn Column> {
    match scalar {
        Scalar::Bool => Box::new(Booleans(BooleanBuilder::new())),
        Scalar::Int2 => primitive::<Int16Type>(|bytes| Ok(i16::from_be_bytes(fixed(bytes)?))),
        Scalar::Int4 => primitive::<Int32Type>(|bytes| Ok(i32::from_be_bytes(fixed(bytes)?))),
        Scalar::Int8 => primitive::<Int64Type>(int8),
        Scalar::Float4 => primitive::<Float32Type>(float4),
        Scalar::Float8 => primitive::<Float64Type>(float8),
        Scalar::Text => text::column(|bytes| Ok(bytes)),
        Scalar::Jsonb => text::column(text::jsonb),
        Scalar::Uuid => Box::new(Uuids(StringBuilder::new())),
        Scalar::Bytea => Box::new(Binaries(BinaryBuilder::new())),
        Scalar::Date => primitive::<Date32Type>(date),
        Scalar::Time => primitive::<Time64MicrosecondType>(int8),
        Scalar::Timestamp => primitive::<TimestampMicrosecondType>(timestamp),
        Scalar::Timestamptz => primitive_of::<TimestampMicrosecondType>(scalar.arrow_type(), timestamp),
    }
}

/// As many bytes as the type has.
#[inline]
fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Misfit> {
    bytes.try_into().map_err(|_| misplaced(bytes.len(), N))
}

#[cold]
fn misplaced(found: usize, due: usize) -> Misfit {
    Misfit::corrupt(format!("a value of {found} bytes where {due} were due"))
}

fn int8(bytes: &[u8]) -> Result<i64, Misfit> {
    Ok(i64::from_be_bytes(fixed(bytes)?))
}

/// PostgreSQL has one NaN, whatever its bits; the engine would tell them apart.
fn float4(bytes: &[u8]) -> Result<f32, Misfit> {
    let number = f32::from_be_bytes(fixed(bytes)?);
    Ok(if number.is_nan() { f32::NAN } else { number })
}

fn float8(bytes: &[u8]) -> Result<f64, Misfit> {
    let number = f64::from_be_bytes(fixed(bytes)?);
    Ok(if number.is_nan() { f64::NAN } else { number })
}

fn date(bytes: &[u8]) -> Result<i32, Misfit> {
    match i32::from_be_bytes(fixed(bytes)?) {
        i32::MAX => Err(Misfit::new("the date infinity, which has no place in Date32", INFINITE)),
        i32::MIN => Err(Misfit::new("the date -infinity, which has no place in Date32", INFINITE)),
        days => days.checked_add(DAYS_TO_2000).ok_or_else(|| Misfit::corrupt("a date past all dates")),
    }
}

fn timestamp(bytes: &[u8]) -> Result<i64, Misfit> {
    match int8(bytes)? {
        i64::MAX => Err(Misfit::new("the timestamp infinity, which has no place in Timestamp(us)", INFINITE)),
        i64::MIN => Err(Misfit::new("the timestamp -infinity, which has no place in Timestamp(us)", INFINITE)),
        micros => micros.checked_add(MICROS_TO_2000).ok_or_else(|| {
            Misfit::new("a timestamp after the year 294246, which has no place in Timestamp(us)", INFINITE)
        }),
    }
}

/// Values of one width, and how they are read.
struct Fixed<T: ArrowPrimitiveType, F> {
    values: Primitives<T>,
    decode: F,
}

fn primitive<T: ArrowPrimitiveType>(
    decode: impl Fn(&[u8]) -> Result<T::Native, Misfit> + Send + 'static,
) -> Box<dyn Column> {
    primitive_of::<T>(T::DATA_TYPE, decode)
}

fn primitive_of<T: ArrowPrimitiveType>(
    of: DataType,
    decode: impl Fn(&[u8]) -> Result<T::Native, Misfit> + Send + 'static,
) -> Box<dyn Column> {
    Box::new(Fixed { values: Primitives::<T>::new(of), decode })
}

impl<T, F> Column for Fixed<T, F>
where
    T: ArrowPrimitiveType,
    F: Fn(&[u8]) -> Result<T::Native, Misfit> + Send,
{
    #[inline]
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit> {
        match value {
            Some(bytes) => self.values.push((self.decode)(bytes)?),
            None => self.values.push_null(),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.values.finish())
    }
}

struct Booleans(BooleanBuilder);

impl Column for Booleans {
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit> {
        match value {
            Some(bytes) => self.0.append_value(fixed::<1>(bytes)? != [0]),
            None => self.0.append_null(),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.0.len().div_ceil(8)
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(Arc::new(self.0.finish()))
    }
}

struct Uuids(StringBuilder);

impl Column for Uuids {
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit> {
        match value {
            Some(bytes) => {
                let text = uuid_text(fixed(bytes)?);
                self.0.append_value(std::str::from_utf8(&text).map_err(|_| Misfit::corrupt("a broken uuid"))?);
            }
            None => self.0.append_null(),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<i32>() + self.0.values_slice().len()
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(Arc::new(self.0.finish()))
    }
}

const UUID_LENGTH: usize = 36;

/// RFC 9562 §4: 8-4-4-4-12 lower-case hexadecimal digits.
fn uuid_text(bytes: [u8; 16]) -> [u8; UUID_LENGTH] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; UUID_LENGTH];
    let places = (0..UUID_LENGTH).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (place, nibble) in places.zip(nibbles) {
        text[place] = DIGITS[usize::from(nibble)];
    }
    text
}

struct Binaries(BinaryBuilder);

impl Column for Binaries {
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit> {
        match value {
            Some(bytes) => self.0.append_value(bytes),
            None => self.0.append_null(),
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<i32>() + self.0.values_slice().len()
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(Arc::new(self.0.finish()))
    }
}
