//! What a generator knows of a table: enough to write statements that have a type.

/// What may be done with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Exact,
    Float,
    Text,
    Boolean,
    /// Numbers with which nothing is computed: 38 digits leave no room.
    Huge,
    Binary,
    Date,
    Timestamp,
    Instant,
}

/// A column, and constants in the engine's SQL that meet its values, or nearly.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) constants: &'static [&'static str],
}

pub(super) const fn column(name: &'static str, kind: Kind, constants: &'static [&'static str]) -> Column {
    Column { name, kind, constants }
}

/// Conditions that lead a source to rows by a way of its own, and a column in whose order it then finds them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    pub(super) conditions: &'static [&'static str],
    pub(super) order: Option<&'static str>,
}

/// A table by its full name.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: &'static [Column],
    pub(super) paths: &'static [Path],
}

pub(super) const WHOLE: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "127",
    "32767",
    "-32768",
    "2147483647",
    "-2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "1.0",
    "1.5",
    "18446744073709551615",
    "2e0",
    "NULL",
];
pub(super) const EXACT: &[&str] = &[
    "0",
    "1",
    "1.5",
    "1.50",
    "-1.5",
    "0.01",
    "-0.01",
    "999.99",
    "99999999.99",
    "1.505",
    "0.0000001",
    "12345678.9",
    "3e0",
    "NULL",
];
pub(super) const FLOAT: &[&str] = &[
    "0e0",
    "-0e0",
    "1.5",
    "1.5e0",
    "0.1",
    "1e0",
    "-1",
    "1e300",
    "-1e300",
    "3.4e38",
    "1e-45",
    "CAST('NaN' AS DOUBLE)",
    "CAST('Infinity' AS DOUBLE)",
    "NULL",
];
pub(super) const TEXT: &[&str] = &[
    "'a'",
    "'A'",
    "'b'",
    "'B'",
    "''",
    "' '",
    "'a '",
    "'a  '",
    "'ab'",
    "'Ab'",
    "'é'",
    "'e\u{301}'",
    "'É'",
    "'e'",
    "'ß'",
    "'ss'",
    "'ä'",
    "'z'",
    "'Z'",
    "'日本'",
    "'😀'",
    "'a\tb'",
    "'a%b'",
    "'a_b'",
    "'a\\b'",
    "'10'",
    "'9'",
    "'O''Neil'",
    "'\u{ff}'",
    "'\u{ffff}'",
    "'happy'",
    "'sad'",
    "'x,y'",
    "'x'",
    "NULL",
];
pub(super) const PATTERNS: &[&str] = &[
    "'a%'",
    "'A%'",
    "'%'",
    "'%b'",
    "'a_'",
    "'_'",
    "'%\\%%'",
    "'a\\_b'",
    "''",
    "'é%'",
    "'e%'",
    "'a %'",
    "'% '",
    "'日%'",
    "'h%'",
    "'%a%'",
    "'%e%'",
    "'%本%'",
    "'%%'",
    "'% %'",
    "'%!%'",
    "'a%e'",
    "'_b%'",
    "'%a_'",
    "'%本_'",
    "'e\\_%é'",
];
pub(super) const BOOLEAN: &[&str] = &["true", "false", "NULL"];
pub(super) const DATE: &[&str] = &[
    "DATE '2026-01-31'",
    "DATE '1970-01-01'",
    "DATE '1969-12-31'",
    "DATE '9999-12-31'",
    "DATE '1000-01-01'",
    "DATE '0001-01-01'",
    "DATE '2024-02-29'",
    "NULL",
];
pub(super) const TIMESTAMP: &[&str] = &[
    "TIMESTAMP '2026-01-31 01:02:03'",
    "TIMESTAMP '2026-01-31 01:02:03.456789'",
    "TIMESTAMP '1970-01-01 00:00:00'",
    "TIMESTAMP '9999-12-31 23:59:59'",
    "TIMESTAMP '1000-01-01 00:00:00'",
    "NULL",
];
pub(super) const INSTANT: &[&str] = &[
    "TIMESTAMP '2026-01-31T01:02:03Z'",
    "TIMESTAMP '2026-01-31T01:02:03.456789+02:00'",
    "TIMESTAMP '1970-01-01T00:00:01Z'",
    "TIMESTAMP '2038-01-19T03:14:07Z'",
    "NULL",
];
