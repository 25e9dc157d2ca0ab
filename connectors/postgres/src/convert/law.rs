//! Which way each of PostgreSQL's types takes.

use super::{Decoding, Scalar};
use headwater_core::TextComparison;
use headwater_sql::{ColumnSql, Comparison, SqlText, Step};
use serde::{Deserialize, Serialize};

/// A column's type as the server's catalog has it, domains resolved.
#[derive(Debug, Clone)]
pub(crate) struct SourceType {
    /// `typname`, if the type is PostgreSQL's own or of a known extension.
    pub(crate) name: String,
    /// Whether the type lives in `pg_catalog`.
    pub(crate) built_in: bool,
    /// `typname` of a built-in array's element.
    pub(crate) element: Option<String>,
    /// `typtype`: `e` is an enum.
    pub(crate) kind: char,
    /// Precision and scale, length: `-1` for none.
    pub(crate) modifier: i32,
    /// The column's collation, if it has one of PostgreSQL's own.
    pub(crate) collation: Option<String>,
    /// Declared dimensions of an array; the server does not hold values to it.
    pub(crate) dimensions: i16,
    /// Whether the configuration has this column read as text.
    pub(crate) as_text: bool,
}

/// What stands after a column in the select list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cast {
    Text,
    TextArray,
    Bigint,
    Numeric,
}

impl Cast {
    fn sql(self) -> &'static str {
        match self {
            Self::Text => "::text",
            Self::TextArray => "::text[]",
            Self::Bigint => "::bigint",
            Self::Numeric => "::numeric",
        }
    }
}

/// How a column compares at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Family {
    /// By what it is read as.
    Plain,
    /// Its value is the text of a cast, which has no index and no collation to rely on.
    CastText,
    /// The blanks that pad it count for the engine and not for the server.
    PaddedText,
    /// The database's encoding is not UTF8: constants may not be convertible, and bytes order otherwise.
    ForeignText,
}

/// How one column is selected, read and compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnLaw {
    decoding: Decoding,
    cast: Option<Cast>,
    family: Family,
    text: TextComparison,
    /// Of text that is read as it comes: the name of its collation.
    #[serde(default)]
    collation: Option<String>,
}

/// Types that are read in binary as they are.
const PLAIN: &[(&str, Scalar)] = &[
    ("bool", Scalar::Bool),
    ("int2", Scalar::Int2),
    ("int4", Scalar::Int4),
    ("int8", Scalar::Int8),
    ("float4", Scalar::Float4),
    ("float8", Scalar::Float8),
    ("text", Scalar::Text),
    ("varchar", Scalar::Text),
    ("uuid", Scalar::Uuid),
    ("date", Scalar::Date),
    ("timestamp", Scalar::Timestamp),
    ("timestamptz", Scalar::Timestamptz),
    // The last ones: not in arrays.
    ("bpchar", Scalar::Text),
    ("json", Scalar::Text),
    ("jsonb", Scalar::Jsonb),
    ("bytea", Scalar::Bytea),
    ("time", Scalar::Time),
];

/// How many of [`PLAIN`] may be elements of a list.
const LISTED: usize = 12;

/// 64 bits of cents, or of whole units where the currency has no cents.
const MONEY: Decoding = Decoding::Decimal { precision: 21, scale: 2 };

/// Types whose text is their usual form, so that reading them as text needs no remark.
const NATURALLY_TEXT: &[&str] = &["name", "timetz", "interval", "numeric", "citext"];

impl ColumnLaw {
    /// The law for a type; `text` is what is known of the column's collation, `None` where it has none.
    pub(crate) fn of(source: &SourceType, text: Option<TextComparison>, utf8: bool) -> Self {
        let (decoding, cast) = reading(source);
        let is_text = matches!(decoding.arrow_type(), arrow::datatypes::DataType::Utf8);
        let family = match source.name.as_str() {
            _ if is_text && !utf8 => Family::ForeignText,
            "bpchar" if source.built_in && !source.as_text => Family::PaddedText,
            "json" | "jsonb" => Family::CastText,
            _ if cast == Some(Cast::Text) => Family::CastText,
            _ => Family::Plain,
        };
        let text = text_comparison(source, family, text);
        Self { decoding, cast, family, text, collation: source.collation.clone().filter(|_| family == Family::Plain) }
    }

    pub(crate) fn decoding(&self) -> Decoding {
        self.decoding
    }

    /// How the server compares it, for the engine and for people.
    pub(crate) fn text_comparison(&self) -> TextComparison {
        self.text
    }

    /// A remark for people, unless the law is the obvious one.
    pub(crate) fn note(&self, source: &SourceType) -> Option<String> {
        if source.as_text {
            return Some("read as text, as read_as_text has it".to_owned());
        }
        let natural = NATURALLY_TEXT.contains(&source.name.as_str()) || source.kind == 'e';
        match (self.cast, self.family) {
            (Some(Cast::Text), _) if !natural => Some("read as text".to_owned()),
            (Some(Cast::Text), _) if source.name == "numeric" => {
                Some("read as text: its digits are not limited to 38".to_owned())
            }
            (_, Family::PaddedText) => Some("read with its padding".to_owned()),
            _ => None,
        }
    }

    /// What is read as it comes.
    pub(super) fn plain(decoding: Decoding, text: TextComparison) -> Self {
        Self { decoding, cast: None, family: Family::Plain, text, collation: None }
    }

    /// The column in a statement.
    pub(crate) fn column_sql(&self, name: SqlText) -> ColumnSql {
        let selected = match self.cast {
            Some(cast) => name.clone().then(cast.sql()),
            None => name.clone(),
        };
        let comparison = match self.comparison() {
            Comparison::Number if self.decoding == Decoding::Scalar(Scalar::Int2) => {
                let (inner, indexed) = (Box::new(Comparison::Number), name.clone());
                Comparison::Stepped { inner, indexed, step: Step::SMALL }
            }
            other => other,
        };
        let needs_text = matches!(comparison, Comparison::Encoded { .. }) || self.family == Family::CastText;
        let value = if needs_text { name.then(Cast::Text.sql()) } else { selected.clone() };
        ColumnSql { value, collation: self.collation.clone(), ..ColumnSql::plain(selected, comparison) }
    }

    /// Whether join keys can be looked up by an index with the server's own equality.
    pub(crate) fn is_key(&self) -> bool {
        match (self.decoding, self.family) {
            (Decoding::Scalar(Scalar::Text), Family::Plain) => self.text != TextComparison::Loose,
            (
                Decoding::Decimal { .. }
                | Decoding::Scalar(
                    Scalar::Int2
                    | Scalar::Int4
                    | Scalar::Int8
                    | Scalar::Uuid
                    | Scalar::Date
                    | Scalar::Timestamp
                    | Scalar::Timestamptz,
                ),
                Family::Plain,
            ) => self.cast.is_none(),
            _ => false,
        }
    }

    /// Whether a text key can be among the column's values at all.
    pub(crate) fn may_hold(&self, text: &str) -> bool {
        match self.decoding {
            Decoding::Scalar(Scalar::Uuid) => is_canonical_uuid(text),
            _ => !text.contains('\0'),
        }
    }

    fn comparison(&self) -> Comparison {
        match (self.family, self.decoding) {
            (Family::ForeignText, _) => Comparison::Different("the database's encoding is not UTF8"),
            (Family::PaddedText, _) => Comparison::Different("char(n) pads with blanks that the server ignores"),
            // Whatever collation a cast inherits: compared by bytes.
            (Family::CastText, _) => Comparison::Text(TextComparison::Loose),
            (Family::Plain, Decoding::Decimal { .. }) => Comparison::Number,
            (Family::Plain, Decoding::List(_)) => Comparison::Different("lists are compared by the engine"),
            (Family::Plain, Decoding::Scalar(scalar)) => self.scalar_comparison(scalar),
        }
    }

    fn scalar_comparison(&self, scalar: Scalar) -> Comparison {
        match scalar {
            Scalar::Bool => Comparison::Boolean,
            Scalar::Int2 | Scalar::Int4 | Scalar::Int8 => Comparison::Number,
            Scalar::Float4 | Scalar::Float8 => Comparison::Float,
            Scalar::Text | Scalar::Jsonb => Comparison::Text(self.text),
            Scalar::Uuid => Comparison::Encoded { is_canonical: is_canonical_uuid, cast: "::uuid" },
            Scalar::Bytea => Comparison::Binary,
            Scalar::Date => Comparison::Date,
            Scalar::Time => Comparison::Time,
            Scalar::Timestamp => Comparison::Timestamp,
            Scalar::Timestamptz => Comparison::Instant,
        }
    }
}

fn text_comparison(source: &SourceType, family: Family, text: Option<TextComparison>) -> TextComparison {
    match family {
        Family::PaddedText | Family::ForeignText => TextComparison::Loose,
        // uuid orders as its text does.
        Family::Plain if source.name == "uuid" => TextComparison::Bytes,
        Family::CastText if source.kind == 'e' => TextComparison::BytesEqualityOnly,
        Family::CastText if source.name == "name" => text.unwrap_or_default(),
        Family::CastText => TextComparison::Loose,
        Family::Plain => text.unwrap_or_default(),
    }
}

fn reading(source: &SourceType) -> (Decoding, Option<Cast>) {
    let as_text = (Decoding::Scalar(Scalar::Text), Some(Cast::Text));
    if !source.built_in || source.as_text || source.dimensions > 1 {
        return as_text;
    }
    if let Some(element) = &source.element {
        if element == "numeric" {
            return (Decoding::List(Scalar::Text), Some(Cast::TextArray));
        }
        let listed = PLAIN.iter().take(LISTED).find(|(name, _)| name == element);
        return listed.map_or(as_text, |(_, item)| (Decoding::List(*item), None));
    }
    match source.name.as_str() {
        "oid" => (Decoding::Scalar(Scalar::Int8), Some(Cast::Bigint)),
        "money" => (MONEY, Some(Cast::Numeric)),
        "numeric" => decimal(source.modifier).map_or(as_text, |decoding| (decoding, None)),
        name => {
            let plain = PLAIN.iter().find(|(known, _)| *known == name);
            plain.map_or(as_text, |(_, scalar)| (Decoding::Scalar(*scalar), None))
        }
    }
}

/// `numerictypmodin` in `numeric.c`: `((precision << 16) | (scale & 0x7ff)) + 4`, the scale being 11 bits, signed.
fn decimal(modifier: i32) -> Option<Decoding> {
    let bits = modifier.checked_sub(4).filter(|bits| *bits >= 0)?;
    let (precision, scale) = (bits >> 16, ((bits & 0x7ff) ^ 1024) - 1024);
    let (precision, scale) = match scale {
        // `numeric(2,-3)` holds up to 99,000; `numeric(2,3)` below 0.1.
        ..0 => (precision - scale, 0),
        _ => (precision.max(scale), scale),
    };
    let precision = u8::try_from(precision).ok().filter(|precision| *precision <= 38)?;
    Some(Decoding::Decimal { precision, scale: i8::try_from(scale).ok()? })
}

fn is_canonical_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_and_scale_come_out_of_the_modifier() {
        let modifier = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        let of = |p, s| decimal(modifier(p, s));
        assert_eq!(of(12, 2), Some(Decoding::Decimal { precision: 12, scale: 2 }));
        assert_eq!(of(2, -3), Some(Decoding::Decimal { precision: 5, scale: 0 }));
        assert_eq!(of(2, 5), Some(Decoding::Decimal { precision: 5, scale: 5 }));
        assert_eq!(of(39, 0), None);
        assert_eq!(decimal(-1), None);
    }

    #[test]
    fn only_the_text_that_the_server_prints_is_a_canonical_uuid() {
        assert!(is_canonical_uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
        assert!(!is_canonical_uuid("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"));
        assert!(!is_canonical_uuid("a0eebc999c0b4ef8bb6d6bb9bd380a11"));
    }
}
