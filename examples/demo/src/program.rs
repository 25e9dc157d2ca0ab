//! The `headwater` program, run as a user would, and run as the server beside a source.

use headwater_harness::{HarnessError, Result};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

/// The program and its configuration.
#[derive(Debug, Clone)]
pub struct Headwater {
    binary: PathBuf,
    config: PathBuf,
}

impl Headwater {
    /// The program that was built together with the running one.
    ///
    /// # Errors
    /// It was not built.
    pub fn beside_this_program(config: &Path) -> Result<Self> {
        let own = std::env::current_exe().map_err(|error| HarnessError::new(error.to_string()))?;
        // Test programs lie in `deps`, one folder below the others.
        let places = own.ancestors().skip(1).take(2).map(|folder| folder.join("headwater"));
        let binary = places.into_iter().find(|place| place.is_file());
        let binary = binary.ok_or_else(|| HarnessError::new("the headwater program is not built; run `make demo`"))?;
        Ok(Self { binary, config: config.to_path_buf() })
    }

    /// Where the program is.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The program with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(&self.config).args(arguments);
        command
    }

    /// Starts `headwater serve-connector` on a free port; callers must present the token in this file.
    ///
    /// # Errors
    /// It ends at once; the error has what it said.
    pub fn serve(&self, token: &Path) -> Result<ConnectorServer> {
        let token = token.display().to_string();
        let arguments = ["serve-connector", "--listen", "127.0.0.1:0", "--token-file", &token];
        let mut command = self.command(&arguments);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process = process.map_err(|error| HarnessError::new(format!("headwater did not start: {error}")))?;
        let mut messages = process.stderr.take().map(BufReader::new);
        let mut line = String::new();
        if let Some(messages) = &mut messages {
            messages.read_line(&mut line).map_err(|error| HarnessError::new(error.to_string()))?;
        }
        match line.trim().rsplit_once(" at ") {
            Some((_, url)) => Ok(ConnectorServer { url: url.to_owned(), process, _messages: messages }),
            None => Err(HarnessError::new(format!("the connector server says: {line}"))),
        }
    }
}

/// A running `headwater serve-connector`. Dropping it ends it.
#[derive(Debug)]
pub struct ConnectorServer {
    url: String,
    process: Child,
    /// Held open: a server that cannot say that it stops would die of it.
    _messages: Option<BufReader<ChildStderr>>,
}

impl ConnectorServer {
    /// `grpc://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it without a word, as a crash would.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for ConnectorServer {
    fn drop(&mut self) {
        self.kill();
    }
}
