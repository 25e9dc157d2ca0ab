//! The pushdown language means what the engine means: the in-memory connector evaluates it, the engine evaluates the
//! same SQL with pushdown off, over values on which sources like to differ.

use crate::support::{Random, answer, batch, engine, memory};
use arrow::array::{Array, ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray};
use arrow::array::{Date32Array, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Field;
use headwater_core::Connector;
use headwater_planner::PushdownMode;
use std::sync::Arc;

fn awkward() -> Arc<dyn Connector> {
    let n = 12;
    let floats = [2.5, -0.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2.0, -1.5, 1e300, 5e-324, 3.0, 1.0];
    let texts = ["", " ", "a", "A", "é", "e\u{301}", "a%", "a_b", "O'Brien", "ß", "☃", "ab"];
    let null_at = |row: usize, column: usize| (row + column).is_multiple_of(5);
    fn some<T>(values: &[T], column: usize, null_at: impl Fn(usize, usize) -> bool) -> Vec<Option<T>>
    where
        T: Copy,
    {
        values.iter().enumerate().map(|(row, value)| (!null_at(row, column)).then_some(*value)).collect()
    }
    let longs = [i64::MIN, i64::MAX, 0, -1, 1, 2, 9_007_199_254_740_993, 3, 4, 5, 6, 7];
    let shorts = [i32::MIN, i32::MAX, 0, -1, 1, 2, 3, 4, 5, 6, 7, 8];
    let decimals: Vec<i128> = vec![0, 150, -150, 100, 99_999, 1, -1, 200, 250, 300, 10_000, 5];
    let truths: Vec<bool> = (0..n).map(|row| row % 2 == 0).collect();
    let days: Vec<i32> = (0..12).map(|row| row * 100 - 300).collect();
    let micros: Vec<i64> = (0..12).map(|row| row * 86_400_000_000 - 1).collect();
    // A struct that may be NULL, then with all its members, and one within it. (The engine looks at members alone.)
    let member = |name: &str, array: ArrayRef| (Arc::new(Field::new(name, array.data_type().clone(), true)), array);
    let outer = |row: usize| null_at(row, 0);
    let within = move |row: usize| outer(row) || null_at(row, 1);
    let nulls = |is_null: &dyn Fn(usize) -> bool| NullBuffer::from_iter((0..n).map(|row| !is_null(row)));
    let texts_again = StringArray::from(some(&texts, 4, |row, column| within(row) || null_at(row, column)));
    let (fields, arrays): (Vec<_>, Vec<_>) = [member("t", Arc::new(texts_again))].into_iter().unzip();
    let inner = StructArray::new(fields.into(), arrays, Some(nulls(&within)));
    let numbers = Int64Array::from(some(&longs, 3, |row, column| outer(row) || null_at(row, column)));
    let members = [
        member("i", Arc::new(numbers)),
        member("yes", Arc::new(BooleanArray::from(some(&truths, 0, null_at)))),
        member("x y", Arc::new(inner)),
    ];
    let (fields, arrays): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let whole = StructArray::new(fields.into(), arrays, Some(nulls(&outer)));
    let columns = batch(vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..12)) as _),
        ("w", Arc::new(whole) as _),
        ("f", Arc::new(Float64Array::from(some(&floats, 0, null_at))) as _),
        ("t", Arc::new(StringArray::from(some(&texts, 1, null_at))) as _),
        ("i", Arc::new(Int64Array::from(some(&longs, 2, null_at))) as _),
        ("s", Arc::new(Int32Array::from(some(&shorts, 3, null_at))) as _),
        (
            "d",
            Arc::new(Decimal128Array::from(some(&decimals, 4, null_at)).with_precision_and_scale(12, 2).unwrap()) as _,
        ),
        ("b", Arc::new(BooleanArray::from(some(&truths, 1, null_at))) as _),
        ("day", Arc::new(Date32Array::from(some(&days, 2, null_at))) as _),
        ("at", Arc::new(TimestampMicrosecondArray::from(some(&micros, 3, null_at)).with_timezone("UTC")) as _),
    ]);
    Arc::new(memory(vec![("t", vec![columns.slice(0, 5), columns.slice(5, 7)])]))
}

const LITERALS: &[(&str, &[&str])] = &[
    ("f", &["0.0", "-0.0", "1.5", "CAST('NaN' AS DOUBLE)", "CAST('inf' AS DOUBLE)", "2", "NULL"]),
    ("t", &["''", "' '", "'a'", "'A'", "'é'", "'O''Brien'", "'zz'", "NULL"]),
    ("i", &["0", "-1", "9007199254740993", "9223372036854775807", "1.5", "3.0", "NULL"]),
    ("s", &["0", "-1", "2147483648", "7", "NULL"]),
    ("d", &["0", "1.50", "-1.5", "1.505", "0.995", "2", "100", "1e0", "NULL"]),
    ("day", &["DATE '1970-01-01'", "DATE '1969-03-07'", "NULL"]),
    ("at", &["TIMESTAMP '1970-01-02T23:59:59.999999Z'", "NULL"]),
    ("w['i']", &["0", "-1", "9007199254740993", "1.5", "NULL"]),
    ("w['x y']['t']", &["''", "'a'", "'☃'", "NULL"]),
];

const OPERATORS: &[&str] = &["=", "<>", "<", "<=", ">", ">="];

fn predicate(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.below(3) == 0 {
        let (left, right) = (predicate(random, depth - 1), predicate(random, depth - 1));
        return match random.below(3) {
            0 => format!("({left} AND {right})"),
            1 => format!("({left} OR {right})"),
            _ => format!("NOT ({left})"),
        };
    }
    let (column, literals) = LITERALS[random.below(LITERALS.len())];
    let literal = random.pick(literals);
    match random.below(8) {
        0 => format!("{column} IS NULL"),
        1 => format!("{column} IS NOT NULL"),
        2 => format!("{column} IN ({literal}, {})", random.pick(literals)),
        3 => format!("{column} NOT IN ({literal}, {})", random.pick(literals)),
        4 => format!("{column} BETWEEN {literal} AND {}", random.pick(literals)),
        5 => random
            .pick(&[
                "b",
                "NOT b",
                "t LIKE 'a%'",
                "t NOT LIKE 'O''%'",
                "starts_with(t, '')",
                "t LIKE '%b%'",
                "t NOT LIKE '%%'",
                "contains(t, '\u{301}')",
                "w['x y']['t'] LIKE '%e%'",
                "w['yes']",
                "w['x y'] IS NULL",
                "i = s",
                "s < i",
                "w['i'] > s",
            ])
            .into(),
        _ => format!("{column} {} {literal}", random.pick(OPERATORS)),
    }
}

#[tokio::test]
async fn the_language_means_what_the_engine_means() {
    let seed = 42;
    let mut random = Random(seed);
    let source = awkward();
    let pushed = engine(vec![("m", Arc::clone(&source))], PushdownMode::Auto);
    let local = engine(vec![("m", source)], PushdownMode::Off);
    let mut pushed_parts = 0;
    for case in 0..600 {
        let sql = format!("SELECT id FROM m.main.t WHERE {}", predicate(&mut random, 2));
        let (rows, ledger) = answer(&pushed, &sql).await;
        let (expected, _) = answer(&local, &sql).await;
        assert_eq!(rows, expected, "seed {seed}, case {case}: {sql}\n{ledger}");
        pushed_parts += ledger
            .scans
            .iter()
            .flat_map(|scan| &scan.parts)
            .filter(|part| part.answer == headwater_core::Answer::Exact)
            .count();
    }
    assert!(pushed_parts > 300, "only {pushed_parts} filters were pushed: the comparison says little");
}

/// Decimal constants are exact beside decimals and binary beside floats, pushed or not.
#[tokio::test]
async fn constants_with_a_point_are_not_rounded() {
    let amounts = Decimal128Array::from(vec![10_010, 10_000, 10_001]).with_precision_and_scale(12, 2).unwrap();
    let columns = batch(vec![
        ("d", Arc::new(amounts) as _),
        ("f", Arc::new(Float64Array::from(vec![100.1, f64::NAN, 0.1 + 0.2])) as _),
    ]);
    let source: Arc<dyn Connector> = Arc::new(memory(vec![("t", vec![columns])]));
    for pushdown in [PushdownMode::Auto, PushdownMode::Off] {
        let engine = engine(vec![("m", Arc::clone(&source))], pushdown);
        let cases = [
            ("d = 100.1", 1),
            ("d > 100.005", 2),
            ("d IN (100.1, 100.010)", 2),
            ("f = 100.1", 1),
            ("f <> 0.3", 3),
            ("f BETWEEN 0.25 AND 100.1", 2),
            ("f > -1.5", 3),
        ];
        for (predicate, count) in cases {
            let (rows, ledger) = answer(&engine, &format!("SELECT d FROM m.main.t WHERE {predicate}")).await;
            assert_eq!(rows.len(), count, "{predicate}\n{ledger}");
        }
        let (rows, _) = answer(&engine, "SELECT sum(d * 0.1) FROM m.main.t").await;
        assert!(rows[0].contains("30.011"), "{rows:?}");
    }
}

/// Where decimals and floating-point numbers meet, the decimal gives way: no float is rounded to a decimal's scale.
#[tokio::test]
async fn floats_beside_decimals_keep_every_digit() {
    let floats = Float64Array::from(vec![0.0, 1e-17, 2e-17, 1e300]);
    let source: Arc<dyn Connector> = Arc::new(memory(vec![("t", vec![batch(vec![("f", Arc::new(floats) as _)])])]));
    let engine = engine(vec![("m", source)], PushdownMode::Auto);
    let counts = [
        ("f > 0.0 + 0.0", 3),
        ("f > CAST(0 AS DECIMAL(10, 2))", 3),
        ("coalesce(f, 0.0) > 0", 3),
        ("CASE WHEN f < 1.5 THEN f ELSE 0.0 END > 0", 2),
        ("greatest(f, 0.5) = 1e300", 1),
        ("CAST(0.5 AS DECIMAL(3, 1)) BETWEEN f AND 0.75", 3),
        ("nullif(f, 0.0) IS NULL", 1),
        ("CASE f WHEN 0.0 THEN 1 ELSE 2 END = 1", 1),
    ];
    for (predicate, count) in counts {
        let (rows, ledger) = answer(&engine, &format!("SELECT f FROM m.main.t WHERE {predicate}")).await;
        assert_eq!(rows.len(), count, "{predicate}\n{ledger}");
    }
    let sql = "SELECT x FROM (SELECT f AS x FROM m.main.t UNION ALL SELECT 1.5) WHERE x > 1e-18";
    let (rows, _) = answer(&engine, sql).await;
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("1e-17")), "{rows:?}");
}

/// Years that nanoseconds cannot count: what applications write for "never" must be comparable.
#[tokio::test]
async fn far_years_and_times_of_day_are_compared_in_microseconds() {
    let never = 253_402_300_799_000_000; // 9999-12-31 23:59:59
    let moments = TimestampMicrosecondArray::from(vec![0, never]);
    let times = Time64MicrosecondArray::from(vec![0, 86_399_000_000]);
    let columns = batch(vec![("at", Arc::new(moments) as _), ("tm", Arc::new(times) as _)]);
    let source: Arc<dyn Connector> = Arc::new(memory(vec![("t", vec![columns])]));
    for pushdown in [PushdownMode::Auto, PushdownMode::Off] {
        let engine = engine(vec![("m", Arc::clone(&source))], pushdown);
        let counts = [
            ("at = TIMESTAMP '9999-12-31 23:59:59'", 1),
            ("at = '9999-12-31 23:59:59'", 1),
            ("at < TIMESTAMP '2500-01-01'", 1),
            ("at BETWEEN '1600-01-01' AND '2500-01-01'", 1),
            ("at IN ('9999-12-31 23:59:59', '1970-01-01')", 2),
            ("CAST('9999-12-31 23:59:59' AS TIMESTAMP) > at", 1),
            ("tm = TIME '23:59:59'", 1),
            ("tm >= '23:59:59'", 1),
        ];
        for (predicate, count) in counts {
            let (rows, ledger) = answer(&engine, &format!("SELECT at FROM m.main.t WHERE {predicate}")).await;
            assert_eq!(rows.len(), count, "{predicate}\n{ledger}");
        }
    }
}
