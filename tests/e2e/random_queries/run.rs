//! Many statements through one engine that runs each both ways.

use super::random::Random;
use super::statement::Statement;
use super::table::Table;
use super::tally::Tally;
use arrow::array::RecordBatch;
use futures::{StreamExt, TryStreamExt};
use headwater_core::{Error, ErrorKind, Result};
use headwater_planner::{Engine, Ledger, PushdownMode};
use std::fmt::Write as _;
use std::sync::Arc;

/// How many statements run at once.
const AT_ONCE: usize = 6;

/// How many wrong answers are shown.
const SHOWN: usize = 6;

/// `HEADWATER_SEED`, else always the same.
pub(super) fn seed() -> u64 {
    std::env::var("HEADWATER_SEED").map_or(20_261_121, |seed| seed.parse().expect("HEADWATER_SEED is a number"))
}

/// Runs `count` random statements over `tables`.
///
/// # Panics
/// When answers differ, with the seed and the statements made as small as they still differ.
pub(super) async fn hold(configuration: &str, tables: &[Table], count: usize) -> Tally {
    let engine = Arc::new(headwater_tests::engine(configuration, PushdownMode::Verify));
    let seed = seed();
    let mut random = Random(seed);
    let statements: Vec<Statement> = (0..count).map(|_| Statement::random(&mut random, tables)).collect();
    let outcomes = futures::stream::iter(statements).map(|statement| {
        let engine = Arc::clone(&engine);
        let run = async move {
            let outcome = outcome(&engine, &statement.to_string()).await;
            (statement, outcome)
        };
        async move { tokio::spawn(run).await.unwrap() }
    });
    let mut outcomes = std::pin::pin!(outcomes.buffer_unordered(AT_ONCE));
    let (mut tally, mut wrong, mut shown) = (Tally::default(), 0, String::new());
    while let Some((statement, outcome)) = outcomes.next().await {
        match outcome {
            Ok(ledger) => tally.count(&ledger),
            Err(error) if is_wrong(&error) => {
                wrong += 1;
                if wrong <= SHOWN {
                    let (statement, error) = smallest(&engine, statement, error).await;
                    writeln!(shown, "\n{statement}\n{}", told(&error)).unwrap();
                }
            }
            Err(error) if only_plain(&error) => tally.plain_fails += 1,
            Err(error) if overflows(&error) => tally.overflows += 1,
            Err(error) => *tally.refused.entry(first_words(&error)).or_default() += 1,
        }
    }
    assert!(wrong == 0, "HEADWATER_SEED={seed}: {wrong} of {count} statements went wrong; {tally:?}\n{shown}");
    println!("HEADWATER_SEED={seed}: {tally:?}");
    tally
}

async fn outcome(engine: &Engine, sql: &str) -> Result<Ledger> {
    let query = engine.plan(sql).await?;
    let _rows: Vec<RecordBatch> = query.execute()?.try_collect().await?;
    Ok(query.ledger())
}

fn failed_only(error: &Error, side: &str) -> bool {
    error.context().iter().any(|(key, said)| key == "verify" && said.contains(side))
}

fn only_plain(error: &Error) -> bool {
    failed_only(error, "without pushdown")
}

/// A difference, a failure that pushdown brings, or one that no statement should have.
fn is_wrong(error: &Error) -> bool {
    let expected = matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::SchemaMismatch);
    (failed_only(error, "with pushdown") && !overflows(error)) || !expected
}

/// A source says that a sum of integers does not fit its type, where the engine's own sum goes round silently.
fn overflows(error: &Error) -> bool {
    let told = error.to_string();
    failed_only(error, "with pushdown")
        && ["out of range", "its type cannot hold"].iter().any(|what| told.contains(what))
}

/// An error without the values in it.
fn first_words(error: &Error) -> String {
    error.to_string().split([':', '`']).next().unwrap_or_default().to_owned()
}

fn told(error: &Error) -> String {
    let context: String = error.context().iter().map(|(key, value)| format!("  {key}: {value}\n")).collect();
    format!("{}: {error}\n{context}", error.kind().code())
}

/// Leaves out parts as long as the statement stays wrong.
async fn smallest(engine: &Engine, mut statement: Statement, mut error: Error) -> (Statement, Error) {
    'smaller: loop {
        for smaller in statement.smaller() {
            match outcome(engine, &smaller.to_string()).await {
                Err(still) if is_wrong(&still) && still.kind() == error.kind() => {
                    (statement, error) = (smaller, still);
                    continue 'smaller;
                }
                _ => {}
            }
        }
        return (statement, error);
    }
}
