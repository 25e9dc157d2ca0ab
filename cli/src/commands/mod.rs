//! One module per command, and what several of them need.

pub(crate) mod catalog;
pub(crate) mod config;
pub(crate) mod conformance;
mod described;
pub(crate) mod explain;
pub(crate) mod infer;
pub(crate) mod query;
pub(crate) mod serve_connector;

use crate::args::SqlArgs;
use crate::report::Failure;
use crate::statements::{SqlText, Statement, split};
use headwater_core::{Error, Result};
use headwater_planner::{Engine, Query};
use std::io::Read;
use std::path::Path;

/// The statements of the command line, of a file or of standard input; at least one.
fn statements(args: SqlArgs) -> Result<Vec<Statement>> {
    let text = match (args.sql, args.file) {
        (Some(dash), _) if dash == "-" => stdin()?,
        (Some(sql), _) => SqlText { name: "<query>".to_owned(), text: sql },
        (None, Some(file)) if file == Path::new("-") => stdin()?,
        (None, Some(file)) => SqlText { text: read(&file)?, name: file.display().to_string() },
        (None, None) => return Err(Error::config("no SQL was given")),
    };
    let name = text.name.clone();
    match split(text) {
        none if none.is_empty() => Err(Error::config(format!("there is no statement in {name}"))),
        statements => Ok(statements),
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file)
        .map_err(|reason| Error::config(format!("SQL file {} cannot be read: {reason}", file.display())))
}

fn stdin() -> Result<SqlText> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|reason| Error::config(format!("standard input cannot be read: {reason}")))?;
    Ok(SqlText { name: "<stdin>".to_owned(), text })
}

/// Plans in a task of its own: the engine's optimizer does not pause, and a time limit or Ctrl-C must not wait for it.
async fn plan(engine: &Engine, sql: &str) -> Result<Query> {
    let (engine, sql) = (engine.clone(), sql.to_owned());
    let planned = tokio::spawn(async move { engine.plan(&sql).await });
    planned.await.unwrap_or_else(|_| Err(Error::internal("the planning broke off")))
}

/// An error of one statement.
fn failed_in(statement: &Statement) -> impl Fn(Error) -> Failure {
    |error| Failure::from(error).in_statement(statement)
}
