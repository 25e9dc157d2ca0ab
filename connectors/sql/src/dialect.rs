//! What differs between SQL products, as data.

use crate::{Arithmetic, NullOrder, Totals, Unsayable};
use std::ops::RangeInclusive;

/// What stands before and after something.
#[derive(Debug, Clone, Copy)]
pub struct Wrapping {
    /// Before it.
    pub before: &'static str,
    /// After it.
    pub after: &'static str,
}

/// How a text is asked for what it begins with, or has in it, by bytes.
#[derive(Debug, Clone, Copy)]
pub enum TextTests {
    /// Each in three parts: before the text, between, after what it must have.
    Functions {
        /// `text starts with prefix`.
        starts_with: [&'static str; 3],
        /// `text has part`.
        contains: [&'static str; 3],
    },
    /// `text LIKE 'prefix%' ESCAPE '!'`, `text LIKE '%part%' ESCAPE '!'`.
    Like,
}

/// How long an exact number's constant may be.
#[derive(Debug, Clone, Copy)]
pub struct Digits {
    /// In all.
    pub total: usize,
    /// After the point.
    pub fraction: usize,
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
    /// What a text begins with, and what it has in it.
    pub text_tests: TextTests,
    /// What is selected when no column is.
    pub no_columns: &'static str,
    /// The longest exact number that keeps all its digits.
    pub digits: Digits,
    /// How exact numbers are added and multiplied.
    pub arithmetic: Arithmetic,
    /// Whether there is a `min` and a `max` of bytes.
    pub least_of_bytes: bool,
    /// Where NULL is sorted.
    pub nulls: NullOrder,
    /// Around text, where the length has to decide between what sorts as the same: a text and the same text with NUL
    /// characters at its end.
    pub text_length: Option<Wrapping>,
    /// Whether an exact number beside a floating-point constant is compared as a floating-point number, always.
    pub floats_beside_numbers: bool,
    /// Turns a quoted 16-bit integer of a list into the type of such columns, where it would else be of a wider one
    /// and the list not be hashed.
    pub small_integer: Option<&'static str>,
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
    text_tests: TextTests::Functions { starts_with: ["starts_with(", ", ", ")"], contains: ["strpos(", ", ", ") > 0"] },
    no_columns: "",
    digits: Digits { total: 131_072, fraction: 16_383 },
    arithmetic: Arithmetic {
        integer: Wrapping { before: "", after: "::numeric" },
        sum_digits: 0,
        totals: Totals::Cast,
    },
    // Only since version 18.
    least_of_bytes: false,
    nulls: NullOrder::Spelled,
    text_length: None,
    floats_beside_numbers: true,
    small_integer: Some("'::int2"),
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

/// MySQL 8.0.17 and later.
pub const MYSQL: Dialect = Dialect {
    product: "MySQL",
    identifier_quote: '`',
    null_condition: "NULL",
    // Of the binary collations the one that does not pad: `utf8mb4_bin` takes 'a' and 'a ' for equal.
    by_bytes: " COLLATE utf8mb4_0900_bin",
    text_tests: TextTests::Like,
    no_columns: "1",
    digits: Digits { total: 65, fraction: 30 },
    arithmetic: Arithmetic {
        integer: Wrapping { before: "CAST(", after: " AS DECIMAL(20, 0))" },
        sum_digits: 22,
        totals: Totals::Decimal,
    },
    least_of_bytes: true,
    nulls: NullOrder::Least,
    text_length: None,
    // An index on the exact column would be asked for the constant's nearest exact number.
    floats_beside_numbers: false,
    small_integer: None,
    text: mysql_text,
    binary: mysql_binary,
    float: mysql_float,
    date: Wrapping { before: "DATE '", after: "'" },
    time: Wrapping { before: "TIME '", after: "'" },
    timestamp: Wrapping { before: "TIMESTAMP '", after: "'" },
    // The session's time zone is UTC.
    instant: Wrapping { before: "TIMESTAMP '", after: "'" },
    before_christ: None,
    // From 0001-01-01 to 9999-12-31.
    dates: (-719_162, 2_932_896),
};

/// MariaDB 10.5 and later.
pub const MARIADB: Dialect = Dialect {
    product: "MariaDB",
    by_bytes: " COLLATE utf8mb4_nopad_bin",
    // It pads short sort keys with zeros, also to find groups: those of 'a' and of 'a\0' fall to pieces (10.11).
    text_length: Some(Wrapping { before: "LENGTH(", after: ")" }),
    ..MYSQL
};

/// A backslash is an escape in `'…'` unless `NO_BACKSLASH_ESCAPES` is set: text with one, and text with control
/// characters, is written as its bytes, so that the setting and the driver's own reading of quotes do not matter.
fn mysql_text(text: &str) -> Result<String, Unsayable> {
    if text.contains(|c: char| c == '\\' || c.is_ascii_control()) {
        return Ok(hexadecimal("_utf8mb4 X'", text.as_bytes(), "'"));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

fn mysql_binary(bytes: &[u8]) -> String {
    hexadecimal("X'", bytes, "'")
}

/// A constant with an exponent is a double; the digits are the shortest that read back as the same number.
fn mysql_float(number: f64) -> Result<String, Unsayable> {
    if !number.is_finite() {
        return Err(Unsayable::new("MySQL has neither NaN nor infinity"));
    }
    Ok(format!("{number:e}"))
}

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
    hexadecimal(r"E'\\x", bytes, "'::bytea")
}

fn hexadecimal(before: &str, bytes: &[u8], after: &str) -> String {
    let mut text = String::with_capacity(before.len() + bytes.len() * 2 + after.len());
    text.push_str(before);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text.push_str(after);
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
