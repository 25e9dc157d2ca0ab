//! Folders that are columns.

use crate::support::{Folder, batch, failure, ints, parquet, path, scan, sorted, table, text, values};
use arrow::array::Int64Array;
use headwater_core::{Answer, CompareOp, ErrorKind, Expr, JoinKeys, KeyDecision, Value};
use std::sync::Arc;

fn lake() -> Folder {
    let folder = Folder::new();
    for year in 2020..2025 {
        for country in ["NZ", "DE", "__HIVE_DEFAULT_PARTITION__"] {
            let data = batch(vec![("n", Arc::new(Int64Array::from(vec![year, -year])) as _)]);
            folder.put(&format!("t/year={year}/country={country}/part.parquet"), parquet(&data));
        }
    }
    folder
}

fn equals(column: &str, value: Value) -> Expr {
    Expr::column(column).compare(CompareOp::Eq, value)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_their_path_rules_out_are_not_read() {
    let folder = lake();
    let filters = vec![equals("year", Value::Int64(2022)), equals("country", text("NZ"))];
    let outcome = scan(&folder.connector(""), table("t"), |r| r.with_filters(filters), None).await.unwrap();
    assert_eq!(outcome.plan.filters, [Answer::Exact, Answer::Exact]);
    assert_eq!(outcome.plan.notes, ["1 of 15 files by their path"]);
    assert_eq!(sorted(&outcome.rows, "n"), ints([-2022, 2022]));
    assert_eq!(values(&outcome.rows, "country"), [text("NZ"), text("NZ")]);
    let shown = outcome.plan.requests.iter().map(ToString::to_string).collect::<String>();
    assert_eq!(shown.matches("part.parquet").count(), 1, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_partition_is_null_and_a_mixed_filter_is_checked_again() {
    let folder = lake();
    let files = folder.connector("");
    let null = vec![Expr::column("country").is_null()];
    let outcome = scan(&files, table("t"), |r| r.with_filters(null), None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 10);
    let mixed = Expr::Or(vec![equals("year", Value::Int64(2020)), equals("n", Value::Int64(2024))]);
    let outcome = scan(&files, table("t"), |r| r.with_filters(vec![mixed]), None).await.unwrap();
    assert!(matches!(outcome.plan.filters.as_slice(), [Answer::Inexact(_)]));
    assert_eq!(
        sorted(&outcome.rows, "year"),
        ints([2020, 2020, 2020, 2020, 2020, 2020, 2024, 2024, 2024, 2024, 2024, 2024])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn join_keys_leave_out_files() {
    let folder = lake();
    let keys = JoinKeys::new(vec!["year".to_owned()], vec![vec![Value::Int64(2021)], vec![Value::Int64(1)]]);
    let outcome = scan(&folder.connector(""), table("t"), |r| r, Some(&keys)).await.unwrap();
    assert_eq!(outcome.decision, KeyDecision::Used { keys: 2 });
    assert_eq!(sorted(&outcome.rows, "n"), ints([-2021, -2021, -2021, 2021, 2021, 2021]));
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_types_and_patterns_apply_to_paths() {
    let folder = lake();
    let declared = "[catalogs.lake.tables.t.partitions]\nyear = \"text\"\n";
    let outcome = scan(&folder.connector(declared), table("t"), |r| r, None).await.unwrap();
    assert_eq!(sorted(&outcome.rows, "year")[0], text("2020"));
    let pattern = path(folder.path("t/year=202[0-1]/*/part.parquet"));
    let outcome = scan(&folder.connector(""), pattern, |r| r, None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 12);
    assert_eq!(sorted(&outcome.rows, "year")[0], Value::Int64(2020));
    let wrong = "[catalogs.lake.tables.t.partitions]\ncountry = \"int64\"\n";
    assert_eq!(failure(&folder.connector(wrong), table("t")).await.kind(), ErrorKind::SchemaMismatch);
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_files_are_left_out_by_their_path_too() {
    let folder = Folder::new();
    folder.put("t/day=2024-01-01/a.csv", "n\n1\n");
    folder.put("t/day=2024-01-02/a.csv", "n\n2\n");
    let filter = Expr::column("day").compare(CompareOp::Gt, Value::Date(19_723));
    let outcome = scan(&folder.connector(""), table("t"), |r| r.with_filters(vec![filter]), None).await.unwrap();
    assert_eq!(outcome.plan.filters, [Answer::Exact]);
    assert_eq!(sorted(&outcome.rows, "n"), ints([2]));
}
