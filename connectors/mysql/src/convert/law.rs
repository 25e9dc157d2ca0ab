//! Which way each of the servers' types takes.

use super::Decoding;
use crate::TimeType;
use crate::product::Product;
use headwater_core::TextComparison;
use headwater_sql::{ColumnSql, Comparison, SqlText, Step};
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
enum Selected {
    Plain,
    AsText,
    WellKnownBinary,
}

/// How a column compares at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Family {
    Boolean,
    Number,
    /// A number only in an expression: else a constant beside it would become a year or a string of bits.
    NumberInExpression,
    /// Compared as a double only in an expression: an index on `float` would be asked for the nearest `float`.
    Float,
    Double,
    /// By bytes, blanks at the end included.
    BinaryText,
    /// By a language, or without blanks at the end.
    Collated,
    /// The same in a character set that takes ASCII constants alone.
    CollatedAscii,
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
    decoding: Decoding,
    selected: Selected,
    family: Family,
    /// Digits of a second's fraction.
    fraction: u8,
}

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
        let plain = |decoding, family| Self { decoding, selected: Selected::Plain, family, fraction };
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

    /// Whether join keys can be looked up with the server's own equality.
    pub(crate) fn is_key(&self) -> bool {
        match self.family {
            Family::Number
            | Family::BinaryText
            | Family::Collated
            | Family::CollatedAscii
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

    /// The column in a statement.
    pub(crate) fn column_sql(&self, product: Product, name: &str) -> ColumnSql {
        let name = SqlText::identifier(product.dialect(), name);
        ColumnSql {
            selected: self.selected(product, &name),
            value: self.value(&name),
            comparison: self.comparison(&name),
        }
    }

    fn selected(&self, product: Product, name: &SqlText) -> SqlText {
        match (self.selected, product) {
            (Selected::Plain, _) => name.clone(),
            (Selected::AsText, _) => cast(name),
            // MySQL else puts the latitude first where the reference system does; MariaDB never does.
            (Selected::WellKnownBinary, Product::MySql) => {
                SqlText::from_static("ST_AsBinary(").append(name).then(", 'axis-order=long-lat')")
            }
            (Selected::WellKnownBinary, Product::MariaDb) => {
                SqlText::from_static("ST_AsBinary(").append(name).then(")")
            }
        }
    }

    fn value(&self, name: &SqlText) -> SqlText {
        match self.family {
            Family::Number | Family::TimeOfDay => SqlText::from_static("COALESCE(").append(name).then(")"),
            Family::NumberInExpression => SqlText::from_static("(").append(name).then(" + 0)"),
            Family::Float => SqlText::from_static("(").append(name).then(" + 0e0)"),
            Family::CollatedAscii | Family::Converted => {
                SqlText::from_static("CONVERT(").append(name).then(" USING utf8mb4)")
            }
            Family::CastText => cast(name),
            Family::Date | Family::Timestamp | Family::Instant => {
                SqlText::from_static("IF(").append(&whole(name)).then(", ").append(name).then(", NULL)")
            }
            _ => name.clone(),
        }
    }

    fn comparison(&self, name: &SqlText) -> Comparison {
        let step = self.step();
        let gappy =
            |inner| Comparison::Gappy { inner: Box::new(inner), indexed: name.clone(), whole: whole(name), step };
        let stepped = |inner| Comparison::Stepped { inner: Box::new(inner), indexed: name.clone(), step };
        match self.family {
            Family::Boolean => Comparison::Boolean,
            Family::Number => stepped(Comparison::Number),
            Family::NumberInExpression => Comparison::Number,
            Family::Float | Family::Double => Comparison::Float,
            Family::BinaryText => Comparison::Text(TextComparison::Bytes),
            Family::Collated => Comparison::Collated { indexed: name.clone(), ascii_only: false },
            Family::CollatedAscii => Comparison::Collated { indexed: name.clone(), ascii_only: true },
            Family::Converted | Family::CastText => Comparison::Text(TextComparison::Loose),
            Family::Binary => Comparison::Binary,
            Family::Date => gappy(Comparison::Date),
            Family::Timestamp => gappy(Comparison::Timestamp),
            Family::Instant => gappy(Comparison::Instant),
            Family::TimeOfDay => stepped(Comparison::Time),
            Family::Duration => Comparison::Different("durations are compared by the engine"),
            Family::Json => Comparison::Different("JSON is compared by the engine, as text"),
            Family::Spatial => Comparison::Different("shapes are compared by the engine, as bytes"),
            Family::Vector => Comparison::Different("vectors are compared by the engine, as bytes"),
        }
    }
}

impl ColumnLaw {
    /// For a constant in between, an index would be asked for the nearest value: `decimal(9,2)` in MariaDB, a time in
    /// both.
    fn step(&self) -> Step {
        match self.decoding {
            Decoding::Decimal { scale, .. } => Step::Scale(scale),
            Decoding::Timestamp | Decoding::Instant | Decoding::TimeOfDay => {
                Step::Micros(10i64.pow(6 - u32::from(self.fraction.min(6))))
            }
            _ => Step::Scale(0),
        }
    }
}

fn cast(name: &SqlText) -> SqlText {
    SqlText::from_static("CAST(").append(name).then(" AS CHAR)")
}

/// True for what is read as a date. Adding nothing gives NULL for zero and partial dates, and another day for one that
/// the calendar does not have.
fn whole(name: &SqlText) -> SqlText {
    let text = name.clone().then(" >= DATE '0001-01-01' AND ").append(name);
    text.then(" = ").append(name).then(" + INTERVAL 0 DAY")
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
    match (character_set, source.collation.as_deref()) {
        ("utf8mb4", Some(collation)) if BY_BYTES.contains(&collation) => Family::BinaryText,
        ("utf8mb4", _) => Family::Collated,
        (other, _) if ASCII_WITHIN.contains(&other) => Family::CollatedAscii,
        _ => Family::Converted,
    }
}
