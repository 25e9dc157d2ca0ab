//! Generated predicates: what DynamoDB leaves, filtered by the engine's rules, is what those rules leave of everything.

use crate::support::{Source, name, values};
use arrow::array::RecordBatch;
use headwater_core::{Answer, CompareOp, Expr, ScanRequest, Value, eval::passes};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value as Json, json};

const CASES: usize = 400;
const COLUMNS: [&str; 7] = ["pk", "sk", "txt", "int", "dec", "flag", "bin"];

/// Items with every mix of absent, NULL, empty and extreme.
fn items() -> Vec<Json> {
    let texts = ["", "a", "A", "ab", "ä", "a\u{308}", "😀", "\u{ff5e}", "NULL", "S"];
    let ints = ["0", "-1", "9223372036854775807", "-9223372036854775808", "7"];
    let decimals = ["0.5", "-0.25", "1E-10", "12345678901234567890", "0"];
    let partitions = ["p", "q", "ä"];
    let bytes = ["", "AA==", "/w==", "AP8="];
    (0..240)
        .map(|i: usize| {
            let mut item = Map::new();
            item.insert("pk".into(), json!({ "S": partitions[i % 3] }));
            item.insert("sk".into(), json!({ "N": (i as i64 / 3 - 40).to_string() }));
            let mut put = |name: &str, salt: usize, value: Json| match (i * 31 + salt * 17) % 7 {
                0 => {}
                1 => drop(item.insert(name.into(), json!({ "NULL": true }))),
                _ => drop(item.insert(name.into(), value)),
            };
            put("txt", 1, json!({ "S": texts[i % texts.len()] }));
            put("int", 2, json!({ "N": ints[i % ints.len()] }));
            put("dec", 3, json!({ "N": decimals[i % decimals.len()] }));
            put("flag", 4, json!({ "BOOL": i.is_multiple_of(2) }));
            put("bin", 5, json!({ "B": bytes[i % bytes.len()] }));
            Json::Object(item)
        })
        .collect()
}

fn literal(column: &'static str) -> BoxedStrategy<Value> {
    let text = |text: &str| Value::Utf8(text.to_owned());
    let dec = |unscaled: i128, scale: i8| Value::Decimal { unscaled, scale };
    let values = match column {
        "pk" => vec![text("p"), text("q"), text("ä"), text("zz"), text("")],
        "txt" => ["", "a", "A", "ab", "ä", "😀", "\u{ff5e}", "S", "b"].map(text).to_vec(),
        "sk" => vec![
            Value::Int64(-40),
            Value::Int64(0),
            Value::Int64(5),
            Value::Int64(39),
            Value::UInt64(u64::MAX),
            dec(55, 1),
        ],
        "int" | "dec" => vec![
            Value::Int64(0),
            Value::Int64(-1),
            Value::Int64(i64::MAX),
            Value::UInt64(u64::MAX),
            dec(5, 1),
            dec(-250, 3),
            dec(12_345_678_901_234_567_890, 0),
            dec(i128::MAX, 0),
            dec(1, 38),
        ],
        "flag" => vec![Value::Boolean(true), Value::Boolean(false)],
        _ => vec![Value::Binary(vec![]), Value::Binary(vec![0]), Value::Binary(vec![255])],
    };
    prop_oneof![9 => prop::sample::select(values), 1 => Just(Value::Null)].boxed()
}

fn leaf() -> impl Strategy<Value = Expr> {
    let op = prop::sample::select(vec![
        CompareOp::Eq,
        CompareOp::NotEq,
        CompareOp::Lt,
        CompareOp::LtEq,
        CompareOp::Gt,
        CompareOp::GtEq,
    ]);
    let column = || prop::sample::select(COLUMNS.to_vec());
    let compare = (column(), op, any::<bool>()).prop_flat_map(|(column, op, flipped)| {
        literal(column).prop_map(move |value| {
            let (left, right) = (Box::new(Expr::column(column)), Box::new(Expr::Literal(value)));
            if flipped { Expr::Compare { op, left: right, right: left } } else { Expr::Compare { op, left, right } }
        })
    });
    let is_in = column().prop_flat_map(|column| {
        prop::collection::vec(literal(column), 0..4).prop_map(move |list| Expr::column(column).is_in(list))
    });
    let prefix = prop::sample::select(vec!["", "a", "ä", "p"]);
    let starts = (prop::sample::select(vec!["txt", "pk"]), prefix).prop_map(|(column, prefix)| Expr::StartsWith {
        operand: Box::new(Expr::column(column)),
        prefix: prefix.to_owned(),
    });
    prop_oneof![
        6 => compare,
        2 => is_in,
        1 => starts,
        1 => column().prop_map(|column| Expr::column(column).is_null()),
        1 => Just(Expr::column("flag")),
        1 => prop::sample::select(vec![Value::Null, Value::Boolean(true), Value::Boolean(false)]).prop_map(Expr::Literal),
    ]
}

fn predicate() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::Or),
            inner.prop_map(Expr::negate),
        ]
    })
}

/// The keys of the rows that pass, sorted.
fn passing(rows: &RecordBatch, filters: &[&Expr]) -> Vec<String> {
    let columns = COLUMNS.map(|column| values(rows, column));
    let mut keys: Vec<String> = (0..rows.num_rows())
        .filter(|row| {
            let value = |name: &str| columns[COLUMNS.iter().position(|column| *column == name).unwrap()][*row].clone();
            filters.iter().all(|filter| passes(filter, &value))
        })
        .map(|row| format!("{} {}", columns[0][row], columns[1][row]))
        .collect();
    keys.sort();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_filters_change_no_answer() {
    let source = Source::start().await;
    source.table("awkward", &[("pk", "S"), ("sk", "N")], items()).await;
    let table = source.metadata("awkward").await;
    let all = source.rows("awkward").await;
    assert_eq!(all.num_rows(), 240);
    let mut runner = TestRunner::deterministic();
    let (mut exact, mut queried) = (0, 0);
    for case in 0..CASES {
        let count = 1 + case % 3;
        let mut filters: Vec<Expr> = (0..count).map(|_| predicate().new_tree(&mut runner).unwrap().current()).collect();
        if case % 4 == 0 {
            filters.push(Expr::column("pk").compare(CompareOp::Eq, Value::Utf8("p".to_owned())));
        }
        let request = ScanRequest::table(name("awkward")).with_filters(filters.clone());
        let plan = source.connector.plan_scan(&table, &request).await.unwrap();
        let rows = source.read(&plan).await;
        let again = filters.iter().zip(&plan.filters).filter(|(_, answer)| **answer != Answer::Exact);
        let again: Vec<&Expr> = again.map(|(filter, _)| filter).collect();
        let expected = passing(&all, &filters.iter().collect::<Vec<_>>());
        assert_eq!(passing(&rows, &again), expected, "{filters:?}\n{:?}\n{:?}", plan.filters, plan.requests);
        exact += plan.filters.iter().filter(|answer| **answer == Answer::Exact).count();
        queried += usize::from(matches!(plan.access, headwater_core::AccessPath::Keys(_)));
    }
    assert!(
        exact > CASES && queried > CASES / 5,
        "{exact} exact answers, {queried} queries: too few to prove anything"
    );
}
