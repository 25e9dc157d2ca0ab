//! TLS, passwords, limits, and what a stranger reads when they are wrong.

use crate::support::{Database, connector, scan, table, text};
use futures::StreamExt as _;
use futures::future::join_all;
use headwater_core::config::Setting;
use headwater_core::{Error, ErrorKind, Retry, ScanRequest};
use std::time::Duration;

async fn error_of(settings: &[(&str, Setting)]) -> Error {
    let connector = connector(settings);
    let error = connector.list_schemas().next().await.unwrap().err().unwrap();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    error
}

fn url(port: u16, database: &str) -> Setting {
    text(format!("postgres://headwater@127.0.0.1:{port}/{database}"))
}

async fn database(name: &str) -> Database {
    Database::new(name, "CREATE TABLE t AS SELECT 1 AS id").await
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_unless_told_otherwise() {
    let database = database("tls_modes").await;
    let request = ScanRequest::table(table("t"));
    for (mode, encrypted) in [("", true), ("require", true), ("disable", false)] {
        let ca =
            if mode == "require" { text("") } else { text(database.server.ca_certificate().display().to_string()) };
        let connector = database.connector_with(&[("sslmode", text(mode)), ("sslrootcert", ca)]);
        assert_eq!(scan(&connector, &request).await.unwrap().rows(), 1);
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE datname = current_database() AND application_name = 'headwater'";
        let row = database.client.query_one(sql, &[]).await.unwrap();
        assert_eq!(row.get::<_, bool>(0), encrypted, "sslmode {mode}");
        drop(connector);
        while database.sessions().await.1 > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_with_a_hint() {
    let database = database("tls_wrong_ca").await;
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(&other, certificate.pem()).unwrap();
    let settings =
        |root: Setting| vec![("url", text(database.url())), ("password", text("hunter2")), ("sslrootcert", root)];
    let error = error_of(&settings(text(other.display().to_string()))).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("no TLS connection") && error.to_string().contains("certificate"), "{error:?}");
    assert!(error.hint().unwrap().contains("sslrootcert"));
    let missing = error_of(&settings(text("/no/such/file.pem"))).await;
    assert_eq!(missing.kind(), ErrorKind::Config);
    assert!(missing.to_string().contains("/no/such/file.pem"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_we_are_and_where_the_server_is_are_told_apart() {
    let database = database("connect_errors").await;
    let port = database.server.port();
    let ca = ("sslrootcert", text(database.server.ca_certificate().display().to_string()));
    let wrong = error_of(&[("url", text(database.url())), ("password", text("hunter2")), ca.clone()]).await;
    assert_eq!(wrong.kind(), ErrorKind::Unauthenticated, "{wrong:?}");
    assert!(wrong.to_string().ends_with("[28P01]"));
    let none = error_of(&[("url", text(database.url())), ca.clone()]).await;
    assert_eq!((none.kind(), none.hint()), (ErrorKind::Unauthenticated, Some("set option password")));
    let password = ("password", text(database.server.password()));
    let missing = error_of(&[("url", url(port, "no_such_db")), password.clone(), ca.clone()]).await;
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing:?}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = error_of(&[("url", url(closed, "x")), password.clone(), ca.clone()]).await;
    assert_eq!((nobody.kind(), nobody.retry()), (ErrorKind::Unavailable, Retry::Now), "{nobody:?}");
    assert!(nobody.to_string().contains(&format!("127.0.0.1:{closed}")));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = url(silent.local_addr().unwrap().port(), "x");
    let silence = error_of(&[("url", silent_url), password, ca, ("connect_timeout", text("300ms"))]).await;
    assert_eq!(silence.kind(), ErrorKind::Unavailable, "{silence:?}");
    assert!(silence.to_string().contains("0.3 s"), "{silence:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_is_not_missing() {
    let database = database("connect_denied").await;
    let setup = "CREATE ROLE denied LOGIN PASSWORD 'hunter2-denied'; CREATE TABLE secret AS SELECT 1 AS id";
    database.client.batch_execute(setup).await.unwrap();
    let url = text(database.url_of("denied"));
    let connector = database.connector_with(&[("url", url), ("password", text("hunter2-denied"))]);
    let error = scan(&connector, &ScanRequest::table(table("secret"))).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert_eq!(error.to_string(), "permission denied for table secret [42501]");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_is_a_bound_and_waiting_for_it_ends() {
    let database = Database::new(
        "connect_pool",
        "CREATE VIEW slow AS SELECT i, pg_sleep(0.05) IS NULL AS s FROM generate_series(1, 3) i",
    )
    .await;
    let settings = [("max_connections", Setting::Integer(2)), ("acquire_timeout", text("20s"))];
    let connector = database.connector_with(&settings);
    let request = ScanRequest::table(table("slow"));
    let reads = join_all((0..10).map(|_| scan(&connector, &request)));
    let watch = async {
        let mut most = 0;
        for _ in 0..30 {
            most = most.max(database.sessions().await.1);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        most
    };
    let (reads, most) = tokio::join!(reads, watch);
    assert!(reads.into_iter().all(|read| read.unwrap().rows() == 3));
    assert!((1..=2).contains(&most), "{most} connections");

    let settings = [("max_connections", Setting::Integer(1)), ("acquire_timeout", text("300ms"))];
    let narrow = database.connector_with(&settings);
    let metadata = narrow.get_table(&table("slow")).await.unwrap();
    let plan = narrow.plan_scan(&metadata, &request).await.unwrap();
    let context = headwater_core::ScanContext::new("narrow");
    let split = narrow.splits(&plan, None, &context).await.unwrap().stream.next().await.unwrap().unwrap();
    let _held = narrow.read(&split, &context).await.unwrap();
    let error = narrow.read(&split, &context).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_timeout_is_a_timeout() {
    let database = Database::new("connect_timeout", "CREATE VIEW slow AS SELECT pg_sleep(30) IS NULL AS i").await;
    let connector = database.connector_with(&[("statement_timeout", text("200ms"))]);
    let error = scan(&connector, &ScanRequest::table(table("slow"))).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_in_the_pool_is_replaced() {
    let database = database("connect_died").await;
    let connector = database.connector();
    let request = ScanRequest::table(table("t"));
    assert_eq!(scan(&connector, &request).await.unwrap().rows(), 1);
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'headwater'";
    database.client.batch_execute(kill).await.unwrap();
    assert_eq!(scan(&connector, &request).await.unwrap().rows(), 1);
}
