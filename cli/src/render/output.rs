//! Where bytes go: standard output, or a file that appears whole or not at all.

use super::write_failed;
use headwater_core::{Error, Result};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// An open output. Dropped without [`finish`](Output::finish), a file is not there.
#[derive(Debug)]
pub(crate) struct Output {
    to: BufWriter<Sink>,
    reader_gone: bool,
}

#[derive(Debug)]
enum Sink {
    Stdout(io::Stdout),
    /// Something that is there and must not be replaced, such as `/dev/null` or a named pipe.
    Device(File),
    /// Written beside its place and renamed at the end.
    Temporary {
        file: NamedTempFile,
        path: PathBuf,
    },
}

impl Output {
    /// Standard output, or the file at `path`.
    ///
    /// # Errors
    /// `Config` when there can be no such file.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let sink = match path {
            None => Sink::Stdout(io::stdout()),
            Some(path) => open_file(path).map_err(|reason| {
                Error::config(format!("output file {} cannot be written: {reason}", path.display()))
            })?,
        };
        Ok(Self { to: BufWriter::with_capacity(64 << 10, sink), reader_gone: false })
    }

    /// Writes a piece of text.
    pub(crate) fn text(&mut self, text: &str) -> Result<()> {
        self.write_all(text.as_bytes()).map_err(|reason| write_failed(&reason))
    }

    /// Hands everything on to whoever reads.
    pub(crate) fn hand_on(&mut self) -> Result<()> {
        self.flush().map_err(|reason| write_failed(&reason))
    }

    /// Whether the other end of a pipe was closed: nobody wants the rest, which is no failure.
    pub(crate) fn reader_is_gone(&self) -> bool {
        self.reader_gone
    }

    /// Whether bytes written so far stay when the command fails.
    pub(crate) fn keeps_what_was_written(&self) -> bool {
        !matches!(self.to.get_ref(), Sink::Temporary { .. })
    }

    /// Flushes, and puts a file into its place.
    ///
    /// # Errors
    /// `InvalidInput` with the system's reason.
    pub(crate) fn finish(mut self) -> Result<()> {
        if let Err(error) = self.hand_on() {
            return if self.reader_gone { Ok(()) } else { Err(error) };
        }
        match self.to.into_parts().0 {
            Sink::Temporary { file, path } => file.persist(path).map(drop).map_err(|error| write_failed(&error.error)),
            Sink::Stdout(_) | Sink::Device(_) => Ok(()),
        }
    }

    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|reason| reason.kind() == io::ErrorKind::BrokenPipe) {
            self.reader_gone = true;
        }
        result
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.to.write(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.noted(result)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stdout) => stdout.write(bytes),
            Self::Device(file) => file.write(bytes),
            Self::Temporary { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::Device(file) => file.flush(),
            Self::Temporary { file, .. } => file.flush(),
        }
    }
}

fn open_file(path: &Path) -> io::Result<Sink> {
    let path = match std::fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => return File::options().write(true).open(path).map(Sink::Device),
        // A symbolic link stays one: what it points at is replaced.
        Ok(_) => path.canonicalize()?,
        Err(_) => path.to_path_buf(),
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".headwater-").suffix(".part");
    #[cfg(unix)]
    let permissions = permissions_of(&path);
    #[cfg(unix)]
    builder.permissions(permissions);
    let file = builder.tempfile_in(directory)?;
    Ok(Sink::Temporary { file, path })
}

/// Those of the file that is replaced, else what the process's umask leaves of the usual.
#[cfg(unix)]
fn permissions_of(path: &Path) -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    let replaced = std::fs::metadata(path).map(|there| there.permissions());
    replaced.unwrap_or_else(|_| std::fs::Permissions::from_mode(0o666))
}
