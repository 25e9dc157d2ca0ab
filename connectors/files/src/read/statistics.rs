//! What the statistics of a Parquet file say of its columns, as far as they can be believed.
//!
//! ```text
//! floating point      the least value is believed; the greatest never, as NaN, greater than all, is left out of it
//! text, binary        bounds may be cut: still bounds
//! old-style min/max   not believed: they order text and unsigned numbers in ways of their own
//! INT96, intervals    not believed: no order is defined
//! nested columns      not looked at
//! ```

use crate::plan::ReadDetail;
use crate::plan::prune::Range;
use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::datatypes::DataType;
use headwater_core::Value;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::Type as PhysicalType;
use parquet::file::metadata::RowGroupMetaData;
use std::collections::{BTreeSet, HashMap};

/// The columns that the predicate uses.
pub(super) fn used_columns(detail: &ReadDetail) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    for part in &detail.predicate {
        part.visit_columns(&mut |column| {
            used.insert(column);
        });
    }
    used
}

/// What is known of the predicate's columns in a row group; a column that is not in it is not known at all.
pub(super) fn group_ranges(
    metadata: &ArrowReaderMetadata,
    group: &RowGroupMetaData,
    detail: &ReadDetail,
    constants: &[(String, Value)],
) -> HashMap<String, Range> {
    let mut ranges: HashMap<String, Range> =
        constants.iter().map(|(name, value)| (name.clone(), Range::constant(value))).collect();
    for column in used_columns(detail) {
        if ranges.contains_key(column) {
            continue;
        }
        let range = match metadata.schema().field_with_name(column) {
            // A file without the column has NULL in it.
            Err(_) if detail.knows(column) => Some(Range::constant(&Value::Null)),
            Err(_) => None,
            Ok(_) => group_range(metadata, group, column),
        };
        ranges.extend(range.map(|range| (column.to_owned(), range)));
    }
    ranges
}

/// A converter for a column whose statistics can be believed, and the number of its leaf.
pub(super) fn converter<'a>(
    metadata: &'a ArrowReaderMetadata,
    column: &str,
) -> Option<(StatisticsConverter<'a>, usize)> {
    let converter = StatisticsConverter::try_new(column, metadata.schema(), metadata.parquet_schema()).ok()?;
    let leaf = converter.parquet_column_index()?;
    let descriptor = metadata.parquet_schema().columns().get(leaf)?;
    let believed = descriptor.physical_type() != PhysicalType::INT96
        && descriptor.path().parts().len() == 1
        && !matches!(converter.arrow_field().data_type(), DataType::Interval(_) | DataType::Float16);
    believed.then(|| (converter.with_missing_null_counts_as_zero(false), leaf))
}

fn group_range(metadata: &ArrowReaderMetadata, group: &RowGroupMetaData, column: &str) -> Option<Range> {
    let (converter, leaf) = converter(metadata, column)?;
    let statistics = group.columns().get(leaf)?.statistics()?;
    let nulls = converter.row_group_null_counts([group]).ok()?;
    let rows = u64::try_from(group.num_rows()).ok()?;
    if statistics.is_min_max_deprecated() {
        return Some(Range { min: None, max: None, ..nulls_of(&nulls, 0, Some(rows)) });
    }
    let (least, greatest) = (converter.row_group_mins([group]).ok()?, converter.row_group_maxes([group]).ok()?);
    Some(range_at(&least, &greatest, 0, nulls_of(&nulls, 0, Some(rows))))
}

/// What the arrays of bounds say at `index`.
pub(super) fn range_at(least: &ArrayRef, greatest: &ArrayRef, index: usize, nulls: Range) -> Range {
    let bound = |array: &ArrayRef| {
        let known = index < array.len() && array.is_valid(index);
        known.then(|| Value::from_array(array.as_ref(), index)).flatten().filter(|value| !value.is_null())
    };
    let float = matches!(least.data_type(), DataType::Float32 | DataType::Float64);
    let min = bound(least).filter(|value| !matches!(value, Value::Float64(x) if x.is_nan()));
    let max = if float { None } else { bound(greatest) };
    Range { min, max, ..nulls }
}

/// What the counts of NULLs say at `index`, for so many rows.
pub(super) fn nulls_of(nulls: &UInt64Array, index: usize, rows: Option<u64>) -> Range {
    let count = (index < nulls.len() && nulls.is_valid(index)).then(|| nulls.value(index));
    Range {
        min: None,
        max: None,
        may_be_null: count != Some(0),
        may_be_value: count.is_none() || rows.is_none() || count != rows,
    }
}
