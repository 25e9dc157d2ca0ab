//! `headwater explain`: what each source is asked, and what it did.

use super::{failed_in, statements};
use crate::args::SqlArgs;
use crate::render::Output;
use crate::report::Failure;
use crate::settings::{ExplainFormat, Settings};
use crate::statements::Statement;
use futures::TryStreamExt;
use headwater_core::{Error, Result};
use headwater_planner::{Engine, Query};

/// How much to show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct What {
    /// Run it first, and show what was done.
    pub(crate) analyze: bool,
    /// The engine's operators too.
    pub(crate) operators: bool,
}

/// Explains the statements one after the other; the first failure stops. JSON is one object per line.
pub(crate) async fn run(sql: SqlArgs, what: What, settings: &Settings) -> Result<(), Failure> {
    let format = settings.output.explain_format()?;
    let statements = statements(sql)?;
    let engine = settings.engine()?;
    let mut output = Output::open(settings.output.path.as_deref())?;
    for (index, statement) in statements.iter().enumerate() {
        let query = explain(&engine, statement, what).await.map_err(failed_in(statement))?;
        let text = match format {
            ExplainFormat::Text => text_of(&query, what),
            ExplainFormat::Json => json_of(&query, what)?,
        };
        let gap = if index > 0 && format == ExplainFormat::Text { "\n" } else { "" };
        if let Err(error) = output.text(&format!("{gap}{text}")) {
            return if output.reader_is_gone() { Ok(()) } else { Err(error.into()) };
        }
    }
    Ok(output.finish()?)
}

async fn explain(engine: &Engine, statement: &Statement, what: What) -> Result<Query> {
    let query = super::plan(engine, &statement.sql).await?;
    if what.analyze {
        let mut batches = query.execute()?;
        while batches.try_next().await?.is_some() {}
    }
    Ok(query)
}

fn text_of(query: &Query, what: What) -> String {
    let ledger = query.ledger().to_string();
    let ledger = if ledger.is_empty() || ledger.ends_with('\n') { ledger } else { ledger + "\n" };
    if what.operators { format!("{ledger}\noperators\n{}", indented(&query.operators())) } else { ledger }
}

fn json_of(query: &Query, what: What) -> Result<String> {
    let internal = |error: serde_json::Error| Error::internal(error.to_string());
    let mut value = serde_json::to_value(query.ledger()).map_err(internal)?;
    if let (true, Some(object)) = (what.operators, value.as_object_mut()) {
        object.insert("operators".to_owned(), query.operators().into());
    }
    Ok(format!("{value}\n"))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
