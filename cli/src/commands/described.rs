//! A table as `headwater catalog describe` shows it.

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use headwater_core::{
    ColumnFacts, ColumnOrigin, Error, KeyRole, Precision, Result, Sighting, TableMetadata, is_hidden,
};
use headwater_planner::grouped;
use std::sync::Arc;

/// What is known of the table as a whole, for people.
pub(super) fn heading_of(catalog: &str, table: &TableMetadata) -> String {
    let mut lines = vec![format!("{catalog}.{}  {}", table.name, table.kind.label())];
    if let Some(comment) = &table.comment {
        lines.push(format!("  comment  {}", comment.lines().collect::<Vec<_>>().join(" ")));
    }
    lines.push(format!("  rows     {}", estimate(table.row_count)));
    for key in &table.keys {
        let role = match key.role {
            KeyRole::Primary => "primary",
            KeyRole::Unique => "unique",
            KeyRole::Index => "index",
        };
        let name = key.name.as_deref().map(|name| format!("  ({name})")).unwrap_or_default();
        lines.push(format!("  {role:<7}  {}{name}", key.columns.join(", ")));
    }
    let lines: String = lines.iter().map(|line| format!("{}\n", line.replace(char::is_control, " "))).collect();
    format!("{lines}\n")
}

fn estimate(rows: Precision) -> String {
    match rows {
        Precision::Exact(rows) => grouped(rows),
        Precision::Inexact(rows) => format!("about {}", grouped(rows)),
        Precision::Unknown => "unknown".to_owned(),
    }
}

/// A line of the listing: a column, or a place within its values.
struct Line {
    column: String,
    arrow_type: Option<String>,
    source_type: String,
    nullable: Option<bool>,
    origin: String,
    seen: Option<String>,
    kinds: Option<String>,
    note: Option<String>,
}

/// Every column, and every place within its values that has something to tell. What a sample saw is told where there
/// was a sample.
pub(super) fn columns_of(table: &TableMetadata) -> Result<RecordBatch> {
    let mut lines = Vec::new();
    for field in table.schema.fields() {
        let facts = table.facts(field.name());
        let sighting = facts.sightings.first();
        lines.push(Line {
            column: field.name().clone(),
            arrow_type: Some(field.data_type().to_string()),
            source_type: facts.source_type.clone(),
            nullable: Some(field.is_nullable()),
            origin: if is_hidden(field) { "hidden".to_owned() } else { origin_text(&facts) },
            seen: sighting.map(seen_text),
            kinds: sighting.map(|sighting| sighting.kinds.clone()),
            note: facts.note.clone(),
        });
        let told = facts.sightings.iter().skip(1).filter(|place| place.note.is_some() || place.seen < place.of);
        lines.extend(told.map(|place| line_within(field.name(), place)));
    }
    batch(&lines)
}

fn line_within(column: &str, place: &Sighting) -> Line {
    Line {
        column: format!("{column}{}", place.path),
        arrow_type: None,
        source_type: String::new(),
        nullable: None,
        origin: "within".to_owned(),
        seen: Some(seen_text(place)),
        kinds: Some(place.kinds.clone()),
        note: place.note.clone(),
    }
}

fn batch(lines: &[Line]) -> Result<RecordBatch> {
    let text = |of: fn(&Line) -> Option<&str>| Arc::new(lines.iter().map(of).collect::<StringArray>()) as ArrayRef;
    let nullable: BooleanArray = lines.iter().map(|line| line.nullable).collect();
    let mut columns = vec![
        ("column", text(|line| Some(&line.column))),
        ("arrow_type", text(|line| line.arrow_type.as_deref())),
        ("source_type", text(|line| Some(&line.source_type))),
        ("nullable", Arc::new(nullable) as ArrayRef),
        ("origin", text(|line| Some(&line.origin))),
    ];
    if lines.iter().any(|line| line.seen.is_some()) {
        columns.push(("seen", text(|line| line.seen.as_deref())));
        columns.push(("kinds", text(|line| line.kinds.as_deref())));
    }
    columns.push(("note", text(|line| line.note.as_deref())));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .map_err(|error| Error::internal(error.to_string()))
}

fn seen_text(sighting: &Sighting) -> String {
    format!("{} of {}", grouped(sighting.seen), grouped(sighting.of))
}

fn origin_text(facts: &ColumnFacts) -> String {
    match (&facts.origin, &facts.declared_at) {
        (ColumnOrigin::Catalog, _) => "catalog".to_owned(),
        (ColumnOrigin::Key, _) => "key".to_owned(),
        (ColumnOrigin::Declared, Some(place)) => format!("declared in {place}"),
        (ColumnOrigin::Declared, None) => "declared".to_owned(),
        (ColumnOrigin::Inferred { seen, sampled }, _) => {
            format!("seen in {} of {}", grouped(*seen), grouped(*sampled))
        }
        _ => "other".to_owned(),
    }
}
