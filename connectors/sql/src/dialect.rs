//! What differs between SQL products, as data.

use crate::Unsayable;
use std::ops::RangeInclusive;

/// What stands before and after something.
#[derive(Debug, Clone, Copy)]
pub struct Wrapping {
    /// Before it.
    pub before: &'static str,
    /// After it.
    pub after: &'static str,
}

/// How one product writes names, constants and the few functions we need.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The product, as messages name it.
    pub product: &'static str,
    /// Stands around identifiers; doubled inside them.
    pub identifier_quote: char,
    /// A condition that is NULL.
    pub null_condition: &'static str,
    /// Follows a text expression to have it compared by bytes.
    pub by_bytes: &'static str,
    /// `text starts with prefix`: before the text, between, after the prefix.
    pub starts_with: [&'static str; 3],
    /// A text constant with its quotes.
    pub text: fn(&str) -> Result<String, Unsayable>,
    /// A constant of bytes with its quotes.
    pub binary: fn(&[u8]) -> String,
    /// A 64-bit floating-point constant.
    pub float: fn(f64) -> Result<String, Unsayable>,
    /// Around `2026-01-31`.
    pub date: Wrapping,
    /// Around `23:59:59.999999`.
    pub time: Wrapping,
    /// Around `2026-01-31 23:59:59.999999`.
    pub timestamp: Wrapping,
    /// Around the same in UTC.
    pub instant: Wrapping,
    /// How a year before year 1 is marked, if it can be written.
    pub before_christ: Option<&'static str>,
    /// The dates the product knows, in days since 1970-01-01.
    pub dates: (i32, i32),
}

impl Dialect {
    /// The days since 1970-01-01 that the product can write.
    pub(crate) fn days(&self) -> RangeInclusive<i64> {
        i64::from(self.dates.0)..=i64::from(self.dates.1)
    }
}

/// PostgreSQL 12 and later.
pub const POSTGRES: Dialect = Dialect {
    product: "PostgreSQL",
    identifier_quote: '"',
    null_condition: "NULL::boolean",
    by_bytes: " COLLATE \"C\"",
    starts_with: ["starts_with(", ", ", ")"],
    text: postgres_text,
    binary: postgres_binary,
    float: postgres_float,
    date: Wrapping { before: "'", after: "'::date" },
    time: Wrapping { before: "'", after: "'::time" },
    timestamp: Wrapping { before: "'", after: "'::timestamp" },
    instant: Wrapping { before: "'", after: "+00'::timestamptz" },
    before_christ: Some(" BC"),
    // From 4713-11-24 BC, the first day of PostgreSQL's calendar, to January 294247, where 64-bit microseconds end.
    dates: (-2_440_588, 106_751_990),
};

/// A backslash is an escape in `'…'` only while `standard_conforming_strings` is off; in `E'…'` it always is. So text
/// with one is written as `E'…'`, text without as `'…'`, and neither depends on the setting.
fn postgres_text(text: &str) -> Result<String, Unsayable> {
    if text.contains('\0') {
        return Err(Unsayable::new("PostgreSQL's text cannot hold a NUL character"));
    }
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        return Ok(format!("E'{}'", quoted.replace('\\', r"\\")));
    }
    Ok(format!("'{quoted}'"))
}

fn postgres_binary(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2 + 14);
    text.push_str(r"E'\\x");
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text.push_str("'::bytea");
    text
}

fn postgres_float(number: f64) -> Result<String, Unsayable> {
    let text = match number {
        _ if number.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        // Rust prints the shortest text that reads back as the same number.
        _ => format!("{number:?}"),
    };
    Ok(format!("'{text}'::float8"))
}
