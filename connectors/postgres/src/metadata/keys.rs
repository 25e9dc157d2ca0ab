//! The keys and indexes of a table.

use crate::error::unexpected;
use headwater_core::{KeyRole, Result, TableKey};
use tokio_postgres::Row;

/// One row per index that is complete and over plain columns, and that finds equal values.
///
/// Left out: partial indexes, expressions, and what is still being built. `INCLUDE` columns are no key columns.
pub(super) const QUERY: &str = "
SELECT x.relname::text, i.indisprimary, i.indisunique AND i.indimmediate,
    (SELECT pg_catalog.array_agg(a.attname::text ORDER BY k.place)
     FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
     JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     WHERE k.place <= i.indnkeyatts)
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = x.relam
WHERE n.nspname = $1 AND c.relname = $2 AND i.indisvalid AND i.indislive AND i.indpred IS NULL
    AND i.indexprs IS NULL AND m.amname IN ('btree', 'hash')
ORDER BY i.indisprimary DESC, i.indisunique DESC, x.relname";

pub(super) fn parse(row: &Row) -> Result<TableKey> {
    let (primary, unique): (bool, bool) = (row.try_get(1).map_err(unexpected)?, row.try_get(2).map_err(unexpected)?);
    Ok(TableKey {
        name: Some(row.try_get(0).map_err(unexpected)?),
        columns: row.try_get(3).map_err(unexpected)?,
        role: match (primary, unique) {
            (true, _) => KeyRole::Primary,
            (false, true) => KeyRole::Unique,
            (false, false) => KeyRole::Index,
        },
    })
}
