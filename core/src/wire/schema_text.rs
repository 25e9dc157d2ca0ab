//! Arrow schemas in JSON: the IPC schema message, which every Arrow library reads and writes, as base64.

use super::binary_text;
use arrow::ipc::convert::try_schema_from_ipc_buffer;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions, write_message};
use arrow_schema::SchemaRef;
use serde::{Deserializer, Serializer, de, ser};
use std::sync::Arc;

pub(crate) fn serialize<S: Serializer>(schema: &SchemaRef, out: S) -> Result<S::Ok, S::Error> {
    let options = IpcWriteOptions::default();
    let mut dictionaries = DictionaryTracker::new(false);
    let message =
        IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(schema, &mut dictionaries, &options);
    let mut bytes = Vec::new();
    write_message(&mut bytes, message, &options).map_err(ser::Error::custom)?;
    binary_text::serialize(&bytes, out)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<SchemaRef, D::Error> {
    let bytes = binary_text::deserialize(input)?;
    try_schema_from_ipc_buffer(&bytes).map(Arc::new).map_err(de::Error::custom)
}
