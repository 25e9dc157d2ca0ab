//! Column types written in the configuration.

use headwater_core::config::{Origin, Setting};
use headwater_core::{Error, Result, name::nearest};
use std::collections::BTreeMap;

/// A type a person may declare for an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeclaredType {
    Text,
    Int64,
    Float64,
    Decimal { precision: u8, scale: i8 },
    Boolean,
    Binary,
    Timestamp,
    Date,
    Json,
}

const NAMES: [&str; 9] = ["text", "int64", "float64", "decimal", "boolean", "binary", "timestamp", "date", "json"];

impl DeclaredType {
    /// Reads `text`, `decimal(12,2)` and so on; `None` for anything else.
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "text" => Self::Text,
            "int64" => Self::Int64,
            "float64" => Self::Float64,
            "boolean" => Self::Boolean,
            "binary" => Self::Binary,
            "timestamp" => Self::Timestamp,
            "date" => Self::Date,
            "json" => Self::Json,
            _ => return Self::parse_decimal(text),
        })
    }

    fn parse_decimal(text: &str) -> Option<Self> {
        let (precision, scale) = text.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
        let (precision, scale): (u8, i8) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
        let sound = (1..=38).contains(&precision) && scale >= 0 && scale.unsigned_abs() <= precision;
        sound.then_some(Self::Decimal { precision, scale })
    }
}

/// The declared columns of every table that has any, in the order of their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeclaredTables {
    tables: BTreeMap<String, BTreeMap<String, (DeclaredType, Origin)>>,
}

impl DeclaredTables {
    /// Checks the option `tables`.
    ///
    /// # Errors
    /// `Config` with the place and the nearest known word.
    pub(crate) fn parse(settings: &BTreeMap<String, (Setting, Origin)>) -> Result<Self> {
        let mut tables = BTreeMap::new();
        for (table, setting) in settings {
            let section = entries(setting, &format!("tables.{table}"))?;
            for (key, (_, origin)) in section {
                if key != "columns" && !super::limits::TABLE_KEYS.contains(&key.as_str()) {
                    let error = Error::config(format!("{origin}: unknown key `{key}` of table {table}"));
                    let near = nearest(key, ["columns"].iter().copied());
                    return Err(error.with_hint(match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "a table's section holds `columns` alone".to_owned(),
                    }));
                }
            }
            let columns = section.get("columns").map(|setting| columns(table, setting)).transpose()?;
            tables.insert(table.clone(), columns.unwrap_or_default());
        }
        Ok(Self { tables })
    }

    /// The declared columns of a table, by name.
    pub(crate) fn of(&self, table: &str) -> impl Iterator<Item = (&str, DeclaredType, &Origin)> {
        let columns = self.tables.get(table).into_iter().flatten();
        columns.map(|(name, (declared, origin))| (name.as_str(), *declared, origin))
    }
}

fn entries<'a>(
    (setting, origin): &'a (Setting, Origin),
    path: &str,
) -> Result<&'a BTreeMap<String, (Setting, Origin)>> {
    match setting {
        Setting::Table(table) => Ok(table),
        other => Err(Error::config(format!("{origin}: `{path}` must be a table, not {}", other.label()))),
    }
}

fn columns(table: &str, setting: &(Setting, Origin)) -> Result<BTreeMap<String, (DeclaredType, Origin)>> {
    let mut columns = BTreeMap::new();
    for (name, (setting, origin)) in entries(setting, &format!("tables.{table}.columns"))? {
        let Setting::Text(text) = setting else {
            let message = format!("{origin}: the type of column {name} must be text, not {}", setting.label());
            return Err(Error::config(message).with_hint(known_types(None)));
        };
        let Some(declared) = DeclaredType::parse(text) else {
            let message = format!("{origin}: column {name} has the unknown type `{text}`");
            return Err(Error::config(message).with_hint(known_types(Some(text))));
        };
        columns.insert(name.clone(), (declared, origin.clone()));
    }
    Ok(columns)
}

fn known_types(given: Option<&str>) -> String {
    let word = given.map(|text| text.split('(').next().unwrap_or(text));
    match word.and_then(|word| nearest(word, NAMES.iter().copied())) {
        Some("decimal") => "a decimal is written decimal(PRECISION,SCALE), at most 38 digits: decimal(12,2)".to_owned(),
        Some(near) => format!("did you mean `{near}`?"),
        None => "known types: text, int64, float64, decimal(p,s), boolean, binary, timestamp, date, json".to_owned(),
    }
}

/// A key as TOML wants it: bare if it can be, else quoted.
pub(crate) fn quoted_key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(setting: Setting) -> (Setting, Origin) {
        (setting, Origin { source: "headwater.toml".to_owned(), line: Some(7) })
    }

    fn table(key: &str, column_type: &str) -> BTreeMap<String, (Setting, Origin)> {
        let columns = BTreeMap::from([("at".to_owned(), setting(Setting::Text(column_type.to_owned())))]);
        let section = BTreeMap::from([(key.to_owned(), setting(Setting::Table(columns)))]);
        BTreeMap::from([("items".to_owned(), setting(Setting::Table(section)))])
    }

    #[test]
    fn declared_types_are_read() {
        let tables = DeclaredTables::parse(&table("columns", "decimal(12, 2)")).unwrap();
        let columns: Vec<_> = tables.of("items").map(|(name, declared, _)| (name, declared)).collect();
        assert_eq!(columns, [("at", DeclaredType::Decimal { precision: 12, scale: 2 })]);
        assert_eq!(tables.of("other").count(), 0);
    }

    #[test]
    fn a_wrong_word_is_answered_with_place_and_nearest_word() {
        let error = DeclaredTables::parse(&table("colums", "text")).unwrap_err();
        assert_eq!(error.to_string(), "headwater.toml:7: unknown key `colums` of table items");
        assert_eq!(error.hint(), Some("did you mean `columns`?"));
        let error = DeclaredTables::parse(&table("columns", "timestmap")).unwrap_err();
        assert_eq!(error.to_string(), "headwater.toml:7: column at has the unknown type `timestmap`");
        assert_eq!(error.hint(), Some("did you mean `timestamp`?"));
        let error = DeclaredTables::parse(&table("columns", "decimal(40,2)")).unwrap_err();
        assert!(error.hint().unwrap().contains("at most 38"));
    }
}
