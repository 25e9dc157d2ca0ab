//! Whether a table still is what its rows will be decoded as.
//!
//! `COPY … (FORMAT binary)` does not say the types of its fields: after `ALTER TABLE … TYPE` a `float8` would be read as
//! an `int8` of the same width. Parsing a statement over the same columns tells their types and takes the lock that
//! keeps them until the transaction's end.

use crate::PostgresConfig;
use crate::convert::{Decoding, Scalar};
use crate::error::from_driver;
use crate::plan::SplitDetail;
use arrow::datatypes::Schema;
use headwater_core::{Error, ErrorKind, Result};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// `SchemaMismatch` when a column has another type than it was planned with.
pub(super) async fn check(
    client: &Client,
    detail: &SplitDetail,
    schema: &Schema,
    config: &PostgresConfig,
) -> Result<()> {
    let statement = client.prepare(&detail.shape).await.map_err(|error| from_driver(error, config))?;
    for ((field, decoding), column) in schema.fields().iter().zip(&detail.decodings).zip(statement.columns()) {
        if !is_read_as(column.type_(), *decoding) {
            let message =
                format!("column {} is of type {} now, not what it was planned as", field.name(), column.type_());
            return Err(Error::new(ErrorKind::SchemaMismatch, message).with_hint(AGAIN));
        }
    }
    Ok(())
}

const AGAIN: &str = "the table was altered; run the statement again";

/// Some column has a type that is not PostgreSQL's own.
pub(super) fn altered() -> Error {
    let message = "a column is of another type now than it was planned with";
    Error::new(ErrorKind::SchemaMismatch, message).with_hint(AGAIN)
}

fn is_read_as(found: &Type, decoding: Decoding) -> bool {
    match decoding {
        Decoding::Scalar(scalar) => scalars(found).contains(&scalar),
        Decoding::Decimal { .. } => *found == Type::NUMERIC,
        Decoding::List(item) => match found.kind() {
            tokio_postgres::types::Kind::Array(element) => scalars(element).contains(&item),
            _ => false,
        },
    }
}

/// How values of a type may be decoded. Text that is cast arrives as `text`.
fn scalars(found: &Type) -> &'static [Scalar] {
    match *found {
        Type::BOOL => &[Scalar::Bool],
        Type::INT2 => &[Scalar::Int2],
        Type::INT4 => &[Scalar::Int4],
        Type::INT8 => &[Scalar::Int8],
        Type::FLOAT4 => &[Scalar::Float4],
        Type::FLOAT8 => &[Scalar::Float8],
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::JSON => &[Scalar::Text],
        Type::JSONB => &[Scalar::Jsonb],
        Type::UUID => &[Scalar::Uuid],
        Type::BYTEA => &[Scalar::Bytea],
        Type::DATE => &[Scalar::Date],
        Type::TIME => &[Scalar::Time],
        Type::TIMESTAMP => &[Scalar::Timestamp],
        Type::TIMESTAMPTZ => &[Scalar::Timestamptz],
        _ => &[],
    }
}
