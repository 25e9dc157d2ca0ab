//! A column as a statement refers to it.

use super::Decoding;
use super::law::{ColumnLaw, Family, Selected};
use crate::product::Product;
use arrow::datatypes::DataType;
use headwater_core::TextComparison;
use headwater_sql::{ColumnSql, Comparison, Dialect, Server, SqlText, Step};

const LONG: &str = "only the first 1,024 bytes of a long value are sorted and grouped by at the source";

impl Server for Product {
    type Law = ColumnLaw;

    fn dialect(self) -> &'static Dialect {
        Self::dialect(self)
    }

    fn column(self, law: &ColumnLaw, name: SqlText) -> ColumnSql {
        law.column_sql(self, &name)
    }

    fn data_type(self, law: &ColumnLaw) -> DataType {
        law.decoding().arrow_type()
    }

    fn text(self, unsortable: Option<&'static str>) -> ColumnLaw {
        ColumnLaw::computed(Decoding::Text, Family::BinaryText, unsortable.is_some())
    }

    /// A `bigint`: a count, a year or bits as a number.
    fn number(self, data_type: &DataType) -> Option<ColumnLaw> {
        let decoding = match data_type {
            DataType::Int16 => Decoding::Int16,
            DataType::Int64 => Decoding::Int64,
            DataType::UInt64 => Decoding::UInt64,
            _ => return None,
        };
        Some(ColumnLaw::computed(decoding, Family::Number, false))
    }

    /// A decimal, whatever it is read as.
    fn total(self, data_type: &DataType) -> Option<ColumnLaw> {
        let decoding = match data_type {
            DataType::Decimal128(precision, scale) => Decoding::Decimal { precision: *precision, scale: *scale },
            DataType::Int64 => Decoding::Int64,
            DataType::UInt64 => Decoding::UInt64,
            _ => return None,
        };
        Some(ColumnLaw::computed(decoding, Family::Number, false))
    }
}

impl ColumnLaw {
    /// The column in a statement.
    fn column_sql(&self, product: Product, name: &SqlText) -> ColumnSql {
        ColumnSql {
            selected: self.selected(product, name),
            value: self.value(name),
            comparison: self.comparison(name),
            unsortable: self.long.then_some(LONG),
            collation: self.collation.clone(),
        }
    }

    fn selected(&self, product: Product, name: &SqlText) -> SqlText {
        match (self.selected, product) {
            (Selected::Plain, _) => name.clone(),
            (Selected::AsText, _) => cast(name),
            // MySQL else puts the latitude first where the reference system does; MariaDB never does.
            (Selected::WellKnownBinary, Product::MySql) => {
                SqlText::from_static("ST_AsBinary(").append(name).then(", 'axis-order=long-lat')")
            }
            (Selected::WellKnownBinary, Product::MariaDb) => {
                SqlText::from_static("ST_AsBinary(").append(name).then(")")
            }
        }
    }

    fn value(&self, name: &SqlText) -> SqlText {
        match self.family {
            Family::Number | Family::TimeOfDay => SqlText::from_static("COALESCE(").append(name).then(")"),
            Family::NumberInExpression => SqlText::from_static("(").append(name).then(" + 0)"),
            Family::Float => SqlText::from_static("(").append(name).then(" + 0e0)"),
            Family::PaddedAscii | Family::Converted => {
                SqlText::from_static("CONVERT(").append(name).then(" USING utf8mb4)")
            }
            Family::CastText => cast(name),
            Family::Date | Family::Timestamp | Family::Instant => {
                SqlText::from_static("IF(").append(&whole(name)).then(", ").append(name).then(", NULL)")
            }
            _ => name.clone(),
        }
    }

    fn comparison(&self, name: &SqlText) -> Comparison {
        let collated = |ascii_only, by_prefix| Comparison::Collated { indexed: name.clone(), ascii_only, by_prefix };
        let step = self.step();
        let gappy =
            |inner| Comparison::Gappy { inner: Box::new(inner), indexed: name.clone(), whole: whole(name), step };
        let stepped = |inner| Comparison::Stepped { inner: Box::new(inner), indexed: name.clone(), step };
        match self.family {
            Family::Boolean => Comparison::Boolean,
            Family::Number => stepped(Comparison::Number),
            Family::NumberInExpression => Comparison::Number,
            Family::Float | Family::Double => Comparison::Float,
            Family::BinaryText => Comparison::Text(TextComparison::Bytes),
            Family::Collated => collated(false, true),
            Family::Padded => collated(false, false),
            Family::PaddedAscii => collated(true, false),
            Family::Converted | Family::CastText => Comparison::Text(TextComparison::Loose),
            Family::Binary => Comparison::Binary,
            Family::Date => gappy(Comparison::Date),
            Family::Timestamp => gappy(Comparison::Timestamp),
            Family::Instant => gappy(Comparison::Instant),
            Family::TimeOfDay => stepped(Comparison::Time),
            Family::Duration => Comparison::Different("durations are compared by the engine"),
            Family::Json => Comparison::Different("JSON is compared by the engine, as text"),
            Family::Spatial => Comparison::Different("shapes are compared by the engine, as bytes"),
            Family::Vector => Comparison::Different("vectors are compared by the engine, as bytes"),
        }
    }

    /// For a constant in between, an index would be asked for the nearest value: `decimal(9,2)` in MariaDB, a time in
    /// both. And MySQL takes −1 for the largest `bigint unsigned` where a list holds a decimal too.
    fn step(&self) -> Step {
        match self.decoding {
            Decoding::Decimal { precision, scale } => Step::Decimal(precision, scale),
            Decoding::Timestamp | Decoding::Instant | Decoding::TimeOfDay => {
                Step::Micros(10i64.pow(6 - u32::from(self.fraction.min(6))))
            }
            Decoding::Int8 => Step::Whole(i8::MIN.into(), i8::MAX.into()),
            Decoding::Int16 => Step::Whole(i16::MIN.into(), i16::MAX.into()),
            Decoding::Int32 => Step::Whole(i32::MIN.into(), i32::MAX.into()),
            Decoding::Int64 => Step::Whole(i64::MIN.into(), i64::MAX.into()),
            Decoding::UInt8 => Step::Whole(0, u8::MAX.into()),
            Decoding::UInt16 => Step::Whole(0, u16::MAX.into()),
            Decoding::UInt32 => Step::Whole(0, u32::MAX.into()),
            Decoding::UInt64 => Step::Whole(0, u64::MAX.into()),
            _ => Step::Micros(1),
        }
    }
}

fn cast(name: &SqlText) -> SqlText {
    SqlText::from_static("CAST(").append(name).then(" AS CHAR)")
}

/// True for what is read as a date. Adding nothing gives NULL for zero and partial dates, and another day for one that
/// the calendar does not have.
fn whole(name: &SqlText) -> SqlText {
    let text = name.clone().then(" >= DATE '0001-01-01' AND ").append(name);
    text.then(" = ").append(name).then(" + INTERVAL 0 DAY")
}
