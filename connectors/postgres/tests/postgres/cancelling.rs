//! Dropping a stream ends the server's work.

use crate::support::{Database, table};
use futures::StreamExt as _;
use headwater_core::config::Setting;
use headwater_core::{Connector, ScanContext, ScanRequest, Split};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ENDLESS: &str = "CREATE VIEW endless AS SELECT generate_series(1, 1000000000000) AS i; \
    CREATE VIEW silent AS SELECT pg_sleep(60) IS NULL AS i";

async fn split(connector: &Arc<dyn Connector>, name: &str) -> Split {
    let metadata = connector.get_table(&table(name)).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(table(name))).await.unwrap();
    let mut splits = connector.splits(&plan, None, &ScanContext::new("cancel")).await.unwrap().stream;
    splits.next().await.unwrap().unwrap()
}

/// How long until no connection of ours runs anything.
async fn time_until_idle(database: &Database) -> Duration {
    let started = Instant::now();
    while database.sessions().await.0 > 0 {
        assert!(started.elapsed() < Duration::from_secs(5), "still running");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_stops_the_server_within_a_second() {
    let database = Database::new("cancel_stream", ENDLESS).await;
    let connector = database.connector_with(&[("max_connections", Setting::Integer(1))]);
    let split = split(&connector, "endless").await;
    for _ in 0..3 {
        let mut stream = connector.read(&split, &ScanContext::new("cancel")).await.unwrap();
        stream.next().await.unwrap().unwrap();
        assert_eq!(database.sessions().await.0, 1);
        drop(stream);
        assert!(time_until_idle(&database).await < Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_has_sent_nothing_is_stopped_too() {
    let database = Database::new("cancel_silent", ENDLESS).await;
    let connector = database.connector();
    let split = split(&connector, "silent").await;
    let context = ScanContext::new("cancel");
    let mut read = connector.read(&split, &context);
    // The server keeps its first answer back until there is something to send.
    let waited = tokio::time::timeout(Duration::from_millis(300), &mut read).await;
    assert!(waited.is_err());
    assert_eq!(database.sessions().await.0, 1);
    drop(read);
    assert!(time_until_idle(&database).await < Duration::from_secs(1));
}

#[test]
fn a_stream_may_be_dropped_outside_of_the_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (database, stream) = runtime.block_on(async {
        let database = Database::new("cancel_outside", ENDLESS).await;
        let connector = database.connector();
        let split = split(&connector, "endless").await;
        let mut stream = connector.read(&split, &ScanContext::new("cancel")).await.unwrap();
        stream.next().await.unwrap().unwrap();
        (database, stream)
    });
    drop(stream);
    assert!(runtime.block_on(time_until_idle(&database)) < Duration::from_secs(1));
}
