//! JSON lines, line by line.

use super::piece::PieceText;
use super::{Task, batch};
use crate::connect::FileStore;
use crate::convert::json::Json;
use crate::convert::json_array::json_array;
use crate::convert::text_array::type_word;
use crate::error::corrupt;
use crate::plan::Piece;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::FieldRef;
use futures::{StreamExt, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// A line longer than this is refused.
pub(crate) const MAX_LINE_BYTES: usize = 32 << 20;

/// Entries of an object.
type Entries<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

/// Text taken apart into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// Where each whole line ends, its line feed included.
    ends: Vec<usize>,
    line: u64,
}

/// Whole lines.
#[derive(Debug)]
pub(crate) struct WholeLines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    first: u64,
}

impl Lines {
    /// Lines whose first has this number.
    pub(crate) fn new(line: u64) -> Self {
        Self { line, ..Self::default() }
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let begin = self.bytes.len();
        let feeds = chunk.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        self.ends.extend(feeds.map(|(at, _)| begin + at + 1));
        self.bytes.extend_from_slice(chunk);
    }

    /// The text is over: its last line may lack a line feed.
    pub(crate) fn finish(&mut self) {
        if self.has_part() {
            self.ends.push(self.bytes.len());
        }
    }

    /// Whether the text so far ends within a line.
    fn has_part(&self) -> bool {
        self.ends.last().copied().unwrap_or_default() < self.bytes.len()
    }

    /// Takes the whole lines and keeps the beginning of the next.
    pub(crate) fn take(&mut self) -> WholeLines {
        let end = self.ends.last().copied().unwrap_or_default();
        let rest = self.bytes.split_off(end);
        let (bytes, ends) = (std::mem::replace(&mut self.bytes, rest), std::mem::take(&mut self.ends));
        let first = self.line;
        self.line += ends.len() as u64;
        WholeLines { bytes, ends, first }
    }
}

impl WholeLines {
    /// Each line with its number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let lines = begins.zip(&self.ends).map(|(begin, end)| self.bytes.get(begin..*end).unwrap_or_default());
        lines.enumerate().map(|(index, line)| (self.first + index as u64, line))
    }
}

/// The object on a line; `None` for a blank line.
///
/// # Errors
/// `Corrupt` for what is no JSON or no UTF-8, `Unsupported` for what is no object.
pub(crate) fn object_of<'a>(line: &'a [u8], number: u64, file: &str) -> Result<Option<Entries<'a>>> {
    let wrong = |reason: &str| corrupt(file, "JSON lines", &format!("line {number}: {reason}"));
    let text = std::str::from_utf8(line).map_err(|_| wrong("not UTF-8"))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    match Json::parse(text) {
        Ok(Json::Object(entries)) => Ok(Some(entries)),
        Ok(other) => Err(no_object(file, number, other.label())),
        Err(_) if text.trim_start().starts_with('[') => Err(no_object(file, number, "a list")),
        Err(reason) if text.trim() == "{" => Err(wrong(&reason).with_hint("write each object on one line")),
        Err(reason) => Err(wrong(&reason)),
    }
}

fn no_object(file: &str, number: u64, label: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{file}: line {number} is {label}, not an object"))
        .with_hint("JSON is read as lines of one object each; `jq -c '.[]'` turns a list into them")
}

/// The error of a line longer than [`MAX_LINE_BYTES`].
pub(crate) fn line_too_long(file: &str, number: u64) -> Error {
    Error::new(ErrorKind::LimitExceeded, format!("{file}: line {number} is longer than 32 MiB"))
        .with_hint("is it lines of one object each?")
}

/// The objects of a piece of a file.
pub(super) async fn read(task: Arc<Task>, store: FileStore, piece: Piece) -> Result<BatchStream> {
    if piece.size == 0 {
        return Ok(stream::empty().boxed());
    }
    let start = piece.range.map_or(0, |(start, _)| start);
    let file = if start == 0 { store.name().to_owned() } else { format!("{} after byte {start}", store.name()) };
    let constants = task.detail.constants(&piece)?;
    let own = task.wanted().map(Arc::clone).collect();
    let text = PieceText::open(store, &piece)?;
    let lines = Lines::new(1);
    let reading = Reading { task, text, lines, ready: None, own, constants, file, ended: false };
    let batches =
        stream::try_unfold(
            reading,
            |mut reading| async move { Ok(reading.next().await?.map(|batch| (batch, reading))) },
        );
    Ok(batches.boxed())
}

struct Reading {
    task: Arc<Task>,
    text: PieceText,
    lines: Lines,
    /// Whole lines, and how many of them were read.
    ready: Option<(WholeLines, usize)>,
    own: Vec<FieldRef>,
    constants: Vec<(String, ArrayRef)>,
    file: String,
    ended: bool,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some((lines, read)) = self.ready.take() {
                let rows = self.task.context.max_batch_rows.max(1);
                let batch = self.batch(&lines, read, rows)?;
                if read + rows < lines.ends.len() {
                    self.ready = Some((lines, read + rows));
                }
                return Ok(Some(batch));
            }
            if self.ended {
                return Ok(None);
            }
            self.more().await?;
            if !self.lines.ends.is_empty() {
                self.ready = Some((self.lines.take(), 0));
            }
        }
    }

    async fn more(&mut self) -> Result<()> {
        if let Some(chunk) = self.text.next().await? {
            self.lines.feed(&chunk);
            return self.check_length();
        }
        self.ended = true;
        if self.text.is_inside_a_record() {
            return Ok(());
        }
        while self.lines.has_part() {
            let Some(chunk) = self.text.beyond().await? else { break };
            let upto = chunk.iter().position(|byte| *byte == b'\n').map_or(chunk.len(), |at| at + 1);
            self.lines.feed(chunk.get(..upto).unwrap_or_default());
            self.check_length()?;
        }
        self.lines.finish();
        Ok(())
    }

    fn check_length(&self) -> Result<()> {
        let whole = self.lines.ends.last().copied().unwrap_or_default();
        if self.lines.bytes.len() - whole <= MAX_LINE_BYTES {
            return Ok(());
        }
        Err(line_too_long(&self.file, self.lines.line + self.lines.ends.len() as u64))
    }

    fn batch(&self, lines: &WholeLines, skip: usize, rows: usize) -> Result<RecordBatch> {
        let (mut objects, mut numbers) = (Vec::new(), Vec::new());
        for (number, line) in lines.iter().skip(skip).take(rows) {
            let Some(entries) = object_of(line, number, &self.file)? else { continue };
            let place = || format!("{}, line {number}", self.file);
            self.task.detail.check_known(entries.iter().map(|(key, _)| key.as_ref()), &place())?;
            objects.push(entries);
            numbers.push(number);
        }
        let index: HashMap<&str, usize> =
            self.own.iter().enumerate().map(|(at, field)| (field.name().as_str(), at)).collect();
        let mut columns = vec![vec![None; objects.len()]; self.own.len()];
        for (row, entries) in objects.iter().enumerate() {
            for (key, value) in entries {
                let column = index.get(key.as_ref()).and_then(|at| columns.get_mut(*at));
                if let Some(cell) = column.and_then(|column| column.get_mut(row)) {
                    *cell = Some(value);
                }
            }
        }
        let mut own = Vec::with_capacity(self.own.len());
        for (field, values) in self.own.iter().zip(&columns) {
            own.push((field, self.column(field, values, &numbers)?));
        }
        batch::assembled(&self.task.schema, objects.len(), &own, &self.constants)
    }

    fn column(&self, field: &FieldRef, values: &[Option<&Json<'_>>], numbers: &[u64]) -> Result<ArrayRef> {
        let lenient = self.task.detail.is_declared(field.name());
        json_array(field.data_type(), values, lenient).map_err(|misfit| {
            let line = numbers.get(misfit.row).copied().unwrap_or_default();
            let place = format!("{}, line {line}", self.file);
            super::misfit(&place, field, &misfit.value, &type_word(field.data_type()))
        })
    }
}
