//! One NaN, whatever its bits in a file.
//!
//! The engine orders floating point by all its bits, so that a NaN with its sign set, which x86 makes of 0.0/0.0, is less
//! than every number; statistics leave NaN out. With the one NaN that is greater than all, both say the same.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, make_array};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};
use headwater_core::{Error, Result};
use std::sync::Arc;

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// The array with every NaN, also within lists and structs, the positive one.
pub(super) fn one_nan(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float16 => replaced::<Float16Type>(array, Half::NAN, |x| x.is_nan()),
        DataType::Float32 => replaced::<Float32Type>(array, f32::NAN, |x| x.is_nan()),
        DataType::Float64 => replaced::<Float64Type>(array, f64::NAN, |x| x.is_nan()),
        kind if kind.is_nested() && has_float(kind) => inside(array)?,
        _ => Arc::clone(array),
    })
}

fn replaced<T: ArrowPrimitiveType>(array: &ArrayRef, nan: T::Native, is_nan: fn(T::Native) -> bool) -> ArrayRef {
    let numbers: &PrimitiveArray<T> = array.as_primitive();
    if !numbers.values().iter().any(|number| is_nan(*number)) {
        return Arc::clone(array);
    }
    Arc::new(numbers.unary::<_, T>(|number| if is_nan(number) { nan } else { number }))
}

fn inside(array: &ArrayRef) -> Result<ArrayRef> {
    let data = array.to_data();
    let children = data.child_data().iter().map(|child| Ok(one_nan(&make_array(child.clone()))?.to_data()));
    let children = children.collect::<Result<Vec<_>>>()?;
    let built = data.into_builder().child_data(children).build();
    built.map(make_array).map_err(|error| Error::internal(format!("an array with its NaN replaced: {error}")))
}

fn has_float(kind: &DataType) -> bool {
    match kind {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => true,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_float(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_float(field.data_type())),
        _ => false,
    }
}
