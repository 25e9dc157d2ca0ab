//! The names of schemas and tables, and where each table is.

use super::{DEFAULT_SCHEMA, PATH_SCHEMA};
use crate::config::{DeclaredTable, FilesConfig, Location, Root, Scope};
use crate::connect::Connection;
use crate::listing::{self, list_tables};
use headwater_core::{Error, ErrorKind, Result, TableName};
use std::collections::{BTreeMap, BTreeSet};

/// The names of all schemas.
pub(crate) async fn list_schemas(connection: &Connection) -> Result<Vec<String>> {
    let config = connection.config();
    let default = match config.scope {
        Scope::Place(_) => true,
        Scope::Nowhere | Scope::Buckets => !config.tables.is_empty(),
    };
    let mut schemas: Vec<String> = default.then(|| DEFAULT_SCHEMA.to_owned()).into_iter().collect();
    if matches!(config.scope, Scope::Buckets) {
        schemas.extend(connection.list_buckets().await?.into_iter().filter(|name| name != DEFAULT_SCHEMA));
    }
    Ok(schemas)
}

/// The names of all tables of a schema.
pub(crate) async fn table_names(connection: &Connection, schema: &str) -> Result<Vec<TableName>> {
    let config = connection.config();
    let mut names = BTreeSet::new();
    if schema == DEFAULT_SCHEMA {
        names.extend(config.tables.keys().cloned());
    }
    match (&config.scope, schema) {
        (Scope::Place(place), DEFAULT_SCHEMA) => names.extend(list_tables(connection, place).await?.into_keys()),
        (_, DEFAULT_SCHEMA) if !config.tables.is_empty() => {}
        (Scope::Buckets, bucket) if is_bucket_name(bucket) => {
            names.extend(list_tables(connection, &bucket_root(bucket)).await?.into_keys());
        }
        _ => return Err(unknown_schema(schema)),
    }
    Ok(names.into_iter().map(|table| TableName::new(schema, table)).collect())
}

fn unknown_schema(schema: &str) -> Error {
    Error::not_found(format!("schema {schema} not found")).with_hint(format!(
        "tables of the catalog's place are in the schema `{DEFAULT_SCHEMA}`, paths in `{PATH_SCHEMA}`, buckets are \
         schemas where the catalog's url is s3://"
    ))
}

/// S3's own rules for names; anything else would be a request to another address.
pub(super) fn is_bucket_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
    (3..=63).contains(&name.len()) && name.bytes().all(plain)
}

fn bucket_root(bucket: &str) -> Location {
    Location { root: Root::Bucket(bucket.to_owned()), path: String::new() }
}

/// Where the table of this name is.
///
/// # Errors
/// `NotFound`, `PermissionDenied` for a path outside the catalog's place.
pub(super) async fn place_of(connection: &Connection, name: &TableName, declared: &DeclaredTable) -> Result<Location> {
    let config = connection.config();
    if name.schema == PATH_SCHEMA {
        let place = Location::parse(&name.table)?;
        return if config.allows(&place) { Ok(place) } else { Err(not_allowed(config, &place)) };
    }
    match (&config.scope, name.schema.as_str(), &declared.path) {
        (Scope::Place(place), DEFAULT_SCHEMA, Some(path)) => place.join(path),
        (_, DEFAULT_SCHEMA, Some(path)) => Location::parse(path),
        (Scope::Place(place), DEFAULT_SCHEMA, None) => listing::resolve(connection, name, place, &config.tables).await,
        (Scope::Buckets, bucket, _) if is_bucket_name(bucket) && bucket != DEFAULT_SCHEMA => {
            listing::resolve(connection, name, &bucket_root(bucket), &BTreeMap::new()).await
        }
        (_, DEFAULT_SCHEMA, None) if config.tables.contains_key(&name.table) => {
            Err(Error::config(format!("table {name} has no path")).with_hint("add `path = \"…\"` to its section"))
        }
        (_, DEFAULT_SCHEMA, _) => Err(Error::not_found(format!("table {name} not found"))),
        (_, schema, _) => Err(unknown_schema(schema)),
    }
}

fn not_allowed(config: &FilesConfig, place: &Location) -> Error {
    let message = format!("catalog {} does not read {place}: it is outside the catalog's own place", config.catalog);
    Error::new(ErrorKind::PermissionDenied, message)
        .with_hint("name a path within it, use a catalog of that place, or set this catalog's option `paths = \"any\"`")
}
