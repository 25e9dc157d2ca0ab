//! CSV after RFC 4180, with `\n` between the lines.
//!
//! NULL is an empty field, the empty text is `""`: Arrow's own CSV writer cannot tell the two apart.

use super::cells::for_each_cell;
use super::{Output, Renderer};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_core::Result;

pub(super) struct Csv<'a> {
    output: &'a mut Output,
    columns: usize,
}

impl<'a> Csv<'a> {
    /// Writes the header.
    pub(super) fn new(schema: &SchemaRef, output: &'a mut Output) -> Result<Self> {
        let names: Vec<_> = schema.fields().iter().map(|field| quoted(field.name())).collect();
        output.text(&format!("{}\n", names.join(",")))?;
        Ok(Self { output, columns: names.len() })
    }
}

impl Renderer for Csv<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let last = self.columns.saturating_sub(1);
        let output = &mut *self.output;
        for_each_cell(batch, |column, value| {
            // A line of one NULL would be an empty line, which readers skip; there is no way to write it better.
            output.text(&value.map(quoted).unwrap_or_default())?;
            output.text(if column == last { "\n" } else { "," })
        })?;
        self.output.hand_on()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.hand_on()
    }
}

fn quoted(text: &str) -> String {
    let outer_blank = text.starts_with(' ') || text.ends_with(' ');
    if text.is_empty() || outer_blank || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn only_what_needs_quotes_gets_them() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            (" x", "\" x\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
