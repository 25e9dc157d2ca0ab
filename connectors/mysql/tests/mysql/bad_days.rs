//! Servers, networks and users on a bad day: one error each, with the server's own code, and nothing partial.

use crate::support::{DIGITS, Database, connector, scan, scan_with, splits, text};
use futures::{StreamExt as _, TryStreamExt as _};
use headwater_core::config::Setting;
use headwater_core::{Error, ErrorKind, Retry, ScanContext, ScanRequest, Value};
use headwater_harness::Product;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What stands between us and a server does to a connection.
#[derive(Clone)]
enum Way {
    /// Hands on so many bytes of what the server says, then resets the connection.
    Cut(usize),
    /// Hands everything on until told to reset all connections.
    Until(Arc<Notify>),
}

/// The port of a listener before the server.
async fn proxy(address: &str, server: u16, way: Way) -> u16 {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, server, way.clone()));
        }
    });
    port
}

async fn pass(mut client: TcpStream, server: u16, way: Way) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let (mut from_server, mut to_server) = server.split();
    let (mut from_client, mut to_client) = client.split();
    let back = tokio::io::copy(&mut from_client, &mut to_server);
    let forth = async {
        match way {
            Way::Cut(bytes) => {
                let mut cut = from_server.take(bytes as u64);
                tokio::io::copy(&mut cut, &mut to_client).await.ok();
            }
            Way::Until(told) => {
                let mut buffer = vec![0; 64 << 10];
                loop {
                    tokio::select! {
                        read = from_server.read(&mut buffer) => match read {
                            Ok(1..) if to_client.write_all(&buffer[..read.unwrap()]).await.is_ok() => {}
                            _ => break,
                        },
                        () = told.notified() => break,
                    }
                }
            }
        }
    };
    tokio::select! { _ = back => {}, () = forth => {} }
    // Not closed in good order: what is under way is lost.
    client.set_zero_linger().ok();
}

fn through(database: &Database, port: u16) -> Vec<(&'static str, Setting)> {
    let url = format!("mysql://{}@127.0.0.1:{port}/{}", database.server.user(), database.name);
    let ca = database.server.ca_certificate().display().to_string();
    vec![("url", text(url)), ("password", text(database.server.password())), ("sslrootcert", text(ca))]
}

async fn rest_of(mut stream: headwater_core::BatchStream) -> Error {
    let error = loop {
        match stream.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("a short answer looked whole"),
        }
    };
    assert!(stream.next().await.is_none(), "nothing follows an error");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_reset_while_rows_arrive_is_an_error_and_the_next_statement_is_fine() {
    for product in Product::ALL {
        let setup = format!(
            "{DIGITS} CREATE TABLE many AS SELECT a.n * 1000 + b.n * 100 + c.n * 10 + d.n AS id, repeat('x', 5000) AS x \
             FROM digit a, digit b, digit c, digit d"
        );
        let database = Database::new(product, "bad_reset", &setup).await;
        let told = Arc::new(Notify::new());
        let port = proxy("127.0.0.1", database.server.port(), Way::Until(Arc::clone(&told))).await;
        let connector = connector(&through(&database, port));
        let context = ScanContext { max_batch_rows: 10, ..ScanContext::new("reset") };
        let split = &splits(&connector, &database.table("many"), &context).await[0];
        let mut stream = connector.read(split, &context).await.unwrap();
        stream.next().await.unwrap().unwrap();
        // Again and again: a proxy that is writing does not hear it.
        let telling = tokio::spawn(async move {
            loop {
                told.notify_waiters();
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
        let error = rest_of(stream).await;
        telling.abort();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::No), "{error:?}");
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")) && error.hint().is_some(), "{error:?}");
        let request = ScanRequest::table(database.table("many"));
        assert_eq!(scan(&connector, &request).await.unwrap().rows(), 10_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_at_any_point_of_the_login_is_unavailable() {
    for product in Product::ALL {
        let database = Database::new(product, "bad_login", "CREATE TABLE t AS SELECT 1 AS id").await;
        for mode in ["verify-full", "disable"] {
            for bytes in [0, 3, 20, 80, 100, 200, 900] {
                let port = proxy("127.0.0.1", database.server.port(), Way::Cut(bytes)).await;
                let mut settings = through(&database, port);
                settings.push(("sslmode", text(mode)));
                let error = scan(&connector(&settings), &ScanRequest::table(database.table("t"))).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{product} {mode} {bytes}: {error:?}");
                assert!(!format!("{error:?}").contains(database.server.password()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_we_may_not_see_is_denied_and_the_others_are_read() {
    for product in Product::ALL {
        let setup = "CREATE TABLE t (id int, open int, secret int); INSERT INTO t VALUES (1, 2, 3); \
            CREATE USER partly IDENTIFIED BY 'hunter2'; GRANT SELECT (id, open) ON bad_column.t TO partly";
        let database = Database::new(product, "bad_column", setup).await;
        let all = database.connector();
        let partly = [("url", text(database.url_of("partly"))), ("password", text("hunter2"))];
        let connector = database.connector_with(&partly);
        let request = ScanRequest::table(database.table("t"));
        assert_eq!(scan(&connector, &request.clone().with_projection(["id", "open"])).await.unwrap().rows(), 1);
        // Planned by who may see it, read by who may not.
        let context = ScanContext::new("denied");
        let split = &splits(&all, &database.table("t"), &context).await[0];
        let error = connector.read(split, &context).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert!(error.to_string().contains("secret") && error.to_string().ends_with("[1143]"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_many_megabytes_is_read_and_one_above_the_limit_is_an_error() {
    for product in Product::ALL {
        let setup = "CREATE TABLE huge (id int, x longblob); INSERT INTO huge VALUES (1, 'small'), (2, repeat('y', 50000000)), (3, 'z')";
        let database = Database::new(product, "bad_size", setup).await;
        let request = ScanRequest::table(database.table("huge"));
        let context = ScanContext { max_batch_bytes: 1 << 20, ..ScanContext::new("huge") };
        let scanned = scan_with(&database.connector(), &request, None, &context).await.unwrap();
        let lengths: Vec<usize> = scanned
            .column("x")
            .into_iter()
            .map(|value| match value {
                Value::Binary(bytes) => bytes.len(),
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(lengths, [5, 50_000_000, 1]);
        let narrow = database.connector_with(&[("max_row_size", text("16MiB"))]);
        let error = scan(&narrow, &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
        assert!(error.to_string().contains("max_row_size, which is 16 MiB") && error.hint().is_some(), "{error:?}");
        let fine = scan(&narrow, &request.with_projection(["id"])).await.unwrap();
        assert_eq!(fine.integers("id"), [1, 2, 3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_restarted_while_a_scan_of_many_ranges_runs_is_an_error() {
    for product in Product::ALL {
        let server = headwater_harness::MySqlServer::start(product).await.unwrap();
        let mut conn = server.conn().await.unwrap();
        let names = ["a", "b", "c", "d", "e"].map(|alias| format!("digit {alias}")).join(", ");
        let setup = format!(
            "{DIGITS} CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, x char(250) CHARACTER SET latin1, y char(250) CHARACTER \
             SET latin1); INSERT INTO t (x, y) SELECT repeat('x', 250), repeat('y', 250) FROM {names}; ANALYZE TABLE t"
        );
        mysql_async::prelude::Queryable::query_drop(&mut conn, setup).await.unwrap();
        drop(conn);
        let ca = server.ca_certificate().display().to_string();
        let settings = [("url", text(server.url())), ("password", text(server.password())), ("sslrootcert", text(ca))];
        let connector = connector(&settings);
        let name = headwater_core::TableName::new(server.database(), "t");
        let context = ScanContext { max_batch_rows: 10, ..ScanContext::new("restart") };
        context.scope.add_scan();
        let splits = splits(&connector, &name, &context).await;
        assert!(splits.len() > 1);
        let mut streams = Vec::new();
        for split in &splits {
            let mut stream = connector.read(split, &context).await.unwrap();
            stream.next().await.unwrap().unwrap();
            streams.push(stream);
        }
        server.restart().await.unwrap();
        for stream in streams {
            let error = rest_of(stream).await;
            assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::No), "{error:?}");
        }
        context.scope.end();
        let rows = scan(&connector, &ScanRequest::table(name)).await.unwrap().rows();
        assert_eq!(rows, 100_000);
        server.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_passes_where_only_its_authority_is_checked() {
    for product in Product::ALL {
        let database = Database::new(product, "bad_name", "CREATE TABLE t AS SELECT 1 AS id").await;
        let port = proxy("127.0.0.2", database.server.port(), Way::Until(Arc::default())).await;
        let mut settings = through(&database, port);
        settings[0].1 = text(format!("mysql://{}@127.0.0.2:{port}/{}", database.server.user(), database.name));
        let request = ScanRequest::table(database.table("t"));
        let error = scan(&connector(&settings), &request).await.unwrap_err();
        assert!(error.to_string().contains("no TLS connection"), "{error:?}");
        settings.push(("sslmode", text("verify-ca")));
        assert_eq!(scan(&connector(&settings), &request).await.unwrap().rows(), 1);
        let directory = tempfile::tempdir().unwrap();
        let other = directory.path().join("other.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(&other, certificate.pem()).unwrap();
        settings[2].1 = text(other.display().to_string());
        let error = scan(&connector(&settings), &request).await.unwrap_err();
        assert!(error.to_string().contains("no TLS connection"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abandoned_stream_frees_the_scans_other_connections_with_the_query() {
    let setup = format!(
        "{DIGITS} CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, x char(250) CHARACTER SET latin1, y char(250) CHARACTER \
         SET latin1); INSERT INTO t (x, y) SELECT repeat('x', 250), repeat('y', 250) FROM digit a, digit b, digit c, \
         digit d, digit e; ANALYZE TABLE t"
    );
    for product in Product::ALL {
        let database = Database::new(product, "bad_leave", &setup).await;
        let settings = [("max_connections", Setting::Integer(4)), ("acquire_timeout", text("20s"))];
        let connector = database.connector_with(&settings);
        for _ in 0..3 {
            let context = ScanContext::new("leave");
            context.scope.add_scan();
            let splits = splits(&connector, &database.table("t"), &context).await;
            let mut stream = connector.read(&splits[0], &context).await.unwrap();
            stream.next().await.unwrap().unwrap();
            drop(stream);
            context.scope.end();
        }
        let rows = connector
            .read(
                &splits(&connector, &database.table("t"), &ScanContext::new("all")).await[0],
                &ScanContext::new("all"),
            )
            .await
            .unwrap();
        assert!(rows.try_collect::<Vec<_>>().await.unwrap().iter().map(|batch| batch.num_rows()).sum::<usize>() > 0);
    }
}
