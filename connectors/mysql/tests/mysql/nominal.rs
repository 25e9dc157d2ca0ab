//! Constants that are written with more digits, or as another type, than the column has: the engine brings all of a
//! list, and both sides of a join, to one type. What counts is their value.

use crate::support::{Database, Scanned, scan, scan_with};
use headwater_core::eval::passes;
use headwater_core::{Answer, CompareOp, Connector, Expr, JoinKeys, KeyDecision, ScanContext, ScanRequest, Value};
use headwater_harness::Product;
use std::collections::BTreeMap;
use std::sync::Arc;

const EXACT: &[&str] = &["p", "df", "wide", "i1", "u1", "i8", "u8"];

const TABLES: &[&str] = &["indexed", "bare"];

fn setup() -> String {
    let columns = "id int PRIMARY KEY, p decimal(5,2), df decimal(10,0), wide decimal(30,10), i1 tinyint, \
                   u1 tinyint unsigned, i8 bigint, u8 bigint unsigned, t3 time(3), ts datetime, tz timestamp(3) NULL";
    let keys = ["p", "df", "wide", "i1", "u1", "i8", "u8", "t3", "ts", "tz"].map(|name| format!("KEY ({name})"));
    format!(
        "CREATE TABLE indexed ({columns}, {}); CREATE TABLE bare ({columns}); INSERT INTO indexed VALUES \
         (1, 1.50, 1, 1.5, 1, 1, 1, 1, '00:00:01', '2026-01-31 01:02:03', '2026-01-31 01:02:03.4'), \
         (2, 999.99, 1000, 999.991, 100, 255, 1000, 1000, '23:59:59.999', '1970-01-01 00:00:00', \
          '1970-01-01 00:00:01'), \
         (3, -999.99, -2, -1.5, -128, 0, -1000, 18446744073709551615, '12:00:00.5', '9999-12-31 23:59:59', \
          '2038-01-19 03:14:07'), \
         (4, 0, 0, 0, 0, 0, 0, 0, '00:00:00', '0001-01-01', '2001-01-01'), \
         (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), \
         (6, 2.00, 9999999999, 12345678901234567890.0123456789, 127, 2, 9223372036854775807, 2, '00:00:02', \
          '2026-01-31 01:02:04', '2026-01-31 01:02:04'); \
         INSERT INTO bare SELECT * FROM indexed; ANALYZE TABLE indexed, bare",
        keys.join(", ")
    )
}

fn decimal(unscaled: i128, scale: i8) -> Value {
    Value::Decimal { unscaled, scale }
}

/// Values as one list of one scale holds them, and as several.
fn numbers() -> Vec<Vec<Value>> {
    let brought_to = |scale: i8, thousandths: &[i128]| -> Vec<Value> {
        let power = 10i128.pow(u32::from(scale.unsigned_abs()) - 3);
        thousandths.iter().map(|number| decimal(number * power, scale)).collect()
    };
    let all = [1_500, 999_991, 1_000_000, 1_000, 2_000, 0, -2_000, 999_990, 127_000, -1_000_000, 1_501];
    let all_but = |left_out: usize| [&all[..left_out], &all[left_out + 1..]].concat();
    let mut lists: Vec<Vec<Value>> = [3, 4, 15, 20, 28].map(|scale| brought_to(scale, &all)).to_vec();
    lists.extend((0..all.len()).map(|left_out| brought_to(10, &all_but(left_out))));
    lists.extend(all.map(|number| brought_to(15, &[number])));
    lists.extend([
        vec![decimal(1_500, 3), decimal(999_991, 3), decimal(1_000, 0)],
        vec![decimal(10, 1), decimal(15, 1)],
        vec![decimal(i128::from(u64::MAX) * 1_000, 3), decimal(i128::from(i64::MAX) * 10, 1), decimal(20, 1)],
        vec![Value::UInt64(1), Value::UInt64(u64::MAX), Value::Int64(-2), decimal(99_999_999_990, 1)],
        vec![decimal(999_995, 3), decimal(-999_995, 3), Value::Int64(10_000_000_000)],
    ]);
    lists
}

/// A column beside what it is compared with.
fn lists() -> Vec<(&'static str, Vec<Value>)> {
    let at = [0, 1_000_000, 1_769_821_323_000_000, 1_769_821_323_400_000, 1_769_821_323_400_001, 2_147_483_647_000_000];
    let clocks = [0, 1_000_000, 1_000_001, 86_399_999_000, 86_399_999_999, 43_200_500_000];
    let mut lists = vec![
        ("t3", clocks.map(Value::Time).to_vec()),
        ("ts", at.map(Value::Timestamp).to_vec()),
        ("tz", at.map(Value::Instant).to_vec()),
    ];
    lists.extend(EXACT.iter().flat_map(|column| numbers().into_iter().map(|list| (*column, list))));
    lists
}

struct Judge {
    database: Database,
    connector: Arc<dyn Connector>,
    all: BTreeMap<i64, BTreeMap<String, Value>>,
}

impl Judge {
    async fn new(product: Product, name: &str) -> Self {
        let database = Database::new(product, name, &setup()).await;
        let connector = database.connector_with(&[("time", crate::support::text("time_of_day"))]);
        let everything = scan(&connector, &ScanRequest::table(database.table("bare"))).await.unwrap();
        let mut all: BTreeMap<i64, BTreeMap<String, Value>> = BTreeMap::new();
        for field in everything.plan.schema.fields() {
            let ids = everything.column("id").into_iter();
            for (id, value) in ids.zip(everything.column(field.name())) {
                let Value::Int64(id) = id else { panic!("{id} is no id") };
                all.entry(id).or_default().insert(field.name().clone(), value);
            }
        }
        assert_eq!(all.len(), 6);
        Self { database, connector, all }
    }

    /// The rows that the language finds.
    fn wanted(&self, filter: &Expr) -> Vec<i64> {
        let passing = |row: &BTreeMap<String, Value>| passes(filter, &|name| row[name].clone());
        self.all.iter().filter(|(_, row)| passing(row)).map(|(id, _)| *id).collect()
    }

    async fn hold(&self, table: &str, filter: &Expr) {
        let request = ScanRequest::table(self.database.table(table)).with_projection(["id"]);
        let scanned = scan(&self.connector, &request.with_filters(vec![filter.clone()])).await.unwrap();
        let sent = &scanned.plan.requests;
        assert_eq!(scanned.plan.filters, [Answer::Exact], "{filter}");
        let product = self.database.server.product();
        assert_eq!(scanned.integers("id"), self.wanted(filter), "{product}, {table}: {filter}\n{sent:?}");
    }

    async fn keyed(&self, table: &str, column: &str, values: &[Value]) -> Scanned {
        let tuples = values.iter().map(|value| vec![value.clone()]).collect();
        let keys = JoinKeys::new(vec![column.to_owned()], tuples);
        let request = ScanRequest::table(self.database.table(table));
        scan_with(&self.connector, &request, Some(&keys), &ScanContext::new("keys")).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_constants_with_more_digits_than_the_column_finds_what_equals_them() {
    for product in Product::ALL {
        let judge = Judge::new(product, "nominal_lists").await;
        let p = Expr::column("p").is_in(vec![decimal(1_500, 3), decimal(999_991, 3), decimal(1_000_000, 3)]);
        assert_eq!((judge.wanted(&p), judge.wanted(&p.clone().negate())), (vec![1], vec![2, 3, 4, 6]));
        for (column, list) in lists() {
            let with_null = list.iter().cloned().chain([Value::Null]).collect();
            for filter in [Expr::column(column).is_in(list.clone()), Expr::column(column).is_in(with_null)] {
                for table in TABLES {
                    judge.hold(table, &filter).await;
                    judge.hold(table, &filter.clone().negate()).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constant_with_more_digits_than_the_column_is_compared_by_its_value() {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    for product in Product::ALL {
        let judge = Judge::new(product, "nominal_operators").await;
        let singles = lists().into_iter().filter(|(column, list)| list.len() == 1 || !EXACT.contains(column));
        for (column, value) in singles.flat_map(|(column, list)| list.into_iter().map(move |value| (column, value))) {
            for op in [Eq, NotEq, Lt, LtEq, Gt, GtEq] {
                let filter = Expr::column(column).compare(op, value.clone());
                for table in TABLES {
                    judge.hold(table, &filter).await;
                    judge.hold(table, &filter.clone().negate()).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_more_digits_than_the_column_find_their_rows() {
    for product in Product::ALL {
        let judge = Judge::new(product, "nominal_keys").await;
        for (column, list) in lists().into_iter().filter(|(column, _)| *column != "t3") {
            let wanted = judge.wanted(&Expr::column(column).is_in(list.clone()));
            for table in TABLES {
                let scanned = judge.keyed(table, column, &list).await;
                assert!(matches!(scanned.keys, KeyDecision::Used { .. }), "{column}: {:?}", scanned.keys);
                let sent: Vec<_> = scanned.splits.iter().map(|split| split.request.to_string()).collect();
                assert_eq!(scanned.integers("id"), wanted, "{product}, {table}.{column}: {list:?}\n{sent:?}");
            }
        }
        let floats = [Value::Float64(1.5), Value::Float64(2.0), Value::Float64(1000.0)];
        for column in EXACT {
            let scanned = judge.keyed("indexed", column, &floats).await;
            assert!(matches!(scanned.keys, KeyDecision::Declined { .. }), "{column}: {:?}", scanned.keys);
            assert_eq!(scanned.rows(), 6, "{column}");
        }
    }
}
