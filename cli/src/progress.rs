//! What each source does, while it does it and in one line afterwards.

use crate::report::to_stderr;
use headwater_planner::{Ledger, ScanLedger, bytes_text, grouped, units_text};
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthChar;

/// Faster is restless; a query that is done by then shows nothing.
pub(crate) const REDRAW: Duration = Duration::from_millis(500);

/// More scans than this are summed up.
const MAX_LINES: usize = 8;

/// Lines at the bottom of the terminal, redrawn in place. Dropping it clears them.
#[derive(Debug)]
pub(crate) struct Progress {
    /// A file gets the lines one below the other.
    terminal: bool,
    lines: usize,
}

impl Progress {
    /// Nothing is shown yet.
    pub(crate) fn new(terminal: bool) -> Self {
        Self { terminal, lines: 0 }
    }

    /// Replaces what is shown.
    pub(crate) fn draw(&mut self, ledger: &Ledger) {
        let width = terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
        let mut lines: Vec<_> = ledger.scans.iter().take(MAX_LINES).map(line_of).collect();
        if let Some(more) = ledger.scans.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
            lines.push(format!("and {more} more"));
        }
        let text: String = lines.iter().map(|line| format!("{}\n", cut(line, width))).collect();
        to_stderr(&format!("{}{text}", self.clearing()));
        self.lines = if self.terminal { lines.len() } else { 0 };
    }

    /// Takes back what is shown, before something else is written.
    pub(crate) fn clear(&mut self) {
        if self.lines > 0 {
            to_stderr(&self.clearing());
            self.lines = 0;
        }
    }

    /// Up to the first line, then erase to the end of the screen.
    fn clearing(&self) -> String {
        if self.lines == 0 { String::new() } else { format!("\x1b[{}A\r\x1b[J", self.lines) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `events.default.items  1,204 rows  61 KiB  1/4 splits  12.5 read units`
fn line_of(scan: &ScanLedger) -> String {
    let name = format!("{}.{}", scan.catalog, scan.table);
    match scan.stats {
        None => format!("{name}  waiting"),
        Some(stats) => {
            let bytes = if stats.wire_bytes > 0 { stats.wire_bytes } else { stats.decoded_bytes };
            let (done, splits) = (grouped(stats.splits_done), grouped(stats.splits));
            let units = if stats.milli_capacity > 0 {
                format!("  {}", units_text(stats.milli_capacity))
            } else {
                String::new()
            };
            format!("{name}  {} rows  {}  {done}/{splits} splits{units}", grouped(stats.rows), bytes_text(bytes))
        }
    }
}

/// A line that wrapped would not be cleared.
fn cut(line: &str, width: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used < width
    };
    line.chars().filter(|c| !c.is_control()).take_while(fits).collect()
}

/// `6 rows in 0.84 s · crm: 502 rows, 1 request · events: 4,012 rows, 502 requests, 512.5 read units`
pub(crate) fn summary(rows: u64, started: Instant, ledger: &Ledger) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let mut parts = vec![format!("{} in {seconds:.2} s", counted(rows, "row"))];
    let mut catalogs: Vec<(&str, Totals)> = Vec::new();
    for scan in &ledger.scans {
        match catalogs.iter_mut().find(|(name, _)| *name == scan.catalog) {
            Some((_, totals)) => totals.add(scan),
            None => {
                let mut totals = Totals::default();
                totals.add(scan);
                catalogs.push((&scan.catalog, totals));
            }
        }
    }
    parts.extend(catalogs.iter().map(|(name, totals)| format!("{name}: {}", totals.text())));
    parts.join(" · ")
}

/// The counters of one catalog's scans.
#[derive(Debug, Default)]
struct Totals {
    rows: u64,
    requests: u64,
    retries: u64,
    milli_capacity: u64,
    throttle_wait: Duration,
}

impl Totals {
    fn add(&mut self, scan: &ScanLedger) {
        let Some(stats) = scan.stats else { return };
        self.rows += stats.rows;
        self.requests += stats.requests;
        self.retries += stats.retries;
        self.milli_capacity += stats.milli_capacity;
        self.throttle_wait += stats.throttle_wait;
    }

    fn text(&self) -> String {
        let mut text = format!("{}, {}", counted(self.rows, "row"), counted(self.requests, "request"));
        if self.retries > 0 {
            text.push_str(&format!(", {} sent again", grouped(self.retries)));
        }
        if self.milli_capacity > 0 {
            text.push_str(&format!(", {}", units_text(self.milli_capacity)));
        }
        if !self.throttle_wait.is_zero() {
            text.push_str(&format!(", {:.1} s waited for capacity", self.throttle_wait.as_secs_f64()));
        }
        text
    }
}

/// `1 row`, `1,204 rows`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_the_width_it_takes_on_the_screen() {
        assert_eq!(cut("日本日本", 6), "日本");
        assert_eq!(cut("abc", 80), "abc");
    }

    #[test]
    fn one_row_is_no_plural() {
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(1204, "row"), "1,204 rows");
    }
}
