//! Where the programs that tests start are on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{HarnessError, Result};
use crate::home::installed;

/// Where distributions that keep several major versions side by side put them.
const VERSIONED: &str = "/usr/lib/postgresql";

/// The programs of one PostgreSQL installation.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    bin: PathBuf,
}

impl Programs {
    /// Looks where `scripts/install-services` looks: in `PATH`, among the distribution's versions (newest first), in our cache.
    pub(crate) fn find() -> Result<Self> {
        let bin = path_directories()
            .into_iter()
            .chain(versioned_directories())
            .chain(cache_directory().map(|cache| cache.join("services/postgres/bin")))
            .find(|bin| bin.join("initdb").is_file() && bin.join("postgres").is_file());
        bin.map(|bin| Self { bin }).ok_or_else(|| {
            HarnessError::new(format!(
                "no PostgreSQL server on this machine (looked for `initdb` in PATH, {VERSIONED}/*/bin and Headwater's cache); run scripts/install-services"
            ))
        })
    }

    /// Path of one program.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Headwater's cache directory, as the scripts see it; `None` without a home.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("HEADWATER_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("headwater")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/headwater")))
}

/// A Python interpreter that has the packages of scripts/install-services, pyarrow among them.
///
/// # Errors
///
/// scripts/install-services has not been run on this machine.
pub fn python() -> Result<PathBuf> {
    installed_python("python")
}

/// The interpreter of the Python environment `name` among Headwater's services: `python` is that of [`python`], `peers`
/// the one that scripts/install-peers makes.
///
/// # Errors
///
/// There is none of that name.
pub fn installed_python(name: &str) -> Result<PathBuf> {
    installed(name, "bin/python3")
}

fn path_directories() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn versioned_directories() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(VERSIONED)).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, bin)| bin).collect()
}
