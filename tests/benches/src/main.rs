//! Measures Headwater beside others, and writes `BENCHMARKS.md`: `make bench`.
//!
//! ```text
//! headwater-benches [a b c m d e f g] [--rounds N]
//! ```
//! Without letters everything is measured and the report written; with some of them it is only printed.

mod by_hand;
mod cases;
mod ours;
mod raw;
mod report;
mod runner;
mod servers;
mod task;

use cases::{Bench, CASES, Case};
use runner::Runner;
use servers::Servers;
use std::path::Path;
use std::process::ExitCode;
use task::{Outcome, Result, Task, Way, Work};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("child") => child(),
        _ => Selection::parse(&arguments).and_then(|selection| measure(&selection)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What to measure.
struct Selection {
    cases: Vec<Case>,
    rounds: usize,
    /// Whether that is everything there is.
    whole: bool,
}

impl Selection {
    fn parse(arguments: &[String]) -> Result<Self> {
        let (mut letters, mut rounds) = (String::new(), 5);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rounds" => rounds = arguments.next().ok_or("--rounds needs a number")?.parse()?,
                letter if letter.len() == 1 && CASES.iter().any(|case| letter.starts_with(case.letter)) => {
                    letters.push_str(letter);
                }
                other => return Err(format!("`{other}` is no case; there are a b c m d e f g, and --rounds N").into()),
            }
        }
        let cases = CASES.into_iter().filter(|case| letters.is_empty() || letters.contains(case.letter)).collect();
        Ok(Self { cases, rounds, whole: letters.is_empty() })
    }
}

fn measure(selection: &Selection) -> Result<()> {
    let runtime = Runtime::new()?;
    let servers = runtime.block_on(Servers::start())?;
    let versions = runtime.block_on(servers.versions())?;
    let runner = Runner { accesses: servers.accesses(), servers, rounds: selection.rounds };
    let bench = Bench { runner: &runner, runtime: &runtime };
    let mut sections = Vec::new();
    for case in &selection.cases {
        sections.push((case.title, (case.run)(&bench)?));
    }
    let report = report::text(&sections, &versions, selection.rounds)?;
    println!("{report}");
    if selection.whole {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../BENCHMARKS.md"), report)?;
    }
    runtime.block_on(runner.servers.stop())
}

/// A process to be measured.
fn child() -> Result<()> {
    let Task { servers, work, verify } = serde_json::from_reader(std::io::stdin())?;
    let outcome: Outcome = match work {
        Work::Scan { source, narrow } => Runtime::new()?.block_on(ours::scan(&servers, source, narrow, verify))?,
        Work::Query { sql, twice, count_only } => {
            Runtime::new()?.block_on(ours::query(&servers, &sql, twice, count_only))?
        }
        Work::Items { table, by: Way::Ours } => Runtime::new()?.block_on(ours::items(&servers, &table, verify))?,
        Work::Items { table, by: Way::Typed } => Runtime::new()?.block_on(by_hand::items(&servers, &table))?,
        Work::Lookup { keys, at_once } => Runtime::new()?.block_on(by_hand::lookup(&servers, keys, at_once))?,
        Work::Drain { source, statements, connections } => raw::drain(&servers, source, statements, connections)?,
        Work::Peer { .. } => return Err("peers run their own scripts".into()),
    };
    Ok(serde_json::to_writer(std::io::stdout(), &outcome)?)
}
