//! TPC-H at scale factor 0.1 over four kinds of source: all 22 queries give the reference answers.
//!
//! The answers in `tests/tpch/answers` are PostgreSQL's own over the same data in one database, and are made again by
//! `HEADWATER_UPDATE_ANSWERS=1 cargo test --workspace --test e2e tpch`.

use headwater_planner::PushdownMode;
use headwater_tests::{Federation, World};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn file(folder: &str, query: usize, ending: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tpch/{folder}/q{query:02}.{ending}"))
}

/// The rows of a reference answer: fields divided by `|`, below a line of names.
fn reference(query: usize) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file("answers", query, "tbl")).unwrap();
    text.lines().skip(1).map(|line| line.split('|').map(str::to_owned).collect()).collect()
}

/// An average or a quotient has as many digits as an engine gives it: it must be the reference cut or rounded there,
/// which is after four digits at least. Everything else is the same text.
fn is_same(value: &str, reference: &str) -> bool {
    if value == reference {
        return true;
    }
    let (Some((whole, fraction)), Some((wanted_whole, wanted_fraction))) =
        (value.split_once('.'), reference.split_once('.'))
    else {
        return false;
    };
    let common = fraction.len().min(wanted_fraction.len());
    if common < 4 {
        return false;
    }
    let digits = |whole: &str, fraction: &str| format!("{whole}{}", &fraction[..common]).parse::<i128>().unwrap();
    let (value, reference) = (digits(whole, fraction), digits(wanted_whole, wanted_fraction));
    let rest = &wanted_fraction[common..];
    value == reference || (rest.starts_with(|c| c >= '5') && value == reference + if reference < 0 { -1 } else { 1 })
}

fn compare(query: usize, mut rows: Vec<Vec<String>>) -> Result<(), String> {
    let mut wanted = reference(query);
    // Rows that ORDER BY holds equal may come in any order.
    rows.sort();
    wanted.sort();
    if rows.len() != wanted.len() {
        return Err(format!("q{query:02}: {} rows, {} wanted", rows.len(), wanted.len()));
    }
    for (row, wanted) in rows.iter().zip(&wanted) {
        if row.len() != wanted.len() || !row.iter().zip(wanted).all(|(value, wanted)| is_same(value, wanted)) {
            return Err(format!("q{query:02}: {row:?}\n  wanted {wanted:?}"));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_queries_give_the_reference_answers() {
    let federation = Federation::tpch().await;
    if std::env::var_os("HEADWATER_UPDATE_ANSWERS").is_some() {
        return update_answers(federation).await;
    }
    let engine = federation.engine(PushdownMode::Auto);
    let mut wrong = String::new();
    for query in 1..=22 {
        let sql = std::fs::read_to_string(file("queries", query, "sql")).unwrap();
        let answered = World::rows(&engine, &sql).await.map_err(|error| format!("q{query:02}: {error:?}"));
        if let Err(reason) = answered.and_then(|(rows, _)| compare(query, rows)) {
            writeln!(wrong, "{reason}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Each query over one Postgres schema that holds all eight tables.
async fn update_answers(federation: &Federation) {
    for query in 1..=22 {
        let sql = std::fs::read_to_string(file("queries", query, "sql")).unwrap();
        let local = ["pg.tpch.", "my.tpch.", "ddb.default.", "lake.default."];
        let sql = local.iter().fold(sql, |sql, catalog| sql.replace(catalog, "reference."));
        std::fs::write(file("answers", query, "tbl"), federation.reference_answer(&sql).await).unwrap();
    }
}

#[test]
fn a_wrong_digit_is_not_the_same() {
    assert!(is_same("25.537587", "25.5375871168549970"));
    assert!(is_same("25.5376", "25.5375871168549970"));
    assert!(is_same("-25.5376", "-25.5375871168549970"));
    assert!(!is_same("25.5374", "25.5375871168549970"));
    assert!(!is_same("25.54", "25.5375871168549970"));
    assert!(!is_same("3774200.01", "3774200.00"));
    assert!(!is_same("3774201", "3774200"));
    assert!(!is_same("abc", "abd"));
}
