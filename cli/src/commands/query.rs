//! `headwater query`: run statements, write their rows.

use super::{failed_in, plan, statements};
use crate::args::SqlArgs;
use crate::progress::{Progress, REDRAW, counted, summary};
use crate::render::{Output, Renderer, renderer, takes_several};
use crate::report::{Failure, note};
use crate::settings::{RowFormat, Settings, Voice};
use crate::statements::Statement;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use headwater_core::{BatchStream, Error, Result};
use headwater_planner::{Engine, Query};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Runs the statements one after the other into one output; the first failure stops.
pub(crate) async fn run(sql: SqlArgs, settings: &Settings) -> Result<(), Failure> {
    let format = settings.output.row_format()?;
    let statements = statements(sql)?;
    if statements.len() > 1 && !takes_several(format) {
        let message = format!("{} statements do not fit into one output of this format", statements.len());
        return Err(Error::config(message).with_hint("run them one by one").into());
    }
    let engine = settings.engine()?;
    let mut output = Output::open(settings.output.path.as_deref())?;
    for (index, statement) in statements.iter().enumerate() {
        if index > 0 && format == RowFormat::Table {
            output.text("\n")?;
        }
        let outcome = run_statement(&engine, statement, format, &mut output, settings).await;
        if output.reader_is_gone() {
            return Ok(());
        }
        outcome?;
    }
    Ok(output.finish()?)
}

async fn run_statement(
    engine: &Engine,
    statement: &Statement,
    format: RowFormat,
    output: &mut Output,
    settings: &Settings,
) -> Result<(), Failure> {
    settings.rows_out.store(0, Ordering::Relaxed);
    let voice = settings.voice;
    let started = Instant::now();
    let query = plan(engine, &statement.sql).await.map_err(failed_in(statement))?;
    let out = output.keeps_what_was_written().then_some(&settings.rows_out);
    let mut rows = Rows::new(query.schema(), format, output, out);
    pour(&query, &mut rows, voice).await.map_err(failed_in(statement))?;
    if let (true, Some(verification)) = (voice.notes, query.ledger().verification) {
        note(&format!("verify: {verification}"));
    }
    if voice.notes && voice.terminal {
        note(&summary(rows.count, started, &query.ledger()));
    } else if voice.notes && format == RowFormat::Table {
        note(&format!("({})", counted(rows.count, "row")));
    }
    Ok(())
}

/// Moves the rows of a query into its output, and shows how it gets on.
async fn pour(query: &Query, rows: &mut Rows<'_>, voice: Voice) -> Result<()> {
    let mut batches = Pump::start(query.execute()?);
    let mut progress = Progress::new(voice.terminal);
    let mut redraw = tokio::time::interval_at(tokio::time::Instant::now() + REDRAW, REDRAW);
    // Rows and progress lines on one screen would overwrite each other.
    let one_screen = voice.terminal && std::io::stdout().is_terminal();
    loop {
        let show_progress = voice.progress && !(one_screen && rows.written > 0);
        tokio::select! {
            batch = batches.next() => {
                let Some(batch) = batch else { break };
                if one_screen {
                    progress.clear();
                }
                rows.write(&batch?)?;
            }
            _ = redraw.tick(), if show_progress => progress.draw(&query.ledger()),
        }
    }
    progress.clear();
    rows.finish()
}

/// Rows on their way out: nothing is written before the first of them, or the end.
struct Rows<'a> {
    schema: SchemaRef,
    format: RowFormat,
    /// Taken by the renderer, once there is one.
    output: Option<&'a mut Output>,
    renderer: Option<Box<dyn Renderer + 'a>>,
    /// Rows of the answer.
    count: u64,
    /// Rows that a reader of the output may have seen.
    written: u64,
    /// Where that is told to whoever reports a failure; `None` if the output appears whole or not at all.
    out: Option<&'a AtomicU64>,
}

impl<'a> Rows<'a> {
    fn new(schema: SchemaRef, format: RowFormat, output: &'a mut Output, out: Option<&'a AtomicU64>) -> Self {
        Self { schema, format, output: Some(output), renderer: None, count: 0, written: 0, out }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.begin()?;
        let Some(renderer) = &mut self.renderer else { return Ok(()) };
        renderer.write(batch)?;
        self.count += batch.num_rows() as u64;
        self.written = if renderer.holds_back() { 0 } else { self.count };
        if let Some(out) = self.out {
            out.store(self.written, Ordering::Relaxed);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.begin()?;
        self.renderer.take().map_or(Ok(()), Renderer::finish)
    }

    fn begin(&mut self) -> Result<()> {
        if let Some(output) = self.output.take() {
            self.renderer = Some(renderer(self.format, &self.schema, output)?);
        }
        Ok(())
    }
}

/// Runs a stream in a task of its own, so that the thread that writes and listens is never busy computing. Dropping
/// it drops the stream.
struct Pump {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    task: JoinHandle<()>,
}

impl Pump {
    fn start(mut stream: BatchStream) -> Self {
        let (sender, batches) = mpsc::channel(2);
        let task = tokio::spawn(async move {
            while let Some(batch) = stream.next().await {
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
        });
        Self { batches, task }
    }

    /// The next batch; not to be called again after the end or an error.
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        if let Some(batch) = self.batches.recv().await {
            return Some(batch);
        }
        // A task that panicked just stops sending: without asking, half an answer would look whole.
        match (&mut self.task).await {
            Ok(()) => None,
            Err(_) => Some(Err(Error::internal("the query broke off"))),
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}
