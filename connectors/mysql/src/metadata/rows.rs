//! Rows of `information_schema`, which arrive as text.

use crate::error::unexpected;
use crate::protocol::TextRow;
use headwater_core::{Result, TableName};

/// The fields of one row.
pub(super) struct Fields(TextRow);

impl Fields {
    pub(super) fn of(row: TextRow) -> Self {
        Self(row)
    }

    pub(super) fn text(&self, index: usize) -> Result<String> {
        self.optional_text(index)?.ok_or_else(|| unexpected("NULL where a text was due"))
    }

    pub(super) fn optional_text(&self, index: usize) -> Result<Option<String>> {
        match self.0.get(index) {
            Some(None) => Ok(None),
            Some(Some(bytes)) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            None => Err(unexpected("a text is missing")),
        }
    }

    pub(super) fn number(&self, index: usize) -> Result<Option<u64>> {
        let Some(text) = self.optional_text(index)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| unexpected("a number was due"))
    }

    /// Whether the first two fields are just this name: the server's own comparison may look away from the case.
    pub(super) fn are_of(&self, name: &TableName) -> Result<bool> {
        Ok(self.text(0)? == name.schema && self.text(1)? == name.table)
    }
}
