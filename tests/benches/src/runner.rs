//! Runs everyone in turn, each in a process of its own, and counts.

use crate::servers::{Expected, Servers};
use crate::task::{Accesses, Outcome, Result, Task, Work};
use headwater_benches::contest::{Contender, Contest, Kind, Run};
use headwater_benches::usage::{self, Machine};
use headwater_harness::installed_python;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A process that takes longer has failed.
const SECONDS: &str = "300";

/// The slow ones, which nobody's goal depends on, do not run more often than this.
const OCCASIONAL_ROUNDS: usize = 2;

/// Where everyone together takes fewer seconds than this, there are at least so many rounds.
const SHORT: f64 = 0.5;
pub(crate) const SHORT_ROUNDS: usize = 15;

/// One line of a table to come.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) work: Work,
    /// A peer's script; `None` runs this very program.
    pub(crate) script: Option<&'static str>,
}

/// How an answer is checked.
#[derive(Debug, Clone)]
pub(crate) enum Check {
    /// Every column's sum is as the server says, and every run has that many rows.
    Sums(Expected),
    /// Every run has that many rows.
    Rows(u64),
    /// All answers are the same.
    Same,
}

/// Servers, and how often everyone runs.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) servers: Servers,
    pub(crate) accesses: Accesses,
    pub(crate) rounds: usize,
}

/// A table, and what each of its programs said when it was checked.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) contest: Contest,
    pub(crate) checked: Vec<Outcome>,
}

impl Runner {
    /// Everyone once, to be checked and to warm up; then `rounds` times everyone in turn, more often if that takes no time.
    pub(crate) fn hold(&self, title: &str, entries: &[Entry], check: &Check) -> Held {
        eprintln!("{title}");
        let mut contenders = Vec::new();
        let mut checked: Vec<Outcome> = Vec::new();
        for entry in entries {
            let answered = self.run(entry, true).map_err(|error| format!("failed: {error}"));
            let answered = answered.and_then(|(outcome, _)| match judge(&outcome, check, &checked) {
                Some(problem) => Err(problem),
                None => Ok(outcome),
            });
            let problem = answered.as_ref().err().cloned();
            if let Some(problem) = &problem {
                eprintln!("  {}: {problem}", entry.name);
            }
            checked.push(answered.unwrap_or_default());
            contenders.push(Contender { name: entry.name.clone(), kind: entry.kind, runs: Vec::new(), problem });
        }
        for round in 0..self.rounds_for(&checked) {
            for (entry, contender) in entries.iter().zip(&mut contenders) {
                let resting = entry.kind == Kind::Other && round >= OCCASIONAL_ROUNDS;
                if contender.problem.is_none() && !resting {
                    self.add_run(entry, contender, check);
                }
            }
        }
        let rows = if matches!(check, Check::Same) {
            0
        } else {
            checked.iter().map(|outcome| outcome.rows).max().unwrap_or(0)
        };
        let contest = Contest { title: title.to_owned(), rows, contenders, goals: Vec::new(), remarks: Vec::new() };
        Held { contest, checked }
    }

    /// Hundredths of a second need more runs than seconds do before a median says something.
    fn rounds_for(&self, warmed: &[Outcome]) -> usize {
        let seconds: f64 = warmed.iter().map(|outcome| outcome.seconds).sum();
        if seconds < SHORT { self.rounds.max(SHORT_ROUNDS) } else { self.rounds }
    }

    /// Runs one of them once, without counting.
    pub(crate) fn ask(&self, entry: &Entry) -> Result<Outcome> {
        self.run(entry, false).map(|(outcome, _)| outcome)
    }

    fn add_run(&self, entry: &Entry, contender: &mut Contender, check: &Check) {
        let wanted = match check {
            Check::Sums(expected) => Some(expected.rows),
            Check::Rows(rows) => Some(*rows),
            Check::Same => None,
        };
        match self.run(entry, false) {
            Ok((outcome, run)) if wanted.is_none_or(|rows| rows == outcome.rows) => {
                let again = run.again.map(|again| format!(", again {again:.3} s")).unwrap_or_default();
                let Run { seconds, client_cpu, server_cpu, noise, .. } = run;
                eprintln!(
                    "  {:<40} {seconds:.3} s{again}, client {client_cpu:.2} s, servers {server_cpu:.2} s, noise {noise:.2}",
                    entry.name
                );
                contender.runs.push(run);
            }
            Ok((outcome, _)) => contender.problem = Some(format!("{} rows in one run", outcome.rows)),
            Err(error) => contender.problem = Some(format!("failed: {error}")),
        }
    }

    fn run(&self, entry: &Entry, verify: bool) -> Result<(Outcome, Run)> {
        let task = Task { servers: self.accesses.clone(), work: entry.work.clone(), verify };
        let before = (Machine::now()?, usage::ended_children(), self.servers.cpu()?, usage::own());
        let started = Instant::now();
        let outcome = child(entry.script, &task)?;
        let wall = started.elapsed().as_secs_f64();
        let after = (Machine::now()?, usage::ended_children(), self.servers.cpu()?, usage::own());
        let (client_cpu, server_cpu) = (after.1 - before.1, after.2 - before.2);
        let all = after.0.busy + after.0.stolen - before.0.busy - before.0.stolen;
        #[allow(clippy::cast_precision_loss)]
        let cores = std::thread::available_parallelism()?.get() as f64;
        let noise = ((all - client_cpu - server_cpu - (after.3 - before.3)) / (wall * cores)).max(0.0);
        let Outcome { seconds, again, memory, .. } = outcome;
        Ok((outcome, Run { seconds, again, client_cpu, server_cpu, noise, memory }))
    }
}

/// What is wrong with an answer. `others` answered before.
fn judge(outcome: &Outcome, check: &Check, others: &[Outcome]) -> Option<String> {
    match check {
        Check::Rows(rows) => (outcome.rows != *rows).then(|| format!("{} rows instead of {rows}", outcome.rows)),
        Check::Sums(expected) => {
            if outcome.rows != expected.rows {
                return Some(format!("{} rows instead of {}", outcome.rows, expected.rows));
            }
            // The raw drains decode nothing.
            let differing = outcome
                .sums
                .iter()
                .find(|(name, sum)| expected.sums.get(*name).is_none_or(|wanted| !same(sum, wanted)));
            differing.map(|(name, sum)| format!("wrong answer: column {name} sums up to {sum}"))
        }
        Check::Same => {
            let first = others.iter().find(|other| !other.answer.is_empty())?;
            let same_rows = first.answer.len() == outcome.answer.len()
                && first
                    .answer
                    .iter()
                    .zip(&outcome.answer)
                    .all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)));
            (!same_rows).then(|| "another answer than the first".to_owned())
        }
    }
}

/// Zeros at the end of a decimal mean nothing.
fn same(a: &str, b: &str) -> bool {
    fn bare(text: &str) -> &str {
        let number = text.contains('.') && text.parse::<f64>().is_ok();
        if number { text.trim_end_matches('0').trim_end_matches('.') } else { text }
    }
    bare(a) == bare(b)
}

/// Runs one process to its end.
fn child(script: Option<&str>, task: &Task) -> Result<Outcome> {
    let mut command = Command::new("timeout");
    command.arg(SECONDS);
    match script {
        None => command.arg(std::env::current_exe()?).arg("child"),
        Some(script) => {
            let scripts = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/peers"));
            command.arg(installed_python("peers")?).arg("-B").arg(scripts.join(script))
        }
    };
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut input) = process.stdin.take() {
        input.write_all(&serde_json::to_vec(task)?)?;
    }
    let output = process.wait_with_output()?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let last = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        return Err(last.chars().take(300).collect::<String>().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
