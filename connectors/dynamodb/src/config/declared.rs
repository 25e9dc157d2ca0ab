//! Columns written in the configuration.
//!
//! ```toml
//! [catalogs.events.tables.Orders]
//! complete = true                                   # these columns and the key are all there are: nothing is sampled
//!
//! [catalogs.events.tables.Orders.columns]
//! at = "timestamp(epoch_ms)"
//! zip = { attribute = "Zip.Code", type = "text" }   # the attribute has another name
//! note = { attribute = "Note" }                     # the type is that of the sample
//! ```

use super::limits;
use crate::convert::{ColumnType, known_types};
use headwater_core::config::{Origin, Setting, quoted_key, quoted_text};
use headwater_core::{Error, Result, name::nearest};
use std::collections::BTreeMap;

type Settings = BTreeMap<String, (Setting, Origin)>;

/// One declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredColumn {
    pub(crate) name: String,
    pub(crate) attribute: String,
    /// `None`: that of the sample.
    pub(crate) kind: Option<ColumnType>,
    pub(crate) origin: Origin,
}

/// What is declared of one table.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeclaredTable {
    /// Whether there are no other columns than these and the key.
    pub(crate) complete: bool,
    /// Sorted by name.
    pub(crate) columns: Vec<DeclaredColumn>,
}

/// Every table that anything is declared of.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeclaredTables {
    tables: BTreeMap<String, DeclaredTable>,
}

/// What a table's section may hold beside its limits.
const TABLE_KEYS: [&str; 2] = ["columns", "complete"];
const COLUMN_KEYS: [&str; 2] = ["attribute", "type"];

impl DeclaredTables {
    /// Checks the option `tables`.
    ///
    /// # Errors
    /// `Config` with the place and the nearest known word.
    pub(crate) fn parse(settings: &Settings) -> Result<Self> {
        let parse = |(name, setting)| Ok((String::clone(name), table(name, setting)?));
        Ok(Self { tables: settings.iter().map(parse).collect::<Result<_>>()? })
    }

    /// What is declared of a table; nothing, if it is not named.
    pub(crate) fn of(&self, table: &str) -> DeclaredTable {
        self.tables.get(table).cloned().unwrap_or_default()
    }
}

fn table(name: &str, setting: &(Setting, Origin)) -> Result<DeclaredTable> {
    let section = entries(setting, &format!("tables.{name}"))?;
    check_keys(section, &[&TABLE_KEYS[..], &limits::TABLE_KEYS].concat(), &format!("of table {name}"))?;
    let complete = match section.get("complete") {
        None => false,
        Some((Setting::Boolean(complete), _)) => *complete,
        Some((other, origin)) => {
            let message = format!("{origin}: `complete` of table {name} must be true or false, not {}", other.label());
            return Err(Error::config(message));
        }
    };
    let columns = section.get("columns").map(|setting| columns(name, setting)).transpose()?.unwrap_or_default();
    if let Some(untyped) = columns.iter().find(|column| complete && column.kind.is_none()) {
        let (origin, column) = (&untyped.origin, &untyped.name);
        return Err(Error::config(format!("{origin}: column {column} needs a type, as table {name} is complete"))
            .with_hint("nothing is sampled of a complete table; add `type = \"…\"`"));
    }
    Ok(DeclaredTable { complete, columns })
}

fn columns(table: &str, setting: &(Setting, Origin)) -> Result<Vec<DeclaredColumn>> {
    let section = entries(setting, &format!("tables.{table}.columns"))?;
    section.iter().map(|(name, (setting, origin))| column(name, setting, origin)).collect()
}

fn column(name: &str, setting: &Setting, origin: &Origin) -> Result<DeclaredColumn> {
    let declared = |attribute: &str, kind| DeclaredColumn {
        name: name.to_owned(),
        attribute: attribute.to_owned(),
        kind,
        origin: origin.clone(),
    };
    match setting {
        Setting::Text(text) => Ok(declared(name, Some(column_type(name, text, origin)?))),
        Setting::Table(section) => {
            check_keys(section, &COLUMN_KEYS, &format!("of column {name}"))?;
            let kind = text_of(section, "type", name)?.map(|text| column_type(name, text, origin)).transpose()?;
            Ok(declared(text_of(section, "attribute", name)?.unwrap_or(name), kind))
        }
        other => {
            let message = format!("{origin}: the type of column {name} must be text, not {}", other.label());
            Err(Error::config(message).with_hint(known_types()))
        }
    }
}

fn column_type(name: &str, text: &str, origin: &Origin) -> Result<ColumnType> {
    let unknown = || Error::config(format!("{origin}: column {name} has the unknown type `{text}`"));
    ColumnType::parse(text).map_err(|hint| unknown().with_hint(hint))
}

fn text_of<'a>(section: &'a Settings, key: &str, column: &str) -> Result<Option<&'a str>> {
    match section.get(key) {
        None => Ok(None),
        Some((Setting::Text(text), _)) => Ok(Some(text)),
        Some((other, origin)) => {
            Err(Error::config(format!("{origin}: `{key}` of column {column} must be text, not {}", other.label())))
        }
    }
}

fn check_keys(section: &Settings, known: &[&'static str], of: &str) -> Result<()> {
    let Some((key, (_, origin))) = section.iter().find(|(key, _)| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    let hint = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there may be: {}", known.join(", ")),
    };
    Err(Error::config(format!("{origin}: unknown key `{key}` {of}")).with_hint(hint))
}

fn entries<'a>((setting, origin): &'a (Setting, Origin), path: &str) -> Result<&'a Settings> {
    match setting {
        Setting::Table(table) => Ok(table),
        other => Err(Error::config(format!("{origin}: `{path}` must be a table, not {}", other.label()))),
    }
}

/// The line that declares a column, as it stands below `[catalogs.CATALOG.tables.TABLE.columns]`.
pub(crate) fn declaration(name: &str, attribute: &str, kind: &ColumnType) -> String {
    let (key, kind) = (quoted_key(name), quoted_text(&kind.to_string()));
    if attribute == name {
        return format!("{key} = {kind}");
    }
    format!("{key} = {{ attribute = {}, type = {kind} }}", quoted_text(attribute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_line_7(setting: Setting) -> (Setting, Origin) {
        (setting, Origin { source: "headwater.toml".to_owned(), line: Some(7) })
    }

    fn text(text: &str) -> (Setting, Origin) {
        at_line_7(Setting::Text(text.to_owned()))
    }

    fn section<const N: usize>(entries: [(&str, (Setting, Origin)); N]) -> (Setting, Origin) {
        at_line_7(Setting::Table(entries.into_iter().map(|(key, setting)| (key.to_owned(), setting)).collect()))
    }

    fn parsed(key: &str, column: (Setting, Origin)) -> Result<DeclaredTable> {
        let table = section([(key, section([("at", column)]))]);
        Ok(DeclaredTables::parse(&BTreeMap::from([("items".to_owned(), table)]))?.of("items"))
    }

    #[test]
    fn columns_are_read_with_or_without_an_attribute_of_another_name() {
        let columns = parsed("columns", text("decimal(12, 2)")).unwrap().columns;
        let [plain] = columns.as_slice() else { panic!("{columns:?}") };
        assert_eq!((plain.name.as_str(), plain.attribute.as_str()), ("at", "at"));
        assert_eq!(plain.kind, Some(ColumnType::Decimal { precision: 12, scale: 2 }));
        let mapped = section([("attribute", text("At.Time")), ("type", text("date"))]);
        let columns = parsed("columns", mapped).unwrap().columns;
        assert_eq!(columns[0].attribute, "At.Time");
        let untyped = parsed("columns", section([("attribute", text("At"))])).unwrap();
        assert_eq!(untyped.columns[0].kind, None);
        assert!(!untyped.complete);
    }

    #[test]
    fn a_wrong_word_is_answered_with_place_and_nearest_word() {
        let wrong = |key: &str, column| {
            let error = parsed(key, column).unwrap_err();
            (error.to_string(), error.hint().unwrap_or_default().to_owned())
        };
        let (message, hint) = wrong("colums", text("text"));
        assert_eq!(message, "headwater.toml:7: unknown key `colums` of table items");
        assert_eq!(hint, "did you mean `columns`?");
        let (message, hint) = wrong("columns", text("timestmap"));
        assert_eq!(message, "headwater.toml:7: column at has the unknown type `timestmap`");
        assert_eq!(hint, "did you mean `timestamp`?");
        let (message, hint) = wrong("columns", section([("attribut", text("x"))]));
        assert_eq!(message, "headwater.toml:7: unknown key `attribut` of column at");
        assert_eq!(hint, "did you mean `attribute`?");
        let (message, _) = wrong("columns", section([("type", at_line_7(Setting::Integer(1)))]));
        assert_eq!(message, "headwater.toml:7: `type` of column at must be text, not a whole number");
    }

    #[test]
    fn a_complete_table_leaves_no_type_open() {
        let columns = section([("at", section([("attribute", text("At"))]))]);
        let table = section([("complete", at_line_7(Setting::Boolean(true))), ("columns", columns)]);
        let error = DeclaredTables::parse(&BTreeMap::from([("items".to_owned(), table)])).unwrap_err();
        assert_eq!(error.to_string(), "headwater.toml:7: column at needs a type, as table items is complete");
    }

    #[test]
    fn declarations_are_toml() {
        let kind = |text| ColumnType::parse(text).unwrap();
        assert_eq!(declaration("at", "at", &kind("date")), "at = \"date\"");
        assert_eq!(declaration("a b", "a b", &kind("struct(\"x y\" text)")), "\"a b\" = 'struct(\"x y\" text)'");
        assert_eq!(
            declaration("zip", "Zip.\"Code", &kind("text")),
            "zip = { attribute = 'Zip.\"Code', type = \"text\" }"
        );
    }
}
