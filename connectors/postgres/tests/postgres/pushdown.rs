//! Pushdown proved by difference: what the server answers against what the language means.

use crate::support::{Database, table};
use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use headwater_core::eval::passes;
use headwater_core::{Answer, CompareOp, Connector, Expr, ScanContext, ScanPlan, ScanRequest, TableMetadata, Value};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const TABLE: &str = r#"
CREATE EXTENSION IF NOT EXISTS citext;
CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE awkward (id int PRIMARY KEY, i2 int2, i8 int8, o oid, f4 float4, f8 float8, d numeric(20,4), n numeric,
    icu text COLLATE "und-x-icu", c text COLLATE "C", plain text, nd text COLLATE anycase, ci citext, nam name,
    pad char(3), v varchar(20) COLLATE "und-x-icu", m mood, u uuid, b bool, bin bytea, dt date, tm time, ts timestamp,
    tz timestamptz, js jsonb, arr int[], "odd ""name" int);
INSERT INTO awkward SELECT i,
    (ARRAY[0, -32768, 32767, 5, NULL])[1 + i % 5],
    (ARRAY[0, -9223372036854775808, 9223372036854775807, 9007199254740993, 5, NULL])[1 + i % 6],
    (ARRAY[0, 4294967295, 5, NULL])[1 + i % 4]::oid,
    (ARRAY['0', '-0', 'NaN', '1.5', '-Infinity', '0.1', NULL])[1 + i % 7]::float4,
    (ARRAY['0', '-0', 'NaN', '1.5', 'Infinity', '0.1', '9007199254740992', NULL])[1 + i % 8]::float8,
    (ARRAY['0', '5', '-0.0001', '1.5', '9999999999999999.9999', NULL])[1 + i % 6]::numeric,
    (ARRAY['0', '5', '5.0', 'NaN', '1e50', NULL])[1 + i % 6]::numeric,
    x, x, x, x, x, left(x, 20)::name, left(x, 3), left(x, 20),
    (ARRAY['sad', 'ok', 'happy', NULL])[1 + i % 4]::mood,
    (ARRAY['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '00000000-0000-0000-0000-000000000000',
        'ffffffff-ffff-ffff-ffff-ffffffffffff', NULL])[1 + i % 4]::uuid,
    (ARRAY[true, false, NULL])[1 + i % 3],
    (ARRAY['\x', '\x00', '\xff', '\x5c27', NULL])[1 + i % 5]::bytea,
    (ARRAY['2026-01-31', '0001-01-01', '0044-03-15 BC', '12026-01-01', NULL])[1 + i % 5]::date,
    (ARRAY['00:00', '23:59:59.999999', '24:00', NULL])[1 + i % 4]::time,
    (ARRAY['2026-01-31 01:02:03.4', '0044-03-15 01:00 BC', '12026-01-01', NULL])[1 + i % 4]::timestamp,
    (ARRAY['2026-01-31 01:02:03.4+02', '0044-03-15 01:00+00 BC', '12026-01-01+00', NULL])[1 + i % 4]::timestamptz,
    (ARRAY['{"a":1}', '[]', NULL])[1 + i % 3]::jsonb, (ARRAY['{1}', '{}', NULL])[1 + i % 3]::int[], i % 3
FROM generate_series(1, 120) i,
LATERAL (SELECT (ARRAY['', ' ', 'a', 'A', 'a ', 'b', 'B', 'ab', 'é', U&'e\0301', 'ß', 'ss', '😀', '日本', E'\\', E'\\%',
    '''', 'a_b', E'a\nb', U&'\FF5E', 'sad', NULL])[1 + i % 22] AS x) t;
ANALYZE awkward;
"#;

const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "a ",
    "ab",
    "é",
    "e\u{301}",
    "ß",
    "😀",
    "\u{ff5e}",
    "\\",
    "\\%",
    "'",
    "sad",
    "happy",
    "{\"a\": 1}",
    "5",
    "' OR 1=1 --",
];
const UUIDS: &[&str] =
    &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99", "b", ""];

fn numbers() -> Vec<Value> {
    let decimal = |unscaled, scale| Value::Decimal { unscaled, scale };
    let exact = [0, 5, -1, i64::MIN, i64::MAX, 9_007_199_254_740_993, 70_000].map(Value::Int64);
    let floats = [0.0, -0.0, 1.5, f64::from(0.1f32), 0.1, f64::NAN, f64::INFINITY, -1e300, 9_007_199_254_740_992.0];
    let more = [Value::UInt64(u64::MAX), decimal(15_000, 4), decimal(5, -1), decimal(i128::from(i64::MAX) * 1000, 3)];
    exact.into_iter().chain(floats.map(Value::Float64)).chain(more).collect()
}

fn texts(list: &[&str]) -> Vec<Value> {
    list.iter().map(|text| Value::Utf8((*text).to_owned())).collect()
}

/// Each column with the constants to compare it with.
fn constants() -> Vec<(&'static str, Vec<Value>)> {
    let day = 86_400_000_000i64;
    let times =
        [0, 1_769_821_323_400_000, 1_769_814_123_400_000, -63_549_360_000_000_000, 317_348_236_800_000_000 + day];
    let dates = [20_484, -719_162, -735_524, 3_673_010, 0].map(Value::Date).to_vec();
    let mut list = vec![
        ("b", vec![Value::Boolean(true), Value::Boolean(false)]),
        ("bin", [&b""[..], b"\x00", b"\\'", b"\xff"].map(|bytes| Value::Binary(bytes.to_vec())).to_vec()),
        ("dt", dates),
        ("tm", [0, 86_399_999_999, 86_400_000_000].map(Value::Time).to_vec()),
        ("ts", times.map(Value::Timestamp).to_vec()),
        ("tz", times.map(Value::Instant).to_vec()),
        ("u", texts(UUIDS)),
    ];
    list.extend(["i2", "i8", "o", "f4", "f8", "d", "id"].map(|column| (column, numbers())));
    list.extend(
        ["icu", "c", "plain", "nd", "ci", "nam", "pad", "v", "m", "js", "n"].map(|column| (column, texts(TEXTS))),
    );
    list
}

fn op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    prop::sample::select(vec![Eq, NotEq, Lt, LtEq, Gt, GtEq])
}

fn atom() -> impl Strategy<Value = Expr> {
    let column = prop::sample::select(constants());
    (column, op(), any::<prop::sample::Index>(), 0..12u8, any::<prop::sample::Index>()).prop_map(
        |((name, values), op, pick, form, other)| {
            let (value, second) = (pick.get(&values).clone(), other.get(&values).clone());
            let column = Expr::column(name);
            match (form, &value) {
                (0, _) => column.is_null(),
                (1, _) => column.is_in(vec![value, second]),
                (2, _) => column.is_in(vec![value, Value::Null]),
                (3, _) => column.is_in(vec![]),
                (4, Value::Utf8(prefix)) => {
                    let prefix = prefix.chars().take(1).collect();
                    Expr::StartsWith { operand: Box::new(column), prefix }
                }
                (9, Value::Utf8(text)) => {
                    let part = text.chars().skip(1).take(2).collect();
                    Expr::Contains { operand: Box::new(column), part }
                }
                (5, Value::Boolean(_)) => column,
                (6, _) => column.compare(op, Value::Null),
                (7, _) => Expr::Compare { op, left: Box::new(Expr::Literal(value)), right: Box::new(column) },
                (8, Value::Utf8(_)) => {
                    let names = ["icu", "c", "nd", "ci", "u", "m"];
                    Expr::Compare { op, left: Box::new(column), right: Box::new(Expr::column(*other.get(&names))) }
                }
                (8, Value::Int64(_)) => {
                    let names = ["i2", "i8", "o", "d", "f8"];
                    Expr::Compare { op, left: Box::new(column), right: Box::new(Expr::column(*other.get(&names))) }
                }
                _ => column.compare(op, value),
            }
        },
    )
}

fn predicate() -> impl Strategy<Value = Expr> {
    atom().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Expr::Or),
            inner.clone().prop_map(Expr::negate),
            inner.prop_map(Expr::is_null),
        ]
    })
}

/// Rows by `id`.
type Rows = BTreeMap<i64, BTreeMap<String, Value>>;

fn rows_of(batches: &[RecordBatch]) -> Rows {
    let mut rows = Rows::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let schema = batch.schema();
            let fields = schema.fields().iter().zip(batch.columns());
            let values: BTreeMap<String, Value> = fields
                .filter_map(|(field, column)| Some((field.name().clone(), Value::from_array(column, row)?)))
                .collect();
            let Some(Value::Int64(id)) = values.get("id") else { panic!("no id") };
            rows.insert(*id, values);
        }
    }
    rows
}

async fn read(connector: &Arc<dyn Connector>, plan: &ScanPlan) -> Rows {
    let context = ScanContext::new("difference");
    let splits = connector.splits(plan, None, &context).await.unwrap();
    let splits: Vec<_> = splits.stream.try_collect().await.unwrap();
    let mut batches = Vec::new();
    for split in &splits {
        let stream = connector.read(split, &context).await;
        let stream = stream.unwrap_or_else(|error| panic!("{}: {error:?}", split.request));
        let read: Result<Vec<_>, _> = stream.try_collect().await;
        batches.extend(read.unwrap_or_else(|error| panic!("{}: {error:?}", split.request)));
    }
    rows_of(&batches)
}

struct Judge {
    connector: Arc<dyn Connector>,
    metadata: TableMetadata,
    all: Rows,
    counts: BTreeMap<&'static str, usize>,
}

impl Judge {
    async fn new(database: &Database) -> Self {
        let connector = database.connector();
        let metadata = connector.get_table(&table("awkward")).await.unwrap();
        let plan = connector.plan_scan(&metadata, &ScanRequest::table(table("awkward"))).await.unwrap();
        let all = read(&connector, &plan).await;
        Self { connector, metadata, all, counts: BTreeMap::new() }
    }

    async fn hold(&mut self, filter: Expr) {
        let column = |row: &BTreeMap<String, Value>, name: &str| row.get(name).cloned().unwrap_or(Value::Null);
        let wanted: BTreeSet<i64> =
            self.all.iter().filter(|(_, row)| passes(&filter, &|name| column(row, name))).map(|(id, _)| *id).collect();
        let request = ScanRequest::table(table("awkward")).with_projection(["id"]).with_filters(vec![filter.clone()]);
        let plan = self.connector.plan_scan(&self.metadata, &request).await.unwrap();
        let got: BTreeSet<i64> = read(&self.connector, &plan).await.into_keys().collect();
        let sent = &plan.requests;
        let kind = match &plan.filters[0] {
            Answer::Exact => {
                assert_eq!(got, wanted, "exact: {filter}\n{sent:?}");
                "exact"
            }
            Answer::Inexact(_) => {
                assert!(got.is_superset(&wanted), "inexact: {filter}\n{sent:?}");
                "inexact"
            }
            Answer::Refused(_) => {
                assert_eq!(got.len(), self.all.len(), "refused: {filter}\n{sent:?}");
                "refused"
            }
        };
        *self.counts.entry(kind).or_default() += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_predicates_answer_as_the_language_means_them() {
    let database = Database::new("pushdown_difference", TABLE).await;
    let mut judge = Judge::new(&database).await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let (atom, predicate) = (atom(), predicate());
    for _ in 0..1_500 {
        judge.hold(atom.new_tree(&mut runner).unwrap().current()).await;
    }
    for _ in 0..500 {
        judge.hold(predicate.new_tree(&mut runner).unwrap().current()).await;
    }
    println!("{:?}", judge.counts);
    assert!(judge.counts["exact"] > 1_000 && judge.counts["inexact"] > 10, "{:?}", judge.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_means_otherwise_is_rewritten_or_left_behind() {
    let database = Database::new("pushdown_shown", TABLE).await;
    let connector = database.connector();
    let metadata = connector.get_table(&table("awkward")).await.unwrap();
    let shown = async |filter: Expr| {
        let request = ScanRequest::table(table("awkward")).with_projection::<&str>([]).with_filters(vec![filter]);
        let request = request.with_limit(5);
        let plan = connector.plan_scan(&metadata, &request).await.unwrap();
        let sent = plan.requests[0].to_string();
        let sent = sent.trim_start_matches("COPY (SELECT FROM \"public\".\"awkward\"").to_owned();
        sent.trim_end_matches(") TO STDOUT (FORMAT binary)").to_owned()
    };
    let text = |column: &str, op, text: &str| Expr::column(column).compare(op, Value::Utf8(text.to_owned()));
    assert_eq!(shown(text("icu", CompareOp::Eq, "a")).await, " WHERE \"icu\" = 'a' LIMIT 5");
    assert_eq!(shown(text("icu", CompareOp::Lt, "a")).await, " WHERE \"icu\" COLLATE \"C\" < 'a' LIMIT 5");
    assert_eq!(shown(text("c", CompareOp::Lt, "a")).await, " WHERE \"c\" < 'a' LIMIT 5");
    assert_eq!(shown(text("ci", CompareOp::Eq, "a")).await, " WHERE \"ci\"::text COLLATE \"C\" = 'a' LIMIT 5");
    assert_eq!(shown(text("pad", CompareOp::Eq, "a")).await, "");
    assert_eq!(shown(text("u", CompareOp::Eq, UUIDS[0])).await, format!(" WHERE \"u\" = '{}'::uuid LIMIT 5", UUIDS[0]));
    assert_eq!(shown(text("c", CompareOp::Eq, "\0")).await, "");
    let zero = Expr::column("f8").compare(CompareOp::Lt, Value::Float64(0.0));
    assert_eq!(shown(zero).await, " WHERE \"f8\" <= '0.0'::float8");
    let odd = Expr::column("odd \"name").compare(CompareOp::Eq, Value::Int64(-1));
    assert_eq!(shown(odd).await, " WHERE \"odd \"\"name\" = -1 LIMIT 5");
}
