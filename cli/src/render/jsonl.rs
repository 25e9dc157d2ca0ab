//! One JSON object per line; values as in [`json`](super::json).

use super::{Output, Renderer, failed, json};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use headwater_core::{Error, ErrorKind, Result};
use std::collections::HashSet;

pub(super) struct Jsonl<'a> {
    output: &'a mut Output,
    /// `"name":` per column.
    keys: Vec<Vec<u8>>,
}

impl<'a> Jsonl<'a> {
    pub(super) fn new(schema: &SchemaRef, output: &'a mut Output) -> Result<Self> {
        let mut seen = HashSet::new();
        if let Some(twice) = schema.fields().iter().find(|field| !seen.insert(field.name())) {
            let message = format!("two columns are called `{}`; one object cannot hold both", twice.name());
            return Err(Error::new(ErrorKind::InvalidInput, message).with_hint("rename one with AS"));
        }
        let key = |name: &str| Ok(format!("{}:", serde_json::to_string(name)?).into_bytes());
        let keys = schema.fields().iter().map(|field| key(field.name())).collect::<serde_json::Result<_>>();
        Ok(Self { output, keys: keys.map_err(|error| Error::internal(error.to_string()))? })
    }
}

impl Renderer for Jsonl<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let options = json::options();
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut encoders =
            columns.map(|(field, column)| json::encoder(field, column, &options)).collect::<Result<Vec<_>>>()?;
        let mut line = Vec::new();
        for row in 0..batch.num_rows() {
            line.clear();
            for (index, (key, encoder)) in self.keys.iter().zip(&mut encoders).enumerate() {
                line.push(if index == 0 { b'{' } else { b',' });
                line.extend_from_slice(key);
                if encoder.is_null(row) {
                    line.extend_from_slice(b"null");
                } else {
                    encoder.encode(row, &mut line);
                }
            }
            line.extend_from_slice(b"}\n");
            std::io::Write::write_all(self.output, &line).map_err(|reason| failed(reason.into()))?;
        }
        self.output.hand_on()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.hand_on()
    }
}
