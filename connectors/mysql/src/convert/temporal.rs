//! Columns of dates and times.

use super::{Column, Decoding, Misfit, another_kind, calendar};
use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveBuilder};
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Time64MicrosecondType, TimestampMicrosecondType,
};
use mysql_async::Value;
use std::sync::Arc;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

pub(super) fn column(decoding: Decoding) -> Box<dyn Column> {
    let of = decoding.arrow_type();
    match decoding {
        Decoding::Date => temporal::<Date32Type>(of, date),
        Decoding::Duration => temporal::<DurationMicrosecondType>(of, duration),
        Decoding::TimeOfDay => temporal::<Time64MicrosecondType>(of, time_of_day),
        _ => temporal::<TimestampMicrosecondType>(of, timestamp),
    }
}

/// A value, or `None` for NULL.
type Decode<T> = fn(&Value) -> Result<Option<T>, Misfit>;

struct Temporal<T: ArrowPrimitiveType> {
    builder: PrimitiveBuilder<T>,
    decode: Decode<T::Native>,
}

fn temporal<T: ArrowPrimitiveType>(of: DataType, decode: Decode<T::Native>) -> Box<dyn Column> {
    Box::new(Temporal::<T> { builder: PrimitiveBuilder::new().with_data_type(of), decode })
}

impl<T: ArrowPrimitiveType> Column for Temporal<T> {
    fn append(&mut self, value: Value) -> Result<usize, Misfit> {
        let decoded = if value == Value::NULL { None } else { (self.decode)(&value)? };
        self.builder.append_option(decoded);
        Ok(size_of::<T::Native>())
    }

    fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

fn date(value: &Value) -> Result<Option<i32>, Misfit> {
    match value {
        Value::Date(year, month, day, ..) => Ok(calendar::days(*year, *month, *day)),
        other => Err(another_kind(other)),
    }
}

fn timestamp(value: &Value) -> Result<Option<i64>, Misfit> {
    let Value::Date(year, month, day, hour, minute, second, micros) = value else { return Err(another_kind(value)) };
    let days = calendar::days(*year, *month, *day);
    Ok(days.map(|days| i64::from(days) * MICROS_PER_DAY + clock((*hour).into(), *minute, *second, *micros)))
}

fn duration(value: &Value) -> Result<Option<i64>, Misfit> {
    let Value::Time(negative, days, hour, minute, second, micros) = value else { return Err(another_kind(value)) };
    let length = i64::from(*days) * MICROS_PER_DAY + clock((*hour).into(), *minute, *second, *micros);
    Ok(Some(if *negative { -length } else { length }))
}

fn time_of_day(value: &Value) -> Result<Option<i64>, Misfit> {
    let length = duration(value)?;
    if length.is_none_or(|micros| (0..MICROS_PER_DAY).contains(&micros)) {
        return Ok(length);
    }
    let shown = value.as_sql(true);
    Err(Misfit::new(format!("the time {shown}, which is no time of day"), "set option time to \"duration\""))
}

fn clock(hour: i64, minute: u8, second: u8, micros: u32) -> i64 {
    ((hour * 60 + i64::from(minute)) * 60 + i64::from(second)) * MICROS_PER_SECOND + i64::from(micros)
}
