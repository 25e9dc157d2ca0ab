//! Streaming: what is sent, how much is held.

use crate::support::{Database, scan, scan_with, table, text};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int32Type;
use futures::TryStreamExt as _;
use headwater_core::{CompareOp, Connector, Expr, ScanContext, ScanRequest, Split, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BIG: &str = "CREATE TABLE big AS SELECT i AS id, i % 1000 AS bucket, 'customer number ' || i AS name, \
    (i % 10000)::numeric(12,2) AS amount, now() AS at FROM generate_series(1, 1000000) i";

#[tokio::test(flavor = "multi_thread")]
async fn a_million_rows_stream_in_bounded_batches() {
    let database = Database::new("reading_big", BIG).await;
    let connector = database.connector();
    let metadata = connector.get_table(&table("big")).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(table("big"))).await.unwrap();
    let context = ScanContext { max_batch_bytes: 256 << 10, ..ScanContext::new("big") };
    let splits: Vec<_> = connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    assert!(splits.len() > 1);
    let started = Instant::now();
    let (mut rows, mut sum) = (0, 0i64);
    for split in &splits {
        let mut stream = connector.read(split, &context).await.unwrap();
        while let Some(batch) = stream.try_next().await.unwrap() {
            assert!(batch.num_rows() <= context.max_batch_rows);
            let bytes: usize = batch.columns().iter().map(|c| c.to_data().get_slice_memory_size().unwrap()).sum();
            assert!(bytes < context.max_batch_bytes + 4_096, "{bytes}");
            rows += batch.num_rows();
            let ids = batch.column(0).as_primitive::<Int32Type>();
            sum += ids.values().iter().map(|id| i64::from(*id)).sum::<i64>();
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!((rows, sum), (1_000_000, 500_000_500_000));
    let stats = context.metrics.snapshot();
    assert_eq!((stats.rows, stats.requests), (1_000_000, splits.len() as u64));
    println!("{rows} rows in {seconds:.2} s, {} MB on the wire", stats.wire_bytes / 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn shown_is_sent_and_tagged_with_the_query() {
    let database = Database::new("reading_shown", "CREATE TABLE t AS SELECT 1 AS id, 'O''Brien' AS name").await;
    let connector = database.connector();
    let filter = Expr::column("name").compare(CompareOp::Eq, Value::Utf8("O'Brien".into()));
    let request = ScanRequest::table(table("t")).with_filters(vec![filter]).with_limit(3);
    let position = database.server.log_position().unwrap();
    let scanned = scan_with(&connector, &request, None, &ScanContext::new("q-42")).await.unwrap();
    assert_eq!(scanned.rows(), 1);
    let sql =
        r#"COPY (SELECT "id", "name" FROM "public"."t" WHERE "name" = 'O''Brien' LIMIT 3) TO STDOUT (FORMAT binary)"#;
    assert_eq!(scanned.plan.requests[0].to_string(), sql);
    let log = database.server.log_since(position).unwrap();
    let line = log.lines().find(|line| line.contains("COPY (") && line.contains("headwater:q-42"));
    assert!(line.is_some_and(|line| line.ends_with(sql)), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_columns_are_counted() {
    let database = Database::new("reading_empty", "CREATE TABLE t AS SELECT generate_series(1, 20000) AS id").await;
    let request = ScanRequest::table(table("t")).with_projection::<&str>([]);
    let scanned = scan(&database.connector(), &request).await.unwrap();
    assert_eq!(scanned.plan.requests[0].to_string(), r#"COPY (SELECT FROM "public"."t") TO STDOUT (FORMAT binary)"#);
    assert_eq!((scanned.rows(), scanned.batches.len()), (20_000, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_larger_than_a_batch_is_a_batch() {
    let setup = "CREATE TABLE t AS SELECT i AS id, repeat('x', 3000000) AS x FROM generate_series(1, 5) i";
    let database = Database::new("reading_wide", setup).await;
    let context = ScanContext { max_batch_bytes: 1 << 20, ..ScanContext::new("wide") };
    let request = ScanRequest::table(table("t"));
    let scanned = scan_with(&database.connector(), &request, None, &context).await.unwrap();
    assert_eq!((scanned.rows(), scanned.batches.len()), (5, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_too_large_to_hold_is_an_error_that_names_its_column() {
    let setup =
        "CREATE TABLE t AS SELECT 1 AS id, 'small' AS a, jsonb_build_array(repeat('x', 40000000)) AS doc, 2 AS b";
    let database = Database::new("reading_huge", setup).await;
    let connector = database.connector_with(&[("max_row_bytes", text("8MiB"))]);
    let error = scan(&connector, &ScanRequest::table(table("t"))).await.err().unwrap();
    assert_eq!(error.kind(), headwater_core::ErrorKind::LimitExceeded, "{error:?}");
    assert!(error.to_string().contains("a row of 39 MiB, most of it in column doc"), "{error:?}");
    let rest = ScanRequest::table(table("t")).with_projection(["id", "a", "b"]);
    assert_eq!(scan(&connector, &rest).await.unwrap().rows(), 1);
    let scanned = scan(&database.connector(), &ScanRequest::table(table("t"))).await.unwrap();
    let Value::Utf8(doc) = &scanned.column("doc")[0] else { panic!("text") };
    assert_eq!(doc.len(), 40_000_004);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_read_only_and_nobody_hijacks_an_operator() {
    let setup = "CREATE TABLE t AS SELECT 1 AS id; CREATE FUNCTION public.never(int, int) RETURNS bool LANGUAGE sql AS \
        'SELECT false'; CREATE OPERATOR public.= (LEFTARG = int, RIGHTARG = int, FUNCTION = public.never); \
        CREATE FUNCTION public.writes() RETURNS int LANGUAGE plpgsql AS \
        'BEGIN INSERT INTO public.t VALUES (2); RETURN 1; END'; CREATE VIEW w AS SELECT public.writes() AS id; \
        ALTER DATABASE reading_safe SET search_path = public, pg_catalog";
    let database = Database::new("reading_safe", setup).await;
    let connector = database.connector();
    let filter = Expr::column("id").compare(CompareOp::Eq, Value::Int64(1));
    let request = ScanRequest::table(table("t")).with_filters(vec![filter]);
    assert_eq!(scan(&connector, &request).await.unwrap().rows(), 1);
    let error = scan(&connector, &ScanRequest::table(table("w"))).await.err().unwrap();
    assert_eq!(error.kind(), headwater_core::ErrorKind::Unsupported, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_stops_at_its_own_limit() {
    let setup = "CREATE VIEW endless AS SELECT generate_series(1, 1000000000000) AS id";
    let database = Database::new("reading_limit", setup).await;
    let connector = database.connector();
    let metadata = connector.get_table(&table("endless")).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(table("endless"))).await.unwrap();
    let context = ScanContext::new("limit");
    let mut splits: Vec<_> = connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    for limit in [0, 1, 10_000] {
        splits[0].limit = Some(limit);
        let read = connector.read(&splits[0], &context).await.unwrap();
        let batches: Vec<_> = read.try_collect().await.unwrap();
        assert_eq!(batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), limit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_server_keeps_its_code() {
    let setup = "CREATE VIEW broken AS SELECT 1 / (i - 20000) AS q FROM generate_series(1, 20001) i; \
        CREATE TABLE gone AS SELECT 1 AS id";
    let database = Database::new("reading_trouble", setup).await;
    let connector = database.connector();
    let error = scan(&connector, &ScanRequest::table(table("broken"))).await.err().unwrap();
    assert_eq!(error.to_string(), "division by zero [22012]");
    let metadata = connector.get_table(&table("gone")).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(table("gone"))).await.unwrap();
    let context = ScanContext::new("gone");
    let splits: Vec<_> = connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    database.client.batch_execute("DROP TABLE gone").await.unwrap();
    let error = connector.read(&splits[0], &context).await.err().unwrap();
    assert_eq!(error.kind(), headwater_core::ErrorKind::NotFound, "{error:?}");
}

/// The splits of a whole table `t`, to be read later.
async fn planned(connector: &Arc<dyn Connector>, context: &ScanContext) -> Vec<Split> {
    let metadata = connector.get_table(&table("t")).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(table("t"))).await.unwrap();
    connector.splits(&plan, None, context).await.unwrap().stream.try_collect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_altered_after_planning_is_an_error_and_no_number() {
    let database = Database::new("reading_altered", "CREATE TABLE t AS SELECT 1.5::float8 AS a, 7::int4 AS b").await;
    let connector = database.connector();
    let context = ScanContext::new("altered");
    let splits = planned(&connector, &context).await;
    database.client.batch_execute("ALTER TABLE t ALTER a TYPE int8").await.unwrap();
    let Err(error) = connector.read(&splits[0], &context).await else { panic!("read as the old type") };
    assert_eq!(error.kind(), headwater_core::ErrorKind::SchemaMismatch, "{error:?}");
    assert!(error.to_string().contains("column a is of type int8 now"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_altered_to_a_type_that_the_driver_does_not_know_is_an_error_and_no_wait() {
    // Fewer rows than fit any buffer, and more than fit all of them.
    for rows in [500, 60_000] {
        let setup = format!(
            "CREATE TYPE mood AS ENUM ('a'); \
             CREATE TABLE t AS SELECT i AS id, 'a'::text AS c, repeat('x', 100) AS x FROM generate_series(1, {rows}) i"
        );
        let database = Database::new(&format!("reading_altered_{rows}"), &setup).await;
        let connector = database.connector();
        let context = ScanContext::new("altered");
        let splits = planned(&connector, &context).await;
        database.client.batch_execute("ALTER TABLE t ALTER c TYPE mood USING 'a'::mood").await.unwrap();
        let read = tokio::time::timeout(Duration::from_secs(20), connector.read(&splits[0], &context)).await;
        let Err(error) = read.expect("no answer") else { panic!("read as the old type") };
        assert_eq!(error.kind(), headwater_core::ErrorKind::SchemaMismatch, "{error:?}");
    }
}
