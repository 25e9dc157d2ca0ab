//! What is read of a table to learn its attributes, and what that teaches.

use crate::support::{Source, column, columns, create_table, name, parameters, text, values};
use headwater_core::{ColumnOrigin, Expr, HIDDEN, ScanRequest, Sighting, TableMetadata, Value};
use headwater_harness::RecordedRequest;
use serde_json::{Value as Json, json};

fn sighting(metadata: &TableMetadata, column: &str, path: &str) -> Sighting {
    let found = metadata.facts(column).sightings.into_iter().find(|sighting| sighting.path == path);
    found.unwrap_or_else(|| panic!("{path:?} in {:?}", metadata.facts(column)))
}

/// The Scan requests sent since the last look.
fn scans(source: &Source) -> Vec<RecordedRequest> {
    source.server.take_requests().into_iter().filter(|request| request.operation == "Scan").collect()
}

#[tokio::test]
async fn a_sample_is_spread_over_the_table() {
    let source = Source::with("sample_size = 400\nsample_segments = 4").await;
    let items = (0..2_000).map(|id| json!({ "id": { "N": id.to_string() }, "a": { "S": "x" } }));
    source.table("things", &[("id", "N")], items.collect()).await;
    source.server.take_requests();
    let metadata = source.metadata("things").await;
    let mut segments = Vec::new();
    for request in scans(&source) {
        let sent = request.json().unwrap();
        assert_eq!((&sent["TotalSegments"], &sent["Limit"]), (&json!(4), &json!(100)));
        segments.push(sent["Segment"].as_i64().unwrap());
    }
    segments.sort_unstable();
    assert_eq!(segments, [0, 1, 2, 3]);
    assert_eq!(metadata.facts("a").origin, ColumnOrigin::Inferred { seen: 400, sampled: 400 });
}

#[tokio::test]
async fn what_empty_segments_leave_open_is_read_from_the_others() {
    let source = Source::with("sample_size = 400").await;
    let items = (0..1_000).map(|at| json!({ "user": { "S": "only" }, "at": { "N": at.to_string() } }));
    source.table("things", &[("user", "S"), ("at", "N")], items.collect()).await;
    let metadata = source.metadata("things").await;
    assert_eq!(
        sighting(&metadata, "at", ""),
        Sighting { kinds: "N 400".to_owned(), seen: 400, of: 400, ..Sighting::default() }
    );
}

#[tokio::test]
async fn a_small_table_is_read_by_one_request() {
    let source = Source::start().await;
    let items = (0..100).map(|id| json!({ "id": { "N": id.to_string() } }));
    source.table("things", &[("id", "N")], items.collect()).await;
    source.server.take_requests();
    source.metadata("things").await;
    let scans = scans(&source);
    assert_eq!(scans.len(), 1);
    assert!(scans[0].json().unwrap().get("TotalSegments").is_none());
}

#[tokio::test]
async fn a_sample_takes_no_more_capacity_than_allowed() {
    let source = Source::with("sample_size = 5000\nsample_read_units = 300").await;
    let pad = "x".repeat(2_000);
    let items = (0..2_500).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": pad.clone() } }));
    source.table("things", &[("id", "N")], items.collect()).await;
    source.server.take_requests();
    source.metadata("things").await;
    let taken: f64 = scans(&source).iter().filter_map(|request| request.capacity_units).sum();
    assert!((128.0..=300.0).contains(&taken), "{taken} units of 300");
}

#[tokio::test]
async fn indexes_show_kinds_of_items_that_are_rare_in_the_table() {
    let mut request = create_table("things", &[("id", "N")]);
    request["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "AttributeName": "rare", "AttributeType": "S" }));
    request["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by_rare",
        "KeySchema": [{ "AttributeName": "rare", "KeyType": "HASH" }],
        "Projection": { "ProjectionType": "ALL" },
    }]);
    let source = Source::with("sample_size = 60\nsample_indexes = true").await;
    source.server.create_table(request).await.unwrap();
    let item = |id: usize| {
        let mut item = json!({ "id": { "N": id.to_string() } });
        if id % 500 == 7 {
            item["rare"] = json!({ "S": "yes" });
            item["only_here"] = json!({ "BOOL": true });
        }
        item
    };
    source.server.put_items("things", (0..1_500).map(item).collect()).await.unwrap();
    let metadata = source.metadata("things").await;
    assert_eq!(sighting(&metadata, "only_here", "").kinds, "BOOL 3");
    assert_eq!(metadata.facts("rare").origin, ColumnOrigin::Key);
}

#[tokio::test]
async fn every_item_counts_at_every_depth() {
    let source = Source::start().await;
    let item = |id: u32, value: Json| json!({ "id": { "N": id.to_string() }, "a": value });
    let of = |entries: Json| json!({ "M": entries });
    let items = vec![
        item(1, of(json!({ "n": { "N": "1" }, "l": { "L": [of(json!({ "x": { "N": "1" } }))] } }))),
        item(
            2,
            of(
                json!({ "n": { "N": "0.25" }, "l": { "L": [of(json!({ "y": { "S": "s" } })), of(json!({ "x": { "N": "2" } }))] } }),
            ),
        ),
        item(3, of(json!({ "n": { "S": "no" }, "other": { "NULL": true } }))),
        item(4, json!({ "NULL": true })),
        json!({ "id": { "N": "5" } }),
    ];
    source.table("things", &[("id", "N")], items).await;
    let metadata = source.metadata("things").await;
    assert_eq!(
        metadata.facts("a").declaration.unwrap(),
        "a = \"struct(l list(struct(x int64, y text)), n json, other json)\""
    );
    let seen = |path, kinds: &str, seen, of, note: Option<&str>| {
        let found = sighting(&metadata, "a", path);
        let note = note.map(str::to_owned);
        assert_eq!(found, Sighting { path: path.to_owned(), kinds: kinds.to_owned(), seen, of, note });
    };
    seen("", "M 3, NULL 1", 4, 5, None);
    seen(".n", "N 2, S 1", 3, 3, Some("mixed types, read as JSON text"));
    seen(".l", "L 2", 2, 3, None);
    seen(".l[].x", "N 2", 2, 3, None);
    seen(".other", "NULL 1", 1, 3, Some("only NULL seen, read as JSON text"));
    let nested = source.rows("things").await;
    assert_eq!(nested.num_rows(), 5);
}

#[tokio::test]
async fn an_empty_table_yields_its_keys_and_those_of_its_indexes() {
    let mut request = create_table("things", &[("id", "N")]);
    let definitions = request["AttributeDefinitions"].as_array_mut().unwrap();
    definitions.push(json!({ "AttributeName": "kind", "AttributeType": "S" }));
    definitions.push(json!({ "AttributeName": "at", "AttributeType": "N" }));
    request["GlobalSecondaryIndexes"] = json!([{
        "IndexName": "by_kind",
        "KeySchema": [{ "AttributeName": "kind", "KeyType": "HASH" }, { "AttributeName": "at", "KeyType": "RANGE" }],
        "Projection": { "ProjectionType": "KEYS_ONLY" },
    }]);
    let source = Source::start().await;
    source.server.create_table(request).await.unwrap();
    let metadata = source.metadata("things").await;
    assert_eq!(columns(&metadata), ["id", "at", "kind"]);
    assert_eq!(metadata.facts("kind").source_type, "S");
    assert!(metadata.schema.field_with_name("kind").unwrap().is_nullable());
}

#[tokio::test]
async fn the_whole_item_is_a_hidden_column() {
    let source = Source::start().await;
    let item = json!({ "id": { "N": "1" }, "n": { "N": "12345678901234567890.5" }, "s": { "NS": ["2", "10"] },
        "empty": { "M": {} }, "nothing": { "NULL": true } });
    source.table("things", &[("id", "N")], vec![item, json!({ "id": { "N": "2" } })]).await;
    let metadata = source.metadata("things").await;
    let field = metadata.schema.fields().last().unwrap();
    assert_eq!((field.name().as_str(), field.metadata().contains_key(HIDDEN)), ("_item", true));
    assert!(source.rows("things").await.column_by_name("_item").is_none(), "it is read where it is named");
    let wanted = ScanRequest::table(name("things")).with_projection(["id", "_item"]);
    let plan = source.plan(&wanted).await;
    let sent = parameters(&plan.requests[0]);
    assert!(sent.get("ProjectionExpression").is_none() && sent.get("Select").is_none(), "{sent}");
    let rows = source.read(&plan).await;
    let whole = "{\"empty\":{},\"id\":1,\"n\":12345678901234567890.5,\"nothing\":null,\"s\":[2,10]}";
    assert_eq!(column(&rows, "_item"), [text(whole), text("{\"id\":2}")]);
    let alone = source.read(&source.plan(&wanted.clone().with_projection(["_item"])).await).await;
    assert_eq!(alone.num_rows(), 2);
    for (filter, rows) in [(Expr::column("_item").is_null(), 0), (Expr::column("_item").is_null().negate(), 2)] {
        let plan = source.plan(&wanted.clone().with_filters(vec![filter])).await;
        assert_eq!(plan.filters, [headwater_core::Answer::Exact]);
        assert_eq!(source.read(&plan).await.num_rows(), rows);
    }
}

#[tokio::test]
async fn an_attribute_of_that_name_wins() {
    let source = Source::start().await;
    source.table("things", &[("id", "N")], vec![json!({ "id": { "N": "1" }, "_item": { "N": "7" } })]).await;
    let metadata = source.metadata("things").await;
    assert_eq!(columns(&metadata), ["id", "_item"]);
    assert_eq!(values(&source.rows("things").await, "_item"), [Value::Int64(7)]);
}
