//! What a catalog's section may hold, and how a connector reads it.

use super::units::{parse_byte_size, parse_duration};
use crate::{Error, Result, Secret, name::nearest};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The kind of value an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text that is never printed.
    Secret,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Text such as `30s`.
    Duration,
    /// Text such as `64MiB`.
    ByteSize,
    /// A list of texts.
    TextList,
    /// A table whose content the connector checks itself.
    Table,
}

impl OptionKind {
    fn label(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Secret => "text (secret)".to_owned(),
            Self::Integer => "a whole number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Duration => "a duration with its unit, such as \"30s\"".to_owned(),
            Self::ByteSize => "a size with its unit, such as \"64MiB\"".to_owned(),
            Self::TextList => "a list of texts".to_owned(),
            Self::Table => "a table".to_owned(),
        }
    }
}

/// One option of a connector: validation, help text and reference docs all come from it.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Its key in the catalog's section.
    pub name: &'static str,
    /// What it holds.
    pub kind: OptionKind,
    /// The value if it is not given, as one would write it; `None` if there is none.
    pub default: Option<&'static str>,
    /// One sentence.
    pub description: &'static str,
}

/// Where a setting was written, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// A file's name, or the command line's flag.
    pub source: String,
    /// 1-based line, if the source has lines.
    pub line: Option<usize>,
}

impl Origin {
    /// Something written on the command line.
    pub fn flag(flag: impl Into<String>) -> Self {
        Self { source: flag.into(), line: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.source),
            None => f.write_str(&self.source),
        }
    }
}

/// A value as written, references resolved. `Debug` shows its kind alone: it may hold a secret.
#[derive(Clone)]
pub enum Setting {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<(Setting, Origin)>),
    /// A table.
    Table(BTreeMap<String, (Setting, Origin)>),
    /// A number with a fraction, or a date: no option takes one.
    Other(&'static str),
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl Setting {
    /// What it is, in a word, for messages.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(label) => label,
        }
    }

    fn fits(&self, kind: OptionKind) -> bool {
        match (kind, self) {
            (OptionKind::Text | OptionKind::Secret, Self::Text(_))
            | (OptionKind::Integer, Self::Integer(_))
            | (OptionKind::Boolean, Self::Boolean(_))
            | (OptionKind::Table, Self::Table(_)) => true,
            (OptionKind::Choice(words), Self::Text(text)) => words.contains(&text.as_str()),
            (OptionKind::Duration, Self::Text(text)) => parse_duration(text).is_some(),
            (OptionKind::ByteSize, Self::Text(text)) => parse_byte_size(text).is_some(),
            (OptionKind::TextList, Self::List(items)) => items.iter().all(|(item, _)| matches!(item, Self::Text(_))),
            _ => false,
        }
    }
}

/// The settings of one catalog, checked against its connector's [`OptionSpec`]s.
#[derive(Clone)]
pub struct Options {
    specs: &'static [OptionSpec],
    values: BTreeMap<String, (Setting, Origin)>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values.keys()).finish()
    }
}

impl Options {
    /// Checks every setting against the specs.
    ///
    /// # Errors
    /// `Config` for an unknown option (with the nearest known one) or a value of the wrong kind; with file and line.
    pub fn check(values: BTreeMap<String, (Setting, Origin)>, specs: &'static [OptionSpec]) -> Result<Self> {
        for (name, (setting, origin)) in &values {
            let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
                return Err(unknown_option(name, specs, origin));
            };
            if !setting.fits(spec.kind) {
                let message = format!("{origin}: option {name} takes {}, not {}", spec.kind.label(), setting.label());
                let message = match (spec.kind, setting) {
                    (OptionKind::Secret, _) => message,
                    (_, Setting::Text(text)) => {
                        format!("{origin}: option {name} takes {}, not \"{text}\"", spec.kind.label())
                    }
                    _ => message,
                };
                return Err(Error::config(message).with_hint(spec.description));
            }
        }
        Ok(Self { specs, values })
    }

    /// A text, or its default.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name) {
            Some((Setting::Text(text), _)) => Some(text),
            _ => self.default_of(name),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `Config` naming the option and what it is for.
    pub fn required_text(&self, name: &str) -> Result<&str> {
        self.text(name).ok_or_else(|| {
            let purpose = self.specs.iter().find(|spec| spec.name == name).map_or("", |spec| spec.description);
            Error::config(format!("option {name} is missing")).with_hint(format!("{name}: {purpose}"))
        })
    }

    /// A secret.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// A whole number, or its default.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some((Setting::Integer(number), _)) => Some(*number),
            _ => self.default_of(name)?.parse().ok(),
        }
    }

    /// A whole number within `range`, or its default.
    ///
    /// # Errors
    /// `Config` when it is outside, or there is neither value nor default.
    pub fn integer_within(&self, name: &str, range: std::ops::RangeInclusive<i64>) -> Result<i64> {
        let number = self.integer(name).ok_or_else(|| Error::config(format!("option {name} is missing")))?;
        if range.contains(&number) {
            return Ok(number);
        }
        let place = self.values.get(name).map(|(_, origin)| format!("{origin}: ")).unwrap_or_default();
        let message = format!("{place}option {name} must be between {} and {}", range.start(), range.end());
        Err(Error::config(message))
    }

    /// A truth value, or its default.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some((Setting::Boolean(truth), _)) => Some(*truth),
            _ => self.default_of(name)?.parse().ok(),
        }
    }

    /// A duration, or its default.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.text(name).and_then(parse_duration)
    }

    /// A size in bytes, or its default.
    pub fn byte_size(&self, name: &str) -> Option<u64> {
        self.text(name).and_then(parse_byte_size)
    }

    /// A list of texts; `None` if it was not given.
    pub fn text_list(&self, name: &str) -> Option<Vec<&str>> {
        let Some((Setting::List(items), _)) = self.values.get(name) else { return None };
        let texts = items.iter().filter_map(|(item, _)| match item {
            Setting::Text(text) => Some(text.as_str()),
            _ => None,
        });
        Some(texts.collect())
    }

    /// A table as written; `None` if it was not given.
    pub fn table(&self, name: &str) -> Option<&BTreeMap<String, (Setting, Origin)>> {
        match self.values.get(name) {
            Some((Setting::Table(table), _)) => Some(table),
            _ => None,
        }
    }

    fn default_of(&self, name: &str) -> Option<&'static str> {
        self.specs.iter().find(|spec| spec.name == name)?.default
    }
}

fn unknown_option(name: &str, specs: &'static [OptionSpec], origin: &Origin) -> Error {
    let known: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known options: {}", known.join(", ")),
    };
    Error::config(format!("{origin}: unknown option `{name}`")).with_hint(hint)
}

/// One catalog as configured: a connector's name and its options.
#[derive(Debug, Clone)]
pub struct CatalogConfig {
    /// The first part of `catalog.schema.table`.
    pub name: String,
    /// Which connector.
    pub connector: String,
    /// Its checked options.
    pub options: Options,
    /// Where it was written.
    pub origin: Origin,
}
