//! Which requests a plan is made of, and that they are the ones that are sent.

use crate::support::{Source, name, parameters, reads, text, values};
use headwater_core::{AccessPath, Answer, CompareOp, Expr, Precision, ScanRequest, SourceRequest, Value};
use serde_json::{Value as Json, json};

async fn events() -> Source {
    let source = Source::start().await;
    let items = (0..200).map(|i: i64| {
        json!({
            "user": { "S": format!("u{}", i % 10) },
            "at": { "N": i.to_string() },
            "status": { "S": if i % 3 == 0 { "open" } else { "done" } },
            "name": { "S": format!("n{i}") },
        })
    });
    source.table("events", &[("user", "S"), ("at", "N")], items.collect()).await;
    source
}

fn events_where(filters: Vec<Expr>) -> ScanRequest {
    ScanRequest::table(name("events")).with_filters(filters)
}

fn is(column: &str, value: Value) -> Expr {
    Expr::column(column).compare(CompareOp::Eq, value)
}

fn at(op: CompareOp, value: i64) -> Expr {
    Expr::column("at").compare(op, Value::Int64(value))
}

fn conditions(requests: &[SourceRequest]) -> Vec<String> {
    let texts = requests.iter().map(|r| parameters(r)["KeyConditionExpression"].as_str().unwrap_or("").to_owned());
    // Aliases of names depend on the projection; what matters here is the shape.
    texts.map(|text| text.replace("#n0", "user").replace("#n1", "at").replace("#pk", "user")).collect()
}

#[tokio::test]
async fn what_is_shown_is_what_is_sent() {
    let source = events().await;
    let requests = [
        events_where(vec![is("status", text("open"))]),
        events_where(vec![is("user", text("u3")), at(CompareOp::GtEq, 50), is("status", text("open"))]),
        events_where(vec![]).with_projection(Vec::<String>::new()),
        events_where(vec![]).with_limit(7),
    ];
    for request in requests {
        let plan = source.plan(&request).await;
        source.server.take_requests();
        source.read(&plan).await;
        let sent: Vec<Json> = source.server.take_requests().iter().map(|request| request.json().unwrap()).collect();
        let shown: Vec<Json> = plan.requests.iter().map(|request| parameters(request).clone()).collect();
        assert_eq!(sent, shown, "{request:?}");
    }
}

#[tokio::test]
async fn a_bound_partition_key_is_queried_and_never_scanned() {
    let source = events().await;
    let cases: Vec<(Vec<Expr>, Vec<&str>, usize)> = vec![
        (vec![is("user", text("u3"))], vec!["user = :pk"], 20),
        (vec![Expr::column("user").is_in(vec![text("u1"), text("u2"), text("u1")])], vec!["user = :pk"; 2], 40),
        (vec![is("user", text("u3")), at(CompareOp::Lt, 33)], vec!["user = :pk AND at < :sk"], 3),
        (vec![is("user", text("u3")), at(CompareOp::LtEq, 33)], vec!["user = :pk AND at <= :sk"], 4),
        (
            vec![is("user", text("u3")), at(CompareOp::Gt, 33), at(CompareOp::Gt, 3)],
            vec!["user = :pk AND at > :sk"],
            16,
        ),
        (
            vec![is("user", text("u3")), Expr::And(vec![at(CompareOp::GtEq, 33), at(CompareOp::LtEq, 53)])],
            vec!["user = :pk AND at BETWEEN :sk AND :skHigh"],
            3,
        ),
        (vec![is("user", text("u3")), at(CompareOp::Gt, 33), at(CompareOp::Lt, 3)], vec![], 0),
        (vec![is("user", text("u3")), is("user", text("u4"))], vec![], 0),
        (vec![is("user", text(""))], vec![], 0),
        (vec![is("user", text("u3")), is("user", Value::Null)], vec![], 0),
    ];
    for (filters, shapes, rows) in cases {
        let plan = source.plan(&events_where(filters.clone())).await;
        assert!(matches!(plan.access, AccessPath::Keys(_)), "{filters:?}");
        assert!(plan.filters.iter().all(|answer| *answer == Answer::Exact), "{filters:?} {:?}", plan.filters);
        assert_eq!(conditions(&plan.requests), shapes, "{filters:?}");
        source.server.take_requests();
        assert_eq!(source.read(&plan).await.num_rows(), rows, "{filters:?}");
        let sent = source.server.take_requests();
        assert!(reads(&sent).iter().all(|operation| *operation == "Query"), "{:?}", reads(&sent));
        assert_eq!(sent.len(), shapes.len());
        if shapes.is_empty() {
            assert_eq!(plan.rows, Precision::Exact(0));
        }
    }
}

#[tokio::test]
async fn strict_bounds_on_both_sides_are_checked_again() {
    let source = events().await;
    let filters = vec![is("user", text("u3")), at(CompareOp::Gt, 33), at(CompareOp::LtEq, 53)];
    let plan = source.plan(&events_where(filters)).await;
    assert!(
        matches!(plan.filters.as_slice(), [Answer::Exact, Answer::Inexact(_), Answer::Exact]),
        "{:?}",
        plan.filters
    );
    assert_eq!(source.read(&plan).await.num_rows(), 3);
}

#[tokio::test]
async fn a_text_sort_key_is_found_by_its_beginning() {
    let source = Source::start().await;
    let items = ["a", "ab", "abc", "b", "ä"].map(|at| json!({ "user": { "S": "u" }, "at": { "S": at } }));
    source.table("events", &[("user", "S"), ("at", "S")], items.to_vec()).await;
    let starts = Expr::StartsWith { operand: Box::new(Expr::column("at")), prefix: "ab".to_owned() };
    let plan = source.plan(&events_where(vec![is("user", text("u")), starts])).await;
    assert_eq!(conditions(&plan.requests), ["user = :pk AND begins_with(at, :sk)"]);
    assert_eq!(plan.filters, [Answer::Exact, Answer::Exact]);
    assert_eq!(source.read(&plan).await.num_rows(), 2);
}

#[tokio::test]
async fn times_of_a_sort_key_are_asked_by_what_is_stored() {
    let noon = 1_772_712_000_000_000;
    let cases = [
        (
            "timestamp(epoch_ms)",
            "N",
            ["1772712000000", "1772712000001"],
            json!({ "N": "1772712000000" }),
            Answer::Exact,
        ),
        (
            "timestamp",
            "S",
            ["2026-03-05T14:00:00+02:00", "2026-03-05T11:59:59-01:00"],
            json!({ "S": "2026-03-04" }),
            Answer::Inexact("each text has an offset of its own: a day more on either side is asked for".to_owned()),
        ),
    ];
    for (declared, kind, stored, asked, answer) in cases {
        let source = Source::with(&format!("[catalogs.db.tables.events.columns]\nat = \"{declared}\"")).await;
        let items = stored.map(|at| json!({ "user": { "S": "u" }, "at": { kind: at } }));
        source.table("events", &[("user", "S"), ("at", kind)], items.to_vec()).await;
        let from = Expr::column("at").compare(CompareOp::GtEq, Value::Instant(noon));
        let plan = source.plan(&events_where(vec![is("user", text("u")), from])).await;
        assert_eq!(conditions(&plan.requests), ["user = :pk AND at >= :sk"], "{declared}");
        assert_eq!(parameters(&plan.requests[0])["ExpressionAttributeValues"][":sk"], asked);
        assert_eq!(plan.filters, [Answer::Exact, answer]);
        assert_eq!(source.read(&plan).await.num_rows(), 2);
    }
}

#[tokio::test]
async fn refusals_carry_their_reason() {
    let source =
        Source::with("[catalogs.db.tables.items.columns]\nday = 'date(\"%d.%m.%Y\")'\nratio = \"float64\"").await;
    let items = vec![
        json!({ "id": { "N": "1" }, "day": { "S": "01.01.2026" }, "ratio": { "N": "0.5" }, "mix": { "S": "x" }, "b": { "BOOL": true } }),
        json!({ "id": { "N": "2" }, "mix": { "N": "1" }, "big": { "N": "1E-130" }, "list": { "SS": ["a"] } }),
    ];
    source.table("items", &[("id", "N")], items).await;
    let huge = Value::Decimal { unscaled: i128::MAX, scale: 0 };
    for (filter, reason) in [
        (is("day", Value::Date(1)), "declared date"),
        (is("ratio", Value::Float64(0.5)), "declared float64"),
        (is("mix", text("x")), "JSON text"),
        (is("big", text("1E-130")), "numbers are read as text"),
        (Expr::column("b").compare(CompareOp::Lt, Value::Boolean(true)), "does not order truth values"),
        (Expr::column("id").compare(CompareOp::Lt, huge), "at most 38 digits"),
        (Expr::column("id").compare(CompareOp::Lt, Value::Float64(1.5)), "floating-point"),
        (
            Expr::Compare {
                op: CompareOp::Eq,
                left: Box::new(Expr::column("id")),
                right: Box::new(Expr::column("id")),
            },
            "two columns",
        ),
    ] {
        let plan = source.plan(&ScanRequest::table(name("items")).with_filters(vec![filter.clone()])).await;
        let [Answer::Refused(why)] = plan.filters.as_slice() else { panic!("{filter} {:?}", plan.filters) };
        assert!(why.contains(reason), "{filter}: {why}");
        assert_eq!(source.read(&plan).await.num_rows(), 2);
    }
}

#[tokio::test]
async fn a_filter_past_the_limits_of_expressions_is_refused() {
    let source = events().await;
    let many = Expr::column("name").is_in((0..3_000).map(|i| text(&format!("n{i}"))).collect());
    let some = Expr::column("name").is_in((0..250).map(|i| text(&format!("n{i}"))).collect());
    let plan = source.plan(&events_where(vec![many, some])).await;
    assert!(matches!(&plan.filters[0], Answer::Refused(reason) if reason.contains("4096 bytes")), "{:?}", plan.filters);
    assert_eq!(plan.filters[1], Answer::Exact);
    assert_eq!(source.read(&plan).await.num_rows(), 200);
}

#[tokio::test]
async fn limits_are_exact_only_where_one_request_stops_by_itself() {
    let source = events().await;
    let plan = source.plan(&events_where(vec![]).with_limit(7)).await;
    assert_eq!(plan.limit, Some(Answer::Exact));
    assert_eq!(parameters(&plan.requests[0])["Limit"], 7);
    assert_eq!(source.read(&plan).await.num_rows(), 7);

    let plan = source.plan(&events_where(vec![is("status", text("open"))]).with_limit(7)).await;
    assert_eq!(plan.limit, Some(Answer::Exact));
    assert_eq!(parameters(&plan.requests[0]).get("Limit"), None, "it would count items before the filter");
    assert_eq!(source.read(&plan).await.num_rows(), 7);

    let two = Expr::column("user").is_in(vec![text("u1"), text("u2")]);
    let plan = source.plan(&events_where(vec![two]).with_limit(7)).await;
    assert!(matches!(plan.limit, Some(Answer::Inexact(_))));
    assert_eq!(source.read(&plan).await.num_rows(), 14);

    let refused = Expr::column("at").compare(CompareOp::Lt, Value::Float64(1.5));
    let plan = source.plan(&events_where(vec![refused]).with_limit(7)).await;
    assert!(matches!(plan.limit, Some(Answer::Refused(_))));
}

#[tokio::test]
async fn counting_fetches_no_items() {
    let source = events().await;
    let request = events_where(vec![is("status", text("open"))]).with_projection(Vec::<String>::new());
    let plan = source.plan(&request).await;
    assert_eq!(parameters(&plan.requests[0])["Select"], "COUNT");
    source.server.take_requests();
    assert_eq!(source.read(&plan).await.num_rows(), 67);
    assert!(source.server.requests()[0].response_bytes < 300);
}

#[tokio::test]
async fn every_name_is_aliased() {
    let source = Source::start().await;
    let odd = ["name", "status", "a.b", "a b", "größe", "#x", ":y", "日本", "a'b\"c", "size", "x[0]"];
    let mut item = json!({ "id": { "N": "1" } });
    odd.iter().for_each(|attribute| item[attribute] = json!({ "S": *attribute }));
    source.table("items", &[("id", "N")], vec![item]).await;
    let filters = odd.map(|attribute| is(attribute, text(attribute)));
    let request = ScanRequest::table(name("items")).with_projection(odd).with_filters(filters.to_vec());
    let plan = source.plan(&request).await;
    let rows = source.read(&plan).await;
    for attribute in odd {
        assert_eq!(values(&rows, attribute), [text(attribute)]);
    }
}

#[tokio::test]
async fn segments_are_disjoint_and_complete() {
    let source = Source::with("scan_segments = 5").await;
    let padding = "x".repeat(3_000);
    let items = (0..6_000).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": padding } })).collect();
    source.table("large", &[("id", "N")], items).await;
    let plan = source.plan(&ScanRequest::table(name("large")).with_projection(["id"])).await;
    assert_eq!(plan.requests.len(), 5, "18 MB");
    let rows = source.read(&plan).await;
    let mut ids: Vec<i64> =
        values(&rows, "id").into_iter().map(|id| if let Value::Int64(id) = id { id } else { panic!() }).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..6_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_projection_longer_than_an_expression_is_left_out_with_a_note() {
    let source = Source::start().await;
    for (table, attributes) in [("wide", 400), ("wider", 900)] {
        let mut item = json!({ "id": { "N": "1" } });
        (0..attributes).for_each(|i| item[format!("attribute_{i:03}")] = json!({ "N": i.to_string() }));
        source.table(table, &[("id", "N")], vec![item]).await;
        let plan = source.plan(&ScanRequest::table(name(table))).await;
        let projected = parameters(&plan.requests[0]).get("ProjectionExpression").is_some();
        assert_eq!((projected, plan.notes.is_empty()), (attributes == 400, attributes == 400));
        let rows = source.read(&plan).await;
        assert_eq!((rows.num_columns(), rows.num_rows()), (attributes + 1, 1));
        assert_eq!(values(&rows, "attribute_399"), [Value::Int64(399)]);
    }
}
