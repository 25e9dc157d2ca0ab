//! What a sample says about the type of an attribute.

use super::attribute::kind_of;
use super::column::{ColumnType, Member};
use super::number::Number;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Most digits of a `Decimal128`.
const DECIMAL_DIGITS: u32 = 38;

/// Everything seen of one attribute, at one place in the items.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// How many items had it, NULL included.
    pub(crate) seen: u64,
    kinds: BTreeSet<&'static str>,
    shape: Shape,
}

#[derive(Debug, Clone, Default)]
enum Shape {
    #[default]
    Unseen,
    Text,
    Boolean,
    Binary,
    Number(Digits),
    Map(BTreeMap<String, Evidence>),
    List(Box<Evidence>),
    Mixed,
}

#[derive(Debug, Clone, Copy)]
struct Digits {
    all_i64: bool,
    integer: u32,
    fraction: u32,
}

impl Evidence {
    /// Adds one value.
    pub(crate) fn observe(&mut self, value: &AttributeValue) {
        self.seen += 1;
        if matches!(value, AttributeValue::Null(_)) {
            return;
        }
        self.kinds.insert(kind_of(value));
        match value {
            AttributeValue::S(_) => self.scalar(Shape::Text),
            AttributeValue::N(text) => self.number(text),
            AttributeValue::B(_) => self.scalar(Shape::Binary),
            AttributeValue::Bool(_) => self.scalar(Shape::Boolean),
            AttributeValue::M(entries) => self.map(entries),
            AttributeValue::L(values) => self.list(|element| values.iter().for_each(|v| element.observe(v))),
            AttributeValue::Ss(texts) => self.list(|element| texts.iter().for_each(|_| element.scalar(Shape::Text))),
            AttributeValue::Ns(texts) => self.list(|element| texts.iter().for_each(|text| element.number(text))),
            AttributeValue::Bs(blobs) => self.list(|element| blobs.iter().for_each(|_| element.scalar(Shape::Binary))),
            _ => self.shape = Shape::Mixed,
        }
    }

    fn scalar(&mut self, shape: Shape) {
        match (&self.shape, &shape) {
            (Shape::Unseen, _) => self.shape = shape,
            (Shape::Text, Shape::Text) | (Shape::Binary, Shape::Binary) | (Shape::Boolean, Shape::Boolean) => {}
            _ => self.shape = Shape::Mixed,
        }
    }

    fn number(&mut self, text: &str) {
        // DynamoDB has checked it: a text that we cannot read would be a kind of number we do not know.
        let Some(number) = Number::parse(text) else { return self.shape = Shape::Mixed };
        let known = match self.shape {
            Shape::Unseen => Digits { all_i64: true, integer: 0, fraction: 0 },
            Shape::Number(digits) => digits,
            _ => return self.shape = Shape::Mixed,
        };
        self.shape = Shape::Number(Digits {
            all_i64: known.all_i64 && number.as_i64().is_some(),
            integer: known.integer.max(number.integer_digits()),
            fraction: known.fraction.max(number.fraction_digits()),
        });
    }

    fn map(&mut self, entries: &HashMap<String, AttributeValue>) {
        if matches!(self.shape, Shape::Unseen) {
            self.shape = Shape::Map(BTreeMap::new());
        }
        let Shape::Map(known) = &mut self.shape else { return self.shape = Shape::Mixed };
        for (name, value) in entries {
            match known.get_mut(name) {
                Some(evidence) => evidence.observe(value),
                None => known.entry(name.clone()).or_default().observe(value),
            }
        }
    }

    fn list(&mut self, observe: impl FnOnce(&mut Self)) {
        if matches!(self.shape, Shape::Unseen) {
            self.shape = Shape::List(Box::default());
        }
        match &mut self.shape {
            Shape::List(element) => observe(element),
            _ => self.shape = Shape::Mixed,
        }
    }

    /// The kinds seen, as in `S` or `N or S`; `NULL` if nothing else was.
    pub(crate) fn kinds(&self) -> String {
        let kinds: Vec<_> = self.kinds.iter().copied().collect();
        if kinds.is_empty() { "NULL".to_owned() } else { kinds.join(" or ") }
    }

    /// Whether no other kind was seen, NULL apart.
    pub(crate) fn is_only(&self, kind: &str) -> bool {
        self.kinds.iter().all(|seen| *seen == kind)
    }

    /// The verdict: a type, and a note if a person might wonder about it.
    pub(crate) fn column_type(&self) -> (ColumnType, Option<&'static str>) {
        let verdict = match &self.shape {
            Shape::Text => ColumnType::Text,
            Shape::Boolean => ColumnType::Boolean,
            Shape::Binary => ColumnType::Binary,
            Shape::Number(digits) => return digits.column_type(),
            Shape::Unseen => return (ColumnType::Json, Some("only NULL seen, read as JSON text")),
            Shape::Mixed => return (ColumnType::Json, Some("mixed types, read as JSON text")),
            Shape::Map(entries) if entries.is_empty() => {
                return (ColumnType::Json, Some("only empty maps seen, read as JSON text"));
            }
            Shape::List(element) if element.is_silent() => {
                return (ColumnType::Json, Some("only empty lists seen, read as JSON text"));
            }
            Shape::Map(entries) => ColumnType::Struct(
                entries.iter().map(|(name, entry)| Member::new(name, entry.column_type().0)).collect(),
            ),
            Shape::List(element) => ColumnType::List(Box::new(element.column_type().0)),
        };
        (verdict, None)
    }

    /// Whether nothing at all was seen here, not even NULL: the element of a list that was always empty.
    fn is_silent(&self) -> bool {
        self.seen == 0 && matches!(self.shape, Shape::Unseen)
    }
}

impl Digits {
    fn column_type(self) -> (ColumnType, Option<&'static str>) {
        if self.all_i64 {
            return (ColumnType::Int64, None);
        }
        match i8::try_from(self.fraction) {
            Ok(scale) if self.integer + self.fraction <= DECIMAL_DIGITS => {
                (ColumnType::Decimal { precision: 38, scale }, None)
            }
            _ => (ColumnType::Digits, Some("numbers with more digits than a decimal has, read as text")),
        }
    }
}
