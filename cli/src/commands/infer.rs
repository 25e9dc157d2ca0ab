//! `headwater catalog infer`: what a sample taught, as declarations.

use super::catalog::{table_of, tables_of};
use crate::progress::counted;
use crate::render::Output;
use crate::report::{Failure, note};
use crate::settings::Settings;
use futures::TryStreamExt;
use headwater_core::config::{quoted_key, with_lines};
use headwater_core::{Connector, Error, ErrorKind, Result, TableMetadata, TableName};
use std::path::PathBuf;

/// The declarations of a table, or of all tables of a schema or a catalog: printed, or written into the configuration.
pub(crate) async fn infer(name: &str, write: bool, settings: &Settings) -> Result<(), Failure> {
    let engine = settings.engine()?;
    let mut parts = name.splitn(3, '.');
    let catalog = parts.next().unwrap_or_default();
    let connector = engine.catalog(catalog)?.as_ref();
    let in_catalog = |error: Error| error.with_catalog(catalog);
    let tables = tables(connector, parts.next(), parts.next()).await.map_err(in_catalog)?;
    let mut sections = Vec::new();
    for name in &tables {
        let table = table_of(connector, name).await.map_err(in_catalog)?;
        sections.push(Section::of(&table));
    }
    if !sections.is_empty() && sections.iter().all(Section::is_empty) {
        let error = Error::new(ErrorKind::Unsupported, "columns of these tables are not declared in the configuration");
        let hint = "only types that a connector learns from a sample can be; for a remote catalog, where it is served";
        return Err(in_catalog(error).with_hint(hint).into());
    }
    if write { Ok(write_all(catalog, &sections, settings)?) } else { Ok(print(catalog, &sections, settings)?) }
}

async fn tables(connector: &dyn Connector, schema: Option<&str>, table: Option<&str>) -> Result<Vec<TableName>> {
    let schemas: Vec<String> = match (schema, table) {
        (Some(schema), Some(table)) => return Ok(vec![TableName::new(schema, table)]),
        (Some(schema), None) => vec![schema.to_owned()],
        (None, _) => connector.list_schemas().try_collect().await?,
    };
    let mut tables = Vec::new();
    for schema in &schemas {
        tables.extend(tables_of(connector, schema).await?);
    }
    tables.sort();
    Ok(tables)
}

/// The declarations of one table.
struct Section {
    table: String,
    /// Each with whether it stands in the configuration already.
    lines: Vec<(String, bool)>,
}

impl Section {
    fn of(table: &TableMetadata) -> Self {
        let facts = table.schema.fields().iter().map(|field| table.facts(field.name()));
        let line = |facts: headwater_core::ColumnFacts| Some((facts.declaration?, facts.declared_at.is_some()));
        Self { table: table.name.table.clone(), lines: facts.filter_map(line).collect() }
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines that the configuration does not have.
    fn missing(&self) -> Vec<String> {
        self.lines.iter().filter(|(_, declared)| !declared).map(|(line, _)| line.clone()).collect()
    }
}

fn print(catalog: &str, sections: &[Section], settings: &Settings) -> Result<()> {
    let mut output = Output::open(settings.output.path.as_deref())?;
    for (number, section) in sections.iter().filter(|section| !section.is_empty()).enumerate() {
        let gap = if number > 0 { "\n" } else { "" };
        let lines: String = section.lines.iter().map(|(line, _)| format!("{line}\n")).collect();
        output.text(&format!("{gap}[catalogs.{catalog}.tables.{}.columns]\n{lines}", quoted_key(&section.table)))?;
    }
    output.finish()
}

/// Adds what is missing to the file that the catalog is configured in. What stands there stays.
fn write_all(catalog: &str, sections: &[Section], settings: &Settings) -> Result<()> {
    let file = file_of(catalog, settings)?;
    let name = file.display().to_string();
    let unreadable = |reason| Error::config(format!("{name} cannot be read: {reason}"));
    let before = std::fs::read_to_string(&file).map_err(unreadable)?;
    let (mut text, mut added) = (before.clone(), 0_usize);
    for section in sections {
        let missing = section.missing();
        if !missing.is_empty() {
            let path = ["catalogs", catalog, "tables", &section.table, "columns"];
            text = with_lines(&name, &text, &path, &missing)?;
            added += missing.len();
        }
    }
    if text != before {
        let mut output = Output::open(Some(&file))?;
        output.text(&text)?;
        output.finish()?;
    }
    if settings.voice.notes {
        note(&format!("{} declared in {name}", counted(added as u64, "column")));
    }
    Ok(())
}

/// The file that a catalog is configured in.
fn file_of(catalog: &str, settings: &Settings) -> Result<PathBuf> {
    let origin = settings.catalog(catalog)?.origin.source.clone();
    settings.files.iter().find(|file| file.display().to_string() == origin).cloned().ok_or_else(|| {
        Error::config(format!("catalog {catalog} is not configured in a file, but by {origin}"))
            .with_hint("leave out --write to have the declarations printed")
    })
}
