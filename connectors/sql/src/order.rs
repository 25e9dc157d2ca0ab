//! What values are sorted, grouped and compared by, so that the source does as the engine does.

use crate::float::TWO_ZEROS;
use crate::{ColumnSql, Comparison, Dialect, SqlText, Unsayable, Wrapping};
use headwater_core::{SortKey, TextComparison};

/// Where a product sorts NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullOrder {
    /// Where `NULLS FIRST` or `NULLS LAST` says.
    Spelled,
    /// Before all values, or after them where the order descends.
    Least,
}

/// What follows `ORDER BY` for one column: its parts, most significant first.
pub(crate) fn sort_key(
    dialect: &Dialect,
    column: &ColumnSql,
    key: &SortKey,
    nullable: bool,
) -> Result<Vec<SqlText>, Unsayable> {
    if let Some(reason) = column.unsortable {
        return Err(Unsayable::new(reason));
    }
    let value = ordered(dialect, column)?;
    let by_value = if key.descending { value.clone().then(" DESC") } else { value.clone() };
    let length = length(dialect, column, &value);
    let mut parts = match (nullable, dialect.nulls) {
        (false, _) => vec![by_value],
        (true, NullOrder::Spelled) => {
            vec![by_value.then(if key.nulls_first { " NULLS FIRST" } else { " NULLS LAST" })]
        }
        (true, NullOrder::Least) if key.nulls_first != key.descending => vec![by_value],
        (true, NullOrder::Least) => {
            vec![value.then(if key.nulls_first { " IS NULL DESC" } else { " IS NULL" }), by_value]
        }
    };
    parts.extend(length.map(|length| if key.descending { length.then(" DESC") } else { length }));
    Ok(parts)
}

/// The length of text, where sorting needs it beside the text.
pub(crate) fn length(dialect: &Dialect, column: &ColumnSql, value: &SqlText) -> Option<SqlText> {
    let is_text = matches!(column.comparison, Comparison::Text(_) | Comparison::Collated { .. });
    let Wrapping { before, after } = dialect.text_length.filter(|_| is_text)?;
    Some(SqlText::from_static(before).append(value).then(after))
}

/// What the source orders as the engine orders the column, its gaps being NULL.
pub(crate) fn ordered(dialect: &Dialect, column: &ColumnSql) -> Result<SqlText, Unsayable> {
    match &column.comparison {
        Comparison::Text(text) if *text != TextComparison::Bytes => Ok(column.value.clone().then(dialect.by_bytes)),
        Comparison::Encoded { .. } => Ok(column.selected.clone()),
        _ => equated(dialect, column),
    }
}

/// What the source takes for equal where the engine does, its gaps being NULL.
pub(crate) fn equated(dialect: &Dialect, column: &ColumnSql) -> Result<SqlText, Unsayable> {
    match &column.comparison {
        Comparison::Different(reason) => Err(Unsayable::new(*reason)),
        Comparison::Float => Err(Unsayable::new(TWO_ZEROS)),
        Comparison::Text(TextComparison::Loose) | Comparison::Collated { .. } => {
            Ok(column.value.clone().then(dialect.by_bytes))
        }
        Comparison::Encoded { .. } => Ok(column.selected.clone()),
        Comparison::Stepped { .. }
        | Comparison::Gappy { .. }
        | Comparison::Text(_)
        | Comparison::Boolean
        | Comparison::Number
        | Comparison::Binary
        | Comparison::Date
        | Comparison::Time
        | Comparison::Timestamp
        | Comparison::Instant => Ok(column.operand().clone()),
    }
}
