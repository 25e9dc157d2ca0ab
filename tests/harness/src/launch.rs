//! What the start of every server program needs: a free port, a deadline, a log to quote.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Context as _, HarnessError, Result};

pub(crate) const HOST: &str = "127.0.0.1";

/// A loaded machine may need many seconds for what takes one when it is idle.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(60);

/// A free port can be taken by someone else before the server binds it.
pub(crate) const PORT_ATTEMPTS: u32 = 5;

pub(crate) fn free_port() -> Result<u16> {
    let [port] = free_ports()?;
    Ok(port)
}

/// Different ports that are all free now.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let doing = || "looking for a free port".to_owned();
    // All are open at once, so none comes twice.
    let open: std::io::Result<Vec<TcpListener>> = (0..N).map(|_| TcpListener::bind((HOST, 0))).collect();
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(open.context(doing)?) {
        *port = listener.local_addr().context(doing)?.port();
    }
    Ok(ports)
}

/// Runs what waits for files and programs where it holds up no other task.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.context(|| "starting a test server".to_owned())?
}

/// A file that a server appends to.
#[derive(Debug, Clone)]
pub(crate) struct LogFile(PathBuf);

impl LogFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its length now, in bytes.
    pub(crate) fn position(&self) -> Result<u64> {
        let metadata = fs::metadata(&self.0).context(|| self.reading())?;
        Ok(metadata.len())
    }

    /// Its text from `position` on; what is no UTF-8 is replaced.
    pub(crate) fn since(&self, position: u64) -> Result<String> {
        let read = || {
            let mut log = fs::File::open(&self.0)?;
            log.seek(SeekFrom::Start(position))?;
            let mut bytes = Vec::new();
            log.read_to_end(&mut bytes)?;
            Ok::<_, std::io::Error>(bytes)
        };
        let bytes = read().context(|| self.reading())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// An error that says `what` and quotes the last lines.
    pub(crate) fn explain(&self, what: &str) -> HarnessError {
        const LINES: usize = 20;
        let log = self.since(0).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n");
        HarnessError::new(format!("{what}; the end of its log:\n{tail}"))
    }

    fn reading(&self) -> String {
        format!("reading {}", self.0.display())
    }
}
