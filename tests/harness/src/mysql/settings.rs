//! How a MySQL or MariaDB server is set up.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::account::numeric_id;
use crate::directory::write_file;
use crate::error::{Context as _, Result};
use crate::home::Home;
use crate::supervisor::Signals;

pub(super) const USER: &str = "headwater";
pub(super) const DATABASE: &str = "headwater";

/// The data directory.
pub(super) const DATA: &str = "data";
/// The file with the password.
pub(super) const PASSWORD: &str = "password";
/// The server's messages.
pub(super) const LOG: &str = "log";
/// The number of the server's process.
pub(super) const PID: &str = "pid";
/// The server's log of statements.
pub(super) const STATEMENTS: &str = "statements";

/// Statements for the server's first breath, before it listens; they hold the password.
const INIT: &str = "init.sql";
/// The only directory where the server itself may read and write files for SQL; empty.
const FILES: &str = "files";

/// Which of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// MySQL 9: `caching_sha2_password`, a JSON type of its own.
    MySql,
    /// MariaDB 10: `mysql_native_password`, JSON is text with a check.
    MariaDb,
}

impl Product {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::MySql, Self::MariaDb];

    /// `mysql` or `mariadb`: the directory of its programs, and part of the names of temporary directories.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::MySql => &["--mysqlx=OFF"],
            Self::MariaDb => &[],
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        })
    }
}

/// Settings that every server has. No Unix socket: its path would be too long under many a temporary directory.
const SETTINGS: [&str; 15] = [
    "--bind-address=127.0.0.1",
    "--socket=",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--local-infile=ON",
    "--general-log=ON",
    "--character-set-server=utf8mb4",
    "--default-time-zone=+00:00",
    "--max-connections=200",
    "--max-allowed-packet=64M",
    "--innodb-buffer-pool-size=256M",
    // Nobody needs this data after a power cut; after a crash of the server alone it is all there.
    "--innodb-doublewrite=OFF",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    "--innodb-buffer-pool-load-at-startup=OFF",
];

/// The server program with all settings but the port.
///
/// Settings are arguments, so the data directory keeps the defaults of its version and a change here reaches old
/// directories too.
pub(super) fn command(product: Product, home: &Home, program: &Path) -> Result<Command> {
    let files = [
        ("datadir", DATA),
        ("init-file", INIT),
        ("secure-file-priv", FILES),
        ("pid-file", PID),
        ("general-log-file", STATEMENTS),
        ("ssl-ca", "ca.crt"),
        ("ssl-cert", "server.crt"),
        ("ssl-key", "server.key"),
    ];
    let mut server = Command::new(program);
    server.env("LC_ALL", "C").stdin(Stdio::null());
    server.args(SETTINGS).args(product.settings());
    server.args(files.map(|(name, file)| format!("--{name}={}", home.path(file).display())));
    if numeric_id(&["-u"])? == 0 {
        // Both refuse to run as root unless told so. The programs may lie in root's home, which no other user can enter.
        server.arg("--user=root");
    }
    Ok(server)
}

/// TERM stops a server in good order, in about a second, which data that is thrown away is not worth.
pub(super) fn signals(temporary: bool) -> Signals {
    Signals { fast: "TERM", immediate: "KILL", last: if temporary { "KILL" } else { "TERM" } }
}

/// Writes the files that a server reads when it starts, with the user's password, and empties its logs.
pub(super) fn write_files(home: &Home) -> Result<()> {
    let password = home.secret(PASSWORD)?;
    let statements = format!(
        "CREATE DATABASE IF NOT EXISTS {DATABASE};\n\
         CREATE USER IF NOT EXISTS '{USER}'@'%';\n\
         ALTER USER '{USER}'@'%' IDENTIFIED BY '{password}';\n\
         GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    );
    write_file(&home.path(INIT), &statements, 0o600)?;
    let files = home.path(FILES);
    fs::create_dir_all(&files).context(|| format!("making {}", files.display()))?;
    write_file(&home.path(LOG), "", 0o600)?;
    write_file(&home.path(STATEMENTS), "", 0o600)
}
