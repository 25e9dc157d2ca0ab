//! `a IS DISTINCT FROM b AND c` means `(a IS DISTINCT FROM b) AND c`, as `a = b AND c` does.
//!
//! The parser takes all that follows for the right side, and so the engine would answer another question. What comes
//! after must be kept off by parentheses until it does not.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Spanned, Statement, visit_expressions};
use headwater_core::{Error, ErrorKind, Result, SqlLocation};
use std::ops::ControlFlow;

/// Refuses a right side that the parser has taken too much for.
///
/// # Errors
/// `Unsupported`, with its place.
pub(crate) fn refuse(statement: &Statement) -> Result<()> {
    let found = visit_expressions(statement, |expr| match expr {
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) if is_condition(right) => {
            ControlFlow::Break(right.span().start)
        }
        _ => ControlFlow::Continue(()),
    });
    let ControlFlow::Break(start) = found else { return Ok(()) };
    let message = "IS [NOT] DISTINCT FROM is followed by AND or OR, which would be taken for a part of its right side";
    let error = Error::new(ErrorKind::Unsupported, message)
        .with_hint("put the comparison in parentheses: (a IS DISTINCT FROM b) AND …");
    if start.line == 0 {
        return Err(error);
    }
    Err(error.with_location(SqlLocation { line: start.line, column: start.column, length: 0 }))
}

/// Whether it is several conditions, without parentheses around them all.
fn is_condition(right: &Expr) -> bool {
    matches!(right, Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor, .. })
}
