//! Errors and notes on standard error, in one shape.
//!
//! ```text
//! error[E0203]: column `emial` not found in crm.public.users
//!   --> query.sql:2:8
//!   2 | SELECT emial FROM crm.public.users
//!     |        ^^^^^ did you mean `email`?
//!   note: key: value
//! ```

use crate::interrupt::Signal;
use crate::statements::Statement;
use headwater_core::{Error, ErrorKind, SqlLocation};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use unicode_width::UnicodeWidthStr;

/// Why a command did not do what was asked, and all that a person should be told about it.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Error,
    statement: Option<Statement>,
    rows_written: Option<u64>,
    exit_code: Option<u8>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, statement: None, rows_written: None, exit_code: None }
    }
}

impl Failure {
    /// A signal came.
    pub(crate) fn interrupted(signal: Signal) -> Self {
        let exit_code = Some(signal.exit_code());
        Self { exit_code, ..Error::new(ErrorKind::Cancelled, "interrupted").into() }
    }

    /// One or more sources failed a test; each was reported already.
    pub(crate) fn sources_failed(failed: usize, tested: usize) -> Self {
        Error::new(ErrorKind::Unavailable, format!("{failed} of {tested} catalogs failed")).into()
    }

    /// The statement that the error's location points into.
    #[must_use]
    pub(crate) fn in_statement(self, statement: &Statement) -> Self {
        Self { statement: Some(statement.clone()), ..self }
    }

    /// So many rows are out already and cannot be taken back.
    #[must_use]
    pub(crate) fn after_rows(self, rows: u64) -> Self {
        Self { rows_written: (rows > 0).then_some(rows), ..self }
    }

    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code.unwrap_or(match self.error.kind() {
            ErrorKind::Config => 2,
            ErrorKind::Unavailable | ErrorKind::Unauthenticated => 3,
            ErrorKind::Timeout | ErrorKind::LimitExceeded => 4,
            ErrorKind::Discrepancy => 5,
            ErrorKind::Cancelled => 130,
            _ => 1,
        })
    }

    /// Prints it.
    pub(crate) fn report(&self) {
        to_stderr(&self.text(Style::of_stderr()));
    }

    fn text(&self, style: Style) -> String {
        let mut out = headline(&self.error, style);
        let hint = self.error.hint();
        match (&self.statement, self.error.location()) {
            (Some(statement), Some(location)) => {
                out.push_str(&excerpt(statement, statement.place_in_text(location), hint, style));
            }
            _ => out.push_str(&hint.map(hint_line).unwrap_or_default()),
        }
        for (key, value) in self.error.context().iter().filter(|(key, _)| *key != "catalog") {
            let _ = writeln!(out, "  note: {key}: {}", clean(value));
        }
        if let Some(rows) = self.rows_written {
            let _ = writeln!(out, "  note: output is incomplete: it ends after {rows} rows");
        }
        out
    }
}

/// Prints an error that does not end the command.
pub(crate) fn report_error(error: &Error) {
    let hint = error.hint().map(hint_line).unwrap_or_default();
    to_stderr(&format!("{}{hint}", headline(error, Style::of_stderr())));
}

/// Prints a warning.
pub(crate) fn warning(message: &str, hint: &str) {
    to_stderr(&format!("{}: {message}\n{}", Style::of_stderr().yellow("warning"), hint_line(hint)));
}

/// Prints a line.
pub(crate) fn note(line: &str) {
    to_stderr(&format!("{line}\n"));
}

/// A panic's payload may quote values, passwords among them: only its place is printed.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        to_stderr(&format!(
            "error[{}]: a bug in Headwater or a connector, at {place}; please report it with the statement\n",
            ErrorKind::Internal.code()
        ));
    }));
}

/// Writes to standard error; there is nowhere to tell that this failed.
pub(crate) fn to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn headline(error: &Error, style: Style) -> String {
    let message = clean(&error.to_string());
    let named = error.catalog().filter(|catalog| !names(&message, catalog));
    let catalog = named.map(|catalog| format!("catalog {catalog}: ")).unwrap_or_default();
    let label = style.red(&format!("error[{}]", error.kind().code()));
    format!("{label}: {catalog}{message}\n")
}

fn hint_line(hint: &str) -> String {
    format!("  hint: {}\n", clean(hint))
}

/// Whether `message` says `name` as a word.
fn names(message: &str, name: &str) -> bool {
    message.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
}

/// The line of the SQL text, with carets below the place.
fn excerpt(statement: &Statement, at: SqlLocation, hint: Option<&str>, style: Style) -> String {
    let origin = &statement.origin;
    let index = usize::try_from(at.line.saturating_sub(1)).unwrap_or(usize::MAX);
    let line = visible(origin.text.lines().nth(index).unwrap_or_default());
    let before: String = line.chars().take(usize::try_from(at.column.saturating_sub(1)).unwrap_or(0)).collect();
    let length = usize::try_from(at.length).unwrap_or(1).max(1);
    let marked: String = line.chars().skip(before.chars().count()).take(length).collect();
    let carets = style.red(&"^".repeat(marked.width().max(1)));
    let (number, indent) = (at.line.to_string(), " ".repeat(before.width()));
    let gutter = " ".repeat(number.len());
    let hint = hint.map(|hint| format!(" {}", clean(hint))).unwrap_or_default();
    format!("  --> {}:{number}:{}\n  {number} | {line}\n  {gutter} | {indent}{carets}{hint}\n", origin.name, at.column)
}

/// A tab would move the carets, a control character the terminal.
fn visible(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Text of a source, safe for a terminal, on one line.
fn clean(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    visible(&lines.join(" "))
}

/// Colour or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Colour,
}

impl Style {
    fn of_stderr() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if unwanted || !std::io::stderr().is_terminal() { Self::Plain } else { Self::Colour }
    }

    fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn yellow(self, text: &str) -> String {
        self.paint("1;33", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements::{SqlText, split};

    fn statement(sql: &str, index: usize) -> Statement {
        let text = SqlText { name: "query.sql".to_owned(), text: sql.to_owned() };
        split(text).swap_remove(index)
    }

    fn located(line: u64, column: u64, length: u64) -> Error {
        Error::not_found("column `emial` not found")
            .with_location(SqlLocation { line, column, length })
            .with_hint("did you mean `email`?")
    }

    #[test]
    fn the_carets_stand_below_the_word() {
        let failure =
            Failure::from(located(2, 8, 5)).in_statement(&statement("-- x\nWITH a AS (SELECT 1)\nSELECT emial", 0));
        let expected = "error[E0203]: column `emial` not found\n  --> query.sql:3:8\n  3 | SELECT emial\n    \
                        |        ^^^^^ did you mean `email`?\n";
        assert_eq!(failure.text(Style::Plain), expected);
    }

    #[test]
    fn a_place_in_a_later_statement_is_a_place_in_the_text() {
        let failure = Failure::from(located(1, 8, 5)).in_statement(&statement("SELECT 1; SELECT emial", 1));
        assert!(failure.text(Style::Plain).contains("query.sql:1:18\n  1 | SELECT 1; SELECT emial\n"));
    }

    #[test]
    fn wide_characters_and_tabs_before_the_place_do_not_move_the_carets() {
        let failure = Failure::from(located(1, 14, 5)).in_statement(&statement("SELECT\t'日本', emial", 0));
        let text = failure.text(Style::Plain);
        assert!(text.contains("\n    |                ^^^^^ did"), "{text}");
    }

    #[test]
    fn the_catalog_is_named_once() {
        let text = |message: &'static str| Failure::from(Error::config(message).with_catalog("crm")).text(Style::Plain);
        assert_eq!(text("no such host"), "error[E0101]: catalog crm: no such host\n");
        assert_eq!(text("postgres (crm): no such host"), "error[E0101]: postgres (crm): no such host\n");
    }

    #[test]
    fn a_source_cannot_move_the_cursor() {
        let failure = Failure::from(Error::new(ErrorKind::Unavailable, "a\x1b[2Jb\nc"));
        assert_eq!(failure.text(Style::Plain), "error[E0403]: a [2Jb c\n");
    }

    #[test]
    fn exit_codes_follow_the_kind() {
        let code = |kind| Failure::from(Error::new(kind, "x")).exit_code();
        assert_eq!(code(ErrorKind::NotFound), 1);
        assert_eq!(code(ErrorKind::Config), 2);
        assert_eq!(code(ErrorKind::Unauthenticated), 3);
        assert_eq!(code(ErrorKind::Timeout), 4);
        assert_eq!(code(ErrorKind::Discrepancy), 5);
        assert_eq!(Failure::interrupted(Signal::Terminate).exit_code(), 143);
    }
}
