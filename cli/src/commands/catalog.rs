//! `headwater catalog list | describe | test`.

use super::described;
use crate::progress::counted;
use crate::render::{Output, renderer};
use crate::report::{Failure, report_error};
use crate::settings::{RowFormat, Settings};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use futures::TryStreamExt;
use headwater_core::name::nearest;
use headwater_core::{Connector, Error, ErrorKind, Result, TableMetadata, TableName};
use headwater_planner::Engine;
use std::sync::Arc;
use std::time::Instant;

/// Every catalog, its connector and where it was configured.
pub(crate) fn list(settings: &Settings) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for (name, checked) in &settings.catalogs {
        let catalog = checked.as_ref().map_err(Error::retold)?;
        rows.push([name.clone(), catalog.connector.clone(), catalog.origin.to_string()]);
    }
    rows.extend(settings.built_in.iter().map(|c| [c.name.clone(), c.connector.clone(), c.origin.to_string()]));
    let batch = text_columns(["catalog", "connector", "configured"], &rows)?;
    Ok(show(&batch, "", settings)?)
}

/// The schemas of a catalog, the tables of a schema, or the columns of a table.
pub(crate) async fn describe(name: &str, settings: &Settings) -> Result<(), Failure> {
    let engine = settings.engine()?;
    let mut parts = name.splitn(3, '.');
    let catalog = parts.next().unwrap_or_default();
    let connector = engine.catalog(catalog)?;
    let in_catalog = |error: Error| error.with_catalog(catalog);
    match (parts.next(), parts.next()) {
        (None, _) => {
            let mut schemas: Vec<_> = connector.list_schemas().try_collect().await.map_err(in_catalog)?;
            schemas.sort();
            let rows: Vec<_> = schemas.into_iter().map(|schema| [schema]).collect();
            show(&text_columns(["schema"], &rows)?, "", settings)?;
        }
        (Some(schema), None) => {
            let mut tables = tables_of(connector.as_ref(), schema).await.map_err(in_catalog)?;
            tables.sort();
            let rows: Vec<_> = tables.into_iter().map(|table| [table.table]).collect();
            show(&text_columns(["table"], &rows)?, "", settings)?;
        }
        (Some(schema), Some(table)) => {
            let table = TableName::new(schema, table);
            let table = table_of(connector.as_ref(), &table).await.map_err(in_catalog)?;
            show(&described::columns_of(&table)?, &described::heading_of(catalog, &table), settings)?;
        }
    }
    Ok(())
}

/// Connects, lists, reads one row; reports each step and goes on with the next catalog.
pub(crate) async fn test(names: &[String], settings: &Settings) -> Result<(), Failure> {
    let engine = settings.engine()?;
    let names: Vec<&str> = match names {
        [] => settings.catalogs.iter().map(|(name, _)| name.as_str()).collect(),
        names => names.iter().map(String::as_str).collect(),
    };
    let mut output = Output::open(settings.output.path.as_deref())?;
    let mut failed = 0_usize;
    for name in &names {
        let connector = engine.catalog(name)?;
        let declared = declared_tables(settings, name);
        if let Err(error) = test_one(&engine, (name, &declared), connector.as_ref(), &mut output).await {
            if output.reader_is_gone() {
                return Ok(());
            }
            failed += 1;
            report_error(&error.with_catalog(*name));
        }
    }
    output.finish()?;
    if failed > 0 { Err(Failure::sources_failed(failed, names.len())) } else { Ok(()) }
}

/// The tables of which the configuration has sections.
fn declared_tables(settings: &Settings, name: &str) -> Vec<String> {
    let catalog = settings.catalogs.iter().find(|(known, _)| known == name);
    let catalog = catalog.and_then(|(_, checked)| checked.as_ref().ok());
    let tables = catalog.and_then(|catalog| catalog.options.table("tables"));
    tables.into_iter().flatten().map(|(table, _)| table.clone()).collect()
}

async fn test_one(
    engine: &Engine,
    (name, declared): (&str, &[String]),
    connector: &dyn Connector,
    output: &mut Output,
) -> Result<()> {
    let mut started = Instant::now();
    let mut step = |step: &str, found: &str| {
        let took = started.elapsed().as_millis();
        started = Instant::now();
        output.text(&format!("{name}  {step:<24}  OK  {took:>5} ms  {found}\n"))?;
        output.hand_on()
    };
    let mut schemas: Vec<String> = connector.list_schemas().try_collect().await?;
    schemas.sort();
    step("connect and list schemas", &counted(schemas.len() as u64, "schema"))?;
    let mut tables: Vec<TableName> = Vec::new();
    let mut looked_at = 0_usize;
    for schema in &schemas {
        tables = connector.list_tables(schema).try_collect().await?;
        looked_at += 1;
        if !tables.is_empty() {
            break;
        }
    }
    tables.sort();
    let place = tables.first().map_or_else(
        || format!("{} in {}", counted(0, "table"), counted(looked_at as u64, "schema")),
        |first| format!("{} in {}", counted(tables.len() as u64, "table"), first.schema),
    );
    step("list tables", &place)?;
    if let Some(first) = tables.first() {
        step("read one row", &read_one(engine, name, first).await?)?;
    }
    for table in with_sections(connector, (tables, looked_at), &schemas, declared).await? {
        step("read a table of a section", &read_one(engine, name, &table).await?)?;
    }
    Ok(())
}

async fn read_one(engine: &Engine, catalog: &str, table: &TableName) -> Result<String> {
    let sql = format!("SELECT * FROM {}.{}.{} LIMIT 1", quoted(catalog), quoted(&table.schema), quoted(&table.table));
    let batches: Vec<RecordBatch> = engine.plan(&sql).await?.execute()?.try_collect().await?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    Ok(format!("{} of {table}", counted(rows as u64, "row")))
}

/// The tables that have a section in the configuration: one whose name is misspelt would do nothing, silently.
///
/// `all` are the tables of the schemas that were looked into already, the first so many.
async fn with_sections(
    connector: &dyn Connector,
    (mut all, looked_at): (Vec<TableName>, usize),
    schemas: &[String],
    declared: &[String],
) -> Result<Vec<TableName>> {
    /// More than this many are those of a server, where sections are not of tables.
    const MOST_SCHEMAS: usize = 4;
    if declared.is_empty() || schemas.len() > MOST_SCHEMAS {
        return Ok(Vec::new());
    }
    for schema in schemas.iter().skip(looked_at) {
        let tables: Vec<TableName> = connector.list_tables(schema).try_collect().await?;
        all.extend(tables);
    }
    if let Some(missing) = declared.iter().find(|name| all.iter().all(|table| table.table != **name)) {
        let error = Error::not_found(format!("the section tables.{missing} is of no table that there is"));
        let names: Vec<String> = all.iter().map(|table| table.table.clone()).collect();
        return Err(match nearest(missing, &names) {
            Some(near) => error.with_hint(format!("did you mean `{near}`?")),
            None => error.with_hint("`headwater catalog describe` lists the tables"),
        });
    }
    all.retain(|table| declared.contains(&table.table));
    all.sort();
    Ok(all)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The tables of a schema; of an unknown one, an error with the nearest name.
pub(super) async fn tables_of(connector: &dyn Connector, schema: &str) -> Result<Vec<TableName>> {
    match connector.list_tables(schema).try_collect().await {
        Err(error) if is_bare_not_found(&error) => {
            let schemas: Vec<String> = connector.list_schemas().try_collect().await?;
            Err(with_nearest(error, schema, &schemas))
        }
        other => other,
    }
}

/// A table; of an unknown one, an error with the nearest name.
pub(super) async fn table_of(connector: &dyn Connector, name: &TableName) -> Result<TableMetadata> {
    match connector.get_table(name).await {
        Err(error) if is_bare_not_found(&error) => {
            let tables: Vec<String> =
                tables_of(connector, &name.schema).await?.into_iter().map(|table| table.table).collect();
            Err(with_nearest(error, &name.table, &tables))
        }
        other => other,
    }
}

fn is_bare_not_found(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound && error.hint().is_none()
}

fn with_nearest(error: Error, wanted: &str, names: &[String]) -> Error {
    match nearest(wanted, names) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

fn text_columns<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> Result<RecordBatch> {
    let fields: Vec<_> = names.iter().map(|name| Field::new(*name, arrow::datatypes::DataType::Utf8, false)).collect();
    let mut columns = Vec::with_capacity(N);
    for index in 0..N {
        let values: StringArray = rows.iter().map(|row| row.get(index)).collect();
        columns.push(Arc::new(values) as ArrayRef);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| Error::internal(error.to_string()))
}

/// Writes a listing like the rows of a query; the heading only where people read.
fn show(batch: &RecordBatch, heading: &str, settings: &Settings) -> Result<()> {
    let format = settings.output.row_format()?;
    let mut output = Output::open(settings.output.path.as_deref())?;
    let written = write_listing(batch, heading, format, &mut output);
    if output.reader_is_gone() {
        return Ok(());
    }
    written?;
    output.finish()
}

fn write_listing(batch: &RecordBatch, heading: &str, format: RowFormat, output: &mut Output) -> Result<()> {
    if format == RowFormat::Table {
        output.text(heading)?;
    }
    let mut renderer = renderer(format, &batch.schema(), output)?;
    renderer.write(batch)?;
    renderer.finish()
}
