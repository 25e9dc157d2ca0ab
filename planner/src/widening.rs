//! Casts that the engine adds so that two sides of a comparison have one type, and that change no value.

use arrow::datatypes::DataType;

/// Whether a cast gives different values for different values, keeps each value's meaning, and fails rather than
/// round: then comparing the cast column is comparing the column, as numbers compare by value in the language.
pub(crate) fn widens(from: &DataType, to: &DataType) -> bool {
    let is_text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match (from, to) {
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) => to >= from,
        (from, DataType::Decimal128(_, scale)) => from.is_integer() && *scale >= 0,
        (from, to) => (from.is_integer() && to.is_integer()) || (is_text(from) && is_text(to)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_that_rounds_or_changes_the_kind_is_no_widening() {
        assert!(widens(&DataType::Int32, &DataType::Int64));
        assert!(widens(&DataType::Decimal128(12, 2), &DataType::Decimal128(15, 5)));
        assert!(!widens(&DataType::Decimal128(12, 2), &DataType::Decimal128(12, 1)));
        assert!(!widens(&DataType::Decimal128(12, 2), &DataType::Int64));
        assert!(!widens(&DataType::Int64, &DataType::Utf8));
        assert!(!widens(&DataType::Int64, &DataType::Float64));
    }
}
