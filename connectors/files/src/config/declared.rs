//! Tables and column types written in the configuration.

use crate::listing::Format;
use arrow::datatypes::{DataType, TimeUnit};
use headwater_core::config::{Origin, Setting};
use headwater_core::{Error, Result, name::nearest};
use std::collections::BTreeMap;

const NAMES: [&str; 9] =
    ["text", "int64", "float64", "decimal", "boolean", "binary", "timestamp", "timestamptz", "date"];
const KEYS: [&str; 7] = ["columns", "delimiter", "format", "header", "newlines_in_quotes", "partitions", "path"];

/// A column's type as a person wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredColumn {
    pub(crate) name: String,
    pub(crate) data_type: DataType,
}

/// A table that the configuration names. What is not written is found out.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeclaredTable {
    /// Relative to the catalog's place; none: the table of this name that is there.
    pub(crate) path: Option<String>,
    pub(crate) format: Option<Format>,
    pub(crate) delimiter: Option<u8>,
    pub(crate) header: Option<bool>,
    pub(crate) newlines_in_quotes: Option<bool>,
    /// In the order in which they were written: without a header that is the order of the file.
    pub(crate) columns: Vec<DeclaredColumn>,
    pub(crate) partitions: Vec<DeclaredColumn>,
}

/// Reads `text`, `decimal(12,2)` and so on; `None` for anything else.
fn declared_type(text: &str) -> Option<DataType> {
    Some(match text {
        "text" => DataType::Utf8,
        "int64" => DataType::Int64,
        "float64" => DataType::Float64,
        "boolean" => DataType::Boolean,
        "binary" => DataType::Binary,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "date" => DataType::Date32,
        _ => return declared_decimal(text),
    })
}

fn declared_decimal(text: &str) -> Option<DataType> {
    let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale): (u8, i8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    let sound = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
    sound.then_some(DataType::Decimal128(precision, scale))
}

/// What to write in place of an unknown type.
fn known_types(given: Option<&str>) -> String {
    let word = given.map(|text| text.split('(').next().unwrap_or(text));
    match word.and_then(|word| nearest(word, NAMES.iter().copied())) {
        Some("decimal") => "a decimal is written decimal(PRECISION,SCALE), at most 38 digits: decimal(12,2)".to_owned(),
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            "known types: text, int64, float64, decimal(p,s), boolean, binary, timestamp, timestamptz, date".to_owned()
        }
    }
}

/// Checks the option `tables`.
///
/// # Errors
/// `Config` with the place and the nearest known word.
pub(crate) fn parse_tables(settings: &BTreeMap<String, (Setting, Origin)>) -> Result<BTreeMap<String, DeclaredTable>> {
    settings.iter().map(|(name, setting)| Ok((name.clone(), parse_table(name, setting)?))).collect()
}

fn parse_table(name: &str, setting: &(Setting, Origin)) -> Result<DeclaredTable> {
    let mut table = DeclaredTable::default();
    for (key, (setting, origin)) in entries(setting, &format!("tables.{name}"))? {
        let place = format!("{origin}: `{key}` of table {name}");
        match key.as_str() {
            "path" => table.path = Some(text(setting, &place)?.to_owned()),
            "format" => table.format = Some(format(text(setting, &place)?, &place)?),
            "delimiter" => table.delimiter = Some(delimiter(text(setting, &place)?, &place)?),
            "header" => table.header = Some(truth(setting, &place)?),
            "newlines_in_quotes" => table.newlines_in_quotes = Some(truth(setting, &place)?),
            "columns" => table.columns = columns(setting, origin, name, key)?,
            "partitions" => table.partitions = columns(setting, origin, name, key)?,
            _ => {
                let near = nearest(key, KEYS);
                let hint =
                    near.map_or_else(|| format!("known: {}", KEYS.join(", ")), |n| format!("did you mean `{n}`?"));
                return Err(Error::config(format!("{origin}: unknown key `{key}` of table {name}")).with_hint(hint));
            }
        }
    }
    Ok(table)
}

fn entries<'a>(
    (setting, origin): &'a (Setting, Origin),
    path: &str,
) -> Result<&'a BTreeMap<String, (Setting, Origin)>> {
    match setting {
        Setting::Table(table) => Ok(table),
        other => Err(Error::config(format!("{origin}: `{path}` must be a table, not {}", other.label()))),
    }
}

fn text<'a>(setting: &'a Setting, place: &str) -> Result<&'a str> {
    match setting {
        Setting::Text(text) => Ok(text),
        other => Err(Error::config(format!("{place} must be text, not {}", other.label()))),
    }
}

fn truth(setting: &Setting, place: &str) -> Result<bool> {
    match setting {
        Setting::Boolean(truth) => Ok(*truth),
        other => Err(Error::config(format!("{place} must be true or false, not {}", other.label()))),
    }
}

fn format(word: &str, place: &str) -> Result<Format> {
    match word {
        "parquet" => Ok(Format::Parquet),
        "csv" => Ok(Format::Csv),
        "json" => Ok(Format::Json),
        _ => Err(Error::config(format!("{place} is the unknown word `{word}`")).with_hint("known: parquet, csv, json")),
    }
}

fn delimiter(text: &str, place: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(*byte),
        _ => Err(Error::config(format!("{place} must be one ASCII character, neither a quote nor a line break"))),
    }
}

/// The columns in the order in which they were written. A list of `"name type"` keeps the order; a table, which TOML
/// does not order, is taken in the order of its lines.
fn columns(setting: &Setting, origin: &Origin, table: &str, key: &str) -> Result<Vec<DeclaredColumn>> {
    let Setting::Table(entries) = setting else {
        let message = format!("{origin}: `tables.{table}.{key}` must be a table, not {}", setting.label());
        return Err(Error::config(message).with_hint("write one `column = \"type\"` a line"));
    };
    let mut lines: Vec<_> = entries.iter().collect();
    lines.sort_by_key(|(_, (_, origin))| origin.line);
    let one_a_line = lines.windows(2).all(|pair| match pair {
        [(_, (_, a)), (_, (_, b))] => a.line != b.line,
        _ => true,
    });
    if !one_a_line && key == "columns" {
        return Err(Error::config(format!("{origin}: columns of table {table} must be written one a line"))
            .with_hint("their order is that of the file where there is no header"));
    }
    lines.into_iter().map(|(name, (setting, origin))| column(name, setting, origin)).collect()
}

fn column(name: &str, setting: &Setting, origin: &Origin) -> Result<DeclaredColumn> {
    let written = text(setting, &format!("{origin}: the type of column {name}"))?;
    let Some(data_type) = declared_type(written) else {
        let message = format!("{origin}: column {name} has the unknown type `{written}`");
        return Err(Error::config(message).with_hint(known_types(Some(written))));
    };
    Ok(DeclaredColumn { name: name.to_owned(), data_type })
}
