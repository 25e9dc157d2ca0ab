//! SQL text that only safe pieces can enter.

use crate::{Dialect, Unsayable, literal};
use headwater_core::Value;
use std::fmt;

/// A piece of SQL, built from text in our source code, quoted identifiers and rendered literals; from nothing else.
///
/// There is no conversion from `String` on purpose: a name or a value that reaches a statement went through
/// [`identifier`](Self::identifier) or [`literal`](Self::literal).
///
/// ```
/// use headwater_sql::{POSTGRES, SqlText};
/// let name = SqlText::identifier(&POSTGRES, r#"Robert"; DROP TABLE students; --"#);
/// assert_eq!(name.as_str(), r#""Robert""; DROP TABLE students; --""#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlText(String);

impl SqlText {
    /// Text from our own source code.
    pub fn from_static(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// A name, quoted.
    pub fn identifier(dialect: &Dialect, name: &str) -> Self {
        let quote = dialect.identifier_quote;
        let mut text = String::with_capacity(name.len() + 2);
        text.push(quote);
        for character in name.chars() {
            if character == quote {
                text.push(quote);
            }
            text.push(character);
        }
        text.push(quote);
        Self(text)
    }

    /// A constant.
    ///
    /// # Errors
    /// [`Unsayable`] when the dialect cannot write it, such as text with a NUL character.
    pub fn literal(dialect: &Dialect, value: &Value) -> Result<Self, Unsayable> {
        literal::render(dialect, value).map(Self)
    }

    /// A statement of the user's own, as rows to select from: between parentheses, each on a line of its own, so that
    /// a comment at its end ends with it.
    ///
    /// The one way in for text from outside. The server must have parsed it alone before: what is one whole statement
    /// closes every parenthesis, quote and comment that it opens, so that it cannot reach beyond these parentheses.
    pub fn subselect(proven: &str) -> Self {
        Self(format!("(\n{proven}\n)"))
    }

    /// A count.
    pub fn number(number: u64) -> Self {
        Self(number.to_string())
    }

    /// With text from our own source code after it.
    #[must_use]
    pub fn then(mut self, text: &'static str) -> Self {
        self.0.push_str(text);
        self
    }

    /// With other SQL after it.
    #[must_use]
    pub fn append(mut self, other: &Self) -> Self {
        self.0.push_str(&other.0);
        self
    }

    /// With other SQL after it, in parentheses.
    #[must_use]
    pub fn parenthesized(self, other: &Self) -> Self {
        self.then("(").append(other).then(")")
    }

    /// The parts with `separator` between them.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>, separator: &'static str) -> Self {
        let mut text = Self::default();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                text.0.push_str(separator);
            }
            text.0.push_str(&part.0);
        }
        text
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is sent.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for SqlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
