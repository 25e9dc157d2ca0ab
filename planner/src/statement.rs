//! Parsing: one statement, and only a query.

use crate::error::from_engine;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use headwater_core::{Error, ErrorKind, Result};

/// Parses a text that holds exactly one query.
pub(crate) fn parse_one(sql: &str) -> Result<Statement> {
    let dialect = GenericDialect {};
    let mut parser = DFParserBuilder::new(sql).with_dialect(&dialect).build().map_err(from_engine)?;
    let mut statements = parser.parse_statements().map_err(from_engine)?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(Error::new(ErrorKind::InvalidInput, "the statement is empty")),
        (Some(_), false) => {
            return Err(Error::new(ErrorKind::InvalidInput, "there is more than one statement; run them one by one"));
        }
    };
    match &statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::Query(_)) => Ok(statement),
        Statement::Explain(_) => Err(Error::new(ErrorKind::Unsupported, "EXPLAIN is a command of its own here")
            .with_hint("run `headwater explain \"SELECT …\"`, with --analyze to execute it")),
        _ => Err(Error::new(ErrorKind::Unsupported, "only queries can be run: sources are never written to")
            .with_hint("begin the statement with SELECT, WITH or VALUES")),
    }
}
