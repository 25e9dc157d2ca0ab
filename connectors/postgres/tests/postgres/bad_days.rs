//! Servers that stop and connections that break, at the worst moment.

use crate::support::{Database, connector, scan, table, text};
use futures::{StreamExt as _, TryStreamExt as _};
use headwater_core::{Connector, ErrorKind, Retry, ScanContext, ScanRequest, Split};
use headwater_harness::Postgres;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Passes everything on, until so many bytes have come from the server; then resets that connection, once.
struct Relay {
    port: u16,
    left: Arc<AtomicUsize>,
}

impl Relay {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let counter = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(pass(near, far, Arc::clone(&counter)));
            }
        });
        Self { port, left }
    }

    fn break_after(&self, bytes: usize) {
        self.left.store(bytes, Ordering::SeqCst);
    }
}

async fn pass(near: TcpStream, far: TcpStream, left: Arc<AtomicUsize>) {
    near.set_zero_linger().unwrap();
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let up = async { tokio::io::copy(&mut from_near, &mut to_far).await.map(drop) };
    let down = async {
        let mut buffer = vec![0; 16 << 10];
        loop {
            let read = from_far.read(&mut buffer).await?;
            let before = left.load(Ordering::SeqCst);
            if read == 0 || before < read {
                left.store(usize::MAX, Ordering::SeqCst);
                return Ok(());
            }
            if before != usize::MAX {
                left.store(before - read, Ordering::SeqCst);
            }
            to_near.write_all(&buffer[..read]).await?;
        }
    };
    let _: std::io::Result<()> = tokio::select! { done = up => done, done = down => done };
}

const ROWS: &str = "CREATE TABLE t AS SELECT i AS id, repeat('x', 100) AS filler FROM generate_series(1, 100000) i";

async fn split_of(connector: &Arc<dyn Connector>) -> Split {
    let metadata = connector.get_table(&table("t")).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(table("t"))).await.unwrap();
    let context = ScanContext::new("bad");
    connector.splits(&plan, None, &context).await.unwrap().stream.next().await.unwrap().unwrap()
}

async fn through_a_relay(name: &str) -> (Database, Relay, Arc<dyn Connector>) {
    let database = Database::new(name, ROWS).await;
    let relay = Relay::to(database.server.port()).await;
    let url = format!("postgres://{}@127.0.0.1:{}/{name}", database.server.user(), relay.port);
    let connector =
        database.connector_with(&[("url", text(url)), ("sslmode", text("require")), ("sslrootcert", text(""))]);
    (database, relay, connector)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_before_a_batch_has_left_is_replaced() {
    let (_database, relay, connector) = through_a_relay("bad_early").await;
    let split = split_of(&connector).await;
    for bytes in [0, 10_000, 500_000] {
        let context = ScanContext::new("early");
        relay.break_after(bytes);
        let batches: Vec<_> = connector.read(&split, &context).await.unwrap().try_collect().await.unwrap();
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 100_000, "{bytes}");
        // The very first bytes are those of the pooled connection's greeting, which the pool replaces by itself.
        assert_eq!(context.metrics.snapshot().retries, u64::from(bytes > 0), "{bytes}");
        assert_eq!(context.metrics.snapshot().rows, 100_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_after_a_batch_has_left_is_an_error_for_good() {
    let (_database, relay, connector) = through_a_relay("bad_late").await;
    let split = split_of(&connector).await;
    relay.break_after(5_000_000);
    let context = ScanContext::new("late");
    let mut batches = connector.read(&split, &context).await.unwrap();
    let mut rows = 0;
    let error = loop {
        match batches.next().await {
            Some(Ok(batch)) => rows += batch.num_rows(),
            Some(Err(error)) => break error,
            None => panic!("{rows} rows passed for all"),
        }
    };
    assert!(rows > 0 && rows < 100_000);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::No), "{error:?}");
    assert!(batches.next().await.is_none(), "nothing follows an error");
    assert_eq!(scan(&connector, &ScanRequest::table(table("t"))).await.unwrap().rows(), 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_ends_a_read_with_its_code_and_the_next_one_works() {
    let server = Postgres::start().await.unwrap();
    server.create_database("restart").await.unwrap();
    let client = server.client("restart").await.unwrap();
    client
        .batch_execute(&format!("{ROWS}; CREATE VIEW endless AS SELECT generate_series(1, 1000000000000) AS id"))
        .await
        .unwrap();
    let url = format!("postgres://{}@{}:{}/restart", server.user(), server.host(), server.port());
    let ca = server.ca_certificate().display().to_string();
    let connector = connector(&[("url", text(url)), ("password", text(server.password())), ("sslrootcert", text(ca))]);
    let metadata = connector.get_table(&table("endless")).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(table("endless"))).await.unwrap();
    let context = ScanContext::new("restart");
    let split = connector.splits(&plan, None, &context).await.unwrap().stream.next().await.unwrap().unwrap();
    let mut batches = connector.read(&split, &context).await.unwrap();
    batches.next().await.unwrap().unwrap();
    drop(client);
    server.restart().await.unwrap();
    let error = loop {
        match batches.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("an endless answer ended"),
        }
    };
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::No), "{error:?}");
    assert!(error.hint().is_some());
    assert_eq!(scan(&connector, &ScanRequest::table(table("t"))).await.unwrap().rows(), 100_000);
    server.stop().await.unwrap();
}
