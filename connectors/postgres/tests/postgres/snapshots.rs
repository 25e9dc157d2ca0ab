//! One moment for all that a query reads.

use crate::support::{Database, read_all, table};
use futures::TryStreamExt as _;
use headwater_core::config::Setting;
use headwater_core::{Connector, ErrorKind, QueryScope, ScanContext, ScanPlan, ScanRequest};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Money moves between the rows of two tables; together they always hold 2,000,000. The rows are wide, so that both are
/// cut into ranges, and each move writes rows at the end of its table.
const ACCOUNTS: &str = "
CREATE TABLE checking AS SELECT i AS id, 10 AS amount, repeat('x', 380) AS filler FROM generate_series(1, 100000) i;
CREATE TABLE savings AS SELECT * FROM checking; ALTER TABLE checking ADD PRIMARY KEY (id);
ALTER TABLE savings ADD PRIMARY KEY (id); ANALYZE";

const MOVE: &str = "WITH taken AS (UPDATE checking SET amount = amount - 1 WHERE id % 500 = $1 RETURNING id) \
    UPDATE savings SET amount = amount + 1 FROM taken WHERE savings.id = 100001 - taken.id";

async fn plan(connector: &Arc<dyn Connector>, name: &str) -> ScanPlan {
    let metadata = connector.get_table(&table(name)).await.unwrap();
    connector.plan_scan(&metadata, &ScanRequest::table(table(name)).with_projection(["amount"])).await.unwrap()
}

/// The contexts of the scans of one query.
fn contexts(scans: usize) -> Vec<ScanContext> {
    let scope = Arc::new(QueryScope::default());
    (0..scans).for_each(|_| scope.add_scan());
    (0..scans).map(|_| ScanContext { scope: Arc::clone(&scope), ..ScanContext::new("moment") }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tables_read_in_many_parts_while_rows_move_still_add_up() {
    let database = Database::new("snapshot_sums", ACCOUNTS).await;
    let connector = database.connector();
    let plans = [plan(&connector, "checking").await, plan(&connector, "savings").await];
    assert!(plans.iter().all(|plan| plan.requests.len() > 1));
    let writer = database.server.client(&database.name).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let done = Arc::clone(&done);
        async move {
            let mut moves = 0;
            while !done.load(Ordering::Relaxed) {
                writer.execute(MOVE, &[&(moves % 500)]).await.unwrap();
                moves += 1;
            }
            moves
        }
    });
    let mut checking_sums = Vec::new();
    for _ in 0..6 {
        let mut sums = Vec::new();
        for (plan, context) in plans.iter().zip(contexts(2)) {
            let scanned = read_all(&connector, plan.clone(), None, &context).await.unwrap();
            assert_eq!(scanned.rows(), 100_000, "a row that moved is there once");
            sums.push(scanned.integers("amount").iter().sum::<i64>());
        }
        assert_eq!(sums.iter().sum::<i64>(), 2_000_000, "{sums:?}");
        checking_sums.push(sums[0]);
    }
    done.store(true, Ordering::Relaxed);
    let moves = writing.await.unwrap();
    checking_sums.dedup();
    assert!(moves > 1 && checking_sums.len() > 1, "nothing moved: {moves} moves, {checking_sums:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moment_ends_with_the_query_and_its_connection_is_used_again() {
    let database = Database::new("snapshot_end", ACCOUNTS).await;
    let connector = database.connector_with(&[("max_connections", Setting::Integer(3))]);
    let plan = plan(&connector, "checking").await;
    for _ in 0..5 {
        let context = ScanContext::new("moment");
        assert_eq!(read_all(&connector, plan.clone(), None, &context).await.unwrap().rows(), 100_000);
        assert_eq!(idle_in_transaction(&database).await, 1);
        context.scope.end();
        for _ in 0..100 {
            if idle_in_transaction(&database).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(idle_in_transaction(&database).await, 0);
    }
    assert_eq!(database.sessions().await.1, 3, "the same connections all the time");
}

async fn idle_in_transaction(database: &Database) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND application_name LIKE 'headwater:%' AND state = 'idle in transaction'";
    database.client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_that_was_lost_is_an_error_and_never_another_moment() {
    let database = Database::new("snapshot_lost", ACCOUNTS).await;
    let connector = database.connector();
    let plan = plan(&connector, "checking").await;
    let context = ScanContext::new("moment");
    let splits: Vec<_> = connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    let first: Vec<_> = connector.read(&splits[0], &context).await.unwrap().try_collect().await.unwrap();
    assert!(!first.is_empty());
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
        AND application_name LIKE 'headwater:%' AND state = 'idle in transaction'";
    database.client.batch_execute(kill).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let error = connector.read(&splits[1], &context).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("snapshot was lost"), "{error:?}");
    assert_eq!(error.hint(), Some("run the statement again"));
    // The next query has a moment of its own.
    let again = read_all(&connector, plan, None, &ScanContext::new("again")).await.unwrap();
    assert_eq!(again.rows(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_keep_a_moment_leave_connections_to_those_who_read() {
    let database = Database::new("snapshot_keepers", ACCOUNTS).await;
    let settings = [("max_connections", Setting::Integer(4)), ("acquire_timeout", Setting::Text("400ms".into()))];
    let connector = database.connector_with(&settings);
    let plan = plan(&connector, "checking").await;
    let (first, second, third) = (ScanContext::new("a"), ScanContext::new("b"), ScanContext::new("c"));
    for context in [&first, &second] {
        assert_eq!(read_all(&connector, plan.clone(), None, context).await.unwrap().rows(), 100_000);
    }
    let error = read_all(&connector, plan.clone(), None, &third).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
    drop((first, second));
    let fourth = ScanContext::new("d");
    assert_eq!(read_all(&connector, plan, None, &fourth).await.unwrap().rows(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_of_one_statement_needs_one_connection() {
    let database = Database::new("snapshot_single", "CREATE TABLE t AS SELECT 1 AS amount").await;
    let connector = database.connector();
    let plan = plan(&connector, "t").await;
    let context = &contexts(1)[0];
    assert_eq!(read_all(&connector, plan.clone(), None, context).await.unwrap().rows(), 1);
    assert_eq!(database.sessions().await.1, 1);
    // Another scan of the same query shares a moment with it.
    let pair = contexts(2);
    assert_eq!(read_all(&connector, plan, None, &pair[0]).await.unwrap().rows(), 1);
    assert_eq!(idle_in_transaction(&database).await, 1);
}
