//! A table as a whole.

use super::rows::Fields;
use headwater_core::{Precision, Result, TableKind};

pub(super) const QUERY: &str = "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, \
    CREATE_OPTIONS, TABLE_COMMENT FROM information_schema.TABLES";

/// A table as a whole.
pub(super) struct Relation {
    pub(super) kind: TableKind,
    /// What the storage engine guesses.
    pub(super) rows: Precision,
    pub(super) bytes: Precision,
    pub(super) comment: Option<String>,
    /// Whether a transaction sees one snapshot of it.
    pub(super) keeps_snapshots: bool,
}

pub(super) fn parse(row: &Fields) -> Result<Relation> {
    let (kind, engine) = (row.text(2)?, row.optional_text(3)?.unwrap_or_default());
    let is_view = kind.ends_with("VIEW");
    let estimate = |number: Option<u64>| number.filter(|_| !is_view).map_or(Precision::Unknown, Precision::Inexact);
    let (rows, bytes) = (estimate(row.number(4)?), estimate(row.number(5)?));
    let options = row.optional_text(6)?.unwrap_or_default();
    let kind = match engine.as_str() {
        _ if is_view => TableKind::View,
        "FEDERATED" | "CONNECT" | "SPIDER" => TableKind::ForeignTable,
        _ if options.contains("partitioned") => TableKind::PartitionedTable,
        _ => TableKind::Table,
    };
    // A view's comment is the word VIEW.
    let comment = row.optional_text(7)?.filter(|comment| !comment.is_empty() && !is_view);
    let keeps_snapshots = !is_view && engine == "InnoDB";
    Ok(Relation { kind, rows, bytes, comment, keeps_snapshots })
}
