//! Rules, and what became of them.

use super::Fixture;
use crate::{Error, JoinKeys, ScanRequest};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fmt;
use std::panic::AssertUnwindSafe;

/// What a rule returns.
pub type RuleResult = Result<(), Violation>;

/// How a connector broke a rule, told to its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What the contract demands.
    pub expected: String,
    /// What happened instead.
    pub seen: String,
    /// The request it happened for, in words, if there was one.
    pub request: Option<String>,
    /// How many more requests of the same rule went wrong.
    pub more: usize,
}

/// Requests hold texts of 5 kB, schemas go on for pages; nobody wants to read those.
const SHOWN_CHARACTERS: usize = 600;

impl Violation {
    /// A violation that is not about a request.
    pub fn new(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { expected: shortened(&expected.into()), seen: shortened(&seen.into()), request: None, more: 0 }
    }

    /// An error where the contract demands an answer.
    pub fn error(doing: &str, error: &Error) -> Self {
        Self::new(format!("{doing} works"), format!("an error: {error:?}"))
    }

    /// Names the request; a request that is already named stays.
    #[must_use]
    pub fn for_request(mut self, request: &ScanRequest) -> Self {
        self.request.get_or_insert_with(|| shortened(&in_words(request)));
        self
    }

    /// Names the request and the join keys.
    #[must_use]
    pub fn for_keys(mut self, request: &ScanRequest, keys: &JoinKeys) -> Self {
        self.request = Some(shortened(&format!("{}, with {keys}", in_words(request))));
        self
    }

    /// The first of several violations, which says how many there are; `Ok` if there is none.
    ///
    /// # Errors
    /// That violation.
    pub fn first_of(violations: Vec<Self>) -> RuleResult {
        let more = violations.len().saturating_sub(1);
        match violations.into_iter().next() {
            None => Ok(()),
            Some(first) => Err(Self { more, ..first }),
        }
    }
}

fn in_words(request: &ScanRequest) -> String {
    let table = &request.relation;
    let columns = match &request.projection {
        None => "all columns".to_owned(),
        Some(columns) => format!("columns [{}]", columns.join(", ")),
    };
    let filters: Vec<_> = request.filters.iter().map(ToString::to_string).collect();
    let filters = if filters.is_empty() { String::new() } else { format!(", where {}", filters.join(" and also ")) };
    let limit = request.limit.map(|limit| format!(", limit {limit}")).unwrap_or_default();
    format!("{table}, {columns}{filters}{limit}")
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len()),
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected: {}\nsaw:      {}", self.expected, self.seen)?;
        if let Some(request) = &self.request {
            write!(f, "\nrequest:  {request}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more requests of this rule went wrong", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violation {}

type Run = for<'a> fn(&'a Fixture) -> BoxFuture<'a, RuleResult>;

/// One rule of the contract.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The claim, as an identifier: the name of the function in [`rules`](mod@super::rules).
    pub name: &'static str,
    /// The claim as a sentence.
    pub description: &'static str,
    run: Run,
}

impl Rule {
    pub(super) const fn new(name: &'static str, description: &'static str, run: Run) -> Self {
        Self { name, description, run }
    }

    /// Holds the connector against the rule. There is no time limit; a panic of the connector is a violation.
    ///
    /// # Errors
    /// How the rule was broken.
    pub async fn check(&self, fixture: &Fixture) -> RuleResult {
        let outcome = AssertUnwindSafe((self.run)(fixture)).catch_unwind().await;
        outcome.unwrap_or_else(|panic| {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
            Err(Violation::new("a connector answers or returns an error", format!("a panic: {message}")))
        })
    }
}

/// Which rules a connector keeps, and how it breaks the others.
///
/// Prints as a list of the broken rules, also by `Debug`, so that a test may simply return it.
#[derive(Clone, Default)]
#[must_use]
pub struct Report {
    /// The rules that hold.
    pub passed: Vec<Rule>,
    /// The rules that do not, each with the first violation found.
    pub failed: Vec<(Rule, Violation)>,
}

impl Report {
    pub(super) fn add(&mut self, rule: Rule, outcome: RuleResult) {
        match outcome {
            Ok(()) => self.passed.push(rule),
            Err(violation) => self.failed.push((rule, violation)),
        }
    }

    /// `Ok` if every rule holds.
    ///
    /// # Errors
    /// The report itself, if a rule is broken.
    pub fn into_result(self) -> Result<(), Self> {
        if self.failed.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.passed.len() + self.failed.len();
        write!(f, "{} of {total} rules hold", self.passed.len())?;
        for (rule, violation) in &self.failed {
            write!(f, "\n\n{}: {}", rule.name, rule.description)?;
            violation.to_string().lines().try_for_each(|line| write!(f, "\n    {line}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report {}
