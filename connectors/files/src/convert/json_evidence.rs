//! What a sample says of the type of a JSON value.

use super::evidence::Evidence;
use super::json::Json;
use arrow::datatypes::{DataType, Field, Fields};
use std::sync::Arc;

/// The values met at one place: a column, a field of an object, the items of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonEvidence {
    /// Values that were there and not null.
    pub(crate) seen: u64,
    booleans: u64,
    numbers: Evidence,
    texts: u64,
    lists: u64,
    items: Option<Box<JsonEvidence>>,
    objects: u64,
    entries: JsonFields,
}

/// The keys of the objects met at one place, in the order in which they were first met.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonFields(pub(crate) Vec<(String, JsonEvidence)>);

impl JsonFields {
    /// Takes the entries of one object into account.
    pub(crate) fn add(&mut self, entries: &[(std::borrow::Cow<'_, str>, Json<'_>)]) {
        for (position, (key, value)) in entries.iter().enumerate() {
            // Objects tend to have their keys in the same order.
            let near = self.0.get(position).is_some_and(|(known, _)| known == key).then_some(position);
            let index = near.or_else(|| self.0.iter().position(|(known, _)| known == key));
            let index = index.unwrap_or_else(|| {
                self.0.push((key.to_string(), JsonEvidence::default()));
                self.0.len() - 1
            });
            if let Some((_, evidence)) = self.0.get_mut(index) {
                evidence.add(value);
            }
        }
    }
}

impl JsonEvidence {
    /// Takes one value into account.
    pub(crate) fn add(&mut self, value: &Json<'_>) {
        self.seen += u64::from(*value != Json::Null);
        match value {
            Json::Null => {}
            Json::Boolean(_) => self.booleans += 1,
            Json::Number(text) => self.numbers.add(text),
            Json::Text(_) => self.texts += 1,
            Json::List(items) => {
                self.lists += 1;
                let evidence = self.items.get_or_insert_default();
                items.iter().for_each(|item| evidence.add(item));
            }
            Json::Object(entries) => {
                self.objects += 1;
                self.entries.add(entries);
            }
        }
    }

    /// The type that holds every value; text if there was none.
    ///
    /// # Errors
    /// The two kinds of value that no one type holds.
    pub(crate) fn conclude(&self) -> Result<DataType, (&'static str, &'static str)> {
        let kinds = [
            (self.booleans, "true or false"),
            (self.numbers.seen, "numbers"),
            (self.texts, "texts"),
            (self.lists, "lists"),
            (self.objects, "objects"),
        ];
        let mut met = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(_, kind)| kind);
        match (met.next(), met.next()) {
            (Some(a), Some(b)) => Err((a, b)),
            (None, _) => Ok(DataType::Utf8),
            (Some(_), None) => self.single(),
        }
    }

    fn single(&self) -> Result<DataType, (&'static str, &'static str)> {
        if self.booleans > 0 {
            return Ok(DataType::Boolean);
        }
        if self.numbers.seen > 0 {
            return match self.numbers.conclude() {
                DataType::Utf8 => Err(("numbers", "numbers that no one type of number holds exactly")),
                number => Ok(number),
            };
        }
        if let Some(items) = &self.items {
            return Ok(DataType::List(Arc::new(Field::new_list_field(items.conclude()?, true))));
        }
        if self.objects > 0 {
            let field =
                |(name, evidence): &(String, Self)| evidence.conclude().map(|kind| Field::new(name, kind, true));
            return self.entries.0.iter().map(field).collect::<Result<Fields, _>>().map(DataType::Struct);
        }
        Ok(DataType::Utf8)
    }
}
