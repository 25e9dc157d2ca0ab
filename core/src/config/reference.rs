//! `${env:NAME}` and `${file:PATH}` in configuration values.

use crate::{Error, Result};
use std::path::Path;

/// Where references are looked up; passed in, so that a test needs no process-wide state.
pub trait Environment {
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a text file.
    ///
    /// # Errors
    /// The operating system's reason.
    fn read_file(&self, path: &Path) -> std::io::Result<String>;
}

/// The real environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read_file(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Replaces every reference in `text`; the second part says whether there was any.
///
/// `$$` stands for a dollar sign. A file's trailing line break is not part of its value.
///
/// # Errors
/// `Config` when a reference is malformed or cannot be resolved; the message holds the reference, never a value.
pub(super) fn resolve(text: &str, environment: &dyn Environment) -> Result<(String, bool)> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find('$') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if let Some(tail) = after.strip_prefix("$$") {
            out.push('$');
            rest = tail;
        } else if let Some(tail) = after.strip_prefix("${") {
            let (reference, tail) = tail.split_once('}').ok_or_else(|| {
                Error::config("a reference that starts with `${` has no closing `}`")
                    .with_hint("write `$$` for a plain dollar sign")
            })?;
            out.push_str(&look_up(reference, environment)?);
            found = true;
            rest = tail;
        } else {
            out.push('$');
            rest = after.strip_prefix('$').unwrap_or_default();
        }
    }
    out.push_str(rest);
    Ok((out, found))
}

fn look_up(reference: &str, environment: &dyn Environment) -> Result<String> {
    match reference.split_once(':') {
        Some(("env", name)) => environment.variable(name).ok_or_else(|| {
            Error::config(format!("environment variable {name} of `${{{reference}}}` is not set"))
                .with_hint(format!("export {name}=… before starting, or write the value another way"))
        }),
        Some(("file", path)) => match environment.read_file(Path::new(path)) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(reason) => Err(Error::config(format!("file of `${{{reference}}}` cannot be read: {reason}"))),
        },
        _ => Err(Error::config(format!("`${{{reference}}}` is not a reference"))
            .with_hint("references are `${env:NAME}` and `${file:PATH}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    struct Fixed;

    impl Environment for Fixed {
        fn variable(&self, name: &str) -> Option<String> {
            (name == "SET").then(|| "value".to_owned())
        }

        fn read_file(&self, path: &Path) -> io::Result<String> {
            if path == Path::new("/run/x") { Ok("secret\n".to_owned()) } else { Err(io::ErrorKind::NotFound.into()) }
        }
    }

    #[test]
    fn references_are_replaced_and_dollars_kept() {
        let resolved = resolve("a${env:SET}b$$c$d${file:/run/x}", &Fixed).unwrap();
        assert_eq!(resolved, ("avalueb$c$dsecret".to_owned(), true));
        assert_eq!(resolve("plain", &Fixed).unwrap(), ("plain".to_owned(), false));
    }

    #[test]
    fn a_missing_reference_is_an_error_not_an_empty_value() {
        let error = resolve("${env:UNSET}", &Fixed).unwrap_err();
        assert!(error.to_string().contains("UNSET"), "{error}");
        assert!(resolve("${file:/nope}", &Fixed).is_err());
        assert!(resolve("${vault:x}", &Fixed).is_err());
        assert!(resolve("${env:SET", &Fixed).is_err());
    }
}
