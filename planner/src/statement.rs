//! Parsing: one statement, and only a query.

use crate::distinct_from;
use crate::error::from_engine;
use crate::pass_through::name_queries;
use crate::unheeded;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, Tokenizer};
use headwater_core::{Error, ErrorKind, Result};
use std::ops::ControlFlow;

/// Where a path written as a table is looked for: `FROM 'dir/*.parquet'` is `FROM files.path."dir/*.parquet"`.
pub(crate) const PATH_TABLE: [&str; 2] = ["files", "path"];

/// Parses a text that holds exactly one query.
pub(crate) fn parse_one(sql: &str) -> Result<Statement> {
    let dialect = GenericDialect {};
    check_size(sql)?;
    let mut parser = DFParserBuilder::new(sql).with_dialect(&dialect).build().map_err(from_engine)?;
    let mut statements = parser.parse_statements().map_err(from_engine)?;
    let mut statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(Error::new(ErrorKind::InvalidInput, "the statement is empty")),
        (Some(_), false) => {
            return Err(Error::new(ErrorKind::InvalidInput, "there is more than one statement; run them one by one"));
        }
    };
    approximate_numbers(&mut statement);
    path_tables(&mut statement, sql);
    name_queries(&mut statement)?;
    match &statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::Query(_)) => {
            unheeded::refuse(inner)?;
            distinct_from::refuse(inner)?;
            Ok(statement)
        }
        Statement::Explain(_) => Err(Error::new(ErrorKind::Unsupported, "EXPLAIN is a command of its own here")
            .with_hint("run `headwater explain \"SELECT …\"`, with --analyze to execute it")),
        _ => Err(Error::new(ErrorKind::Unsupported, "only queries can be run: sources are never written to")
            .with_hint("begin the statement with SELECT, WITH or VALUES")),
    }
}

/// More operators than this make one statement take minutes to plan, and more stack than there is: so long a condition
/// is a list in disguise.
const MAX_OPERATORS: usize = 5_000;

/// The parser tries every meaning of a parenthesis, at every depth anew.
const MAX_DEPTH: usize = 40;

fn check_size(sql: &str) -> Result<()> {
    // What is no sequence of tokens is for the parser to tell.
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap_or_default();
    let (mut operators, mut depth, mut deepest) = (0_usize, 0_usize, 0_usize);
    for token in &tokens {
        match token {
            Token::Word(word) => operators += usize::from(matches!(word.keyword, Keyword::AND | Keyword::OR)),
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::Mod | Token::StringConcat => operators += 1,
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if operators > MAX_OPERATORS {
        let message = format!("the statement has {operators} operators; {MAX_OPERATORS} is the most");
        return Err(
            Error::new(ErrorKind::LimitExceeded, message).with_hint("compare with a list, IN (…), or join with VALUES")
        );
    }
    if deepest > MAX_DEPTH {
        let message = format!("parentheses are nested {deepest} deep; {MAX_DEPTH} is the most");
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_hint("name the inner queries: WITH name AS (…)"));
    }
    Ok(())
}

/// A number with an exponent is approximate, as SQL has it: `1e300` is a floating-point number, `1.5` a decimal. The
/// engine reads both alike, so those with an exponent say what they are.
fn approximate_numbers(statement: &mut Statement) {
    let Statement::Statement(inner) = statement else { return };
    let _: ControlFlow<()> = ast::visit_expressions_mut(inner.as_mut(), |expr| {
        if let ast::Expr::Value(value) = expr
            && let ast::Value::Number(digits, _) = &value.value
            && digits.contains(['e', 'E'])
        {
            let text = ast::Value::SingleQuotedString(digits.to_string());
            *expr = ast::Expr::Cast {
                kind: ast::CastKind::Cast,
                expr: Box::new(ast::Expr::Value(text.with_span(value.span))),
                data_type: ast::DataType::Double(ast::ExactNumberInfo::None),
                array: false,
                format: None,
            };
        }
        ControlFlow::Continue(())
    });
}

/// A table in single quotes is the path or URL of files.
fn path_tables(statement: &mut Statement, sql: &str) {
    let Statement::Statement(inner) = statement else { return };
    let _: ControlFlow<()> = ast::visit_relations_mut(inner.as_mut(), |name| {
        if let [ast::ObjectNamePart::Identifier(path)] = name.0.as_slice()
            && path.quote_style == Some('\'')
        {
            let span = place_of_path(sql, &path.value);
            let table = ast::Ident { span, ..ast::Ident::with_quote('"', &path.value) };
            let parts = PATH_TABLE.map(|part| ast::Ident { span, ..ast::Ident::new(part) });
            *name = ast::ObjectName::from(parts.into_iter().chain([table]).collect::<Vec<_>>());
        }
        ControlFlow::Continue(())
    });
}

/// Where a path is written: the parser keeps no place for names in single quotes.
fn place_of_path(sql: &str, path: &str) -> Span {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap_or_default();
    let mut written = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let mut before = Token::EOF;
    let found = written.find(|token| {
        let after_from = match &before {
            Token::Word(word) => matches!(word.keyword, Keyword::FROM | Keyword::JOIN),
            other => matches!(other, Token::Comma | Token::LParen),
        };
        before = token.token.clone();
        after_from && matches!(&token.token, Token::SingleQuotedString(text) if text == path)
    });
    found.map_or_else(Span::empty, |token| token.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_with_an_exponent_are_approximate() {
        let statement = parse_one("SELECT 1e3, 1.5, '1e3' FROM t WHERE f < 2.5E-7").unwrap();
        let expected = "SELECT CAST('1e3' AS DOUBLE), 1.5, '1e3' FROM t WHERE f < CAST('2.5E-7' AS DOUBLE)";
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn a_table_in_single_quotes_is_a_path() {
        let statement = parse_one("SELECT 'x' FROM 's3://b/a b/*.csv' f JOIN \"t'\" USING (id)").unwrap();
        let expected = "SELECT 'x' FROM files.path.\"s3://b/a b/*.csv\" f JOIN \"t'\" USING(id)";
        assert_eq!(statement.to_string(), expected);
    }
}
