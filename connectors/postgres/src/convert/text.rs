//! Columns of text: bytes one behind the other, found to be UTF-8 when all are there.

use super::{Column, Misfit};
use arrow::array::ArrayRef;
use arrow::datatypes::Utf8Type;
use headwater_sql::ByteValues;

/// `within` finds the text in a value.
pub(super) fn column(within: impl Fn(&[u8]) -> Result<&[u8], Misfit> + Send + 'static) -> Box<dyn Column> {
    Box::new(Texts { within, values: ByteValues::default() })
}

/// A version byte, then text.
pub(super) fn jsonb(bytes: &[u8]) -> Result<&[u8], Misfit> {
    match bytes.split_first() {
        Some((1, json)) => Ok(json),
        _ => Err(Misfit::corrupt("jsonb of an unknown version")),
    }
}

struct Texts<F> {
    within: F,
    values: ByteValues<Utf8Type>,
}

impl<F: Fn(&[u8]) -> Result<&[u8], Misfit> + Send> Column for Texts<F> {
    #[inline]
    fn append(&mut self, value: Option<&[u8]>) -> Result<(), Misfit> {
        let text = value.map(&self.within).transpose()?;
        self.values.push(text).map_err(|_| too_much())
    }

    fn bytes(&self) -> usize {
        self.values.len() * size_of::<i32>() + self.values.bytes()
    }

    fn finish(&mut self) -> Result<ArrayRef, Misfit> {
        self.values.finish().map_err(|_| Misfit::corrupt("text that is not UTF-8"))
    }
}

#[cold]
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
