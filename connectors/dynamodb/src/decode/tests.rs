//! The decoder against the same items as values of the SDK's, put into the same columns.

use super::{Flaw, item, page};
use crate::convert::{ColumnType, DateFormat, Member, RowBuilder, TimestampFormat, attribute_to_json};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

type Item = HashMap<String, AttributeValue>;

type Outcome = Result<(RecordBatch, usize), String>;

fn by_values(schema: &SchemaRef, items: &[Item]) -> Outcome {
    let mut builder = RowBuilder::new(Arc::clone(schema)).unwrap();
    for item in items {
        builder.push(item).map_err(|misfit| shown(misfit.into()))?;
    }
    finished(builder)
}

fn by_text(schema: &SchemaRef, items: &[Item], turn: usize) -> Outcome {
    let mut builder = RowBuilder::new(Arc::clone(schema)).unwrap();
    let items: Vec<String> = items.iter().enumerate().map(|(n, item)| written(item, n * turn)).collect();
    let body = format!("{{\"Count\":{},\"Items\":[{}]}}", items.len(), items.join(","));
    page(body.as_bytes(), |json| item(json, &mut builder)).map_err(shown)?;
    finished(builder)
}

fn finished(mut builder: RowBuilder) -> Outcome {
    let bytes = builder.bytes();
    Ok((builder.finish().unwrap(), bytes))
}

fn shown(flaw: Flaw) -> String {
    let error = flaw.into_error("db", "things", &Schema::empty());
    format!("{error} {:?}", error.hint())
}

/// An item's text, its attributes in an order that `turn` decides.
fn written(item: &Item, turn: usize) -> String {
    let mut entries: Vec<(&String, &AttributeValue)> = item.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    let middle = turn % entries.len().max(1);
    entries.rotate_left(middle);
    let entries: Vec<String> =
        entries.iter().map(|(name, value)| format!("{}:{}", json!(name), attribute_to_json(value))).collect();
    format!("{{{}}}", entries.join(","))
}

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "7",
    "-12",
    "1.50",
    "100",
    "1E3",
    "0.25",
    "9223372036854775807",
    "9223372036854775808",
    "9007199254740993",
    "99999999999999999999999999999999999999",
    "0.00000000000000000000000000000000000001",
    "1E-130",
    "-9.99E+125",
];
const TEXTS: &[&str] =
    &["", "a", "Zoë", "\"\\\n\u{1}", "😀", "2026-03-05T10:11:12Z", "2026-03-05", "longer than eight"];
const NAMES: &[&str] = &["a", "b", "Größe", "with \"quotes\"", "d.e"];

fn number() -> impl Strategy<Value = String> {
    prop_oneof![select(NUMBERS).prop_map(str::to_owned), any::<i32>().prop_map(|n| n.to_string())]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![select(TEXTS).prop_map(str::to_owned), any::<String>()]
}

fn blob() -> impl Strategy<Value = Blob> {
    prop::collection::vec(any::<u8>(), 0..6).prop_map(Blob::new)
}

fn scalar() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        text().prop_map(AttributeValue::S),
        number().prop_map(AttributeValue::N),
        blob().prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
    ]
}

fn entries<S: Strategy<Value = AttributeValue>>(values: S) -> impl Strategy<Value = Item> {
    prop::collection::hash_map(select(NAMES).prop_map(str::to_owned), values, 0..5)
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            entries(inner).prop_map(AttributeValue::M),
            prop::collection::vec(text(), 0..4).prop_map(AttributeValue::Ss),
            prop::collection::vec(number(), 0..4).prop_map(AttributeValue::Ns),
            prop::collection::vec(blob(), 0..4).prop_map(AttributeValue::Bs),
        ]
    })
}

fn any_type() -> impl Strategy<Value = ColumnType> {
    let leaf = select(vec![
        ColumnType::Text,
        ColumnType::Json,
        ColumnType::Digits,
        ColumnType::Int64,
        ColumnType::Float64,
        ColumnType::Decimal { precision: 38, scale: 2 },
        ColumnType::Boolean,
        ColumnType::Binary,
        ColumnType::Timestamp(TimestampFormat::Rfc3339),
        ColumnType::Date(DateFormat::Iso),
        ColumnType::Date(DateFormat::EpochDays),
    ]);
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| ColumnType::List(Box::new(element))),
            inner.clone().prop_map(|value| ColumnType::Map(Box::new(value))),
            prop::collection::btree_map(select(NAMES).prop_map(str::to_owned), inner, 1..4).prop_map(structure),
        ]
    })
}

fn structure(fields: impl IntoIterator<Item = (String, ColumnType)>) -> ColumnType {
    ColumnType::Struct(fields.into_iter().map(|(name, kind)| Member::new(name, kind)).collect())
}

/// Mostly what the type holds.
fn value_for(kind: &ColumnType) -> BoxedStrategy<AttributeValue> {
    let fitting = match kind {
        ColumnType::Text => text().prop_map(AttributeValue::S).boxed(),
        ColumnType::Digits | ColumnType::Float64 => number().prop_map(AttributeValue::N).boxed(),
        ColumnType::Int64 | ColumnType::Decimal { .. } => {
            any::<i64>().prop_map(|n| AttributeValue::N(n.to_string())).boxed()
        }
        ColumnType::Boolean => any::<bool>().prop_map(AttributeValue::Bool).boxed(),
        ColumnType::Binary => blob().prop_map(AttributeValue::B).boxed(),
        ColumnType::Timestamp(_) => Just(AttributeValue::S("2026-03-05T10:11:12.5+02:00".to_owned())).boxed(),
        ColumnType::Date(DateFormat::EpochDays) => (0i32..9_000).prop_map(|n| AttributeValue::N(n.to_string())).boxed(),
        ColumnType::Date(_) => Just(AttributeValue::S("2026-03-05".to_owned())).boxed(),
        ColumnType::List(element) => prop_oneof![
            4 => prop::collection::vec(value_for(element), 0..4).prop_map(AttributeValue::L),
            1 => prop::collection::vec(text(), 0..4).prop_map(AttributeValue::Ss),
            1 => prop::collection::vec(number(), 0..4).prop_map(AttributeValue::Ns),
        ]
        .boxed(),
        ColumnType::Struct(fields) => {
            let fields = fields.iter().map(|m| (Just(m.attribute.clone()), prop::option::of(value_for(&m.kind))));
            let present = |(name, value): (String, Option<AttributeValue>)| value.map(|value| (name, value));
            let map = move |fields: Vec<_>| AttributeValue::M(fields.into_iter().filter_map(present).collect());
            fields.collect::<Vec<_>>().prop_map(map).boxed()
        }
        ColumnType::Map(value) => entries(value_for(value)).prop_map(AttributeValue::M).boxed(),
        ColumnType::Json | ColumnType::Item => any_value().boxed(),
    };
    prop_oneof![60 => fitting, 2 => Just(AttributeValue::Null(true)), 1 => any_value()].boxed()
}

/// Columns, and items with some of them and some attributes that are none.
fn table() -> impl Strategy<Value = (SchemaRef, Vec<Item>)> {
    let columns = prop::collection::btree_map(select(NAMES).prop_map(str::to_owned), any_type(), 1..5);
    columns.prop_flat_map(|columns| {
        let fields: Vec<_> = columns.iter().map(|(name, kind)| kind.field(name)).collect();
        let schema = Arc::new(Schema::new(fields));
        let values = value_for(&structure(columns)).prop_filter_map("an item", |value| match value {
            AttributeValue::M(item) => Some(item),
            _ => None,
        });
        let item = (values, entries(scalar())).prop_map(|(mut item, others)| {
            item.extend(others.into_iter().map(|(name, value)| (format!("other {name}"), value)));
            item
        });
        (Just(schema as SchemaRef), prop::collection::vec(item, 0..8))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn text_and_values_give_the_same_columns((schema, items) in table(), turn in 0usize..4) {
        match (by_text(&schema, &items, turn), by_values(&schema, &items)) {
            // Of several values that do not fit, the first one met is told.
            (Err(_), Err(_)) => {}
            (by_text, by_values) => prop_assert_eq!(by_text, by_values),
        }
    }
}

fn of_one(kind: &ColumnType, items: &str) -> Outcome {
    let schema = Arc::new(Schema::new(vec![kind.field("a")]));
    let mut builder = RowBuilder::new(schema).unwrap();
    page(format!("{{\"Items\":[{items}]}}").as_bytes(), |json| item(json, &mut builder)).map_err(shown)?;
    finished(builder)
}

#[test]
fn what_occurs_twice_is_an_error() {
    for (kind, items) in [
        (ColumnType::Int64, r#"{"a":{"N":"1"},"a":{"N":"1"}}"#),
        (ColumnType::Int64, r#"{"a":{"N":"1","N":"1"}}"#),
        (ColumnType::Int64, r#"{"a":{"N":"1","S":"1"}}"#),
        (ColumnType::Json, r#"{"a":{"M":{"x":{"N":"1"},"x":{"N":"2"}}}}"#),
        (structure([("x".to_owned(), ColumnType::Int64)]), r#"{"a":{"M":{"x":{"N":"1"},"x":{"N":"2"}}}}"#),
    ] {
        let error = of_one(&kind, items).unwrap_err();
        assert!(error.contains("twice") || error.contains("more than one type"), "{items}: {error}");
    }
    // Of the last item's attributes nothing is left for the next one.
    assert_eq!(of_one(&ColumnType::Int64, r#"{"a":{"N":"1"}},{"a":{"N":"2"}},{}"#).unwrap().0.num_rows(), 3);
}

#[test]
fn what_is_not_dynamodb_is_an_error_that_says_so() {
    for items in [
        r#"{"a":"text"}"#,
        r#"{"a":{}}"#,
        r#"{"a":{"X":"1"}}"#,
        r#"{"a":{"N":1}}"#,
        r#"{"a":{"B":"?"}}"#,
        r#"{"a":{"S":"x"}"#,
        r#"{"a":{"S":"\ud800"}}"#,
        "7",
    ] {
        let error = of_one(&ColumnType::Json, items).unwrap_err();
        assert!(error.contains("not DynamoDB's") && error.contains("is this a DynamoDB endpoint?"), "{items}: {error}");
    }
    assert!(page(b"<html>", |json| Ok(json.skip()?)).is_err());
    assert!(page(b"{} {}", |json| Ok(json.skip()?)).is_err());
}

#[test]
fn white_space_changes_nothing() {
    let spaced = " { \"a\" : { \"N\" : \"1\" } } , { \"a\":{\"N\":\"2\"\n} }\t,{}";
    let close = r#"{"a":{"N":"1"}},{"a":{"N":"2"}},{}"#;
    assert_eq!(of_one(&ColumnType::Int64, spaced), of_one(&ColumnType::Int64, close));
    assert_eq!(of_one(&ColumnType::Int64, spaced).unwrap().0.num_rows(), 3);
}

#[test]
fn thirty_two_levels_are_read() {
    let mut kind = ColumnType::Int64;
    let mut text = r#"{"N":"7"}"#.to_owned();
    for level in 0..32 {
        if level % 2 == 0 {
            kind = ColumnType::List(Box::new(kind));
            text = format!("{{\"L\":[{text}]}}");
        } else {
            kind = structure([("x".to_owned(), kind)]);
            text = format!("{{\"M\":{{\"x\":{text}}}}}");
        }
    }
    let items = format!("{{\"a\":{text}}}");
    assert_eq!(of_one(&kind, &items).unwrap().0.num_rows(), 1);
    let (batch, _) = of_one(&ColumnType::Json, &items).unwrap();
    let json = arrow::util::display::array_value_to_string(batch.column(0), 0).unwrap();
    assert_eq!(json.matches("{\"x\":[").count(), 16, "{json}");
    let error = of_one(&kind, &items.replace("\"7\"", "\"x\"")).unwrap_err();
    assert!(error.starts_with("column a.x[].x[]"), "{error}");
}

#[test]
fn one_attribute_can_fill_several_columns() {
    let kinds = [("x", ColumnType::Int64), ("y", ColumnType::Json), ("z", ColumnType::Digits)];
    let fields: Vec<_> = kinds.iter().map(|(name, kind)| kind.field_of(name, "a")).collect();
    let mut builder = RowBuilder::new(Arc::new(Schema::new(fields))).unwrap();
    page(br#"{"Items":[{"a":{"N":"10"},"x":{"S":""}},{}]}"#, |json| item(json, &mut builder)).unwrap();
    let batch = builder.finish().unwrap();
    for column in batch.columns() {
        assert_eq!(arrow::util::display::array_value_to_string(column, 0).unwrap(), "10");
        assert!(column.is_null(1));
    }
}

#[test]
fn the_whole_item_is_json_and_no_attribute() {
    let fields = vec![ColumnType::Item.field("_item"), ColumnType::Int64.field("a")];
    let mut builder = RowBuilder::new(Arc::new(Schema::new(fields))).unwrap();
    page(br#"{"Items":[{"b":{"S":"x"},"_item":{"N":"1.0"},"a":{"N":"10"}},{}]}"#, |json| item(json, &mut builder))
        .unwrap();
    let batch = builder.finish().unwrap();
    let shown = |row| arrow::util::display::array_value_to_string(batch.column(0), row).unwrap();
    assert_eq!([shown(0), shown(1)], [r#"{"_item":1,"a":10,"b":"x"}"#, "{}"]);
    assert!(batch.column(1).is_null(1));
}

#[test]
fn everything_else_in_an_answer_is_read_in_the_same_pass() {
    let mut items = 0;
    let mut read = |body: &str| {
        page(body.as_bytes(), |json| {
            items += 1;
            Ok(json.skip()?)
        })
    };
    let scan = r#"{"Count":2,"ScannedCount":9,"Items":[{"a":{"N":"1"}},{}],"LastEvaluatedKey":{"a":{"N":"1"}},
        "ConsumedCapacity":{"TableName":"t","CapacityUnits":1.5,"Table":{"CapacityUnits":9}},"New":{"x":[null,true,-1e3]}}"#;
    let facts = read(scan).unwrap();
    assert_eq!((facts.count, facts.capacity), (Some(2), Some(1.5)));
    assert_eq!(facts.last_key.unwrap()["a"], AttributeValue::N("1".to_owned()));
    let batch = r#"{"Responses":{"t":[{"a":{"N":"1"}}]},"UnprocessedKeys":{"t":{"ProjectionExpression":"a","Keys":[{"a":{"N":"2"}}]}},
        "ConsumedCapacity":[{"TableName":"t","CapacityUnits":1.5},{"TableName":"u","CapacityUnits":2}]}"#;
    let facts = read(batch).unwrap();
    assert_eq!((facts.left.len(), facts.capacity, facts.last_key), (1, Some(3.5), None));
    let facts = read(r#"{"Items":[],"NextToken":"xyz","LastEvaluatedKey":{}}"#).unwrap();
    assert_eq!((facts.next_token.as_deref(), facts.last_key), (Some("xyz"), None));
    assert_eq!(items, 3);
}
