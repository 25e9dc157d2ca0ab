//! How reads end: dropped, cut, stopped, drained.

use crate::support::{PATIENCE, Running, config, connector, count, ending, first_split, rows_of};
use crate::watched::{Seen, Watched};
use futures::StreamExt;
use headwater_core::{ErrorKind, Retry, ScanContext};
use headwater_server::FlightServer;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Waits until the far side has no stream left.
async fn all_closed(seen: &Seen) {
    let closed = async {
        while seen.open.load(SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, closed).await.expect("the far side goes on reading");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_stream_stops_the_far_read() {
    let watched = Watched::new();
    let server = Running::of(watched.clone()).await;
    let remote = server.remote();
    for table in ["endless", "silent"] {
        let split = first_split(&remote, table).await;
        let mut stream = remote.read(&split, &ScanContext::new("dropped")).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        assert_eq!(watched.seen.open.load(SeqCst), 1);
        drop(stream);
        all_closed(&watched.seen).await;
    }
}

/// Data of dropped reads are still on their way when they are dropped, which is no reason to give up the connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_dropped_reads_leave_the_others_alone() {
    let watched = Watched::new();
    let server = Running::of(watched.clone()).await;
    let remote = server.remote();
    let split = first_split(&remote, "endless").await;
    let context = ScanContext::new("dropped");
    let mut held = remote.read(&split, &context).await.unwrap();
    for _ in 0..150 {
        let reads = (0..10).map(|_| async {
            let mut stream = remote.read(&split, &context).await.unwrap();
            assert!(stream.next().await.unwrap().is_ok());
        });
        futures::future::join_all(reads).await;
    }
    for _ in 0..10_000 {
        held.next().await.unwrap().unwrap();
    }
    drop(held);
    all_closed(&watched.seen).await;
}

/// The server's process dies: all its tasks are gone, and its sockets with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_the_middle_of_a_read_is_an_error() {
    let far = tokio::runtime::Runtime::new().unwrap();
    let server = far.spawn(Running::of(Watched::new())).await.unwrap();
    let remote = server.remote();
    for table in ["endless", "silent"] {
        let split = first_split(&remote, table).await;
        let mut stream = remote.read(&split, &ScanContext::new("cut")).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        if table == "silent" {
            far.shutdown_background();
            let error = timeout(PATIENCE, ending(stream)).await.unwrap();
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::No), "{error:?}");
            assert!(error.to_string().contains("went away in the middle of an answer"), "{error}");
            assert!(format!("{error:?}").contains(&format!("127.0.0.1:{}", server.port)), "{error:?}");
            assert!(error.hint().is_some());
            break;
        }
    }
    let error = count(&remote, "numbers").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().starts_with(&format!("cannot reach the server at 127.0.0.1:{}", server.port)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_never_there_is_an_error_with_its_address() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = count(&connector(config(port)), "numbers").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_opened_again_when_the_server_is_back() {
    let secret = || headwater_core::Secret::new("0123456789abcdef");
    let builder = || {
        let builder = FlightServer::builder().with_catalog("main", "memory", Arc::new(Watched::new()));
        builder.with_ticket_secret(secret())
    };
    let server = Running::new(builder()).await;
    let (port, remote) = (server.port, server.remote());
    let split = first_split(&remote, "numbers").await;
    timeout(PATIENCE, server.stop()).await.unwrap().unwrap().unwrap();
    assert_eq!(count(&remote, "numbers").await.unwrap_err().kind(), ErrorKind::Unavailable);
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let again = tokio::spawn(builder().build().unwrap().serve(listener, std::future::pending()));
    // A split of before the restart is still good, as the servers share their secret.
    let rows = rows_of(remote.read(&split, &ScanContext::new("again")).await.unwrap()).await;
    assert_eq!(rows.unwrap(), 1_000);
    again.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_lets_reads_finish_for_a_while() {
    let builder = FlightServer::builder().with_catalog("main", "memory", Arc::new(Watched::new()));
    let server = Running::new(builder.with_drain_timeout(Duration::from_millis(300))).await;
    let remote = server.remote();
    let context = ScanContext::new("drain");
    let (short, long) = (first_split(&remote, "numbers").await, first_split(&remote, "endless").await);
    let mut short = remote.read(&short, &context).await.unwrap();
    let mut long = remote.read(&long, &context).await.unwrap();
    assert!(long.next().await.unwrap().is_ok());
    let stopped = server.stop();
    assert_eq!(short.next().await.unwrap().unwrap().num_rows(), 1_000);
    assert!(short.next().await.is_none());
    let error = timeout(PATIENCE, ending(long)).await.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(error.to_string(), "the server was stopped before the split was read to its end");
    timeout(PATIENCE, stopped).await.unwrap().unwrap().unwrap();
}
