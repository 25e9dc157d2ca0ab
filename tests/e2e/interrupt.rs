//! Ctrl-C reaches the source within a second.

use headwater_tests::{World, spawn};
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
