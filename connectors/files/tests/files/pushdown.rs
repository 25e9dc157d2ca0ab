//! Statistics leave out row groups and pages, and never a row that was wanted.

use crate::support::{Folder, batch, ints, parquet, parquet_with, scan, small_groups, sorted, table, values};
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use headwater_core::{Answer, CompareOp, Expr, JoinKeys, KeyDecision, Value, eval};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::sync::Arc;
use tokio::runtime::Runtime;

const ROWS: i64 = 600;

/// Values that come in runs, so that pages and row groups differ, with the awkward ones between them.
fn awkward() -> RecordBatch {
    let run = |n: i64| n / 40;
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let floats = |n: i64| match n % 40 {
        0 => Some(f64::NAN),
        1 => Some(-0.0),
        2 => Some(0.0),
        3 => None,
        4 if run(n) % 3 == 0 => Some(f64::INFINITY),
        _ => Some(run(n) as f64 - 5.0),
    };
    let texts = |n: i64| match n % 40 {
        0 => Some(String::new()),
        1 => None,
        2 => Some(format!("{}\u{10FFFF}\u{10FFFF}", "ä".repeat(60))),
        _ => Some(format!("{:02} {}", run(n), "long ".repeat(usize::try_from(run(n)).unwrap()))),
    };
    let nullable = |n: i64| (run(n) % 4 != 0).then_some(n);
    let decimals = (0..ROWS).map(|n| nullable(n).map(|n| i128::from(n) * 1_001 - 300_000));
    let decimals = Decimal128Array::from_iter(decimals).with_precision_and_scale(20, 3).unwrap();
    let unsigned = (0..ROWS).map(|n| Some(if run(n) % 2 == 0 { u64::MAX - u64::try_from(n).unwrap() } else { 1 }));
    batch(vec![
        ("id", id),
        ("f", Arc::new((0..ROWS).map(floats).collect::<Float64Array>())),
        ("g", Arc::new((0..ROWS).map(|n| floats(n).map(|x| x as f32)).collect::<Float32Array>())),
        ("t", Arc::new((0..ROWS).map(texts).collect::<StringArray>())),
        ("i", Arc::new((0..ROWS).map(|n| nullable(n).map(|n| i32::try_from(n).unwrap())).collect::<Int32Array>())),
        ("u", Arc::new(unsigned.collect::<UInt64Array>())),
        ("d", Arc::new(decimals)),
        ("b", Arc::new((0..ROWS).map(|n| (n % 40 > 2).then_some(run(n) % 2 == 0)).collect::<BooleanArray>())),
        ("day", Arc::new((0..ROWS).map(|n| Some(i32::try_from(run(n)).unwrap() - 7)).collect::<Date32Array>())),
        ("ms", Arc::new((0..ROWS).map(|n| Some(run(n) * 1_000 - 1)).collect::<TimestampMillisecondArray>())),
        (
            "ns",
            Arc::new(
                (0..ROWS).map(|n| Some(run(n) * 1_000)).collect::<TimestampNanosecondArray>().with_timezone("UTC"),
            ),
        ),
    ])
}

fn constant(column: &'static str) -> BoxedStrategy<Value> {
    let near = -20i64..620;
    match column {
        "id" | "i" => prop_oneof![
            near.clone().prop_map(Value::Int64),
            near.prop_map(|n| Value::Decimal { unscaled: i128::from(n) * 10 + 5, scale: 1 }),
        ]
        .boxed(),
        "f" | "g" => prop_oneof![
            (-8..12i32).prop_map(|n| Value::Float64(f64::from(n))),
            Just(Value::Float64(f64::NAN)),
            Just(Value::Float64(-0.0)),
            Just(Value::Float64(f64::INFINITY)),
            (-8..12i64).prop_map(Value::Int64),
        ]
        .boxed(),
        "t" => prop_oneof![
            (0..16i32).prop_map(|n| Value::Utf8(format!("{n:02} "))),
            (0..16i32).prop_map(|n| Value::Utf8(format!("{n:02} long long "))),
            Just(Value::Utf8(String::new())),
            Just(Value::Utf8("ä".repeat(60))),
            Just(Value::Utf8("\u{10FFFF}".to_owned())),
        ]
        .boxed(),
        "u" => prop_oneof![Just(Value::UInt64(u64::MAX - 100)), Just(Value::Int64(1)), Just(Value::Int64(-1))].boxed(),
        "d" => (-310_000..310_000i64).prop_map(|n| Value::Decimal { unscaled: n.into(), scale: 3 }).boxed(),
        "b" => any::<bool>().prop_map(Value::Boolean).boxed(),
        "day" => (-9..9i32).prop_map(Value::Date).boxed(),
        "ms" => (-2..16i64).prop_map(|n| Value::Timestamp(n * 1_000_000 - 1_000)).boxed(),
        _ => (-2..16i64).prop_map(Value::Instant).boxed(),
    }
}

fn atom() -> impl Strategy<Value = Expr> {
    let columns = ["id", "f", "g", "t", "i", "u", "d", "b", "day", "ms", "ns"];
    let operators = [CompareOp::Eq, CompareOp::NotEq, CompareOp::Lt, CompareOp::LtEq, CompareOp::Gt, CompareOp::GtEq];
    let column = prop::sample::select(columns.to_vec());
    column.prop_flat_map(move |name| {
        let value = prop_oneof![20 => constant(name), 1 => Just(Value::Null)];
        let compared = (prop::sample::select(operators.to_vec()), value.clone(), any::<bool>());
        let compare = compared.prop_map(move |(op, value, flip)| {
            let (left, right) = (Box::new(Expr::column(name)), Box::new(Expr::Literal(value)));
            if flip { Expr::Compare { op, left: right, right: left } } else { Expr::Compare { op, left, right } }
        });
        let list = prop::collection::vec(value, 0..5).prop_map(move |list| Expr::column(name).is_in(list));
        let null = Just(Expr::column(name).is_null());
        let prefix = (0..16i32, any::<bool>()).prop_map(move |(n, long)| {
            let prefix = if long { format!("{n:02} long") } else { n.to_string() };
            Expr::StartsWith { operand: Box::new(Expr::column("t")), prefix }
        });
        prop_oneof![8 => compare, 2 => list, 1 => null, 1 => prefix]
    })
}

fn predicate() -> impl Strategy<Value = Expr> {
    atom().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::Or),
            inner.clone().prop_map(Expr::negate),
            inner.prop_map(Expr::is_null),
        ]
    })
}

fn matching(data: &RecordBatch, filters: &[Expr]) -> Vec<i64> {
    let columns: Vec<(String, Vec<Value>)> =
        data.schema().fields().iter().map(|field| (field.name().clone(), values(data, field.name()))).collect();
    let at = |row: usize, name: &str| columns.iter().find(|(known, _)| known == name).unwrap().1[row].clone();
    (0..data.num_rows())
        .filter(|row| filters.iter().all(|filter| eval::passes(filter, &|name| at(*row, name))))
        .map(|row| row as i64)
        .collect()
}

#[test]
fn generated_predicates_lose_no_row_and_leave_much_out() {
    let runtime = Runtime::new().unwrap();
    let folder = Folder::new();
    let data = awkward();
    folder.put("small.parquet", parquet_with(&data, small_groups()));
    let chunked = WriterProperties::builder()
        .set_max_row_group_row_count(Some(97))
        .set_statistics_truncate_length(Some(4))
        .set_column_index_truncate_length(Some(4))
        .set_data_page_row_count_limit(10)
        .set_write_batch_size(5);
    folder.put("cut.parquet", parquet_with(&data, chunked.build()));
    let without = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None);
    folder.put("none.parquet", parquet_with(&data, without.build()));
    let files = folder.connector("");
    let (mut left_out, mut narrowed) = (0, 0);
    let mut runner = TestRunner::deterministic();
    for round in 0..400 {
        let strategy = prop::collection::vec(predicate(), 1..3);
        let filters = strategy.new_tree(&mut runner).unwrap().current();
        let wanted = matching(&data, &filters);
        let name = ["small", "cut", "none"][round % 3];
        let asked = filters.clone();
        let outcome = runtime.block_on(scan(&files, table(name), |r| r.with_filters(asked), None)).unwrap();
        let found = values(&outcome.rows, "id");
        let lost: Vec<_> = wanted.iter().filter(|id| !found.contains(&Value::Int64(**id))).collect();
        assert!(lost.is_empty(), "{name}: {filters:?} lost {lost:?}");
        let unasked = outcome.plan.filters.iter().all(|answer| matches!(answer, Answer::Refused(_)));
        if unasked || name == "none" {
            // Without statistics a predicate that no row can fulfil is all that leaves anything out.
            assert!(!unasked || found.len() as i64 == ROWS, "{filters:?}");
        } else {
            narrowed += 1;
            left_out += ROWS - found.len() as i64;
        }
    }
    assert!(left_out > narrowed * ROWS / 4, "{left_out} rows left out by {narrowed} predicates");
}

fn sorted_numbers() -> RecordBatch {
    let filler = |n: i64| format!("{n} {}", "filler ".repeat(40));
    batch(vec![
        ("n", Arc::new(Int64Array::from_iter_values(0..20_000)) as ArrayRef),
        ("filler", Arc::new(StringArray::from_iter_values((0..20_000).map(filler)))),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_and_pages_that_are_ruled_out_are_not_fetched() {
    let folder = Folder::new();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(5_000))
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(500)
        .set_dictionary_enabled(false);
    folder.put("t.parquet", parquet_with(&sorted_numbers(), properties.build()));
    let files = folder.connector("");
    let all = scan(&files, table("t"), |r| r, None).await.unwrap();
    let filter = Expr::column("n").compare(CompareOp::Eq, Value::Int64(7_777));
    let some = scan(&files, table("t"), |r| r.with_filters(vec![filter]), None).await.unwrap();
    assert!(matches!(&some.plan.filters[0], Answer::Inexact(_)));
    assert_eq!(sorted(&some.rows, "n"), ints(7_500..8_000), "one page of one row group");
    let [all, some] = [all, some].map(|outcome| outcome.context.metrics.snapshot().wire_bytes);
    assert!(some * 3 < all, "{some} of {all} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn join_keys_leave_out_row_groups_and_pages() {
    let folder = Folder::new();
    folder.put("t.parquet", parquet_with(&sorted_numbers(), small_groups()));
    let files = folder.connector("");
    let keys = |values: Vec<i64>| {
        JoinKeys::new(vec!["n".to_owned()], values.into_iter().map(|n| vec![Value::Int64(n)]).collect())
    };
    let outcome = scan(&files, table("t"), |r| r, Some(&keys(vec![5, 19_999, -1]))).await.unwrap();
    assert_eq!(outcome.decision, KeyDecision::Used { keys: 3 });
    let found = values(&outcome.rows, "n");
    assert!(found.contains(&Value::Int64(5)) && found.contains(&Value::Int64(19_999)));
    assert!(found.len() < 200, "{} rows", found.len());
    let part = scan(&files, table("t"), |r| r, Some(&keys(vec![5]).part_of(900_000))).await.unwrap();
    assert!(matches!(part.decision, KeyDecision::Declined { keys: 900_000, .. }), "{:?}", part.decision);
    let many = keys((3_000..6_000).collect());
    let outcome = scan(&files, table("t"), |r| r, Some(&many)).await.unwrap();
    let found = sorted(&outcome.rows, "n");
    assert!((3_000..6_000).all(|n| found.contains(&Value::Int64(n))) && found.len() < 4_000, "{} rows", found.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nan_with_its_sign_set_is_greater_than_all_and_not_left_out() {
    let folder = Folder::new();
    let negative = f64::from_bits(0xfff8_0000_0000_0000);
    let floats = [1.0, negative, 2.0];
    let list = Field::new_list_field(DataType::Float64, true);
    let offsets = OffsetBuffer::from_lengths([1, 1, 1]);
    let lists = ListArray::new(Arc::new(list), offsets, Arc::new(Float64Array::from(floats.to_vec())), None);
    folder.put(
        "t.parquet",
        parquet(&batch(vec![
            ("f", Arc::new(Float64Array::from(floats.to_vec())) as ArrayRef),
            ("g", Arc::new(Float32Array::from_iter_values(floats.map(|x| x as f32)))),
            ("l", Arc::new(lists)),
        ])),
    );
    let files = folder.connector("");
    for (op, bound, rows) in [(CompareOp::Lt, 1.0, 0), (CompareOp::Gt, 5.0, 3)] {
        let filter = Expr::column("f").compare(op, Value::Float64(bound));
        let outcome = scan(&files, table("t"), |r| r.with_filters(vec![filter]), None).await.unwrap();
        assert_eq!(outcome.rows.num_rows(), rows, "{op:?}");
    }
    let all = scan(&files, table("t"), |r| r, None).await.unwrap().rows;
    let bits = |array: &ArrayRef| array.as_primitive::<Float64Type>().value(1).to_bits();
    assert_eq!(bits(all.column(0)), f64::NAN.to_bits());
    assert_eq!(all.column(1).as_primitive::<Float32Type>().value(1).to_bits(), f32::NAN.to_bits());
    assert_eq!(bits(all.column(2).as_list::<i32>().values()), f64::NAN.to_bits());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_stop_the_reading() {
    let folder = Folder::new();
    folder.put("t.parquet", parquet_with(&sorted_numbers(), small_groups()));
    let files = folder.connector("");
    let outcome = scan(&files, table("t"), |r| r.with_limit(7), None).await.unwrap();
    assert!(outcome.rows.num_rows() >= 7 && outcome.rows.num_rows() <= 7 * outcome.splits.len());
    let filter = vec![Expr::column("n").compare(CompareOp::Gt, Value::Int64(1))];
    let outcome = scan(&files, table("t"), |r| r.with_filters(filter).with_limit(7), None).await.unwrap();
    assert!(matches!(outcome.plan.limit, Some(Answer::Refused(_))));
}
