//! SQL text cut into single statements that remember where they stood.

use headwater_core::SqlLocation;
use std::sync::Arc;

/// A text and what to call it in messages.
#[derive(Debug)]
pub(crate) struct SqlText {
    /// A file's name, `<query>` or `<stdin>`.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// One statement of a text.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) origin: Arc<SqlText>,
    pub(crate) sql: String,
    /// Where it begins in the whole text, 1-based.
    line: u64,
    column: u64,
}

impl Statement {
    /// A place in this statement, as a place in the whole text.
    pub(crate) fn place_in_text(&self, location: SqlLocation) -> SqlLocation {
        let column = if location.line == 1 { location.column + self.column - 1 } else { location.column };
        SqlLocation { line: location.line + self.line - 1, column, length: location.length }
    }
}

/// The statements between the semicolons. Pieces of blanks and comments alone are none.
///
/// The planner's parser wants one statement at a time, and the first must have run before the second is looked at. So
/// only what hides a semicolon is understood here: quotes, dollar quotes and comments, as the parser's dialect has
/// them.
pub(crate) fn split(text: SqlText) -> Vec<Statement> {
    let origin = Arc::new(text);
    let mut statements = Vec::new();
    let mut cursor = Cursor { rest: &origin.text, line: 1, column: 1 };
    loop {
        skip_blank(&mut cursor);
        let (start, line, column) = (cursor.rest, cursor.line, cursor.column);
        while !cursor.rest.is_empty() && !cursor.rest.starts_with(';') {
            let length = token_length(cursor.rest);
            cursor.advance(length);
        }
        let sql = start.get(..start.len() - cursor.rest.len()).unwrap_or_default();
        if !sql.is_empty() {
            statements.push(Statement { origin: Arc::clone(&origin), sql: sql.to_owned(), line, column });
        }
        if cursor.rest.is_empty() {
            return statements;
        }
        cursor.advance(1);
    }
}

struct Cursor<'a> {
    rest: &'a str,
    line: u64,
    column: u64,
}

impl Cursor<'_> {
    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        for c in passed.chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
    }
}

fn skip_blank(cursor: &mut Cursor<'_>) {
    loop {
        let blank = cursor.rest.len() - cursor.rest.trim_start().len();
        let comment = comment_length(cursor.rest.get(blank..).unwrap_or_default()).unwrap_or(0);
        if blank + comment == 0 {
            return;
        }
        cursor.advance(blank + comment);
    }
}

/// How many bytes belong together at the start of `text`, which is not empty.
fn token_length(text: &str) -> usize {
    let mut chars = text.chars();
    let first = chars.next();
    match first {
        Some('E' | 'e') if chars.next() == Some('\'') => 1 + quoted_length(text.get(1..).unwrap_or_default(), true),
        Some(c) if c.is_alphanumeric() || c == '_' => word_length(text),
        Some('\'' | '"' | '`') => quoted_length(text, false),
        Some('$') => dollar_quoted_length(text).unwrap_or(1),
        Some(c) => comment_length(text).unwrap_or(c.len_utf8()),
        None => 0,
    }
}

/// A word whole, so that the `e` of `name'…'` or a `$` inside an identifier begins nothing.
fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(text.len())
}

/// Up to the closing quote; a doubled quote stands for itself, which reads as two quoted pieces in a row.
fn quoted_length(text: &str, backslash_escapes: bool) -> usize {
    let mut chars = text.char_indices();
    let Some((_, quote)) = chars.next() else { return 0 };
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return at + c.len_utf8();
        }
        if backslash_escapes && c == '\\' {
            chars.next();
        }
    }
    text.len()
}

/// `$$…$$` or `$tag$…$tag$`; `None` for a parameter such as `$1`.
fn dollar_quoted_length(text: &str) -> Option<usize> {
    let tag_end = 1 + text.get(1..)?.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let delimiter = text.get(..=tag_end).filter(|delimiter| delimiter.ends_with('$'))?;
    let after = text.get(delimiter.len()..)?;
    Some(after.find(delimiter).map_or(text.len(), |at| 2 * delimiter.len() + at))
}

fn comment_length(text: &str) -> Option<usize> {
    if text.starts_with("--") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return Some(at);
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<(String, u64, u64)> {
        let text = SqlText { name: "t".to_owned(), text: text.to_owned() };
        split(text).into_iter().map(|statement| (statement.sql, statement.line, statement.column)).collect()
    }

    #[test]
    fn a_statement_knows_where_it_began() {
        let found = statements("select 1;\n\n  -- two\n  select 2 ; /* ; */ select 3");
        let expected = [("select 1", 1, 1), ("select 2 ", 4, 3), ("select 3", 4, 22)];
        assert_eq!(found, expected.map(|(sql, line, column)| (sql.to_owned(), line, column)));
    }

    #[test]
    fn a_semicolon_inside_quotes_or_comments_ends_nothing() {
        for text in [
            "select ';', 'it''s;'",
            "select \"a;b\", `c;d`",
            "select E'a\\';b'",
            "select 'a\\' -- ;",
            "select $$ ; $$, $tag$ $$;$$ $tag$",
            "select /* /* ; */ ; */ 1",
            "select 1 -- ; not here",
            "select 'ünï;cödé'",
        ] {
            assert_eq!(statements(text), [(text.to_owned(), 1, 1)], "{text}");
        }
    }

    #[test]
    fn a_parameter_is_no_dollar_quote() {
        assert_eq!(statements("select $1; select $2").len(), 2);
        assert_eq!(statements("select a$b; select c$d").len(), 2);
    }

    #[test]
    fn blanks_and_comments_are_no_statement() {
        assert!(statements(" ;; -- x\n ; /* y */ ").is_empty());
    }

    #[test]
    fn an_open_quote_runs_to_the_end() {
        assert_eq!(statements("select 'a; select 2").len(), 1);
    }
}
