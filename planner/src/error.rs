//! From the engine's errors to the contract's: kind, location in the SQL, nearest name.

use datafusion::common::{Column, Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use headwater_core::name::nearest;
use headwater_core::{Error, ErrorKind, SqlLocation};

/// Translates an error of the engine; an error of ours that travelled through it comes back as it was.
pub(crate) fn from_engine(error: DataFusionError) -> Error {
    let location = error.diagnostic().and_then(location_of);
    match own_error(error) {
        Ok(own) => own,
        Err(error) => {
            let translated = translate(&error);
            match (translated.location(), location) {
                (None, Some(location)) => translated.with_location(location),
                _ => translated,
            }
        }
    }
}

/// Wraps an error of ours for its way through the engine.
pub(crate) fn to_engine(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Finds our own error under the engine's wrappers. An error shared by several consumers cannot be moved out: it is
/// told again.
fn own_error(error: DataFusionError) -> Result<Error, DataFusionError> {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Error>() {
            Ok(own) => Ok(*own),
            Err(inner) => match inner.downcast::<DataFusionError>() {
                Ok(nested) => own_error(*nested),
                Err(inner) => Err(DataFusionError::External(inner)),
            },
        },
        DataFusionError::ArrowError(inner, backtrace) => match *inner {
            arrow::error::ArrowError::ExternalError(source) => own_error(DataFusionError::External(source)),
            other => Err(DataFusionError::ArrowError(Box::new(other), backtrace)),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => own_error(*inner),
        DataFusionError::Collection(mut errors) if !errors.is_empty() => own_error(errors.swap_remove(0)),
        DataFusionError::Shared(shared) => {
            find_own(shared.as_ref()).map(Error::retold).ok_or(DataFusionError::Shared(shared))
        }
        other => Err(other),
    }
}

fn find_own<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    match error.downcast_ref::<Error>() {
        Some(own) => Some(own),
        None => find_own(error.source()?),
    }
}

fn translate(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::SchemaError(inner, _) => schema_error(inner),
        DataFusionError::SQL(inner, _) => syntax_error(&inner.to_string()),
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => translate(inner),
        DataFusionError::Collection(errors) => errors.first().map_or_else(|| unknown(error), translate),
        DataFusionError::ResourcesExhausted(message) => Error::new(ErrorKind::LimitExceeded, lower_first(message))
            .with_hint("the memory limit of the query was reached; select fewer columns or rows, or raise the limit"),
        DataFusionError::NotImplemented(message) => Error::new(ErrorKind::Unsupported, lower_first(message)),
        DataFusionError::Internal(message) => Error::internal(lower_first(first_line(message))),
        DataFusionError::ArrowError(inner, _) => arrow_error(inner),
        DataFusionError::Plan(message) => Error::new(ErrorKind::InvalidInput, lower_first(first_line(message))),
        other => unknown(other),
    }
}

fn arrow_error(error: &arrow::error::ArrowError) -> Error {
    use arrow::error::ArrowError;
    let message = match error {
        ArrowError::DivideByZero => "division by zero".to_owned(),
        ArrowError::ArithmeticOverflow(what) => format!("a number is out of range: {}", lower_first(what)),
        ArrowError::CastError(what) | ArrowError::ParseError(what) | ArrowError::ComputeError(what) => {
            lower_first(what)
        }
        other => lower_first(&other.to_string()),
    };
    Error::new(ErrorKind::InvalidInput, message)
}

fn unknown(error: &DataFusionError) -> Error {
    Error::new(ErrorKind::InvalidInput, lower_first(first_line(&error.strip_backtrace())))
}

fn schema_error(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => column_not_found(field, valid_fields),
        SchemaError::AmbiguousReference { field } => {
            Error::new(ErrorKind::InvalidInput, format!("column `{}` is in more than one table", field.name))
                .with_hint(format!("write the table before it, as in `t.{}`", field.name))
        }
        other => Error::new(ErrorKind::InvalidInput, lower_first(first_line(&other.to_string()))),
    }
}

fn column_not_found(field: &Column, valid: &[Column]) -> Error {
    let first = valid.first().and_then(|column| column.relation.as_ref());
    let only = first.filter(|_| valid.iter().all(|column| column.relation.as_ref() == first));
    let place = match field.relation.as_ref().or(only) {
        Some(relation) => format!(" in {relation}"),
        None => String::new(),
    };
    let error = Error::not_found(format!("column `{}` not found{place}", field.name));
    let in_relation = |column: &&Column| field.relation.is_none() || column.relation == field.relation;
    let names: Vec<&str> = valid.iter().filter(in_relation).map(|column| column.name.as_str()).collect();
    match nearest(&field.name, names.iter().copied()) {
        Some(near) if near.eq_ignore_ascii_case(&field.name) => {
            error.with_hint(format!("did you mean `\"{near}\"`? Upper-case letters need double quotes"))
        }
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => error,
        None => error.with_hint(format!("there are: {}", names.join(", "))),
    }
}

/// The parser ends its messages with ` at Line: 1, Column: 8`.
fn syntax_error(message: &str) -> Error {
    let message = message.trim_start_matches("sql parser error: ").trim_start_matches("ParserError(\"");
    let Some((text, place)) = message.split_once(" at Line: ") else {
        return Error::new(ErrorKind::InvalidInput, format!("syntax error: {}", lower_first(message)));
    };
    let error = Error::new(ErrorKind::InvalidInput, format!("syntax error: {}", lower_first(text)));
    let numbers = place.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut numbers = numbers.filter_map(|part| part.parse().ok());
    match (numbers.next(), numbers.next()) {
        (Some(line), Some(column)) => error.with_location(SqlLocation { line, column, length: 0 }),
        _ => error,
    }
}

fn location_of(diagnostic: &Diagnostic) -> Option<SqlLocation> {
    let span = diagnostic.span?;
    let length = if span.start.line == span.end.line { span.end.column.saturating_sub(span.start.column) } else { 0 };
    (span.start.line > 0).then_some(SqlLocation { line: span.start.line, column: span.start.column, length })
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

fn lower_first(message: &str) -> String {
    let message = message.trim().trim_end_matches('.');
    let mut chars = message.chars();
    match chars.next() {
        // An acronym or an identifier in capitals stays as it is.
        Some(first) if chars.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => message.to_owned(),
    }
}
