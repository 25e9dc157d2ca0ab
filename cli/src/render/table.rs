//! Aligned columns for people.

use super::cells::for_each_cell;
use super::{Output, Renderer, is_number};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_core::Result;
use unicode_width::UnicodeWidthStr;

/// Rows that are held back to find the columns' widths. Later rows keep these widths; a wider value stands out.
const ROWS_FOR_WIDTHS: usize = 1_000;

pub(super) struct Table<'a> {
    output: &'a mut Output,
    columns: Vec<Column>,
    /// The rows held back, until the widths are known.
    held: Vec<Vec<String>>,
    heading_is_out: bool,
}

struct Column {
    name: String,
    width: usize,
    align_right: bool,
}

impl<'a> Table<'a> {
    pub(super) fn new(schema: &SchemaRef, output: &'a mut Output) -> Self {
        let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
            let name = shown(field.name());
            Column { width: name.width(), name, align_right: is_number(field.data_type()) }
        };
        let columns = schema.fields().iter().map(column).collect();
        Self { output, columns, held: Vec::new(), heading_is_out: false }
    }

    /// Writes heading and held rows with the widths known by now.
    fn release(&mut self) -> Result<()> {
        for column in &mut self.columns {
            column.width = column.width.max(1);
        }
        for (index, column) in self.columns.iter_mut().enumerate() {
            let widths = self.held.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
            column.width = widths.max().unwrap_or(0).max(column.width);
        }
        let names: Vec<_> = self.columns.iter().map(|column| column.name.clone()).collect();
        let rules: Vec<_> = self.columns.iter().map(|column| "-".repeat(column.width)).collect();
        self.line(&names)?;
        self.line(&rules)?;
        self.heading_is_out = true;
        for row in std::mem::take(&mut self.held) {
            self.line(&row)?;
        }
        Ok(())
    }

    fn line(&mut self, cells: &[String]) -> Result<()> {
        let mut line = String::new();
        for (index, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
            let padding = " ".repeat(column.width.saturating_sub(cell.width()));
            let gap = if index == 0 { "" } else { "  " };
            let (left, right) = if column.align_right { (padding.as_str(), "") } else { ("", padding.as_str()) };
            line.extend([gap, left, cell, right]);
        }
        self.output.text(line.trim_end_matches(' '))?;
        self.output.text("\n")
    }
}

impl Renderer for Table<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut row = Vec::with_capacity(self.columns.len());
        for_each_cell(batch, |_, value| {
            row.push(value.map_or_else(|| "NULL".to_owned(), shown));
            if row.len() < self.columns.len() {
                return Ok(());
            }
            let row = std::mem::take(&mut row);
            if self.heading_is_out {
                return self.line(&row);
            }
            self.held.push(row);
            if self.held.len() < ROWS_FOR_WIDTHS { Ok(()) } else { self.release() }
        })?;
        self.output.hand_on()
    }

    fn holds_back(&self) -> bool {
        !self.heading_is_out
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if !self.heading_is_out {
            self.release()?;
        }
        self.output.hand_on()
    }
}

/// A value on one line, without anything that a terminal would obey.
fn shown(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn control_characters_are_spelled_out() {
        assert_eq!(shown("a\nb\x1b[2J日本"), "a\\nb\\u{1b}[2J日本");
    }
}
