//! A join's keys as values of the columns that they are compared with.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use headwater_core::Value;

pub(super) enum Tuple {
    /// The key, in the columns' own types.
    Values(Vec<Value>),
    /// No row of the columns' types can have it.
    Never,
    /// The language cannot say it.
    Unknown,
}

/// The key in a row of `columns`, each with the type of the column that it is compared with.
pub(super) fn tuple(columns: &[(&ArrayRef, &DataType)], row: usize) -> Tuple {
    let mut values = Vec::with_capacity(columns.len());
    for (array, data_type) in columns {
        match Value::from_array(array, row).map(|value| fit(value, data_type)) {
            Some(Fit::Value(value)) => values.push(value),
            Some(Fit::Never) => return Tuple::Never,
            Some(Fit::Unknown) | None => return Tuple::Unknown,
        }
    }
    Tuple::Values(values)
}

enum Fit {
    Value(Value),
    Never,
    Unknown,
}

/// A key in the type of the column it is compared with.
fn fit(value: Value, data_type: &DataType) -> Fit {
    match (&value, data_type) {
        // NULL equals nothing.
        (Value::Null, _) => Fit::Never,
        (_, integer) if integer.is_integer() => match value.as_decimal().map(whole) {
            Some(Some(number)) => Fit::Value(number),
            Some(None) => Fit::Never,
            None => Fit::Unknown,
        },
        (Value::Int64(_) | Value::UInt64(_) | Value::Decimal { .. }, DataType::Decimal128(..))
        | (Value::Utf8(_), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        | (Value::Binary(_), DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
        | (Value::Boolean(_), DataType::Boolean)
        | (Value::Date(_), DataType::Date32)
        | (Value::Time(_), DataType::Time64(_))
        | (Value::Timestamp(_), DataType::Timestamp(_, None))
        | (Value::Instant(_), DataType::Timestamp(_, Some(_))) => Fit::Value(value),
        _ => Fit::Unknown,
    }
}

/// A whole number of 64 bits; `None` if it has a fraction or is larger, so that no integer column can equal it.
fn whole((unscaled, scale): (i128, i8)) -> Option<Value> {
    let number = match u32::try_from(scale) {
        Ok(places) => {
            let unit = 10i128.checked_pow(places)?;
            (unscaled % unit == 0).then_some(unscaled / unit)?
        }
        Err(_) => unscaled.checked_mul(10i128.checked_pow(u32::from(scale.unsigned_abs()))?)?,
    };
    i64::try_from(number).map(Value::Int64).or_else(|_| u64::try_from(number).map(Value::UInt64)).ok()
}
