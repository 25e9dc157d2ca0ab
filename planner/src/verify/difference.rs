//! Two answers to one statement: told with what it takes to find out which is wrong.

use super::answer::{Answer, Layout};
use super::compare::{Difference, SHOWN_ROWS};
use crate::ledger::QueryRecord;
use headwater_core::{Error, ErrorKind, Result};

/// One side of a verification, for the report.
pub(super) struct Told<'a> {
    pub(super) side: &'static str,
    /// `None`: its rows were not kept.
    pub(super) answer: Option<&'a Answer>,
    pub(super) record: &'a QueryRecord,
}

/// The error that is given instead of an answer.
///
/// # Errors
/// When a row cannot be written as text.
pub(super) fn error(sql: &str, layout: &Layout, found: &Difference, sides: [Told<'_>; 2]) -> Result<Error> {
    let message = format!("with pushdown the answer is another than without: {}", found.what);
    let mut error = Error::new(ErrorKind::Discrepancy, message).with_hint(HINT).with_context("statement", sql);
    for (told, rows) in sides.iter().zip([&found.pushed, &found.plain]) {
        let Some(answer) = told.answer else { continue };
        for (number, row) in rows.iter().take(SHOWN_ROWS).enumerate() {
            let text = layout.row_text(answer, *row)?;
            error = error.with_context(format!("{} pushdown, row {}", told.side, number + 1), text);
        }
    }
    for told in &sides {
        for (number, scan) in told.record.scans().into_iter().enumerate() {
            let sent = scan.requests.first().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            error = error.with_context(format!("{} pushdown, scan {} sent", told.side, number + 1), sent);
        }
    }
    Ok(error)
}

const HINT: &str = "--pushdown off gives the right answer; unless the data changed between the two runs this is a bug: \
                    please report it with this message";
