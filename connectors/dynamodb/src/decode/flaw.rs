//! Why an answer could not be turned into columns.

use super::json::Broken;
use crate::convert::Misfit;
use arrow::datatypes::Schema;
use headwater_core::{Error, ErrorKind};

/// What is wrong with an answer.
#[derive(Debug)]
pub(crate) enum Flaw {
    /// It is not what DynamoDB sends.
    Broken(Broken),
    /// A value does not fit its column.
    Misfit(Box<Misfit>),
    /// Something of our own failed.
    Other(Error),
}

impl Flaw {
    /// The error, for the table of a catalog, read into columns of `schema`.
    pub(crate) fn into_error(self, catalog: &str, table: &str, schema: &Schema) -> Error {
        match self {
            Self::Broken(broken) => {
                let message = format!("an answer for table {table} is not DynamoDB's: {broken}");
                Error::new(ErrorKind::Corrupt, message).with_hint("is this a DynamoDB endpoint?")
            }
            Self::Misfit(misfit) => misfit.into_error(catalog, table, schema),
            Self::Other(error) => error,
        }
    }
}

impl From<Broken> for Flaw {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Box<Misfit>> for Flaw {
    fn from(misfit: Box<Misfit>) -> Self {
        Self::Misfit(misfit)
    }
}

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}
