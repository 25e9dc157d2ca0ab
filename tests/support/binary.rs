//! The `headwater` binary, run as a user would.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What a run of the binary left behind.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Data.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

/// Runs `headwater` to its end.
///
/// # Panics
/// When the binary is not built: `cargo test --workspace` builds it.
pub fn headwater(arguments: &[&str]) -> Outcome {
    let output = spawn(arguments).wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts `headwater`, in an environment without credentials or configuration of the machine's own.
///
/// # Panics
/// When the binary is not built.
pub fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(path());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") || name == "HEADWATER_CONFIG" {
            command.env_remove(&name);
        }
    }
    let nowhere = std::env::temp_dir().join("headwater-tests-no-such-file");
    command.env("AWS_SHARED_CREDENTIALS_FILE", &nowhere).env("AWS_CONFIG_FILE", &nowhere);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.spawn().unwrap_or_else(|error| panic!("{}: {error}; run `cargo build --workspace`", path().display()))
}

/// Test binaries lie in `deps`, one folder below the programs.
fn path() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().and_then(|deps| deps.parent()).unwrap().join("headwater")
}
