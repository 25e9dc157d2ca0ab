//! What a sample says of the type of a column of text.

use super::scalar::{Looks, looks_of, survives_as_float};
use arrow::datatypes::{DataType, TimeUnit};

/// The narrowest of these widths that holds a sample leaves room for what comes after it.
const DECIMAL_WIDTHS: [usize; 2] = [18, 38];

/// The values of a column, counted by their looks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// Values that were there at all.
    pub(crate) seen: u64,
    texts: u64,
    booleans: u64,
    ints: u64,
    decimals: u64,
    floats: u64,
    dates: u64,
    timestamps: u64,
    instants: u64,
    whole: usize,
    scale: usize,
    loses_as_float: bool,
}

impl Evidence {
    /// Takes one value into account. The empty text fits every type: where it is no text it is NULL.
    pub(crate) fn add(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.seen += 1;
        match looks_of(text) {
            Looks::Text => self.texts += 1,
            Looks::Boolean => self.booleans += 1,
            Looks::Int => {
                self.ints += 1;
                self.number(text, text.trim_start_matches('-').len(), 0);
            }
            Looks::Decimal { whole, scale } => {
                self.decimals += 1;
                self.number(text, whole, scale);
            }
            Looks::Float => self.floats += 1,
            Looks::Date => self.dates += 1,
            Looks::Timestamp => self.timestamps += 1,
            Looks::Instant => self.instants += 1,
        }
    }

    fn number(&mut self, text: &str, whole: usize, scale: usize) {
        self.whole = self.whole.max(whole);
        self.scale = self.scale.max(scale);
        self.loses_as_float |= !survives_as_float(text);
    }

    /// The narrowest type that holds every value; text if there was none.
    pub(crate) fn conclude(&self) -> DataType {
        let only = |count: u64| count > 0 && count == self.seen;
        let numbers = self.ints + self.decimals;
        if only(self.ints) {
            DataType::Int64
        } else if only(numbers) {
            self.decimal().unwrap_or(DataType::Utf8)
        } else if self.floats > 0 && only(numbers + self.floats) && !self.loses_as_float {
            DataType::Float64
        } else if only(self.booleans) {
            DataType::Boolean
        } else if only(self.dates) {
            DataType::Date32
        } else if only(self.timestamps) {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        } else if only(self.instants) {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        } else {
            DataType::Utf8
        }
    }

    fn decimal(&self) -> Option<DataType> {
        let width = DECIMAL_WIDTHS.into_iter().find(|width| self.whole + self.scale <= *width)?;
        Some(DataType::Decimal128(u8::try_from(width).ok()?, i8::try_from(self.scale).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> DataType {
        let mut evidence = Evidence::default();
        texts.iter().for_each(|text| evidence.add(text));
        evidence.conclude()
    }

    #[test]
    fn the_narrowest_type_that_holds_all_is_concluded() {
        assert_eq!(of(&[]), DataType::Utf8);
        assert_eq!(of(&["1", "-2"]), DataType::Int64);
        assert_eq!(of(&["1", "007"]), DataType::Utf8);
        assert_eq!(of(&["1", "2.50"]), DataType::Decimal128(18, 2));
        assert_eq!(of(&["0", "-0.00", "12.25"]), DataType::Decimal128(18, 2));
        assert_eq!(of(&["12345678901234567", "2.50"]), DataType::Decimal128(38, 2));
        assert_eq!(of(&["1e3", "2.5", "7"]), DataType::Float64);
        assert_eq!(of(&["1e3", "9007199254740993"]), DataType::Utf8);
        assert_eq!(of(&["1e-7", "0.1234567890123456", "-0.0"]), DataType::Float64);
        assert_eq!(of(&["1e-7", "0.10000000000000000001"]), DataType::Utf8);
        assert_eq!(of(&["true", "1"]), DataType::Utf8);
        assert_eq!(of(&["2024-01-01", "2024-01-01T00:00:00"]), DataType::Utf8);
        assert_eq!(of(&[&"9".repeat(38), "0.1"]), DataType::Utf8);
    }
}
