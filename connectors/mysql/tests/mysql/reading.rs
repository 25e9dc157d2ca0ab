//! Streaming: what is sent, how much is held.

use crate::support::{DIGITS, Database, scan, scan_with, splits};
use arrow::array::Array as _;
use futures::{StreamExt as _, TryStreamExt as _};
use headwater_core::{CompareOp, ErrorKind, Expr, Retry, ScanContext, ScanRequest, Value};
use headwater_harness::Product;
use std::time::Instant;

const NUMBERS: &str = "CREATE VIEW number AS SELECT a.n * 100000 + b.n * 10000 + c.n * 1000 + d.n * 100 + e.n * 10 + \
    f.n + 1 AS i FROM digit a, digit b, digit c, digit d, digit e, digit f;";

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_stream_in_bounded_batches() {
    for product in Product::ALL {
        let setup = format!(
            "{DIGITS} {NUMBERS} CREATE TABLE big AS SELECT i AS id, i % 1000 AS bucket, \
             concat('customer number ', i) AS name, CAST(i % 10000 AS decimal(12,2)) AS amount, \
             TIMESTAMP '2026-01-01 00:00:00' + INTERVAL i SECOND AS at FROM number WHERE i <= 300000"
        );
        let database = Database::new(product, "reading_big", &setup).await;
        let connector = database.connector();
        let context = ScanContext { max_batch_bytes: 256 << 10, ..ScanContext::new("big") };
        let splits = splits(&connector, &database.table("big"), &context).await;
        let started = Instant::now();
        let mut stream = connector.read(&splits[0], &context).await.unwrap();
        let (mut rows, mut sum) = (0, 0i64);
        while let Some(batch) = stream.try_next().await.unwrap() {
            assert!(batch.num_rows() <= context.max_batch_rows);
            let bytes: usize = batch.columns().iter().map(|c| c.to_data().get_slice_memory_size().unwrap()).sum();
            assert!(bytes < context.max_batch_bytes + 4_096, "{bytes}");
            rows += batch.num_rows();
            sum += (0..batch.num_rows())
                .map(|row| match Value::from_array(batch.column(0), row) {
                    Some(Value::Int64(id)) => id,
                    _ => 0,
                })
                .sum::<i64>();
        }
        let seconds = started.elapsed().as_secs_f64();
        assert_eq!((rows, sum), (300_000, 45_000_150_000));
        let stats = context.metrics.snapshot();
        assert_eq!((stats.rows, stats.requests), (300_000, 1));
        println!("{product}: {rows} rows in {seconds:.2} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shown_is_sent_behind_the_name_of_the_query() {
    for product in Product::ALL {
        let setup = "CREATE TABLE t AS SELECT 1 AS id, CAST('O''Brien' AS char(20)) AS name";
        let database = Database::new(product, "reading_shown", setup).await;
        let connector = database.connector();
        let name = Expr::column("name").compare(CompareOp::Eq, Value::Utf8("O'Brien".into()));
        let id = Expr::column("id").compare(CompareOp::Lt, Value::Int64(5));
        let request = ScanRequest::table(database.table("t")).with_filters(vec![name, id]).with_limit(3);
        let position = database.server.log_position().unwrap();
        let scanned = scan_with(&connector, &request, None, &ScanContext::new("q-42")).await.unwrap();
        assert_eq!(scanned.rows(), 1);
        let collation = if database.is_mysql() { "utf8mb4_0900_bin" } else { "utf8mb4_nopad_bin" };
        let sql = format!(
            "SELECT `id`, `name` FROM `reading_shown`.`t` WHERE (`name` = 'O''Brien' AND `name` COLLATE {collation} = \
             'O''Brien') AND `id` < 5 LIMIT 3"
        );
        assert_eq!(scanned.plan.requests[0].to_string(), sql);
        let log = database.server.statements_since(position).unwrap();
        let sent: Vec<&str> =
            log.iter().filter(|s| s.command == "Execute" && s.text.contains("q-42")).map(|s| s.text.as_str()).collect();
        assert_eq!(sent, [format!("/* headwater query=q-42 */ {sql}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_columns_are_counted() {
    for product in Product::ALL {
        let setup = format!("{DIGITS} {NUMBERS} CREATE TABLE t AS SELECT i AS id FROM number WHERE i <= 20000");
        let database = Database::new(product, "reading_empty", &setup).await;
        let request = ScanRequest::table(database.table("t")).with_projection::<&str>([]);
        let scanned = scan(&database.connector(), &request).await.unwrap();
        assert_eq!(scanned.plan.requests[0].to_string(), "SELECT 1 FROM `reading_empty`.`t`");
        assert_eq!((scanned.rows(), scanned.batches.len()), (20_000, 3));
        assert_eq!(scanned.batches[0].num_columns(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_larger_than_a_batch_and_than_a_packet_is_a_batch() {
    for product in Product::ALL {
        let setup =
            format!("{DIGITS} CREATE TABLE t AS SELECT n AS id, repeat('x', 20000000) AS x FROM digit WHERE n < 3");
        let database = Database::new(product, "reading_wide", &setup).await;
        let context = ScanContext { max_batch_bytes: 1 << 20, ..ScanContext::new("wide") };
        let request = ScanRequest::table(database.table("t"));
        let scanned = scan_with(&database.connector(), &request, None, &context).await.unwrap();
        assert_eq!((scanned.rows(), scanned.batches.len()), (3, 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_settings_change_no_answer() {
    for product in Product::ALL {
        let setup = "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, name char(5), at timestamp); \
            INSERT INTO t (name, at) VALUES ('a', '2026-01-01 00:00:00'), ('\\\\', '2026-07-01 00:00:00'), ('', '2026-01-01 00:00:00'); \
            SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH'";
        let database = Database::new(product, "reading_pinned", setup).await;
        database.run("SET GLOBAL time_zone = '+05:00'; SET GLOBAL sql_select_limit = 1").await;
        let connector = database.connector();
        let request = ScanRequest::table(database.table("t"));
        let scanned = scan(&connector, &request).await;
        let backslash = Expr::column("name").compare(CompareOp::Eq, Value::Utf8("\\".into()));
        let found = scan(&connector, &request.clone().with_filters(vec![backslash])).await;
        database
            .run(
                "SET GLOBAL sql_mode = DEFAULT; SET GLOBAL time_zone = '+00:00'; SET GLOBAL sql_select_limit = DEFAULT",
            )
            .await;
        let scanned = scanned.unwrap();
        assert_eq!(scanned.column("name"), ["a", "\\", ""].map(|text| Value::Utf8(text.into())));
        assert_eq!(scanned.column("at")[0], Value::Instant(1_767_225_600_000_000));
        assert_eq!(found.unwrap().integers("id"), [2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_only_reads() {
    for product in Product::ALL {
        let setup = "CREATE TABLE t (id int); CREATE FUNCTION writes() RETURNS int MODIFIES SQL DATA \
            BEGIN INSERT INTO t VALUES (2); RETURN 1; END";
        let database = Database::new(product, "reading_safe", "SET GLOBAL log_bin_trust_function_creators = ON").await;
        database.run(setup).await;
        database.run("CREATE VIEW w AS SELECT writes() AS id").await;
        let error = scan(&database.connector(), &ScanRequest::table(database.table("w"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert_eq!(database.rows("SELECT * FROM t").await.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_stops_at_its_own_limit() {
    for product in Product::ALL {
        let setup = format!("{DIGITS} {NUMBERS} CREATE VIEW many AS SELECT i FROM number");
        let database = Database::new(product, "reading_limit", &setup).await;
        let connector = database.connector();
        let context = ScanContext::new("limit");
        let mut splits = splits(&connector, &database.table("many"), &context).await;
        for limit in [0, 1, 10_000] {
            splits[0].limit = Some(limit);
            let read = connector.read(&splits[0], &context).await.unwrap();
            let batches: Vec<_> = read.try_collect().await.unwrap();
            assert_eq!(batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), limit);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_server_keeps_its_code() {
    for product in Product::ALL {
        let setup = format!(
            "{DIGITS} CREATE TABLE gone AS SELECT 1 AS id; CREATE TABLE narrow (id int, extra int); \
             CREATE VIEW broken AS SELECT n, (SELECT m.n FROM digit m WHERE m.n >= digit.n - 8) AS q FROM digit WHERE n > 8"
        );
        let database = Database::new(product, "reading_trouble", &setup).await;
        let connector = database.connector();
        let error = scan(&connector, &ScanRequest::table(database.table("broken"))).await.unwrap_err();
        assert!(error.to_string().ends_with("more than 1 row [1242]"), "{error:?}");
        let context = ScanContext::new("gone");
        let gone = splits(&connector, &database.table("gone"), &context).await;
        let narrow = splits(&connector, &database.table("narrow"), &context).await;
        database.run("DROP TABLE gone; ALTER TABLE narrow DROP COLUMN extra").await;
        let error = connector.read(&gone[0], &context).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        assert!(error.to_string().ends_with("[1146]"), "{error:?}");
        let error = connector.read(&narrow[0], &context).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_altered_since_it_was_planned_is_an_error_and_no_other_value() {
    for product in Product::ALL {
        let setup = "CREATE TABLE t (id int, day date, price decimal(9,2), name varchar(20), code varbinary(20)); \
            INSERT INTO t VALUES (1, '2026-01-31', 1.5, 'x', 'x')";
        let database = Database::new(product, "reading_altered", setup).await;
        let connector = database.connector();
        let context = ScanContext::new("altered");
        let changes = [
            "id varchar(20)",
            "id double",
            "id decimal(30,0)",
            "day datetime",
            "price decimal(9,3)",
            "name varbinary(20)",
            "code text",
        ];
        for change in changes {
            let planned = splits(&connector, &database.table("t"), &context).await;
            database.run(&format!("ALTER TABLE t MODIFY {change}")).await;
            let error = connector.read(&planned[0], &context).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{change}: {error:?}");
            let column = format!("column {}", change.split(' ').next().unwrap());
            assert!(error.to_string().contains(&column) && error.hint().is_some(), "{error:?}");
        }
        let planned = splits(&connector, &database.table("t"), &context).await;
        database.run("ALTER TABLE t DROP COLUMN id, ADD COLUMN id tinyint").await;
        assert!(connector.read(&planned[0], &context).await.is_err(), "an exact number is no integer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integer_that_no_longer_fits_is_an_error_that_names_its_column() {
    for product in Product::ALL {
        let database = Database::new(product, "reading_widened", "CREATE TABLE t (id int)").await;
        let connector = database.connector();
        let context = ScanContext::new("widened");
        let planned = splits(&connector, &database.table("t"), &context).await;
        database.run("ALTER TABLE t MODIFY id bigint; INSERT INTO t VALUES (1), (5000000000)").await;
        let read = connector.read(&planned[0], &context).await.unwrap();
        let error = read.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error.to_string().contains("column id holds 5000000000"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_in_the_midst_is_an_error_and_no_short_answer() {
    for product in Product::ALL {
        let setup = format!("{DIGITS} {NUMBERS} CREATE VIEW many AS SELECT i, repeat('x', 200) AS filler FROM number");
        let database = Database::new(product, "reading_gone", &setup).await;
        let connector = database.connector();
        let context = ScanContext::new("gone");
        let splits = splits(&connector, &database.table("many"), &context).await;
        let mut stream = connector.read(&splits[0], &context).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        let sessions = database.sessions().await;
        let (id, _) = sessions.iter().find(|(_, info)| info.as_ref().is_some_and(|i| i.contains("many"))).unwrap();
        database.run(&format!("KILL {id}")).await;
        let error = loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("a short answer looked whole"),
            }
        };
        assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Cancelled), "{error:?}");
        assert_eq!(error.retry(), Retry::No);
        assert!(stream.next().await.is_none());
    }
}
