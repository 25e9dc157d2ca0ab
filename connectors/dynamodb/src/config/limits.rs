//! How much may be asked of tables, and how: budgets, the capacity of a query, consistency.

use headwater_core::config::{Options, Origin, Setting};
use headwater_core::{Error, Result};
use std::collections::BTreeMap;

/// What a table's section may hold of these, beside its columns.
pub(crate) const TABLE_KEYS: [&str; 4] = [UNITS, REQUESTS, CONSISTENT, super::exports::EXPORT];

const UNITS: &str = "read_units_per_second";
const REQUESTS: &str = "requests_per_second";
const CONSISTENT: &str = "consistent_reads";
const PER_QUERY: &str = "max_read_units_per_query";
const MOST: i64 = 1_000_000_000;

/// What all readers of one thing together may take. `None`: as much as it gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) units_per_second: Option<u32>,
    pub(crate) requests_per_second: Option<u32>,
}

/// The limits of a catalog and of those of its tables that have their own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    pub(crate) catalog: Budget,
    /// Read capacity units that one query may take from the catalog.
    pub(crate) units_per_query: Option<u32>,
    consistent: bool,
    tables: BTreeMap<String, TableLimits>,
}

#[derive(Debug, Clone, Copy, Default)]
struct TableLimits {
    budget: Budget,
    consistent: Option<bool>,
}

impl Limits {
    /// Reads the catalog's options and the tables' sections.
    ///
    /// # Errors
    /// `Config` with the place, for a value of the wrong kind or out of range.
    pub(crate) fn parse(options: &Options) -> Result<Self> {
        let number = |name| options.integer(name).map(|_| options.integer_within(name, 1..=MOST)).transpose();
        let number = |name| number(name).map(|found| found.and_then(|number| u32::try_from(number).ok()));
        let catalog = Budget { units_per_second: number(UNITS)?, requests_per_second: number(REQUESTS)? };
        let mut tables = BTreeMap::new();
        for (table, (setting, _)) in options.table("tables").into_iter().flatten() {
            if let Setting::Table(section) = setting {
                tables.insert(table.clone(), TableLimits::parse(table, section)?);
            }
        }
        let consistent = options.boolean(CONSISTENT).unwrap_or(false);
        Ok(Self { catalog, units_per_query: number(PER_QUERY)?, consistent, tables })
    }

    /// Whether a table is read strongly consistently.
    pub(crate) fn consistent(&self, table: &str) -> bool {
        self.tables.get(table).and_then(|limits| limits.consistent).unwrap_or(self.consistent)
    }

    /// The budgets of the tables that have one.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, Budget)> {
        let tables = self.tables.iter().map(|(name, limits)| (name.as_str(), limits.budget));
        tables.filter(|(_, budget)| *budget != Budget::default())
    }
}

impl TableLimits {
    fn parse(table: &str, section: &BTreeMap<String, (Setting, Origin)>) -> Result<Self> {
        let consistent = match section.get(CONSISTENT) {
            None => None,
            Some((Setting::Boolean(truth), _)) => Some(*truth),
            Some((other, origin)) => return Err(wrong(table, CONSISTENT, "true or false", other, origin)),
        };
        let number = |key| number(table, key, section);
        let budget = Budget { units_per_second: number(UNITS)?, requests_per_second: number(REQUESTS)? };
        Ok(Self { budget, consistent })
    }
}

fn number(table: &str, key: &str, section: &BTreeMap<String, (Setting, Origin)>) -> Result<Option<u32>> {
    match section.get(key) {
        None => Ok(None),
        Some((Setting::Integer(number), _)) if (1..=MOST).contains(number) => Ok(u32::try_from(*number).ok()),
        Some((other, origin)) => Err(wrong(table, key, "a whole number from 1", other, origin)),
    }
}

fn wrong(table: &str, key: &str, wanted: &str, given: &Setting, origin: &Origin) -> Error {
    let given = match given {
        Setting::Integer(number) => number.to_string(),
        other => other.label().to_owned(),
    };
    Error::config(format!("{origin}: {key} of table {table} must be {wanted}, not {given}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(key: &str, setting: Setting) -> BTreeMap<String, (Setting, Origin)> {
        let origin = Origin { source: "headwater.toml".to_owned(), line: Some(9) };
        BTreeMap::from([(key.to_owned(), (setting, origin))])
    }

    #[test]
    fn a_table_has_limits_of_its_own() {
        let limits = TableLimits::parse("items", &section(UNITS, Setting::Integer(50))).unwrap();
        assert_eq!(limits.budget, Budget { units_per_second: Some(50), requests_per_second: None });
        let tables = BTreeMap::from([("items".to_owned(), TableLimits { consistent: Some(true), ..limits })]);
        let limits = Limits { tables, ..Limits::default() };
        assert!(limits.consistent("items") && !limits.consistent("others"));
        assert_eq!(limits.tables().count(), 1);
    }

    #[test]
    fn a_wrong_value_is_told_with_its_place() {
        let error = TableLimits::parse("items", &section(REQUESTS, Setting::Integer(0))).unwrap_err();
        let text = "headwater.toml:9: requests_per_second of table items must be a whole number from 1, not 0";
        assert_eq!(error.to_string(), text);
        let error = TableLimits::parse("items", &section(CONSISTENT, Setting::Integer(1))).unwrap_err();
        assert!(error.to_string().contains("must be true or false"), "{error}");
    }
}
