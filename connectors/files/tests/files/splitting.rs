//! One large file, read in many parts: each row comes once.

use crate::support::{
    Folder, batch, configured, failure, ints, parquet_with, rows, scan, small_groups, sorted, table, values,
};
use arrow::array::Int64Array;
use headwater_core::{ErrorKind, Value};
use std::sync::Arc;

const ROWS: i64 = 5_000;

/// Only files of such tables are cut.
fn without_breaks(names: &[&str]) -> String {
    names.iter().map(|name| format!("[catalogs.lake.tables.{name}]\nnewlines_in_quotes = false\n")).collect()
}

/// Rows of very different lengths, with quoted fields.
fn csv(line_end: &str) -> String {
    let filler = |n: i64| "x".repeat(usize::try_from(n * 37 % 211).unwrap());
    let line = |n: i64| format!("{n},\"{},\"\"{}\"\"\"{line_end}", n * 3, filler(n));
    format!("n,t{line_end}{}", (0..ROWS).map(line).collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_csv_file_comes_once_wherever_it_is_cut() {
    for (line_end, sizes) in [("\n", [1_024, 1_031, 4_099]), ("\r\n", [1_025, 2_048, 3_001])] {
        for size in sizes {
            let folder = Folder::new();
            folder.put("t.csv", csv(line_end));
            let files = folder.connector(&format!("split_size = \"{size}B\"\n{}", without_breaks(&["t"])));
            let outcome = scan(&files, table("t"), |request| request, None).await.unwrap();
            assert!(outcome.splits.len() > 100, "{} splits", outcome.splits.len());
            assert_eq!(sorted(&outcome.rows, "n"), ints(0..ROWS), "{size} {line_end:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_a_json_file_comes_once_even_without_a_last_line_end() {
    let folder = Folder::new();
    let lines: Vec<String> =
        (0..ROWS).map(|n| format!("{{\"n\": {n}, \"t\": \"{}\\n\"}}", "y".repeat(n as usize % 97))).collect();
    folder.put("t.jsonl", lines.join("\n"));
    let files = folder.connector("split_size = \"1027B\"");
    let outcome = scan(&files, table("t"), |request| request, None).await.unwrap();
    assert!(outcome.splits.len() > 100);
    assert_eq!(sorted(&outcome.rows, "n"), ints(0..ROWS));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_group_comes_once_with_and_without_its_footer_known() {
    let folder = Folder::new();
    for part in 0..4 {
        let data = batch(vec![("n", Arc::new(Int64Array::from_iter_values(part * ROWS..(part + 1) * ROWS)) as _)]);
        folder.put(&format!("t/{part}.parquet"), parquet_with(&data, small_groups()));
    }
    for lines in ["split_size = \"2KiB\"", "split_size = \"2KiB\"\nsample_files = 1"] {
        let outcome = scan(&folder.connector(lines), table("t"), |request| request, None).await.unwrap();
        assert!(outcome.splits.len() > 20, "{} splits", outcome.splits.len());
        assert_eq!(sorted(&outcome.rows, "n"), ints(0..4 * ROWS));
    }
}

/// Text with line breaks within quotes, in every row from `first` on.
fn with_breaks(first: i64) -> String {
    let text = |n: i64| if n >= first { "a\n1,\"\"b\"\"\n".to_owned() } else { "plain ".repeat(50) };
    format!("n,t\n{}", (0..ROWS).map(|n| format!("{n},\"{}\"\n", text(n))).collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_known_to_have_no_line_breaks_within_quotes_is_not_cut() {
    let folder = Folder::new();
    folder.put("t.csv", with_breaks(4_000));
    let outcome = scan(&folder.connector("split_size = \"1KiB\""), table("t"), |request| request, None).await.unwrap();
    assert_eq!(outcome.splits.len(), 1);
    assert_eq!(outcome.rows.num_rows() as i64, ROWS);
    assert!(outcome.plan.notes[0].contains("not cut"), "{:?}", outcome.plan.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn line_breaks_within_quotes_against_the_declaration_are_an_error_or_right_when_all_is_read() {
    let folder = Folder::new();
    let file = folder.put("t.csv", with_breaks(4_000));
    let (mut errors, mut whole) = (0, 0);
    for size in 8_000..8_040 {
        let declared = format!(
            "split_size = \"{}B\"\n[catalogs.lake.tables.t]\npath = \"{file}\"\nnewlines_in_quotes = false\n",
            size * 2
        );
        match scan(&configured(&declared).unwrap(), table("t"), |request| request, None).await {
            Ok(outcome) => {
                assert_eq!(sorted(&outcome.rows, "n"), ints(0..ROWS), "{size}");
                whole += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error:?}");
                assert!(error.hint().unwrap().contains("newlines_in_quotes = false"), "{error:?}");
                errors += 1;
            }
        }
    }
    assert!(errors > 0, "{whole} of 40 were right");
    let declared = format!(
        "sample_size = \"1KiB\"\nsplit_size = \"1KiB\"\n[catalogs.lake.tables.t]\npath = \"{file}\"\nnewlines_in_quotes = true\n"
    );
    assert_eq!(sorted(&rows(&configured(&declared).unwrap(), table("t")).await, "n"), ints(0..ROWS));
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_inside_fields_and_limits_keep_a_file_whole() {
    let folder = Folder::new();
    let pipes: String = (0..ROWS).map(|n| format!("{n},{n}\" pipe\n")).collect();
    folder.put("pipes.csv", format!("n,t\n{pipes}"));
    folder.put("late.csv", format!("n,t\n{}{pipes}", "7,plain text that fills the sample\n".repeat(40_000)));
    folder.put("plain.csv", csv("\n"));
    let lines = "split_size = \"1KiB\"\nsample_size = \"1KiB\"\n";
    let outcome = scan(&folder.connector(lines), table("pipes"), |request| request, None).await.unwrap();
    assert_eq!((outcome.splits.len(), outcome.rows.num_rows() as i64), (1, ROWS));
    let files = folder.connector(&format!("{lines}{}", without_breaks(&["late", "plain"])));
    let error = failure(&files, table("late")).await;
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error:?}");
    let limited = scan(&files, table("plain"), |request| request.with_limit(3), None).await.unwrap();
    assert_eq!((limited.splits.len(), limited.rows.num_rows()), (1, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_are_bundled() {
    let folder = Folder::new();
    for part in 0..100 {
        folder.put(&format!("t/{part:03}.csv"), format!("n\n{part}\n"));
    }
    let outcome = scan(&folder.connector(""), table("t"), |request| request, None).await.unwrap();
    assert_eq!(outcome.splits.len(), 7);
    assert_eq!(sorted(&outcome.rows, "n"), ints(0..100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_carriage_return_is_refused_where_files_may_be_cut() {
    let folder = Folder::new();
    folder.put("t.csv", "n,t\r1,2\r3,4\r");
    assert_eq!(failure(&folder.connector(""), table("t")).await.kind(), ErrorKind::Unsupported);
    folder.put("u.csv", "n\n1\n\n2");
    assert_eq!(
        values(&rows(&folder.connector(""), table("u")).await, "n"),
        [Value::Int64(1), Value::Null, Value::Int64(2)]
    );
}
