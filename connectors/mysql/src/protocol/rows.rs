//! Rows where they arrived.

use super::Failure;

/// One row within the bytes: where it begins, how far it was read, and where it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) at: u32,
    pub(crate) end: u32,
}

/// Some rows of a result in the binary protocol: a byte 0, a bit per column that says whether it is NULL (after two
/// unused ones), then the values that are not. They are read column by column, each column once and in order.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    bytes: &'a [u8],
    spans: &'a mut [Span],
}

impl<'a> Rows<'a> {
    /// `spans` lie within `bytes`, and each row has room for the bits of the columns that will be read.
    pub(crate) fn new(bytes: &'a [u8], spans: &'a mut [Span]) -> Self {
        Self { bytes, spans }
    }

    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Calls `read` for each row: with `None` if the column is NULL there, else with the row from this value on, of
    /// which it says how many bytes the value takes.
    ///
    /// # Errors
    /// Those of `read`.
    #[inline]
    pub(crate) fn each<E>(
        &mut self,
        column: usize,
        mut read: impl FnMut(Option<&[u8]>) -> Result<u32, E>,
    ) -> Result<(), E> {
        let (byte, bit) = (1 + (column + 2) / 8, 1u8 << ((column + 2) % 8));
        for span in self.spans.iter_mut() {
            let row = self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default();
            if row.get(byte).is_some_and(|bits| bits & bit != 0) {
                read(None)?;
            } else {
                let rest = row.get((span.at - span.start) as usize..).unwrap_or_default();
                span.at += read(Some(rest))?;
            }
        }
        Ok(())
    }

    /// Once all columns were read: whether nothing is left of any row.
    pub(crate) fn are_read(&self) -> bool {
        self.spans.iter().all(|span| span.at == span.end)
    }
}

/// A row of so many columns at these places.
pub(super) fn span(start: usize, end: usize, columns: usize) -> Result<Span, Failure> {
    let at = start + 1 + (columns + 9) / 8;
    if at > end {
        return Err(Failure::Malformed("a row that ends too early"));
    }
    let place = |place| u32::try_from(place).map_err(|_| Failure::Malformed("a row of more than 4 GiB"));
    Ok(Span { start: place(start)?, at: place(at)?, end: place(end)? })
}
