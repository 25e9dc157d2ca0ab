//! Columns of text and of bytes.

use super::{Column, Misfit, value_bytes};
use crate::protocol::Rows;
use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, GenericByteArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::ByteArrayType;
use headwater_core::ErrorKind;
use std::marker::PhantomData;
use std::sync::Arc;

/// Values one behind the other, where each of them ends, and which are NULL.
struct Bytes<T> {
    values: Vec<u8>,
    /// 0, then the end of each.
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    kind: PhantomData<T>,
}

pub(super) fn column<T: ByteArrayType<Offset = i32>>() -> Box<dyn Column> {
    let (values, offsets, nulls) = (Vec::new(), vec![0], NullBufferBuilder::new(0));
    Box::new(Bytes::<T> { values, offsets, nulls, kind: PhantomData })
}

impl<T: ByteArrayType<Offset = i32>> Column for Bytes<T> {
    fn append(&mut self, rows: &mut Rows<'_>, index: usize) -> Result<usize, Misfit> {
        let before = self.values.len();
        rows.each(index, |rest| {
            let used = match rest {
                None => {
                    self.nulls.append_null();
                    0
                }
                Some(rest) => {
                    let (bytes, used) = value_bytes(rest)?;
                    self.values.extend_from_slice(bytes);
                    self.nulls.append_non_null();
                    used
                }
            };
            self.offsets.push(i32::try_from(self.values.len()).map_err(|_| too_much())?);
            Ok(used)
        })?;
        Ok(rows.len() * size_of::<i32>() + self.values.len() - before)
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        // The next batch will be as large, if this one is not of the largest.
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, next).into());
        let capacity = self.values.len().min(1 << 20);
        let values = Buffer::from_vec(std::mem::replace(&mut self.values, Vec::with_capacity(capacity)));
        // Text is checked to be UTF-8 here, all of it at once.
        let array = GenericByteArray::<T>::try_new(offsets, values, self.nulls.finish());
        Ok(Arc::new(array.map_err(|_| Misfit::corrupt("text that is not UTF-8"))?))
    }
}

fn too_much() -> Misfit {
    Misfit::of(ErrorKind::LimitExceeded, "more than 2 GiB in one batch", "lower the size of batches or max_row_size")
}
