//! Joins, groups and first rows at the server, held against the same computed from the rows.

use crate::pushdown::TABLE;
use crate::support::{Database, table};
use arrow::datatypes::DataType;
use headwater_core::testing::derived::{Refusals, Subject};
use headwater_core::{
    AggregateCall, ArithmeticOp, CompareOp, Expr, JoinKeys, KeyDecision, Relation, ScanContext, ScanRequest, Side,
    SortKey, Top, Value,
};

async fn subject(database: &Database, name: &str) -> Subject {
    Subject::of_table(&database.connector(), &table(name)).await.unwrap()
}

fn names(refusals: &Refusals) -> Vec<&str> {
    refusals.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn groups_bounds_and_first_rows_are_those_of_the_engine_or_refused() {
    let database = Database::new("derived_columns", TABLE).await;
    let awkward = subject(&database, "awkward").await;
    let refused = awkward.groups_by_every_column().await.unwrap();
    assert_eq!(names(&refused), ["arr", "f4", "f8", "pad"], "{refused:?}");
    let refused = awkward.bounds_of_every_column().await.unwrap();
    let expected = ["arr", "b", "bin", "f4", "f8", "pad"];
    let mut expected: Vec<String> = expected.iter().flat_map(|c| [format!("max({c})"), format!("min({c})")]).collect();
    expected.sort();
    assert_eq!(names(&refused), expected, "{refused:?}");
    let refused = awkward.tops_by_every_column(&[1, 7, 60]).await.unwrap();
    assert_eq!(names(&refused), ["arr", "f4", "f8", "pad"], "{refused:?}");
}

fn arithmetic(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
    Expr::Arithmetic { op, left: Box::new(left), right: Box::new(right) }
}

#[tokio::test]
async fn sums_are_exact_whatever_their_size() {
    let database = Database::new("derived_sums", TABLE).await;
    let awkward = subject(&database, "awkward").await;
    let column = Expr::column;
    let decimal = DataType::Decimal128;
    let price = arithmetic(
        ArithmeticOp::Multiply,
        column("d"),
        arithmetic(ArithmeticOp::Subtract, Expr::Literal(Value::Int64(1)), column("i2")),
    );
    let all = [
        (column("i2"), DataType::Int64),
        (column("id"), DataType::Int64),
        (column("o"), DataType::Int64),
        (column("i8"), decimal(38, 0)),
        (column("d"), decimal(30, 4)),
        (column("d"), decimal(38, 10)),
        (price, decimal(38, 4)),
        (arithmetic(ArithmeticOp::Add, column("i8"), column("i8")), decimal(38, 0)),
        (arithmetic(ArithmeticOp::Multiply, column("i8"), column("id")), decimal(38, 0)),
    ];
    for (expr, data_type) in all {
        for groups in [&[][..], &["b"], &["icu", "m"]] {
            let calls = vec![
                (AggregateCall::Sum(expr.clone()), data_type.clone()),
                (AggregateCall::Count(expr.clone()), DataType::Int64),
            ];
            let answer = awkward.grouped(groups, calls, Vec::new()).await.unwrap();
            assert!(answer.is_ok(), "{expr}: {:?}", answer.err());
        }
    }
    let refused = [(column("f8"), decimal(38, 0)), (column("d"), DataType::Int64), (column("d"), decimal(38, 3))];
    for (expr, data_type) in refused {
        let answer = awkward.grouped(&[], vec![(AggregateCall::Sum(expr), data_type)], Vec::new()).await.unwrap();
        assert!(answer.is_err());
    }
}

#[tokio::test]
async fn a_sum_that_its_type_cannot_hold_is_an_error() {
    let setup = "CREATE TABLE large (n int8 NOT NULL, d numeric(38,0), nan numeric(10,2)); \
        INSERT INTO large VALUES (9223372036854775807, repeat('9', 38)::numeric, 'NaN'), (1, 1, 1)";
    let database = Database::new("derived_large", setup).await;
    let large = subject_of_numbers(&database).await;
    for (column, data_type) in
        [("n", DataType::Int64), ("d", DataType::Decimal128(38, 0)), ("nan", DataType::Decimal128(20, 2))]
    {
        let aggregate = large.aggregate(&[], vec![(AggregateCall::Sum(Expr::column(column)), data_type)], Vec::new());
        let error = Subject::derived(Relation::Aggregate(Box::new(aggregate.unwrap())), &[&large], Vec::new()).await;
        assert!(error.is_err(), "{column}");
    }
    let calls = vec![(AggregateCall::Sum(Expr::column("n")), DataType::Decimal128(38, 0))];
    large.grouped(&[], calls, Vec::new()).await.unwrap().unwrap();
}

/// The column with NaN cannot be read itself.
async fn subject_of_numbers(database: &Database) -> Subject {
    database.client.batch_execute("CREATE VIEW readable AS SELECT n, d FROM large").await.unwrap();
    let readable = subject(database, "readable").await;
    let metadata = readable.connector.get_table(&table("large")).await.unwrap();
    Subject { relation: Relation::Table(table("large")), table: std::sync::Arc::new(metadata), ..readable }
}

#[tokio::test]
async fn an_empty_table_has_one_row_without_groups_and_none_with() {
    let database = Database::new("derived_empty", "CREATE TABLE nothing (g text, n int)").await;
    let nothing = subject(&database, "nothing").await;
    let calls = || {
        vec![
            (AggregateCall::CountRows, DataType::Int64),
            (AggregateCall::Count(Expr::column("n")), DataType::Int64),
            (AggregateCall::Sum(Expr::column("n")), DataType::Int64),
            (AggregateCall::Max(Expr::column("g")), DataType::Utf8),
        ]
    };
    let one = nothing.grouped(&[], calls(), Vec::new()).await.unwrap().unwrap();
    assert_eq!(one.rows.len(), 1);
    let none = nothing.grouped(&["g"], calls(), Vec::new()).await.unwrap().unwrap();
    assert!(none.rows.is_empty());
    nothing.grouped(&["g"], Vec::new(), Vec::new()).await.unwrap().unwrap();
}

#[tokio::test]
async fn conditions_orders_and_keys_apply_to_groups() {
    let database = Database::new("derived_having", TABLE).await;
    let awkward = subject(&database, "awkward").await;
    let calls = vec![
        (AggregateCall::CountRows, DataType::Int64),
        (AggregateCall::Sum(Expr::column("d")), DataType::Decimal128(30, 4)),
        (AggregateCall::Max(Expr::column("nd")), DataType::Utf8),
    ];
    let filters =
        vec![Expr::column("id").compare(CompareOp::Lt, Value::Int64(100)), Expr::column("u").is_null().negate()];
    let groups = awkward.grouped(&["nd", "m", "tz"], calls, filters).await.unwrap().unwrap();
    assert!(groups.rows.len() > 20);
    assert!(groups.table.row_count.value().is_some());
    for key in ["nd", "m", "tz", "a1", "a2", "a3"] {
        let order = vec![
            SortKey { column: key.to_owned(), descending: true, nulls_first: true },
            SortKey { column: "a1".to_owned(), descending: false, nulls_first: false },
        ];
        groups.first_rows(Top { order, rows: 9 }).await.unwrap().unwrap();
    }
    let having = [
        Expr::column("a1").compare(CompareOp::Gt, Value::Int64(1)),
        Expr::column("a2").compare(CompareOp::LtEq, Value::Decimal { unscaled: 15, scale: 1 }),
        Expr::column("nd").compare(CompareOp::GtEq, Value::Utf8("a".into())),
        Expr::column("m").compare(CompareOp::Eq, Value::Utf8("sad".into())),
    ];
    for filter in having {
        // Conditions on groups are those of further groups' input.
        groups.grouped(&["m"], vec![(AggregateCall::CountRows, DataType::Int64)], vec![filter]).await.unwrap().unwrap();
    }
    let request = ScanRequest::relation(groups.relation.clone()).with_projection(["nd", "a1"]);
    let plan = groups.connector.plan_scan(&groups.table, &request).await.unwrap();
    assert!(plan.key_columns.contains(&"nd".to_owned()));
    let keys = JoinKeys::new(vec!["nd".into()], vec![vec![Value::Utf8("A".into())]]);
    let splits = groups.connector.splits(&plan, Some(&keys), &ScanContext::new("keys")).await.unwrap();
    assert_eq!(splits.keys, KeyDecision::Used { keys: 1 });
}

#[tokio::test]
async fn rows_are_joined_where_the_engine_takes_values_for_equal() {
    let database = Database::new("derived_joins", TABLE).await;
    let awkward = subject(&database, "awkward").await;
    let columns = [(Side::Left, "id"), (Side::Right, "id"), (Side::Right, "nd")];
    let pairs = [
        ("icu", "icu"),
        ("icu", "c"),
        ("icu", "plain"),
        ("nd", "nd"),
        ("nd", "plain"),
        ("ci", "ci"),
        ("nam", "c"),
        ("m", "c"),
        ("u", "u"),
        ("u", "c"),
        ("i2", "i8"),
        ("o", "i8"),
        ("d", "i8"),
        ("b", "b"),
        ("bin", "bin"),
        ("dt", "dt"),
        ("tm", "tm"),
        ("ts", "ts"),
        ("tz", "tz"),
        ("v", "nd"),
        ("n", "n"),
        ("js", "js"),
    ];
    for (a, b) in pairs {
        let joined = awkward.joined(&awkward, &[(a, b), ("b", "b")], &columns).await;
        let joined = joined.unwrap_or_else(|fault| panic!("{a} = {b}: {fault}"));
        joined.unwrap_or_else(|reason| panic!("{a} = {b}: refused, {reason}"));
    }
    for (a, b) in [("f8", "f8"), ("pad", "pad"), ("arr", "arr"), ("i8", "c"), ("ts", "tz")] {
        assert!(awkward.joined(&awkward, &[(a, b)], &columns).await.unwrap().is_err(), "{a} = {b}");
    }
}

#[tokio::test]
async fn joins_of_joins_and_of_groups_are_one_statement() {
    let setup = "CREATE TABLE customer (id int PRIMARY KEY, country text NOT NULL); \
        CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint NOT NULL, total numeric(12,2)); \
        CREATE TABLE item (order_id int, n int, PRIMARY KEY (order_id, n)); \
        INSERT INTO customer SELECT i, 'c' || i % 7 FROM generate_series(1, 200) i; \
        INSERT INTO orders SELECT i, i % 250, i / 8.0 FROM generate_series(1, 1000) i; \
        INSERT INTO item SELECT i % 1100, i FROM generate_series(1, 3000) i; ANALYZE";
    let database = Database::new("derived_nested", setup).await;
    let (customer, orders) = (subject(&database, "customer").await, subject(&database, "orders").await);
    let item = subject(&database, "item").await;
    let bought = customer
        .joined(
            &orders,
            &[("id", "customer_id")],
            &[(Side::Left, "country"), (Side::Right, "id"), (Side::Right, "total")],
        )
        .await
        .unwrap()
        .unwrap();
    let rows = bought.table.row_count.value().unwrap();
    assert!((500..=1_000).contains(&rows), "{rows}");
    let items = item.grouped(&["order_id"], vec![(AggregateCall::CountRows, DataType::Int64)], Vec::new());
    let items = items.await.unwrap().unwrap();
    let columns = [(Side::Left, "l_country"), (Side::Left, "r_total"), (Side::Right, "a1")];
    let both = bought.joined(&items, &[("r_id", "order_id")], &columns).await.unwrap().unwrap();
    let other = items.joined(&bought, &[("order_id", "r_id")], &[(Side::Right, "l_country"), (Side::Left, "a1")]);
    let other = other.await.unwrap().unwrap();
    assert_eq!(other.rows.len(), both.rows.len());
    let calls = vec![
        (AggregateCall::Sum(Expr::column("l_r_total")), DataType::Decimal128(22, 2)),
        (AggregateCall::Sum(Expr::column("r_a1")), DataType::Int64),
    ];
    let by_country = both.grouped(&["l_l_country"], calls, Vec::new()).await.unwrap().unwrap();
    assert_eq!(by_country.rows.len(), 7);
    let request = ScanRequest::relation(by_country.relation.clone());
    let plan = by_country.connector.plan_scan(&by_country.table, &request).await.unwrap();
    assert_eq!(plan.requests.len(), 1);
    let sent = plan.requests[0].to_string();
    assert!(
        sent.contains(r#""public"."customer" AS t1 JOIN "public"."orders" AS t2 ON t1."id" = t2."customer_id""#),
        "{sent}"
    );
}
