//! Dropping a stream ends the server's work.

use crate::support::{DIGITS, Database, scan, splits};
use futures::StreamExt as _;
use headwater_core::config::Setting;
use headwater_core::{ScanContext, ScanRequest};
use headwater_harness::Product;
use std::time::{Duration, Instant};

/// 10,000 rows of a megabyte, each made when it is sent: no server gets to the end while a test looks.
fn setup() -> String {
    format!(
        "{DIGITS} CREATE TABLE many AS SELECT a.n AS i FROM digit a, digit b, digit c, digit d; \
         CREATE VIEW endless AS SELECT i, repeat('x', 1000000) AS filler FROM many; \
         CREATE VIEW silent AS SELECT sleep(60) AS i; CREATE TABLE t AS SELECT 1 AS id"
    )
}

async fn wait_until_idle(database: &Database) {
    let started = Instant::now();
    while database.running().await > 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "still running");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn kills_since(database: &Database, position: u64) -> usize {
    let statements = database.server.statements_since(position).unwrap();
    statements.iter().filter(|statement| statement.text.starts_with("KILL QUERY ")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_kills_its_statement_and_its_place_is_free() {
    for product in Product::ALL {
        let database = Database::new(product, "cancel_stream", &setup()).await;
        let connector = database.connector_with(&[("max_connections", Setting::Integer(1))]);
        let (name, context) = (database.table("endless"), ScanContext::new("cancel"));
        let split = &splits(&connector, &name, &context).await[0];
        let position = database.server.log_position().unwrap();
        for _ in 0..3 {
            let mut stream = connector.read(split, &context).await.unwrap();
            stream.next().await.unwrap().unwrap();
            assert_eq!(database.running().await, 1);
            drop(stream);
            assert_eq!(scan(&connector, &ScanRequest::table(database.table("t"))).await.unwrap().rows(), 1);
            wait_until_idle(&database).await;
        }
        assert!(kills_since(&database, position) >= 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_has_sent_nothing_is_killed_too() {
    for product in Product::ALL {
        let database = Database::new(product, "cancel_silent", &setup()).await;
        let connector = database.connector();
        let context = ScanContext::new("cancel");
        let split = &splits(&connector, &database.table("silent"), &context).await[0];
        let mut read = Box::pin(async { connector.read(split, &context).await.unwrap().next().await });
        let waited = tokio::time::timeout(Duration::from_millis(500), &mut read).await;
        assert!(waited.is_err());
        assert_eq!(database.running().await, 1);
        drop(read);
        wait_until_idle(&database).await;
    }
}

#[test]
fn a_stream_may_be_dropped_outside_of_the_runtime() {
    for product in Product::ALL {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (database, stream) = runtime.block_on(async {
            let database = Database::new(product, "cancel_outside", &setup()).await;
            let connector = database.connector();
            let context = ScanContext::new("cancel");
            let split = &splits(&connector, &database.table("endless"), &context).await[0];
            let mut stream = connector.read(split, &context).await.unwrap();
            stream.next().await.unwrap().unwrap();
            (database, stream)
        });
        drop(stream);
        runtime.block_on(wait_until_idle(&database));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ended_is_not_killed_and_its_connection_is_used_again() {
    for product in Product::ALL {
        let database = Database::new(product, "cancel_not", &setup()).await;
        let connector = database.connector();
        let position = database.server.log_position().unwrap();
        for _ in 0..5 {
            assert_eq!(scan(&connector, &ScanRequest::table(database.table("t"))).await.unwrap().rows(), 1);
        }
        assert_eq!(kills_since(&database, position), 0);
        assert_eq!(database.sessions().await.len(), 1);
    }
}
