//! A shell that runs one server for us and stops it when we end, however we end.

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

/// A server that is stopped when the last clone of this handle is dropped or this process ends.
///
/// Dropping returns at once: the supervisor needs some milliseconds more to stop the server and to delete its directory.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    pipes: Arc<Mutex<Pipes>>,
}

#[derive(Debug)]
struct Pipes {
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Starts the supervisor, not yet the server, which will be `server -p PORT` and write to `log`.
    ///
    /// `remove` is deleted at the end.
    pub(crate) fn spawn(server: &Command, log: &Path, remove: Option<&Path>) -> Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "supervisor"]).arg(remove.unwrap_or(Path::new(""))).arg(log);
        shell.arg(server.get_program()).args(server.get_args());
        shell.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir("/");
        // A group of its own: Ctrl-C in a terminal must not kill the supervisor before it has tidied up.
        shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = shell.spawn().context(|| "starting `sh`, which watches over a test server".to_owned())?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(HarnessError::new("the shell that watches over a test server was started without pipes"));
        };
        // Its end is nobody's concern, but somebody has to collect it.
        std::thread::spawn(move || child.wait());
        Ok(Self { pipes: Arc::new(Mutex::new(Pipes { requests, answers: BufReader::new(answers) })) })
    }

    /// Starts the server on `port`; it is not ready yet.
    pub(crate) async fn start(&self, port: u16) -> Result<()> {
        self.ask(format!("start {port}")).await.map(drop)
    }

    /// Stops the server and waits for its end; no error when it was not running.
    pub(crate) async fn stop(&self, stop: Stop) -> Result<()> {
        let signal = match stop {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        self.ask(format!("stop {signal}")).await.map(drop)
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
