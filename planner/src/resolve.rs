//! From the names in a statement to the tables behind them: only those, in parallel.

use crate::cache::MetadataCache;
use crate::engine::Catalog;
use crate::pass_through::statement_of;
use crate::runtime::SYSTEM;
use crate::statement::PATH_TABLE;
use datafusion::common::TableReference;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, visit_relations};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use headwater_core::name::nearest;
use headwater_core::{Connector, Derived, Error, ErrorKind, Relation, Result, SqlLocation, TableMetadata, TableName};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A table that a statement names, with its metadata.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) catalog: String,
    /// What its rows come from.
    pub(crate) relation: Relation,
    pub(crate) metadata: Arc<TableMetadata>,
}

/// How many names are read to find the nearest one to a wrong one: a help, not worth listing a huge catalog.
const NAMES_LOOKED_AT: usize = 2_000;

/// Fetches the metadata of every table in `references`.
pub(crate) async fn resolve(
    statement: &Statement,
    references: Vec<TableReference>,
    catalogs: &BTreeMap<String, Catalog>,
    cache: &MetadataCache,
) -> Result<Vec<Resolved>> {
    let locations = relation_names(statement);
    let resolve = |reference: TableReference| {
        let location = locations.iter().find(|name| is_reference(name, &reference)).cloned();
        resolve_one(reference, location, catalogs, cache)
    };
    try_join_all(references.into_iter().map(resolve)).await
}

async fn resolve_one(
    reference: TableReference,
    written: Option<ObjectName>,
    catalogs: &BTreeMap<String, Catalog>,
    cache: &MetadataCache,
) -> Result<Resolved> {
    let parts = written.as_ref();
    let TableReference::Full { catalog, schema, table } = &reference else {
        return Err(at(incomplete_name(&reference, catalogs), parts, None));
    };
    let Some(found) = catalogs.get(catalog.as_ref()) else {
        return Err(at(unknown_catalog(catalog, catalogs), parts, Some(0)));
    };
    let name = TableName::new(schema.as_ref(), table.as_ref());
    if let Some(statement) = statement_of(&reference) {
        let described = describe(found.connector.as_ref(), statement).await;
        let described = described.map_err(|error| at(error, parts, Some(2)).with_catalog(catalog.as_ref()))?;
        let metadata = Arc::new(TableMetadata { name, ..described });
        return Ok(Resolved {
            catalog: catalog.to_string(),
            relation: Relation::Query(statement.to_owned()),
            metadata,
        });
    }
    let relation = Relation::Table(name.clone());
    match cache.get(catalog, found.connector.as_ref(), &name).await {
        Ok(metadata) => Ok(Resolved { catalog: catalog.to_string(), relation, metadata }),
        // There are no names near a path; the connector knows best what is missing.
        Err(error) if [catalog.as_ref(), schema.as_ref()] == PATH_TABLE => {
            Err(at(error, parts, Some(2)).with_catalog(catalog.as_ref()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (error, part) = unknown_table(error, catalog, found.connector.as_ref(), &name).await;
            Err(at(error, parts, Some(part)).with_catalog(catalog.as_ref()))
        }
        Err(error) => Err(error.with_catalog(catalog.as_ref())),
    }
}

/// What the source says of a statement in its own language. It is not kept: the statement may be of any size.
async fn describe(connector: &dyn Connector, statement: &str) -> Result<TableMetadata> {
    match connector.derive(&Relation::Query(statement.to_owned()), &[]).await? {
        Derived::Table(metadata) => Ok(*metadata),
        Derived::Refused(reason) => {
            Err(Error::new(ErrorKind::Unsupported, format!("the catalog takes no statements of its own: {reason}"))
                .with_hint("name its tables in FROM instead"))
        }
    }
}

/// The error for a catalog that is not configured.
pub(crate) fn unknown_catalog(catalog: &str, catalogs: &BTreeMap<String, Catalog>) -> Error {
    let error = Error::not_found(format!("catalog `{catalog}` not found"));
    let mut given = catalogs.keys().filter(|name| ![PATH_TABLE[0], SYSTEM].contains(&name.as_str()));
    match nearest(catalog, catalogs.keys()) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if given.next().is_none() => {
            error.with_hint("no catalog is configured; add one to headwater.toml or by --catalog name=url")
        }
        None => {
            let names: Vec<_> = catalogs.keys().filter(|name| *name != SYSTEM).map(String::as_str).collect();
            error.with_hint(format!("configured: {}", names.join(", ")))
        }
    }
}

fn incomplete_name(reference: &TableReference, catalogs: &BTreeMap<String, Catalog>) -> Error {
    let error = Error::not_found(format!("table `{reference}` not found"));
    if reference.table().contains(['/', '*']) || reference.schema().is_some_and(|schema| schema.contains('/')) {
        return error.with_hint("the path or URL of files stands in single quotes: FROM 'dir/*.parquet'");
    }
    let example = catalogs.keys().find(|name| *name != SYSTEM).map_or("catalog", String::as_str);
    error.with_hint(format!("write catalog, schema and table, as in {example}.schema.{}", reference.table()))
}

/// Says which part of the name is wrong, with the nearest one; also the index of that part. `told` is what the connector
/// said: all there is to say where it cannot list names either.
async fn unknown_table(told: Error, catalog: &str, connector: &dyn Connector, name: &TableName) -> (Error, usize) {
    let schemas: Vec<String> = connector.list_schemas().take(NAMES_LOOKED_AT).try_collect().await.unwrap_or_default();
    let all_seen = (1..NAMES_LOOKED_AT).contains(&schemas.len());
    if all_seen && !schemas.contains(&name.schema) {
        let error = Error::not_found(format!("schema `{}` not found in catalog {catalog}", name.schema));
        return (suggest(error, &name.schema, &schemas), 1);
    }
    let tables = connector.list_tables(&name.schema).take(NAMES_LOOKED_AT).map_ok(|table| table.table);
    let Ok(tables) = tables.try_collect::<Vec<String>>().await else { return (told, 2) };
    if tables.contains(&name.table) {
        // The name is right: what is missing is something behind it, which the connector knows.
        return (told, 2);
    }
    let error = Error::not_found(format!("table `{}` not found in {catalog}.{}", name.table, name.schema));
    (suggest(error, &name.table, &tables), 2)
}

fn suggest(error: Error, wanted: &str, names: &[String]) -> Error {
    match nearest(wanted, names) {
        Some(near) if near.chars().any(char::is_uppercase) => {
            error.with_hint(format!("did you mean `\"{near}\"`? Upper-case letters need double quotes"))
        }
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => error,
        None => {
            let some: Vec<&str> = names.iter().take(12).map(String::as_str).collect();
            let more = if names.len() > some.len() { ", …" } else { "" };
            error.with_hint(format!("there are: {}{more}", some.join(", ")))
        }
    }
}

/// Every relation a statement names, as written.
fn relation_names(statement: &Statement) -> Vec<ObjectName> {
    let mut names = Vec::new();
    if let Statement::Statement(statement) = statement {
        let _: ControlFlow<()> = visit_relations(statement.as_ref(), |name| {
            names.push(name.clone());
            ControlFlow::Continue(())
        });
    }
    names
}

fn identifiers(name: &ObjectName) -> Vec<&Ident> {
    name.0.iter().filter_map(|part| part.as_ident()).collect()
}

fn normalized(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn is_reference(name: &ObjectName, reference: &TableReference) -> bool {
    identifiers(name).into_iter().map(normalized).eq(reference.to_vec())
}

/// Points an error at one part of a name as written, or at all of it.
fn at(error: Error, name: Option<&ObjectName>, part: Option<usize>) -> Error {
    let Some(name) = name else { return error };
    let parts = identifiers(name);
    let (first, last) = match part {
        Some(part) => (parts.get(part), parts.get(part)),
        None => (parts.first(), parts.last()),
    };
    let (Some(first), Some(last)) = (first, last) else { return error };
    let (start, end) = (first.span.start, last.span.end);
    if start.line == 0 {
        return error;
    }
    let length = if start.line == end.line { end.column.saturating_sub(start.column) } else { 0 };
    error.with_location(SqlLocation { line: start.line, column: start.column, length })
}
