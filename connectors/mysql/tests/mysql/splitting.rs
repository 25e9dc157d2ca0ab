//! Large tables read by ranges of their primary key.

use crate::support::{DIGITS, Database, Scanned, scan, scan_with, text};
use futures::TryStreamExt as _;
use headwater_core::config::Setting;
use headwater_core::{
    CompareOp, Connector, Derived, Expr, Input, Join, JoinColumn, JoinKeys, Relation, ScanContext, ScanRequest, Side,
    Split, Value,
};
use headwater_harness::{MySqlStatement, Product};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const NUMBERS: &str = "CREATE VIEW number AS SELECT a.n * 100000 + b.n * 10000 + c.n * 1000 + d.n * 100 + e.n * 10 + \
    f.n AS i FROM digit a, digit b, digit c, digit d, digit e, digit f;";

/// Some 60 MB: 200,000 rows of 300 bytes, whose key is made of `i`.
fn large(name: &str, key: &str, of: &str) -> String {
    format!(
        "CREATE TABLE {name} (k {key} PRIMARY KEY, id int NOT NULL, bucket int, filler char(250) CHARACTER SET latin1, \
         KEY (id)); INSERT INTO {name} SELECT {of}, i, i % 10, repeat('x', 250) FROM number WHERE i < 200000;"
    )
}

/// As the engine would: one of the scans of a query.
fn in_a_query() -> ScanContext {
    let context = ScanContext::new("split");
    context.scope.add_scan();
    context
}

async fn whole(connector: &Arc<dyn Connector>, database: &Database, name: &str) -> Scanned {
    let request = ScanRequest::table(database.table(name)).with_projection(["id"]);
    scan_with(connector, &request, None, &in_a_query()).await.unwrap()
}

fn each_once(scanned: &Scanned, rows: i64, of: &str) {
    assert!(scanned.integers("id").into_iter().eq(0..rows), "{of}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_cut_evenly_by_keys_of_every_kind() {
    let keys = [
        ("plain", "int", "i"),
        ("skewed", "bigint unsigned", "IF(i < 195000, i, i * 40000000000000)"),
        ("days", "datetime", "TIMESTAMP '2001-01-01 00:00:00' + INTERVAL i MINUTE"),
        ("names", "varchar(40)", "concat('user-', left(sha2(i, 256), 32))"),
        ("latin", "char(36) CHARACTER SET latin1", "concat(left(sha2(i, 256), 32), 'é')"),
        ("codes", "varbinary(16)", "unhex(left(sha2(i, 256), 32))"),
    ];
    for product in Product::ALL {
        let database = Database::new(product, "split_kinds", &format!("{DIGITS} {NUMBERS}")).await;
        for (name, key, of) in keys {
            database.run(&large(name, key, of)).await;
            database.run(&format!("ANALYZE TABLE {name}")).await;
            let scanned = whole(&database.connector(), &database, name).await;
            each_once(&scanned, 200_000, name);
            if name == "latin" {
                // Text that is not ASCII is not compared in another character set.
                assert_eq!(scanned.splits.len(), 1, "{name}");
                continue;
            }
            assert!((2..=4).contains(&scanned.splits.len()), "{product} {name}: {:?}", scanned.plan.requests);
            let mut read = BTreeMap::new();
            for split in &scanned.splits {
                let rows = read_one(&database.connector(), split).await;
                read.insert(split.request.to_string(), rows);
            }
            assert!(read.values().all(|rows| (10_000..=130_000).contains(rows)), "{product} {name}: {read:?}");
        }
    }
}

async fn read_one(connector: &Arc<dyn Connector>, split: &Split) -> usize {
    let stream = connector.read(split, &ScanContext::new("one")).await.unwrap();
    let batches: Vec<_> = stream.try_collect().await.unwrap();
    batches.iter().map(|batch| batch.num_rows()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_sent_over_transactions_that_begin_together() {
    for product in Product::ALL {
        let setup = format!("{DIGITS} {NUMBERS} {} ANALYZE TABLE t", large("t", "int", "i"));
        let database = Database::new(product, "split_sent", &setup).await;
        let connector = database.connector();
        let position = database.server.log_position().unwrap();
        let context = in_a_query();
        let request = ScanRequest::table(database.table("t")).with_projection(["id"]);
        let scanned = scan_with(&connector, &request, None, &context).await.unwrap();
        let shown: Vec<String> = scanned.plan.requests.iter().map(ToString::to_string).collect();
        let sent: Vec<String> = scanned.splits.iter().map(|split| split.request.to_string()).collect();
        assert_eq!(shown, sent);
        assert!(sent[0].contains("FROM `split_sent`.`t` WHERE `k` < "), "{sent:?}");
        assert!(sent[1].contains(" WHERE `k` >= ") && sent[1].contains(" AND `k` < "), "{sent:?}");
        assert!(scanned.plan.notes.iter().any(|note| note.contains("taken together")), "{:?}", scanned.plan.notes);
        let mut log = database.server.statements_since(position).unwrap();
        // Other tests talk to the same server.
        let is_ours = |s: &&MySqlStatement| s.command == "Connect" && s.text.contains(" on split_sent ");
        let ours: Vec<u64> = log.iter().filter(is_ours).map(|s| s.connection).collect();
        log.retain(|s| ours.contains(&s.connection));
        let begun = log.iter().filter(|s| s.text.contains("WITH CONSISTENT SNAPSHOT")).count();
        let first = log.iter().position(|s| s.command == "Execute").unwrap();
        let last = log.iter().rposition(|s| s.text.contains("WITH CONSISTENT SNAPSHOT")).unwrap();
        assert_eq!(begun, sent.len());
        assert!(last < first, "all are begun before any is read");
        let executed: Vec<&str> = log.iter().filter(|s| s.command == "Execute").map(|s| s.text.as_str()).collect();
        assert!(sent.iter().all(|sql| executed.iter().any(|text| text.ends_with(sql))), "{executed:?}");
        context.scope.end();
        assert_eq!(scan(&connector, &request.with_limit(1)).await.unwrap().rows(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_where_nothing_is_gained() {
    for product in Product::ALL {
        let setup = format!(
            "{DIGITS} {NUMBERS} {} CREATE TABLE small (k int PRIMARY KEY); CREATE VIEW seen AS SELECT * FROM t; \
             CREATE TABLE keyless AS SELECT * FROM t; ANALYZE TABLE t, keyless",
            large("t", "int", "i")
        );
        let database = Database::new(product, "split_one", &setup).await;
        let connector = database.connector();
        let asked = |name: &str| ScanRequest::table(database.table(name)).with_projection(["k"]);
        let above = |column: &str| Expr::column(column).compare(CompareOp::Gt, Value::Int64(5));
        let one = [
            asked("small"),
            asked("seen"),
            asked("keyless"),
            asked("t").with_limit(5),
            asked("t").with_filters(vec![above("k")]),
            asked("t").with_filters(vec![above("id")]),
        ];
        for request in one {
            assert_eq!(scan(&connector, &request).await.unwrap().plan.requests.len(), 1, "{request:?}");
        }
        let other = Expr::column("bucket").compare(CompareOp::NotEq, Value::Int64(5));
        let filtered = scan(&connector, &asked("t").with_filters(vec![other])).await.unwrap();
        assert!(filtered.splits.len() > 1);
        assert_eq!(filtered.rows(), 180_000);
        for option in ["max_parallel_reads", "max_connections"] {
            let plain = database.connector_with(&[(option, Setting::Integer(1))]);
            let scanned = whole(&plain, &database, "t").await;
            assert_eq!((scanned.splits.len(), scanned.rows()), (1, 200_000));
            assert!(scanned.plan.notes.is_empty(), "{:?}", scanned.plan.notes);
        }
    }
}

/// A join by the key of a large table is cut like the table, unless an index finds its rows.
#[tokio::test(flavor = "multi_thread")]
async fn joins_are_cut_by_the_key_that_they_join_by() {
    for product in Product::ALL {
        let setup = format!(
            "{DIGITS} {NUMBERS} {} CREATE TABLE o (n int PRIMARY KEY, owner int, note int); \
             INSERT INTO o SELECT i, i * 2, i % 4 FROM number WHERE i < 100000; ANALYZE TABLE t, o",
            large("t", "int", "i")
        );
        let database = Database::new(product, "split_join", &setup).await;
        let connector = database.connector();
        let tables = [database.table("t"), database.table("o")];
        let inputs = vec![
            Arc::new(connector.get_table(&tables[0]).await.unwrap()),
            Arc::new(connector.get_table(&tables[1]).await.unwrap()),
        ];
        let [left, right] = tables.map(|table| Input { relation: Relation::Table(table), filters: Vec::new() });
        let below = |column: &str, most| Expr::column(column).compare(CompareOp::Lt, Value::Int64(most));
        let few = Input { filters: vec![below("k", 5)], ..left.clone() };
        let half = Input { filters: vec![below("note", 2)], ..right.clone() };
        for (left, right, rows, cut) in
            [(left.clone(), right, 100_000, true), (left, half.clone(), 50_000, true), (few, half, 2, false)]
        {
            let columns = vec![JoinColumn { side: Side::Right, column: "n".to_owned(), name: "n".to_owned() }];
            let on = vec![("k".to_owned(), "owner".to_owned())];
            let join = Relation::Join(Box::new(Join { left, right, on, columns }));
            let Derived::Table(table) = connector.derive(&join, &inputs).await.unwrap() else { panic!("refused") };
            let plan = connector.plan_scan(&table, &ScanRequest::relation(join)).await.unwrap();
            assert_eq!(plan.requests.len() > 1, cut, "{product}: {:?}", plan.requests);
            let context = in_a_query();
            let splits: Vec<Split> =
                connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
            let mut found = 0;
            for split in &splits {
                let batches: Vec<_> = connector.read(split, &context).await.unwrap().try_collect().await.unwrap();
                found += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
            }
            assert_eq!(found, rows, "{product}: {:?}", plan.requests);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_touches_come_once_while_others_come_and_go() {
    for product in Product::ALL {
        let setup = format!("{DIGITS} {NUMBERS} {} ANALYZE TABLE t", large("t", "int", "i * 10"));
        let database = Arc::new(Database::new(product, "split_busy", &setup).await);
        let connector = database.connector();
        let done = Arc::new(AtomicBool::new(false));
        let writer = {
            let (database, done) = (Arc::clone(&database), Arc::clone(&done));
            tokio::spawn(async move {
                let mut turns = 0;
                while !done.load(Relaxed) {
                    database.run("INSERT INTO t SELECT i * 10 + 1, -1, 0, 'new' FROM number WHERE i % 500 = 0").await;
                    database.run("DELETE FROM t WHERE id = -1").await;
                    turns += 1;
                }
                turns
            })
        };
        for _ in 0..3 {
            let scanned = whole(&connector, &database, "t").await;
            assert!(scanned.splits.len() > 1);
            let untouched: Vec<i64> = scanned.integers("id").into_iter().filter(|id| *id >= 0).collect();
            assert!(untouched.into_iter().eq(0..200_000), "{product}");
        }
        done.store(true, Relaxed);
        assert!(writer.await.unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_share_the_connections_of_a_query_and_none_waits_for_another() {
    for product in Product::ALL {
        let setup = format!("{DIGITS} {NUMBERS} {} ANALYZE TABLE t", large("t", "int", "i"));
        let database = Database::new(product, "split_share", &setup).await;
        let settings = [("max_connections", Setting::Integer(4)), ("acquire_timeout", text("30s"))];
        let connector = database.connector_with(&settings);
        let request = ScanRequest::table(database.table("t")).with_projection(["id"]);
        let context = in_a_query();
        context.scope.add_scan();
        let scans = (0..2).map(|_| scan_with(&connector, &request, None, &context));
        for scanned in futures::future::join_all(scans).await {
            each_once(&scanned.unwrap(), 200_000, "both");
        }
        let keys = JoinKeys::new(vec!["id".to_owned()], (0..25_000).map(|i| vec![Value::Int64(i)]).collect());
        let keyed = scan_with(&connector, &request, Some(&keys), &in_a_query()).await.unwrap();
        assert_eq!(keyed.rows(), if keyed.splits.len() == 3 { 25_000 } else { 200_000 });
    }
}
