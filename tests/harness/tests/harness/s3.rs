//! The S3 server and its proxies.

use futures::TryStreamExt as _;
use headwater_harness::{Fault, S3};
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::gone::assert_gone;

fn port(server: &S3) -> u16 {
    server.endpoint().rsplit(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn objects_are_written_listed_read_and_deleted() {
    let server = S3::shared().await.unwrap();
    server.create_bucket("objects").await.unwrap();
    server.create_bucket("objects").await.unwrap();
    server.put("objects", "a/one.csv", "1,2\n").await.unwrap();
    server.put("objects", "a/b c=ü.csv", vec![7; 5]).await.unwrap();
    server.put("objects", "z", "").await.unwrap();
    let listed = server.list("objects", "a").await.unwrap();
    assert_eq!(listed, [("a/b c=ü.csv".to_owned(), 5), ("a/one.csv".to_owned(), 4)]);
    let client = server.client("objects").unwrap();
    let range = client.get_range(&Path::from("a/one.csv"), 2..4).await.unwrap();
    assert_eq!(&range[..], b"2\n");
    server.delete("objects", "a/one.csv").await.unwrap();
    assert_eq!(server.list("objects", "").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_wrong_secret_is_refused() {
    let server = S3::shared().await.unwrap();
    let client = server.builder(server.readable_bucket()).with_secret_access_key("wrong").build().unwrap();
    let error = client.list(None).try_collect::<Vec<_>>().await.unwrap_err();
    assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
    assert!(!format!("{server:?}").contains(server.secret_key()));
}

#[tokio::test]
async fn the_reader_reads_one_bucket_and_writes_nothing() {
    let server = S3::shared().await.unwrap();
    server.create_bucket("closed").await.unwrap();
    server.put("closed", "key", "secret").await.unwrap();
    server.put(server.readable_bucket(), "key", "open").await.unwrap();
    let reader = |bucket| {
        let builder = server.builder(bucket).with_access_key_id(server.reader_access_key());
        builder.with_secret_access_key(server.reader_secret_key()).build().unwrap()
    };
    let key = Path::from("key");
    let read = reader(server.readable_bucket()).get(&key).await.unwrap().bytes().await.unwrap();
    assert_eq!(&read[..], b"open");
    let refused = [
        reader("closed").get(&key).await.err(),
        reader("closed").list(None).try_collect::<Vec<_>>().await.err(),
        reader(server.readable_bucket()).put(&Path::from("new"), "x".into()).await.err(),
    ];
    for error in refused {
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("AccessDenied"), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_records_objects_and_ranges() {
    let server = S3::shared().await.unwrap();
    server.create_bucket("recorded").await.unwrap();
    server.put("recorded", "day=1/part.csv", "0123456789").await.unwrap();
    let proxy = server.proxy().await.unwrap();
    let client = server.builder("recorded").with_endpoint(proxy.endpoint()).build().unwrap();
    let key = Path::from("day=1/part.csv");
    assert_eq!(&client.get_range(&key, 2..5).await.unwrap()[..], b"234");
    assert_eq!(client.head(&key).await.unwrap().size, 10);
    assert_eq!(client.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 1);
    let requests = proxy.take_requests();
    let operations: Vec<&str> = requests.iter().map(|request| request.operation.as_str()).collect();
    assert_eq!(operations, ["GetObject", "HeadObject", "ListObjectsV2"]);
    assert_eq!(requests[0].range.as_deref(), Some("bytes=2-4"));
    assert_eq!((requests[0].status, requests[0].response_bytes), (Some(206), 3));
    assert!(requests[0].is_for("recorded", "day%3D1/part.csv"), "{}", requests[0].target);
    assert!(proxy.requests().is_empty());
}

#[tokio::test]
async fn faults_happen_to_the_requests_they_name() {
    let server = S3::shared().await.unwrap();
    server.create_bucket("faulty").await.unwrap();
    server.put("faulty", "key", "0123456789").await.unwrap();
    let proxy = server.proxy().await.unwrap();
    let client = server.builder("faulty").with_endpoint(proxy.endpoint()).build().unwrap();
    proxy.inject(Fault::slow_down("GetObject", 1));
    assert_eq!(&client.get(&Path::from("key")).await.unwrap().bytes().await.unwrap()[..], b"0123456789");
    let statuses: Vec<Option<u16>> = proxy.take_requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(503), Some(200)]);

    proxy.inject(Fault::cut("GetObject", 1, 4));
    let mut pieces = client.get(&Path::from("key")).await.unwrap().into_stream();
    let mut read = Vec::new();
    while let Ok(Some(piece)) = pieces.try_next().await {
        read.extend_from_slice(&piece);
    }
    // The client asks for the rest itself; the first request has not brought it.
    assert_eq!(read, b"0123456789");
    let ranges: Vec<Option<String>> = proxy.requests().into_iter().map(|request| request.range).collect();
    assert_eq!(ranges, [None, Some("bytes=4-9".to_owned())]);
}

#[tokio::test]
async fn objects_stay_in_a_directory_that_was_named_and_the_server_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let first = S3::start_in(place.path()).await.unwrap();
    first.create_bucket("kept").await.unwrap();
    for number in 0..50 {
        first.put("kept", &format!("{number}"), vec![1; 10_000]).await.unwrap();
    }
    let (secret, port) = (first.secret_key().to_owned(), port(&first));
    drop(first);
    let second = S3::start_in(place.path()).await.unwrap();
    assert_eq!(second.secret_key(), secret);
    let kept = second.list("kept", "").await.unwrap();
    assert_eq!(kept.len(), 50);
    let client = second.client("kept").unwrap();
    for (key, size) in kept {
        assert_eq!((size, client.get(&Path::from(key)).await.unwrap().bytes().await.unwrap().len()), (10_000, 10_000));
    }
    drop(second);
    assert_gone(port, std::path::Path::new("/nonexistent")).await;
}
