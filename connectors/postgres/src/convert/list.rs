//! Arrays of one dimension.
//!
//! Binary format (`array_send` in `arrayfuncs.c`): number of dimensions, a flag for NULLs, the element type; for each
//! dimension its length and its first index; then each element with its length, −1 for NULL. An empty array has no
//! dimensions.

use super::{Column, Decoding, Misfit, Scalar};
use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;
use std::sync::Arc;

const SHAPE: &str = "have the column read as text, by the catalog's option read_as_text";

pub(super) fn column(item: Scalar) -> Box<dyn Column> {
    Box::new(Lists { item, items: Decoding::Scalar(item).column(), count: 0, offsets: vec![0], valid: Vec::new() })
}

struct Lists {
    item: Scalar,
    items: Box<dyn Column>,
    count: i32,
    offsets: Vec<i32>,
    valid: Vec<bool>,
}

impl Column for Lists {
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit> {
        if let Some(mut bytes) = value {
            for _ in 0..length(&mut bytes)? {
                self.items.append(element(&mut bytes)?)?;
                self.count = self.count.checked_add(1).ok_or_else(|| Misfit::corrupt("too many elements"))?;
            }
        }
        self.offsets.push(self.count);
        self.valid.push(value.is_some());
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.offsets.len() * size_of::<i32>() + self.items.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        let field = Arc::new(Field::new_list_field(self.item.arrow_type(), true));
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let valid = NullBuffer::from(std::mem::take(&mut self.valid));
        self.count = 0;
        Ok(Arc::new(ListArray::new(field, offsets, self.items.finish()?, Some(valid))))
    }
}

/// Reads the header, and how many elements follow.
fn length(bytes: &mut &[u8]) -> Result<i32, Misfit> {
    let (dimensions, _flag, _element_type) = (int(bytes)?, int(bytes)?, int(bytes)?);
    match dimensions {
        0 => Ok(0),
        1 => match (int(bytes)?, int(bytes)?) {
            (length, 1) => Ok(length),
            (_, first) => Err(Misfit::new(format!("an array whose first index is {first}, not 1"), SHAPE)),
        },
        more => Err(Misfit::new(format!("an array of {more} dimensions"), SHAPE)),
    }
}

fn element<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Misfit> {
    let Ok(length) = usize::try_from(int(bytes)?) else { return Ok(None) };
    let (element, rest) = bytes.split_at_checked(length).ok_or_else(cut)?;
    *bytes = rest;
    Ok(Some(element))
}

fn int(bytes: &mut &[u8]) -> Result<i32, Misfit> {
    let (int, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
    *bytes = rest;
    Ok(i32::from_be_bytes(*int))
}

fn cut() -> Misfit {
    Misfit::corrupt("an array that ends too early")
}
