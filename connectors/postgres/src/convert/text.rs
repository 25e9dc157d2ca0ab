//! Columns of text: bytes one behind the other, found to be UTF-8 when all are there.

use super::{Column, Misfit};
use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use std::sync::Arc;

/// The text within a value.
type Within = fn(&[u8]) -> Result<&[u8], Misfit>;

pub(super) fn column(within: Within) -> Box<dyn Column> {
    Box::new(Texts { within, values: Vec::new(), offsets: vec![0], nulls: NullBufferBuilder::new(0) })
}

/// A version byte, then text.
pub(super) fn jsonb(bytes: &[u8]) -> Result<&[u8], Misfit> {
    match bytes.split_first() {
        Some((1, json)) => Ok(json),
        _ => Err(Misfit::corrupt("jsonb of an unknown version")),
    }
}

struct Texts {
    within: Within,
    values: Vec<u8>,
    /// 0, then the end of each.
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Column for Texts {
    fn append(&mut self, value: Option<&[u8]>) -> Result<usize, Misfit> {
        match value {
            Some(bytes) => {
                self.values.extend_from_slice((self.within)(bytes)?);
                self.nulls.append_non_null();
            }
            None => self.nulls.append_null(),
        }
        self.offsets.push(i32::try_from(self.values.len()).map_err(|_| too_much())?);
        Ok(size_of::<i32>() + value.map_or(0, <[u8]>::len))
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        // The next batch will be as large, if this one is not of the largest.
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = OffsetBuffer::new(std::mem::replace(&mut self.offsets, next).into());
        let capacity = self.values.len().min(1 << 20);
        let values = Buffer::from_vec(std::mem::replace(&mut self.values, Vec::with_capacity(capacity)));
        let array = StringArray::try_new(offsets, values, self.nulls.finish());
        Ok(Arc::new(array.map_err(|_| Misfit::corrupt("text that is not UTF-8"))?))
    }
}

fn too_much() -> Misfit {
    Misfit::new("more than 2 GiB of text in one batch", "lower max_row_bytes, or leave the column out of the statement")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray as _;

    #[test]
    fn text_is_checked_where_each_value_begins_and_ends() {
        let mut texts = column(|bytes| Ok(bytes));
        for value in [Some("ä".as_bytes()), None, Some(b""), Some("😀".as_bytes())] {
            texts.append(value).unwrap();
        }
        let found = texts.finish().unwrap();
        let found: Vec<_> = found.as_string::<i32>().iter().collect();
        assert_eq!(found, [Some("ä"), None, Some(""), Some("😀")]);
        // Together they are a character, neither is one.
        for part in "ä".as_bytes() {
            texts.append(Some(&[*part])).unwrap();
        }
        assert!(texts.finish().is_err());
        texts.append(Some(b"again")).unwrap();
        assert_eq!(texts.finish().unwrap().len(), 1);
    }

    #[test]
    fn jsonb_has_a_version() {
        assert_eq!(jsonb(b"\x01{}").unwrap(), b"{}");
        assert!(jsonb(b"\x02{}").is_err() && jsonb(b"").is_err());
    }
}
