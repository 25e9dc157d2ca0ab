//! Large tables read by ranges of pages.

use crate::support::{Database, Scanned, scan, table};
use headwater_core::config::Setting;
use headwater_core::{CompareOp, Connector, Expr, JoinKeys, ScanContext, ScanRequest, Value};
use std::sync::Arc;

/// Some 45 MB: 300,000 rows of 150 bytes.
const LARGE: &str = "CREATE TABLE large AS SELECT i AS id, i % 10 AS bucket, repeat('x', 100) || i % 1000 AS filler \
    FROM generate_series(1, 300000) i; CREATE INDEX ON large (id); ANALYZE large";

async fn whole(connector: &Arc<dyn Connector>, name: &str) -> Scanned {
    let request = ScanRequest::table(table(name)).with_projection(["id"]);
    scan(connector, &request).await.unwrap()
}

fn each_once(scanned: &Scanned, rows: i64) {
    assert_eq!(scanned.integers("id"), (1..=rows).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_read_by_disjoint_ranges_that_leave_nothing_out() {
    let database = Database::new("splitting_large", LARGE).await;
    let connector = database.connector();
    let position = database.server.log_position().unwrap();
    let scanned = whole(&connector, "large").await;
    each_once(&scanned, 300_000);
    let sent: Vec<String> = scanned.splits.iter().map(|split| split.request.to_string()).collect();
    assert!((2..=4).contains(&sent.len()), "{sent:?}");
    assert_eq!(sent, scanned.plan.requests.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert!(sent[0].contains(r#"FROM "public"."large" WHERE ctid < '("#), "{sent:?}");
    assert!(sent.iter().skip(1).all(|sql| sql.contains("WHERE ctid >= '(")), "{sent:?}");
    let log = database.server.log_since(position).unwrap();
    assert!(sent.iter().all(|sql| log.lines().any(|line| line.ends_with(sql))), "{log}");
    // What the server makes of a range: only its pages are looked at.
    let select = sent[1].trim_start_matches("COPY (").trim_end_matches(") TO STDOUT (FORMAT binary)");
    let rows = database.client.query(&format!("EXPLAIN {select}"), &[]).await.unwrap();
    assert!(rows[0].get::<_, String>(0).starts_with("Tid Range Scan"), "{:?}", rows[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_where_the_server_does_better_or_nothing_is_gained() {
    let more = "CREATE VIEW seen AS SELECT * FROM large; CREATE TABLE small AS SELECT 1 AS id; \
        CREATE TABLE secured AS SELECT * FROM large; ALTER TABLE secured ENABLE ROW LEVEL SECURITY";
    let database = Database::new("splitting_one", &format!("{LARGE}; {more}")).await;
    let connector = database.connector();
    let asked = |name: &str| ScanRequest::table(table(name));
    let above = |column: &str| Expr::column(column).compare(CompareOp::Gt, Value::Int64(5));
    let one = [
        (asked("small"), ""),
        (asked("seen"), ""),
        (asked("secured"), ""),
        (asked("large").with_limit(5), ""),
        (asked("large").with_filters(vec![above("id")]), "index"),
        (
            asked("large").with_filters(vec![Expr::column("filler").compare(CompareOp::Eq, Value::Utf8("y".into()))]),
            "few rows",
        ),
    ];
    for (request, note) in one {
        let planned = scan(&connector, &request).await.unwrap().plan;
        assert_eq!(planned.requests.len(), 1, "{request:?}");
        assert!(note.is_empty() || planned.notes.iter().any(|found| found.contains(note)), "{:?}", planned.notes);
    }
    let many = [
        asked("large").with_filters(vec![above("bucket")]),
        asked("large").with_filters(vec![Expr::column("id").is_null().negate()]),
        asked("large").with_projection::<&str>([]),
    ];
    for (request, rows) in many.into_iter().zip([120_000, 300_000, 300_000]) {
        let scanned = scan(&connector, &request).await.unwrap();
        assert!(scanned.splits.len() > 1, "{request:?}");
        assert_eq!(scanned.rows(), rows, "{request:?}");
    }
    for option in [("max_parallel_reads", Setting::Integer(1)), ("snapshot", Setting::Text("statement".into()))] {
        let plain = database.connector_with(&[option]);
        let scanned = whole(&plain, "large").await;
        assert_eq!(scanned.splits.len(), 1);
        each_once(&scanned, 300_000);
    }
    let single = database.connector_with(&[("max_connections", Setting::Integer(1))]);
    let scanned = whole(&single, "large").await;
    assert_eq!(scanned.splits.len(), 1);
    assert!(scanned.plan.notes.iter().any(|note| note.contains("moment of its own")), "{:?}", scanned.plan.notes);
}

const PARTS: &str = "
CREATE TABLE parts (id int, bucket int, filler text) PARTITION BY LIST (bucket);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN (0, 1, 2);
CREATE TABLE parts_b (filler text, bucket int, id int);
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES IN (3, 4, 5, 6, 7, 8);
CREATE TABLE parts_c PARTITION OF parts DEFAULT PARTITION BY HASH (id);
CREATE TABLE parts_c0 PARTITION OF parts_c FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_c1 PARTITION OF parts_c FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT id, bucket, filler FROM large;
CREATE TABLE heirs AS SELECT * FROM large WHERE id <= 100000; CREATE TABLE heir (extra int) INHERITS (heirs);
INSERT INTO heir (id, bucket, filler) SELECT id, bucket, filler FROM large WHERE id > 100000;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM large;
CREATE TABLE toasted AS SELECT * FROM large; ALTER TABLE toasted ADD twice int GENERATED ALWAYS AS (id * 2) STORED;
ANALYZE";

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_many_parts_are_cut_across_all_of_them() {
    let database = Database::new("splitting_parts", &format!("{LARGE}; {PARTS}")).await;
    let connector = database.connector();
    for name in ["parts", "heirs", "kept", "toasted"] {
        let scanned = whole(&connector, name).await;
        assert!(scanned.splits.len() > 1, "{name}");
        each_once(&scanned, 300_000);
    }
    // The server still leaves out the parts that a condition excludes.
    let filter = Expr::column("bucket").compare(CompareOp::Lt, Value::Int64(3));
    let scanned = scan(&connector, &ScanRequest::table(table("parts")).with_filters(vec![filter])).await.unwrap();
    assert_eq!(scanned.rows(), 90_000);
    let sql = scanned.splits[1].request.to_string();
    let select = sql.trim_start_matches("COPY (").trim_end_matches(") TO STDOUT (FORMAT binary)");
    let rows = database.client.query(&format!("EXPLAIN {select}"), &[]).await.unwrap();
    let shown: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let shown = shown.join("\n");
    assert!(shown.contains("Tid Range Scan on parts_a") && !shown.contains("parts_b"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_read_only_the_parent_still_reads_all_parts() {
    let database = Database::new("splitting_rights", &format!("{LARGE}; {PARTS}")).await;
    let setup = "CREATE ROLE parents LOGIN PASSWORD 'parents-secret'; GRANT SELECT ON parts TO parents";
    database.client.batch_execute(setup).await.unwrap();
    let url = Setting::Text(database.url_of("parents"));
    let connector = database.connector_with(&[("url", url), ("password", Setting::Text("parents-secret".into()))]);
    let scanned = whole(&connector, "parts").await;
    assert!(scanned.splits.len() > 1);
    each_once(&scanned, 300_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_read_some_columns_reads_them_in_one_piece() {
    let database = Database::new("splitting_columns", LARGE).await;
    let setup =
        "CREATE ROLE columnist LOGIN PASSWORD 'columnist-secret'; GRANT SELECT (id, bucket) ON large TO columnist";
    database.client.batch_execute(setup).await.unwrap();
    let url = Setting::Text(database.url_of("columnist"));
    let connector = database.connector_with(&[("url", url), ("password", Setting::Text("columnist-secret".into()))]);
    each_once(&whole(&connector, "large").await, 300_000);
    let error = scan(&connector, &ScanRequest::table(table("large"))).await.err().unwrap();
    assert_eq!(error.kind(), headwater_core::ErrorKind::PermissionDenied, "{error:?}");
    assert_eq!(error.to_string(), "permission denied for table large [42501]");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_between_planning_and_reading_each_row_comes_once() {
    let changes = [
        ("parts", "CREATE TABLE parts_d PARTITION OF parts_c FOR VALUES WITH (MODULUS 4, REMAINDER 3)", None),
        (
            "large",
            "INSERT INTO large SELECT i, 0, repeat('y', 100) FROM generate_series(300001, 400000) i",
            Some(400_000),
        ),
        ("large", "VACUUM FULL large", Some(400_000)),
        ("large", "TRUNCATE large; INSERT INTO large SELECT i, 0, '' FROM generate_series(1, 50) i", Some(50)),
        ("heirs", "CREATE TABLE heir2 () INHERITS (heirs); INSERT INTO heir2 VALUES (300001, 0, '')", Some(300_001)),
        ("parts", "ALTER TABLE parts DETACH PARTITION parts_c; DELETE FROM parts WHERE id > 5", Some(5)),
    ];
    let database = Database::new("splitting_changes", &format!("{LARGE}; {PARTS}")).await;
    let connector = database.connector();
    for (name, change, rows) in changes {
        let metadata = connector.get_table(&table(name)).await.unwrap();
        let request = ScanRequest::table(table(name)).with_projection(["id"]);
        let plan = connector.plan_scan(&metadata, &request).await.unwrap();
        assert!(plan.requests.len() > 1, "{name}");
        let changed = database.client.batch_execute(change).await;
        let Some(rows) = rows else {
            assert!(changed.is_err(), "overlapping partitions do not exist");
            continue;
        };
        changed.unwrap();
        let scanned = crate::support::read_all(&connector, plan, None, &ScanContext::new("changed")).await.unwrap();
        each_once(&scanned, rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_looked_up_take_the_place_of_ranges() {
    let database = Database::new("splitting_keys", LARGE).await;
    let connector = database.connector();
    let tuples = (1..=900).map(|n| vec![Value::Int64(n)]).collect();
    let keys = JoinKeys::new(vec!["id".to_owned()], tuples);
    let request = ScanRequest::table(table("large"));
    let context = ScanContext::new("keys");
    let scanned = crate::support::scan_with(&connector, &request, Some(&keys), &context).await.unwrap();
    assert_eq!((scanned.splits.len(), scanned.rows()), (1, 900));
    assert!(scanned.splits.iter().all(|split| !split.request.to_string().contains("ctid")));
}
