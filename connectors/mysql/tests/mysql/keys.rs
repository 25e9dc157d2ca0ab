//! Join keys against a real table.

use crate::support::{DIGITS, Database, Scanned, scan_with};
use headwater_core::{JoinKeys, KeyDecision, ScanContext, ScanRequest, Value};
use headwater_harness::Product;

fn table(more: &str) -> String {
    format!(
        "{DIGITS} CREATE TABLE orders (id int PRIMARY KEY, sku varchar(30), u binary(16), day date, big bigint unsigned, \
         KEY (sku)); \
         INSERT INTO orders SELECT i, concat('sku ', i % 100), unhex(lpad(hex(i), 32, '0')), \
         DATE '2000-01-01' + INTERVAL i DAY, 18446744073709551615 - i FROM (SELECT a.n * 10000 + b.n * 1000 + \
         c.n * 100 + d.n * 10 + e.n + 1 AS i FROM digit a, digit b, digit c, digit d, digit e) numbers; \
         ANALYZE TABLE orders; {more}"
    )
}

fn keys(column: &str, values: impl IntoIterator<Item = Value>) -> JoinKeys {
    JoinKeys::new(vec![column.to_owned()], values.into_iter().map(|value| vec![value]).collect())
}

async fn keyed(database: &Database, keys: &JoinKeys) -> Scanned {
    let request = ScanRequest::table(database.table("orders"));
    scan_with(&database.connector(), &request, Some(keys), &ScanContext::new("keys")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_looked_up_in_disjoint_chunks_and_impossible_ones_left_out() {
    for product in Product::ALL {
        let database = Database::new(product, "keys_chunks", &table("")).await;
        let many = keys("id", (0..25_000).map(|n| Value::Int64(n * 4)).chain([Value::Int64(1 << 40)]));
        let scanned = keyed(&database, &many).await;
        assert_eq!(scanned.keys, KeyDecision::Used { keys: 25_001 });
        assert_eq!((scanned.splits.len(), scanned.rows()), (3, 24_999));
        assert!(scanned.splits.iter().all(|split| !split.request.to_string().contains(&(1i64 << 40).to_string())));
        let wide = keys("id", (0..90_000).map(Value::Int64));
        let scanned = keyed(&database, &wide).await;
        assert!(matches!(scanned.keys, KeyDecision::Declined { keys: 90_000, .. }), "{:?}", scanned.keys);
        assert_eq!(scanned.rows(), 100_000);
        let part = keyed(&database, &keys("id", (1..=2_000).map(Value::Int64)).part_of(40_000)).await;
        assert_eq!((&part.keys, part.rows()), (&KeyDecision::Used { keys: 2_000 }, 2_000));
        let part = keyed(&database, &keys("day", [Value::Date(11_000)]).part_of(40_000)).await;
        assert!(matches!(part.keys, KeyDecision::Declined { keys: 40_000, .. }), "{:?}", part.keys);
        let unindexed =
            keyed(&database, &keys("u", (0..25_000).map(|n| Value::Binary(vec![(n % 256) as u8, (n / 256) as u8]))))
                .await;
        assert!(matches!(&unindexed.keys, KeyDecision::Declined { reason, .. } if reason.contains("index")));
        assert_eq!(unindexed.rows(), 100_000);
        let impossible = [Value::Int64(1 << 40), Value::Decimal { unscaled: 15, scale: 1 }];
        assert_eq!(keyed(&database, &keys("id", impossible)).await.splits.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_kind_find_their_rows_by_bytes() {
    for product in Product::ALL {
        let database =
            Database::new(product, "keys_kinds", &table("INSERT INTO orders (id, sku) VALUES (0, 'SKU 7')")).await;
        let text = |n: i64| Value::Utf8(format!("sku {n}"));
        assert_eq!(keyed(&database, &keys("sku", [text(7), Value::Utf8("Sku 8".into())])).await.rows(), 1_000);
        let bytes = Value::Binary([vec![0; 15], vec![200]].concat());
        assert_eq!(keyed(&database, &keys("u", [bytes])).await.integers("id"), [200]);
        assert_eq!(keyed(&database, &keys("day", [Value::Date(10_957 + 7)])).await.integers("id"), [7]);
        let big = [Value::UInt64(u64::MAX - 5), Value::Int64(-6), Value::Int64(5)];
        assert_eq!(keyed(&database, &keys("big", big)).await.integers("id"), [5]);
        let pairs = (0..15_000i64).map(|n| vec![text(n % 100), Value::Int64(n)]).collect();
        let pairs = JoinKeys::new(vec!["sku".to_owned(), "id".to_owned()], pairs);
        let scanned = keyed(&database, &pairs).await;
        assert_eq!((scanned.splits.len(), scanned.rows()), (2, 14_999));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_keys_make_short_chunks_and_unwritable_ones_none() {
    for product in Product::ALL {
        let database = Database::new(product, "keys_long", &table("")).await;
        let long =
            (0..900i64).map(|n| Value::Utf8(format!("{n}{}", "x".repeat(1_000)))).chain([Value::Utf8("sku 3".into())]);
        let scanned = keyed(&database, &keys("sku", long)).await;
        assert_eq!(scanned.rows(), 1_000);
        assert!(scanned.splits.len() > 1, "{}", scanned.splits.len());
        assert!(scanned.splits.iter().all(|split| split.request.to_string().len() < 3 << 20));
        // One day lies after the last that a server knows.
        let days = keys("day", [Value::Date(10_960), Value::Date(i32::MAX)]);
        let scanned = keyed(&database, &days).await;
        assert!(matches!(scanned.keys, KeyDecision::Declined { .. }), "{:?}", scanned.keys);
        assert_eq!(scanned.rows(), 100_000, "each row once");
    }
}
