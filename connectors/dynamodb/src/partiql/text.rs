//! What a statement is, as far as that must be known before it is sent.

use headwater_core::{Error, ErrorKind, Result};

const HINT: &str = "write SELECT … FROM \"table\" … in DynamoDB's PartiQL; statements that write are never sent";

#[derive(Debug, PartialEq)]
enum Token<'a> {
    /// Letters, digits, `_`, `-`, as a keyword or a plain name has.
    Word(&'a str),
    /// In double quotes.
    Name(String),
    /// Text in single quotes, or a sign.
    Other,
}

/// The table that a SELECT reads.
///
/// # Errors
/// `InvalidInput` for any other statement.
pub(super) fn table_of(statement: &str) -> Result<String> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidInput, message).with_hint(HINT);
    let mut tokens = Tokens(statement);
    match tokens.next() {
        Some(Token::Word(word)) if word.eq_ignore_ascii_case("select") => {}
        Some(Token::Word(word)) => return Err(invalid(format!("only SELECT is taken, not {}", word.to_uppercase()))),
        Some(_) => return Err(invalid("only SELECT is taken, and this begins with something else".to_owned())),
        None => return Err(invalid("the statement is empty".to_owned())),
    }
    let from = |token: &Token<'_>| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("from"));
    let after = tokens.by_ref().find(from).and_then(|_| tokens.next());
    match after {
        Some(Token::Word(name)) => Ok(name.to_owned()),
        Some(Token::Name(name)) => Ok(name),
        Some(Token::Other) | None => Err(invalid("the statement names no table after FROM".to_owned())),
    }
}

/// The rest of a statement. Comments are skipped.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let first = self.0.chars().next()?;
        if first == '\'' || first == '"' {
            let quoted = self.quoted(first);
            return Some(if first == '"' { Token::Name(quoted) } else { Token::Other });
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let length = self.0.find(|c| !is_word(c)).unwrap_or(self.0.len()).max(first.len_utf8());
        let (word, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(if is_word(first) { Token::Word(word) } else { Token::Other })
    }
}

impl Tokens<'_> {
    fn skip_blanks(&mut self) {
        loop {
            self.0 = self.0.trim_start();
            let end = if self.0.starts_with("--") {
                self.0.find('\n')
            } else if self.0.starts_with("/*") {
                self.0.find("*/").map(|end| end + 2)
            } else {
                return;
            };
            self.0 = end.and_then(|end| self.0.get(end..)).unwrap_or_default();
        }
    }

    /// What is in quotes, a doubled quote being one; the quotes are skipped.
    fn quoted(&mut self, quote: char) -> String {
        let mut content = String::new();
        self.0 = self.0.get(1..).unwrap_or_default();
        while let Some((part, rest)) = self.0.split_once(quote) {
            content.push_str(part);
            self.0 = rest;
            match rest.strip_prefix(quote) {
                Some(rest) => {
                    content.push(quote);
                    self.0 = rest;
                }
                None => return content,
            }
        }
        content.push_str(std::mem::take(&mut self.0));
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_a_select_is_found() {
        for (statement, table) in [
            ("SELECT * FROM things", "things"),
            ("select a, 'x from y' FROM \"my \"\"things\"\"\".\"by-day\" WHERE a = 1", "my \"things\""),
            ("  -- DELETE\n/* UPDATE \n */ SeLeCt \"from\" from/**/\"t\"", "t"),
            ("SELECT 'it''s' FROM my-things WHERE x = '", "my-things"),
        ] {
            assert_eq!(table_of(statement).unwrap(), table, "{statement}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (statement, part) in [
            ("DELETE FROM \"t\" WHERE id = 1", "not DELETE"),
            ("update t SET a = 1", "not UPDATE"),
            ("/* SELECT */ INSERT INTO t VALUE {}", "not INSERT"),
            ("-- SELECT * FROM t", "is empty"),
            ("/* SELECT * FROM t", "is empty"),
            ("\"SELECT\" * FROM t", "something else"),
            ("EXISTS(SELECT * FROM t)", "not EXISTS"),
            ("SELECT 1", "no table"),
            ("SELECT ' FROM t", "no table"),
        ] {
            let error = table_of(statement).unwrap_err();
            assert!(error.to_string().contains(part), "{statement}: {error}");
        }
    }
}
