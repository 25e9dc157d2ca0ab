//! The columns of a table.

use super::rows::Fields;
use crate::convert::{ColumnLaw, Reading, SourceType};
use headwater_core::Result;

/// Every column, invisible ones too.
pub(super) const QUERY: &str = "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, IS_NULLABLE, DATA_TYPE, COLUMN_TYPE, \
    NUMERIC_PRECISION, NUMERIC_SCALE, CHARACTER_SET_NAME, COLLATION_NAME, DATETIME_PRECISION, \
    CHARACTER_MAXIMUM_LENGTH FROM information_schema.COLUMNS";

pub(super) const ORDER: &str = " ORDER BY ORDINAL_POSITION";

/// A column, with the law it is read by.
pub(super) struct FoundColumn {
    pub(super) name: String,
    pub(super) nullable: bool,
    pub(super) shown_type: String,
    pub(super) law: ColumnLaw,
    pub(super) note: Option<String>,
}

pub(super) fn parse(row: &Fields, reading: Reading) -> Result<FoundColumn> {
    let source = SourceType {
        name: row.text(4)?.to_ascii_lowercase(),
        shown: row.text(5)?,
        precision: row.number(6)?,
        scale: row.number(7)?,
        fraction: row.number(10)?,
        length: row.number(11)?,
        character_set: row.optional_text(8)?,
        collation: row.optional_text(9)?,
    };
    let law = ColumnLaw::of(&source, reading);
    let not_null = row.text(3)? == "NO";
    let gap = (not_null && law.decoding().has_gaps()).then_some("a zero date is read as NULL");
    Ok(FoundColumn {
        name: row.text(2)?,
        nullable: !not_null || gap.is_some(),
        note: law.note().or(gap).map(str::to_owned),
        shown_type: source.shown,
        law,
    })
}
