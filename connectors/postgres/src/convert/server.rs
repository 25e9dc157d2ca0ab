//! The law, as the translation to SQL asks for it.

use super::{ColumnLaw, Decoding, Scalar};
use arrow::datatypes::DataType;
use headwater_core::TextComparison;
use headwater_sql::{ColumnSql, Dialect, POSTGRES, Server, SqlText};

/// PostgreSQL, with [`ColumnLaw`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct PostgreSql;

impl Server for PostgreSql {
    type Law = ColumnLaw;

    fn dialect(self) -> &'static Dialect {
        &POSTGRES
    }

    fn column(self, law: &ColumnLaw, name: SqlText) -> ColumnSql {
        law.column_sql(name)
    }

    fn data_type(self, law: &ColumnLaw) -> DataType {
        law.decoding().arrow_type()
    }

    /// A value of type `text`, whatever it was before.
    fn text(self, _: Option<&'static str>) -> ColumnLaw {
        ColumnLaw::plain(Decoding::Scalar(Scalar::Text), TextComparison::Bytes)
    }

    /// A `bigint`: a count, or an `oid` that was cast.
    fn number(self, data_type: &DataType) -> Option<ColumnLaw> {
        let bigint = ColumnLaw::plain(Decoding::Scalar(Scalar::Int8), TextComparison::default());
        (*data_type == DataType::Int64).then_some(bigint)
    }

    fn total(self, data_type: &DataType) -> Option<ColumnLaw> {
        match data_type {
            DataType::Decimal128(precision, scale) => {
                let decoding = Decoding::Decimal { precision: *precision, scale: *scale };
                Some(ColumnLaw::plain(decoding, TextComparison::default()))
            }
            other => self.number(other),
        }
    }
}
