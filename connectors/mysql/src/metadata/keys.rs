//! The keys and indexes of a table.

use super::rows::Fields;
use headwater_core::{KeyRole, Result, TableKey};
use std::collections::{BTreeMap, BTreeSet};

/// One row per column of an index.
pub(super) const QUERY: &str = "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART, \
    INDEX_TYPE, CARDINALITY, SEQ_IN_INDEX FROM information_schema.STATISTICS";

pub(super) const ORDER: &str = " ORDER BY INDEX_NAME <> 'PRIMARY', NON_UNIQUE, INDEX_NAME, SEQ_IN_INDEX";

/// What the indexes tell.
#[derive(Default)]
pub(super) struct Found {
    pub(super) keys: Vec<TableKey>,
    /// About how many different values a column has, if an index begins with it.
    pub(super) distinct: BTreeMap<String, u64>,
}

/// Left out: indexes of expressions, of words and of shapes. An index of only the beginnings of values finds them, but
/// its uniqueness is not the values'; a key with a column that may be NULL is no primary key.
pub(super) fn parse(rows: &[Fields], nullable: &BTreeSet<String>) -> Result<Found> {
    let (mut found, mut left_out) = (Found::default(), BTreeSet::new());
    for row in rows {
        let name = row.text(2)?;
        let (column, kind) = (row.optional_text(4)?, row.text(6)?);
        let (Some(column), "BTREE" | "HASH") = (column, kind.as_str()) else {
            left_out.insert(name);
            continue;
        };
        let unique = row.number(3)? == Some(0) && row.number(5)?.is_none();
        if let (Some(1), Some(distinct)) = (row.number(8)?, row.number(7)?) {
            found.distinct.insert(column.clone(), distinct);
        }
        let role = match (unique, name.as_str()) {
            (true, "PRIMARY") if !nullable.contains(&column) => KeyRole::Primary,
            (true, _) => KeyRole::Unique,
            (false, _) => KeyRole::Index,
        };
        match found.keys.last_mut().filter(|key| key.name.as_ref() == Some(&name)) {
            Some(key) => {
                key.columns.push(column);
                key.role = weaker(key.role, role);
            }
            None => found.keys.push(TableKey { name: Some(name), columns: vec![column], role }),
        }
    }
    found.keys.retain(|key| key.name.as_ref().is_none_or(|name| !left_out.contains(name)));
    Ok(found)
}

fn weaker(a: KeyRole, b: KeyRole) -> KeyRole {
    match (a, b) {
        (KeyRole::Index, _) | (_, KeyRole::Index) => KeyRole::Index,
        (KeyRole::Unique, _) | (_, KeyRole::Unique) => KeyRole::Unique,
        (KeyRole::Primary, KeyRole::Primary) => KeyRole::Primary,
    }
}
