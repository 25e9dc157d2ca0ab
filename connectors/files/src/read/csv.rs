//! CSV, record by record.

use super::header::{check_width, columns_of, field_text};
use super::piece::PieceText;
use super::{Task, batch, text_of};
use crate::connect::FileStore;
use crate::convert::csv::{CsvReader, Records};
use crate::convert::text_array::{text_array, type_word};
use crate::error::of_file;
use crate::plan::Piece;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, FieldRef};
use futures::{StreamExt, TryStreamExt, stream};
use headwater_core::{BatchStream, Error, ErrorKind, Result};
use std::sync::Arc;

/// The records of a piece of a file.
pub(super) async fn read(task: Arc<Task>, store: FileStore, piece: Piece) -> Result<BatchStream> {
    if piece.size == 0 {
        return Ok(stream::empty().boxed());
    }
    let start = piece.range.map_or(0, |(start, _)| start);
    let layout = &task.detail.layout;
    let columns = match (start, layout.header) {
        (0, _) => None,
        (_, true) => Some(header(&task, &store, &piece).await?),
        (_, false) => Some(layout.names.clone()),
    };
    let shown = if start == 0 { store.name().to_owned() } else { format!("{} after byte {start}", store.name()) };
    let constants = task.detail.constants(&piece)?;
    let mut reader = CsvReader::new(layout.delimiter, 1);
    reader.width = match &columns {
        Some(names) => Some(names.len()),
        // No header takes the first line.
        None if !layout.header && !layout.names.is_empty() => Some(layout.names.len()),
        None => None,
    };
    let reading = Reading {
        is_cut: piece.range.is_some(),
        text: PieceText::open(store, &piece)?,
        reader,
        chunk: Buffer::from(Vec::<u8>::new()),
        columns: columns.map(|names| task.indices(&names, &shown)).transpose()?,
        ended: false,
        shown,
        constants,
        task,
    };
    let batches =
        stream::try_unfold(
            reading,
            |mut reading| async move { Ok(reading.next().await?.map(|batch| (batch, reading))) },
        );
    Ok(batches.boxed())
}

/// The header of a file of which a later piece is read.
async fn header(task: &Task, store: &FileStore, piece: &Piece) -> Result<Vec<String>> {
    let name = store.name().to_owned();
    let mut text = text_of(store.clone(), "", 0..piece.size.min(64 << 10))?;
    let mut reader = CsvReader::new(task.detail.layout.delimiter, 1);
    while let Some(chunk) = text.try_next().await? {
        reader.feed(&chunk, 1).map_err(|error| of_file(error, &name))?;
        if reader.records().len() > 0 {
            return columns_of(reader.records(), &task.detail.layout, &name);
        }
    }
    Err(Error::new(ErrorKind::Corrupt, format!("{name} has no header within its first 64 KiB")))
}

/// The file's columns: which field of a record each column of the answer is.
struct Columns {
    width: usize,
    /// For each of the task's own columns its field, if the file has it.
    fields: Vec<Option<usize>>,
}

impl Task {
    fn indices(&self, names: &[String], file: &str) -> Result<Columns> {
        self.detail.check_known(names.iter().map(String::as_str), file)?;
        let place = |field: &FieldRef| names.iter().position(|name| name == field.name());
        Ok(Columns { width: names.len(), fields: self.wanted().map(place).collect() })
    }
}

struct Reading {
    task: Arc<Task>,
    text: PieceText,
    reader: CsvReader,
    /// Bytes that were read and not yet taken apart.
    chunk: Buffer,
    columns: Option<Columns>,
    constants: Vec<(String, ArrayRef)>,
    /// Other splits read other pieces of the file.
    is_cut: bool,
    /// The file's name, and from where its lines are counted.
    shown: String,
    ended: bool,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let (rows, bytes) = (self.task.context.max_batch_rows.max(1), self.task.context.max_batch_bytes);
        let wants = |records: &Records| records.len() == 0 || (records.len() < rows && records.bytes() <= bytes);
        while !self.ended && wants(self.reader.records()) {
            if self.chunk.is_empty() && !self.more().await? {
                self.ended = true;
                break;
            }
            // Some thousand bytes at a time, so that a batch of few bytes is closed in time.
            let upto = self.chunk.len().min(bytes.max(4096));
            let read = self.reader.feed(self.chunk.get(..upto).unwrap_or_default(), rows);
            let read = read.map_err(|error| of_file(error, &self.shown))?;
            // A piece that wrongly begins within quotes sees their end as a quote inside a field: mostly this tells
            // before the split before this one has been read to its end.
            if self.is_cut && self.reader.met_stray_quote {
                return Err(self.cut_wrong("a quote inside a field"));
            }
            self.chunk.advance(read);
        }
        let records = self.reader.take();
        if records.len() == 0 {
            return if self.ended { Ok(None) } else { Err(Error::internal("a CSV reader stopped before its end")) };
        }
        self.batch(&records).map(Some)
    }

    /// Fetches more bytes; false when the piece is over, its last record whole.
    async fn more(&mut self) -> Result<bool> {
        if let Some(chunk) = self.text.next().await? {
            self.chunk = chunk;
            return Ok(true);
        }
        if self.text.is_inside_a_record() {
            return Ok(false);
        }
        if !self.text.may_reach_beyond() {
            self.reader.finish().map_err(|error| of_file(error, &self.shown))?;
            return Ok(false);
        }
        self.last_record().await?;
        Ok(false)
    }

    /// Reads on to the end of the record that the range cuts.
    ///
    /// The next split begins behind the first line break from the range's last byte on. If that one is within quotes,
    /// its records are none; this split began right, so it sees it. As the first split begins right, no wrong cut
    /// goes unseen.
    async fn last_record(&mut self) -> Result<()> {
        let mut wrong = self.reader.is_quoted_newline();
        self.reader.met_quoted_newline = false;
        while !self.reader.is_between_records() {
            let Some(chunk) = self.text.beyond().await? else {
                self.reader.finish().map_err(|error| of_file(error, &self.shown))?;
                break;
            };
            let whole = self.reader.records().len() + 1;
            self.reader.feed(&chunk, whole).map_err(|error| of_file(error, &self.shown))?;
        }
        wrong |= self.reader.met_quoted_newline;
        if wrong { Err(self.cut_wrong("a line break within quotes")) } else { Ok(()) }
    }

    fn cut_wrong(&self, what: &str) -> Error {
        let message = format!("{} has {what}, so that it cannot be cut for parallel reading", self.shown);
        Error::new(ErrorKind::SchemaMismatch, message).with_hint(
            "the table is declared with `newlines_in_quotes = false`: take this away, and the file is read in one piece",
        )
    }

    fn batch(&mut self, records: &Records) -> Result<RecordBatch> {
        let mut first = 0;
        let columns = match &self.columns {
            Some(columns) => columns,
            None => {
                let names = columns_of(records, &self.task.detail.layout, &self.shown)?;
                first = usize::from(self.task.detail.layout.header);
                self.columns.insert(self.task.indices(&names, &self.shown)?)
            }
        };
        (first..records.len()).try_for_each(|record| check_width(records, record, columns.width, &self.shown))?;
        let mut own = Vec::with_capacity(columns.fields.len());
        for (field, index) in self.task.wanted().zip(&columns.fields) {
            let Some(index) = index else { continue };
            let lenient = self.task.detail.is_declared(field.name());
            own.push((field, column(records, first, (*index, columns.width), field, lenient, &self.shown)?));
        }
        batch::assembled(&self.task.schema, records.len() - first, &own, &self.constants)
    }
}

fn column(
    records: &Records,
    first: usize,
    (index, width): (usize, usize),
    field: &FieldRef,
    lenient: bool,
    file: &str,
) -> Result<ArrayRef> {
    let is_text = *field.data_type() == DataType::Utf8;
    let text = |record| match field_text(records, record, index, width, file)? {
        // A quoted nothing is an empty text; a number it is not.
        Some(("", _)) if !is_text => Ok(None),
        other => Ok(other.map(|(text, _)| text)),
    };
    let texts = (first..records.len()).map(text).collect::<Result<Vec<_>>>()?;
    text_array(field.data_type(), &texts, lenient).map_err(|misfit| {
        let place = format!("{file}, line {}", records.line(first + misfit.row));
        super::misfit(&place, field, &misfit.value, &type_word(field.data_type()))
    })
}
