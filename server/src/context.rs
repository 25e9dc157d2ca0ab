//! What a caller says about its query, in headers.

use headwater_core::wire::{BYTES_HEADER, QUERY_HEADER, ROWS_HEADER};
use headwater_core::{Error, ErrorKind, Result, ScanContext};
use tonic::metadata::MetadataMap;

/// Clients that do not say what they can take are often bound to 4 MiB per message.
const DEFAULT_BYTES: usize = 2 << 20;
/// No caller makes us hold more than this for one batch (a single larger row excepted).
const MOST_BYTES: usize = 64 << 20;
const MOST_ROWS: usize = 1 << 20;
const LONGEST_QUERY_ID: usize = 64;

/// The limits and the query of a call, with fresh counters.
pub(crate) fn context_of(headers: &MetadataMap) -> Result<ScanContext> {
    let mut context = ScanContext::new(query_id(headers)?);
    context.max_batch_rows = number(headers, ROWS_HEADER)?.unwrap_or(context.max_batch_rows).clamp(1, MOST_ROWS);
    context.max_batch_bytes = number(headers, BYTES_HEADER)?.unwrap_or(DEFAULT_BYTES).clamp(1, MOST_BYTES);
    Ok(context)
}

/// The query of a call that is about a query.
pub(crate) fn named_query(headers: &MetadataMap) -> Result<String> {
    if headers.get(QUERY_HEADER).is_none() {
        return Err(invalid(QUERY_HEADER, "there: a query is held by its id"));
    }
    query_id(headers)
}

/// Ends up in requests to the source: only what is harmless everywhere.
fn query_id(headers: &MetadataMap) -> Result<String> {
    let Some(id) = text(headers, QUERY_HEADER)? else { return Ok("remote".to_owned()) };
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if id.is_empty() || id.len() > LONGEST_QUERY_ID || !is_plain {
        return Err(invalid(QUERY_HEADER, "up to 64 letters, digits and `-`"));
    }
    Ok(id.to_owned())
}

fn number(headers: &MetadataMap, name: &'static str) -> Result<Option<usize>> {
    let parse = |text: &str| text.parse().map_err(|_| invalid(name, "a whole number"));
    text(headers, name)?.map(parse).transpose()
}

fn text<'a>(headers: &'a MetadataMap, name: &'static str) -> Result<Option<&'a str>> {
    headers.get(name).map(|value| value.to_str().map_err(|_| invalid(name, "text"))).transpose()
}

fn invalid(name: &str, wanted: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("header {name} must be {wanted}"))
}
