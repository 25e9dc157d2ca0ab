//! Which way to the rows is taken, and that none of them loses any.

use crate::indexed::{
    ITEMS, compare, each, expected, found, int, is, is_not_null, item, note_of, open, orders, path, sorted, start,
    table, with_indexes,
};
use crate::support::{Source, name, parameters, reads, text, values};
use headwater_core::{AccessPath, Answer, CompareOp, Expr, JoinKeys, KeyDecision, ScanRequest, SortKey, Top, Value};
use serde_json::json;

const KEYS: [&str; 2] = ["user", "at"];

fn owned(path: (&str, Option<&str>)) -> (String, Option<String>) {
    (path.0.to_owned(), path.1.map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cheapest_complete_way_is_taken() {
    let source = start("").await;
    let list = |column: &str, values: Vec<Value>| Expr::column(column).is_in(values);
    let late = || compare("at", CompareOp::GtEq, int(300));
    type Case = (Vec<Expr>, (&'static str, Option<&'static str>));
    let cases: Vec<Case> = vec![
        (vec![], ("Scan", None)),
        (vec![is("user", text("u3"))], ("Query", None)),
        (vec![is("user", text("u3")), is("at", int(13))], ("BatchGetItem", None)),
        (vec![is("user", text("u3")), is("at", int(13)), open()], ("Query", None)),
        (vec![is("email", text("e12"))], ("Query", Some("by_email"))),
        (vec![list("email", vec![text("e0"), text("e6"), text("nobody")])], ("Query", Some("by_email"))),
        // The table's keys are attributes like any other to an index.
        (
            vec![is("email", text("e12")), late(), list("user", vec![text("u2"), text("u8")])],
            ("Query", Some("by_email")),
        ),
        (vec![open(), compare("total", CompareOp::Lt, int(5))], ("Query", Some("by_status"))),
        (vec![open(), is_not_null("total"), late()], ("Query", Some("by_status"))),
        (vec![is("total", int(9))], ("Query", Some("by_total"))),
        // Of one status and any total: items without a total are in no index of it.
        (vec![open()], ("Scan", None)),
        (vec![is("email", text("e12")), Expr::column("total").is_null()], ("Query", Some("by_email"))),
        // The index holds a sixth of the items.
        (vec![compare("email", CompareOp::Gt, text(""))], ("Scan", Some("by_email"))),
        // An item older than the index may have an empty one, which the index does not take.
        (vec![is_not_null("email")], ("Scan", None)),
        (vec![compare("email", CompareOp::GtEq, text("e3")), open()], ("Scan", Some("by_email"))),
        (vec![Expr::column("email").is_null()], ("Scan", None)),
        (vec![is("email", text("e12")).negate()], ("Scan", None)),
        (
            vec![is("email", text("e12")).negate(), compare("email", CompareOp::GtEq, text("e"))],
            ("Scan", Some("by_email")),
        ),
        (vec![Expr::Or(vec![is("email", text("e12")), open()])], ("Scan", None)),
    ];
    for (filters, way) in cases {
        let plan = source
            .plan(&orders().with_filters(filters.clone()).with_projection(["user", "at", "total", "status"]))
            .await;
        assert_eq!(path(&plan), owned(way), "{filters:?} {:?}", plan.notes);
        let whole = source.plan(&orders().with_filters(filters.clone()).with_projection(KEYS)).await;
        let wanted = expected(&source, &filters).await;
        // Filters that are checked again need their columns.
        let needs_more = whole.filters.iter().any(|answer| *answer != Answer::Exact);
        if !needs_more {
            assert_eq!(found(&source, &whole).await, wanted, "{filters:?}");
        }
        let columns = ["user", "at", "email", "status", "total"];
        let plan = source.plan(&orders().with_filters(filters.clone()).with_projection(columns)).await;
        assert_eq!(found(&source, &plan).await, wanted, "{filters:?}");
    }
}

#[tokio::test]
async fn an_index_that_could_lack_a_row_is_not_read_and_says_why() {
    let source = start("").await;
    let all = expected(&source, &[]).await.len();
    assert_eq!(all as i64, ITEMS);
    let detail = table(&source).await.detail;
    let sizes: Vec<_> =
        detail["indexes"].as_array().unwrap().iter().map(|index| index["items"].as_i64().unwrap()).collect();
    assert!(sizes.iter().all(|items| *items > 0 && *items < ITEMS), "indexes that lack items: {sizes:?}");

    let plan = source.plan(&orders().with_filters(vec![open()]).with_projection(KEYS)).await;
    assert_eq!(note_of(&plan, "by_status"), "items without total are not in it");
    assert_eq!(note_of(&plan, "by_email"), "items without email, or where it is empty, may not be in it");
    assert_eq!(note_of(&plan, "total_of_user"), "items without total are not in it");
    assert_eq!(found(&source, &plan).await, expected(&source, &[open()]).await);

    let plan = source.plan(&orders().with_filters(vec![open(), is("total", int(0))])).await;
    assert_eq!(note_of(&plan, "by_status"), "email and 1 more are not projected into it");
    let plan = source.plan(&orders().with_filters(vec![open(), is("total", int(0))]).with_projection(["pad"])).await;
    assert_eq!(note_of(&plan, "by_total"), "pad is not projected into it");
    assert!(note_of(&plan, "by_email").contains("items without email"));

    let both = vec![is("user", text("u6")), is("at", int(36)), is("email", text("e0"))];
    let plan = source.plan(&orders().with_filters(both)).await;
    assert_eq!(path(&plan), owned(("Query", None)));
    assert!(note_of(&plan, "by_email").contains("read units, the table's Query"), "{:?}", plan.notes);
}

#[tokio::test]
async fn strongly_consistent_reads_take_no_global_index() {
    let source = start("consistent_reads = true").await;
    let plan = source.plan(&orders().with_filters(vec![is("email", text("e12"))])).await;
    assert_eq!(path(&plan), owned(("Scan", None)));
    assert_eq!(note_of(&plan, "by_email"), "a global index is never strongly consistent");
    let filters = vec![is("user", text("u3")), is("total", int(3))];
    let plan = source.plan(&orders().with_filters(filters.clone())).await;
    assert_eq!(path(&plan), owned(("Query", Some("total_of_user"))));
    assert_eq!(each(&plan, "ConsistentRead"), [json!(true)]);
    assert_eq!(found(&source, &plan).await, expected(&source, &filters).await);
}

#[tokio::test]
async fn whole_keys_get_items_by_the_hundred() {
    let source = start("").await;
    let ats = Expr::column("at").is_in((0..250).map(int).collect());
    let users = Expr::column("user").is_in(["u1", "u2", "u1"].map(text).to_vec());
    let filters = vec![users, ats];
    // 500 keys would be more than a Scan is worth.
    let plan = source.plan(&orders().with_filters(filters.clone()).with_projection(KEYS)).await;
    assert_eq!(path(&plan), owned(("Scan", None)));
    assert_eq!(found(&source, &plan).await, expected(&source, &filters).await);

    source
        .table(
            "wide",
            &[("id", "N")],
            (0..1_000).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": "x".repeat(4_000) } })).collect(),
        )
        .await;
    let ids = Expr::column("id").is_in((900..1_150).map(int).collect());
    let plan = source.plan(&ScanRequest::table(name("wide")).with_filters(vec![ids]).with_projection(["id"])).await;
    assert_eq!((path(&plan), plan.requests.len()), (owned(("BatchGetItem", None)), 3));
    assert_eq!(
        (plan.filters.as_slice(), &plan.access),
        ([Answer::Exact].as_slice(), &AccessPath::Keys(vec!["id".to_owned()]))
    );
    source.server.take_requests();
    assert_eq!(source.read(&plan).await.num_rows(), 100);
    assert_eq!(reads(&source.server.take_requests()), ["BatchGetItem"; 3]);
}

fn first(column: &str, descending: bool, rows: u64) -> Top {
    let key = |column: &str| SortKey { column: column.to_owned(), descending, nulls_first: descending };
    Top { order: vec![key(column)], rows }
}

#[tokio::test]
async fn the_first_rows_of_the_sort_keys_order_are_read_and_no_more() {
    let source = start("").await;
    let user = || is("user", text("u3"));
    for (column, index, more, descending) in [
        ("at", None, None, true),
        ("at", None, None, false),
        ("total", Some("total_of_user"), Some(is_not_null("total")), true),
        ("total", Some("total_of_user"), Some(compare("total", CompareOp::Gt, int(3))), false),
        ("at", None, Some(open().negate()), true),
    ] {
        let filters: Vec<Expr> = [Some(user()), more].into_iter().flatten().collect();
        let request = orders()
            .with_filters(filters.clone())
            .with_projection(["user", "at", column, "status"].into_iter().collect::<std::collections::BTreeSet<_>>());
        let plan = source.plan(&request.clone().with_top(first(column, descending, 5))).await;
        assert_eq!((path(&plan), plan.top.clone()), (owned(("Query", index)), Some(Answer::Exact)), "{column}");
        assert_eq!(each(&plan, "ScanIndexForward"), [if descending { json!(false) } else { json!(null) }]);
        let rows = source.read(&plan).await;
        let all = source.plan(&orders().with_filters(filters).with_projection([column])).await;
        let all = values(&source.read(&all).await, column);
        assert_eq!(values(&rows, column), sorted(all, descending)[..5], "{column} {descending}");
    }
    let two = Expr::column("user").is_in(vec![text("u3"), text("u4")]);
    let plan =
        source.plan(&orders().with_filters(vec![two]).with_projection(KEYS).with_top(first("at", true, 4))).await;
    assert!(matches!(plan.top, Some(Answer::Inexact(_))), "{:?}", plan.top);
    let rows = source.read(&plan).await;
    assert_eq!(sorted(values(&rows, "at"), true), [594, 593, 584, 583, 574, 573, 564, 563].map(int));
}

#[tokio::test]
async fn an_order_that_is_not_the_querys_is_left_to_the_engine() {
    let source = start("").await;
    let user = || is("user", text("u3"));
    // NULLs come first: the index has none of them.
    let plan = source.plan(&orders().with_filters(vec![user()]).with_top(first("total", true, 5))).await;
    assert_eq!(
        (path(&plan), plan.top),
        (owned(("Query", None)), Some(Answer::Refused("a Query has no order by total".to_owned())))
    );
    let plan = source.plan(&orders().with_top(first("at", true, 5))).await;
    assert_eq!(plan.top, Some(Answer::Refused("a Scan has no order".to_owned())));
    let mut order = first("total", true, 5);
    order.order.extend(first("at", false, 5).order);
    let plan = source.plan(&orders().with_filters(vec![user(), is_not_null("total")]).with_top(order)).await;
    let Some(Answer::Refused(reason)) = plan.top else { panic!("{:?}", plan.top) };
    assert_eq!(reason, "rows of index total_of_user with the same total have no order by at");
}

fn keys(columns: &[&str], tuples: Vec<Vec<Value>>) -> JoinKeys {
    JoinKeys::new(columns.iter().map(|column| (*column).to_owned()).collect(), tuples)
}

#[tokio::test]
async fn join_keys_take_an_index_under_the_same_rules() {
    let source = start("").await;
    let plan = source.plan(&orders().with_projection(["user", "at", "email", "status", "total"])).await;
    assert_eq!(plan.key_columns, ["user", "at", "total", "email"], "two indexes lack columns");
    let emails = || keys(&["email"], vec![vec![text("e0")], vec![text("e6")], vec![text("nobody")]]);
    source.server.take_requests();
    let outcome = source.try_read(&plan, Some(&emails())).await.unwrap();
    assert_eq!((outcome.decision, outcome.splits.len()), (KeyDecision::Used { keys: 3 }, 3));
    assert_eq!(parameters(&outcome.splits[0].request)["IndexName"], "by_email");
    let wanted = Expr::column("email").is_in(vec![text("e0"), text("e6")]);
    assert_eq!(crate::indexed::passing(&outcome.rows, &[]), expected(&source, &[wanted]).await);

    // Items older than the index may have values that are no keys.
    for unfit in [String::new(), "e".repeat(2_049)] {
        let with_it = keys(&["email"], vec![vec![text("e0")], vec![text(&unfit)]]);
        let outcome = source.try_read(&plan, Some(&with_it)).await.unwrap();
        assert!(
            matches!(&outcome.decision, KeyDecision::Declined { reason, .. } if reason.contains("empty or longer"))
        );
        assert_eq!(outcome.rows.num_rows() as i64, ITEMS);
        let filtered = source.plan(&orders().with_filters(vec![is("email", text(&unfit))])).await;
        assert_eq!(path(&filtered), owned(("Scan", None)), "{:?}", filtered.notes);
    }

    // The sort key of an index may be missing unless the keys, or a condition, have it.
    let narrow = orders().with_projection(["user", "at", "status", "total"]);
    let plan = source.plan(&narrow).await;
    assert_eq!(plan.key_columns, ["user", "at", "total", "email", "status"]);
    let outcome = source.try_read(&plan, Some(&keys(&["status"], vec![vec![text("open")]]))).await.unwrap();
    assert!(matches!(outcome.decision, KeyDecision::Declined { .. }), "{:?}", outcome.decision);
    assert_eq!(outcome.rows.num_rows() as i64, ITEMS);
    let pair = keys(&["total", "status"], vec![vec![int(0), text("open")], vec![int(6), text("open")]]);
    let outcome = source.try_read(&plan, Some(&pair)).await.unwrap();
    assert_eq!(parameters(&outcome.splits[0].request)["IndexName"], "by_status");
    let wanted = [open(), Expr::column("total").is_in(vec![int(0), int(6)])];
    assert_eq!(crate::indexed::passing(&outcome.rows, &[]), expected(&source, &wanted).await);
    let low = compare("total", CompareOp::Lt, int(10));
    let plan = source.plan(&narrow.with_filters(vec![low.clone()])).await;
    let outcome = source.try_read(&plan, Some(&keys(&["status"], vec![vec![text("open")]]))).await.unwrap();
    assert_eq!(parameters(&outcome.splits[0].request)["IndexName"], "by_status");
    assert_eq!(crate::indexed::passing(&outcome.rows, &[]), expected(&source, &[open(), low]).await);

    let many = keys(&["email"], (0..500).map(|i| vec![text(&format!("e{i}"))]).collect());
    let plan = source.plan(&orders().with_projection(["user", "at", "email"])).await;
    let KeyDecision::Declined { reason, .. } = source.try_read(&plan, Some(&many)).await.unwrap().decision else {
        panic!()
    };
    assert!(
        reason.starts_with("the table's Scan costs about") && reason.contains("500 keys through index by_email"),
        "{reason}"
    );
}

#[tokio::test]
async fn rows_are_counted_through_an_index_too() {
    let source = start("").await;
    for filters in [
        vec![is("email", text("e12"))],
        vec![is_not_null("email")],
        vec![open(), compare("total", CompareOp::GtEq, int(10)), compare("total", CompareOp::LtEq, int(20))],
        vec![is("user", text("u3")), open()],
    ] {
        let plan = source.plan(&orders().with_filters(filters.clone()).with_projection(Vec::<String>::new())).await;
        assert!(each(&plan, "Select").iter().all(|select| select == "COUNT"));
        assert!(plan.filters.iter().all(|answer| *answer == Answer::Exact), "{filters:?}");
        assert_eq!(source.read(&plan).await.num_rows(), expected(&source, &filters).await.len(), "{filters:?}");
    }
}

#[tokio::test]
async fn a_scan_has_no_more_segments_than_its_capacity_feeds() {
    let source = Source::with("scan_segments = 8").await;
    let items: Vec<_> =
        (0..6_000).map(|id| json!({ "id": { "N": id.to_string() }, "pad": { "S": "x".repeat(3_000) } })).collect();
    for (table, capacity, segments) in [("slow", Some(100), 1), ("middling", Some(300), 2), ("on_demand", None, 5)] {
        let mut request = crate::support::create_table(table, &[("id", "N")]);
        if let Some(units) = capacity {
            request["BillingMode"] = json!("PROVISIONED");
            request["ProvisionedThroughput"] = json!({ "ReadCapacityUnits": units, "WriteCapacityUnits": 5 });
        }
        source.server.create_table(request).await.unwrap();
        source.server.put_items(table, items.clone()).await.unwrap();
        let all = ScanRequest::table(name(table)).with_projection(["id"]);
        assert_eq!(source.plan(&all).await.requests.len(), segments, "{table}");
        let some = source.plan(&all.with_limit(10)).await;
        assert_eq!((some.requests.len(), some.limit.clone()), (1, Some(Answer::Exact)));
        source.server.take_requests();
        assert_eq!(source.read(&some).await.num_rows(), 10);
        assert_eq!(source.server.take_requests().len(), 1);
    }
}

/// A local index is as old as its table, so all items have its key as a number or not at all; of a global one nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_local_index_on_declared_times_is_read() {
    let declared = "[catalogs.db.tables.orders.columns]\ntotal = \"timestamp(epoch_s)\"\n";
    let source = Source::with(declared).await;
    source.server.create_table(with_indexes("orders", &[("user", "S"), ("at", "N")])).await.unwrap();
    source.server.put_items("orders", (0..ITEMS).map(item).collect()).await.unwrap();
    let later = compare("total", CompareOp::GtEq, Value::Instant(40_000_000));
    let request = orders().with_filters(vec![is("user", text("u3")), later]);
    let plan = source.plan(&request).await;
    assert_eq!(plan.filters, [Answer::Exact, Answer::Exact], "{plan:?}");
    let sent = parameters(&plan.requests[0]);
    assert_eq!(sent["IndexName"], "total_of_user");
    assert!(sent["KeyConditionExpression"].as_str().unwrap().contains(" >= :sk"), "{sent}");
    let found = source.try_read(&plan, None).await.unwrap().rows;
    let expected = (0..ITEMS).filter(|i| i % 10 == 3 && i % 3 == 0 && i % 50 >= 40).count();
    assert!(expected > 0 && found.num_rows() == expected, "{} of {expected}", found.num_rows());
    let global = orders().with_filters(vec![is("status", text("open"))]);
    let plan = source.plan(&global).await;
    assert!(
        plan.notes.iter().any(|note| note.contains("by_status") && note.contains("text of digits")),
        "{:?}",
        plan.notes
    );
}
