//! EXPLAIN: what each source was asked for, and what stays with a reason. Golden files in `tests/golden/explain`.
//!
//! After a wanted change: `HEADWATER_UPDATE_GOLDEN=1 cargo test --workspace --test e2e explain`.

use headwater_tests::{Federation, World, headwater};
use std::path::{Path, PathBuf};

const STATEMENTS: &[(&str, &str)] = &[
    ("users_by_month", include_str!("../../examples/demo/sql/users_by_month.sql")),
    (
        "postgres_filters",
        "SELECT id, email FROM crm.public.users WHERE country = 'NZ' AND full_name >= 'O''B' AND \
         deleted_at IS NULL AND length(email) > 8 AND plan LIKE '%ee'",
    ),
    ("postgres_limit", "SELECT * FROM crm.public.orders WHERE amount > 1.5 LIMIT 3"),
    ("dynamodb_query", "SELECT cost FROM events.default.workflow_items WHERE user_id = 7 AND status = 'FAILED'"),
    (
        "dynamodb_scan",
        "SELECT workflow_id FROM events.default.workflow_items WHERE status = 'FAILED' AND lower(kind) = 'x' \
         AND completed_at IS NULL",
    ),
    ("dynamodb_count", "SELECT count(*) FROM events.default.workflow_items"),
];

/// Replaces what differs from run to run: the query's id, and the estimates of MySQL and Postgres, which come from random
/// samples.
fn stable(text: &str) -> String {
    let line = |line: &str| match line {
        _ if line.starts_with("query ") => "query <id>".to_owned(),
        _ if ["scan my.", "scan pg.", "scan crm."].iter().any(|scan| line.starts_with(scan)) => estimate_left_out(line),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn estimate_left_out(line: &str) -> String {
    match line.split_once("about ").and_then(|(start, rest)| Some((start, rest.split_once(' ')?.1))) {
        Some((start, end)) => format!("{start}about <n> {end}"),
        None => line.to_owned(),
    }
}

/// One statement over four kinds of source: filters of each, keys from one to the next.
const FOUR_SOURCES: &[(&str, &str)] = &[
    (
        "four_sources",
        "SELECT n.n_name, o.o_orderpriority, p.p_brand, sum(l.l_quantity) AS quantity \
         FROM lake.default.nation n \
         JOIN my.tpch.customer c ON c.c_nationkey = n.n_nationkey \
         JOIN my.tpch.orders o ON o.o_custkey = c.c_custkey \
         JOIN pg.tpch.lineitem l ON l.l_orderkey = o.o_orderkey \
         JOIN ddb.default.part p ON p.p_partkey = l.l_partkey \
         WHERE n.n_name = 'CANADA' AND c.c_mktsegment = 'BUILDING' AND o.o_orderdate = DATE '1995-03-14' \
           AND l.l_shipmode IN ('AIR', 'RAIL') AND p.p_size < 10 \
         GROUP BY n.n_name, o.o_orderpriority, p.p_brand",
    ),
    ("tpch_q02", include_str!("../tpch/queries/q02.sql")),
    ("tpch_q09", include_str!("../tpch/queries/q09.sql")),
    ("mysql_filters", include_str!("../golden/mysql_filters.sql")),
    ("files_filters", include_str!("../golden/files_filters.sql")),
];

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_what_is_sent_and_what_stays() {
    let world = World::shared().await;
    expect_golden(&world.config(), |name| world.path(name), STATEMENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_a_join_of_four_kinds_of_source() {
    let federation = Federation::tpch().await;
    expect_golden(&federation.config(), |name| federation.path(name), FOUR_SOURCES);
}

/// Holds the EXPLAIN of each statement against its golden file.
pub(crate) fn expect_golden(config: &str, path: impl Fn(&str) -> PathBuf, statements: &[(&str, &str)]) {
    let mut differing = Vec::new();
    for (name, sql) in statements {
        let path = path(name);
        std::fs::write(&path, sql).unwrap();
        let outcome = headwater(&["--config", config, "explain", "-f", &path.display().to_string()]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        differing.extend(golden(name, &outcome.stdout));
    }
    assert!(differing.is_empty(), "golden files differ from:\n{}", differing.join("\n"));
}

/// Holds a text against its golden file, or writes it there if that is wanted; what differs.
pub(crate) fn golden(name: &str, text: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/explain");
    let (file, text) = (folder.join(format!("{name}.txt")), stable(text));
    if std::env::var_os("HEADWATER_UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&file, &text).unwrap();
    }
    (std::fs::read_to_string(&file).unwrap_or_default() != text).then(|| format!("{}:\n{text}", file.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_analyze_adds_what_was_done() {
    let world = World::shared().await;
    let sql = "SELECT u.id FROM crm.public.users u JOIN events.default.workflow_items w ON w.user_id = u.id \
               WHERE u.id <= 20";
    let outcome = headwater(&["--config", &world.config(), "explain", "--analyze", sql]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    for part in ["sent ", "did ", "20 keys of the join pushed", "read units", "requests", "across catalogs crm, events"]
    {
        assert!(outcome.stdout.contains(part), "no {part:?} in\n{}", outcome.stdout);
    }
    let json = headwater(&["--config", &world.config(), "explain", "--format", "json", sql]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["version"], 1);
    assert_eq!(value["scans"].as_array().map(Vec::len), Some(2));
}
