//! The pages of a row group that may hold a wanted row.
//!
//! Columns have pages of different lengths, so each part of the predicate that uses one column alone selects rows by
//! that column's pages, and the selections are cut with each other.

use super::Task;
use super::statistics::{converter, nulls_of, range_at};
use crate::plan::{Piece, prune};
use headwater_core::{Expr, Result};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection, RowSelector};

/// The rows of these row groups, one after the other; `None` for all of them.
pub(super) fn selection(
    task: &Task,
    metadata: &ArrowReaderMetadata,
    groups: &[usize],
    piece: &Piece,
) -> Result<Option<RowSelection>> {
    let constants = task.detail.constant_values(piece)?;
    let mut whole: Option<RowSelection> = None;
    for part in &task.detail.predicate {
        let Some(column) = only_column(part) else { continue };
        if constants.iter().any(|(name, _)| name == column) {
            continue;
        }
        let Some((converter, leaf)) = converter(metadata, column) else { continue };
        let Some(rows) = selected(metadata, &converter, leaf, groups, part) else { continue };
        whole = Some(match whole {
            None => rows,
            Some(known) => known.intersection(&rows),
        });
    }
    Ok(whole)
}

fn only_column(part: &Expr) -> Option<&str> {
    let mut columns = Vec::new();
    part.visit_columns(&mut |column| columns.push(column));
    let first = *columns.first()?;
    columns.iter().all(|column| *column == first).then_some(first)
}

/// The rows of the groups whose page of this column may hold a match; `None` without an index of pages.
fn selected(
    metadata: &ArrowReaderMetadata,
    converter: &StatisticsConverter<'_>,
    leaf: usize,
    groups: &[usize],
    part: &Expr,
) -> Option<RowSelection> {
    let file = metadata.metadata();
    let (columns, offsets) = (file.column_index()?, file.offset_index()?);
    let mut selectors = Vec::new();
    for group in groups {
        let rows = usize::try_from(file.row_groups().get(*group)?.num_rows()).ok()?;
        offsets.get(*group)?.get(leaf)?;
        columns.get(*group)?.get(leaf)?;
        let least = converter.data_page_mins(columns, offsets, [group]).ok()?;
        let greatest = converter.data_page_maxes(columns, offsets, [group]).ok()?;
        let nulls = converter.data_page_null_counts(columns, offsets, [group]).ok()?;
        let counts = converter.data_page_row_counts(offsets, file.row_groups(), [group]).ok()??;
        let mut left = rows;
        for page in 0..counts.len() {
            let count = counts.value(page);
            let range = range_at(&least, &greatest, page, nulls_of(&nulls, page, Some(count)));
            let length = usize::try_from(count).ok()?;
            left = left.checked_sub(length)?;
            let wanted = prune::may_match(part, &|_| Some(range.clone()));
            selectors.push(if wanted { RowSelector::select(length) } else { RowSelector::skip(length) });
        }
        // Pages that do not add up to the group's rows are not to be trusted.
        (left == 0).then_some(())?;
    }
    Some(RowSelection::from(selectors))
}
