//! How much a reader of rows may take at once.

/// So much is decoded column by column at once, in bytes as they arrive: it stays in a processor's nearest cache meanwhile.
const GROUP: usize = 32 << 10;

/// How many more rows are wanted at most.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Rows.
    pub rows: usize,
    /// Their size once decoded, estimated as what arrives and `per_row`. The first row always fits.
    pub bytes: usize,
    /// The size of a row's values of fixed width.
    pub per_row: usize,
}

impl Room {
    /// The same for one pass over the columns: no more than stays in a processor's nearest cache.
    #[must_use]
    pub fn of_a_group(self) -> Self {
        Self { bytes: self.bytes.min(GROUP), ..self }
    }
}
