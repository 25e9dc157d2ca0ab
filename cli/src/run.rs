//! From the command line to an exit code.

use crate::args::{Args, CatalogCommand, Command, ConfigCommand};
use crate::commands;
use crate::interrupt::{self, GRACE};
use crate::report::{self, Failure};
use crate::settings::Settings;
use clap::Parser;
use headwater_core::config::ProcessEnvironment;
use headwater_core::{ConnectorList, Error, ErrorKind};
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};

/// The engine walks a statement's expressions by recursion. Only what is used of it takes memory.
const STACK: usize = 64 << 20;

/// More threads than cores: operators that compute for long must not keep clocks and signals from being heard.
const SPARE_THREADS: usize = 2;

/// Runs the command line of this process with these kinds of source.
///
/// The exit code is described in the crate's documentation; messages have been printed.
pub fn main_with(connectors: ConnectorList) -> ExitCode {
    report::install_panic_hook();
    let args = match Args::try_parse_from(arguments()) {
        Ok(args) => args,
        Err(told) => {
            let code = u8::try_from(told.exit_code()).unwrap_or(2);
            // Whoever closed standard output does not want the help.
            let _ = told.print();
            return ExitCode::from(code);
        }
    };
    match run(args, connectors) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.exit_code())
        }
    }
}

/// What was typed. A statement that begins with a comment is not an option: a blank before it says so to the parser.
fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|argument| match argument.to_str().and_then(|text| text.strip_prefix("--")) {
        Some(rest) if rest.contains(char::is_whitespace) && !rest.starts_with(|c: char| c.is_ascii_lowercase()) => {
            OsString::from(format!(" --{rest}"))
        }
        _ => argument,
    })
}

fn run(args: Args, connectors: ConnectorList) -> Result<(), Failure> {
    let settings = Settings::resolve(args.global, connectors, &ProcessEnvironment)?;
    let threads = std::thread::available_parallelism().map_or(2, NonZeroUsize::get) + SPARE_THREADS;
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_all().thread_stack_size(STACK).build();
    let runtime = runtime.map_err(|reason| Error::internal(format!("no runtime: {reason}")))?;
    let outcome = runtime.block_on(async {
        // A signal is how a server is meant to end: it listens to them itself.
        let is_server = matches!(args.command, Command::ServeConnector(_));
        let work = within(settings.timeout, dispatch(args.command, &settings));
        let outcome = if is_server { work.await } else { until_signal(work).await };
        drain().await;
        outcome.map_err(|failure| failure.after_rows(settings.rows_out.load(Ordering::Relaxed)))
    });
    runtime.shutdown_background();
    outcome
}

async fn dispatch(command: Command, settings: &Settings) -> Result<(), Failure> {
    match command {
        Command::Query { sql } => commands::query::run(sql, settings).await,
        Command::Explain { sql, analyze, operators } => {
            commands::explain::run(sql, commands::explain::What { analyze, operators }, settings).await
        }
        Command::Catalog(CatalogCommand::List) => commands::catalog::list(settings),
        Command::Catalog(CatalogCommand::Describe { name }) => commands::catalog::describe(&name, settings).await,
        Command::Catalog(CatalogCommand::Infer { name, write }) => commands::infer::infer(&name, write, settings).await,
        Command::Catalog(CatalogCommand::Test { names }) => commands::catalog::test(&names, settings).await,
        Command::Config(ConfigCommand::Check) => commands::config::check(settings),
        Command::ServeConnector(args) => commands::serve_connector::run(args, settings).await,
        Command::Conformance(args) => commands::conformance::run(args, settings).await,
    }
}

async fn until_signal(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let signals = interrupt::watch(2 * GRACE);
    tokio::select! {
        outcome = command => outcome,
        signal = interrupt::first(signals) => Err(Failure::interrupted(signal)),
    }
}

async fn within(limit: Option<Duration>, command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let Some(limit) = limit else { return command.await };
    match tokio::time::timeout(limit, command).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let message = format!("not done within {limit:?}, the time limit of this command");
            Err(Error::new(ErrorKind::Timeout, message).with_hint("raise --timeout, or ask for less").into())
        }
    }
}

/// Waits until dropped streams have cancelled their remote work: until no task but the signals' is left.
async fn drain() {
    let tasks = Handle::current();
    let deadline = Instant::now() + GRACE;
    while tasks.metrics().num_alive_tasks() > 1 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
