//! Names of tables, and the nearest name when one is wrong.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A table inside a catalog: the last two parts of `catalog.schema.table`, spelled as the source spells them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// Schema, for example `public`.
    pub schema: String,
    /// Table, view or file set.
    pub table: String,
}

impl TableName {
    /// Both parts.
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self { schema: schema.into(), table: table.into() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// The candidate that looks most like `wanted`, or `None` when nothing is close enough to be helpful.
///
/// Case differences count as nothing, so a name that only differs in case is always found.
pub fn nearest<'a, S>(wanted: &str, candidates: impl IntoIterator<Item = &'a S>) -> Option<&'a str>
where
    S: 'a + AsRef<str> + ?Sized,
{
    let wanted = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let likeness = strsim::jaro_winkler(&wanted, &candidate.as_ref().to_lowercase());
            (likeness, candidate.as_ref())
        })
        // 0.75: `emial`/`email` scores 0.94, `userz`/`users` 0.92, unrelated words of like length stay below 0.7.
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_is_offered_and_nonsense_is_not() {
        let names = ["email", "country", "created_at"];
        assert_eq!(nearest("emial", &names), Some("email"));
        assert_eq!(nearest("EMAIL", &names), Some("email"));
        assert_eq!(nearest("zzz", &names), None);
    }
}
