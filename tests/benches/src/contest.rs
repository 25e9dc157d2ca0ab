//! The same question put to several programs, and what came of it.

use crate::figures::{Spread, rounded};
use std::fmt;

/// One run of one program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// From the question to the last row, in seconds, inside the program: neither its start nor its loading of libraries.
    pub seconds: f64,
    /// The same question once more in the same process, where that was asked for.
    pub again: Option<f64>,
    /// Processor seconds of the whole process, its start included.
    pub client_cpu: f64,
    /// Processor seconds of the servers meanwhile.
    pub server_cpu: f64,
    /// Processor time of all others and time stolen by other machines meanwhile, as a share of all processors.
    pub noise: f64,
    /// The most memory that the process had resident, in bytes.
    pub memory: u64,
}

/// What a program is to the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Headwater.
    Ours,
    /// Bytes read from a socket and thrown away: what the server and the wire allow.
    Raw,
    /// DuckDB, set up fairly.
    DuckDb,
    /// Another program, or a setting that nobody who measures would choose.
    Other,
}

/// A figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// [`Run::seconds`].
    First,
    /// [`Run::again`].
    Again,
    /// [`Run::client_cpu`].
    ClientCpu,
    /// [`Run::memory`], in MB.
    Memory,
}

impl Measure {
    fn of(self, run: &Run) -> Option<f64> {
        match self {
            Self::First => Some(run.seconds),
            Self::Again => run.again,
            Self::ClientCpu => Some(run.client_cpu),
            #[allow(clippy::cast_precision_loss)]
            Self::Memory => Some(run.memory as f64 / 1e6),
        }
    }
}

/// A program with its runs.
#[derive(Debug, Clone)]
pub struct Contender {
    /// As the table names it.
    pub name: String,
    /// What it is to the comparison.
    pub kind: Kind,
    /// Its runs, the one that was checked not among them.
    pub runs: Vec<Run>,
    /// Why there are no runs, or why they do not count: a failure or a wrong answer.
    pub problem: Option<String>,
}

impl Contender {
    fn spread(&self, measure: Measure) -> Option<Spread> {
        Spread::of(self.runs.iter().filter_map(|run| measure.of(run)))
    }

    fn cell(&self, measure: Measure) -> String {
        self.spread(measure).map_or_else(|| "–".to_owned(), |spread| spread.to_string())
    }

    /// The median of a figure that needs no spread.
    fn middle(&self, figure: impl Fn(&Run) -> f64) -> Option<f64> {
        Spread::of(self.runs.iter().map(figure)).map(|spread| spread.median)
    }
}

/// What issue and design ask for, and what was reached.
#[derive(Debug, Clone)]
pub struct Goal {
    /// In words, without the figure.
    pub what: String,
    /// At most this is asked for.
    pub limit: f64,
    /// What was measured; `None` if nothing was.
    pub reached: Option<f64>,
    /// What is counted: `×`, `s`, `MB`, `rows`.
    pub unit: &'static str,
}

impl Goal {
    /// Whether it is met; a goal without a measurement is not.
    pub fn is_met(&self) -> bool {
        self.reached.is_some_and(|reached| reached <= self.limit)
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, limit, reached, unit } = self;
        write!(f, "{what}: at most {limit} {unit} wanted, ")?;
        match reached {
            None => write!(f, "**not measured**"),
            Some(reached) if self.is_met() => write!(f, "{} {unit} reached: met", rounded(*reached)),
            Some(reached) => write!(f, "{} {unit} reached: **not met**", rounded(*reached)),
        }
    }
}

/// A table of the report. `Display` is Markdown.
#[derive(Debug, Clone)]
pub struct Contest {
    /// A headline.
    pub title: String,
    /// Rows of the answer, for rows per second; 0 if that says nothing.
    pub rows: u64,
    /// The programs, ours first.
    pub contenders: Vec<Contender>,
    /// What was to be reached.
    pub goals: Vec<Goal>,
    /// What else is to be said.
    pub remarks: Vec<String>,
}

impl Contest {
    /// The medians of the programs of a kind that answered rightly.
    fn medians(&self, kind: Kind, measure: Measure) -> impl Iterator<Item = f64> {
        let right =
            self.contenders.iter().filter(move |contender| contender.kind == kind && contender.problem.is_none());
        right.filter_map(move |contender| contender.spread(measure)).map(|spread| spread.median)
    }

    /// The least of them.
    fn best(&self, kind: Kind, measure: Measure) -> Option<f64> {
        self.medians(kind, measure).min_by(f64::total_cmp)
    }

    /// Our own median, the worst if there are several.
    fn ours(&self, measure: Measure) -> Option<f64> {
        self.medians(Kind::Ours, measure).max_by(f64::total_cmp)
    }

    /// Adds a goal: our median over the best of `kind`.
    pub fn want_ratio(&mut self, what: &str, kind: Kind, measure: Measure, limit: f64) {
        let ours = self.ours(measure);
        let reached = ours.zip(self.best(kind, measure)).map(|(ours, theirs)| ours / theirs);
        self.goals.push(Goal { what: what.to_owned(), limit, reached, unit: "×" });
    }

    /// Adds a goal: our median itself.
    pub fn want(&mut self, what: &str, measure: Measure, limit: f64, unit: &'static str) {
        self.goals.push(Goal { what: what.to_owned(), limit, reached: self.ours(measure), unit });
    }

    /// The least processor time of a kind, in seconds.
    pub fn cpu(&self, kind: Kind) -> Option<f64> {
        self.best(kind, Measure::ClientCpu)
    }

    fn again(&self) -> bool {
        self.contenders.iter().any(|contender| contender.spread(Measure::Again).is_some())
    }
}

impl fmt::Display for Contest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = self.again();
        writeln!(f, "### {}\n", self.title)?;
        let seconds = if again { "first, s | again, s" } else { "s | M rows/s" };
        writeln!(f, "| who | n | {seconds} | ours to it | client CPU, s | server CPU, s | peak MB | noise |")?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|")?;
        self.contenders.iter().try_for_each(|contender| self.write_row(f, contender, again))?;
        writeln!(f)?;
        self.goals.iter().try_for_each(|goal| writeln!(f, "- {goal}"))?;
        self.remarks.iter().try_for_each(|remark| writeln!(f, "- {remark}"))
    }
}

impl Contest {
    fn write_row(&self, f: &mut fmt::Formatter<'_>, contender: &Contender, again: bool) -> fmt::Result {
        let dash = || "–".to_owned();
        let median = contender.spread(Measure::First).map(|spread| spread.median);
        #[allow(clippy::cast_precision_loss)]
        let rate =
            || median.filter(|_| self.rows > 0).map(|seconds| format!("{:.2}", self.rows as f64 / seconds / 1e6));
        let second = if again { contender.cell(Measure::Again) } else { rate().unwrap_or_else(dash) };
        let ratio = self.ours(Measure::First).zip(median).map(|(ours, theirs)| format!("{:.2}", ours / theirs));
        let name =
            if contender.kind == Kind::Ours { format!("**{}**", contender.name) } else { contender.name.clone() };
        let problem = contender.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
        let middle = |figure: fn(&Run) -> f64| contender.middle(figure);
        writeln!(
            f,
            "| {name}{problem} | {} | {} | {second} | {} | {} | {} | {} | {} |",
            contender.runs.len(),
            contender.cell(Measure::First),
            ratio.unwrap_or_else(dash),
            middle(|run| run.client_cpu).map_or_else(dash, rounded),
            middle(|run| run.server_cpu).map_or_else(dash, rounded),
            contender.spread(Measure::Memory).map_or_else(dash, |spread| format!("{:.0}", spread.median)),
            middle(|run| run.noise).map_or_else(dash, |noise| format!("{noise:.2}")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(name: &str, kind: Kind, seconds: &[f64]) -> Contender {
        let runs = seconds.iter().map(|seconds| Run { seconds: *seconds, ..Run::default() }).collect();
        Contender { name: name.to_owned(), kind, runs, problem: None }
    }

    #[test]
    fn ratios_are_to_the_best_of_a_kind_that_answered_rightly() {
        let mut wrong = contender("wrong", Kind::DuckDb, &[0.1]);
        wrong.problem = Some("another answer".to_owned());
        let contenders = vec![
            contender("headwater", Kind::Ours, &[2.0, 1.0, 9.0]),
            contender("slow", Kind::DuckDb, &[8.0]),
            contender("fast", Kind::DuckDb, &[4.0]),
            wrong,
        ];
        let mut contest =
            Contest { title: "T".to_owned(), rows: 4_000_000, contenders, goals: Vec::new(), remarks: Vec::new() };
        contest.want_ratio("to the best", Kind::DuckDb, Measure::First, 0.65);
        contest.want_ratio("to the wire", Kind::Raw, Measure::First, 1.3);
        assert!(contest.goals[0].is_met() && !contest.goals[1].is_met());
        let text = contest.to_string();
        assert!(text.contains("| **headwater** | 3 | 2 (1–9) | 2.00 | 1.00 |"), "{text}");
        assert!(text.contains("- to the best: at most 0.65 × wanted, 0.500 × reached: met"), "{text}");
        assert!(text.contains("- to the wire: at most 1.3 × wanted, **not measured**"), "{text}");
        assert!(text.contains("wrong: another answer"), "{text}");
    }
}
