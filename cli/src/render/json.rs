//! JSON as this program writes it.
//!
//! ```text
//! Arrow                         JSON
//! integers, floats, decimals    number, all digits (a reader that only has doubles rounds by itself)
//! NaN, infinities               "NaN", "Infinity", "-Infinity": JSON has no number for them
//! text                          string
//! timestamp, date, time         string, ISO 8601; `Z` for UTC instants
//! binary                        string of hexadecimal digits
//! list, struct, map             array, object, object
//! NULL                          null, always written
//! ```

use super::failed;
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, FieldRef, Float16Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderFactory, NullableEncoder, make_encoder};
use arrow::json::{Encoder, EncoderOptions};
use headwater_core::Result;
use std::sync::Arc;

/// The options of every JSON value this program writes.
pub(super) fn options() -> EncoderOptions {
    EncoderOptions::default().with_explicit_nulls(true).with_encoder_factory(Arc::new(EveryFloat))
}

/// An encoder of one column.
pub(super) fn encoder<'a>(
    field: &'a FieldRef,
    column: &'a ArrayRef,
    options: &'a EncoderOptions,
) -> Result<NullableEncoder<'a>> {
    make_encoder(field, column, options).map_err(failed)
}

/// Arrow's own encoder writes null for a float that is no number, which would make it look missing.
#[derive(Debug)]
struct EveryFloat;

impl EncoderFactory for EveryFloat {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        Ok(match array.data_type() {
            DataType::Float16 => Some(float_encoder::<Float16Type>(array)),
            DataType::Float32 => Some(float_encoder::<Float32Type>(array)),
            DataType::Float64 => Some(float_encoder::<Float64Type>(array)),
            _ => None,
        })
    }
}

fn float_encoder<T: ArrowPrimitiveType>(array: &dyn Array) -> NullableEncoder<'_>
where
    T::Native: Into<f64> + std::fmt::Debug,
{
    let array = array.as_primitive::<T>();
    NullableEncoder::new(Box::new(Floats(array)), array.nulls().cloned())
}

struct Floats<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType> Encoder for Floats<'_, T>
where
    T::Native: Into<f64> + std::fmt::Debug,
{
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.0.value(row);
        let wide: f64 = value.into();
        let text = match wide {
            _ if wide.is_nan() => "\"NaN\"".to_owned(),
            f64::INFINITY => "\"Infinity\"".to_owned(),
            f64::NEG_INFINITY => "\"-Infinity\"".to_owned(),
            // The shortest digits that read back as the same value of this width.
            _ => format!("{value:?}"),
        };
        out.extend_from_slice(text.as_bytes());
    }
}
