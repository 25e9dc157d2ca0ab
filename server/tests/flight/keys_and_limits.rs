//! What travels, how much of it, and what it has cost.

use crate::support::{PATIENCE, Running, config, connector, count, ending, first_split, name, plan, rows_of, splits};
use crate::watched::{HUGE, MANY, Watched};
use futures::{StreamExt, TryStreamExt};
use headwater_core::{
    Answer, CompareOp, ErrorKind, Expr, JoinKeys, KeyDecision, Retry, ScanContext, ScanRequest, Value,
};
use headwater_remote::RemoteConfig;
use headwater_server::FlightServer;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn join_keys_travel_through_and_so_does_what_became_of_them() {
    let watched = Watched::new();
    let server = Running::of(watched.clone()).await;
    let remote = server.remote();
    let plan = plan(&remote, &ScanRequest::table(name("numbers"))).await.unwrap();
    assert_eq!(plan.key_columns, ["n"]);
    // As many as the engine ever sends, of every kind.
    let mut tuples: Vec<Vec<Value>> = (0..100_000).map(|n| vec![Value::Int64(i64::MAX - n)]).collect();
    tuples.extend([
        vec![Value::UInt64(u64::MAX)],
        vec![Value::Float64(f64::NEG_INFINITY)],
        vec![Value::Decimal { unscaled: i128::MIN, scale: -3 }],
        vec![Value::Utf8("O'Brien \u{1F600}\n".to_owned())],
        vec![Value::Binary(vec![0, 255, 10])],
        vec![Value::Instant(i64::MIN)],
    ]);
    let keys = JoinKeys::new(vec!["n".to_owned()], tuples);
    let context = ScanContext::new("keys");
    let (decision, splits) = splits(&remote, &plan, Some(&keys), &context).await.unwrap();
    assert_eq!(decision, KeyDecision::Declined { keys: 100_006, reason: "not today".to_owned() });
    assert_eq!(splits.len(), 1);
    assert!(*watched.seen.keys.lock().unwrap() == vec![Some(keys)], "the keys arrived otherwise than they left");
    assert_eq!(context.metrics.snapshot().requests, 1);
}

/// Keys that no request can hold are left out; the scan itself does not fail for them.
#[tokio::test(flavor = "multi_thread")]
async fn join_keys_too_large_to_send_are_declined_here() {
    let watched = Watched::new();
    let server = Running::of(watched.clone()).await;
    let remote = server.remote();
    let plan = plan(&remote, &ScanRequest::table(name("numbers"))).await.unwrap();
    let context = ScanContext::new("keys");
    let keys_of = |mebibytes: usize| {
        let tuples = (0..mebibytes).map(|n| vec![Value::Utf8(format!("{n:07}").repeat((1 << 20) / 7))]);
        JoinKeys::new(vec!["n".to_owned()], tuples.collect())
    };
    // More than the server takes, and more than is sent to it.
    for mebibytes in [70, 33] {
        let keys = keys_of(mebibytes);
        let (decision, splits) = splits(&remote, &plan, Some(&keys), &context).await.unwrap();
        let KeyDecision::Declined { keys, reason } = decision else { panic!("{decision:?}") };
        assert_eq!(keys, mebibytes as u64);
        assert!(reason.ends_with("too large to send"), "{reason}");
        assert_eq!(splits.len(), 1);
    }
    let keys = keys_of(31);
    let (decision, _) = splits(&remote, &plan, Some(&keys), &context).await.unwrap();
    assert_eq!(decision, KeyDecision::Declined { keys: 31, reason: "not today".to_owned() });
    assert!(*watched.seen.keys.lock().unwrap() == [None, None, Some(keys)], "what the server has seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_that_of_the_far_side() {
    let watched = Watched::new();
    let server = Running::of(watched.clone()).await;
    let remote = server.remote();
    let split = first_split(&remote, "numbers").await;
    let context = ScanContext::new("query-17");
    assert_eq!(rows_of(remote.read(&split, &context).await.unwrap()).await.unwrap(), 1_000);
    let counted = context.metrics.snapshot();
    assert_eq!((counted.rows, counted.decoded_bytes, counted.requests, counted.retries), (1_000, 8_000, 1, 2));
    assert_eq!((counted.wire_bytes, counted.milli_capacity), (1_000, 500));
    assert_eq!(counted.remote_time, Duration::from_micros(7));
    assert_eq!(*watched.seen.query_ids.lock().unwrap(), ["query-17"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_splits_come_in_pages() {
    let server = Running::of(Watched::new()).await;
    let remote = server.remote();
    let plan = plan(&remote, &ScanRequest::table(name("many"))).await.unwrap();
    let context = ScanContext::new("many");
    let (_, splits) = splits(&remote, &plan, None, &context).await.unwrap();
    let sent: Vec<_> = splits.iter().map(|split| split.request.clone()).collect();
    assert!(sent == plan.requests && sent.len() == MANY, "{} splits", sent.len());
    // Counted once, not once per page.
    assert_eq!(context.metrics.snapshot().requests, 1);
    assert_eq!(count(&remote, "many").await.unwrap(), MANY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_larger_than_any_batch_arrives() {
    let server = Running::of(Watched::new()).await;
    let remote = server.remote();
    let split = first_split(&remote, "huge").await;
    let context = ScanContext { max_batch_bytes: 1 << 20, ..ScanContext::new("huge") };
    let batches: Vec<_> = remote.read(&split, &context).await.unwrap().try_collect().await.unwrap();
    let texts =
        batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| Value::from_array(batch.column(0), row)));
    let lengths: Vec<_> = texts.map(|text| if let Some(Value::Utf8(text)) = text { text.len() } else { 0 }).collect();
    assert_eq!(lengths, [1, HUGE, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_arrives_with_all_that_it_says_and_after_the_rows_before_it() {
    let server = Running::of(Watched::new()).await;
    let remote = server.remote();
    let split = first_split(&remote, "failing").await;
    let context = ScanContext::new("failing");
    let error = ending(remote.read(&split, &context).await.unwrap()).await;
    assert_eq!(context.metrics.snapshot().rows, 1_000);
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.to_string(), "the source is busy: try \"later\"");
    assert_eq!(error.hint(), Some("wait ☃"));
    // Rows of it are gone already: a repeated read would give them twice.
    assert_eq!(error.retry(), Retry::No);
    let address = format!("127.0.0.1:{}", server.port);
    let facts: Vec<_> = error.context().iter().map(|(key, value)| (key.as_ref(), value.as_str())).collect();
    assert_eq!(facts, [("code", "429"), ("server", address.as_str())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_before_any_row_says_when_to_read_again() {
    let server = Running::of(Watched::new()).await;
    let remote = server.remote();
    let split = first_split(&remote, "busy").await;
    let error = ending(remote.read(&split, &ScanContext::new("busy")).await.unwrap()).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Throttled, Retry::After(Duration::from_millis(1_500))));
}

/// All calls share a connection: reads that nobody takes from must not stop the others.
#[tokio::test(flavor = "multi_thread")]
async fn reads_that_stand_still_do_not_stop_others() {
    let watched = Watched::new();
    let server = Running::of(watched.clone()).await;
    let remote = server.remote();
    let split = first_split(&remote, "endless").await;
    let context = ScanContext::new("still");
    let mut standing = Vec::new();
    for _ in 0..40 {
        let mut stream = remote.read(&split, &context).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        standing.push(stream);
    }
    // The server has sent all that it may.
    let mut sent = 0;
    while watched.seen.endless.load(SeqCst) > sent {
        sent = watched.seen.endless.load(SeqCst);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(timeout(PATIENCE, count(&remote, "numbers")).await.unwrap().unwrap(), 1_000);
    // And they go on from where they stood.
    for stream in &mut standing {
        assert!(stream.next().await.unwrap().is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_beyond_the_servers_bound_wait_and_then_say_so() {
    let watched = Watched::new();
    let builder = FlightServer::builder().with_catalog("main", "memory", Arc::new(watched.clone()));
    let server = Running::new(builder.with_max_reads(1).with_call_timeout(Duration::from_millis(200))).await;
    let remote = connector(RemoteConfig { catalog: Some("main".to_owned()), ..config(server.port) });
    let plan = plan(&remote, &ScanRequest::table(name("many"))).await.unwrap();
    assert_eq!(plan.max_parallel_splits, Some(1));
    let split = first_split(&remote, "endless").await;
    let context = ScanContext::new("busy");
    let held = remote.read(&split, &context).await.unwrap();
    let error = remote.read(&split, &context).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error:?}");
    // The one that holds them up is taken from by nobody.
    assert!(error.hint().unwrap().ends_with("reads that stand still count too"), "{error:?}");
    assert_eq!(watched.seen.open.load(SeqCst), 1);
    drop(held);
    assert_eq!(timeout(PATIENCE, count(&remote, "numbers")).await.unwrap().unwrap(), 1_000);
}

/// Long chains are flat when they travel; what is still too deep is refused, and the limit with it.
#[tokio::test(flavor = "multi_thread")]
async fn deeply_nested_conditions_travel_or_are_refused() {
    let server = Running::of(Watched::new()).await;
    let remote = server.remote();
    let is = |n: usize| Expr::column("text").compare(CompareOp::Eq, Value::Utf8(n.to_string()));
    let chain = (1..300).fold(is(0), |chain, n| Expr::Or(vec![chain, is(n)]));
    let deep = (0..100).fold(is(0), |deep, _| deep.negate());
    let request = ScanRequest::table(name("huge")).with_filters(vec![chain.clone()]).with_limit(1);
    let travels = plan(&remote, &request).await.unwrap();
    assert_eq!((travels.filters.as_slice(), &travels.request), ([Answer::Exact].as_slice(), &request));
    assert!(matches!(travels.limit, Some(Answer::Inexact(_))), "{:?}", travels.limit);
    let request = request.with_filters(vec![deep, chain]);
    let refused = plan(&remote, &request).await.unwrap();
    assert!(matches!(refused.filters.as_slice(), [Answer::Refused(_), Answer::Exact]), "{:?}", refused.filters);
    assert!(matches!(refused.limit, Some(Answer::Refused(_))), "{:?}", refused.limit);
    assert_eq!(splits(&remote, &refused, None, &ScanContext::new("deep")).await.unwrap().1.len(), 1);
}
