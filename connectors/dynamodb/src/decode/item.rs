//! One item into a row.

use super::attribute::attributes;
use super::flaw::Flaw;
use super::json::Json;
use super::value::entries;
use crate::convert::{RowBuilder, write_entries};

/// Reads an item, `{"name": {"S": "text"}, …}`, into the next row.
///
/// # Errors
/// Text that is no item, an attribute that it has twice, or a value that does not fit its column.
pub(crate) fn item(json: &mut Json<'_>, row: &mut RowBuilder) -> Result<(), Flaw> {
    let columns = row.columns();
    let mut bytes = 0;
    if columns.has_whole() {
        let mut text = String::new();
        write_entries(&attributes(&mut json.fork())?, &mut text);
        bytes += columns.whole().map(|column| column.append_json(&text)).sum::<usize>();
    }
    bytes += entries(json, columns)?;
    row.end_row(bytes);
    Ok(())
}
