//! Which way each of the servers' types takes.

use super::Decoding;
use crate::TimeType;
use headwater_core::TextComparison;
use serde::{Deserialize, Serialize};

/// A column's type as `information_schema` has it.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceType {
    /// `DATA_TYPE`: its name alone.
    pub(crate) name: String,
    /// `COLUMN_TYPE`: in full.
    pub(crate) shown: String,
    /// Digits of an exact number, in all and after the point.
    pub(crate) precision: Option<u64>,
    pub(crate) scale: Option<u64>,
    /// Digits of a second's fraction.
    pub(crate) fraction: Option<u64>,
    /// How many characters of text, or bytes, a value can have.
    pub(crate) length: Option<u64>,
    pub(crate) character_set: Option<String>,
    pub(crate) collation: Option<String>,
}

/// What the configuration decides of the law.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) tinyint1_is_boolean: bool,
    pub(crate) time: TimeType,
}

/// What stands in the select list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Selected {
    Plain,
    AsText,
    WellKnownBinary,
}

/// How a column compares at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Family {
    Boolean,
    Number,
    /// A number only in an expression: else a constant beside it would become a year or a string of bits.
    NumberInExpression,
    /// Compared as a double only in an expression: an index on `float` would be asked for the nearest `float`.
    Float,
    Double,
    /// By bytes, blanks at the end included.
    BinaryText,
    /// By a language, blanks at the end included.
    Collated,
    /// Blanks at the end do not count.
    Padded,
    /// The same in a character set that takes ASCII constants alone.
    PaddedAscii,
    /// Text only once it is converted.
    Converted,
    /// Text only once it is cast.
    CastText,
    Binary,
    Date,
    Timestamp,
    Instant,
    TimeOfDay,
    Duration,
    Json,
    Spatial,
    Vector,
}

/// How one column is selected, read and compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnLaw {
    pub(super) decoding: Decoding,
    pub(super) selected: Selected,
    pub(super) family: Family,
    /// Digits of a second's fraction.
    pub(super) fraction: u8,
    /// Whether values may be longer than what is looked at of them where they are sorted.
    pub(super) long: bool,
    /// Of text that is compared as it is stored: the name of its collation.
    #[serde(default)]
    pub(super) collation: Option<String>,
}

/// How much of a value is looked at where it is sorted or grouped: `max_sort_length`, which each session sets.
pub(crate) const SORTED_BYTES: u64 = 1_024;

/// MariaDB spends some of them on the length of a value of bytes.
const LENGTH_BYTES: u64 = 2;

/// The bytes of a character, at most.
const CHARACTER_BYTES: u64 = 4;

/// The binary collations that do not pad: `utf8mb4_bin` is not one of them.
const BY_BYTES: [&str; 2] = ["utf8mb4_0900_bin", "utf8mb4_nopad_bin"];

/// Character sets in which an ASCII character is what it is in UTF-8.
const ASCII_WITHIN: [&str; 4] = ["utf8mb3", "utf8", "latin1", "ascii"];

const SPATIAL: [&str; 9] = [
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geomcollection",
    "geometrycollection",
];

impl ColumnLaw {
    pub(crate) fn of(source: &SourceType, reading: Reading) -> Self {
        let fraction = source.fraction.and_then(|digits| u8::try_from(digits).ok()).unwrap_or_default();
        let bytes = source
            .length
            .map(|length| if source.character_set.is_some() { length.saturating_mul(CHARACTER_BYTES) } else { length });
        let long = bytes.is_some_and(|bytes| bytes > SORTED_BYTES - LENGTH_BYTES);
        let plain = |decoding, family| Self {
            decoding,
            selected: Selected::Plain,
            family,
            fraction,
            long,
            collation: source.collation.clone(),
        };
        match source.name.as_str() {
            "tinyint" if reading.tinyint1_is_boolean && source.shown == "tinyint(1)" => {
                plain(Decoding::Boolean, Family::Boolean)
            }
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => plain(integer(source), Family::Number),
            "decimal" => plain(decimal(source), Family::Number),
            "float" => plain(Decoding::Float32, Family::Float),
            "double" => plain(Decoding::Float64, Family::Double),
            "year" => plain(Decoding::Int16, Family::NumberInExpression),
            "bit" => plain(Decoding::Bits, Family::NumberInExpression),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => plain(Decoding::Text, text(source)),
            "enum" | "set" => plain(Decoding::Text, Family::Converted),
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                plain(Decoding::Binary, Family::Binary)
            }
            "date" => plain(Decoding::Date, Family::Date),
            "datetime" => plain(Decoding::Timestamp, Family::Timestamp),
            "timestamp" => plain(Decoding::Instant, Family::Instant),
            "time" => match reading.time {
                TimeType::Duration => plain(Decoding::Duration, Family::Duration),
                TimeType::TimeOfDay => plain(Decoding::TimeOfDay, Family::TimeOfDay),
            },
            "json" => plain(Decoding::Text, Family::Json),
            "vector" => plain(Decoding::Binary, Family::Vector),
            name if SPATIAL.contains(&name) => {
                Self { selected: Selected::WellKnownBinary, ..plain(Decoding::Binary, Family::Spatial) }
            }
            _ => Self { selected: Selected::AsText, ..plain(Decoding::Text, Family::CastText) },
        }
    }

    /// What is read and compared as it comes.
    pub(super) fn computed(decoding: Decoding, family: Family, long: bool) -> Self {
        Self { decoding, selected: Selected::Plain, family, fraction: 0, long, collation: None }
    }

    pub(crate) fn decoding(&self) -> Decoding {
        self.decoding
    }

    /// How the server compares it, for the engine and for people.
    pub(crate) fn text_comparison(&self) -> TextComparison {
        match self.family {
            Family::BinaryText => TextComparison::Bytes,
            _ => TextComparison::Loose,
        }
    }

    /// A remark for people, unless the law is the obvious one.
    pub(crate) fn note(&self) -> Option<&'static str> {
        match self.family {
            Family::CastText => Some("read as text"),
            Family::Spatial => Some("read as WKB, without its SRID"),
            Family::Vector => Some("read as 32-bit floats, little endian"),
            Family::Duration => Some("read as a duration"),
            _ => None,
        }
    }

    /// Whether a table can be cut into ranges of this column: the server compares it with constants by an index.
    pub(crate) fn has_ranges(&self) -> bool {
        let whole = !matches!(self.decoding, Decoding::Decimal { .. });
        match self.family {
            Family::Number => whole,
            Family::BinaryText | Family::Collated | Family::Padded | Family::PaddedAscii | Family::Binary => true,
            Family::Date | Family::Timestamp | Family::Instant => true,
            Family::Boolean
            | Family::NumberInExpression
            | Family::Float
            | Family::Double
            | Family::Converted
            | Family::CastText
            | Family::TimeOfDay
            | Family::Duration
            | Family::Json
            | Family::Spatial
            | Family::Vector => false,
        }
    }

    /// Whether a range may end at this text: an index of another character set is asked for plain ASCII alone.
    pub(crate) fn can_bound(&self, text: &str) -> bool {
        self.family != Family::PaddedAscii || text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\')
    }

    /// Whether join keys can be looked up with the server's own equality.
    pub(crate) fn is_key(&self) -> bool {
        match self.family {
            Family::Number
            | Family::BinaryText
            | Family::Collated
            | Family::Padded
            | Family::PaddedAscii
            | Family::Binary
            | Family::Date
            | Family::Timestamp
            | Family::Instant => !matches!(self.decoding, Decoding::Decimal { precision: 39.., .. }),
            Family::Boolean
            | Family::NumberInExpression
            | Family::Float
            | Family::Double
            | Family::Converted
            | Family::CastText
            | Family::TimeOfDay
            | Family::Duration
            | Family::Json
            | Family::Spatial
            | Family::Vector => false,
        }
    }
}

fn integer(source: &SourceType) -> Decoding {
    let unsigned = source.shown.contains("unsigned");
    match (source.name.as_str(), unsigned) {
        ("tinyint", false) => Decoding::Int8,
        ("tinyint", true) => Decoding::UInt8,
        ("smallint", false) => Decoding::Int16,
        ("smallint", true) => Decoding::UInt16,
        ("bigint", false) => Decoding::Int64,
        ("bigint", true) => Decoding::UInt64,
        (_, false) => Decoding::Int32,
        (_, true) => Decoding::UInt32,
    }
}

fn decimal(source: &SourceType) -> Decoding {
    let digits = |number: Option<u64>| number.and_then(|digits| u8::try_from(digits).ok());
    let precision = digits(source.precision).filter(|precision| (1..=76).contains(precision)).unwrap_or(65);
    let scale = digits(source.scale).and_then(|scale| i8::try_from(scale).ok()).unwrap_or_default();
    Decoding::Decimal { precision, scale }
}

fn text(source: &SourceType) -> Family {
    let character_set = source.character_set.as_deref().unwrap_or_default();
    let collation = source.collation.as_deref().unwrap_or_default();
    // An index orders `char` by the blanks that pad it, and reading it does not give them.
    let pads = source.name == "char" || !(collation.contains("_0900_") || collation.contains("_nopad_"));
    match (character_set, pads) {
        ("utf8mb4", false) if BY_BYTES.contains(&collation) => Family::BinaryText,
        ("utf8mb4", false) => Family::Collated,
        ("utf8mb4", true) => Family::Padded,
        (other, _) if ASCII_WITHIN.contains(&other) => Family::PaddedAscii,
        _ => Family::Converted,
    }
}
