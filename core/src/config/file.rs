//! `headwater.toml`, read strictly.

use super::options::{Origin, Setting};
use super::reference::{Environment, resolve};
use crate::{Error, Result, name::nearest};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const TOP_LEVEL: &[&str] = &["version", "catalogs"];
const VERSION: i64 = 1;

/// What a configuration file says, before any connector has checked its part.
#[derive(Clone, Default)]
pub struct ConfigFile {
    /// Catalogs by name: connector, remaining settings, and where it was written.
    pub catalogs: BTreeMap<String, RawCatalog>,
}

/// A catalog's section as written.
#[derive(Clone)]
pub struct RawCatalog {
    /// The value of `connector`.
    pub connector: String,
    /// All other settings.
    pub settings: BTreeMap<String, (Setting, Origin)>,
    /// The section's place.
    pub origin: Origin,
}

impl std::fmt::Debug for ConfigFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.catalogs.keys()).finish()
    }
}

impl std::fmt::Debug for RawCatalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawCatalog").field("connector", &self.connector).finish_non_exhaustive()
    }
}

/// Parses the text of a configuration file; `source` names it in messages.
///
/// # Errors
/// `Config` with file and line: bad TOML, an unknown key, a missing `version` or `connector`, a reference that cannot
/// be resolved.
pub fn parse_config(source: &str, text: &str, environment: &dyn Environment) -> Result<ConfigFile> {
    let reader = Reader { source, text, environment };
    let root = DeTable::parse(text).map_err(|error| reader.syntax_error(&error))?;
    reader.root(root.get_ref())
}

struct Reader<'a> {
    source: &'a str,
    text: &'a str,
    environment: &'a dyn Environment,
}

type Table<'a> = BTreeMap<String, (&'a Spanned<DeValue<'a>>, Origin)>;

impl Reader<'_> {
    fn root(&self, table: &DeTable<'_>) -> Result<ConfigFile> {
        let table = self.entries(table);
        for (key, (_, origin)) in &table {
            if !TOP_LEVEL.contains(&key.as_str()) {
                return Err(unknown_key(key, TOP_LEVEL, origin));
            }
        }
        self.check_version(table.get("version").map(|(value, origin)| (*value, origin)))?;
        let mut catalogs = BTreeMap::new();
        if let Some((value, origin)) = table.get("catalogs") {
            let DeValue::Table(sections) = value.get_ref() else {
                return Err(Error::config(format!("{origin}: `catalogs` must be a table of catalogs")));
            };
            for (name, (section, origin)) in self.entries(sections) {
                let catalog = self.catalog(&name, section, origin)?;
                catalogs.insert(name, catalog);
            }
        }
        Ok(ConfigFile { catalogs })
    }

    fn check_version(&self, version: Option<(&Spanned<DeValue<'_>>, &Origin)>) -> Result<()> {
        let Some((value, origin)) = version else {
            return Err(Error::config(format!("{}: `version` is missing", self.source))
                .with_hint(format!("write `version = {VERSION}` on the first line")));
        };
        match self.setting(value.get_ref(), origin)? {
            Setting::Integer(VERSION) => Ok(()),
            _ => Err(Error::config(format!("{origin}: this program reads version {VERSION} of the configuration"))),
        }
    }

    fn catalog(&self, name: &str, section: &Spanned<DeValue<'_>>, origin: Origin) -> Result<RawCatalog> {
        let in_catalog = |error: Error| error.with_catalog(name);
        let DeValue::Table(section) = section.get_ref() else {
            return Err(in_catalog(Error::config(format!("{origin}: catalog {name} must be a table"))));
        };
        let mut settings = BTreeMap::new();
        for (key, (value, origin)) in self.entries(section) {
            let setting = self.setting(value.get_ref(), &origin).map_err(in_catalog)?;
            settings.insert(key, (setting, origin));
        }
        match settings.remove("connector") {
            Some((Setting::Text(connector), _)) => Ok(RawCatalog { connector, settings, origin }),
            Some((_, origin)) => Err(in_catalog(Error::config(format!("{origin}: `connector` must be text")))),
            None => Err(in_catalog(
                Error::config(format!("{origin}: catalog {name} names no connector"))
                    .with_hint("add a line such as `connector = \"postgres\"`"),
            )),
        }
    }

    fn entries<'t>(&self, table: &'t DeTable<'t>) -> Table<'t> {
        let entry = |(key, value): (&'t Spanned<toml::de::DeString<'t>>, _)| {
            (key.get_ref().to_string(), (value, self.origin(key.span().start)))
        };
        table.iter().map(entry).collect()
    }

    fn setting(&self, value: &DeValue<'_>, origin: &Origin) -> Result<Setting> {
        Ok(match value {
            DeValue::String(text) => {
                let (text, _) = resolve(text, self.environment).map_err(|error| prefixed(&error, origin))?;
                Setting::Text(text)
            }
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Setting::Integer(number),
                Err(_) => return Err(Error::config(format!("{origin}: number {number} is out of range"))),
            },
            DeValue::Boolean(truth) => Setting::Boolean(*truth),
            DeValue::Array(items) => {
                let item = |item: &Spanned<DeValue<'_>>| {
                    let origin = self.origin(item.span().start);
                    Ok((self.setting(item.get_ref(), &origin)?, origin))
                };
                Setting::List(items.iter().map(item).collect::<Result<_>>()?)
            }
            DeValue::Table(table) => {
                let mut settings = BTreeMap::new();
                for (key, (value, origin)) in self.entries(table) {
                    let setting = self.setting(value.get_ref(), &origin)?;
                    settings.insert(key, (setting, origin));
                }
                Setting::Table(settings)
            }
            DeValue::Float(_) => Setting::Other("a number with a fraction"),
            DeValue::Datetime(_) => Setting::Other("a date"),
        })
    }

    fn origin(&self, offset: usize) -> Origin {
        let line = self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        Origin { source: self.source.to_owned(), line: Some(line) }
    }

    /// The parser's own words without its excerpt of the file, which may show a password.
    fn syntax_error(&self, error: &toml::de::Error) -> Error {
        let origin = self.origin(error.span().map_or(0, |span| span.start));
        Error::config(format!("{origin}: not valid TOML: {}", error.message()))
    }
}

fn prefixed(error: &Error, origin: &Origin) -> Error {
    let located = Error::config(format!("{origin}: {error}"));
    match error.hint() {
        Some(hint) => located.with_hint(hint),
        None => located,
    }
}

fn unknown_key(key: &str, known: &[&str], origin: &Origin) -> Error {
    let hint = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known keys: {}", known.join(", ")),
    };
    Error::config(format!("{origin}: unknown key `{key}`")).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    struct Empty;

    impl Environment for Empty {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }

        fn read_file(&self, _: &Path) -> std::io::Result<String> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }

    fn error_of(text: &str) -> Error {
        parse_config("h.toml", text, &Empty).unwrap_err()
    }

    #[test]
    fn a_catalog_keeps_its_settings_with_their_lines() {
        let text = "version = 1\n[catalogs.crm]\nconnector = \"postgres\"\npool = 4\n";
        let config = parse_config("h.toml", text, &Empty).unwrap();
        let crm = config.catalogs.get("crm").unwrap();
        assert_eq!(crm.connector, "postgres");
        let (setting, origin) = crm.settings.get("pool").unwrap();
        assert!(matches!(setting, Setting::Integer(4)));
        assert_eq!(origin.to_string(), "h.toml:4");
    }

    #[test]
    fn typos_are_named_with_their_line_and_the_nearest_key() {
        let error = error_of("version = 1\n\n[catalog.crm]\nconnector = \"postgres\"\n");
        assert_eq!(error.to_string(), "h.toml:3: unknown key `catalog`");
        assert_eq!(error.hint(), Some("did you mean `catalogs`?"));
    }

    #[test]
    fn an_unresolved_reference_names_catalog_and_line() {
        let error = error_of("version = 1\n[catalogs.crm]\nconnector = \"x\"\npassword = \"${env:NOPE}\"");
        assert_eq!(error.catalog(), Some("crm"));
        assert!(error.to_string().starts_with("h.toml:4: environment variable NOPE"), "{error}");
    }

    #[test]
    fn a_syntax_error_never_shows_the_line_it_is_on() {
        let error = error_of("version = 1\n[catalogs.crm]\npassword = \"hunter2");
        assert!(error.to_string().starts_with("h.toml:3: not valid TOML"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn the_version_is_required() {
        assert!(error_of("").hint().unwrap().contains("version = 1"));
        assert!(error_of("version = 2").to_string().contains("h.toml:1"));
    }
}
