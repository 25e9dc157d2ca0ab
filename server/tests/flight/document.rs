//! `docs/flight-protocol.md` says what the code does: its examples are read as messages, and written the same again.

use headwater_core::wire::{
    Derive, DeriveAnswer, Failure, GetSplits, GetTable, HeldAnswer, HoldQuery, ListSchemas, ListTables, PlanAnswer,
    PlanScan, ReadNote, SchemasPage, ServerAnswer, SplitsPage, TableAnswer, TablesPage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

const DOCUMENT: &str = include_str!("../../../docs/flight-protocol.md");

/// All objects in the JSON blocks of the page, in order.
fn examples() -> Vec<Json> {
    let blocks = DOCUMENT.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(|block| serde_json::Deserializer::from_str(block).into_iter().map(Result::unwrap)).collect()
}

/// Every field of the example is one that we write too, with the same content.
fn expect_in(example: &Json, written: &Json, place: &str) {
    match (example, written) {
        (Json::Object(example), Json::Object(written)) => {
            for (name, value) in example {
                let place = format!("{place}.{name}");
                expect_in(value, written.get(name).unwrap_or_else(|| panic!("{place} is not written")), &place);
            }
        }
        (Json::Array(example), Json::Array(written)) => {
            assert_eq!(example.len(), written.len(), "{place}");
            example.iter().zip(written).for_each(|(example, written)| expect_in(example, written, place));
        }
        // Libraries differ in how they pad a schema.
        (Json::String(_), Json::String(_)) if place.ends_with(".schema") => {}
        _ => assert_eq!(example, written, "{place}"),
    }
}

fn is<T: Serialize + DeserializeOwned>(example: &Json) {
    let name = std::any::type_name::<T>();
    let read: T = serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{name}: {error}: {example}"));
    expect_in(example, &serde_json::to_value(read).unwrap(), name);
}

#[test]
fn the_examples_of_the_document_are_the_messages() {
    let checks: [fn(&Json); 20] = [
        is::<ServerAnswer>,
        is::<ListSchemas>,
        is::<SchemasPage>,
        is::<ListTables>,
        is::<TablesPage>,
        is::<TablesPage>,
        is::<GetTable>,
        is::<TableAnswer>,
        is::<Derive>,
        is::<DeriveAnswer>,
        is::<PlanScan>,
        is::<PlanAnswer>,
        is::<HoldQuery>,
        is::<HeldAnswer>,
        is::<GetSplits>,
        is::<SplitsPage>,
        is::<SplitsPage>,
        is::<ReadNote>,
        is::<ReadNote>,
        is::<Failure>,
    ];
    let examples = examples();
    assert_eq!(examples.len(), checks.len(), "an example was added to the page: check it here");
    examples.iter().zip(checks).for_each(|(example, check)| check(example));
}
