//! A directory of its own for each test, and programs run in it.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where a test's program runs; gone afterwards.
pub(crate) struct Directory {
    place: tempfile::TempDir,
    program: PathBuf,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Directory {
    /// For the program `headwater`.
    pub(crate) fn new() -> Self {
        Self::for_program(Path::new(env!("CARGO_BIN_EXE_headwater")))
    }

    pub(crate) fn for_program(program: &Path) -> Self {
        Self { place: tempfile::tempdir().unwrap(), program: program.to_path_buf() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.place.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.command(arguments).output().unwrap().into()
    }

    pub(crate) fn run_bytes(&self, arguments: &[&str]) -> Vec<u8> {
        self.command(arguments).output().unwrap().stdout
    }

    pub(crate) fn run_with_env(&self, arguments: &[&str], name: &str, value: &str) -> Outcome {
        self.command(arguments).env(name, value).output().unwrap().into()
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut child = self.spawn(arguments);
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// As `… | head -0`.
    pub(crate) fn run_for_a_reader_that_leaves(&self, arguments: &[&str]) -> Outcome {
        let mut child = self.spawn(arguments);
        drop(child.stdout.take());
        child.wait_with_output().unwrap().into()
    }

    pub(crate) fn run_and_signal(&self, arguments: &[&str], signal: &str) -> Outcome {
        let child = self.spawn(arguments);
        std::thread::sleep(std::time::Duration::from_millis(700));
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        child.wait_with_output().unwrap().into()
    }

    pub(crate) fn spawn(&self, arguments: &[&str]) -> std::process::Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.place.path()).stdin(Stdio::null());
        command.env_remove("HEADWATER_CONFIG").env("XDG_CONFIG_HOME", self.path("xdg")).env("HOME", self.path("home"));
        command
    }
}
