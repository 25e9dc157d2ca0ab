//! A table as a whole.

use crate::error::unexpected;
use crate::ranges::Stored;
use headwater_core::{Error, Precision, Result, TableKind, TableName};
use tokio_postgres::Row;

/// One row per schema of that name; without a table of that name its other columns are NULL.
///
/// Rows are counted where they are stored: in the partitions and in inheriting tables. `reltuples` is −1, before
/// version 14 0 with no pages, where nobody has counted. The database's collation is one of bytes only for `C` and
/// `POSIX` of the C library, and for the builtin provider (17 and later), whose locales all order by code point.
///
/// Pages are counted now: `relpages` is as old as the last `ANALYZE`. Ranges of them are read well since version 14.
/// Who may read some columns only may not name `ctid`. Row security might put its conditions first; foreign tables and other kinds of storage have no pages of that sort.
pub(super) const QUERY: &str = "
WITH RECURSIVE stored(oid) AS (
    SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN stored s ON i.inhparent = s.oid
), counted AS (
    SELECT pg_catalog.bool_and(c.reltuples > 0 OR (c.reltuples = 0 AND c.relpages > 0)) AS known,
        pg_catalog.sum(c.reltuples)::bigint AS rows,
        (pg_catalog.sum(c.relpages) * pg_catalog.current_setting('block_size')::bigint)::bigint AS bytes
    FROM stored s JOIN pg_catalog.pg_class c ON c.oid = s.oid WHERE c.relkind IN ('r', 'm', 'f')
), ranged AS (
    SELECT pg_catalog.bool_and(NOT c.relrowsecurity AND CASE WHEN c.relkind IN ('r', 'm') THEN a.amname = 'heap'
            ELSE c.relkind = 'p' END) AND pg_catalog.current_setting('server_version_num')::int >= 140000 AS possible,
        pg_catalog.array_agg(pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint)
            FILTER (WHERE c.relkind IN ('r', 'm')) AS pages,
        pg_catalog.sum(pg_catalog.pg_table_size(c.oid)) FILTER (WHERE c.relkind IN ('r', 'm'))::bigint AS bytes
    FROM stored s JOIN pg_catalog.pg_class c ON c.oid = s.oid LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
), indexed AS (
    SELECT pg_catalog.array_agg(DISTINCT a.attname::text) AS columns
    FROM stored s
    JOIN pg_catalog.pg_index i ON i.indrelid = s.oid
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
    JOIN pg_catalog.pg_am m ON m.oid = x.relam
    JOIN pg_catalog.pg_attribute a ON a.attrelid = s.oid AND a.attnum = ANY (i.indkey::int2[])
    WHERE a.attnum = i.indkey[0] OR m.amname NOT IN ('btree', 'hash')
)
SELECT c.relkind::text, k.known, k.rows, k.bytes, pg_catalog.obj_description(c.oid, 'pg_class'),
    pg_catalog.pg_encoding_to_char(d.encoding)::text = 'UTF8',
    CASE pg_catalog.to_jsonb(d)->>'datlocprovider'
        WHEN 'i' THEN false WHEN 'b' THEN true ELSE d.datcollate::text IN ('C', 'POSIX') END,
    r.possible AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), r.pages, r.bytes, i.columns
FROM pg_catalog.pg_namespace n
LEFT JOIN pg_catalog.pg_class c
    ON c.relnamespace = n.oid AND c.relname = $2 AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
CROSS JOIN counted k
CROSS JOIN ranged r
CROSS JOIN indexed i
CROSS JOIN pg_catalog.pg_database d
WHERE n.nspname = $1 AND d.datname = pg_catalog.current_database()";

/// A table as a whole, and the database it is in.
pub(super) struct Relation {
    pub(super) kind: TableKind,
    pub(super) rows: Precision,
    pub(super) bytes: Precision,
    pub(super) comment: Option<String>,
    /// Whether the database's encoding is UTF8.
    pub(super) utf8: bool,
    /// Whether the database's own collation orders by bytes.
    pub(super) by_bytes: bool,
    /// Where the rows are, if they can be read by ranges of pages.
    pub(super) stored: Option<Stored>,
}

pub(super) fn parse(row: &Row, name: &TableName) -> Result<Relation> {
    let kind: Option<String> = row.try_get(0).map_err(unexpected)?;
    let kind =
        kind.as_deref().and_then(table_kind).ok_or_else(|| Error::not_found(format!("table {name} not found")))?;
    let known: bool = row.try_get::<_, Option<bool>>(1).map_err(unexpected)?.unwrap_or(false);
    let number = |index: usize| -> Result<Precision> {
        let number: Option<i64> = row.try_get(index).map_err(unexpected)?;
        let number = number.filter(|_| known).and_then(|number| u64::try_from(number).ok());
        Ok(number.map_or(Precision::Unknown, Precision::Inexact))
    };
    Ok(Relation {
        kind,
        rows: number(2)?,
        bytes: number(3)?,
        comment: row.try_get(4).map_err(unexpected)?,
        utf8: row.try_get(5).map_err(unexpected)?,
        by_bytes: row.try_get(6).map_err(unexpected)?,
        stored: stored(row)?,
    })
}

fn stored(row: &Row) -> Result<Option<Stored>> {
    let possible: Option<bool> = row.try_get(7).map_err(unexpected)?;
    // A part that was dropped this moment has no size.
    let pages: Option<Vec<Option<i64>>> = row.try_get(8).map_err(unexpected)?;
    let bytes: Option<i64> = row.try_get(9).map_err(unexpected)?;
    let indexed: Option<Vec<String>> = row.try_get(10).map_err(unexpected)?;
    let (Some(true), Some(pages), Some(bytes)) = (possible, pages, bytes) else { return Ok(None) };
    let pages = pages.into_iter().flatten().map(i64::unsigned_abs).collect();
    let indexed = indexed.unwrap_or_default().into_iter().collect();
    Ok(Some(Stored { pages, bytes: bytes.unsigned_abs(), indexed }))
}

fn table_kind(relkind: &str) -> Option<TableKind> {
    match relkind {
        "r" => Some(TableKind::Table),
        // The rows of a materialized view are stored.
        "v" | "m" => Some(TableKind::View),
        "p" => Some(TableKind::PartitionedTable),
        "f" => Some(TableKind::ForeignTable),
        _ => None,
    }
}
