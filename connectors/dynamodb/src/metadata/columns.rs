//! The columns of a table, and where the type of each came from.
//!
//! Key attributes first, then declared columns, then attributes of indexes' keys and of the sample; the last two groups
//! are sorted by name. An attribute that is declared under another name is no column under its own. Last comes the
//! hidden column `_item`, unless something else is called so.

use super::sample::Sample;
use super::{KeyAttribute, SCHEMA};
use crate::config::{DeclaredColumn, DeclaredTable, declaration};
use crate::convert::{ColumnType, DateFormat, Evidence, KeyKind, TimestampFormat, attribute_of};
use arrow::datatypes::Field;
use headwater_core::{ColumnFacts, ColumnOrigin, Error, HIDDEN, Result, TextComparison};
use std::collections::{BTreeMap, BTreeSet};

/// The hidden column of the whole item.
const ITEM: &str = "_item";

/// A column and what is known of it.
pub(crate) type Column = (Field, ColumnFacts);

/// What columns are made of.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) table: &'a str,
    /// The table's own key: partition, sort.
    pub(super) keys: &'a [KeyAttribute],
    /// Types of attributes in the keys of indexes.
    pub(super) index_keys: &'a BTreeMap<String, KeyKind>,
    pub(super) declared: &'a DeclaredTable,
    pub(super) sample: &'a Sample,
}

impl Sources<'_> {
    /// All columns.
    ///
    /// # Errors
    /// `Config` for a key attribute that is declared twice, or as a type that it cannot have, or for a declared name
    /// that a key has.
    pub(super) fn columns(&self) -> Result<Vec<Column>> {
        let mut columns = Vec::new();
        for key in self.keys {
            columns.push(self.key_column(key)?);
        }
        for declared in self.declared.columns.iter().filter(|column| !self.is_key(&column.attribute)) {
            self.check_name(declared)?;
            columns.push(self.declared_column(declared));
        }
        let known: BTreeSet<String> = columns.iter().map(|(field, _)| field.name().clone()).collect();
        let attributes = if self.declared.complete { BTreeSet::new() } else { self.undeclared() };
        columns
            .extend(attributes.into_iter().filter(|name| !known.contains(*name)).map(|name| self.found_column(name)));
        columns.iter_mut().for_each(|column| self.complete_facts(column));
        if columns.iter().all(|(field, _)| field.name() != ITEM) {
            columns.push(item_column());
        }
        Ok(columns)
    }

    /// Adds what is the same for every column of an attribute: how it was seen, and how to declare it.
    fn complete_facts(&self, (field, facts): &mut Column) {
        let attribute = attribute_of(field);
        if let Some(evidence) = self.sample.evidence.get(attribute) {
            evidence.sightings("", self.sample.items, &mut facts.sightings);
        }
        let declared = self.declared.columns.iter().find(|column| column.name == *field.name());
        facts.declared_at = declared.map(|column| column.origin.to_string());
        // In the configuration, `${` begins a reference.
        let line = ColumnType::of(field).map(|kind| declaration(field.name(), attribute, &kind));
        facts.declaration = line.filter(|line| !line.contains("${"));
        let hides = attribute != field.name() && self.sample.evidence.contains_key(field.name().as_str());
        if hides && !self.declared.columns.iter().any(|column| column.attribute == *field.name()) {
            let note = format!("the attribute {} has no column: this one has its name", field.name());
            facts.note = Some(facts.note.take().map_or_else(|| note.clone(), |known| format!("{known}; {note}")));
        }
    }

    fn is_key(&self, attribute: &str) -> bool {
        self.keys.iter().any(|key| key.name == attribute)
    }

    /// Attributes that nothing is declared of.
    fn undeclared(&self) -> BTreeSet<&str> {
        let declared: BTreeSet<&str> = self.declared.columns.iter().map(|column| column.attribute.as_str()).collect();
        let found = self.sample.evidence.keys().chain(self.index_keys.keys()).map(String::as_str);
        found.filter(|name| !declared.contains(name) && !self.is_key(name)).collect()
    }

    fn key_column(&self, key: &KeyAttribute) -> Result<Column> {
        let mut declared = self.declared.columns.iter().filter(|column| column.attribute == key.name);
        let (first, second) = (declared.next(), declared.next());
        if let Some(second) = second {
            let message = format!("{}: key attribute {} has another column already", second.origin, key.name);
            return Err(Error::config(message).with_hint("declare one column of it"));
        }
        let evidence = self.sample.evidence.get(&key.name);
        let (kind, note) = match first.and_then(|declared| Some((declared, declared.kind.as_ref()?))) {
            Some((declared, kind)) => (self.checked_key_type(key, declared, kind)?, None),
            None => key_type(key.kind, evidence),
        };
        let declared = first.filter(|declared| declared.kind.is_some());
        let origin = if declared.is_some() { ColumnOrigin::Declared } else { ColumnOrigin::Key };
        let facts = ColumnFacts { note, ..facts(&kind, key.kind.name().to_owned(), origin) };
        Ok((kind.field_of(&key.column, &key.name).with_nullable(false), facts))
    }

    /// A declaration may refine a key's type, but not contradict it: no item could ever be read.
    fn checked_key_type(&self, key: &KeyAttribute, declared: &DeclaredColumn, kind: &ColumnType) -> Result<ColumnType> {
        if can_hold(kind, key.kind) {
            return Ok(kind.clone());
        }
        let (origin, label, stored) = (&declared.origin, kind.label(), key.kind.name());
        let message = format!(
            "{origin}: column {} is declared {label}, but the key of {} is of type {stored}",
            declared.name, self.table
        );
        Err(Error::config(message).with_hint("remove the declaration, or declare a type that the key can have"))
    }

    fn check_name(&self, declared: &DeclaredColumn) -> Result<()> {
        let Some(key) = self.keys.iter().find(|key| key.column == declared.name) else { return Ok(()) };
        let (origin, name, table) = (&declared.origin, &declared.name, self.table);
        let message = format!(
            "{origin}: column {name} of table {SCHEMA}.{table} is read from {}, but the key is called so",
            declared.attribute
        );
        let hint = format!("give the key another name: other = {{ attribute = \"{}\" }}", key.name);
        Err(Error::config(message).with_hint(hint))
    }

    fn declared_column(&self, declared: &DeclaredColumn) -> Column {
        let evidence = self.sample.evidence.get(&declared.attribute);
        let Some(kind) = &declared.kind else {
            let (field, facts) = self.found_column(&declared.attribute);
            let metadata = ColumnType::of(&field).unwrap_or(ColumnType::Json);
            return (metadata.field_of(&declared.name, &declared.attribute), facts);
        };
        let source_type = evidence.map_or_else(String::new, Evidence::kinds);
        let facts = facts(kind, source_type, ColumnOrigin::Declared);
        (kind.field_of(&declared.name, &declared.attribute), facts)
    }

    /// A column of an attribute that the sample or the key of an index has.
    fn found_column(&self, attribute: &str) -> Column {
        let evidence = self.sample.evidence.get(attribute);
        let sampled = self.sample.items;
        let inferred = |evidence: Option<&Evidence>| {
            let (kind, note) = evidence
                .map_or((ColumnType::Json, Some("not seen in the sample, read as JSON text")), Evidence::column_type);
            let seen = evidence.map_or(0, |evidence| evidence.seen);
            let source_type = evidence.map_or_else(String::new, Evidence::kinds);
            let facts = facts(&kind, source_type, ColumnOrigin::Inferred { seen, sampled });
            (kind, ColumnFacts { note: note.map(str::to_owned), ..facts })
        };
        let (kind, facts) = match self.index_keys.get(attribute) {
            // Items that are older than an index may have other types, and are then not in it.
            Some(key) if evidence.is_none_or(|evidence| evidence.is_only(key.name())) => {
                let (kind, note) = key_type(*key, evidence);
                let facts = facts(&kind, key.name().to_owned(), ColumnOrigin::Key);
                (kind, ColumnFacts { note, ..facts })
            }
            _ => inferred(evidence),
        };
        (kind.field(attribute), facts)
    }
}

/// The whole item, read where it is named.
fn item_column() -> Column {
    let field = ColumnType::Item.field(ITEM).with_nullable(false);
    let mut metadata = field.metadata().clone();
    metadata.insert(HIDDEN.to_owned(), "true".to_owned());
    let note = Some("the whole item as JSON text".to_owned());
    (
        field.with_metadata(metadata),
        ColumnFacts { note, ..facts(&ColumnType::Item, "M".to_owned(), ColumnOrigin::Catalog) },
    )
}

/// The type of a key attribute that nothing is declared of.
fn key_type(kind: KeyKind, evidence: Option<&Evidence>) -> (ColumnType, Option<String>) {
    match (kind, evidence) {
        (KeyKind::B, _) => (ColumnType::Binary, None),
        (KeyKind::N, Some(evidence)) if evidence.is_only(KeyKind::N.name()) => {
            let (kind, note) = evidence.column_type();
            (kind, note.map(str::to_owned))
        }
        (KeyKind::N, _) => (ColumnType::Int64, Some("no number seen: taken for integers".to_owned())),
        (KeyKind::S | KeyKind::Bool, _) => (ColumnType::Text, None),
    }
}

/// Whether values of a key's type can be read as `kind` at all.
fn can_hold(kind: &ColumnType, key: KeyKind) -> bool {
    match kind {
        ColumnType::Json => true,
        ColumnType::Text => key == KeyKind::S,
        ColumnType::Binary => key == KeyKind::B,
        ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. } | ColumnType::Digits => key == KeyKind::N,
        ColumnType::Timestamp(TimestampFormat::Epoch(_)) | ColumnType::Date(DateFormat::EpochDays) => {
            matches!(key, KeyKind::N | KeyKind::S)
        }
        ColumnType::Timestamp(_) | ColumnType::Date(_) => key == KeyKind::S,
        ColumnType::Item | ColumnType::Boolean | ColumnType::Struct(_) | ColumnType::List(_) | ColumnType::Map(_) => {
            false
        }
    }
}

fn facts(kind: &ColumnType, source_type: String, origin: ColumnOrigin) -> ColumnFacts {
    let text_comparison = if *kind == ColumnType::Text { TextComparison::Bytes } else { TextComparison::Loose };
    ColumnFacts { source_type, text_comparison, origin, ..ColumnFacts::default() }
}
