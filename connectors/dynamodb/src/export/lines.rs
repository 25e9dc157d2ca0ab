//! The items of a data file: gzip, one item per line.

use super::pieces::Pieces;
use super::{Format, Item, ReadFile, ion, json};
use crate::convert::RowBuilder;
use crate::decode::Flaw;
use arrow::datatypes::Schema;
use aws_smithy_types::base64;
use flate2::read::MultiGzDecoder;
use headwater_core::{Error, ErrorKind, Result};
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

/// An item has at most 400 KB, and its text a few times that.
const LONGEST_LINE: u64 = 16 << 20;
const BUFFER: usize = 256 << 10;

/// The items of a file; after the last one, whether the file was as the manifest has it.
pub(super) struct Lines {
    file: ReadFile,
    /// For errors.
    catalog: String,
    reader: BufReader<MultiGzDecoder<Pieces>>,
    line: Vec<u8>,
    items: u64,
}

impl Lines {
    /// Waits for the first piece: only for a thread that may.
    pub(super) fn new(file: ReadFile, catalog: &str, pieces: Pieces) -> Self {
        let reader = BufReader::with_capacity(BUFFER, MultiGzDecoder::new(pieces));
        Self { file, catalog: catalog.to_owned(), reader, line: Vec::new(), items: 0 }
    }

    /// Reads the next item into a row; `false` at the end.
    ///
    /// # Errors
    /// `Corrupt` for a file that is not as exported, `SchemaMismatch` for a value that does not fit its column.
    pub(super) fn next_row(&mut self, rows: &mut RowBuilder) -> Result<bool> {
        let schema = Arc::clone(rows.schema());
        let row = self.next(&schema, |format, line| match format {
            Format::DynamodbJson => json::row(line, rows).map_err(Unread::Flaw),
            Format::Ion => {
                let item = ion::item(line).map_err(Unread::Text)?;
                rows.push(&item).map_err(|misfit| Unread::Flaw(misfit.into()))
            }
        });
        row.map(|row| row.is_some())
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    /// `Corrupt` for a file that is not as exported.
    pub(super) fn next_item(&mut self) -> Result<Option<Item>> {
        self.next(&Schema::empty(), |format, line| match format {
            Format::DynamodbJson => json::values(line).map_err(Unread::Flaw),
            Format::Ion => ion::item(line).map_err(Unread::Text),
        })
    }

    fn next<T>(
        &mut self,
        schema: &Schema,
        read: impl FnOnce(Format, &[u8]) -> std::result::Result<T, Unread>,
    ) -> Result<Option<T>> {
        if !self.fill_line()? {
            return self.check_end().map(|()| None);
        }
        self.items += 1;
        let found = read(self.file.format, self.line.trim_ascii());
        found.map(Some).map_err(|unread| match unread {
            Unread::Flaw(Flaw::Broken(broken)) => self.corrupt(&format!("item {}: {broken}", self.items)),
            Unread::Flaw(flaw) => flaw.into_error(&self.catalog, &self.file.table, schema),
            Unread::Text(reason) => self.corrupt(&format!("item {}: {reason}", self.items)),
        })
    }

    /// Whether there is another line.
    fn fill_line(&mut self) -> Result<bool> {
        loop {
            self.line.clear();
            match self.reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line) {
                Ok(0) => return Ok(false),
                Ok(length) if length as u64 == LONGEST_LINE => return Err(self.corrupt("a line of more than 16 MiB")),
                Ok(_) if self.line.trim_ascii().is_empty() => {}
                Ok(_) => return Ok(true),
                Err(error) => {
                    let failed = self.reader.get_mut().get_mut().take_failure();
                    return Err(failed.unwrap_or_else(|| self.corrupt(&error.to_string())));
                }
            }
        }
    }

    /// The file is whole if it has as many items, and the very bytes, that the manifest says.
    fn check_end(&self) -> Result<()> {
        let stated = self.file.file.items;
        if self.items != stated {
            return Err(self.corrupt(&format!("it has {} items, and {stated} by the manifest", self.items)));
        }
        let sum = base64::encode(self.reader.get_ref().get_ref().sum());
        if sum == self.file.file.md5 { Ok(()) } else { Err(self.corrupt("its MD5 is not the manifest's")) }
    }

    fn corrupt(&self, reason: &str) -> Error {
        let message = format!("{}/{} is not as exported: {reason}", self.file.export, self.file.file.path);
        Error::new(ErrorKind::Corrupt, message).with_hint("copy it anew, or make another export")
    }
}

/// Why a line was not read.
enum Unread {
    Flaw(Flaw),
    Text(String),
}
