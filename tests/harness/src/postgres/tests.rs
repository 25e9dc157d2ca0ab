use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::*;

/// Set in the process that a test starts in order to kill it.
const HOLDER: &str = "HEADWATER_TEST_HOLDER";

fn is_open(port: u16) -> bool {
    TcpStream::connect((HOST, port)).is_ok()
}

/// Waits until neither port nor directory are there.
async fn assert_gone(port: u16, directory: &Path) {
    for _ in 0..500 {
        if !is_open(port) && !directory.exists() {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("port {port} open: {}, {} exists: {}", is_open(port), directory.display(), directory.exists());
}

fn directory(server: &Postgres) -> PathBuf {
    server.password_file().parent().unwrap().to_owned()
}

async fn connect_with_tls(
    server: &Postgres,
    host: &str,
    roots: RootCertStore,
) -> Result<Client, tokio_postgres::Error> {
    let config =
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    let tls = MakeRustlsConnect::new(config.unwrap().with_root_certificates(roots).with_no_client_auth());
    let mut config = Config::new();
    config.host(host).port(server.port()).user(server.user()).password(server.password());
    config.dbname(server.database()).ssl_mode(SslMode::Require);
    let (client, connection) = config.connect(tls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn roots(server: &Postgres) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server.ca_certificate()).unwrap()).unwrap();
    roots
}

#[tokio::test]
async fn a_statement_is_in_the_log() {
    let server = Postgres::shared().await.unwrap();
    let position = server.log_position().unwrap();
    let client = server.client(server.database()).await.unwrap();
    client.batch_execute("SELECT 'find this one'").await.unwrap();
    let log = server.log_since(position).unwrap();
    let line = log.lines().find(|line| line.contains("find this one")).unwrap();
    assert!(line.contains("headwater-harness"), "{line}");
    assert!(server.log().unwrap().len() as u64 > position);
}

#[tokio::test]
async fn the_settings_and_the_url_are_as_promised() {
    let server = Postgres::shared().await.unwrap();
    let client = server.client(server.database()).await.unwrap();
    for (setting, value) in [
        ("fsync", "off"),
        ("ssl", "on"),
        ("max_connections", "100"),
        ("shared_buffers", "128MB"),
        ("log_line_prefix", "%m [%p] %a "),
        ("server_encoding", "UTF8"),
    ] {
        let row = client.query_one("SELECT current_setting($1)", &[&setting]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{setting}");
    }
    assert_eq!(server.url(), format!("postgres://headwater@127.0.0.1:{}/headwater", server.port()));
    assert_eq!(fs::read_to_string(server.password_file()).unwrap(), server.password());
    assert_eq!(fs::metadata(server.password_file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!format!("{server:?}").contains(server.password()));
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let server = Postgres::shared().await.unwrap();
    let error = server.config(server.database()).password("wrong").connect(NoTls).await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
}

#[tokio::test]
async fn tls_is_verified_with_our_authority() {
    let server = Postgres::shared().await.unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let client = connect_with_tls(server, host, roots(server)).await.unwrap();
        let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
        assert!(row.get::<_, bool>(0));
    }
}

#[tokio::test]
async fn tls_is_refused_with_another_authority() {
    let server = Postgres::shared().await.unwrap();
    let other = crate::certificates::Certificates::generate().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(other.authority.as_bytes()).unwrap()).unwrap();
    let error = connect_with_tls(server, "localhost", roots).await.err().unwrap();
    assert!(with_causes(&error).contains("certificate"), "{}", with_causes(&error));
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    let server = Postgres::start().await.unwrap();
    let (port, directory) = (server.port(), directory(&server));
    assert!(is_open(port) && directory.exists());
    drop(server);
    assert_gone(port, &directory).await;
}

#[tokio::test]
async fn a_restart_cuts_connections_and_keeps_data_and_port() {
    let server = Postgres::start().await.unwrap();
    let client = server.client(server.database()).await.unwrap();
    client.batch_execute("CREATE TABLE kept (id int)").await.unwrap();
    server.restart().await.unwrap();
    assert!(client.batch_execute("SELECT 1").await.is_err());
    let client = server.client(server.database()).await.unwrap();
    client.batch_execute("SELECT * FROM kept").await.unwrap();
    server.crash().await.unwrap();
    assert!(server.client(server.database()).await.is_err());
    server.restart().await.unwrap();
    server.client(server.database()).await.unwrap().batch_execute("SELECT * FROM kept").await.unwrap();
}

#[tokio::test]
async fn a_persistent_directory_keeps_data_password_and_certificates() {
    let parent = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let place = parent.path().join("data of the demo");
    let first = Postgres::start_in(&place).await.unwrap();
    first.client(first.database()).await.unwrap().batch_execute("CREATE TABLE kept (id int)").await.unwrap();
    let (password, authority) = (first.password().to_owned(), fs::read(first.ca_certificate()).unwrap());
    drop(first);

    let second = Postgres::start_in(&place).await.unwrap();
    second.client(second.database()).await.unwrap().batch_execute("SELECT * FROM kept").await.unwrap();
    assert_eq!(second.password(), password);
    assert_eq!(fs::read(second.ca_certificate()).unwrap(), authority);
    second.stop().await.unwrap();

    // What a machine that lost power leaves behind, the number meanwhile being another process's: ours.
    fs::write(place.join("data/postmaster.pid"), format!("{}\n", std::process::id())).unwrap();
    Postgres::start_in(&place).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_with_its_log() {
    let parent = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let place = parent.path().join("data");
    Postgres::start_in(&place).await.unwrap().stop().await.unwrap();
    fs::write(place.join("data/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let error = Postgres::start_in(&place).await.unwrap_err().to_string();
    assert!(error.contains("ended while it was starting") && error.contains("no_such_setting"), "{error}");
}

/// Starts this test binary again as a process that holds a server and waits; returns it with the server's port and directory.
fn holder(how: &str) -> (Child, u16, PathBuf) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "postgres::tests::holds_a_server_for_the_tests_that_kill_it", "--ignored", "--nocapture"]);
    let mut child = command.env(HOLDER, how).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("holding ")).unwrap();
    let (port, directory) = line.split_once("holding ").unwrap().1.split_once(' ').unwrap();
    (child, port.parse().unwrap(), PathBuf::from(directory))
}

#[tokio::test]
#[ignore = "runs only in a process that another test starts"]
async fn holds_a_server_for_the_tests_that_kill_it() {
    let Ok(how) = std::env::var(HOLDER) else {
        return;
    };
    let server = Postgres::shared().await.unwrap();
    println!("\nholding {} {}", server.port(), directory(server).display());
    if how == "exit" {
        std::process::exit(0);
    }
    sleep(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn the_server_is_gone_after_its_process_is_killed() {
    let (mut child, port, directory) = holder("wait");
    assert!(is_open(port));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_gone(port, &directory).await;
}

#[tokio::test]
async fn the_server_is_gone_after_its_process_exits_with_the_handle_in_a_static() {
    let (mut child, port, directory) = holder("exit");
    assert!(child.wait().unwrap().success());
    assert_gone(port, &directory).await;
}
