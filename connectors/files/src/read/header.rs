//! The columns of a CSV file, and the fields of its records.

use crate::convert::csv::Records;
use crate::metadata::Layout;
use headwater_core::{Error, ErrorKind, Result};

/// The names of the columns: those of the header, else the known ones, else `column_1` and so on.
///
/// # Errors
/// `Unsupported` for a name that comes twice, `SchemaMismatch` for another number of columns than are known.
pub(crate) fn columns_of(records: &Records, layout: &Layout, file: &str) -> Result<Vec<String>> {
    let width = records.width(0);
    let names: Vec<String> = match (layout.header, layout.names.len()) {
        (true, _) => (0..width).map(|index| header_name(records, index, file)).collect::<Result<_>>()?,
        (false, 0) => (1..=width).map(|number| format!("column_{number}")).collect(),
        (false, known) if known == width => layout.names.clone(),
        (false, known) => {
            let message = format!("{file} has {width} columns on line {}, not {known}", records.line(0));
            return Err(Error::new(ErrorKind::SchemaMismatch, message)
                .with_hint("is the delimiter right? without a header the declared columns are all columns, in order"));
        }
    };
    match names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|other| other == *name)) {
        None => Ok(names),
        Some((_, twice)) => {
            Err(Error::new(ErrorKind::Unsupported, format!("{file} has two columns with the name `{twice}`"))
                .with_hint(
                    "if its first line is no header, declare the table with `header = false`; else rename one of them",
                ))
        }
    }
}

fn header_name(records: &Records, index: usize, file: &str) -> Result<String> {
    let (bytes, _) = records.field(0, index).unwrap_or_default();
    let name = std::str::from_utf8(bytes).map_err(|_| not_utf8(records, 0, index, file))?;
    // SQL cannot say an empty name.
    Ok(if name.is_empty() { format!("column_{}", index + 1) } else { name.to_owned() })
}

/// The text of a field, and whether it was quoted; `None` for an empty field that was not.
///
/// # Errors
/// `Corrupt` for bytes that are no UTF-8.
pub(crate) fn field_text<'a>(
    records: &'a Records,
    record: usize,
    index: usize,
    width: usize,
    file: &str,
) -> Result<Option<(&'a str, bool)>> {
    let Some((bytes, quoted)) = records.field(record, index) else {
        return check_width(records, record, width, file).map(|()| None);
    };
    if bytes.is_empty() && !quoted {
        return Ok(None);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some((text, quoted))),
        Err(_) => Err(not_utf8(records, record, index, file)),
    }
}

fn not_utf8(records: &Records, record: usize, index: usize, file: &str) -> Error {
    let line = records.line(record);
    Error::new(ErrorKind::Corrupt, format!("{file} is not UTF-8: field {} of the record on line {line}", index + 1))
        .with_hint("convert it, for example by iconv")
}

/// # Errors
/// `Corrupt` for a record with fewer or more fields than there are columns.
pub(crate) fn check_width(records: &Records, record: usize, width: usize, file: &str) -> Result<()> {
    let found = records.width(record);
    if found == width {
        return Ok(());
    }
    let message = format!("{file} has {found} fields in the record on line {}, not {width}", records.line(record));
    Err(Error::new(ErrorKind::Corrupt, message).with_hint("is the delimiter right? is a quote missing?"))
}
