//! Two stores, one question: the answer is the generator's.

use headwater_harness::scenario1::MonthRow;
use headwater_planner::PushdownMode;
use headwater_tests::{World, headwater};

use headwater_demo::users::SQL;

fn expected(rows: &[MonthRow]) -> Vec<String> {
    rows.iter().map(MonthRow::csv_line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_generators() {
    let world = World::shared().await;
    std::fs::write(world.path("scenario1.sql"), SQL).unwrap();
    let file = world.path("scenario1.sql").display().to_string();
    let outcome = headwater(&["--config", &world.config(), "query", "--format", "csv", "-f", &file]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let mut lines = outcome.stdout.lines();
    assert_eq!(lines.next(), Some("month,users,activated,revenue,median_hours"));
    assert_eq!(lines.collect::<Vec<_>>(), expected(&world.data.expected(Some("NZ"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn pushdown_off_gives_the_same_answer_for_all_countries() {
    let world = World::shared().await;
    let everyone = SQL.replace("WHERE u.country = 'NZ'", "");
    for pushdown in [PushdownMode::Auto, PushdownMode::Off] {
        let (rows, ledger) = World::run(&world.engine(pushdown), &everyone).await.unwrap();
        assert_eq!(rows, expected(&world.data.expected(None)), "{ledger}");
    }
}
