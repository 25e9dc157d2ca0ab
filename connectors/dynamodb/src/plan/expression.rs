//! DynamoDB's expressions: every name and value by an alias, and never past the limits.

use super::request::ReadParameters;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashSet};

/// Longest expression: 4 KB ("Service, account, and table quotas").
pub(super) const MAX_EXPRESSION_BYTES: usize = 4_096;
/// Most operators and functions in an expression.
pub(super) const MAX_OPERATORS: usize = 300;
/// Most operands of one `IN`.
pub(super) const MAX_IN_OPERANDS: usize = 100;

/// Aliases of one request. A name must be aliased if it is a reserved word or holds `.`, `#`, blanks and so on; there
/// are 573 reserved words and more to come, so all are.
#[derive(Debug, Clone, Default)]
pub(super) struct Aliases {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Json>,
}

impl Aliases {
    /// The alias of an attribute name.
    pub(super) fn name(&mut self, attribute: &str) -> String {
        if let Some((alias, _)) = self.names.iter().find(|(_, name)| *name == attribute) {
            return alias.clone();
        }
        let alias = format!("#n{}", self.names.len());
        self.names.insert(alias.clone(), attribute.to_owned());
        alias
    }

    /// The alias of an attribute, or of an entry within its maps.
    pub(super) fn path(&mut self, attributes: &[String]) -> String {
        let names: Vec<String> = attributes.iter().map(|attribute| self.name(attribute)).collect();
        names.join(".")
    }

    /// The alias of a value; equal values share one.
    pub(super) fn value(&mut self, value: Json) -> String {
        if let Some((alias, _)) = self.values.iter().find(|(_, known)| **known == value) {
            return alias.clone();
        }
        let alias = format!(":v{}", self.values.len());
        self.values.insert(alias.clone(), value);
        alias
    }

    /// Aliases of all projected attributes, or `None` if that is longer than DynamoDB takes.
    pub(super) fn projection(&mut self, attributes: &[String]) -> Option<String> {
        let before = self.names.clone();
        // Linear look-up is for the few names of a filter; a projection of 400 columns needs an index.
        let mut known: BTreeMap<String, String> = before.iter().map(|(a, n)| (n.clone(), a.clone())).collect();
        let mut expression = String::new();
        for attribute in attributes {
            let next = format!("#n{}", known.len());
            let alias = known.entry(attribute.clone()).or_insert(next);
            self.names.insert(alias.clone(), attribute.clone());
            if !expression.is_empty() {
                expression.push_str(", ");
            }
            expression.push_str(alias);
        }
        if expression.len() <= MAX_EXPRESSION_BYTES {
            return Some(expression);
        }
        self.names = before;
        None
    }

    /// Writes the aliases that a request's expressions use into it: DynamoDB rejects unused ones.
    pub(super) fn store(mut self, parameters: &mut ReadParameters) {
        let expressions = [&parameters.filter_expression, &parameters.projection_expression];
        let used: HashSet<&str> = expressions.into_iter().flatten().flat_map(|text| aliases_in(text)).collect();
        self.names.retain(|alias, _| used.contains(alias.as_str()));
        self.values.retain(|alias, _| used.contains(alias.as_str()));
        parameters.expression_attribute_names = self.names;
        parameters.expression_attribute_values = self.values;
    }
}

/// Everything in an expression that begins with `#` or `:`.
fn aliases_in(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '#' | ':'));
    words.filter(|word| word.starts_with(['#', ':']))
}

/// A condition on items, simplified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// Holds for every item.
    Always,
    /// Holds for none.
    Never,
    /// An expression of so many operators and functions, safe as an operand of `AND`, `OR` and `NOT`.
    Test { text: String, operators: usize },
}

impl Condition {
    /// A test with its number of operators and functions.
    pub(super) fn test(text: String, operators: usize) -> Self {
        Self::Test { text, operators }
    }

    /// All of the parts hold.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        Self::joined(parts, " AND ", Self::Never, Self::Always)
    }

    /// At least one of the parts holds.
    pub(super) fn any(parts: Vec<Self>) -> Self {
        Self::joined(parts, " OR ", Self::Always, Self::Never)
    }

    /// `deciding` ends it, `neutral` parts vanish.
    fn joined(parts: Vec<Self>, word: &str, deciding: Self, neutral: Self) -> Self {
        if parts.contains(&deciding) {
            return deciding;
        }
        let (mut texts, mut total) = (Vec::new(), 0);
        for part in parts {
            if let Self::Test { text, operators } = part {
                texts.push(text);
                total += operators;
            }
        }
        match texts.as_slice() {
            [] => neutral,
            [one] => Self::test(one.clone(), total),
            many => Self::test(format!("({})", many.join(word)), total + many.len() - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_vanish_from_conditions() {
        let test = || Condition::test("#n0 = :v0".to_owned(), 1);
        assert_eq!(Condition::all(vec![test(), Condition::Always]), test());
        assert_eq!(Condition::all(vec![test(), Condition::Never]), Condition::Never);
        assert_eq!(Condition::any(vec![]), Condition::Never);
        assert_eq!(Condition::all(vec![]), Condition::Always);
        assert_eq!(Condition::any(vec![test(), test()]), Condition::test("(#n0 = :v0 OR #n0 = :v0)".to_owned(), 3));
    }

    #[test]
    fn a_projection_too_long_leaves_no_alias_behind() {
        let mut aliases = Aliases::default();
        let many: Vec<String> = (0..700).map(|n| format!("attribute {n}")).collect();
        assert_eq!(aliases.projection(&many), None);
        assert!(aliases.names.is_empty());
        assert_eq!(aliases.projection(&many[..2]).as_deref(), Some("#n0, #n1"));
    }
}
