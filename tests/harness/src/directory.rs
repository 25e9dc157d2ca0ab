//! The directory of one PostgreSQL server: data, certificates, password, log.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::account::Account;
use crate::certificates::Certificates;
use crate::error::{Context as _, HarnessError, Result};
use crate::programs::{Programs, cache_directory};

/// The superuser of every server.
pub(crate) const USER: &str = "headwater";

/// The previous server of a directory gets this long to end: it is stopped a moment after its process has gone.
const HANDOVER: Duration = Duration::from_secs(10);

/// Everything of one server that lies on disk.
///
/// ```text
/// root/  data/  server.crt  server.key  pg_hba.conf  log      the server's user owns root, data and the key
///        ca.crt  password                                     for clients
/// ```
#[derive(Debug, Clone)]
pub(crate) struct ServerDirectory {
    root: PathBuf,
    account: Account,
}

impl ServerDirectory {
    /// A new directory that both we and the server's user can reach, deleted when the returned guard is dropped.
    pub(crate) fn temporary(account: Account) -> Result<(Self, TempDir)> {
        let candidates = [env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
        let parent = candidates.iter().find(|directory| account.can_enter(directory)).ok_or_else(|| {
            HarnessError::new(
                "the server's user can enter none of $TMPDIR, /tmp and /var/tmp; give TMPDIR a directory open to all",
            )
        })?;
        let guard = tempfile::Builder::new().prefix("headwater-postgres-").tempdir_in(parent);
        let guard = guard.context(|| format!("making a directory in {}", parent.display()))?;
        Ok((Self::own(guard.path(), account)?, guard))
    }

    /// A directory that stays, made when it does not exist.
    pub(crate) fn persistent(path: &Path, account: Account) -> Result<Self> {
        fs::create_dir_all(path).context(|| format!("making {}", path.display()))?;
        let directory = Self::own(path, account)?;
        if !account.can_enter(&directory.root) {
            return Err(HarnessError::new(format!(
                "the server does not run as root, and its user cannot enter {}; choose a directory outside root's home, such as one in /var/tmp",
                path.display()
            )));
        }
        Ok(directory)
    }

    fn own(path: &Path, account: Account) -> Result<Self> {
        let root = path.canonicalize().context(|| format!("opening {}", path.display()))?;
        refuse_a_strangers_directory(&root, account)?;
        account.take(&root)?;
        Ok(Self { root, account })
    }

    /// Makes what is missing, so that a server can start; waits for a server that is still ending here.
    pub(crate) fn prepare(&self, programs: &Programs) -> Result<()> {
        let lock = self.root.join("lock");
        let lock = File::create(&lock).context(|| format!("creating {}", lock.display()))?;
        lock.lock().context(|| format!("locking {}", self.root.display()))?;
        if self.data().is_dir() {
            self.wait_for_the_previous_server()?;
        } else {
            self.initialise(programs)?;
        }
        write_file(&self.root.join("pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n", 0o644)?;
        write_file(&self.log(), "", 0o644)
    }

    /// The server program with all settings but the port.
    ///
    /// Settings are arguments, so the data directory keeps the defaults of its version and a change here reaches old
    /// directories too.
    pub(crate) fn server(&self, programs: &Programs) -> Command {
        let file = |name: &str, path: &str| format!("{name}={}", self.root.join(path).display());
        let settings =
            [file("hba_file", "pg_hba.conf"), file("ssl_cert_file", "server.crt"), file("ssl_key_file", "server.key")];
        let mut server = self.account.command(programs.path("postgres"));
        server.arg("-D").arg(self.data());
        for setting in SETTINGS.iter().copied().chain(settings.iter().map(String::as_str)) {
            server.args(["-c", setting]);
        }
        server
    }

    /// The certificate authority that signed the server's certificate, PEM.
    pub(crate) fn ca_certificate(&self) -> PathBuf {
        self.root.join("ca.crt")
    }

    /// The file that holds the password and nothing else.
    pub(crate) fn password_file(&self) -> PathBuf {
        self.root.join("password")
    }

    /// The server's log since its handle was made.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The password of [`USER`].
    pub(crate) fn password(&self) -> Result<String> {
        let path = self.password_file();
        fs::read_to_string(&path).context(|| format!("reading {}", path.display()))
    }

    /// The running server's process.
    pub(crate) fn process_id(&self) -> Result<u32> {
        let pid = process_id(&self.data().join("postmaster.pid"));
        pid.ok_or_else(|| HarnessError::new(format!("no server runs in {}", self.root.display())))
    }

    fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Makes a new cluster. `data` appears last and in one step, so a directory whose making was cut short is made again.
    fn initialise(&self, programs: &Programs) -> Result<()> {
        let certificates = Certificates::generate()?;
        write_file(&self.ca_certificate(), &certificates.authority, 0o644)?;
        write_file(&self.root.join("server.crt"), &certificates.server, 0o644)?;
        let key = self.root.join("server.key");
        write_file(&key, &certificates.server_key, 0o600)?;
        self.account.take(&key)?;
        write_file(&self.password_file(), &random_password()?, 0o600)?;
        let unfinished = self.root.join("data.new");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).context(|| format!("removing {}", unfinished.display()))?;
        }
        self.run_initdb(programs, &unfinished)?;
        fs::rename(&unfinished, self.data()).context(|| format!("renaming {}", unfinished.display()))
    }

    fn run_initdb(&self, programs: &Programs, data: &Path) -> Result<()> {
        // The password file is for our eyes only, so the server's user reads a copy.
        let password = self.root.join("initdb-password");
        write_file(&password, &self.password()?, 0o600)?;
        self.account.take(&password)?;
        let mut initdb = self.account.command(programs.path("initdb"));
        initdb.arg("-D").arg(data).args(["-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "-N"]);
        initdb.arg(format!("--pwfile={}", password.display()));
        let output = initdb.output().context(|| "running initdb".to_owned())?;
        fs::remove_file(&password).context(|| format!("removing {}", password.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(HarnessError::new(format!(
            "initdb made no data directory in {}:\n{}",
            self.root.display(),
            complaint.trim()
        )))
    }

    fn wait_for_the_previous_server(&self) -> Result<()> {
        const STEP: Duration = Duration::from_millis(20);
        let pid_file = self.data().join("postmaster.pid");
        let mut waited = Duration::ZERO;
        while let Some(pid) = process_id(&pid_file) {
            if !self.is_served_by(pid) {
                // In a restarted container the number may belong to any process, and then postgres would refuse to start.
                return match fs::remove_file(&pid_file) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        Err(error).context(|| format!("removing {}", pid_file.display()))
                    }
                    _ => Ok(()),
                };
            }
            if waited >= HANDOVER {
                return Err(HarnessError::new(format!(
                    "{} is in use by the server with process id {pid}; stop the program that started it, or use another directory",
                    self.root.display()
                )));
            }
            thread::sleep(STEP);
            waited += STEP;
        }
        Ok(())
    }

    /// Whether the process is the server of this directory: its command line says so where there is `/proc`.
    fn is_served_by(&self, pid: u32) -> bool {
        if !Path::new("/proc/self/cmdline").exists() {
            let alive = Command::new("kill").args(["-0", &pid.to_string()]).output();
            return alive.is_ok_and(|output| output.status.success());
        }
        let data = self.data();
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|command| {
            command.split(|byte| *byte == 0).any(|argument| argument == data.as_os_str().as_encoded_bytes())
        })
    }
}

/// Settings that every server has. No Unix socket: its path would be too long under many a temporary directory.
const SETTINGS: [&str; 11] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=100",
    "shared_buffers=128MB",
    "fsync=off",
    "ssl=on",
    "logging_collector=off",
    "log_statement=all",
    "log_line_prefix=%m [%p] %a ",
    "log_timezone=UTC",
    "timezone=UTC",
];

/// A directory for data that outlives the process, such as a demo's, where a server can run: in Headwater's cache or,
/// for root, whose home is closed to the server's user, in `/var/tmp`. It is not made here.
///
/// # Errors
///
/// Neither `HEADWATER_CACHE` nor a home directory is set, or root has no other user to run a server.
pub fn persistent_directory(name: &str) -> Result<PathBuf> {
    let shared = Path::new("/var/tmp/headwater").join(name);
    match (Account::for_server()?, cache_directory()) {
        (Account::Other { .. }, _) => Ok(shared),
        (Account::Own, Some(cache)) => Ok(cache.join(name)),
        (Account::Own, None) => {
            Err(HarnessError::new("there is no place to keep data: set HEADWATER_CACHE to a directory"))
        }
    }
}

/// In `/var/tmp` anybody may have made a directory of that name before us.
fn refuse_a_strangers_directory(root: &Path, account: Account) -> Result<()> {
    let metadata = fs::metadata(root).context(|| format!("opening {}", root.display()))?;
    match account {
        Account::Other { uid, .. } if metadata.uid() != 0 && metadata.uid() != uid => Err(HarnessError::new(format!(
            "{} belongs to user {}, neither root nor the server's user; choose another directory",
            root.display(),
            metadata.uid()
        ))),
        Account::Own | Account::Other { .. } => Ok(()),
    }
}

/// The number in the first line of a file.
pub(crate) fn process_id(pid_file: &Path) -> Option<u32> {
    fs::read_to_string(pid_file).ok()?.lines().next()?.trim().parse().ok()
}

/// 144 bits from the system, in hexadecimal digits.
pub(crate) fn random_password() -> Result<String> {
    let mut bytes = [0; 18];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.context(|| "reading /dev/urandom for a password".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that never existed with wider permissions than `mode`.
pub(crate) fn write_file(path: &Path, text: &str, mode: u32) -> Result<()> {
    let write = || {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes())
    };
    write().context(|| format!("writing {}", path.display()))
}
