//! Columns of integers, floating-point numbers and bits.

use super::{Column, Misfit, misplaced, value_bytes};
use crate::protocol::{ColumnDefinition, Rows};
use arrow::array::builder::BooleanBuilder;
use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{Float32Type, Float64Type, UInt64Type};
use headwater_sql::Primitives;
use mysql_common::constants::ColumnType as T;
use std::fmt::Display;
use std::sync::Arc;

/// How an integer arrives.
#[derive(Debug, Clone, Copy)]
enum Width {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
}

impl Width {
    fn of(definition: ColumnDefinition) -> Self {
        match (definition.kind, definition.is_unsigned) {
            (T::MYSQL_TYPE_TINY, false) => Self::I8,
            (T::MYSQL_TYPE_TINY, true) => Self::U8,
            (T::MYSQL_TYPE_SHORT, false) => Self::I16,
            (T::MYSQL_TYPE_SHORT | T::MYSQL_TYPE_YEAR, _) => Self::U16,
            (T::MYSQL_TYPE_LONG | T::MYSQL_TYPE_INT24, false) => Self::I32,
            (T::MYSQL_TYPE_LONG | T::MYSQL_TYPE_INT24, true) => Self::U32,
            (_, false) => Self::I64,
            (_, true) => Self::U64,
        }
    }
}

/// Any integer type of Arrow; the server's may be of another width.
pub(super) trait Whole:
    TryFrom<i8> + TryFrom<u8> + TryFrom<i16> + TryFrom<u16> + TryFrom<i32> + TryFrom<u32> + TryFrom<i64> + TryFrom<u64>
{
}

impl<N> Whole for N where
    N: TryFrom<i8>
        + TryFrom<u8>
        + TryFrom<i16>
        + TryFrom<u16>
        + TryFrom<i32>
        + TryFrom<u32>
        + TryFrom<i64>
        + TryFrom<u64>
{
}

struct Integers<P: ArrowPrimitiveType> {
    values: Primitives<P>,
    width: Width,
}

pub(super) fn integers<P>(definition: ColumnDefinition) -> Box<dyn Column>
where
    P: ArrowPrimitiveType,
    P::Native: Whole,
{
    Box::new(Integers::<P> { values: Primitives::new(P::DATA_TYPE), width: Width::of(definition) })
}

impl<P> Column for Integers<P>
where
    P: ArrowPrimitiveType,
    P::Native: Whole,
{
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        let values = &mut self.values;
        match self.width {
            Width::I8 => fixed(values, rows, index, |b| fitting(i8::from_le_bytes(b)))?,
            Width::U8 => fixed(values, rows, index, |b| fitting(u8::from_le_bytes(b)))?,
            Width::I16 => fixed(values, rows, index, |b| fitting(i16::from_le_bytes(b)))?,
            Width::U16 => fixed(values, rows, index, |b| fitting(u16::from_le_bytes(b)))?,
            Width::I32 => fixed(values, rows, index, |b| fitting(i32::from_le_bytes(b)))?,
            Width::U32 => fixed(values, rows, index, |b| fitting(u32::from_le_bytes(b)))?,
            Width::I64 => fixed(values, rows, index, |b| fitting(i64::from_le_bytes(b)))?,
            Width::U64 => fixed(values, rows, index, |b| fitting(u64::from_le_bytes(b)))?,
        }
        Ok(Primitives::<P>::bytes_of(rows.len()))
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.values.finish())
    }
}

#[inline]
fn fitting<W: Copy + Display, N: TryFrom<W>>(number: W) -> Result<N, Misfit> {
    N::try_from(number).map_err(|_| Misfit::corrupt(format!("{number}, which its type cannot hold")))
}

/// Values of `N` bytes.
#[inline]
fn fixed<P: ArrowPrimitiveType, const N: usize>(
    values: &mut Primitives<P>,
    rows: &mut Rows<'_>,
    index: usize,
    read: impl Fn([u8; N]) -> Result<P::Native, Misfit>,
) -> Result<(), Misfit> {
    rows.each(index, |rest| {
        let Some(rest) = rest else {
            values.push_null();
            return Ok(0);
        };
        values.push(read(*rest.first_chunk().ok_or_else(misplaced)?)?);
        Ok(const { N as u32 })
    })
}

struct Floats(Primitives<Float32Type>);

pub(super) fn floats() -> Box<dyn Column> {
    Box::new(Floats(Primitives::new(arrow::datatypes::DataType::Float32)))
}

impl Column for Floats {
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        fixed(&mut self.0, rows, index, |bytes| Ok(f32::from_le_bytes(bytes)))?;
        Ok(Primitives::<Float32Type>::bytes_of(rows.len()))
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.0.finish())
    }
}

struct Doubles(Primitives<Float64Type>);

pub(super) fn doubles() -> Box<dyn Column> {
    Box::new(Doubles(Primitives::new(arrow::datatypes::DataType::Float64)))
}

impl Column for Doubles {
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        fixed(&mut self.0, rows, index, |bytes| Ok(f64::from_le_bytes(bytes)))?;
        Ok(Primitives::<Float64Type>::bytes_of(rows.len()))
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.0.finish())
    }
}

/// `bit(n)`: the bytes of an unsigned integer, most significant first.
struct Bits(Primitives<UInt64Type>);

pub(super) fn bits() -> Box<dyn Column> {
    Box::new(Bits(Primitives::new(arrow::datatypes::DataType::UInt64)))
}

impl Column for Bits {
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        rows.each(index, |rest| {
            let Some((bytes, used)) = rest.map(value_bytes).transpose()? else {
                self.0.push_null();
                return Ok(0);
            };
            if bytes.len() > 8 {
                return Err(Misfit::corrupt("more than 64 bits"));
            }
            self.0.push(bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)));
            Ok(used)
        })?;
        Ok(Primitives::<UInt64Type>::bytes_of(rows.len()))
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.0.finish())
    }
}

/// `tinyint(1)`, where it was declared to hold truths.
struct Booleans(BooleanBuilder);

pub(super) fn booleans() -> Box<dyn Column> {
    Box::new(Booleans(BooleanBuilder::new()))
}

impl Column for Booleans {
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        rows.each(index, |rest| {
            let Some(rest) = rest else {
                self.0.append_null();
                return Ok(0);
            };
            match i8::from_le_bytes(*rest.first_chunk().ok_or_else(misplaced)?) {
                number @ 0..=1 => self.0.append_value(number == 1),
                number => {
                    let what = format!("{number}, which is neither true nor false");
                    return Err(Misfit::new(what, "set option tinyint1_is_boolean to false"));
                }
            }
            Ok(1)
        })?;
        Ok(rows.len())
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(Arc::new(self.0.finish()))
    }
}
