//! Columns of dates and times.

use super::{Column, Decoding, Misfit, calendar, misplaced};
use crate::protocol::Rows;
use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Time64MicrosecondType, TimestampMicrosecondType,
};
use headwater_sql::Primitives;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

pub(super) fn column(decoding: Decoding) -> Box<dyn Column> {
    let of = decoding.arrow_type();
    match decoding {
        Decoding::Date => temporal::<Date32Type, _>(of, date),
        Decoding::Duration => temporal::<DurationMicrosecondType, _>(of, |bytes| duration(bytes).map(Some)),
        Decoding::TimeOfDay => temporal::<Time64MicrosecondType, _>(of, |bytes| time_of_day(bytes).map(Some)),
        _ => temporal::<TimestampMicrosecondType, _>(of, timestamp),
    }
}

/// `decode` takes the bytes of a value without their length; `None` is NULL.
struct Temporal<T: ArrowPrimitiveType, D> {
    values: Primitives<T>,
    decode: D,
}

fn temporal<T, D>(of: DataType, decode: D) -> Box<dyn Column>
where
    T: ArrowPrimitiveType,
    D: Fn(&[u8]) -> Result<Option<T::Native>, Misfit> + Send + 'static,
{
    Box::new(Temporal::<T, D> { values: Primitives::new(of), decode })
}

impl<T, D> Column for Temporal<T, D>
where
    T: ArrowPrimitiveType,
    D: Fn(&[u8]) -> Result<Option<T::Native>, Misfit> + Send,
{
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        rows.each(index, |rest| {
            let Some(rest) = rest else {
                self.values.push_null();
                return Ok(0);
            };
            let (length, rest) = rest.split_first().ok_or_else(misplaced)?;
            let bytes = rest.get(..usize::from(*length)).ok_or_else(misplaced)?;
            self.values.push_option((self.decode)(bytes)?);
            Ok(u32::from(*length) + 1)
        })?;
        Ok(Primitives::<T>::bytes_of(rows.len()))
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        Ok(self.values.finish())
    }
}

/// Nothing at all is the zero date.
#[inline]
fn date(bytes: &[u8]) -> Result<Option<i32>, Misfit> {
    match bytes {
        [] => Ok(None),
        [a, b, month, day, ..] => Ok(calendar::days(u16::from_le_bytes([*a, *b]), *month, *day)),
        _ => Err(Misfit::corrupt("a date of an odd length")),
    }
}

/// A date, then the time if it is not midnight, then the microseconds if there are some.
#[inline]
fn timestamp(bytes: &[u8]) -> Result<Option<i64>, Misfit> {
    let Some(days) = date(bytes)? else { return Ok(None) };
    let within = match bytes.get(4..).unwrap_or_default() {
        [] => 0,
        [hour, minute, second, rest @ ..] => clock((*hour).into(), *minute, *second, micros(rest)?),
        _ => return Err(Misfit::corrupt("a timestamp of an odd length")),
    };
    Ok(Some(i64::from(days) * MICROS_PER_DAY + within))
}

/// A sign, days, then hours, minutes and seconds, then the microseconds if there are some. Nothing at all is zero.
fn duration(bytes: &[u8]) -> Result<i64, Misfit> {
    match bytes {
        [] => Ok(0),
        [negative, a, b, c, d, hour, minute, second, rest @ ..] => {
            // Both servers end at 34 days.
            let days = i64::from(u32::from_le_bytes([*a, *b, *c, *d]));
            if days > 100 {
                return Err(Misfit::corrupt("a time of more than a hundred days"));
            }
            let length = days * MICROS_PER_DAY + clock((*hour).into(), *minute, *second, micros(rest)?);
            Ok(if *negative == 0 { length } else { -length })
        }
        _ => Err(Misfit::corrupt("a time of an odd length")),
    }
}

fn time_of_day(bytes: &[u8]) -> Result<i64, Misfit> {
    let length = duration(bytes)?;
    if (0..MICROS_PER_DAY).contains(&length) {
        return Ok(length);
    }
    let shown = shown(length);
    Err(Misfit::new(format!("the time {shown}, which is no time of day"), "set option time to \"duration\""))
}

#[inline]
fn micros(bytes: &[u8]) -> Result<i64, Misfit> {
    match bytes {
        [] => Ok(0),
        [a, b, c, d] => Ok(u32::from_le_bytes([*a, *b, *c, *d]).into()),
        _ => Err(Misfit::corrupt("a fraction of a second of an odd length")),
    }
}

#[inline]
fn clock(hour: i64, minute: u8, second: u8, micros: i64) -> i64 {
    ((hour * 60 + i64::from(minute)) * 60 + i64::from(second)) * MICROS_PER_SECOND + micros
}

fn shown(length: i64) -> String {
    let (sign, seconds) = (if length < 0 { "-" } else { "" }, length.unsigned_abs() / 1_000_000);
    format!("{sign}{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_leave_zeros_out() {
        assert_eq!(date(&[]).unwrap(), None);
        assert_eq!(date(&[0xb2, 7, 1, 2]).unwrap(), Some(1));
        assert_eq!(timestamp(&[0xb2, 7, 1, 1]).unwrap(), Some(0));
        assert_eq!(timestamp(&[0xb2, 7, 1, 1, 1, 2, 3]).unwrap(), Some(3_723_000_000));
        assert_eq!(timestamp(&[0xb2, 7, 1, 1, 0, 0, 0, 5, 0, 0, 0]).unwrap(), Some(5));
        assert_eq!(duration(&[]).unwrap(), 0);
        assert_eq!(duration(&[1, 1, 0, 0, 0, 1, 0, 0]).unwrap(), -(86_400 + 3_600) * MICROS_PER_SECOND);
        assert_eq!(shown(-86_399_000_000), "-23:59:59");
    }

    #[test]
    fn odd_lengths_are_errors() {
        for bytes in [&[1][..], &[1, 2, 3], &[0xb2, 7, 1, 1, 1], &[0xb2, 7, 1, 1, 0, 0, 0, 5]] {
            assert!(timestamp(bytes).is_err(), "{bytes:?}");
        }
        assert!(duration(&[0, 1]).is_err() && duration(&[0, 0, 0, 0, 0, 1, 1, 1, 1]).is_err());
    }
}
