//! Columns of numbers, text and bytes.

use super::{Column, Decoding, Misfit, another_kind};
use arrow::array::{ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow::datatypes::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use mysql_async::Value;
use std::sync::Arc;

pub(super) fn column(decoding: Decoding) -> Box<dyn Column> {
    match decoding {
        Decoding::Boolean => Box::new(Booleans(BooleanBuilder::new())),
        Decoding::Int8 => primitive::<Int8Type>(integer),
        Decoding::Int16 => primitive::<Int16Type>(integer),
        Decoding::Int32 => primitive::<Int32Type>(integer),
        Decoding::Int64 => primitive::<Int64Type>(integer),
        Decoding::UInt8 => primitive::<UInt8Type>(integer),
        Decoding::UInt16 => primitive::<UInt16Type>(integer),
        Decoding::UInt32 => primitive::<UInt32Type>(integer),
        Decoding::UInt64 => primitive::<UInt64Type>(integer),
        Decoding::Bits => primitive::<UInt64Type>(bits),
        Decoding::Float32 => primitive::<Float32Type>(float),
        Decoding::Float64 => primitive::<Float64Type>(double),
        Decoding::Binary => Box::new(Binaries(BinaryBuilder::new())),
        _ => Box::new(Texts(StringBuilder::new())),
    }
}

fn integer<T: TryFrom<i64> + TryFrom<u64>>(value: &Value) -> Result<T, Misfit> {
    let fitting = match value {
        Value::Int(number) => T::try_from(*number).ok(),
        Value::UInt(number) => T::try_from(*number).ok(),
        other => return Err(another_kind(other)),
    };
    fitting.ok_or_else(|| Misfit::corrupt(format!("{}, which its type cannot hold", value.as_sql(true))))
}

fn bits(value: &Value) -> Result<u64, Misfit> {
    match value {
        Value::Bytes(bytes) if bytes.len() <= 8 => {
            Ok(bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
        }
        other => Err(another_kind(other)),
    }
}

fn float(value: &Value) -> Result<f32, Misfit> {
    match value {
        Value::Float(number) => Ok(*number),
        other => Err(another_kind(other)),
    }
}

fn double(value: &Value) -> Result<f64, Misfit> {
    match value {
        Value::Double(number) => Ok(*number),
        other => Err(another_kind(other)),
    }
}

struct Primitives<T: ArrowPrimitiveType> {
    builder: PrimitiveBuilder<T>,
    decode: fn(&Value) -> Result<T::Native, Misfit>,
}

fn primitive<T: ArrowPrimitiveType>(decode: fn(&Value) -> Result<T::Native, Misfit>) -> Box<dyn Column> {
    Box::new(Primitives::<T> { builder: PrimitiveBuilder::new(), decode })
}

impl<T: ArrowPrimitiveType> Column for Primitives<T> {
    fn append(&mut self, value: Value) -> Result<usize, Misfit> {
        match value {
            Value::NULL => self.builder.append_null(),
            value => self.builder.append_value((self.decode)(&value)?),
        }
        Ok(size_of::<T::Native>())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

struct Booleans(BooleanBuilder);

impl Column for Booleans {
    fn append(&mut self, value: Value) -> Result<usize, Misfit> {
        match value {
            Value::NULL => self.0.append_null(),
            Value::Int(number @ 0..=1) => self.0.append_value(number == 1),
            Value::Int(number) => {
                let what = format!("{number}, which is neither true nor false");
                return Err(Misfit::new(what, "set option tinyint1_is_boolean to false"));
            }
            other => return Err(another_kind(&other)),
        }
        Ok(1)
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

struct Texts(StringBuilder);

impl Column for Texts {
    fn append(&mut self, value: Value) -> Result<usize, Misfit> {
        let length = match value {
            Value::NULL => {
                self.0.append_null();
                0
            }
            Value::Bytes(bytes) => {
                let text = std::str::from_utf8(&bytes).map_err(|_| Misfit::corrupt("text that is not UTF-8"))?;
                self.0.append_value(text);
                bytes.len()
            }
            other => return Err(another_kind(&other)),
        };
        Ok(size_of::<i32>() + length)
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

struct Binaries(BinaryBuilder);

impl Column for Binaries {
    fn append(&mut self, value: Value) -> Result<usize, Misfit> {
        let length = match value {
            Value::NULL => {
                self.0.append_null();
                0
            }
            Value::Bytes(bytes) => {
                self.0.append_value(&bytes);
                bytes.len()
            }
            other => return Err(another_kind(&other)),
        };
        Ok(size_of::<i32>() + length)
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}
