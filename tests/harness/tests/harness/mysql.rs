//! Both products do the same as far as tests rely on it.

use headwater_harness::{MySqlServer, Product};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};

use crate::gone::assert_gone;

async fn refusal(options: OptsBuilder) -> String {
    Conn::new(Opts::from(options)).await.expect_err("the server let us in").to_string()
}

#[tokio::test]
async fn the_settings_and_the_url_are_as_promised() {
    for product in Product::ALL {
        let server = MySqlServer::shared(product).await.unwrap();
        assert_eq!(server.url(), format!("mysql://headwater@127.0.0.1:{}/headwater", server.port()));
        assert!(!format!("{server:?}").contains(server.password()));
        let mut conn = server.conn().await.unwrap();
        let query = "SELECT DATABASE(), @@character_set_server, @@time_zone, @@local_infile, VERSION()";
        let row: (String, String, String, bool, String) = conn.query_first(query).await.unwrap().unwrap();
        assert_eq!((row.0.as_str(), row.1.as_str(), row.2.as_str(), row.3), ("headwater", "utf8mb4", "+00:00", true));
        assert_eq!(row.4.contains("MariaDB"), product == Product::MariaDb, "{}", row.4);
    }
}

#[tokio::test]
async fn the_password_is_checked_the_products_way_and_nobody_else_has_an_account() {
    for product in Product::ALL {
        let server = MySqlServer::shared(product).await.unwrap();
        let mut conn = server.conn().await.unwrap();
        let query = "SELECT plugin FROM mysql.user WHERE user = 'headwater'";
        let plugin: String = conn.query_first(query).await.unwrap().unwrap();
        let wanted = match product {
            Product::MySql => "caching_sha2_password",
            Product::MariaDb => "mysql_native_password",
        };
        assert_eq!(plugin, wanted);
        let wrong = refusal(server.options("headwater").pass(Some("wrong"))).await;
        assert!(wrong.contains("Access denied") && !wrong.contains(server.password()), "{wrong}");
        let query = "SELECT COUNT(*) FROM mysql.user WHERE user IN ('root', '')";
        let without_password: Option<u64> = conn.query_first(query).await.unwrap();
        assert_eq!(without_password, Some(0));
    }
}

#[tokio::test]
async fn tls_is_verified_against_the_servers_own_authority() {
    for product in Product::ALL {
        let server = MySqlServer::shared(product).await.unwrap();
        for host in ["127.0.0.1", "localhost"] {
            let options = server.options("headwater").ip_or_hostname(host);
            let mut conn = Conn::new(Opts::from(options)).await.unwrap();
            let cipher: (String, String) = conn.query_first("SHOW STATUS LIKE 'Ssl_cipher'").await.unwrap().unwrap();
            assert_ne!(cipher.1, "", "{product} did not encrypt");
        }
        let system_roots_only = server.options("headwater").ssl_opts(SslOpts::default());
        let error = refusal(system_roots_only).await;
        assert!(error.to_lowercase().contains("certificate"), "{error}");
    }
}

#[tokio::test]
async fn statements_are_in_the_log_before_their_answers() {
    for product in Product::ALL {
        let server = MySqlServer::shared(product).await.unwrap();
        let mut conn = server.conn().await.unwrap();
        let id: u64 = conn.query_first("SELECT CONNECTION_ID()").await.unwrap().unwrap();
        let position = server.log_position().unwrap();
        conn.query_drop("SELECT 'find',\n\t'this one'").await.unwrap();
        conn.exec_drop("SELECT ? + 1", (41,)).await.unwrap();
        let mut statements = server.statements_since(position).unwrap();
        statements.retain(|statement| statement.connection == id && !statement.text.is_empty());
        let seen: Vec<(&str, &str)> =
            statements.iter().map(|statement| (statement.command.as_str(), statement.text.as_str())).collect();
        let wanted =
            [("Query", "SELECT 'find',\n\t'this one'"), ("Prepare", "SELECT ? + 1"), ("Execute", "SELECT 41 + 1")];
        assert_eq!(seen, wanted, "{product}");
    }
}

#[tokio::test]
async fn a_second_account_can_be_made() {
    for product in Product::ALL {
        let server = MySqlServer::shared(product).await.unwrap();
        let mut conn = server.conn().await.unwrap();
        conn.query_drop("CREATE USER second IDENTIFIED BY 'its own password'").await.unwrap();
        conn.query_drop("GRANT SELECT ON headwater.* TO second").await.unwrap();
        let options = server.options("headwater").user(Some("second")).pass(Some("its own password"));
        let mut second = Conn::new(Opts::from(options)).await.unwrap();
        let error = second.query_drop("CREATE TABLE t (a int)").await.unwrap_err().to_string();
        assert!(error.contains("denied"), "{error}");
    }
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_directory() {
    for product in Product::ALL {
        let server = MySqlServer::start(product).await.unwrap();
        let (port, directory) = (server.port(), server.password_file().parent().unwrap().to_owned());
        assert!(directory.is_dir());
        drop(server);
        assert_gone(port, &directory).await;
    }
}

#[tokio::test]
async fn data_and_password_stay_in_a_directory_that_was_named() {
    for product in Product::ALL {
        let place = tempfile::tempdir().unwrap();
        let first = MySqlServer::start_in(product, place.path()).await.unwrap();
        let mut conn = first.conn().await.unwrap();
        conn.query_drop("CREATE TABLE kept (a int)").await.unwrap();
        conn.query_drop("INSERT INTO kept VALUES (7)").await.unwrap();
        let password = first.password().to_owned();
        // Not stopped: the next start waits for the end of this one.
        drop((conn, first));
        let second = MySqlServer::start_in(product, place.path()).await.unwrap();
        assert_eq!(second.password(), password);
        let kept: Option<i32> = second.conn().await.unwrap().query_first("SELECT a FROM kept").await.unwrap();
        assert_eq!(kept, Some(7));
        second.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_crashed_server_comes_back_on_its_port() {
    for product in Product::ALL {
        let server = MySqlServer::start(product).await.unwrap();
        let port = server.port();
        server.conn().await.unwrap().query_drop("CREATE TABLE kept (a int)").await.unwrap();
        server.crash().await.unwrap();
        assert!(server.conn().await.is_err());
        server.restart().await.unwrap();
        assert_eq!(server.port(), port);
        server.conn().await.unwrap().query_drop("SELECT a FROM kept").await.unwrap();
    }
}
