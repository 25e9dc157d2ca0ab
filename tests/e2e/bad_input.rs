//! Everything a user can get wrong: one clear error, the right exit code, nothing on stdout, no secret anywhere.

use headwater_core::ErrorKind;
use headwater_harness::Fault;
use headwater_harness::FaultKind;
use headwater_planner::PushdownMode;
use headwater_tests::{Outcome, World, headwater};

fn query(world: &World, sql: &str) -> Outcome {
    headwater(&["--config", &world.config(), "query", sql])
}

/// Runs a statement under a changed configuration.
fn with_config(world: &World, name: &str, change: impl FnOnce(String) -> String, sql: &str) -> Outcome {
    let path = world.path(name);
    std::fs::write(&path, change(world.configuration())).unwrap();
    headwater(&["--config", &path.display().to_string(), "query", sql])
}

fn assert_fails(world: &World, outcome: &Outcome, code: i32, parts: &[&str]) {
    assert_eq!(outcome.code, code, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "", "nothing half-printed");
    for part in parts {
        assert!(outcome.stderr.contains(part), "no {part:?} in\n{}", outcome.stderr);
    }
    for secret in [world.postgres.password(), "planted-aws-secret", "planted-wrong-password"] {
        assert!(!outcome.stderr.contains(secret), "a secret is shown:\n{}", outcome.stderr);
    }
}

const USERS: &str = "SELECT id FROM crm.public.users LIMIT 1";
const ITEMS: &str = "SELECT user_id FROM events.default.workflow_items LIMIT 1";

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_are_pointed_at_with_the_nearest() {
    let world = World::shared().await;
    let cases = [
        ("SELECT id FROM crn.public.users", &["E0203", ":1:16", "^^^", "did you mean `crm`?"][..]),
        ("SELECT id FROM crm.pubic.users", &["E0203", ":1:20", "did you mean `public`?"]),
        ("SELECT id FROM crm.public.userz", &["E0203", ":1:27", "crm", "did you mean `users`?"]),
        ("SELECT emial FROM crm.public.users", &["E0203", "column `emial` not found", ":1:8", "did you mean `email`?"]),
        ("SELECT 1 FROM events.default.workflow_item", &["E0203", "events", "did you mean `workflow_items`?"]),
        ("SELECT w.statu FROM events.default.workflow_items w", &["E0203", "did you mean `status`?"]),
        ("SELEC 1", &["E0201", "syntax error"]),
    ];
    for (sql, parts) in cases {
        assert_fails(world, &query(world, sql), 1, parts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_says_no_or_nothing_is_exit_code_3() {
    let world = World::shared().await;
    let file = format!("${{file:{}}}", world.postgres.password_file().display());
    let wrong = |config: String| config.replace(&file, "planted-wrong-password");
    assert_fails(world, &with_config(world, "wrong.toml", wrong, USERS), 3, &["E0401", "crm", "28P01"]);
    let port = format!(":{}/", world.postgres.port());
    let gone = |config: String| config.replace(&port, ":1/");
    assert_fails(world, &with_config(world, "gone.toml", gone, USERS), 3, &["E0403", "crm", "127.0.0.1:1"]);
    let endpoint = world.dynamodb.endpoint().to_owned();
    let gone = move |config: String| config.replace(&endpoint, "http://127.0.0.1:1");
    assert_fails(world, &with_config(world, "nodb.toml", gone, ITEMS), 3, &["E0403", "events", "127.0.0.1:1"]);
    let keyless = |config: String| {
        let lines = config.lines().filter(|line| !line.contains("access_key"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_fails(world, &with_config(world, "keyless.toml", keyless, ITEMS), 3, &["E0401", "events", "credentials"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified() {
    let world = World::shared().await;
    let without_ca =
        |config: String| config.lines().filter(|line| !line.starts_with("sslrootcert")).collect::<Vec<_>>().join("\n");
    assert_fails(world, &with_config(world, "noca.toml", without_ca, USERS), 3, &["crm", "certificate"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn typos_in_the_configuration_name_file_line_and_nearest_key() {
    let world = World::shared().await;
    let cases: &[(&str, &str, &[&str])] = &[
        ("password =", "pasword =", &["E0101", ":6:", "unknown option `pasword`", "did you mean `password`?"]),
        ("\"postgres\"", "\"postgress\"", &["unknown connector `postgress`", "did you mean `postgres`?"]),
        ("[catalogs.crm]", "[catalog.crm]", &["unknown key `catalog`", "did you mean `catalogs`?"]),
        ("${file:", "${file:/no/such/file", &["cannot be read", "crm"]),
        ("${file:", "${env:HEADWATER_TESTS_UNSET}${file:", &["HEADWATER_TESTS_UNSET", "is not set"]),
        ("\"timestamp\"", "\"timestmap\"", &["timestmap", "did you mean", "timestamp", "events"]),
        ("version = 1", "version = 1\nversion = 2", &["not valid TOML", "duplicate"]),
    ];
    for (index, (from, to, parts)) in cases.iter().enumerate() {
        let name = format!("typo{index}.toml");
        let outcome = with_config(world, &name, |config| config.replacen(from, to, 1), USERS);
        assert_fails(world, &outcome, 2, parts);
        assert!(outcome.stderr.contains(&name), "no file name in\n{}", outcome.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_without_permission_is_told_from_a_missing_one() {
    let world = World::start().await;
    let client = world.postgres.client(world.postgres.database()).await.unwrap();
    let sql = "CREATE ROLE reader LOGIN PASSWORD 'planted-wrong-password'; GRANT SELECT (id) ON users TO reader";
    client.batch_execute(sql).await.unwrap();
    let as_reader = |config: String| {
        let file = format!("${{file:{}}}", world.postgres.password_file().display());
        config.replace(&file, "planted-wrong-password").replace("headwater@", "reader@")
    };
    let outcome = with_config(&world, "reader.toml", as_reader, "SELECT email FROM crm.public.users");
    assert_fails(&world, &outcome, 1, &["E0402", "crm", "permission denied", "42501"]);
    let outcome = with_config(&world, "reader.toml", as_reader, "SELECT id FROM crm.public.users LIMIT 1");
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_breaks_in_the_middle_never_gives_a_short_answer() {
    let world = World::start().await;
    let engine = world.engine(PushdownMode::Auto);
    let sql = "SELECT count(*), sum(attempts) FROM events.default.workflow_items";
    let (whole, _) = World::run(&engine, sql).await.unwrap();
    world.dynamodb.inject(Fault::throttle("Scan", 3));
    world.dynamodb.inject(Fault { operation: Some("Scan".into()), times: 1, kind: FaultKind::Reset });
    let (again, ledger) = World::run(&engine, sql).await.unwrap();
    assert_eq!(whole, again);
    assert!(ledger.scans[0].stats.unwrap().retries >= 3, "retries are counted\n{ledger}");
    let denied = FaultKind::Error {
        status: 400,
        type_name: "com.amazon.coral.service#AccessDeniedException".into(),
        message: "not for you".into(),
    };
    world.dynamodb.inject(Fault { operation: Some("Scan".into()), times: 1, kind: denied });
    let error = World::run(&engine, sql).await.unwrap_err();
    assert_eq!((error.kind(), error.catalog()), (ErrorKind::PermissionDenied, Some("events")), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_it_is_read_is_an_error() {
    let world = World::start().await;
    let client = world.postgres.client(world.postgres.database()).await.unwrap();
    let view = "CREATE VIEW slow AS SELECT n, pg_sleep(0.001)::text AS slept FROM generate_series(1, 100000) n";
    client.batch_execute(view).await.unwrap();
    let config = world.config();
    let reader = std::thread::spawn(move || {
        headwater(&[
            "--config",
            &config,
            "query",
            "--format",
            "csv",
            "SELECT count(*), max(slept) FROM crm.public.slow",
        ])
    });
    let mut running = 0;
    while running == 0 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%slow%'";
        running = client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    }
    world.postgres.crash().await.unwrap();
    let outcome = reader.join().unwrap();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("crm"), "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_altered_between_two_statements_is_an_error_once_and_then_read_anew() {
    let world = World::start().await;
    let client = world.postgres.client(world.postgres.database()).await.unwrap();
    client.batch_execute("CREATE TABLE altered AS SELECT 2.5::float8 AS a").await.unwrap();
    let (engine, sql) = (world.engine(PushdownMode::Auto), "SELECT a FROM crm.public.altered");
    assert_eq!(World::run(&engine, sql).await.unwrap().0, ["2.5"]);
    client.batch_execute("ALTER TABLE altered ALTER a TYPE int8").await.unwrap();
    let error = World::run(&engine, sql).await.unwrap_err();
    assert_eq!((error.kind(), error.catalog()), (ErrorKind::SchemaMismatch, Some("crm")), "{error:?}");
    assert_eq!(World::run(&engine, sql).await.unwrap().0, ["2"]);
}
