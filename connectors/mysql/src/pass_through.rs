//! A statement of the user's own, described without being run.
//!
//! The server says what it is: it is prepared alone, which takes one statement only, and again as the subselect that it
//! will be read through, which takes nothing but a query. Both happen in a read-only transaction, as reading does.

use crate::MySqlConfig;
use crate::connect::Connections;
use crate::convert::{ColumnLaw, Reading, SourceType};
use crate::metadata::TableDetail;
use crate::product::Product;
use crate::protocol::ColumnDefinition;
use arrow::datatypes::{Field, Schema};
use headwater_core::{ColumnFacts, Derived, Error, Result, TableKind, TableMetadata, TableName};
use headwater_sql::{Laws, as_subselect, check_statement, refused_statement};
use mysql_common::constants::ColumnType as T;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The number of the character set `binary`, which means bytes.
const BINARY: u16 = 63;

/// Decimals of what has no fixed number of them.
const NOT_FIXED: u8 = 31;

/// Most digits of a second's fraction.
const MAX_FRACTION: u8 = 6;

/// The columns that `statement` gives, read by the law of tables.
pub(crate) async fn describe(connections: &Connections, statement: &str) -> Result<Derived> {
    let config = connections.config();
    if !config.pass_through {
        return Ok(Derived::Refused("option pass_through of the catalog is false".to_owned()));
    }
    let mut lease = connections.begin().await?;
    let product = lease.product()?;
    let alone = lease.prepare(statement, config).await.map_err(refused)?;
    let names: Vec<&str> = alone.columns.iter().map(|(name, _)| name.as_str()).collect();
    // The servers compare names of columns without regard to case.
    check_statement(alone.parameters, &names, |name| name.to_lowercase().into())?;
    lease.close(alone, config).await?;
    let wrapped = lease.prepare(as_subselect(statement).as_str(), config).await.map_err(refused)?;
    let table = described(&wrapped.columns, product, config)?;
    lease.close(wrapped, config).await?;
    lease.finish(config).await?;
    Ok(Derived::Table(Box::new(table)))
}

fn described(columns: &[(String, ColumnDefinition)], product: Product, config: &MySqlConfig) -> Result<TableMetadata> {
    let reading = Reading { tinyint1_is_boolean: config.tinyint1_is_boolean, time: config.time };
    let (mut laws, mut facts, mut fields) = (BTreeMap::new(), BTreeMap::new(), Vec::with_capacity(columns.len()));
    for (name, column) in columns {
        let source = source_type(*column);
        let law = ColumnLaw::of(&source, reading);
        fields.push(Field::new(name, law.decoding().arrow_type(), true));
        let known = ColumnFacts {
            source_type: source.shown,
            text_comparison: law.text_comparison(),
            note: law.note().map(str::to_owned),
            ..ColumnFacts::default()
        };
        facts.insert(name.clone(), known);
        laws.insert(name.clone(), law);
    }
    let mut table = TableMetadata::new(TableName::new("", "query"), Arc::new(Schema::new(fields)));
    table.kind = TableKind::View;
    table.columns = facts;
    let detail = TableDetail { product, laws: Laws::table(laws), bounds: None, side: None };
    table.detail = serde_json::to_value(detail).map_err(|e| Error::internal(e.to_string()))?;
    Ok(table)
}

/// The type as `information_schema` would have it. Of text neither its own character set nor its collation is told, so
/// it is converted before it is compared, and taken to be long.
fn source_type(column: ColumnDefinition) -> SourceType {
    let name = name(column);
    let unsigned = if column.is_unsigned { " unsigned" } else { "" };
    let mut source = SourceType { name: name.to_owned(), ..SourceType::default() };
    match name {
        "tinyint" if column.length == 1 => source.shown = format!("tinyint(1){unsigned}"),
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => source.shown = format!("{name}{unsigned}"),
        "decimal" => {
            // Of the length, the sign and the point are no digits.
            let others = u32::from(!column.is_unsigned) + u32::from(column.decimals > 0);
            let (precision, scale) = (column.length.saturating_sub(others), column.decimals);
            source.precision = Some(precision.into());
            source.scale = Some(scale.into());
            source.shown = format!("decimal({precision},{scale}){unsigned}");
        }
        "datetime" | "timestamp" | "time" => {
            let fraction = if column.decimals >= NOT_FIXED { MAX_FRACTION } else { column.decimals };
            source.fraction = Some(fraction.into());
            source.shown = if fraction == 0 { name.to_owned() } else { format!("{name}({fraction})") };
        }
        _ => name.clone_into(&mut source.shown),
    }
    source.length = Some(u64::from(u32::MAX));
    source
}

fn name(column: ColumnDefinition) -> &'static str {
    match column.kind {
        T::MYSQL_TYPE_TINY => "tinyint",
        T::MYSQL_TYPE_SHORT => "smallint",
        T::MYSQL_TYPE_INT24 => "mediumint",
        T::MYSQL_TYPE_LONG => "int",
        T::MYSQL_TYPE_LONGLONG => "bigint",
        T::MYSQL_TYPE_FLOAT => "float",
        T::MYSQL_TYPE_DOUBLE => "double",
        T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => "decimal",
        T::MYSQL_TYPE_BIT => "bit",
        T::MYSQL_TYPE_YEAR => "year",
        T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => "date",
        T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => "datetime",
        T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => "timestamp",
        T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => "time",
        T::MYSQL_TYPE_JSON => "json",
        T::MYSQL_TYPE_GEOMETRY => "geometry",
        T::MYSQL_TYPE_VECTOR => "vector",
        _ if column.collation == BINARY => "longblob",
        _ => "longtext",
    }
}

fn refused(error: Error) -> Error {
    let hint = "check its tables and columns; tables of another database need its name, as in shop.users";
    refused_statement(error, "the server", hint)
}
