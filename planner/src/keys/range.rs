//! A range of keys, and the rows that have them.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::DataType;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::error::Result as EngineResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::utils::evaluate_expressions_to_arrays;
use std::sync::Arc;

/// The keys from one to before another, in the order of their bytes as rows; keys come in parts of such ranges.
///
/// A source may answer a part with rows of others: it asked for more than it had to. Only by their range are they not
/// read twice.
#[derive(Debug, Clone)]
pub(crate) struct KeyRange {
    rows: Arc<KeyRows>,
    from: Option<OwnedRow>,
    to: Option<OwnedRow>,
}

/// How a scan's rows are compared with keys.
#[derive(Debug)]
pub(super) struct KeyRows {
    converter: RowConverter,
    /// Over the scan's columns.
    exprs: Vec<Arc<dyn PhysicalExpr>>,
}

impl KeyRows {
    pub(super) fn new(exprs: Vec<Arc<dyn PhysicalExpr>>, types: &[DataType]) -> EngineResult<Self> {
        let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
        Ok(Self { converter, exprs })
    }

    pub(super) fn first(&self, keys: &[ArrayRef]) -> EngineResult<Option<OwnedRow>> {
        let first: Vec<ArrayRef> = keys.iter().map(|column| column.slice(0, column.len().min(1))).collect();
        Ok(self.converter.convert_columns(&first)?.iter().next().map(|row| row.owned()))
    }
}

impl KeyRange {
    pub(super) fn new(rows: Arc<KeyRows>, from: Option<OwnedRow>, to: Option<OwnedRow>) -> Self {
        Self { rows, from, to }
    }

    /// The same and all that follow.
    pub(crate) fn and_beyond(&self) -> Self {
        Self { to: None, ..self.clone() }
    }

    /// The rows whose keys are in it.
    ///
    /// # Errors
    /// The engine's, of a key that cannot be computed.
    pub(crate) fn keep(&self, batch: &RecordBatch) -> EngineResult<RecordBatch> {
        let columns = evaluate_expressions_to_arrays(&self.rows.exprs, batch)?;
        let rows = self.rows.converter.convert_columns(&columns)?;
        let (from, to) = (self.from.as_ref().map(OwnedRow::row), self.to.as_ref().map(OwnedRow::row));
        let has = rows.iter().map(|row| from.is_none_or(|from| row >= from) && to.is_none_or(|to| row < to));
        Ok(filter_record_batch(batch, &has.collect::<Vec<bool>>().into())?)
    }
}
