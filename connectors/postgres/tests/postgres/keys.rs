//! Join keys against a real table.

use crate::support::{Database, Scanned, scan_with, table};
use headwater_core::{CompareOp, Connector, Expr, JoinKeys, KeyDecision, ScanContext, ScanRequest, Value};
use std::sync::Arc;

const TABLE: &str = "CREATE TABLE orders (id int PRIMARY KEY, sku text, u uuid); \
    INSERT INTO orders SELECT i, 'sku ' || i % 100, md5(i::text)::uuid FROM generate_series(1, 100000) i; ANALYZE orders";

fn keys(column: &str, values: impl IntoIterator<Item = Value>) -> JoinKeys {
    JoinKeys::new(vec![column.to_owned()], values.into_iter().map(|value| vec![value]).collect())
}

async fn keyed(connector: &Arc<dyn Connector>, keys: &JoinKeys) -> Scanned {
    let request = ScanRequest::table(table("orders"));
    scan_with(connector, &request, Some(keys), &ScanContext::new("keys")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_looked_up_in_disjoint_chunks_and_impossible_ones_left_out() {
    let database = Database::new("keys_chunks", TABLE).await;
    let connector = database.connector();
    let many = keys("id", (0..2_500).map(|n| Value::Int64(n * 4)).chain([Value::Int64(1 << 40)]));
    let scanned = keyed(&connector, &many).await;
    assert_eq!(scanned.keys, KeyDecision::Used { keys: 2_501 });
    assert_eq!((scanned.splits.len(), scanned.rows()), (3, 2_499));
    assert!(scanned.splits.iter().all(|split| !split.request.to_string().contains(&(1i64 << 40).to_string())));
    let sent = scanned.splits[0].request.to_string();
    assert!(sent.contains("unnest('{0,4,8,") && sent.contains("'::int4[]) AS \"join keys\"(key), LATERAL ("), "{sent}");
    // A narrow request is the same in there.
    let condition = Expr::column("sku").compare(CompareOp::Eq, Value::Utf8("sku 8".to_owned()));
    let request = ScanRequest::table(table("orders")).with_filters(vec![condition]).with_projection(["u", "id"]);
    let scanned = scan_with(&connector, &request, Some(&many), &ScanContext::new("keys")).await.unwrap();
    assert_eq!(scanned.integers("id"), (0..100).map(|n| n * 100 + 8).collect::<Vec<i64>>());
    let wide = keys("id", (0..60_000).map(Value::Int64));
    let scanned = keyed(&connector, &wide).await;
    assert!(matches!(scanned.keys, KeyDecision::Declined { keys: 60_000, .. }), "{:?}", scanned.keys);
    assert_eq!(scanned.rows(), 100_000);
    // Keys in parts: worth it where each is looked up, and where all parts together do not want nearly everything.
    let scanned = keyed(&connector, &keys("id", (1..=2_000).map(Value::Int64)).part_of(2_500)).await;
    assert_eq!((&scanned.keys, scanned.rows()), (&KeyDecision::Used { keys: 2_000 }, 2_000));
    for total in [40_000, 60_000] {
        let scanned = keyed(&connector, &keys("id", (1..=2_000).map(Value::Int64)).part_of(total)).await;
        assert!(matches!(scanned.keys, KeyDecision::Declined { keys, .. } if keys == total), "{:?}", scanned.keys);
    }
    let impossible = [Value::Int64(1 << 40), Value::Decimal { unscaled: 15, scale: 1 }];
    assert_eq!(keyed(&connector, &keys("id", impossible)).await.splits.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn uuid_and_text_keys_and_pairs_of_keys_find_their_rows() {
    let database = Database::new("keys_text", TABLE).await;
    let connector = database.connector();
    let one = "c4ca4238-a0b9-2382-0dcc-509a6f75849b";
    let uuids = [one, "C4CA4238-A0B9-2382-0DCC-509A6F75849B", "x"].map(|text| Value::Utf8(text.to_owned()));
    let scanned = keyed(&connector, &keys("u", uuids)).await;
    assert_eq!(scanned.integers("id"), [1]);
    assert!(scanned.splits[0].request.to_string().contains(&format!("IN ('{one}'::uuid)")));
    let text = |n: i64| Value::Utf8(format!("sku {n}"));
    assert_eq!(keyed(&connector, &keys("sku", [text(7)])).await.rows(), 1_000);
    let pairs = (0..2_500i64).map(|n| vec![text(n % 100), Value::Int64(n)]).collect();
    let pairs = JoinKeys::new(vec!["sku".to_owned(), "id".to_owned()], pairs);
    let scanned = keyed(&connector, &pairs).await;
    assert_eq!((scanned.splits.len(), scanned.rows()), (3, 2_499));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_without_an_index_look_at_the_table_once() {
    let sql = "CREATE TABLE orders (id int, place text); CREATE INDEX rare ON orders (id) WHERE id < 0; \
               INSERT INTO orders SELECT i, 'place ' || i FROM generate_series(1, 100000) i; ANALYZE orders";
    let database = Database::new("keys_scanned", sql).await;
    let connector = database.connector();
    let scanned = keyed(&connector, &keys("id", (1..=40_000).map(Value::Int64))).await;
    assert_eq!(scanned.keys, KeyDecision::Used { keys: 40_000 });
    assert_eq!((scanned.splits.len(), scanned.rows()), (1, 40_000));
    // More text than one statement is given.
    let places = |padding: &'static str| (1..=20_000).map(move |n| Value::Utf8(format!("place {n}{padding}")));
    let padding: &'static str = " ".repeat(400).leak();
    let scanned = keyed(&connector, &keys("place", places("").chain(places(padding)))).await;
    assert!(matches!(&scanned.keys, KeyDecision::Declined { keys: 40_000, reason } if reason.contains("whole table")));
    assert_eq!((scanned.splits.len(), scanned.rows()), (1, 100_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_keys_than_lookups_pay_for_are_listed_once_for_all_rows() {
    let database = Database::new("keys_listed", TABLE).await;
    let connector = database.connector();
    let scanned = keyed(&connector, &keys("id", (1..=25_000).map(|n| Value::Int64(n * 2)))).await;
    assert_eq!(scanned.keys, KeyDecision::Used { keys: 25_000 });
    assert_eq!((scanned.splits.len(), scanned.rows()), (1, 25_000));
    let sent = scanned.splits[0].request.to_string();
    assert!(sent.contains("\"id\" = ANY ('{2,4,6,"), "{}", &sent[..200]);
    // Nearly every value that there is: the list would only cost.
    let skus = (0..100).map(|n| Value::Utf8(format!("sku {n}")));
    let others = (0..1_000).map(|n| Value::Utf8(format!("none {n}")));
    let scanned = keyed(&connector, &keys("sku", skus.chain(others))).await;
    assert!(matches!(&scanned.keys, KeyDecision::Declined { reason, .. } if reason.contains("nearly all")));
    assert_eq!(scanned.rows(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_looked_through_in_ranges_that_each_have_all_the_keys() {
    let sql = "CREATE TABLE orders (id bigint PRIMARY KEY, filling text); \
               INSERT INTO orders SELECT i, repeat('x', 1900) FROM generate_series(-5000, 20000) i; ANALYZE orders";
    let database = Database::new("keys_ranges", sql).await;
    let connector = database.connector();
    let scanned = keyed(&connector, &keys("id", (-1_499..=0).map(|n| Value::Int64(n * 4)))).await;
    assert_eq!(scanned.keys, KeyDecision::Used { keys: 1_500 });
    let mut found = scanned.integers("id");
    found.sort_unstable();
    assert_eq!(found, (-1_250..=0).map(|n| n * 4).collect::<Vec<i64>>());
    let sent: Vec<String> = scanned.splits.iter().map(|split| split.request.to_string()).collect();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|sql| sql.contains("ctid") && sql.contains("= ANY ('{-5996,")), "{}", &sent[0][..300]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_written_never_turns_a_chunk_into_the_whole_table() {
    let sql = "CREATE TABLE days (day date PRIMARY KEY); \
               INSERT INTO days SELECT DATE '2000-01-01' + i FROM generate_series(0, 30000) i; ANALYZE days";
    let database = Database::new("keys_dates", sql).await;
    let connector = database.connector();
    // One day lies after the last that this connector writes as a literal.
    let days = (10_957..22_000).map(Value::Date).chain([Value::Date(i32::MAX)]);
    let request = ScanRequest::table(table("days"));
    let scanned = scan_with(&connector, &request, Some(&keys("day", days)), &ScanContext::new("keys")).await.unwrap();
    assert!(matches!(scanned.keys, KeyDecision::Declined { .. }), "{:?}", scanned.keys);
    assert_eq!(scanned.rows(), 30_001, "each row once");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_small_integers_are_of_their_columns_type_so_that_the_server_hashes_them() {
    let sql = "CREATE TABLE small (n int2, id int); INSERT INTO small SELECT i % 30000 - 15000, i \
               FROM generate_series(1, 60000) i; ANALYZE small";
    let database = Database::new("keys_small", sql).await;
    let connector = database.connector();
    let values = [-14_999, 7, 32_767, 40_000].map(Value::Int64);
    let keys = keys("n", values.into_iter().chain([Value::Decimal { unscaled: -32_768, scale: 0 }]));
    let request = ScanRequest::table(table("small"));
    let scanned = scan_with(&connector, &request, Some(&keys), &ScanContext::new("keys")).await.unwrap();
    assert_eq!(scanned.rows(), 4);
    let sent = scanned.splits[0].request.to_string();
    assert!(sent.contains("'7'::int2") && sent.contains("'-32768'::int2") && !sent.contains("40000"), "{sent}");
}
