//! Keys from the other side of a join.

use crate::support::{Source, name, reads, text, values};
use headwater_core::{Answer, CompareOp, Expr, JoinKeys, KeyDecision, ScanRequest, Value};
use serde_json::json;

const ITEMS: i64 = 100_000;

fn keys(columns: &[&str], tuples: impl IntoIterator<Item = Vec<Value>>) -> JoinKeys {
    let columns = columns.iter().map(|column| (*column).to_owned()).collect();
    JoinKeys::new(columns, tuples.into_iter().collect())
}

fn ids(range: impl Iterator<Item = i64>) -> JoinKeys {
    keys(&["id"], range.map(|id| vec![Value::Int64(id)]))
}

async fn orders() -> Source {
    let source = Source::start().await;
    let items = (0..ITEMS).map(|id| {
        json!({ "id": { "N": id.to_string() }, "kind": { "S": format!("k{}", id % 3) }, "pad": { "S": "x".repeat(100) } })
    });
    source.table("orders", &[("id", "N")], items.collect()).await;
    source
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_and_the_table_is_not() {
    let source = orders().await;
    let plan = source.plan(&ScanRequest::table(name("orders"))).await;
    assert_eq!(plan.key_columns, ["id"]);

    // 300 keys without a filter: items by their whole key, 100 per request, half a unit each.
    source.server.take_requests();
    let outcome = source.try_read(&plan, Some(&ids((0..300).map(|i| i * 331)))).await.unwrap();
    assert_eq!(outcome.decision, KeyDecision::Used { keys: 300 });
    assert_eq!(outcome.rows.num_rows(), 300);
    let sent = source.server.take_requests();
    assert_eq!(reads(&sent), ["BatchGetItem"; 3]);
    let stats = outcome.context.metrics.snapshot();
    assert!(stats.milli_capacity <= 150_000, "{stats:?}");
    assert_eq!((stats.requests, stats.rows), (3, 300));
    assert!(stats.wire_bytes > 300 * 100, "{stats:?}");

    // With a filter DynamoDB must see each item: a Query per key.
    let open = Expr::column("kind").compare(CompareOp::Eq, text("k1"));
    let plan = source.plan(&ScanRequest::table(name("orders")).with_filters(vec![open])).await;
    source.server.take_requests();
    let outcome = source.try_read(&plan, Some(&ids(0..30))).await.unwrap();
    assert_eq!((outcome.splits.len(), outcome.rows.num_rows()), (30, 10));
    assert!(reads(&source.server.take_requests()).iter().all(|operation| *operation == "Query"));

    // More keys than a Scan is worth: 15 MB cost about 1,900 units.
    source.server.take_requests();
    let plan = source.plan(&ScanRequest::table(name("orders")).with_projection(["id"])).await;
    let context = headwater_core::ScanContext::new("test");
    let splits = source.connector.splits(&plan, Some(&ids(0..50_000)), &context).await.unwrap();
    let KeyDecision::Declined { keys: 50_000, reason } = splits.keys else { panic!("{:?}", splits.keys) };
    assert!(
        reason.starts_with("the table's Scan costs about") && reason.ends_with("50000 keys about 25000"),
        "{reason}"
    );

    // A part of a join's keys is weighed by what all parts cost.
    let splits = source.connector.splits(&plan, Some(&ids(0..100).part_of(1_000)), &context).await.unwrap();
    assert_eq!(splits.keys, KeyDecision::Used { keys: 100 });
    let splits = source.connector.splits(&plan, Some(&ids(0..100).part_of(50_000)), &context).await.unwrap();
    let KeyDecision::Declined { keys: 50_000, reason } = splits.keys else { panic!("{:?}", splits.keys) };
    assert!(reason.ends_with("50000 keys about 25000"), "{reason}");
}

#[tokio::test]
async fn keys_that_no_item_can_have_are_dropped() {
    let source = Source::with("sample_size = 1").await;
    let items = (0..500).map(|id| json!({ "id": { "S": format!("i{id}") }, "pad": { "S": "x".repeat(3_000) } }));
    source.table("items", &[("id", "S")], items.collect()).await;
    let plan = source.plan(&ScanRequest::table(name("items")).with_projection(["id"])).await;
    let long = "x".repeat(3_000);
    let offered = ["i1", "", "i2", "i1", &long].map(|id| vec![text(id)]);
    let outcome = source.try_read(&plan, Some(&keys(&["id"], offered))).await.unwrap();
    assert_eq!((outcome.splits.len(), outcome.rows.num_rows()), (1, 2));

    let none = source.try_read(&plan, Some(&keys(&["id"], []))).await.unwrap();
    assert_eq!((none.decision, none.splits.len()), (KeyDecision::Used { keys: 0 }, 0));
    let float = source.try_read(&plan, Some(&keys(&["id"], [vec![Value::Float64(1.0)]]))).await.unwrap();
    assert!(matches!(float.decision, KeyDecision::Declined { .. }));
    assert_eq!(float.rows.num_rows(), 500);
}

#[tokio::test]
async fn keys_of_both_parts_get_items_and_of_the_sort_key_alone_are_declined() {
    let source = Source::with("sample_size = 1").await;
    let items = (0..600).map(|i| {
        json!({ "user": { "N": (i / 10).to_string() }, "at": { "N": (i % 10).to_string() }, "pad": { "S": "x".repeat(2_000) } })
    });
    source.table("events", &[("user", "N"), ("at", "N")], items.collect()).await;
    let int = |n: i64| Value::Int64(n);
    let pairs = || keys(&["at", "user"], (0..60).map(|i| vec![int(i % 10), int(i)]));
    let all = ScanRequest::table(name("events")).with_projection(["user", "at"]);

    let plan = source.plan(&all).await;
    assert_eq!(plan.key_columns, ["user", "at"]);
    source.server.take_requests();
    let outcome = source.try_read(&plan, Some(&pairs())).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 60);
    assert_eq!(reads(&source.server.take_requests()), ["BatchGetItem"]);

    let outcome = source.try_read(&plan, Some(&keys(&["at"], [vec![int(1)]]))).await.unwrap();
    let KeyDecision::Declined { reason, .. } = outcome.decision else { panic!() };
    assert_eq!(reason, "keys on at alone find no items: the partition key is user");

    // Conditions of the plan hold for the keys as well.
    let late = Expr::column("at").compare(CompareOp::GtEq, int(5));
    let plan = source.plan(&all.clone().with_filters(vec![late.clone()])).await;
    assert_eq!(source.try_read(&plan, Some(&pairs())).await.unwrap().rows.num_rows(), 30);
    let by_user = keys(&["user"], [vec![int(3)], vec![int(4)]]);
    assert_eq!(source.try_read(&plan, Some(&by_user)).await.unwrap().rows.num_rows(), 10);
    let some_users = Expr::column("user").is_in(vec![int(4), int(5)]);
    let plan = source.plan(&all.with_filters(vec![late, some_users])).await;
    assert_eq!(source.try_read(&plan, Some(&by_user)).await.unwrap().rows.num_rows(), 5);
}

#[tokio::test]
async fn a_filter_that_a_query_cannot_finish_does_not_stand_in_the_way_of_keys() {
    let source = Source::with("sample_size = 1").await;
    let items = (0..400).map(|i| {
        json!({ "user": { "N": (i / 10).to_string() }, "at": { "N": (i % 10).to_string() }, "pad": { "S": "x".repeat(2_000) } })
    });
    source.table("events", &[("user", "N"), ("at", "N")], items.collect()).await;
    let bound = |op, value| Expr::column("at").compare(op, Value::Int64(value));
    let filters = vec![bound(CompareOp::Gt, 2), bound(CompareOp::Lt, 6)];
    let request = ScanRequest::table(name("events")).with_projection(["user", "at"]).with_filters(filters);
    let plan = source.plan(&request).await;
    assert!(plan.filters.iter().all(|answer| matches!(answer, Answer::Inexact(_))), "{:?}", plan.filters);
    let outcome = source.try_read(&plan, Some(&keys(&["user"], [vec![Value::Int64(3)]]))).await.unwrap();
    assert_eq!(outcome.decision, KeyDecision::Used { keys: 1 });
    assert_eq!(outcome.rows.num_rows(), 5, "BETWEEN 2 AND 6: a superset");

    let counted = source.plan(&request.with_projection(Vec::<String>::new())).await;
    assert_eq!((counted.filters.as_slice(), counted.key_columns.len()), ([Answer::Exact, Answer::Exact].as_slice(), 0));
}

#[tokio::test]
async fn counting_by_keys_counts_items() {
    let source = Source::with("sample_size = 1").await;
    let items = (0..300).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": "x".repeat(4_000) } }));
    source.table("items", &[("id", "N")], items.collect()).await;
    let plan = source.plan(&ScanRequest::table(name("items")).with_projection(Vec::<String>::new())).await;
    let outcome = source.try_read(&plan, Some(&ids(290..320))).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_key_read_as_json_is_no_key_to_look_up() {
    let source = Source::with("[catalogs.db.tables.notes.columns]\nsk = \"json\"\n").await;
    let items = ["abc", "def"].map(|sort| json!({ "pk": { "S": "p" }, "sk": { "S": sort } }));
    source.table("notes", &[("pk", "S"), ("sk", "S")], items.to_vec()).await;
    let plan = source.plan(&ScanRequest::table(name("notes"))).await;
    assert_eq!(plan.key_columns, ["pk"]);
    // As the engine sees the sort key: JSON text, with its quotes.
    let pairs = keys(&["pk", "sk"], [vec![text("p"), text("\"abc\"")]]);
    let outcome = source.try_read(&plan, Some(&pairs)).await.unwrap();
    assert!(values(&outcome.rows, "sk").contains(&text("\"abc\"")), "{:?}", outcome.rows);
}
