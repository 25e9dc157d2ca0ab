//! Joins, groups and first rows at the server, held against the same computed from the rows.

use crate::pushdown::setup;
use crate::support::Database;
use arrow::datatypes::DataType;
use headwater_core::testing::derived::{Refusals, Subject};
use headwater_core::{
    AggregateCall, ArithmeticOp, CompareOp, Expr, JoinKeys, KeyDecision, Relation, ScanContext, ScanRequest, Side,
    SortKey, Top, Value,
};
use headwater_harness::Product;

async fn subject(database: &Database, name: &str) -> Subject {
    Subject::of_table(&database.connector(), &database.table(name)).await.unwrap()
}

fn names(refusals: &Refusals) -> Vec<&str> {
    refusals.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn groups_bounds_and_first_rows_are_those_of_the_engine_or_refused() {
    for product in Product::ALL {
        let database = Database::new(product, "derived_columns", &setup(product)).await;
        for table in ["awkward", "unindexed"] {
            let awkward = subject(&database, table).await;
            let refused = awkward.groups_by_every_column().await.unwrap();
            assert_eq!(names(&refused), ["f4", "f8", "js", "t0", "tm", "tx"], "{product}: {refused:?}");
            let refused = awkward.bounds_of_every_column().await.unwrap();
            // MariaDB's json is a longtext.
            let json = database.is_mysql().then_some("js");
            let columns = ["f4", "f8", "lat", "old", "t0", "tm"].into_iter().chain(json);
            let mut expected: Vec<_> = columns.flat_map(|c| [format!("max({c})"), format!("min({c})")]).collect();
            expected.sort();
            assert_eq!(names(&refused), expected, "{product}: {refused:?}");
            let refused = awkward.tops_by_every_column(&[1, 7, 60]).await.unwrap();
            assert_eq!(names(&refused), ["f4", "f8", "js", "t0", "tm", "tx"], "{product}: {refused:?}");
        }
    }
}

fn arithmetic(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
    Expr::Arithmetic { op, left: Box::new(left), right: Box::new(right) }
}

#[tokio::test]
async fn sums_are_exact_whatever_their_size() {
    for product in Product::ALL {
        let database = Database::new(product, "derived_sums", &setup(product)).await;
        let awkward = subject(&database, "awkward").await;
        let column = Expr::column;
        let decimal = DataType::Decimal128;
        let one = || Expr::Literal(Value::Int64(1));
        let price =
            arithmetic(ArithmeticOp::Multiply, column("d"), arithmetic(ArithmeticOp::Subtract, one(), column("dd")));
        let all = [
            (column("i1"), DataType::Int64),
            (column("u1"), DataType::UInt64),
            (column("id"), decimal(38, 0)),
            (column("y"), DataType::Int64),
            (column("i8"), decimal(38, 0)),
            (column("u8"), decimal(38, 0)),
            (column("bt"), DataType::UInt64),
            (column("d"), decimal(30, 4)),
            (column("d"), decimal(38, 10)),
            (column("df"), decimal(20, 0)),
            (price, decimal(38, 6)),
            (arithmetic(ArithmeticOp::Subtract, column("u1"), column("u8")), decimal(38, 0)),
            (arithmetic(ArithmeticOp::Add, column("i8"), column("u8")), decimal(38, 0)),
            (arithmetic(ArithmeticOp::Multiply, column("i8"), column("i1")), decimal(38, 0)),
        ];
        for (expr, data_type) in all {
            for groups in [&[][..], &["b"], &["ci", "en"]] {
                let calls = vec![
                    (AggregateCall::Sum(expr.clone()), data_type.clone()),
                    (AggregateCall::Count(expr.clone()), DataType::Int64),
                ];
                let answer = awkward.grouped(groups, calls, Vec::new()).await.unwrap();
                assert!(answer.is_ok(), "{expr}: {:?}", answer.err());
            }
        }
        for (expr, data_type) in [(column("f8"), decimal(38, 0)), (column("d"), DataType::Int64)] {
            let answer = awkward.grouped(&[], vec![(AggregateCall::Sum(expr), data_type)], Vec::new()).await.unwrap();
            assert!(answer.is_err());
        }
    }
}

#[tokio::test]
async fn a_sum_that_its_type_cannot_hold_is_an_error() {
    let setup = "CREATE TABLE large (n bigint NOT NULL, u bigint unsigned, d decimal(38,0)); \
        INSERT INTO large VALUES (9223372036854775807, 18446744073709551615, REPEAT('9', 38)), (1, 1, 1)";
    for product in Product::ALL {
        let database = Database::new(product, "derived_large", setup).await;
        let large = subject(&database, "large").await;
        for (column, data_type) in [("n", DataType::Int64), ("u", DataType::UInt64), ("d", DataType::Decimal128(38, 0))]
        {
            let aggregate =
                large.aggregate(&[], vec![(AggregateCall::Sum(Expr::column(column)), data_type)], Vec::new());
            let relation = Relation::Aggregate(Box::new(aggregate.unwrap()));
            assert!(Subject::derived(relation, &[&large], Vec::new()).await.is_err(), "{product}: {column}");
        }
        for column in ["n", "u"] {
            let calls = vec![(AggregateCall::Sum(Expr::column(column)), DataType::Decimal128(38, 0))];
            large.grouped(&[], calls, Vec::new()).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn an_empty_table_has_one_row_without_groups_and_none_with() {
    for product in Product::ALL {
        let database = Database::new(product, "derived_empty", "CREATE TABLE nothing (g varchar(9), n int)").await;
        let nothing = subject(&database, "nothing").await;
        let calls = || {
            vec![
                (AggregateCall::CountRows, DataType::Int64),
                (AggregateCall::Count(Expr::column("n")), DataType::Int64),
                (AggregateCall::Sum(Expr::column("n")), DataType::Int64),
                (AggregateCall::Max(Expr::column("g")), DataType::Utf8),
            ]
        };
        assert_eq!(nothing.grouped(&[], calls(), Vec::new()).await.unwrap().unwrap().rows.len(), 1);
        assert!(nothing.grouped(&["g"], calls(), Vec::new()).await.unwrap().unwrap().rows.is_empty());
        nothing.grouped(&["g"], Vec::new(), Vec::new()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn conditions_orders_and_keys_apply_to_groups() {
    for product in Product::ALL {
        let database = Database::new(product, "derived_having", &setup(product)).await;
        let awkward = subject(&database, "awkward").await;
        let calls = vec![
            (AggregateCall::CountRows, DataType::Int64),
            (AggregateCall::Sum(Expr::column("d")), DataType::Decimal128(30, 4)),
            (AggregateCall::Max(Expr::column("ci")), DataType::Utf8),
            (AggregateCall::Sum(Expr::column("u1")), DataType::UInt64),
        ];
        let filters =
            vec![Expr::column("id").compare(CompareOp::Lt, Value::Int64(140)), Expr::column("vb").is_null().negate()];
        let groups = awkward.grouped(&["gen", "en", "dt", "tz"], calls, filters).await.unwrap().unwrap();
        assert!(groups.rows.len() > 20);
        for key in ["gen", "en", "dt", "tz", "a1", "a2", "a3", "a4"] {
            let order = vec![
                SortKey { column: key.to_owned(), descending: true, nulls_first: true },
                SortKey { column: "a1".to_owned(), descending: false, nulls_first: false },
            ];
            groups.first_rows(Top { order, rows: 9 }).await.unwrap().unwrap();
        }
        let having = [
            Expr::column("a1").compare(CompareOp::Gt, Value::Int64(0)),
            Expr::column("a2").compare(CompareOp::LtEq, Value::Decimal { unscaled: 15, scale: 1 }),
            Expr::column("a4").compare(CompareOp::Lt, Value::Int64(200)),
            Expr::column("gen").compare(CompareOp::GtEq, Value::Utf8("a".into())),
            Expr::column("en").compare(CompareOp::Eq, Value::Utf8("sad".into())),
            Expr::column("dt").compare(CompareOp::LtEq, Value::Date(20_484)),
            Expr::column("tz").is_null(),
        ];
        for filter in having {
            // Conditions on groups are those of further groups' input.
            let calls = vec![(AggregateCall::CountRows, DataType::Int64)];
            let again = groups.grouped(&["en"], calls, vec![filter.clone()]).await.unwrap();
            assert!(again.is_ok(), "{filter}: {:?}", again.err());
        }
        let request = ScanRequest::relation(groups.relation.clone()).with_projection(["gen", "a1"]);
        let plan = groups.connector.plan_scan(&groups.table, &request).await.unwrap();
        assert!(plan.key_columns.contains(&"gen".to_owned()));
        let keys = JoinKeys::new(vec!["gen".into()], vec![vec![Value::Utf8("A".into())]]);
        let splits = groups.connector.splits(&plan, Some(&keys), &ScanContext::new("keys")).await.unwrap();
        assert_eq!(splits.keys, KeyDecision::Used { keys: 1 });
    }
}

/// Sorted by padded keys, a text and the same with NUL characters at its end would mix.
#[tokio::test]
async fn text_that_ends_in_nul_characters_has_its_own_groups_and_its_place_in_an_order() {
    let setup = "CREATE TABLE digit (n int); INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9); \
        CREATE TABLE ends (id int PRIMARY KEY, t varchar(10), b varbinary(10), filler varchar(200)); \
        INSERT INTO ends SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n, \
            CONCAT(ELT(1 + a.n % 3, 'a', 'b', ''), REPEAT('\\0', b.n % 4), ELT(1 + c.n % 4, '', 'x', '\\0', ' ')), \
            CONCAT(ELT(1 + a.n % 3, 'a', 'b', ''), REPEAT('\\0', b.n % 4), ELT(1 + c.n % 4, '', 'x', '\\0', ' ')), \
            REPEAT('f', d.n) FROM digit a, digit b, digit c, digit d";
    for product in Product::ALL {
        let database = Database::new(product, "derived_ends", setup).await;
        let ends = subject(&database, "ends").await;
        for column in ["t", "b"] {
            let calls = vec![
                (AggregateCall::CountRows, DataType::Int64),
                (AggregateCall::Max(Expr::column("filler")), DataType::Utf8),
            ];
            ends.grouped(&[column], calls, Vec::new()).await.unwrap().unwrap();
            for (descending, rows) in [(false, 100), (true, 100), (false, 4_000), (true, 4_000)] {
                let order = vec![SortKey { column: column.to_owned(), descending, nulls_first: false }];
                ends.first_rows(Top { order, rows }).await.unwrap().unwrap();
            }
        }
    }
}

/// Columns whose values can agree, among them those between which an index would round or cut.
const PAIRS: &[(&str, &str)] = &[
    ("i1", "u1"),
    ("i8", "u8"),
    ("u8", "i8"),
    ("d", "i8"),
    ("i8", "d"),
    ("dd", "i1"),
    ("i1", "dd"),
    ("d", "dd"),
    ("dd", "d"),
    ("df", "dd"),
    ("u8", "df"),
    ("y", "df"),
    ("bt", "u8"),
    ("ci", "ci"),
    ("ci", "gen"),
    ("bin", "nop"),
    ("lat", "ci"),
    ("old", "lat"),
    ("wide", "tx"),
    ("ch", "nop"),
    ("chn", "ch"),
    ("en", "st"),
    ("en", "bin"),
    ("vb", "vb"),
    ("vb", "bn"),
    ("dt", "dt"),
    ("ts", "ts"),
    ("ts", "s0"),
    ("s0", "ts"),
    ("tz", "tz"),
];

#[tokio::test]
async fn rows_are_joined_where_the_engine_takes_values_for_equal() {
    for product in Product::ALL {
        let database = Database::new(product, "derived_joins", &setup(product)).await;
        let (awkward, plain) = (subject(&database, "awkward").await, subject(&database, "unindexed").await);
        let columns = [(Side::Left, "id"), (Side::Right, "id"), (Side::Right, "ci")];
        for (a, b) in PAIRS {
            for (left, right) in [(&plain, &awkward), (&awkward, &awkward)] {
                let joined = left.joined(right, &[(a, b), ("b", "b")], &columns).await;
                let joined = joined.unwrap_or_else(|fault| panic!("{product}: {a} = {b}: {fault}"));
                joined.unwrap_or_else(|reason| panic!("{product}: {a} = {b}: refused, {reason}"));
            }
        }
        for (a, b) in [("f8", "f8"), ("js", "js"), ("tm", "tm"), ("i8", "ci"), ("ts", "tz"), ("ts", "dt")] {
            if a == "js" && !database.is_mysql() {
                continue;
            }
            assert!(awkward.joined(&awkward, &[(a, b)], &columns).await.unwrap().is_err(), "{a} = {b}");
        }
    }
}

/// The server is made to look up each row of the one table by an index of the other.
#[tokio::test]
async fn an_index_finds_no_row_by_a_value_that_was_rounded_or_cut() {
    let setup = "CREATE TABLE many (id int PRIMARY KEY, i int, t tinyint, u bigint unsigned, b bigint, d decimal(9,2), \
            dt datetime, d6 datetime(6), s varchar(20) COLLATE utf8mb4_general_ci, \
            KEY (i), KEY (t), KEY (u), KEY (b), KEY (d), KEY (dt), KEY (d6), KEY (s)); \
        CREATE TABLE few (id int PRIMARY KEY, big bigint, u bigint unsigned, exact decimal(20,4), dt datetime, \
            d6 datetime(6), s varchar(20) COLLATE utf8mb4_bin); \
        CREATE TABLE digit (n int); INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9); \
        INSERT INTO many SELECT 10 + a.n * 100 + b.n * 10 + c.n, a.n * 100 + b.n, b.n, c.n, b.n, a.n / 10, \
            '2026-01-01', '2026-01-01 00:00:00.25', CONCAT('x', a.n) FROM digit a, digit b, digit c; \
        INSERT INTO many VALUES (1, 2147483647, 127, 0, 0, 9999999.99, '2026-01-01 00:00:01', '2026-01-01', 'a'), \
            (2, -2147483648, -128, 18446744073709551615, -1, 0, '0000-00-00', '0000-00-00', 'A '), \
            (3, 2, 2, 9223372036854775807, 9223372036854775807, 1.5, '2026-01-01', '2026-01-01 00:00:00.5', 'é'); \
        INSERT INTO few VALUES (1, 3000000000, 9223372036854775808, 1.5001, '0000-00-00', '0000-00-00', 'a'), \
            (2, -1, 18446744073709551615, 1.5, '2026-01-01 00:00:01', '2026-01-01 00:00:00.75', 'A'), \
            (3, -3000000000, 0, 99999999999, '2026-01-01', '2026-01-01', 'e'), (4, 300, 2, -0.001, NULL, NULL, 'é'), \
            (5, 2, 3, 2, '2026-01-01', '2026-01-01 00:00:01', 'a '); ANALYZE TABLE many, few";
    for product in Product::ALL {
        let database = Database::new(product, "derived_index", setup).await;
        let (few, many) = (subject(&database, "few").await, subject(&database, "many").await);
        let columns = [(Side::Left, "id"), (Side::Right, "id")];
        for a in ["big", "u", "exact"] {
            for b in ["i", "t", "u", "b", "d", "id"] {
                few.joined(&many, &[(a, b)], &columns).await.unwrap().unwrap();
            }
        }
        for a in ["dt", "d6"] {
            for b in ["dt", "d6"] {
                few.joined(&many, &[(a, b)], &columns).await.unwrap().unwrap();
            }
        }
        few.joined(&many, &[("s", "s")], &columns).await.unwrap().unwrap();
    }
}
