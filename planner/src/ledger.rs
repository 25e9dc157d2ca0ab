//! What each scan asked of its source, what was promised, and what it did: the same values that execution used.

use crate::cache::MetadataCache;
use crate::verify::Verification;
use headwater_core::{
    AccessPath, Answer, Error, KeyDecision, Precision, ScanContext, ScanPlan, ScanStats, SourceRequest, TableName,
};
use serde::Serialize;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The scans of one query. `Display` is the text of EXPLAIN.
#[derive(Debug, Clone, Serialize)]
pub struct Ledger {
    /// Version of this value's own format.
    pub version: u32,
    /// The tag under which the sources' own logs know the query.
    pub query_id: String,
    /// One entry per scan, in the order of planning.
    pub scans: Vec<ScanLedger>,
    /// The parts of the statement that no source was asked for, and why.
    pub engine: Vec<Part>,
    /// What became of the comparison with a run without pushdown, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// One part of the statement and who does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The part as the statement means it.
    pub text: String,
    /// Who does it.
    pub answer: Answer,
}

/// One scan: asked, promised, sent, done.
#[derive(Debug, Clone, Serialize)]
pub struct ScanLedger {
    /// The catalog.
    pub catalog: String,
    /// The kind of its connector.
    pub connector: String,
    /// The table; of a derived relation, the first of its tables.
    pub table: TableName,
    /// What the rows come from, in words: the table, or what the source computes of its tables.
    pub relation: String,
    /// How the source finds the rows.
    pub access: AccessPath,
    /// Columns asked for, of how many.
    pub columns: (usize, usize),
    /// Filters, limit.
    pub parts: Vec<Part>,
    /// What else the connector has to say.
    pub notes: Vec<String>,
    /// Columns on which a join's keys would narrow the scan.
    pub key_columns: Vec<String>,
    /// What became of the join's keys; `None` before execution.
    pub keys: Option<KeyDecision>,
    /// How many rows were expected.
    pub estimated_rows: Precision,
    /// The requests, literally. Before execution: those planned. Then: those sent, the first [`SHOWN_REQUESTS`].
    pub requests: Vec<SourceRequest>,
    /// How many requests there are in all, further pages not counted.
    pub request_count: u64,
    /// The counters; `None` before execution.
    pub stats: Option<ScanStats>,
    /// Wall time from the first request to the last row; `None` before the end.
    pub elapsed: Option<Duration>,
}

/// How many literal requests of one scan are kept.
pub const SHOWN_REQUESTS: usize = 3;

/// How many characters of one request the text shows; JSON shows all.
const SHOWN_CHARS: usize = 600;

/// A scan's entry while it is planned and run.
#[derive(Debug)]
pub(crate) struct ScanRecord {
    pub(crate) catalog: String,
    pub(crate) connector: String,
    pub(crate) table: TableName,
    pub(crate) table_columns: usize,
    pub(crate) plan: ScanPlan,
    /// Filters that were not even asked for, with the reason.
    pub(crate) kept: Vec<Part>,
    pub(crate) context: ScanContext,
    /// What the plan's metadata came from, to be told when they turn out wrong.
    pub(crate) cache: Arc<MetadataCache>,
    pub(crate) run: Mutex<Run>,
}

/// What is known once a scan has started.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) keys: Option<KeyDecision>,
    pub(crate) sent: Vec<SourceRequest>,
    pub(crate) sent_count: u64,
    pub(crate) elapsed: Option<Duration>,
}

impl ScanRecord {
    /// An error of this scan, as the user sees it. The table may not be what it was planned as: it is looked at anew
    /// by the next statement.
    pub(crate) fn failed(&self, error: Error) -> Error {
        for table in self.plan.request.relation.tables() {
            self.cache.forget(&self.catalog, table);
        }
        error.with_catalog(&self.catalog)
    }

    /// Changes what is known of the run. A poisoned lock is of no concern: the entry is for reading by people.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Run)) {
        change(&mut self.run.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn ledger(&self) -> ScanLedger {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let started = run.keys.is_some();
        let requests = if started { run.sent.clone() } else { self.plan.requests.clone() };
        let request_count = if started { run.sent_count } else { self.plan.requests.len() as u64 };
        ScanLedger {
            catalog: self.catalog.clone(),
            connector: self.connector.clone(),
            table: self.table.clone(),
            relation: self.plan.request.relation.to_string(),
            access: self.plan.access.clone(),
            columns: (self.plan.schema.fields().len(), self.table_columns),
            parts: self.parts(),
            notes: self.plan.notes.clone(),
            key_columns: self.plan.key_columns.clone(),
            keys: run.keys.clone(),
            estimated_rows: self.plan.rows,
            requests: requests.into_iter().take(SHOWN_REQUESTS).collect(),
            request_count,
            stats: started.then(|| self.context.metrics.snapshot()),
            elapsed: run.elapsed,
        }
    }

    fn parts(&self) -> Vec<Part> {
        let plan = &self.plan;
        let filters = plan.request.filters.iter().zip(&plan.filters);
        let filters = filters.map(|(filter, answer)| Part { text: filter.to_string(), answer: answer.clone() });
        let limit = plan.request.limit.zip(plan.limit.clone());
        let limit = limit.map(|(limit, answer)| Part { text: format!("limit {limit}"), answer });
        let top = plan.request.top.as_ref().zip(plan.top.clone());
        let top = top.map(|(top, answer)| Part { text: top.to_string(), answer });
        let derived = crate::kept::derived(&plan.request.relation);
        derived.into_iter().chain(filters).chain(self.kept.iter().cloned()).chain(top).chain(limit).collect()
    }
}

/// The scans of a query, shared by planning, execution and whoever asks for the ledger.
#[derive(Debug, Default)]
pub(crate) struct QueryRecord {
    scans: Mutex<Vec<Arc<ScanRecord>>>,
}

impl QueryRecord {
    pub(crate) fn add(&self, scan: Arc<ScanRecord>) {
        self.scans.lock().unwrap_or_else(PoisonError::into_inner).push(scan);
    }

    /// Lets the connectors end what the query's scans have in common.
    pub(crate) fn end_scopes(&self) {
        let scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.iter().for_each(|scan| scan.context.scope.end());
    }

    pub(crate) fn scans(&self) -> Vec<ScanLedger> {
        let scans = self.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.iter().map(|scan| scan.ledger()).collect()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "query {}", self.query_id)?;
        for scan in &self.scans {
            write!(f, "{scan}")?;
        }
        if !self.engine.is_empty() {
            writeln!(f, "engine")?;
        }
        self.engine.iter().try_for_each(|part| write_part(f, part))?;
        self.verification.iter().try_for_each(|verification| writeln!(f, "verify\n  {verification}"))
    }
}

impl fmt::Display for ScanLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScanLedger { catalog, connector, relation, .. } = self;
        writeln!(f, "scan {catalog}.{relation}   {connector} · {} · {}", self.access_text(), self.rows_text())?;
        self.write_sent(f)?;
        writeln!(f, "  pushed     columns {} of {}", self.columns.0, self.columns.1)?;
        self.parts.iter().try_for_each(|part| write_part(f, part))?;
        self.write_keys(f)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "  note       {note}"))?;
        self.write_stats(f)
    }
}

fn write_part(f: &mut fmt::Formatter<'_>, part: &Part) -> fmt::Result {
    let text = shortened(&part.text);
    match &part.answer {
        Answer::Exact => writeln!(f, "  pushed     {text}"),
        Answer::Inexact(reason) => writeln!(f, "  rechecked  {text}   (pushed and checked again: {reason})"),
        Answer::Refused(reason) => writeln!(f, "  local      {text}   ({reason})"),
    }
}

impl ScanLedger {
    fn access_text(&self) -> String {
        match (&self.access, &self.keys) {
            (AccessPath::Scan, Some(KeyDecision::Used { .. })) => "by join keys".to_owned(),
            (AccessPath::Keys(columns), _) => format!("by {}", columns.join(", ")),
            _ => "scan".to_owned(),
        }
    }

    fn rows_text(&self) -> String {
        let estimate = match self.estimated_rows {
            Precision::Exact(rows) => format!("{} rows", grouped(rows)),
            Precision::Inexact(rows) => format!("about {} rows expected", grouped(rows)),
            Precision::Unknown => "row count unknown".to_owned(),
        };
        match self.stats {
            Some(stats) => format!("{estimate}, {} read", grouped(stats.rows)),
            None => estimate,
        }
    }

    fn write_sent(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = if self.stats.is_some() { "sent" } else { "will send" };
        match self.requests.split_first() {
            None => writeln!(f, "  {label:<10} nothing")?,
            Some((first, _)) => writeln!(f, "  {label:<10} {}", shortened(&first.to_string()))?,
        }
        match self.request_count {
            0 | 1 => Ok(()),
            2 => writeln!(f, "             and 1 more like it"),
            n => writeln!(f, "             and {} more like it", grouped(n - 1)),
        }
    }

    fn write_keys(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.keys {
            Some(KeyDecision::Used { keys }) => {
                writeln!(f, "  keys       {} of the join pushed", counted(*keys, "key"))
            }
            Some(KeyDecision::Declined { keys, reason }) => {
                writeln!(f, "  keys       {} keys of the join not used   ({reason})", grouped(*keys))
            }
            Some(KeyDecision::NotOffered) => Ok(()),
            None if self.key_columns.is_empty() => Ok(()),
            None => writeln!(f, "  keys       would take a join's keys on {}", self.key_columns.join(", ")),
        }
    }

    fn write_stats(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(stats) = self.stats else { return Ok(()) };
        write!(f, "  did        {} · {}", counted(stats.rows, "row"), counted(stats.requests, "request"))?;
        write!(f, " · {}/{} splits", grouped(stats.splits_done), grouped(stats.splits))?;
        if stats.wire_bytes > 0 {
            write!(f, " · {} received", bytes_text(stats.wire_bytes))?;
        }
        if stats.retries > 0 {
            write!(f, " · {} retries", grouped(stats.retries))?;
        }
        if stats.milli_capacity > 0 {
            write!(f, " · {}", units_text(stats.milli_capacity))?;
        }
        if !stats.throttle_wait.is_zero() {
            write!(f, " · {} ms waited for capacity", stats.throttle_wait.as_millis())?;
        }
        match self.elapsed {
            Some(elapsed) => writeln!(f, " · {} ms", elapsed.as_millis()),
            None => writeln!(f, " · not read to its end"),
        }
    }
}

/// `1 row`, `2 rows`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Thousandths of a source's unit: `512500` as `512.5 read units`.
pub fn units_text(milli: u64) -> String {
    format!("{}.{} read units", grouped(milli / 1000), milli % 1000 / 100)
}

/// `62464` as `61 KiB`.
pub fn bytes_text(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30),
    }
}

/// One line of bounded length. Control characters, which may come from data, are written as escapes: they must not
/// reach a terminal, nor look like lines of the ledger.
fn shortened(text: &str) -> String {
    let count = text.chars().count();
    let mut out = String::new();
    for c in text.chars().take(SHOWN_CHARS) {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    if count > SHOWN_CHARS {
        out.push_str(&format!("… ({} characters in all)", grouped(count as u64)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_data_do_not_reach_the_terminal() {
        assert_eq!(shortened("a\u{1b}]0;x\n  pushed"), "a\\u{1b}]0;x\\n  pushed");
    }

    #[test]
    fn long_requests_say_how_long_they_are() {
        let text = shortened(&"x".repeat(2_000));
        assert!(text.ends_with("… (2,000 characters in all)"), "{text}");
    }
}
