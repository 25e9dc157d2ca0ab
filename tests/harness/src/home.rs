//! The directory of one server that runs under our own account.

use std::env;
use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::account::numeric_id;
use crate::certificates::Certificates;
use crate::directory::{random_password, write_file};
use crate::error::{Context as _, HarnessError, Result};
use crate::programs::cache_directory;

/// The previous server of a directory gets this long to end: it is stopped a moment after its process has gone.
const HANDOVER: Duration = Duration::from_secs(20);

/// Data, certificates, secrets and logs of one server, closed to other users.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    root: PathBuf,
}

impl Home {
    /// A new directory, deleted when the returned guard is dropped.
    pub(crate) fn temporary(product: &str) -> Result<(Self, TempDir)> {
        let guard = tempfile::Builder::new().prefix(&format!("headwater-{product}-")).tempdir();
        let guard = guard.context(|| format!("making a directory in {}", env::temp_dir().display()))?;
        Ok((Self { root: canonical(guard.path())? }, guard))
    }

    /// A directory that stays, made when it does not exist, and a lock on it to be held as long as the server runs.
    pub(crate) fn persistent(path: &Path) -> Result<(Self, File)> {
        fs::create_dir_all(path).context(|| format!("making {}", path.display()))?;
        let home = Self { root: canonical(path)? };
        home.close_to_others()?;
        let lock = home.lock()?;
        Ok((home, lock))
    }

    /// Path of a file or directory in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Makes `name` a copy of the directory `original`, in one step; nothing when it is there.
    pub(crate) fn copy_once(&self, original: &Path, name: &str) -> Result<()> {
        let (target, unfinished) = (self.path(name), self.path(&format!("{name}.new")));
        if target.is_dir() {
            return Ok(());
        }
        let copy = || {
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished)?;
            }
            copy_directory(original, &unfinished)?;
            fs::rename(&unfinished, &target)
        };
        copy().context(|| format!("copying {} to {}", original.display(), target.display()))
    }

    /// Makes `ca.crt`, `server.crt` and `server.key` where they are missing.
    pub(crate) fn make_certificates(&self) -> Result<()> {
        // The key comes last: with it, all are there.
        if self.path("server.key").exists() {
            return Ok(());
        }
        let certificates = Certificates::generate()?;
        write_file(&self.path("ca.crt"), &certificates.authority, 0o644)?;
        write_file(&self.path("server.crt"), &certificates.server, 0o644)?;
        write_file(&self.path("server.key"), &certificates.server_key, 0o600)
    }

    /// The secret in the file `name`, a new one when there is no such file.
    pub(crate) fn secret(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        if !path.exists() {
            write_file(&path, &random_password()?, 0o600)?;
        }
        fs::read_to_string(&path).context(|| format!("reading {}", path.display()))
    }

    /// In `/var/tmp` anybody may have made a directory of that name before us.
    fn close_to_others(&self) -> Result<()> {
        let doing = || format!("opening {}", self.root.display());
        let owner = fs::metadata(&self.root).context(doing)?.uid();
        if owner != numeric_id(&["-u"])? {
            return Err(HarnessError::new(format!(
                "{} belongs to user {owner}, not to the one who runs this; choose another directory",
                self.root.display()
            )));
        }
        fs::set_permissions(&self.root, Permissions::from_mode(0o700)).context(doing)
    }

    /// Waits for a server that is still ending here.
    fn lock(&self) -> Result<File> {
        const STEP: Duration = Duration::from_millis(20);
        let path = self.path("lock");
        let file = File::options().create(true).append(true).open(&path);
        let file = file.context(|| format!("opening {}", path.display()))?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error).context(|| format!("locking {}", path.display())),
                Err(TryLockError::WouldBlock) if waited < HANDOVER => {
                    thread::sleep(STEP);
                    waited += STEP;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(HarnessError::new(format!(
                        "{} is in use by another server; stop the program that started it, or use another directory",
                        self.root.display()
                    )));
                }
            }
        }
    }
}

/// Where scripts/install-services puts the service `name`.
pub(crate) fn installed(name: &str, file: &str) -> Result<PathBuf> {
    let cache = cache_directory()
        .ok_or_else(|| HarnessError::new("neither HEADWATER_CACHE nor HOME is set, so no test server can be found"))?;
    let path = cache.join("services").join(name).join(file);
    if path.exists() {
        return Ok(path);
    }
    Err(HarnessError::new(format!("{} does not exist; run scripts/install-services", path.display())))
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().context(|| format!("opening {}", path.display()))
}

fn copy_directory(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
