//! The operating system account that PostgreSQL runs under: it refuses to run as root.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Context as _, HarnessError, Result};

/// Who runs the server programs and owns their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// The ordinary user who runs this process.
    Own,
    /// Another one, because this process runs as root.
    Other {
        /// Numeric user id.
        uid: u32,
        /// Numeric id of that user's own group.
        gid: u32,
    },
}

impl Account {
    /// Our own account or, for root, `postgres` (made by the distribution's package) or else `nobody`.
    pub(crate) fn for_server() -> Result<Self> {
        if numeric_id(&["-u"])? != 0 {
            return Ok(Self::Own);
        }
        let of = |user| Ok(Self::Other { uid: numeric_id(&["-u", user])?, gid: numeric_id(&["-g", user])? });
        of("postgres").or_else(|_: HarnessError| of("nobody")).map_err(|error| {
            HarnessError::new(format!("postgres refuses to run as root and there is no user `postgres`; add one, or run as an ordinary user ({error})"))
        })
    }

    /// A command that runs `program` under this account, with the messages of programs in English.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self {
            Self::Own => Command::new(program),
            Self::Other { uid, gid } => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
                command.args(["--clear-groups".as_ref(), program.as_ref()]);
                command
            }
        };
        // The caller's directory may be one that the other account cannot enter.
        command.env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        command
    }

    /// Hands a file or directory over to this account.
    pub(crate) fn take(self, path: &Path) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => {
                chown(path, Some(uid), Some(gid)).context(|| format!("giving {} to the server's user", path.display()))
            }
        }
    }

    /// Whether this account may enter `directory`: root's home, say, is closed to others.
    pub(crate) fn can_enter(self, directory: &Path) -> bool {
        let entered = self.command("sh").args(["-c", "cd \"$0\""]).arg(directory).stderr(Stdio::null()).status();
        entered.is_ok_and(|status| status.success())
    }
}

pub(crate) fn numeric_id(arguments: &[&str]) -> Result<u32> {
    let output = Command::new("id").args(arguments).output().context(|| "running `id`".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        HarnessError::new(format!("`id {}` gave no number: {}", arguments.join(" "), complaint.trim()))
    })
}
