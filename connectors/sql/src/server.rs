//! What the translation needs to know of a connector's own types.

use crate::{ColumnSql, Dialect, SqlText};
use arrow_schema::DataType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// A product, and its laws: how each of its columns is read and compared.
pub trait Server: Copy {
    /// How one column is read and compared, as the connector's metadata keep it.
    type Law: Debug + Clone;

    /// How the product writes SQL.
    fn dialect(self) -> &'static Dialect;

    /// The column that statements know by `name`.
    fn column(self, law: &Self::Law, name: SqlText) -> ColumnSql;

    /// What it is read as.
    fn data_type(self, law: &Self::Law) -> DataType;

    /// The law of text that the server compares by bytes. `unsortable` as in [`ColumnSql`].
    fn text(self, unsortable: Option<&'static str>) -> Self::Law;

    /// The law of an integer that the server computes as one, `None` if it cannot be read as `data_type`.
    fn number(self, data_type: &DataType) -> Option<Self::Law>;

    /// The law of a sum as [`Totals`](crate::Totals) has it, `None` if it cannot be read as `data_type`.
    fn total(self, data_type: &DataType) -> Option<Self::Law>;
}

/// The laws of a relation's columns, and those of the relations it is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Laws<L> {
    /// By the columns' names.
    pub columns: BTreeMap<String, L>,
    /// Two of a join, one of an aggregate, none of a table.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Self>,
}

impl<L> Laws<L> {
    /// A table's.
    pub fn table(columns: BTreeMap<String, L>) -> Self {
        Self { columns, inputs: Vec::new() }
    }
}
