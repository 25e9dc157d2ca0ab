//! A shell that runs one server for us and stops it when we end, however we end.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Context as _, HarnessError, Result};

const SCRIPT: &str = include_str!("supervisor.sh");

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Connections are cut, data is written out.
    Fast,
    /// As if the machine had crashed; the next start recovers.
    Immediate,
}

/// The names of the signals by which a server's program understands [`Stop`], and the one it gets when we end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signals {
    pub(crate) fast: &'static str,
    pub(crate) immediate: &'static str,
    pub(crate) last: &'static str,
}

/// What a supervisor watches over.
#[derive(Debug)]
pub(crate) struct Service<'a> {
    /// The program and its arguments, without those that [`Supervisor::start`] adds.
    pub(crate) server: &'a Command,
    pub(crate) signals: Signals,
    /// The server's output goes there.
    pub(crate) log: &'a Path,
    /// Deleted at the end.
    pub(crate) remove: Option<&'a Path>,
    /// Open, and so locked if it is, until server and supervisor have ended, however this process ends.
    pub(crate) lock: Option<File>,
}

/// A server that is stopped when the last clone of this handle is dropped or this process ends.
///
/// Dropping returns at once: the supervisor needs some milliseconds more to stop the server and to delete its directory.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    pipes: Arc<Mutex<Pipes>>,
    signals: Signals,
}

#[derive(Debug)]
struct Pipes {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Starts the supervisor, not yet the server.
    pub(crate) fn spawn(service: Service<'_>) -> Result<Self> {
        let Service { server, signals, log, remove, lock } = service;
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "supervisor"]).arg(remove.unwrap_or(Path::new(""))).arg(log).arg(signals.last);
        shell.arg(server.get_program()).args(server.get_args());
        shell.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir("/");
        // A group of its own: Ctrl-C in a terminal must not kill the supervisor before it has tidied up.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Standard error is where the shell keeps the lock; the server's own goes to its log.
        shell.stderr(lock.map_or_else(Stdio::null, Stdio::from));
        let mut child = shell.spawn().context(|| "starting `sh`, which watches over a test server".to_owned())?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(HarnessError::new("the shell that watches over a test server was started without pipes"));
        };
        // Its end is nobody's concern, but somebody has to collect it.
        std::thread::spawn(move || child.wait());
        Ok(Self { pipes: Arc::new(Mutex::new(Pipes { requests, answers: BufReader::new(answers) })), signals })
    }

    /// Starts the server with these arguments more, divided by blanks; it is not ready yet.
    pub(crate) async fn start(&self, arguments: &str) -> Result<()> {
        self.ask(format!("start {arguments}")).await.map(drop)
    }

    /// Stops the server and waits for its end; no error when it was not running.
    pub(crate) async fn stop(&self, stop: Stop) -> Result<()> {
        let signal = match stop {
            Stop::Fast => self.signals.fast,
            Stop::Immediate => self.signals.immediate,
        };
        self.ask(format!("stop {signal}")).await.map(drop)
    }

    /// Has these files, divided by blanks, removed at the end, too.
    pub(crate) async fn remove_at_the_end(&self, files: &str) -> Result<()> {
        self.ask(format!("remove {files}")).await.map(drop)
    }

    /// Whether the server process is alive.
    pub(crate) async fn is_running(&self) -> Result<bool> {
        Ok(self.ask("status".to_owned()).await? == "running")
    }

    async fn ask(&self, request: String) -> Result<String> {
        let supervisor = self.clone();
        let answer = tokio::task::spawn_blocking(move || supervisor.ask_blocking(&request)).await;
        answer.context(|| "asking the supervisor of a test server".to_owned())?
    }

    fn ask_blocking(&self, request: &str) -> Result<String> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answer = String::new();
        writeln!(pipes.requests, "{request}")
            .and_then(|()| pipes.answers.read_line(&mut answer))
            .context(|| format!("asking the supervisor of a test server to {request}"))?;
        if answer.is_empty() {
            return Err(HarnessError::new(format!(
                "the supervisor of a test server ended before it answered `{request}`; was it killed?"
            )));
        }
        Ok(answer.trim_end().to_owned())
    }
}
