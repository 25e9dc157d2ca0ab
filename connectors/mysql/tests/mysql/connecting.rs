//! TLS, passwords, limits, and what a stranger reads when they are wrong.

use crate::support::{DIGITS, Database, connector, scan, splits, text};
use futures::StreamExt as _;
use futures::future::join_all;
use headwater_core::config::Setting;
use headwater_core::{Error, ErrorKind, Retry, ScanContext, ScanRequest, TableName};
use headwater_harness::{MySqlServer, Product};
use mysql_async::prelude::Queryable as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn error_of(settings: &[(&str, Setting)]) -> Error {
    let connector = connector(settings);
    let error = connector.list_schemas().next().await.unwrap().err().unwrap();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    error
}

fn url(host: &str, port: u16) -> Setting {
    text(format!("mysql://headwater@{host}:{port}"))
}

const TABLE: &str = "CREATE TABLE t AS SELECT 1 AS id";

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_verified_unless_told_otherwise() {
    for product in Product::ALL {
        let database = Database::new(product, "tls_modes", TABLE).await;
        database
            .run("CREATE USER careful IDENTIFIED BY 'hunter2' REQUIRE SSL; GRANT SELECT ON tls_modes.* TO careful")
            .await;
        let request = ScanRequest::table(database.table("t"));
        let careful = [("url", text(database.url_of("careful"))), ("password", text("hunter2"))];
        for (mode, ca) in [("", true), ("verify-full", true), ("require", false)] {
            let ca = if ca { database.server.ca_certificate().display().to_string() } else { String::new() };
            let mut settings = careful.to_vec();
            settings.extend([("sslmode", text(mode)), ("sslrootcert", text(ca))]);
            assert_eq!(scan(&database.connector_with(&settings), &request).await.unwrap().rows(), 1, "{mode}");
        }
        let plain = ("sslmode", text("disable"));
        assert_eq!(scan(&database.connector_with(std::slice::from_ref(&plain)), &request).await.unwrap().rows(), 1);
        let mut settings = careful.to_vec();
        settings.push(plain);
        let error = scan(&database.connector_with(&settings), &request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_never_sent_in_clear_even_without_tls() {
    let database = Database::new(Product::MySql, "tls_sha2", TABLE).await;
    // The server does not know a new user's password yet: it must be sent, encrypted with the server's key.
    database.run("CREATE USER fresh IDENTIFIED BY 'hunter2'; GRANT SELECT ON tls_sha2.* TO fresh").await;
    let settings =
        [("url", text(database.url_of("fresh"))), ("password", text("hunter2")), ("sslmode", text("disable"))];
    let request = ScanRequest::table(database.table("t"));
    assert_eq!(scan(&database.connector_with(&settings), &request).await.unwrap().rows(), 1);
    let again = database.connector_with(&settings);
    assert_eq!(scan(&again, &request).await.unwrap().rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_with_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.pem");
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(&other, certificate.pem()).unwrap();
    for product in Product::ALL {
        let database = Database::new(product, "tls_wrong_ca", TABLE).await;
        let settings =
            |root: Setting| vec![("url", text(database.url())), ("password", text("hunter2")), ("sslrootcert", root)];
        let error = error_of(&settings(text(other.display().to_string()))).await;
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(
            error.to_string().contains("no TLS connection") && error.to_string().contains("certificate"),
            "{error:?}"
        );
        assert!(error.hint().unwrap().contains("sslrootcert"));
        let missing = error_of(&settings(text("/no/such/file.pem"))).await;
        assert_eq!(missing.kind(), ErrorKind::Config);
        assert!(missing.to_string().contains("/no/such/file.pem"));
    }
}

/// Stands before a server and says that it has no TLS: the bit `CLIENT_SSL` in its greeting.
async fn without_tls(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let mut greeting = vec![0; 4];
            server.read_exact(&mut greeting).await.unwrap();
            let length = u32::from_le_bytes([greeting[0], greeting[1], greeting[2], 0]);
            greeting.resize(4 + usize::try_from(length).unwrap(), 0);
            server.read_exact(&mut greeting[4..]).await.unwrap();
            // Protocol, version up to a NUL, connection (4), scramble (8), filler (1), then capabilities.
            let version = greeting[5..].iter().position(|byte| *byte == 0).unwrap();
            greeting[5 + version + 1 + 4 + 8 + 1 + 1] &= !0x08;
            client.write_all(&greeting).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    own
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_refused_unless_told_otherwise() {
    for product in Product::ALL {
        let database = Database::new(product, "tls_off", TABLE).await;
        let port = without_tls(database.server.port()).await;
        let password = ("password", text(database.server.password()));
        for mode in ["verify-full", "require"] {
            let ca = ("sslrootcert", text(database.server.ca_certificate().display().to_string()));
            let error =
                error_of(&[("url", url("127.0.0.1", port)), password.clone(), ("sslmode", text(mode)), ca]).await;
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
            assert!(error.to_string().contains("does not offer it"), "{error:?}");
            assert!(error.hint().unwrap().contains("sslmode"));
        }
        let plain = connector(&[("url", url("127.0.0.1", port)), password, ("sslmode", text("disable"))]);
        assert_eq!(scan(&plain, &ScanRequest::table(database.table("t"))).await.unwrap().rows(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_we_are_and_where_the_server_is_are_told_apart() {
    for product in Product::ALL {
        let database = Database::new(product, "connect_errors", TABLE).await;
        let ca = ("sslrootcert", text(database.server.ca_certificate().display().to_string()));
        let wrong = error_of(&[("url", text(database.url())), ("password", text("hunter2")), ca.clone()]).await;
        assert_eq!(wrong.kind(), ErrorKind::Unauthenticated, "{wrong:?}");
        assert!(wrong.to_string().ends_with("[1045]"), "{wrong:?}");
        let none = error_of(&[("url", text(database.url())), ca.clone()]).await;
        assert_eq!(none.kind(), ErrorKind::Unauthenticated, "{none:?}");
        let password = ("password", text(database.server.password()));
        let nowhere = text(database.url().replace("connect_errors", "no_such_db"));
        let missing = error_of(&[("url", nowhere), password.clone(), ca.clone()]).await;
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing:?}");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = error_of(&[("url", url("127.0.0.1", closed)), password.clone(), ca.clone()]).await;
        assert_eq!((nobody.kind(), nobody.retry()), (ErrorKind::Unavailable, Retry::Now), "{nobody:?}");
        assert!(nobody.to_string().contains(&format!("127.0.0.1:{closed}")));
        let unknown = error_of(&[("url", url("no-such-host.invalid", 3306)), password.clone(), ca.clone()]).await;
        assert_eq!(unknown.kind(), ErrorKind::Unavailable, "{unknown:?}");
        assert!(unknown.to_string().contains("no-such-host.invalid"), "{unknown:?}");
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let silent_url = url("127.0.0.1", silent.local_addr().unwrap().port());
        let silence = error_of(&[("url", silent_url), password, ca, ("connect_timeout", text("300ms"))]).await;
        assert_eq!(silence.kind(), ErrorKind::Unavailable, "{silence:?}");
        assert!(silence.to_string().contains("0.3 s"), "{silence:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_is_not_missing() {
    for product in Product::ALL {
        let setup = "CREATE TABLE secret AS SELECT 1 AS id; CREATE TABLE open AS SELECT 1 AS id; \
            CREATE USER denied IDENTIFIED BY 'hunter2'; GRANT SELECT ON connect_denied.open TO denied; \
            GRANT INSERT ON connect_denied.secret TO denied; CREATE TABLE hidden AS SELECT 1 AS id";
        let database = Database::new(product, "connect_denied", setup).await;
        let denied = [("url", text(database.url_of("denied"))), ("password", text("hunter2"))];
        let connector = database.connector_with(&denied);
        assert_eq!(scan(&connector, &ScanRequest::table(database.table("open"))).await.unwrap().rows(), 1);
        for name in ["secret", "hidden"] {
            let error = scan(&connector, &ScanRequest::table(database.table(name))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name}: {error:?}");
            assert!(error.to_string().ends_with("[1142]"), "{error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_is_a_bound_and_waiting_for_it_ends() {
    for product in Product::ALL {
        let setup = "CREATE TABLE three AS SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3; \
            CREATE VIEW slow AS SELECT i, sleep(0.05) AS s FROM three; CREATE VIEW slower AS SELECT i, sleep(5) AS s FROM three";
        let database = Database::new(product, "connect_pool", setup).await;
        let settings = [("max_connections", Setting::Integer(2)), ("acquire_timeout", text("30s"))];
        let connector = database.connector_with(&settings);
        let request = ScanRequest::table(database.table("slow"));
        let reads = join_all((0..10).map(|_| scan(&connector, &request)));
        let watch = async {
            let mut most = 0;
            for _ in 0..30 {
                most = most.max(database.sessions().await.len());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            most
        };
        let (reads, most) = tokio::join!(reads, watch);
        assert!(reads.into_iter().all(|read| read.unwrap().rows() == 3));
        assert!((1..=2).contains(&most), "{most} connections");

        let settings = [("max_connections", Setting::Integer(1)), ("acquire_timeout", text("300ms"))];
        let narrow = database.connector_with(&settings);
        let context = ScanContext::new("narrow");
        let split = &splits(&narrow, &database.table("slow"), &context).await[0];
        let _held = narrow.read(split, &context).await.unwrap();
        let error = narrow.read(split, &context).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
        assert!(error.hint().unwrap().contains("max_connections"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_its_time() {
    for product in Product::ALL {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|alias| format!("digit {alias}")).join(", ");
        let setup = format!("{} CREATE VIEW slow AS SELECT sum(a.n) AS s FROM {names}", DIGITS);
        let database = Database::new(product, "connect_time", &setup).await;
        let connector = database.connector_with(&[("statement_timeout", text("300ms"))]);
        let error = scan(&connector, &ScanRequest::table(database.table("slow"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
        assert!(error.hint().unwrap().contains("statement_timeout"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_while_nobody_used_it_is_replaced() {
    for product in Product::ALL {
        let database = Database::new(product, "connect_died", TABLE).await;
        let connector = database.connector();
        let request = ScanRequest::table(database.table("t"));
        assert_eq!(scan(&connector, &request).await.unwrap().rows(), 1);
        for (id, _) in database.sessions().await {
            database.run(&format!("KILL {id}")).await;
        }
        assert_eq!(scan(&connector, &request).await.unwrap().rows(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_is_told_and_one_that_is_back_is_used() {
    for product in Product::ALL {
        let server = MySqlServer::start(product).await.unwrap();
        let mut conn = server.conn().await.unwrap();
        let names = ["a", "b", "c", "d", "e"].map(|alias| format!("digit {alias}")).join(", ");
        let setup = format!("{DIGITS} CREATE TABLE t AS SELECT a.n AS id, repeat('x', 300) AS x FROM {names}");
        conn.query_drop(setup).await.unwrap();
        drop(conn);
        let ca = server.ca_certificate().display().to_string();
        let settings = [("url", text(server.url())), ("password", text(server.password())), ("sslrootcert", text(ca))];
        let connector = connector(&settings);
        let (name, context) = (TableName::new(server.database(), "t"), ScanContext::new("crash"));
        let split = &splits(&connector, &name, &context).await[0];
        let mut stream = connector.read(split, &context).await.unwrap();
        assert!(stream.next().await.unwrap().is_ok());
        server.crash().await.unwrap();
        let error = loop {
            match stream.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("a short answer looked whole"),
            }
        };
        let address = format!("127.0.0.1:{}", server.port());
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::No), "{error:?}");
        assert!(error.to_string().contains(&address), "{error:?}");
        let error = connector.read(split, &context).await.err().unwrap();
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Now), "{error:?}");
        server.restart().await.unwrap();
        assert_eq!(scan(&connector, &ScanRequest::table(name)).await.unwrap().rows(), 100_000);
        server.stop().await.unwrap();
    }
}
