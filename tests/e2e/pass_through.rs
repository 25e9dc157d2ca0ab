//! `TABLE(catalog.query('…'))`: statements in a source's own language, read like tables, and nothing but read.

use headwater_core::ErrorKind;
use headwater_planner::{Engine, PushdownMode, Verification};
use headwater_tests::World;

async fn rows(engine: &Engine, sql: &str) -> Vec<String> {
    let (mut rows, _) = World::run(engine, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.sort();
    rows
}

fn query(statement: &str) -> String {
    format!("SELECT * FROM TABLE(crm.query('{}'))", statement.replace('\'', "''"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_read_like_a_table() {
    let engine = World::shared().await.engine(PushdownMode::Verify);
    let plans = "select plan, count(*) as users from public.users group by plan -- as it is";
    let (all, ledger) = World::run(&engine, &query(plans)).await.unwrap();
    let own = rows(&engine, "SELECT plan, count(*) FROM crm.public.users GROUP BY plan").await;
    let mut all = all;
    all.sort();
    assert_eq!(all, own, "{ledger}");
    assert!(matches!(ledger.verification, Some(Verification::Same { .. })), "{ledger}");

    let sql = format!(
        "SELECT q.plan, u.email FROM TABLE(crm.query('{plans}')) AS q JOIN crm.public.users u ON u.plan = q.plan \
         WHERE q.plan <> 'free' AND q.users > 3 AND u.id < 50"
    );
    let own = "SELECT plan, email FROM crm.public.users WHERE plan <> 'free' AND id < 50";
    assert_eq!(rows(&engine, &sql).await, rows(&engine, own).await);
    let typed = query("select 1::int2 as a, 1.50::numeric(5,2) as b, 'x'::text as c, null::date as d, array[1,2] as e");
    assert_eq!(rows(&engine, &typed).await, ["1,1.50,x,NULL,[1, 2]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_above_it_is_pushed_into_it() {
    let engine = World::shared().await.engine(PushdownMode::Auto);
    let sql = "SELECT id FROM TABLE(crm.query('select id, country, plan from public.users')) WHERE id < 5 LIMIT 2";
    let shown = engine.plan(sql).await.unwrap().ledger().to_string();
    let sent = "FROM (\\nselect id, country, plan from public.users\\n) AS q WHERE";
    for part in ["scan crm.query", "pushed     id < 5", sent, "LIMIT 2"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_one_query_is_taken() {
    let world = World::shared().await;
    let engine = world.engine(PushdownMode::Auto);
    let client = world.postgres.client(world.postgres.database()).await.unwrap();
    client.batch_execute("CREATE SEQUENCE public.counter").await.unwrap();
    let count = async || -> i64 { client.query_one("SELECT count(*) FROM public.users", &[]).await.unwrap().get(0) };
    let before = count().await;
    let refused = [
        "delete from public.users",
        "with gone as (delete from public.users returning id) select * from gone",
        "select setval('public.counter', 7)",
        "select 1 as a; select 2 as b",
        "select 1 as a) as q; delete from public.users; --",
        "select 1 as a) as q, (select 2 as b",
        "select 1 as a /*",
        "commit",
        "explain select 1",
        "create table public.t (a int)",
        "copy public.users to stdout",
        "select $1::int as a",
        "select 1 as a, 2 as a",
        "",
    ];
    for statement in refused {
        let error = World::run(&engine, &query(statement)).await.map(drop).unwrap_err();
        let expected = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported);
        assert!(expected, "{statement}: {error:?}");
        assert_eq!(error.catalog(), Some("crm"), "{statement}: {error:?}");
    }
    assert_eq!(count().await, before);
    let called: bool = client.query_one("SELECT is_called FROM public.counter", &[]).await.unwrap().get(0);
    assert!(!called, "a sequence was changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_does_not_outlive_its_statement() {
    let engine = World::shared().await.engine(PushdownMode::Auto);
    let setting = "current_setting(''application_name'') as name";
    let set = "SELECT * FROM TABLE(crm.query('select set_config(''application_name'', ''odd'', false) as name'))";
    assert_eq!(rows(&engine, set).await, ["odd"]);
    for _ in 0..12 {
        let seen = rows(&engine, &format!("SELECT * FROM TABLE(crm.query('select {setting}'))")).await;
        assert_ne!(seen, ["odd"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_where_and_what_to_do() {
    let engine = World::shared().await.engine(PushdownMode::Auto);
    let cases = [
        ("SELECT * FROM TABLE(crn.query('select 1'))", ErrorKind::NotFound, 21, "did you mean `crm`?"),
        ("SELECT * FROM TABLE(events.query('select 1'))", ErrorKind::InvalidInput, 34, "DynamoDB's PartiQL"),
        ("SELECT * FROM TABLE(crm.query('select x from public.users'))", ErrorKind::NotFound, 31, "as in public.users"),
        ("SELECT * FROM TABLE(crm.query(7))", ErrorKind::InvalidInput, 21, "TABLE(catalog.query("),
        ("SELECT * FROM TABLE(crm.query('select 1 as a, 2 as a'))", ErrorKind::InvalidInput, 31, "AS name"),
    ];
    for (sql, kind, column, hint) in cases {
        let error = World::run(&engine, sql).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), kind, "{sql}: {error:?}");
        assert_eq!(error.location().map(|place| place.column), Some(column), "{sql}: {error:?}");
        assert!(error.hint().is_some_and(|told| told.contains(hint)), "{sql}: {error:?}");
    }
}
