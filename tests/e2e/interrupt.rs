//! Ctrl-C reaches the source within a second.

use headwater_tests::{World, headwater, spawn};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::time::sleep;

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_the_statement_at_the_server() {
    let world = World::start().await;
    let client = world.postgres.client(world.postgres.database()).await.unwrap();
    let view = "CREATE VIEW slow AS SELECT n, pg_sleep(0.05)::text AS slept FROM generate_series(1, 100000) n";
    client.batch_execute(view).await.unwrap();
    let running = async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%slow%'";
        client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    let child = spawn(&["--config", &world.config(), "query", "SELECT n, slept FROM crm.public.slow"]);
    let started = Instant::now();
    while running().await == 0 {
        assert!(started.elapsed() < Duration::from_secs(20), "the statement never reached the server");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let interrupted = Instant::now();
    while running().await > 0 {
        assert!(interrupted.elapsed() < Duration::from_secs(5), "the server still runs the statement");
        sleep(Duration::from_millis(10)).await;
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_before_a_time_limit_do_not_look_whole() {
    let world = World::start().await;
    let client = world.postgres.client(world.postgres.database()).await.unwrap();
    let view = "CREATE VIEW stalls AS SELECT n, CASE WHEN n > 100000 THEN pg_sleep(60)::text END AS slept \
                FROM generate_series(1, 100001) n";
    client.batch_execute(view).await.unwrap();
    let sql = "SELECT n, slept FROM crm.public.stalls";
    let outcome = headwater(&["--config", &world.config(), "--timeout", "5s", "query", "--format", "csv", sql]);
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    let rows = outcome.stdout.lines().count() - 1;
    assert!(rows > 0, "no row came before the limit");
    let note = format!("note: output is incomplete: it ends after {rows} rows");
    assert!(outcome.stderr.contains(&note), "{}", outcome.stderr);
}
