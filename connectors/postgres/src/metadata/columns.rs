//! The columns of a table.

use super::relation::Relation;
use crate::convert::{ColumnLaw, SourceType};
use crate::error::unexpected;
use arrow::datatypes::DataType;
use headwater_core::{ColumnEstimates, CommonValue, Precision, Result, TableKind, TextComparison, parsed_values};
use tokio_postgres::Row;

/// One row per column that was not dropped, in the table's order. A domain is followed to its base type; the modifier
/// nearest to the base counts. `pg_stats` has rows with and without inheriting tables. The order of texts is their
/// collation's, so that their bounds are of no use to us.
pub(super) const QUERY: &str = "
SELECT a.attname::text, a.attnotnull, pg_catalog.format_type(a.atttypid, a.atttypmod), t.typname::text,
    t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace,
    CASE WHEN e.typarray = t.oid AND e.typnamespace = 'pg_catalog'::pg_catalog.regnamespace THEN e.typname::text END,
    t.typtype::text, base.typmod, l.collname::text, l.collnamespace = 'pg_catalog'::pg_catalog.regnamespace,
    l.collisdeterministic, s.n_distinct::float8, s.null_frac::float8, s.vals[1:30], s.freqs[1:30],
    CASE WHEN t.typcategory IN ('N', 'D') THEN s.bounds END, a.attndims::int2, s.correlation
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN LATERAL (
    WITH RECURSIVE resolved(oid, typmod, depth) AS (
        SELECT a.atttypid, a.atttypmod, 0
        UNION ALL
        SELECT d.typbasetype, CASE WHEN d.typtypmod <> -1 THEN d.typtypmod ELSE r.typmod END, r.depth + 1
        FROM resolved r JOIN pg_catalog.pg_type d ON d.oid = r.oid AND d.typtype = 'd'
    )
    SELECT oid, typmod FROM resolved ORDER BY depth DESC LIMIT 1
) base
JOIN pg_catalog.pg_type t ON t.oid = base.oid
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
LEFT JOIN LATERAL (
    SELECT p.n_distinct, p.null_frac, p.correlation, p.most_common_vals::text::text[] AS vals,
        p.most_common_freqs::float8[] AS freqs, p.histogram_bounds::text::text[] AS bounds
    FROM pg_catalog.pg_stats p
    WHERE p.schemaname = $1 AND p.tablename = $2 AND p.attname = a.attname ORDER BY p.inherited DESC LIMIT 1
) s ON true
WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
ORDER BY a.attnum";

/// How much order in which values lie must be like theirs, 1 being the same: as `pg_stats` has it.
const CLUSTERED: f32 = 0.9;

/// A column, with the law it is read by.
pub(super) struct FoundColumn {
    pub(super) name: String,
    pub(super) nullable: bool,
    pub(super) shown_type: String,
    pub(super) law: ColumnLaw,
    pub(super) note: Option<String>,
    pub(super) distinct: Precision,
    /// Whether rows of near values lie near each other.
    pub(super) clustered: bool,
    pub(super) estimates: ColumnEstimates,
}

/// `as_text` says of a column's name whether the configuration has it read as text.
pub(super) fn parse(row: &Row, relation: &Relation, as_text: impl Fn(&str) -> bool) -> Result<FoundColumn> {
    let name: String = row.try_get(0).map_err(unexpected)?;
    let kind: String = row.try_get(6).map_err(unexpected)?;
    let source = SourceType {
        name: row.try_get(3).map_err(unexpected)?,
        built_in: row.try_get(4).map_err(unexpected)?,
        element: row.try_get(5).map_err(unexpected)?,
        kind: kind.chars().next().unwrap_or('b'),
        modifier: row.try_get(7).map_err(unexpected)?,
        collation: named_collation(row)?,
        dimensions: row.try_get(16).map_err(unexpected)?,
        as_text: as_text(&name),
    };
    let law = ColumnLaw::of(&source, collation(row, relation)?, relation.utf8);
    let not_null: bool = row.try_get(1).map_err(unexpected)?;
    Ok(FoundColumn {
        name,
        // PostgreSQL believes a foreign table's NOT NULL without checking it.
        nullable: !not_null || relation.kind == TableKind::ForeignTable,
        shown_type: row.try_get(2).map_err(unexpected)?,
        note: law.note(&source),
        estimates: estimates(row, &law.decoding().arrow_type())?,
        law,
        clustered: row.try_get::<_, Option<f32>>(17).map_err(unexpected)?.is_some_and(|c| c.abs() > CLUSTERED),
        distinct: distinct(row.try_get(11).map_err(unexpected)?, relation.rows),
    })
}

/// What `ANALYZE` has sampled. Texts that are no values of the column, such as `infinity`, are left out.
fn estimates(row: &Row, data_type: &DataType) -> Result<ColumnEstimates> {
    let nulls: Option<f64> = row.try_get(12).map_err(unexpected)?;
    let values: Option<Vec<String>> = row.try_get(13).map_err(unexpected)?;
    let shares: Option<Vec<f64>> = row.try_get(14).map_err(unexpected)?;
    let bounds: Option<Vec<String>> = row.try_get(15).map_err(unexpected)?;
    let values = parsed_values(values.unwrap_or_default(), data_type);
    let common = values.into_iter().zip(shares.unwrap_or_default());
    let common = common.filter_map(|(value, share)| Some(CommonValue { value: value?, share })).collect();
    let bounds = parsed_values(thinned(bounds.unwrap_or_default()), data_type);
    Ok(ColumnEstimates { nulls, common, bounds: bounds.into_iter().flatten().collect() })
}

/// Every fourth bound, and the last: enough for a choice, and short in what is kept of a table.
fn thinned(bounds: Vec<String>) -> Vec<String> {
    let last = bounds.len().saturating_sub(1);
    bounds
        .into_iter()
        .enumerate()
        .filter(|(place, _)| place % 4 == 0 || *place == last)
        .map(|(_, bound)| bound)
        .collect()
}

/// The name of one of PostgreSQL's own collations.
fn named_collation(row: &Row) -> Result<Option<String>> {
    let name: Option<String> = row.try_get(8).map_err(unexpected)?;
    let built_in: Option<bool> = row.try_get(9).map_err(unexpected)?;
    Ok(name.filter(|_| built_in == Some(true)))
}

/// How text under the column's collation compares; `None` for a type without collation.
fn collation(row: &Row, relation: &Relation) -> Result<Option<TextComparison>> {
    let name: Option<String> = row.try_get(8).map_err(unexpected)?;
    let built_in: Option<bool> = row.try_get(9).map_err(unexpected)?;
    let deterministic: Option<bool> = row.try_get(10).map_err(unexpected)?;
    let Some(name) = name else { return Ok(None) };
    let by_bytes = match (built_in, name.as_str()) {
        (Some(true), "default") => relation.by_bytes,
        (Some(true), "C" | "POSIX" | "ucs_basic" | "pg_c_utf8") => true,
        _ => false,
    };
    Ok(Some(match (by_bytes, deterministic) {
        (true, _) => TextComparison::Bytes,
        (false, Some(true)) => TextComparison::BytesEqualityOnly,
        (false, _) => TextComparison::Loose,
    }))
}

/// `n_distinct` of `pg_stats`: a count, or if negative a fraction of the rows, negated; 0 is unknown.
fn distinct(estimate: Option<f64>, rows: Precision) -> Precision {
    let Some(estimate) = estimate.filter(|estimate| *estimate != 0.0) else { return Precision::Unknown };
    if estimate > 0.0 {
        return Precision::Inexact(rounded(estimate));
    }
    match rows.value() {
        #[expect(clippy::cast_precision_loss, reason = "an estimate times an estimate")]
        Some(rows) => Precision::Inexact(rounded(-estimate * rows as f64).max(1)),
        None => Precision::Unknown,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is never negative here")]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}
