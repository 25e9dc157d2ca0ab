//! Pushdown proved by difference: what the servers answer against what the language means.

use crate::support::{Database, text};
use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use headwater_core::config::Setting;
use headwater_core::eval::passes;
use headwater_core::{Answer, CompareOp, Connector, Expr, ScanContext, ScanPlan, ScanRequest, TableMetadata, Value};
use headwater_harness::Product;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const ROWS: usize = 154;

/// Text in different collations and character sets gets the same values.
const TEXT: &[&str] = &[
    "''",
    "' '",
    "'a'",
    "'A'",
    "'a '",
    "'b'",
    "'B'",
    "'ab'",
    "'é'",
    "_utf8mb4 X'65CC81'",
    "'ß'",
    "'ss'",
    "'😀'",
    "'日本'",
    "'\\\\'",
    "'\\\\%'",
    "''''",
    "'a_b'",
    "'a\\nb'",
    "'～'",
    "'sad'",
    "NULL",
    "'a\\0'",
    "'5'",
];

const DATES: &[&str] = &[
    "'2026-01-31'",
    "'0001-01-01'",
    "'9999-12-31'",
    "'1970-01-01'",
    "'0000-00-00'",
    "'2026-00-00'",
    "'2026-01-00'",
    "'2025-02-29'",
    "'2024-02-29'",
    "NULL",
];

/// Columns: name, type, values. `{nopad}` is the collation that compares by bytes.
const COLUMNS: &[(&str, &str, &[&str])] = &[
    ("i1", "tinyint", &["0", "-128", "127", "5", "NULL"]),
    ("u1", "tinyint unsigned", &["0", "255", "5", "NULL"]),
    ("i8", "bigint", &["0", "-9223372036854775808", "9223372036854775807", "9007199254740993", "5", "NULL"]),
    ("u8", "bigint unsigned", &["0", "18446744073709551615", "9223372036854775808", "9007199254740993", "5", "NULL"]),
    ("f4", "float", &["0", "-0e0", "1.5", "0.1", "3.4e38", "-1.5", "NULL"]),
    ("f8", "double", &["0", "-0e0", "1.5", "0.1", "9007199254740992", "-1e300", "5e-324", "NULL"]),
    ("d", "decimal(20,4)", &["0", "5", "-0.0001", "1.5", "9999999999999999.9999", "NULL"]),
    ("y", "year", &["1901", "2155", "0", "2005", "NULL"]),
    ("bt", "bit(40)", &["0", "5", "1099511627775", "NULL"]),
    ("b", "tinyint(1)", &["1", "0", "NULL"]),
    ("ci", "varchar(40) COLLATE {ai_ci}", TEXT),
    ("gen", "varchar(40) COLLATE utf8mb4_general_ci", TEXT),
    ("bin", "varchar(40) COLLATE utf8mb4_bin", TEXT),
    ("nop", "varchar(40) COLLATE {nopad}", TEXT),
    ("lat", "varchar(40) CHARACTER SET latin1", TEXT),
    ("old", "varchar(40) CHARACTER SET utf8mb3", TEXT),
    ("wide", "varchar(40) CHARACTER SET utf16", TEXT),
    ("ch", "char(8)", TEXT),
    ("chn", "char(8) COLLATE {nopad}", TEXT),
    ("tx", "longtext", TEXT),
    ("en", "enum('sad','a','B','5')", &["'sad'", "'a'", "'B'", "'nothing'", "'5'", "NULL"]),
    ("st", "set('a','b','sad')", &["'a'", "'a,b'", "''", "'sad,b'", "NULL"]),
    ("vb", "varbinary(8)", &["X'6161616161616161'", "''", "X'00'", "X'FF'", "X'5C27'", "'a'", "'a '", "NULL"]),
    ("bn", "binary(2)", &["''", "X'00'", "X'FF'", "X'5C27'", "'a'", "'a '", "NULL"]),
    ("dt", "date", DATES),
    (
        "ts",
        "datetime(6)",
        &[
            "'2026-01-31 01:02:03.4'",
            "'0001-01-01'",
            "'9999-12-31 23:59:59.999999'",
            "'0000-00-00'",
            "'2026-00-00 01:00'",
            "'2025-02-29 01:00'",
            "'2026-01-31 01:02:03.400001'",
            "NULL",
        ],
    ),
    (
        "tz",
        "timestamp(3) NULL",
        &["'2026-01-31 01:02:03.4'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "0", "NULL"],
    ),
    ("tm", "time(6)", &["'00:00:00'", "'23:59:59.999999'", "'12:00:00'", "NULL"]),
    ("t0", "time", &["'00:00:00'", "'23:59:59'", "'12:00:00'", "NULL"]),
    ("dd", "decimal(5,2)", &["0", "5", "5.5", "1.5", "999.99", "-999.99", "NULL"]),
    ("df", "decimal(10,0)", &["0", "5", "-1", "300", "9999999999", "NULL"]),
    ("s0", "datetime", &["'2026-01-31 01:02:03'", "'2026-01-31 01:02:04'", "'0000-00-00'", "NULL"]),
    ("js", "json", &["'{\"a\":1}'", "'[]'", "'null'", "NULL"]),
];

/// An index tempts a server to ask for the constant in the column's own type.
const INDEXED: &[&str] = &[
    "i1", "u1", "i8", "u8", "f4", "f8", "d", "dd", "df", "t0", "s0", "y", "bt", "ci", "gen", "bin", "nop", "lat",
    "old", "wide", "ch", "chn", "en", "st", "vb", "bn", "dt", "ts", "tz", "tm",
];

pub(crate) fn setup(product: Product) -> String {
    let (nopad, ai_ci) = match product {
        Product::MySql => ("utf8mb4_0900_bin", "utf8mb4_0900_ai_ci"),
        Product::MariaDb => ("utf8mb4_nopad_bin", "utf8mb4_unicode_520_nopad_ci"),
    };
    let columns = COLUMNS.iter().map(|(name, kind, _)| format!("{name} {kind}")).collect::<Vec<_>>().join(", ");
    let keys = INDEXED.iter().map(|name| format!("KEY ({name})")).collect::<Vec<_>>().join(", ");
    let row = |row: usize| {
        let values: Vec<&str> = COLUMNS.iter().map(|(_, _, values)| values[row % values.len()]).collect();
        format!("({row}, {}, {})", values.join(", "), row % 3)
    };
    let rows: Vec<String> = (0..ROWS).map(row).collect();
    let sql = format!(
        "CREATE TABLE awkward (id int PRIMARY KEY, {columns}, `odd ``name` int, {keys}); \
         INSERT INTO awkward VALUES {}; CREATE TABLE unindexed (id int PRIMARY KEY, {columns}, `odd ``name` int); \
         INSERT INTO unindexed SELECT * FROM awkward; ANALYZE TABLE awkward, unindexed",
        rows.join(", ")
    );
    sql.replace("{nopad}", nopad).replace("{ai_ci}", ai_ci)
}

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
    "sad,b",
    "b,sad",
    "{\"a\": 1}",
    "5",
    "' OR 1=1 --",
    "a\0",
    "?",
    "B",
    "nothing",
];

fn numbers() -> Vec<Value> {
    let decimal = |unscaled, scale| Value::Decimal { unscaled, scale };
    let exact = [0, 5, -1, i64::MIN, i64::MAX, 9_007_199_254_740_993, 300, 2005, 127, 255].map(Value::Int64);
    let floats =
        [0.0, -0.0, 1.5, f64::from(0.1f32), 0.1, f64::NAN, f64::INFINITY, -1e300, 5e-324, 9_007_199_254_740_992.0];
    let more = [
        Value::UInt64(u64::MAX),
        Value::UInt64(1 << 63),
        decimal(15_000, 4),
        decimal(5, -1),
        decimal(55, 1),
        decimal(5_501, 3),
        // More digits than they need.
        decimal(5_500, 3),
        decimal(50_000, 4),
        decimal(15 * 10i128.pow(14), 15),
        decimal(300 * 10i128.pow(10), 10),
        decimal(99_999_000, 5),
        decimal(999_994, 3),
        decimal(1_000, 0),
        decimal(i128::from(i64::MAX) * 1000 + 1, 3),
        decimal(i128::from(u64::MAX) + 1, 0),
        decimal(1, 31),
        decimal(-1, 4),
        decimal(10i128.pow(37), -30),
    ];
    exact.into_iter().chain(floats.map(Value::Float64)).chain(more).collect()
}

fn texts(list: &[&str]) -> Vec<Value> {
    list.iter().map(|text| Value::Utf8((*text).to_owned())).collect()
}

/// Each column with the constants to compare it with.
fn constants() -> Vec<(&'static str, Vec<Value>)> {
    let times = [
        0,
        1_769_821_323_400_000,
        1_769_821_323_400_001,
        1_769_821_323_000_000,
        1_769_821_323_600_000,
        -62_135_596_800_000_000,
        253_402_300_799_999_999,
        2_147_483_647_000_000,
        2_147_483_647_000_001,
        1_000_000,
        -1,
        i64::MAX,
    ];
    let clocks = [0, 86_399_999_999, 86_400_000_000, 43_200_000_000, 43_199_500_001];
    let dates = [20_484, -719_162, 2_932_896, 0, 20_148, 19_782, i32::MIN].map(Value::Date).to_vec();
    let binary = [&b""[..], b"\x00", b"\\'", b"\xff", b"a", b"a ", b"a\0", b"\0\0", b"aaaaaaaaa"];
    let mut list = vec![
        ("b", vec![Value::Boolean(true), Value::Boolean(false)]),
        ("vb", binary.map(|bytes| Value::Binary(bytes.to_vec())).to_vec()),
        ("bn", binary.map(|bytes| Value::Binary(bytes.to_vec())).to_vec()),
        ("dt", dates),
        ("tm", clocks.map(Value::Time).to_vec()),
        ("t0", clocks.map(Value::Time).to_vec()),
        ("s0", times.map(Value::Timestamp).to_vec()),
        ("ts", times.map(Value::Timestamp).to_vec()),
        ("tz", times.map(Value::Instant).to_vec()),
    ];
    list.extend(
        ["i1", "u1", "i8", "u8", "f4", "f8", "d", "dd", "df", "id", "y", "bt"].map(|column| (column, numbers())),
    );
    let text = ["ci", "gen", "bin", "nop", "lat", "old", "wide", "ch", "chn", "tx", "en", "st", "js"];
    list.extend(text.map(|column| (column, texts(TEXTS))));
    // Where gaps and collations are, look twice.
    list.extend(
        list.clone().into_iter().filter(|(name, _)| ["dt", "ts", "tz", "s0", "ci", "ch", "u8", "dd"].contains(name)),
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
            let third = [second.clone(), Value::Null, values[values.len() / 2].clone()];
            let column = Expr::column(name);
            let with = |names: &[&str]| Expr::Compare {
                op,
                left: Box::new(Expr::column(name)),
                right: Box::new(Expr::column(*other.get(names))),
            };
            match (form, &value) {
                (0, _) => column.is_null(),
                (1, _) => column.is_in(vec![value, second]),
                (2, _) if op == CompareOp::Eq => column.is_in(vec![value, Value::Null]),
                (2, _) => column.is_in(vec![value, second, pick.get(&third).clone()]),
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
                (8, Value::Utf8(_)) => with(&["ci", "bin", "nop", "lat", "ch", "en", "st", "wide"]),
                (8, Value::Int64(_)) => with(&["i1", "i8", "u8", "d", "f8", "y", "bt"]),
                (8, Value::Date(_)) => with(&["dt"]),
                (8, Value::Timestamp(_)) => with(&["ts", "tz"]),
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
            let values: BTreeMap<String, Value> =
                fields.map(|(field, column)| (field.name().clone(), Value::from_array(column, row).unwrap())).collect();
            let Some(Value::Int64(id)) = values.get("id") else { panic!("no id") };
            assert!(rows.insert(*id, values).is_none(), "a row came twice");
        }
    }
    rows
}

struct Judge {
    database: Database,
    connector: Arc<dyn Connector>,
    metadata: TableMetadata,
    all: Rows,
    counts: BTreeMap<&'static str, usize>,
}

impl Judge {
    async fn new(product: Product, name: &str) -> Self {
        let database = Database::new(product, name, "").await;
        // What an enum, a set or a character set does not have is stored as something else, not refused.
        database.run("SET sql_mode = 'ALLOW_INVALID_DATES'").await;
        database.run(&setup(product)).await;
        let options = [("tinyint1_is_boolean", Setting::Boolean(true)), ("time", text("time_of_day"))];
        let connector = database.connector_with(&options);
        let metadata = connector.get_table(&database.table("awkward")).await.unwrap();
        let plan = connector.plan_scan(&metadata, &ScanRequest::table(database.table("awkward"))).await.unwrap();
        let mut judge = Self { database, connector, metadata, all: Rows::new(), counts: BTreeMap::new() };
        judge.all = judge.read(&plan).await;
        assert_eq!(judge.all.len(), ROWS);
        judge
    }

    async fn read(&self, plan: &ScanPlan) -> Rows {
        let context = ScanContext::new("difference");
        let splits = self.connector.splits(plan, None, &context).await.unwrap();
        let splits: Vec<_> = splits.stream.try_collect().await.unwrap();
        let mut batches = Vec::new();
        for split in &splits {
            let stream = self.connector.read(split, &context).await;
            let stream = stream.unwrap_or_else(|error| panic!("{}: {error:?}", split.request));
            let read: Result<Vec<_>, _> = stream.try_collect().await;
            batches.extend(read.unwrap_or_else(|error| panic!("{}: {error:?}", split.request)));
        }
        rows_of(&batches)
    }

    async fn plan(&self, filter: Expr) -> ScanPlan {
        self.plan_of("awkward", filter).await
    }

    /// Both tables have the same columns.
    async fn plan_of(&self, table: &str, filter: Expr) -> ScanPlan {
        let request = ScanRequest::table(self.database.table(table));
        let request = request.with_projection(["id"]).with_filters(vec![filter]);
        self.connector.plan_scan(&self.metadata, &request).await.unwrap()
    }

    async fn hold(&mut self, table: &str, filter: Expr) {
        let column = |row: &BTreeMap<String, Value>, name: &str| row[name].clone();
        let wanted: BTreeSet<i64> =
            self.all.iter().filter(|(_, row)| passes(&filter, &|name| column(row, name))).map(|(id, _)| *id).collect();
        let plan = self.plan_of(table, filter.clone()).await;
        let got: BTreeSet<i64> = self.read(&plan).await.into_keys().collect();
        let product = self.database.server.product();
        let told = |kind: &str| {
            let of = |ids: BTreeSet<i64>| ids.into_iter().take(3).map(|id| self.all[&id].clone()).collect::<Vec<_>>();
            let (missing, extra) = (of(&wanted - &got), of(&got - &wanted));
            format!("{product}, {kind}: {filter}\n{:?}\nmissing: {missing:?}\nextra: {extra:?}", plan.requests)
        };
        let kind = match &plan.filters[0] {
            Answer::Exact => {
                assert!(got == wanted, "{}", told("exact"));
                "exact"
            }
            Answer::Inexact(_) => {
                assert!(got.is_superset(&wanted), "{}", told("inexact"));
                "inexact"
            }
            Answer::Refused(_) => {
                assert_eq!(got.len(), self.all.len(), "{}", told("refused"));
                "refused"
            }
        };
        *self.counts.entry(kind).or_default() += 1;
    }
}

async fn generated(product: Product) {
    let mut judge = Judge::new(product, "pushdown_difference").await;
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let (atom, predicate) = (atom(), predicate());
    for _ in 0..4_000 {
        let filter = atom.new_tree(&mut runner).unwrap().current();
        judge.hold("awkward", filter.clone()).await;
        judge.hold("unindexed", filter).await;
    }
    for _ in 0..2_000 {
        let filter = predicate.new_tree(&mut runner).unwrap().current();
        judge.hold("awkward", filter.clone()).await;
        judge.hold("unindexed", filter).await;
    }
    println!("{product}: {:?}", judge.counts);
    assert!(judge.counts["exact"] > 8_000 && judge.counts["inexact"] > 10, "{:?}", judge.counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_predicates_answer_as_the_language_means_them_in_mysql() {
    generated(Product::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_predicates_answer_as_the_language_means_them_in_mariadb() {
    generated(Product::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_a_loose_collation_still_helps() {
    for product in Product::ALL {
        let judge = Judge::new(product, "pushdown_index").await;
        for (column, value) in
            [("ci", Value::Utf8("sad".into())), ("lat", Value::Utf8("sad".into())), ("dt", Value::Date(0))]
        {
            let plan = judge.plan(Expr::column(column).compare(CompareOp::Eq, value)).await;
            let rows = judge.database.rows(&format!("EXPLAIN FORMAT=TRADITIONAL {}", plan.requests[0])).await;
            let key: Option<String> = rows[0].get("key").unwrap();
            assert_eq!(key.as_deref(), Some(column), "{product}: {}", plan.requests[0]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_means_otherwise_is_rewritten_or_left_behind() {
    let judge = Judge::new(Product::MySql, "pushdown_shown").await;
    let shown = async |filter: Expr| {
        let sent = judge.plan(filter).await.requests[0].to_string();
        sent.strip_prefix("SELECT `id` FROM `pushdown_shown`.`awkward`").unwrap().to_owned()
    };
    let text = |column: &str, op, text: &str| Expr::column(column).compare(op, Value::Utf8(text.to_owned()));
    let number = |column: &str, op, number| Expr::column(column).compare(op, Value::Int64(number));
    assert_eq!(
        shown(text("ci", CompareOp::Eq, "a")).await,
        " WHERE (`ci` = 'a' AND `ci` COLLATE utf8mb4_0900_bin = 'a')"
    );
    assert_eq!(shown(text("ci", CompareOp::Lt, "a")).await, " WHERE `ci` COLLATE utf8mb4_0900_bin < 'a'");
    assert_eq!(shown(text("nop", CompareOp::Lt, "a")).await, " WHERE `nop` < 'a'");
    assert_eq!(
        shown(text("lat", CompareOp::Eq, "é")).await,
        " WHERE CONVERT(`lat` USING utf8mb4) COLLATE utf8mb4_0900_bin = 'é'"
    );
    assert_eq!(
        shown(text("en", CompareOp::Eq, "a")).await,
        " WHERE CONVERT(`en` USING utf8mb4) COLLATE utf8mb4_0900_bin = 'a'"
    );
    assert_eq!(shown(text("js", CompareOp::Eq, "a")).await, "");
    assert_eq!(shown(number("y", CompareOp::Eq, 5)).await, " WHERE (`y` + 0) = 5");
    assert_eq!(shown(number("u8", CompareOp::Gt, -1)).await, " WHERE COALESCE(`u8`) > -1");
    assert_eq!(
        shown(Expr::column("u8").is_in(vec![Value::Int64(-1), Value::Decimal { unscaled: 50, scale: 1 }])).await,
        " WHERE `u8` IN (5)"
    );
    assert_eq!(shown(Expr::column("i8").compare(CompareOp::Eq, Value::Float64(1.0))).await, "");
    let day = Expr::column("dt").compare(CompareOp::Lt, Value::Date(0));
    assert_eq!(
        shown(day.clone()).await,
        " WHERE `dt` < DATE '1970-01-01' AND `dt` >= DATE '0001-01-01' AND `dt` = `dt` + INTERVAL 0 DAY"
    );
    assert_eq!(
        shown(day.negate()).await,
        " WHERE NOT (IF(`dt` >= DATE '0001-01-01' AND `dt` = `dt` + INTERVAL 0 DAY, `dt`, NULL) < DATE '1970-01-01')"
    );
    assert_eq!(shown(number("odd `name", CompareOp::Eq, -1)).await, " WHERE `odd ``name` = -1");
}
