//! Rows where they arrived.

use headwater_sql::Misfit;

/// One row within the bytes: how far it was read, and where it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) at: u32,
    pub(super) end: u32,
}

/// Some rows in the binary format of `COPY`: per field its length (−1 for NULL) and bytes. They are read column by
/// column, each column once and in order.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    bytes: &'a [u8],
    spans: &'a mut [Span],
}

impl<'a> Rows<'a> {
    /// `spans` lie within `bytes`.
    pub(super) fn new(bytes: &'a [u8], spans: &'a mut [Span]) -> Self {
        Self { bytes, spans }
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Calls `read` with each row's value in the next column, `None` for NULL.
    ///
    /// # Errors
    /// Those of `read`, and rows that end too early.
    #[inline]
    pub(crate) fn each(&mut self, mut read: impl FnMut(Option<&[u8]>) -> Result<(), Misfit>) -> Result<(), Misfit> {
        for span in self.spans.iter_mut() {
            let row = self.bytes.get(span.at as usize..span.end as usize).unwrap_or_default();
            let (length, rest) = row.split_first_chunk::<4>().ok_or(Malformed("a row that ends too early"))?;
            let length = i32::from_be_bytes(*length);
            span.at += 4;
            if length == -1 {
                read(None)?;
                continue;
            }
            // Lengths are not negative; as a large number this one lies beyond the row's end.
            let length = length.cast_unsigned();
            let value = rest.get(..length as usize).ok_or(Malformed("a field that is longer than its row"))?;
            span.at += length;
            read(Some(value))?;
        }
        Ok(())
    }

    /// Once all columns were read: whether nothing is left of any row.
    pub(crate) fn are_read(&self) -> bool {
        self.spans.iter().all(|span| span.at == span.end)
    }
}

/// Bytes that are not what the format promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl From<Malformed> for Misfit {
    #[cold]
    fn from(Malformed(what): Malformed) -> Self {
        Self::corrupt(what)
    }
}
