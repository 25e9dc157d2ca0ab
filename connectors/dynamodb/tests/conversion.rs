//! The law of `convert.rs`, row by row.

use crate::support::{Source, column, name, text};
use arrow::datatypes::{DataType, Field, TimeUnit};
use headwater_core::{ColumnOrigin, ErrorKind, Precision, ScanRequest, TextComparison, Value};
use serde_json::{Value as Json, json};

/// A table of one attribute `a`; `None`: the item does not have it.
async fn of(lines: &str, values: &[Option<Json>]) -> Source {
    let source = Source::with(lines).await;
    let items = values.iter().enumerate().map(|(id, value)| {
        let mut item = json!({ "id": { "N": id.to_string() } });
        if let Some(value) = value {
            item["a"] = value.clone();
        }
        item
    });
    source.table("things", &[("id", "N")], items.collect()).await;
    source
}

/// The type of a column, and its values as Arrow shows them, in the order of the items.
async fn seen(source: &Source) -> (DataType, Option<String>, Vec<String>) {
    let metadata = source.metadata("things").await;
    let rows = source.rows("things").await;
    let ids = column(&rows, "id");
    let order: Vec<usize> = ids
        .iter()
        .map(|id| crate::support::values(&rows, "id").iter().position(|other| other == id).unwrap())
        .collect();
    let array = rows.column_by_name("a").unwrap();
    if let DataType::Timestamp(..) = array.data_type() {
        // Arrow's formatter knows no `UTC` without a table of time zones.
        let shown = column(&rows, "a").iter().map(Value::to_string).collect();
        return (array.data_type().clone(), metadata.facts("a").note, shown);
    }
    let shown = arrow::util::display::ArrayFormatter::try_new(
        array,
        &arrow::util::display::FormatOptions::default().with_null("NULL"),
    )
    .unwrap();
    let shown = order.into_iter().map(|row| shown.value(row).to_string()).collect();
    (array.data_type().clone(), metadata.facts("a").note, shown)
}

fn n(text: &str) -> Option<Json> {
    Some(json!({ "N": text }))
}

fn s(text: &str) -> Option<Json> {
    Some(json!({ "S": text }))
}

fn json_column(values: Vec<Option<Json>>, note: &str, shown: &[&str]) -> Case {
    (values, DataType::Utf8, Some(note.to_owned()), shown.iter().map(|text| (*text).to_owned()).collect())
}

fn typed(values: Vec<Option<Json>>, kind: DataType, shown: &[&str]) -> Case {
    (values, kind, None, shown.iter().map(|text| (*text).to_owned()).collect())
}

type Declared<'a> = (&'a str, Vec<Option<Json>>, DataType, &'a [&'a str]);
type Case = (Vec<Option<Json>>, DataType, Option<String>, Vec<String>);

#[tokio::test]
async fn inferred_types_follow_the_law() {
    let item = |kind| std::sync::Arc::new(Field::new("item", kind, true));
    let null = || Some(json!({ "NULL": true }));
    let largest = "99999999999999999999999999999999999999";
    let digits = "numbers with more digits than a decimal has, read as text";
    let mixed = "mixed types, read as JSON text";
    let cases: Vec<Case> = vec![
        typed(vec![s("x"), s(""), None, null()], DataType::Utf8, &["x", "", "NULL", "NULL"]),
        typed(
            vec![n("9223372036854775807"), n("-9223372036854775808"), n("0")],
            DataType::Int64,
            &["9223372036854775807", "-9223372036854775808", "0"],
        ),
        typed(vec![n("1.5"), n("20"), n("-0.25")], DataType::Decimal128(38, 2), &["1.50", "20.00", "-0.25"]),
        typed(vec![n(largest), n("1")], DataType::Decimal128(38, 0), &[largest, "1"]),
        typed(vec![n("9223372036854775808")], DataType::Decimal128(38, 0), &["9223372036854775808"]),
        json_column(vec![n("1E-130"), n("1")], digits, &["1E-130", "1"]),
        json_column(vec![n("9.99E+125"), n("-0.5")], digits, &["999E123", "-0.5"]),
        json_column(vec![n(largest), n("0.5")], digits, &[largest, "0.5"]),
        typed(vec![Some(json!({ "BOOL": true })), None], DataType::Boolean, &["true", "NULL"]),
        typed(vec![Some(json!({ "B": "AP8=" }))], DataType::Binary, &["00ff"]),
        json_column(vec![null(), None], "only NULL seen, read as JSON text", &["NULL", "NULL"]),
        json_column(vec![Some(json!({ "L": [] }))], "only empty lists seen, read as JSON text", &["[]"]),
        json_column(vec![Some(json!({ "M": {} }))], "only empty maps seen, read as JSON text", &["{}"]),
        json_column(vec![n("1.50"), s("x\"y")], mixed, &["1.5", "\"x\\\"y\""]),
        json_column(
            vec![
                Some(json!({ "M": { "b": { "N": "1" }, "a": { "L": [{ "NULL": true }] } } })),
                Some(json!({ "L": [] })),
            ],
            mixed,
            &["{\"a\":[null],\"b\":1}", "[]"],
        ),
        json_column(
            vec![
                Some(json!({ "NS": ["10", "9", "-1.5"] })),
                Some(json!({ "BOOL": false })),
                Some(json!({ "B": "AP8=" })),
            ],
            mixed,
            &["[-1.5,9,10]", "false", "\"AP8=\""],
        ),
        typed(
            vec![
                Some(json!({ "SS": ["b", "a"] })),
                Some(json!({ "L": [] })),
                Some(json!({ "L": [{ "S": "z" }, { "NULL": true }] })),
            ],
            DataType::List(item(DataType::Utf8)),
            &["[a, b]", "[]", "[z, NULL]"],
        ),
        typed(
            vec![Some(json!({ "NS": ["10", "9.5"] })), Some(json!({ "NS": ["1"] }))],
            DataType::List(item(DataType::Decimal128(38, 1))),
            &["[9.5, 10.0]", "[1.0]"],
        ),
        typed(vec![Some(json!({ "BS": ["/w==", "AA=="] }))], DataType::List(item(DataType::Binary)), &["[00, ff]"]),
        typed(
            vec![
                Some(json!({ "M": { "b": { "N": "1" }, "deep": { "M": { "x": { "N": "1" } } } } })),
                Some(json!({ "M": { "a": { "S": "q" }, "deep": { "M": { "x": { "N": "0.5" } } } } })),
                None,
            ],
            DataType::Struct(
                vec![
                    Field::new("a", DataType::Utf8, true),
                    Field::new("b", DataType::Int64, true),
                    Field::new(
                        "deep",
                        DataType::Struct(vec![Field::new("x", DataType::Decimal128(38, 1), true)].into()),
                        true,
                    ),
                ]
                .into(),
            ),
            &["{a: NULL, b: 1, deep: {x: 1.0}}", "{a: q, b: NULL, deep: {x: 0.5}}", "NULL"],
        ),
    ];
    for (values, kind, note, shown) in cases {
        let found = seen(&of("", &values).await).await;
        assert_eq!(found, (kind, note, shown), "{values:?}");
    }
}

#[tokio::test]
async fn declared_types_follow_the_law() {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let item = |kind| std::sync::Arc::new(Field::new("item", kind, true));
    let entry = [Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Int64, true)];
    let cases: Vec<Declared<'_>> = vec![
        ("text", vec![s("x"), None], DataType::Utf8, &["x", "NULL"]),
        ("int64", vec![n("1"), n("-7")], DataType::Int64, &["1", "-7"]),
        ("float64", vec![n("0.1"), n("1E100")], DataType::Float64, &["0.1", "1e100"]),
        ("decimal(5,2)", vec![n("1"), n("-999.99")], DataType::Decimal128(5, 2), &["1.00", "-999.99"]),
        ("boolean", vec![Some(json!({ "BOOL": true }))], DataType::Boolean, &["true"]),
        ("binary", vec![Some(json!({ "B": "" }))], DataType::Binary, &[""]),
        (
            "timestamp",
            vec![s("2026-03-05T10:11:12+02:00"), Some(json!({ "NULL": true }))],
            utc.clone(),
            &["TIMESTAMP '2026-03-05 08:11:12Z'", "NULL"],
        ),
        (
            "timestamp(epoch_s)",
            vec![n("1772705472.5"), s("1772705472"), n("-1")],
            utc.clone(),
            &[
                "TIMESTAMP '2026-03-05 10:11:12.500Z'",
                "TIMESTAMP '2026-03-05 10:11:12Z'",
                "TIMESTAMP '1969-12-31 23:59:59Z'",
            ],
        ),
        ("timestamp(epoch_ms)", vec![n("1772705472001")], utc.clone(), &["TIMESTAMP '2026-03-05 10:11:12.001Z'"]),
        ("timestamp(epoch_us)", vec![s("1772705472000001")], utc.clone(), &["TIMESTAMP '2026-03-05 10:11:12.000001Z'"]),
        (
            "timestamp(\"%d.%m.%Y %H:%M\")",
            vec![s("05.03.2026 10:11"), None],
            utc.clone(),
            &["TIMESTAMP '2026-03-05 10:11:00Z'", "NULL"],
        ),
        ("timestamp(\"%Y%m%dT%H%M%S%z\")", vec![s("20260305T101112+0200")], utc, &["TIMESTAMP '2026-03-05 08:11:12Z'"]),
        ("date", vec![s("2026-03-05")], DataType::Date32, &["2026-03-05"]),
        ("date(epoch_days)", vec![n("20517"), s("0")], DataType::Date32, &["2026-03-05", "1970-01-01"]),
        ("date(\"%d.%m.%Y\")", vec![s("05.03.2026")], DataType::Date32, &["2026-03-05"]),
        ("number", vec![n("1.50"), n("1E-130")], DataType::Utf8, &["1.5", "1E-130"]),
        (
            "list(decimal(4,1))",
            vec![Some(json!({ "NS": ["2", "1.5"] })), Some(json!({ "L": [{ "N": "7" }, { "NULL": true }] })), None],
            DataType::List(item(DataType::Decimal128(4, 1))),
            &["[1.5, 2.0]", "[7.0, NULL]", "NULL"],
        ),
        (
            "map(int64)",
            vec![Some(json!({ "M": { "b": { "N": "1" }, "a": { "NULL": true } } })), Some(json!({ "M": {} })), None],
            DataType::Map(Field::new("entries", DataType::Struct(entry.to_vec().into()), false).into(), false),
            &["{a: NULL, b: 1}", "{}", "NULL"],
        ),
        (
            "struct(zip = \"Zip.Code\" text, Zip int64, n list(int64))",
            vec![Some(
                json!({ "M": { "Zip.Code": { "S": "x" }, "Zip": { "N": "1" }, "n": { "NS": ["3"] }, "more": { "S": "" } } }),
            )],
            DataType::Struct(
                vec![
                    Field::new("zip", DataType::Utf8, true)
                        .with_metadata([("headwater:attribute".to_owned(), "Zip.Code".to_owned())].into()),
                    Field::new("Zip", DataType::Int64, true),
                    Field::new("n", DataType::List(item(DataType::Int64)), true),
                ]
                .into(),
            ),
            &["{zip: x, Zip: 1, n: [3]}"],
        ),
        ("json", vec![s("x"), n("1"), None], DataType::Utf8, &["\"x\"", "1", "NULL"]),
    ];
    for (declared, values, kind, shown) in cases {
        let lines = format!("[catalogs.db.tables.things.columns]\na = '{declared}'");
        let source = of(&lines, &values).await;
        let (found, _, texts) = seen(&source).await;
        assert_eq!((found, texts), (kind, shown.iter().map(|text| (*text).to_owned()).collect()), "{declared}");
        assert_eq!(source.metadata("things").await.facts("a").origin, ColumnOrigin::Declared);
    }
}

#[tokio::test]
async fn a_later_value_that_does_not_fit_is_an_error_that_says_what_to_declare() {
    let nested = |value: Json| Some(json!({ "M": { "x": value } }));
    let cases = [
        (
            n("1"),
            n("1.25"),
            "column a of table things is int64, but an item has a number (N) with 2 digits after the point",
            "decimal(38,2)",
        ),
        (
            n("1"),
            n("12345678901234567890"),
            "column a of table things is int64, but an item has a number (N) with 20 digits",
            "decimal(38,0)",
        ),
        (
            n("12345678901234567890123456789012345678"),
            n("12.5"),
            "column a of table things is decimal(38,0), but an item has a number (N) with 1 digits after the point",
            "decimal(38,1)",
        ),
        (
            n("1234567890123456789012345678901234567.5"),
            n("12345678901234567890123456789012345678"),
            "column a of table things is decimal(38,1), but an item has a number (N) with 38 digits",
            "number",
        ),
        (n("1"), s("x"), "column a of table things is int64, but an item has text (S)", "json"),
        (s("x"), n("1"), "column a of table things is text, but an item has a number (N) with 1 digits", "json"),
        (
            s("x"),
            Some(json!({ "SS": ["x"] })),
            "column a of table things is text, but an item has a value of type SS",
            "json",
        ),
        (
            nested(json!({ "N": "1" })),
            nested(json!({ "N": "0.5" })),
            "column a.x of table things is int64, but an item has a number (N) with 1 digits after the point",
            "struct(x decimal(38,1))",
        ),
    ];
    for (first, later, message, declare) in cases {
        let source = of("sample_size = 1", &[first.clone(), later]).await;
        let metadata = metadata_of_first(&source, &first).await;
        let plan = source.connector.plan_scan(&metadata, &ScanRequest::table(name("things"))).await.unwrap();
        let error = source.try_read(&plan, None).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
        assert_eq!(error.to_string(), message);
        let line = format!("declare its type: [catalogs.db.tables.things.columns] a = \"{declare}\"");
        assert_eq!(error.hint(), Some(line.as_str()));
    }
}

/// A Scan comes in the order of hashes, so the sample of one item is taken while there is but that one.
async fn metadata_of_first(source: &Source, first: &Option<Json>) -> headwater_core::TableMetadata {
    let only = of("", std::slice::from_ref(first)).await;
    let metadata = only.metadata("things").await;
    assert_eq!(source.metadata("things").await.schema.fields().len(), 3);
    metadata
}

#[tokio::test]
async fn metadata_tells_keys_origins_and_sizes() {
    let source = Source::start().await;
    let mut request = crate::support::create_table("things", &[("user", "S"), ("at", "N")]);
    request["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "AttributeName": "kind", "AttributeType": "S" }));
    request["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by_kind",
        "KeySchema": [{ "AttributeName": "kind", "KeyType": "HASH" }],
        "Projection": { "ProjectionType": "ALL" },
    }]);
    source.server.create_table(request).await.unwrap();
    let items = (0..40).map(|i| {
        json!({ "user": { "S": format!("u{}", i % 10) }, "at": { "N": i.to_string() }, "Zeta": { "S": "x" }, "kind": { "S": "k" } })
    });
    source.server.put_items("things", items.collect()).await.unwrap();
    let metadata = source.metadata("things").await;
    assert_eq!(crate::support::columns(&metadata), ["user", "at", "Zeta", "kind"]);
    assert_eq!(metadata.primary_key().unwrap().columns, ["user", "at"]);
    assert_eq!(metadata.keys[1].name.as_deref(), Some("by_kind"));
    assert_eq!(metadata.row_count, Precision::Inexact(40));
    assert_eq!(metadata.facts("user").origin, ColumnOrigin::Key);
    assert_eq!(metadata.facts("user").distinct, Precision::Inexact(10));
    assert_eq!(metadata.facts("Zeta").origin, ColumnOrigin::Inferred { seen: 40, sampled: 40 });
    assert_eq!(metadata.facts("Zeta").source_type, "S");
    assert_eq!(metadata.facts("Zeta").text_comparison, TextComparison::Bytes);
}

#[tokio::test]
async fn an_empty_table_has_its_keys_and_what_is_declared() {
    let source = Source::with("[catalogs.db.tables.things.columns]\nat = \"timestamp\"").await;
    source.table("things", &[("id", "N")], vec![]).await;
    let metadata = source.metadata("things").await;
    assert_eq!(crate::support::columns(&metadata), ["id", "at"]);
    assert_eq!(metadata.row_count, Precision::Inexact(0));
    assert_eq!(source.rows("things").await.num_rows(), 0);
}

#[tokio::test]
async fn a_set_and_a_null_are_told_from_absence_by_json_alone() {
    let source =
        of("[catalogs.db.tables.things.columns]\na = \"json\"", &[Some(json!({ "L": [] })), s(""), None]).await;
    let rows = source.rows("things").await;
    assert_eq!(column(&rows, "a"), [text("[]"), text("\"\""), Value::Null]);
}
