//! Errors point into the SQL and offer the nearest name.

use crate::support::{batch, engine, memory};
use arrow::array::Int64Array;
use headwater_core::{Error, ErrorKind};
use headwater_planner::{Engine, PushdownMode};
use std::sync::Arc;

fn one_table() -> Engine {
    let columns = batch(vec![
        ("email", Arc::new(Int64Array::from(vec![1])) as _),
        ("CreatedAt", Arc::new(Int64Array::from(vec![1])) as _),
    ]);
    engine(vec![("crm", Arc::new(memory(vec![("users", vec![columns])])))], PushdownMode::Auto)
}

async fn error_of(sql: &str) -> Error {
    match one_table().plan(sql).await {
        Ok(query) => panic!("{sql} was planned: {}", query.operators()),
        Err(error) => error,
    }
}

fn place(error: &Error) -> (u64, u64, u64) {
    let location = error.location().unwrap_or_else(|| panic!("no location: {error:?}"));
    (location.line, location.column, location.length)
}

#[tokio::test]
async fn an_unknown_column_is_pointed_at() {
    let error = error_of("SELECT\n  emial FROM crm.main.users").await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "column `emial` not found in crm.main.users");
    assert_eq!(error.hint(), Some("did you mean `email`?"));
    assert_eq!(place(&error), (2, 3, 5));
    let error = error_of("SELECT u.emial FROM crm.main.users u").await;
    assert_eq!(error.to_string(), "column `emial` not found in u");
    let error = error_of("SELECT CreatedAt FROM crm.main.users").await;
    assert!(error.hint().unwrap().contains("\"CreatedAt\""), "{error:?}");
}

#[tokio::test]
async fn unknown_catalog_schema_and_table_are_told_apart() {
    let error = error_of("SELECT 1 FROM crn.main.users").await;
    assert_eq!((error.to_string().as_str(), error.hint()), ("catalog `crn` not found", Some("did you mean `crm`?")));
    assert_eq!(place(&error), (1, 15, 3));
    let error = error_of("SELECT 1 FROM crm.mian.users").await;
    assert_eq!(error.to_string(), "schema `mian` not found in catalog crm");
    assert_eq!(place(&error), (1, 19, 4));
    let error = error_of("SELECT 1 FROM crm.main.user").await;
    assert_eq!(error.to_string(), "table `user` not found in crm.main");
    assert_eq!((error.hint(), error.catalog()), (Some("did you mean `users`?"), Some("crm")));
    assert_eq!(place(&error), (1, 24, 4));
    let error = error_of("SELECT 1 FROM \"dir/users.csv\"").await;
    assert!(error.hint().unwrap().contains("single quotes"), "{error:?}");
    let error = error_of("SELECT 1 FROM users").await;
    assert!(error.hint().unwrap().contains("crm.schema.users"), "{error:?}");
}

#[tokio::test]
async fn a_syntax_error_has_its_place() {
    let error = error_of("SELECT 1 FORM crm.main.users WHERE").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().starts_with("syntax error: "), "{error}");
    assert!(error.location().is_some(), "{error:?}");
}

#[tokio::test]
async fn only_single_queries_are_run() {
    for sql in ["CREATE TABLE x (a INT)", "INSERT INTO crm.main.users VALUES (1, 2)", "DROP TABLE crm.main.users"] {
        assert_eq!(error_of(sql).await.kind(), ErrorKind::Unsupported, "{sql}");
    }
    assert_eq!(error_of("SELECT 1; SELECT 2").await.kind(), ErrorKind::InvalidInput);
    assert_eq!(error_of("").await.kind(), ErrorKind::InvalidInput);
    assert!(error_of("EXPLAIN SELECT 1").await.hint().unwrap().contains("headwater explain"));
}

#[tokio::test]
async fn a_query_runs_once() {
    let engine = one_table();
    let query = engine.plan("SELECT * FROM crm.main.users").await.unwrap();
    drop(query.execute().unwrap());
    assert!(query.execute().is_err());
}

#[tokio::test]
async fn a_clause_that_would_be_left_out_is_refused() {
    let clauses = [
        ("SELECT email FROM crm.main.users PREWHERE email = 1", "PREWHERE"),
        ("SELECT email FROM crm.main.users START WITH email = 1 CONNECT BY email = 1", "CONNECT BY"),
        ("SELECT email FROM crm.main.users TABLESAMPLE (1 ROWS)", "TABLESAMPLE"),
        ("SELECT x.email FROM (SELECT email FROM crm.main.users) x TABLESAMPLE BERNOULLI (0)", "TABLESAMPLE"),
        ("SELECT count(*) FROM crm.main.users GROUP BY email WITH ROLLUP", "WITH ROLLUP"),
        ("SELECT email FROM crm.main.users PARTITION (p0)", "PARTITION"),
        ("SELECT * ILIKE '%d' FROM crm.main.users", "ILIKE"),
        ("SELECT email FROM crm.main.users FOR UPDATE", "FOR UPDATE"),
        ("SELECT email FROM crm.main.users WITH (NOLOCK)", "WITH ("),
        ("SELECT email FROM crm.main.users SETTINGS max_threads = 1", "SETTINGS"),
        ("SELECT email INTO copy FROM crm.main.users", "INTO"),
        ("WITH x AS (SELECT email FROM crm.main.users FOR UPDATE) SELECT * FROM x", "FOR UPDATE"),
        ("FROM crm.main.users", "FROM without SELECT"),
    ];
    for (sql, clause) in clauses {
        let error = error_of(sql).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error:?}");
        assert!(error.to_string().contains(clause), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_statement_too_long_or_too_deep_to_plan_is_told_so() {
    let long: Vec<String> = (0..6_000).map(|n| format!("email <> {n}")).collect();
    let error = error_of(&format!("SELECT 1 FROM crm.main.users WHERE {}", long.join(" AND "))).await;
    assert_eq!((error.kind(), error.hint().is_some()), (ErrorKind::LimitExceeded, true), "{error:?}");
    let deep = format!("SELECT 1 FROM crm.main.users WHERE {}email = 1{}", "NOT (".repeat(60), ")".repeat(60));
    assert_eq!(error_of(&deep).await.kind(), ErrorKind::LimitExceeded);
}

/// The parser takes all that follows `IS DISTINCT FROM` for its right side: another question than the one that was asked.
#[tokio::test]
async fn what_follows_is_distinct_from_must_be_kept_off_by_parentheses() {
    let engine = engine(Vec::new(), PushdownMode::Auto);
    let taken = ["SELECT 1 IS DISTINCT FROM 2 AND true", "SELECT 1 WHERE 1 IS NOT DISTINCT FROM 1 OR false"];
    for sql in taken {
        let error = engine.plan(sql).await.unwrap_err();
        assert!(error.to_string().contains("followed by AND or OR") && error.location().is_some(), "{error}");
    }
    let kept = [
        "SELECT (1 IS DISTINCT FROM 2) AND true",
        "SELECT true AND 1 IS DISTINCT FROM 2",
        "SELECT true IS DISTINCT FROM (true AND true)",
    ];
    for sql in kept {
        assert!(engine.plan(sql).await.is_ok(), "{sql}");
    }
}
