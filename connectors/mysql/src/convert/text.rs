//! Columns of text and of bytes.

use super::{Column, Misfit, value_bytes};
use crate::protocol::Rows;
use arrow::array::ArrayRef;
use arrow::datatypes::ByteArrayType;
use headwater_core::ErrorKind;
use headwater_sql::ByteValues;

struct Bytes<T>(ByteValues<T>);

pub(super) fn column<T: ByteArrayType<Offset = i32>>() -> Box<dyn Column> {
    Box::new(Bytes::<T>(ByteValues::default()))
}

impl<T: ByteArrayType<Offset = i32>> Column for Bytes<T> {
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        let before = self.0.bytes();
        rows.each(index, |rest| {
            let (value, used) = match rest {
                None => (None, 0),
                Some(rest) => value_bytes(rest).map(|(bytes, used)| (Some(bytes), used))?,
            };
            self.0.push(value).map_err(|_| too_much())?;
            Ok(used)
        })?;
        Ok(rows.len() * size_of::<i32>() + self.0.bytes() - before)
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        self.0.finish().map_err(|_| Misfit::corrupt("text that is not UTF-8"))
    }
}

fn too_much() -> Misfit {
    Misfit::of(ErrorKind::LimitExceeded, "more than 2 GiB in one batch", "lower the size of batches or max_row_size")
}
