//! A statement of the user's own: what it must be, however its server describes it.

use crate::SqlText;
use headwater_core::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::collections::HashSet;

/// Checks what a server says of a statement that it has parsed: how many parameters and which columns it has. Two names
/// are the same if `compared` makes them so.
///
/// # Errors
/// `InvalidInput` for a statement with parameters, without columns, or with two columns of one name.
pub fn check_statement<'a>(
    parameters: usize,
    columns: &[&'a str],
    compared: impl Fn(&'a str) -> Cow<'a, str>,
) -> Result<()> {
    if parameters > 0 {
        return Err(invalid("the statement has parameters", "write their values into it"));
    }
    if columns.is_empty() {
        return Err(invalid("the statement gives no columns", "it must be a query: SELECT, VALUES or WITH"));
    }
    let mut seen = HashSet::new();
    match columns.iter().find(|name| !seen.insert(compared(name))) {
        None => Ok(()),
        Some(twice) => {
            let message = format!("the statement gives more than one column `{twice}`");
            Err(invalid(message, "name each of its columns differently: SELECT … AS name"))
        }
    }
}

/// The subselect that a statement is read through, for the server to parse: only a query can be one.
pub fn as_subselect(proven: &str) -> SqlText {
    SqlText::from_static("SELECT * FROM ").append(&SqlText::subselect(proven)).then(" AS q")
}

/// What a server says of the user's text: what it does not understand there is none of our own. `hint` is for tables and
/// columns that it does not know.
pub fn refused_statement(error: Error, server: &str, hint: &'static str) -> Error {
    match error.kind() {
        ErrorKind::Internal => {
            invalid(error.to_string(), &format!("{server} itself says so; it must be one query that reads"))
        }
        ErrorKind::NotFound => Error::not_found(error.to_string()).with_hint(hint),
        _ => error,
    }
}

fn invalid(message: impl Into<Cow<'static, str>>, hint: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, message).with_hint(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_columns_of_different_names_and_no_parameters() {
        assert!(check_statement(0, &["a", "A"], Cow::from).is_ok());
        assert!(check_statement(0, &["a", "A"], |name| name.to_lowercase().into()).is_err());
        for (parameters, columns) in [(1, vec!["a"]), (0, vec![]), (0, vec!["a", "b", "a"])] {
            let error = check_statement(parameters, &columns, Cow::from).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}
