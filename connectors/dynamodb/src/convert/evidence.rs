//! What a sample says about the type of an attribute.
//!
//! Every value of the sample is merged, at every depth:
//!
//! ```text
//! met                              verdict
//! one kind                         its type
//! numbers of any width             the narrowest of int64, decimal(38,s) and exact digits that holds them all
//! maps                             a struct of all their entries, each merged by itself
//! maps with more than 64 names,    map(T) with all values merged, if those are of one type; else JSON text:
//!   in few of the maps each          such names are data, and later ones must not be left out
//! lists and sets                   a list of all their members, merged
//! NULL                             says nothing beside any other kind
//! different kinds                  JSON text, just at that place
//! ```

use super::attribute::kind_of;
use super::column::{ColumnType, Member};
use super::number::Number;
use aws_sdk_dynamodb::types::AttributeValue;
use headwater_core::Sighting;
use std::collections::{BTreeMap, HashMap};

/// Most digits of a `Decimal128`.
const DECIMAL_DIGITS: u32 = 38;
/// Maps with more names than this may have data for names.
const MAX_MEMBERS: usize = 64;
/// A field is usually in at least one of so many maps.
const FIELD_IN_ONE_OF: u64 = 4;

const NULL: &str = "NULL";

/// Everything seen of one attribute, at one place in the items.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// How many items had it, NULL included.
    pub(crate) seen: u64,
    /// How often each kind came.
    kinds: BTreeMap<&'static str, u64>,
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

/// A type, and a note if a person might wonder about it.
pub(crate) type Verdict = (ColumnType, Option<&'static str>);

impl Evidence {
    /// Adds one value.
    pub(crate) fn observe(&mut self, value: &AttributeValue) {
        self.count(kind_of(value));
        match value {
            AttributeValue::Null(_) => {}
            AttributeValue::S(_) => self.merge(Shape::Text),
            AttributeValue::N(text) => self.merge(Shape::of_number(text)),
            AttributeValue::B(_) => self.merge(Shape::Binary),
            AttributeValue::Bool(_) => self.merge(Shape::Boolean),
            AttributeValue::M(entries) => self.map(entries),
            AttributeValue::L(values) => self.list(|element| values.iter().for_each(|v| element.observe(v))),
            AttributeValue::Ss(texts) => self.list(|e| texts.iter().for_each(|_| e.member("S", Shape::Text))),
            AttributeValue::Ns(texts) => self.list(|e| texts.iter().for_each(|t| e.member("N", Shape::of_number(t)))),
            AttributeValue::Bs(blobs) => self.list(|e| blobs.iter().for_each(|_| e.member("B", Shape::Binary))),
            _ => self.shape = Shape::Mixed,
        }
    }

    /// Adds all that was seen at another place, or in another part of the sample.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.seen += other.seen;
        other.kinds.into_iter().for_each(|(kind, times)| *self.kinds.entry(kind).or_default() += times);
        self.merge(other.shape);
    }

    fn count(&mut self, kind: &'static str) {
        self.seen += 1;
        *self.kinds.entry(kind).or_default() += 1;
    }

    fn member(&mut self, kind: &'static str, shape: Shape) {
        self.count(kind);
        self.merge(shape);
    }

    fn merge(&mut self, other: Shape) {
        let shape = std::mem::take(&mut self.shape);
        self.shape = match (shape, other) {
            (shape, Shape::Unseen) | (Shape::Unseen, shape) => shape,
            (Shape::Number(a), Shape::Number(b)) => Shape::Number(a.wider(b)),
            (Shape::Map(mut entries), Shape::Map(others)) => {
                others.into_iter().for_each(|(name, other)| entries.entry(name).or_default().absorb(other));
                Shape::Map(entries)
            }
            (Shape::List(mut element), Shape::List(other)) => {
                element.absorb(*other);
                Shape::List(element)
            }
            (Shape::Text, Shape::Text) => Shape::Text,
            (Shape::Binary, Shape::Binary) => Shape::Binary,
            (Shape::Boolean, Shape::Boolean) => Shape::Boolean,
            _ => Shape::Mixed,
        };
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
        let kinds: Vec<_> = self.kinds.keys().copied().filter(|kind| *kind != NULL).collect();
        if kinds.is_empty() { NULL.to_owned() } else { kinds.join(" or ") }
    }

    /// Whether no other kind was seen, NULL apart.
    pub(crate) fn is_only(&self, kind: &str) -> bool {
        self.kinds.keys().all(|seen| [kind, NULL].contains(seen))
    }

    /// How often each kind came, the most frequent first: `N 990, S 10`.
    fn counted_kinds(&self) -> String {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        kinds.into_iter().map(|(kind, times)| format!("{kind} {times}")).collect::<Vec<_>>().join(", ")
    }

    /// The verdict.
    pub(crate) fn column_type(&self) -> Verdict {
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
            Shape::Map(entries) if self.has_data_for_names(entries) => return dictionary(entries),
            Shape::Map(entries) => {
                let members = entries.iter().map(|(name, entry)| Member::new(name, entry.column_type().0));
                ColumnType::Struct(members.collect())
            }
            Shape::List(element) => ColumnType::List(Box::new(element.column_type().0)),
        };
        (verdict, None)
    }

    /// What was seen here and at every place below, of which there were `of`; `path` names this one.
    pub(crate) fn sightings(&self, path: &str, of: u64, found: &mut Vec<Sighting>) {
        let note = self.column_type().1.map(str::to_owned);
        found.push(Sighting { path: path.to_owned(), kinds: self.counted_kinds(), seen: self.seen, of, note });
        match &self.shape {
            Shape::Map(entries) if self.has_data_for_names(entries) => {
                let value = merged(entries);
                value.sightings(&format!("{path}[]"), value.seen, found);
            }
            Shape::Map(entries) => {
                let maps = self.maps();
                entries.iter().for_each(|(name, entry)| entry.sightings(&format!("{path}.{name}"), maps, found));
            }
            Shape::List(element) if !element.is_silent() => {
                element.sightings(&format!("{path}[]"), element.seen, found);
            }
            _ => {}
        }
    }

    fn maps(&self) -> u64 {
        self.kinds.get("M").copied().unwrap_or_default()
    }

    /// Whether the names of the maps' entries are not fields but data: many, and each in few of the maps.
    fn has_data_for_names(&self, entries: &BTreeMap<String, Self>) -> bool {
        let times: u64 = entries.values().map(|entry| entry.seen).sum();
        entries.len() > MAX_MEMBERS && times * FIELD_IN_ONE_OF < self.maps() * entries.len() as u64
    }

    /// Whether nothing at all was seen here, not even NULL: the element of a list that was always empty.
    fn is_silent(&self) -> bool {
        self.seen == 0 && matches!(self.shape, Shape::Unseen)
    }
}

/// The values of all entries as one.
fn merged(entries: &BTreeMap<String, Evidence>) -> Evidence {
    let mut value = Evidence::default();
    entries.values().for_each(|entry| value.absorb(entry.clone()));
    value
}

/// Maps with data for names: of one type of value, or JSON.
fn dictionary(entries: &BTreeMap<String, Evidence>) -> Verdict {
    match merged(entries).column_type() {
        (value, None) => (ColumnType::Map(Box::new(value)), Some("many different names, read as a map")),
        (_, Some(_)) => (ColumnType::Json, Some("many different names and types, read as JSON text")),
    }
}

impl Shape {
    /// DynamoDB has checked it: a text that we cannot read would be a kind of number we do not know.
    fn of_number(text: &str) -> Self {
        let Some(number) = Number::parse(text) else { return Self::Mixed };
        Self::Number(Digits {
            all_i64: number.as_i64().is_some(),
            integer: number.integer_digits(),
            fraction: number.fraction_digits(),
        })
    }
}

impl Digits {
    fn wider(self, other: Self) -> Self {
        Self {
            all_i64: self.all_i64 && other.all_i64,
            integer: self.integer.max(other.integer),
            fraction: self.fraction.max(other.fraction),
        }
    }

    fn column_type(self) -> Verdict {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, AttributeValue)]) -> AttributeValue {
        AttributeValue::M(entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn of(values: &[AttributeValue]) -> Evidence {
        let mut evidence = Evidence::default();
        values.iter().for_each(|value| evidence.observe(value));
        evidence
    }

    #[test]
    fn parts_of_a_sample_merge_to_what_the_whole_says() {
        let values = [
            map(&[("a", n("1")), ("l", AttributeValue::L(vec![map(&[("x", n("1"))])]))]),
            map(&[("a", n("0.5")), ("b", AttributeValue::S("s".to_owned()))]),
            AttributeValue::Null(true),
            map(&[("l", AttributeValue::L(vec![map(&[("y", AttributeValue::Bool(true))]), n("1")]))]),
        ];
        let whole = of(&values);
        for cut in 0..values.len() {
            let (first, second) = values.split_at(cut);
            let mut parts = of(first);
            parts.absorb(of(second));
            assert_eq!(parts.column_type(), whole.column_type());
            let seen = |evidence: &Evidence| {
                let mut found = Vec::new();
                evidence.sightings("c", 4, &mut found);
                found
            };
            assert_eq!(seen(&parts), seen(&whole));
        }
        assert_eq!(whole.column_type().0.to_string(), "struct(a decimal(38,1), b text, l list(json))");
    }

    #[test]
    fn names_that_are_data_make_a_map() {
        let visits: Vec<_> = (0..100).map(|user| map(&[(&format!("user{user}"), n("1"))])).collect();
        let (kind, note) = of(&visits).column_type();
        assert_eq!(kind.to_string(), "map(int64)");
        assert!(note.unwrap().contains("many different names"));
        let names: Vec<String> = (0..100).map(|field| format!("field{field}")).collect();
        let wide: Vec<_> = names.iter().map(|name| (name.as_str(), n("1"))).collect();
        assert!(matches!(of(&[map(&wide), map(&wide)]).column_type().0, ColumnType::Struct(_)));
    }
}
