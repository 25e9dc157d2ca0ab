//! The columns of CSV and JSON files, out of the beginnings of some of them.

use super::{Layout, Learned, LearnedColumn, declared_type_of, spread};
use crate::config::{DeclaredColumn, DeclaredTable, Root};
use crate::connect::Connection;
use crate::convert::csv::CsvReader;
use crate::convert::evidence::Evidence;
use crate::convert::json_evidence::JsonFields;
use crate::convert::text_array::type_word;
use crate::error::of_file;
use crate::listing::FileEntry;
use crate::read::header::{columns_of, field_text};
use crate::read::json::{Lines, MAX_LINE_BYTES, line_too_long, object_of};
use crate::read::open_text;
use arrow::datatypes::{DataType, Field};
use futures::TryStreamExt;
use headwater_core::{ColumnFacts, ColumnOrigin, Error, ErrorKind, Precision, Result};
use std::sync::Arc;

/// The least that is read of a file of the sample.
const LEAST: u64 = 64 << 10;

/// How far the sample reaches.
struct Reach {
    chosen: Vec<usize>,
    bytes_per_file: u64,
}

impl Reach {
    fn of(connection: &Connection, files: &[FileEntry]) -> Self {
        let config = connection.config();
        let affordable = usize::try_from(config.sample_bytes / LEAST).unwrap_or(usize::MAX).max(1);
        let chosen = spread(files, config.sample_files.min(affordable));
        let bytes_per_file = (config.sample_bytes / chosen.len().max(1) as u64).max(LEAST.min(config.sample_bytes));
        Self { chosen, bytes_per_file }
    }
}

/// Counts what was read, for an estimate of the rest.
#[derive(Default)]
struct Account {
    rows: u64,
    /// Stored bytes, as far as text read and stored are the same; whole files count in full.
    bytes: u64,
    whole: usize,
}

impl Account {
    fn rows_of(&self, files: &[FileEntry]) -> Precision {
        let all: u64 = files.iter().map(|file| file.size).sum();
        if self.whole == files.len() {
            return Precision::Inexact(self.rows);
        }
        let rows = (u128::from(self.rows) * u128::from(all)).checked_div(u128::from(self.bytes));
        rows.and_then(|rows| u64::try_from(rows).ok()).map_or(Precision::Unknown, Precision::Inexact)
    }
}

/// Learns the columns of CSV files. Without a header and without declared names they are called `column_1` and so on.
pub(super) async fn learn_csv(
    connection: &Connection,
    root: &Root,
    files: &[FileEntry],
    layout: &mut Layout,
    declared: &DeclaredTable,
) -> Result<Learned> {
    let reach = Reach::of(connection, files);
    let mut account = Account::default();
    let mut columns: Vec<(String, Evidence)> = Vec::new();
    for file in reach.chosen.iter().filter_map(|index| files.get(*index)).filter(|file| file.size > 0) {
        let name = root.name_of(&file.path);
        let mut sample = CsvSample { reader: CsvReader::new(layout.delimiter, 1), header: None, name: &name };
        let mut text = open_text(connection, root, file, None, None).await?;
        let (mut read, mut ended) = (0, false);
        while read < reach.bytes_per_file || sample.header.is_none() {
            let Some(chunk) = text.try_next().await? else {
                ended = true;
                break;
            };
            read += chunk.len() as u64;
            sample.feed(&chunk, layout, &mut columns, &mut account)?;
        }
        if ended {
            sample.reader.finish().map_err(|error| of_file(error, &name))?;
            sample.drain(layout, &mut columns, &mut account)?;
            account.whole += 1;
        }
        account.bytes += if ended { file.size } else { read.min(file.size) };
    }
    account.whole += files.iter().filter(|file| file.size == 0).count();
    check_declared(&columns, &declared.columns)?;
    if columns.is_empty() {
        columns.extend(declared.columns.iter().map(|column| (column.name.clone(), Evidence::default())));
    }
    let rows = account.rows_of(files);
    let learned =
        columns.into_iter().map(|(name, evidence)| csv_column(name, &evidence, &declared.columns, account.rows));
    Ok(Learned { columns: learned.collect(), rows })
}

fn check_declared(columns: &[(String, Evidence)], declared: &[DeclaredColumn]) -> Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    match declared.iter().find(|column| !columns.iter().any(|(name, _)| *name == column.name)) {
        None => Ok(()),
        Some(missing) => Err(Error::config(format!("the declared column {} is in no file", missing.name))
            .with_hint("are the names those of the header? without one, set `header = false`")),
    }
}

/// One file of the sample.
struct CsvSample<'a> {
    reader: CsvReader,
    /// The file's columns, as indices into the table's.
    header: Option<Vec<usize>>,
    name: &'a str,
}

impl CsvSample<'_> {
    fn feed(
        &mut self,
        chunk: &[u8],
        layout: &mut Layout,
        columns: &mut Vec<(String, Evidence)>,
        account: &mut Account,
    ) -> Result<()> {
        self.reader.feed(chunk, usize::MAX).map_err(|error| of_file(error, self.name))?;
        self.drain(layout, columns, account)
    }

    fn drain(
        &mut self,
        layout: &mut Layout,
        columns: &mut Vec<(String, Evidence)>,
        account: &mut Account,
    ) -> Result<()> {
        let records = self.reader.take();
        let mut first = 0;
        let header = match &self.header {
            Some(header) => header,
            None if records.len() == 0 => return Ok(()),
            None => {
                let names = columns_of(&records, layout, self.name)?;
                first = usize::from(layout.header);
                if !layout.header {
                    layout.names.clone_from(&names);
                }
                let index = |name: String| match columns.iter().position(|(known, _)| *known == name) {
                    Some(index) => index,
                    None => {
                        columns.push((name, Evidence::default()));
                        columns.len() - 1
                    }
                };
                self.header.insert(names.into_iter().map(index).collect())
            }
        };
        for record in first..records.len() {
            for (index, column) in header.iter().enumerate() {
                let text = field_text(&records, record, index, header.len(), self.name)?;
                if let (Some((text, _)), Some((_, evidence))) = (text, columns.get_mut(*column)) {
                    evidence.add(text);
                }
            }
            crate::read::header::check_width(&records, record, header.len(), self.name)?;
            account.rows += 1;
        }
        Ok(())
    }
}

fn csv_column(name: String, evidence: &Evidence, declared: &[DeclaredColumn], sampled: u64) -> LearnedColumn {
    let written = declared_type_of(declared, &name);
    let data_type = written.cloned().unwrap_or_else(|| evidence.conclude());
    column(name, data_type, written.is_some(), evidence.seen, sampled)
}

fn column(name: String, data_type: DataType, declared: bool, seen: u64, sampled: u64) -> LearnedColumn {
    let origin = if declared { ColumnOrigin::Declared } else { ColumnOrigin::Inferred { seen, sampled } };
    let facts = ColumnFacts { source_type: type_word(&data_type), origin, ..ColumnFacts::default() };
    LearnedColumn { field: Arc::new(Field::new(name, data_type, true)), facts }
}

/// Learns the columns of files of JSON lines.
pub(super) async fn learn_json(
    connection: &Connection,
    root: &Root,
    files: &[FileEntry],
    declared: &DeclaredTable,
) -> Result<Learned> {
    let reach = Reach::of(connection, files);
    let (mut account, mut fields) = (Account::default(), JsonFields::default());
    for file in reach.chosen.iter().filter_map(|index| files.get(*index)).filter(|file| file.size > 0) {
        let name = root.name_of(&file.path);
        let mut text = open_text(connection, root, file, None, None).await?;
        let (mut read, mut ended, mut lines) = (0, false, Lines::new(1));
        let mut progress = LineProgress { line: 1, ..LineProgress::default() };
        while read < reach.bytes_per_file || account.rows == 0 {
            let Some(chunk) = text.try_next().await? else {
                ended = true;
                lines.finish();
                break;
            };
            read += chunk.len() as u64;
            lines.feed(&chunk);
            if progress.feed(&chunk, &name)? {
                account.rows += learn_lines(&mut lines, &mut fields, &name)?;
            }
        }
        account.rows += learn_lines(&mut lines, &mut fields, &name)?;
        account.whole += usize::from(ended);
        account.bytes += if ended { file.size } else { read.min(file.size) };
        agree(&fields, &declared.columns, &name)?;
    }
    account.whole += files.iter().filter(|file| file.size == 0).count();
    for column in &declared.columns {
        if !fields.0.iter().any(|(name, _)| *name == column.name) {
            fields.0.push((column.name.clone(), Default::default()));
        }
    }
    let rows = account.rows_of(files);
    let learned = fields.0.into_iter().map(|(name, evidence)| {
        let written = declared_type_of(&declared.columns, &name);
        let data_type = written.cloned().or_else(|| evidence.conclude().ok()).unwrap_or(DataType::Utf8);
        column(name, data_type, written.is_some(), evidence.seen, account.rows)
    });
    Ok(Learned { columns: learned.collect(), rows })
}

/// How far the lines of a file have come: most of a file may be one line.
#[derive(Default)]
struct LineProgress {
    /// The number of the line that is not over yet.
    line: u64,
    /// Bytes of that line.
    open: usize,
    /// Whether something that is not blank was met.
    begun: bool,
}

impl LineProgress {
    /// Whether a line ended within the chunk.
    ///
    /// # Errors
    /// `Unsupported` for a file that begins as a list, which need not be read to its end; `LimitExceeded` for a line
    /// that is too long.
    fn feed(&mut self, chunk: &[u8], name: &str) -> Result<bool> {
        if !self.begun
            && let Some(first) = chunk.iter().position(|byte| !byte.is_ascii_whitespace())
        {
            self.begun = true;
            if chunk.get(first) == Some(&b'[') {
                let before = chunk.iter().take(first).filter(|byte| **byte == b'\n').count() as u64;
                object_of(b"[", self.line + before, name)?;
            }
        }
        let feeds = chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        let behind = chunk.iter().rev().take_while(|byte| **byte != b'\n').count();
        self.line += feeds;
        self.open = if feeds == 0 { self.open + behind } else { behind };
        if self.open > MAX_LINE_BYTES {
            return Err(line_too_long(name, self.line));
        }
        Ok(feeds > 0)
    }
}

fn learn_lines(lines: &mut Lines, fields: &mut JsonFields, name: &str) -> Result<u64> {
    let whole = lines.take();
    let mut rows = 0;
    for (line, text) in whole.iter() {
        let Some(entries) = object_of(text, line, name)? else { continue };
        fields.add(&entries);
        rows += 1;
    }
    Ok(rows)
}

fn agree(fields: &JsonFields, declared: &[DeclaredColumn], file: &str) -> Result<()> {
    for (name, evidence) in fields.0.iter().filter(|(name, _)| declared_type_of(declared, name).is_none()) {
        if let Err((a, b)) = evidence.conclude() {
            let message = format!("column {name} has {a} and {b}, as {file} or files before it show");
            return Err(Error::new(ErrorKind::SchemaMismatch, message)
                .with_hint("declare its type, or read the files as two tables"));
        }
    }
    Ok(())
}
