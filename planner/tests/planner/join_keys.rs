//! Keys of a join's small side reach the other side's connector before it reads.

use crate::support::{Random, Wrapped, Wrapper, answer, batch, engine, engine_with, keys_on, memory, size_unknown};
use arrow::array::{Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use headwater_core::{
    Connector, JoinKeys, KeyDecision, MemoryConnector, Result, ScanContext, ScanPlan, ScanRequest, Splits,
    TableMetadata,
};
use headwater_planner::{Engine, Ledger, PushdownMode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn numbers(count: i64) -> RecordBatch {
    let names = (0..count).map(|n| format!("n{n}"));
    batch(vec![
        ("k", Arc::new(Int64Array::from_iter_values(0..count)) as _),
        ("name", Arc::new(StringArray::from_iter_values(names)) as _),
        ("grp", Arc::new(Int64Array::from_iter_values((0..count).map(|n| n % 7))) as _),
    ])
}

fn small() -> RecordBatch {
    batch(vec![
        ("k", Arc::new(Int64Array::from(vec![Some(3), Some(3), None, Some(700), Some(99_999)])) as _),
        ("k32", Arc::new(Int32Array::from(vec![Some(3), Some(3), None, Some(700), Some(99_999)])) as _),
        (
            "dec",
            Arc::new(
                Decimal128Array::from(vec![Some(300), Some(350), None, Some(70_000), Some(100)])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ) as _,
        ),
        ("name", Arc::new(StringArray::from(vec![Some("n3"), Some("n5"), None, Some("n700"), Some("x")])) as _),
    ])
}

fn catalogs() -> Vec<(&'static str, Arc<dyn Connector>)> {
    let few = memory(vec![("few", vec![small()]), ("none", vec![small().slice(0, 0)])]);
    let big = numbers(5_000);
    let many = memory(vec![("many", vec![big.slice(0, 2_000), big.slice(2_000, 3_000)])]);
    vec![("a", Arc::new(few) as _), ("b", Arc::new(many) as _)]
}

/// The same tables with unknown sizes: the left side as written is the build side, in hash partitions.
fn sizeless() -> Vec<(&'static str, Arc<dyn Connector>)> {
    let few = memory(vec![("few", vec![small()]), ("none", vec![small().slice(0, 0)])]);
    let big = numbers(5_000);
    let many = memory(vec![("many", vec![big.slice(0, 2_000), big.slice(2_000, 3_000)])]);
    vec![("a", Arc::new(size_unknown(few)) as _), ("b", Arc::new(size_unknown(many)) as _)]
}

fn rows_read(ledger: &Ledger, table: &str) -> u64 {
    let scan = ledger.scans.iter().find(|scan| scan.table.table == table).unwrap();
    scan.stats.map_or(0, |stats| stats.rows)
}

#[tokio::test]
async fn only_rows_with_the_keys_are_read() {
    let cases = [
        ("SELECT * FROM a.main.few f JOIN b.main.many m ON f.k = m.k", 2),
        ("SELECT * FROM b.main.many m JOIN a.main.few f ON f.k = m.k", 2),
        ("SELECT * FROM a.main.few f LEFT JOIN b.main.many m ON f.k = m.k", 2),
        ("SELECT * FROM b.main.many WHERE k IN (SELECT k FROM a.main.few)", 2),
        ("SELECT * FROM a.main.few f WHERE NOT EXISTS (SELECT 1 FROM b.main.many m WHERE m.k = f.k)", 2),
        ("SELECT * FROM a.main.few f JOIN b.main.many m ON f.name = m.name", 3),
        ("SELECT * FROM a.main.few f JOIN b.main.many m ON f.k32 = m.k", 2),
        ("SELECT * FROM a.main.few f JOIN b.main.many m ON f.dec = m.k", 3),
        ("SELECT * FROM a.main.few f JOIN b.main.many m ON f.k = m.k AND f.name = m.name", 2),
        ("SELECT f.k, s.n FROM a.main.few f JOIN (SELECT k, count(*) n FROM b.main.many GROUP BY k) s ON s.k = f.k", 2),
        ("SELECT * FROM a.main.none f JOIN b.main.many m ON f.k = m.k", 0),
    ];
    let auto = engine(catalogs(), PushdownMode::Auto);
    let off = engine(catalogs(), PushdownMode::Off);
    for (sql, read) in cases {
        let (rows, ledger) = answer(&auto, sql).await;
        let (expected, _) = answer(&off, sql).await;
        assert_eq!(rows, expected, "{sql}\n{ledger}");
        assert_eq!(rows_read(&ledger, "many"), read, "{sql}\n{ledger}");
    }
}

#[tokio::test]
async fn keys_are_read_out_of_hash_partitions_too() {
    let auto = engine(sizeless(), PushdownMode::Auto);
    for (key, read) in [("f.k = m.k", 2), ("f.name = m.name", 3), ("f.k = m.k AND f.name = m.name", 2)] {
        let sql = format!("SELECT m.k FROM a.main.few f JOIN b.main.many m ON {key}");
        let query = auto.plan(&sql).await.unwrap();
        assert!(query.operators().contains("mode=Partitioned"), "{}", query.operators());
        let (_, ledger) = answer(&auto, &sql).await;
        assert_eq!(rows_read(&ledger, "many"), read, "{sql}\n{ledger}");
    }
}

#[tokio::test]
async fn the_ledger_tells_what_became_of_the_keys() {
    let auto = engine(catalogs(), PushdownMode::Auto);
    let sql = "SELECT count(*) FROM a.main.few f JOIN b.main.many m ON f.k = m.k";
    let query = auto.plan(sql).await.unwrap();
    let planned = query.ledger();
    let many = planned.scans.iter().find(|scan| scan.table.table == "many").unwrap();
    assert_eq!(many.keys, None);
    assert!(many.to_string().contains("would take a join's keys on k"), "{many}");
    let (_, ledger) = answer(&auto, sql).await;
    let many = ledger.scans.iter().find(|scan| scan.table.table == "many").unwrap();
    assert_eq!(many.keys, Some(KeyDecision::Used { keys: 3 }));
}

#[tokio::test]
async fn a_build_side_inside_a_join_waits_for_its_keys() {
    let auto = engine(catalogs(), PushdownMode::Auto);
    let off = engine(catalogs(), PushdownMode::Off);
    let sql = "SELECT * FROM a.main.few f JOIN (SELECT m.k, n.name FROM b.main.many m JOIN b.main.many n ON n.k = m.k) j \
               ON j.k = f.k";
    let (rows, ledger) = answer(&auto, sql).await;
    assert_eq!(rows, answer(&off, sql).await.0, "{ledger}");
    for scan in ledger.scans.iter().filter(|scan| scan.table.table == "many") {
        assert!(scan.stats.is_some_and(|stats| stats.rows <= 2), "{ledger}");
    }
}

/// The shortest list of keys is of no use to this source; the next one is.
#[tokio::test]
async fn of_several_joins_the_keys_that_the_source_takes_are_used() {
    let one = batch(vec![("grp", Arc::new(Int64Array::from(vec![3])) as _)]);
    let few = memory(vec![("few", vec![small()]), ("one", vec![one])]);
    let picky = keys_on("k", memory(vec![("many", vec![numbers(5_000)])]));
    let catalogs: Vec<(&str, Arc<dyn Connector>)> = vec![("a", Arc::new(few)), ("b", Arc::new(picky))];
    let auto = engine(catalogs, PushdownMode::Auto);
    let sql = "SELECT m.k FROM b.main.many m JOIN a.main.few f ON f.k = m.k JOIN a.main.one o ON o.grp = m.grp";
    let (rows, ledger) = answer(&auto, sql).await;
    assert_eq!(rows, ["| 3 |", "| 3 |"], "{ledger}");
    let many = ledger.scans.iter().find(|scan| scan.table.table == "many").unwrap();
    assert_eq!(many.keys, Some(KeyDecision::Used { keys: 3 }), "{ledger}");
    let declined = "SELECT m.k FROM b.main.many m JOIN a.main.one o ON o.grp = m.grp WHERE m.k < 20";
    let (rows, ledger) = answer(&auto, declined).await;
    assert_eq!(rows.len(), 3, "{ledger}");
    assert!(ledger.to_string().contains("not on grp"), "{ledger}");
}

/// The values of one row.
fn words(rows: &[String]) -> String {
    let [row] = rows else { panic!("{rows:?}") };
    row.replace('|', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An engine that offers a source so many keys at once.
fn in_parts(catalogs: Vec<(&str, Arc<dyn Connector>)>, keys: usize) -> Engine {
    engine_with(Engine::builder().with_keys_at_once(keys), catalogs)
}

#[tokio::test]
async fn more_keys_than_a_source_is_offered_come_in_parts() {
    let odd = batch(vec![("k", Arc::new(Int64Array::from_iter_values((0..5_000).filter(|n| n % 2 == 1))) as _)]);
    let twice = memory(vec![("odd", vec![odd.clone(), odd])]);
    let catalogs: Vec<(&str, Arc<dyn Connector>)> = vec![
        ("a", Arc::new(size_unknown(twice))),
        ("b", Arc::new(size_unknown(memory(vec![("many", vec![numbers(5_000)])])))),
    ];
    let engine = in_parts(catalogs, 300);
    let sql = "SELECT count(*), count(DISTINCT m.k) FROM a.main.odd o JOIN b.main.many m ON o.k = m.k";
    let (rows, ledger) = answer(&engine, sql).await;
    assert_eq!(words(&rows), "5000 2500", "{ledger}");
    let many = ledger.scans.iter().find(|scan| scan.table.table == "many").unwrap();
    assert_eq!(many.keys, Some(KeyDecision::Used { keys: 2_500 }), "{ledger}");
    assert_eq!(many.request_count, 9, "{ledger}");
    assert_eq!(rows_read(&ledger, "many"), 2_500, "{ledger}");
}

/// A source may answer a part with more than it asked for, and decline a later one.
#[tokio::test]
async fn no_row_is_read_twice_whatever_a_source_makes_of_the_parts() {
    let few = || batch(vec![("k", Arc::new(Int64Array::from_iter_values((0..90).map(|n| n * 3))) as _)]);
    for taken in [0, 1, 2, 3, 9] {
        let source = memory(vec![("many", vec![numbers(400)])]);
        let source = Wrapped(Lavish { source, taken, asked: AtomicUsize::new(0), max_keys: None });
        let catalogs: Vec<(&str, Arc<dyn Connector>)> =
            vec![("a", Arc::new(memory(vec![("few", vec![few()])]))), ("b", Arc::new(source))];
        let engine = in_parts(catalogs, 20);
        let sql = "SELECT count(*), count(DISTINCT m.k), sum(m.k) FROM a.main.few f JOIN b.main.many m ON f.k = m.k";
        let (rows, ledger) = answer(&engine, sql).await;
        assert_eq!(words(&rows), "90 90 12015", "{taken} parts\n{ledger}");
        let many = ledger.scans.iter().find(|scan| scan.table.table == "many").unwrap();
        match &many.keys {
            Some(KeyDecision::Used { keys: 90 }) => assert_eq!(taken, 9),
            Some(KeyDecision::Declined { keys: 90, reason }) => {
                let after = format!("after the first {}: enough", taken * 20);
                assert_eq!(reason, if taken == 0 { "enough" } else { after.as_str() });
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Reads everything, whatever keys it takes, and takes only so many parts of them.
#[derive(Debug)]
struct Lavish {
    source: MemoryConnector,
    taken: usize,
    asked: AtomicUsize,
    max_keys: Option<u64>,
}

#[async_trait]
impl Wrapper for Lavish {
    fn source(&self) -> &MemoryConnector {
        &self.source
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        Ok(ScanPlan { max_keys: self.max_keys, ..self.source.plan_scan(table, request).await? })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        let all = self.source.splits(plan, None, context).await?;
        let Some(keys) = keys else { return Ok(all) };
        let is_taken = self.asked.fetch_add(1, Ordering::Relaxed) < self.taken;
        let decision = if is_taken {
            KeyDecision::Used { keys: keys.tuples.len() as u64 }
        } else {
            KeyDecision::Declined { keys: keys.count(), reason: "enough".to_owned() }
        };
        Ok(Splits { keys: decision, ..all })
    }
}

#[tokio::test]
async fn more_keys_than_a_source_ever_takes_are_not_gathered() {
    let few = batch(vec![("k", Arc::new(Int64Array::from_iter_values(0..90)) as _)]);
    for (max_keys, is_offered) in [(89, false), (90, true)] {
        let source = memory(vec![("many", vec![numbers(400)])]);
        let source = Wrapped(Lavish { source, taken: 1, asked: AtomicUsize::new(0), max_keys: Some(max_keys) });
        let catalogs: Vec<(&str, Arc<dyn Connector>)> =
            vec![("a", Arc::new(memory(vec![("few", vec![few.clone()])]))), ("b", Arc::new(source))];
        let engine = in_parts(catalogs, 1_000);
        let (rows, ledger) = answer(&engine, "SELECT m.k FROM a.main.few f JOIN b.main.many m ON f.k = m.k").await;
        assert_eq!(rows.len(), 90, "{ledger}");
        let many = ledger.scans.iter().find(|scan| scan.table.table == "many").unwrap();
        match &many.keys {
            Some(KeyDecision::Used { keys: 90 }) => assert!(is_offered),
            Some(KeyDecision::Declined { keys: 90, reason }) if !is_offered => {
                assert_eq!(reason, "more than 89 are too many to read by");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Keys may take an eighth of the memory limit; more are not kept, and the other side is read in full.
#[tokio::test]
async fn keys_that_take_too_much_memory_are_given_up_with_a_reason() {
    let many = |rows| size_unknown(memory(vec![("many", vec![numbers(rows)])]));
    let catalogs: Vec<(&str, Arc<dyn Connector>)> = vec![("a", Arc::new(many(40_000))), ("b", Arc::new(many(5_000)))];
    let engine = engine_with(Engine::builder().with_memory_limit(8 << 20), catalogs);
    let sql = "SELECT count(*) FROM a.main.many f JOIN b.main.many m ON f.name = m.name";
    let (rows, ledger) = answer(&engine, sql).await;
    assert_eq!(words(&rows), "5000", "{ledger}");
    assert!(
        ledger.to_string().contains("keys of the join not used   (more than 1 MiB of them are not kept)"),
        "{ledger}"
    );
}

/// Random joins of up to three tables, every join type, against pushdown off.
#[tokio::test]
async fn keys_never_change_an_answer() {
    let seed = 7;
    let mut random = Random(seed);
    let autos = [
        engine(catalogs(), PushdownMode::Auto),
        engine(sizeless(), PushdownMode::Auto),
        in_parts(catalogs(), 900),
        in_parts(sizeless(), 1_700),
    ];
    let off = engine(catalogs(), PushdownMode::Off);
    for case in 0..150 {
        let join = random.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let tables = ["a.main.few", "b.main.many", "a.main.none"];
        let (x, y) = (random.pick(&tables), random.pick(&tables));
        let key = random.pick(&["x.k = y.k", "x.name = y.name", "x.k = y.k AND x.name = y.name", "x.k + 1 = y.k"]);
        let filter = random.pick(&["", "WHERE x.k < 800", "WHERE y.name IS NOT NULL", "WHERE x.k IS NULL OR y.k = 3"]);
        let exists = random.pick(&["", "EXISTS", "NOT EXISTS"]);
        let sql = if exists.is_empty() {
            format!("SELECT x.k, y.k, x.name, y.name FROM {x} x {join} {y} y ON {key} {filter}")
        } else {
            format!("SELECT x.k, x.name FROM {x} x WHERE {exists} (SELECT 1 FROM {y} y WHERE {key})")
        };
        let expected = answer(&off, &sql).await.0;
        for auto in &autos {
            let (rows, ledger) = answer(auto, &sql).await;
            assert_eq!(rows, expected, "seed {seed}, case {case}: {sql}\n{ledger}");
        }
    }
}
