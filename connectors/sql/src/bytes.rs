//! Text and bytes on their way into an array.

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, GenericByteArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::ByteArrayType;
use arrow::error::ArrowError;
use std::marker::PhantomData;
use std::num::TryFromIntError;
use std::sync::Arc;

/// Values one behind the other, where each of them ends, and which are NULL. That text is UTF-8 is checked when all are
/// there: all of it at once.
#[derive(Debug)]
pub struct ByteValues<T> {
    values: Vec<u8>,
    /// 0, then the end of each.
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    kind: PhantomData<T>,
}

impl<T: ByteArrayType<Offset = i32>> Default for ByteValues<T> {
    fn default() -> Self {
        Self { values: Vec::new(), offsets: vec![0], nulls: NullBufferBuilder::new(0), kind: PhantomData }
    }
}

impl<T: ByteArrayType<Offset = i32>> ByteValues<T> {
    /// Adds a value, or NULL.
    ///
    /// # Errors
    /// All of them together are more than 2 GiB.
    #[inline]
    pub fn push(&mut self, value: Option<&[u8]>) -> Result<(), TryFromIntError> {
        match value {
            Some(bytes) => {
                match bytes {
                    // Flags and the like, without the call that copies any number of bytes.
                    [byte] => self.values.push(*byte),
                    bytes => self.values.extend_from_slice(bytes),
                }
                self.nulls.append_non_null();
            }
            None => self.nulls.append_null(),
        }
        self.offsets.push(i32::try_from(self.values.len())?);
        Ok(())
    }

    /// The bytes of all values so far.
    pub fn bytes(&self) -> usize {
        self.values.len()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values so far; then there are none.
    ///
    /// # Errors
    /// Text that is not UTF-8, in any of its values.
    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        // The next batch will be as large, if this one is not of the largest.
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, next).into());
        // A little more than now: a batch that outgrows its room by a byte would take twice as much.
        let capacity = self.values.len().min(1 << 20);
        let capacity = capacity + capacity / 16;
        let values = Buffer::from_vec(std::mem::replace(&mut self.values, Vec::with_capacity(capacity)));
        Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, values, self.nulls.finish())?))
    }
}
