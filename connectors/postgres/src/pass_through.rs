//! A statement of the user's own, described without being run.
//!
//! The server says what it is: it is parsed alone, which takes one statement only, and again as the subselect that it
//! will be read through, which takes nothing but a query. Both happen in a read-only transaction, as reading does.
//! What a function called by it may do beside writing tables, the rights of the catalog's user bound.

use crate::connect::{Connections, Moment};
use crate::convert::{ColumnLaw, SourceType};
use crate::error::{from_driver, unexpected};
use crate::metadata::TableDetail;
use arrow::datatypes::{Field, Schema};
use headwater_core::{ColumnFacts, Derived, Error, Result, TableKind, TableMetadata, TableName, TextComparison};
use headwater_sql::{Laws, as_subselect, check_statement, refused_statement};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_postgres::types::{Kind, Type};
use tokio_postgres::{Client, Column};

const IS_UTF8: &str = "SELECT pg_catalog.getdatabaseencoding() = 'UTF8'";

const NOT_FOUND: &str = "check its tables and columns; tables need their schema, as in public.users";

/// Types whose values have a collation.
const COLLATED: [&str; 5] = ["bpchar", "citext", "name", "text", "varchar"];

/// The columns that `statement` gives, read by the law of tables.
pub(crate) async fn describe(connections: &Connections, statement: &str) -> Result<Derived> {
    if !connections.config().pass_through {
        return Ok(Derived::Refused("option pass_through of the catalog is false".to_owned()));
    }
    let lease = connections.begin(None, Moment::Own).await?;
    let described = parsed(lease.client(), statement).await.map_err(|failure| failure.told(connections));
    // Also after an error of the server: the transaction ends either way.
    lease.finish(connections.config()).await?;
    Ok(Derived::Table(Box::new(described?)))
}

enum Failure {
    Driver(tokio_postgres::Error),
    Ours(Error),
}

impl Failure {
    fn told(self, connections: &Connections) -> Error {
        match self {
            Self::Driver(error) => refused_statement(from_driver(error, connections.config()), "PostgreSQL", NOT_FOUND),
            Self::Ours(error) => error,
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

async fn parsed(client: &Client, statement: &str) -> std::result::Result<TableMetadata, Failure> {
    let alone = client.prepare(statement).await?;
    let names: Vec<&str> = alone.columns().iter().map(Column::name).collect();
    check_statement(alone.params().len(), &names, Cow::from)?;
    let parsed = client.prepare(as_subselect(statement).as_str()).await?;
    let utf8: bool = client.query_one(IS_UTF8, &[]).await?.try_get(0).map_err(unexpected)?;
    Ok(described(parsed.columns(), utf8)?)
}

fn described(columns: &[Column], utf8: bool) -> Result<TableMetadata> {
    let (mut laws, mut facts, mut fields) = (BTreeMap::new(), BTreeMap::new(), Vec::with_capacity(columns.len()));
    for column in columns {
        let source = source_type(column.type_(), column.type_modifier());
        // The collation is not told: equality at the server may be another than by bytes.
        let text = COLLATED.contains(&source.name.as_str()).then_some(TextComparison::Loose);
        let law = ColumnLaw::of(&source, text, utf8);
        fields.push(Field::new(column.name(), law.decoding().arrow_type(), true));
        let known = ColumnFacts {
            source_type: column.type_().to_string(),
            text_comparison: law.text_comparison(),
            note: law.note(&source),
            ..ColumnFacts::default()
        };
        facts.insert(column.name().to_owned(), known);
        laws.insert(column.name().to_owned(), law);
    }
    let mut table = TableMetadata::new(TableName::new("", "query"), Arc::new(Schema::new(fields)));
    table.kind = TableKind::View;
    table.columns = facts;
    let detail = TableDetail { laws: Laws::table(laws), stored: None, clustered: BTreeSet::new() };
    table.detail = serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?;
    Ok(table)
}

/// A domain is what it is based on; its own modifier is not told.
fn source_type(found: &Type, modifier: i32) -> SourceType {
    if let Kind::Domain(base) = found.kind() {
        return source_type(base, -1);
    }
    let built_in = |of: &Type| of.schema() == "pg_catalog";
    let element = match found.kind() {
        Kind::Array(element) if built_in(element) => Some(element.name().to_owned()),
        _ => None,
    };
    let kind = match found.kind() {
        Kind::Enum(_) => 'e',
        Kind::Composite(_) => 'c',
        Kind::Range(_) => 'r',
        Kind::Pseudo => 'p',
        _ => 'b',
    };
    SourceType {
        name: found.name().to_owned(),
        built_in: built_in(found),
        // More dimensions are not told; a value that has them is an error.
        dimensions: i16::from(element.is_some()),
        element,
        kind,
        modifier,
        collation: None,
        as_text: false,
    }
}
