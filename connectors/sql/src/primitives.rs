//! Numbers, dates and times on their way into an array.

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::datatypes::DataType;
use std::sync::Arc;

/// Values of one width, and which of them are NULL.
#[derive(Debug)]
pub struct Primitives<T: ArrowPrimitiveType> {
    of: DataType,
    values: Vec<T::Native>,
    nulls: NullBufferBuilder,
}

impl<T: ArrowPrimitiveType> Primitives<T> {
    /// None yet, of this type.
    pub fn new(of: DataType) -> Self {
        Self { of, values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: T::Native) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    /// Adds NULL.
    #[inline]
    pub fn push_null(&mut self) {
        self.values.push(T::Native::default());
        self.nulls.append_null();
    }

    /// Adds a value, or NULL.
    #[inline]
    pub fn push_option(&mut self, value: Option<T::Native>) {
        match value {
            Some(value) => self.push(value),
            None => self.push_null(),
        }
    }

    /// How many Arrow bytes so many values take.
    pub fn bytes_of(rows: usize) -> usize {
        rows * size_of::<T::Native>()
    }

    /// The Arrow bytes of all values so far.
    pub fn bytes(&self) -> usize {
        Self::bytes_of(self.values.len())
    }

    /// The values so far; then there are none.
    pub fn finish(&mut self) -> ArrayRef {
        // The next batch will be as large.
        let next = Vec::with_capacity(self.values.len());
        let values = std::mem::replace(&mut self.values, next);
        let array = PrimitiveArray::<T>::new(values.into(), self.nulls.finish());
        Arc::new(array.with_data_type(self.of.clone()))
    }
}
