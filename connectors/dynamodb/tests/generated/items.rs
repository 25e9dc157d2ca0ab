//! Awkward items: absent, NULL and empty apart, numbers of 38 digits, mixed types, deep nesting.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value as Json, json};

/// The columns that requests are about; items have more.
pub(crate) const COLUMNS: [&str; 18] = [
    "user", "at", "email", "status", "total", "txt", "int", "big", "dec", "flag", "bin", "digits", "seen", "stamp",
    "when", "day", "tick", "map",
];

/// How the dates and times among them are declared.
pub(crate) const DECLARED: &str = "[catalogs.db.tables.orders.columns]\nseen = \"timestamp(epoch_s)\"\n\
     stamp = \"timestamp\"\nwhen = \"timestamp(epoch_ms)\"\nday = \"date\"\ntick = \"timestamp(epoch_s)\"\n";

/// Texts of instants five hours apart, the first at noon of 2026-03-05, in offsets of up to fourteen hours.
fn stamp(i: i64) -> String {
    let offset = [0, 2, -11, 14][usize::try_from(i % 4).unwrap()];
    let local = chrono::DateTime::from_timestamp(1_772_712_000 + (i * 5 + offset) * 3_600, 0).unwrap();
    let sign = if offset < 0 { '-' } else { '+' };
    let zone = if offset == 0 { "Z".to_owned() } else { format!("{sign}{:02}:00", offset.abs()) };
    format!("{}{zone}", local.format("%Y-%m-%dT%H:%M:%S"))
}

/// The values of an attribute, and in how many of a hundred items it is absent and NULL. Key attributes of an index
/// are never NULL nor empty: DynamoDB rejects such items.
fn attributes() -> Vec<(&'static str, u32, u32, Vec<Json>)> {
    let texts = |values: &[&str]| values.iter().map(|value| json!({ "S": value })).collect::<Vec<_>>();
    let numbers = |values: &[&str]| values.iter().map(|value| json!({ "N": value })).collect::<Vec<_>>();
    let nines = "99999999999999999999999999999999999999";
    let deep = (0..30).fold(json!({ "L": [{ "S": "a" }, { "N": "1" }] }), |inner, _| json!({ "M": { "d": inner } }));
    vec![
        ("email", 80, 0, texts(&["a", "b", "ä", "😀", "Z", "\u{ff5e}"])),
        ("status", 20, 0, texts(&["open", "done", "Open"])),
        (
            "total",
            60,
            0,
            numbers(&["0", "1", "-1", "5", "7", "9007199254740992", "9007199254740993", "9223372036854775807"]),
        ),
        ("txt", 15, 15, texts(&["", "a", "A", "ab", "ä", "a\u{308}", "😀", "\u{ff5e}", "NULL", "S"])),
        ("int", 15, 15, numbers(&["0", "-1", "9223372036854775807", "-9223372036854775808", "7", "9007199254740993"])),
        ("big", 15, 15, numbers(&[nines, &format!("-{nines}"), "9223372036854775808", "0"])),
        ("dec", 15, 15, numbers(&["0.5", "-0.25", "0.0000000001", "12345678901234567890", "0", "1500"])),
        ("flag", 15, 15, vec![json!({ "BOOL": true }), json!({ "BOOL": false })]),
        ("bin", 15, 15, ["", "AA==", "/w==", "AP8="].map(|bytes| json!({ "B": bytes })).to_vec()),
        ("digits", 15, 15, numbers(&["1E-130", "9.99E+125", "0", "1.5", "-1E-130"])),
        (
            "when",
            20,
            10,
            [numbers(&["0", "1772712000000", "1772712000000.5"]), texts(&["1772712000000", "-1", "0"])].concat(),
        ),
        ("day", 20, 10, texts(&["2026-03-05", "2026-03-06", "0001-01-01", "9999-12-31", "1970-01-01"])),
        ("map", 20, 10, maps()),
        ("mix", 15, 15, vec![json!({ "S": "a" }), json!({ "N": "1" }), json!({ "L": [] }), json!({ "M": {} })]),
        ("set", 30, 10, vec![json!({ "SS": ["b", "a"] }), json!({ "SS": ["ä"] })]),
        ("deep", 40, 10, vec![deep, json!({ "M": {} })]),
    ]
}

/// Maps with entries of their own: there, absent, NULL, empty, and so what they are entries of.
fn maps() -> Vec<Json> {
    let texts = ["", "a", "ab", "ä", "😀"].map(|text| json!({ "S": text }));
    let inner = texts.clone().map(|text| json!({ "M": { "t.u": text, "yes": { "BOOL": true } } }));
    let some =
        texts.into_iter().zip(inner).enumerate().map(
            |(i, (text, inner))| json!({ "M": { "s": text, "n": { "N": (i as i64 - 2).to_string() }, "in": inner } }),
        );
    let odd = [
        json!({ "M": {} }),
        json!({ "M": { "s": { "NULL": true }, "in": { "NULL": true } } }),
        json!({ "M": { "in": { "M": {} } } }),
        json!({ "M": { "n": { "N": "0.5" }, "in": { "M": { "yes": { "BOOL": false } } } } }),
    ];
    some.chain(odd).collect()
}

/// 300 items; with a key of their own each, or with a sort key.
pub(crate) fn items(runner: &mut TestRunner, flat: bool) -> Vec<Json> {
    let attributes = attributes();
    let chance = |runner: &mut TestRunner, below: u32| (0..below).new_tree(runner).unwrap().current();
    let item = |i: i64| {
        let mut item = Map::new();
        let user = if flat { format!("u{i}") } else { format!("u{}", i % 6) };
        item.insert("user".to_owned(), json!({ "S": user }));
        item.insert("at".to_owned(), json!({ "N": (i - 40).to_string() }));
        item.insert("seen".to_owned(), json!({ "N": (i - 40).to_string() }));
        item.insert("tick".to_owned(), json!({ "S": (i * 60).to_string() }));
        item.insert("stamp".to_owned(), json!({ "S": stamp(i) }));
        item.insert("pad".to_owned(), json!({ "S": "x".repeat(400) }));
        for (name, absent, null, values) in &attributes {
            let value = match chance(runner, 100) {
                drawn if drawn < *absent => continue,
                drawn if drawn < absent + null => json!({ "NULL": true }),
                _ => values[chance(runner, u32::try_from(values.len()).unwrap()) as usize].clone(),
            };
            item.insert((*name).to_owned(), value);
        }
        Json::Object(item)
    };
    (0..300).map(item).collect()
}
