//! Arrays out of text, exactly or not at all.

use super::scalar;
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};
use std::sync::Arc;

/// The value at `row` does not fit the column's type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) row: usize,
    pub(crate) value: String,
}

/// Longer values are cut in messages.
const SHOWN_CHARS: usize = 60;

/// A value, cut for a message.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

/// The array of a column. `lenient`: the type was declared, so that `007` is a number.
pub(crate) fn text_array(data_type: &DataType, texts: &[Option<&str>], lenient: bool) -> Result<ArrayRef, Misfit> {
    Ok(match data_type {
        DataType::Int64 => Arc::new(Int64Array::from(parsed(texts, |text| scalar::int64(text, lenient))?)),
        DataType::Float64 => Arc::new(Float64Array::from(parsed(texts, |text| scalar::float64(text, lenient))?)),
        DataType::Boolean => Arc::new(BooleanArray::from(parsed(texts, scalar::boolean)?)),
        DataType::Date32 => Arc::new(Date32Array::from(parsed(texts, scalar::date_days)?)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            Arc::new(TimestampMicrosecondArray::from(parsed(texts, |text| {
                let midnight = || scalar::date_days(text).map(|days| i64::from(days) * 86_400_000_000);
                scalar::timestamp_micros(text).or_else(|| lenient.then(midnight).flatten())
            })?))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => Arc::new(
            TimestampMicrosecondArray::from(parsed(texts, scalar::instant_micros)?).with_timezone(Arc::clone(zone)),
        ),
        DataType::Decimal128(precision, scale) => {
            let values = parsed(texts, |text| scalar::decimal(text, *precision, *scale, lenient))?;
            Arc::new(Decimal128Array::from(values).with_data_type(data_type.clone()))
        }
        DataType::Binary => {
            let values = parsed(texts, scalar::binary)?;
            Arc::new(values.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        _ => Arc::new(texts.iter().copied().collect::<StringArray>()),
    })
}

fn parsed<T>(texts: &[Option<&str>], parse: impl Fn(&str) -> Option<T>) -> Result<Vec<Option<T>>, Misfit> {
    let value = |(row, text): (usize, &Option<&str>)| match text {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| Misfit { row, value: shown(text) }),
    };
    texts.iter().enumerate().map(value).collect()
}

/// The type as the configuration spells it, for hints.
pub(crate) fn type_word(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "text".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Float64 => "float64".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Binary => "binary".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        other => other.to_string(),
    }
}
