//! What a scan can offer its source of one join's keys.

use super::KeyRange;
use super::build_side::BuildKeys;
use super::fit::{Tuple, tuple};
use super::range::KeyRows;
use crate::widening::widens;
use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{SortColumn, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Schema};
use datafusion::error::Result as EngineResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, DynamicFilterPhysicalExpr};
use headwater_core::{Identity, JoinKeys, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// The keys of one join, and the columns of the scan that are compared with them.
#[derive(Debug)]
pub(crate) struct Offer {
    keys: Arc<BuildKeys>,
    columns: Vec<KeyColumn>,
}

/// A column that the source finds rows by.
#[derive(Debug)]
struct KeyColumn {
    /// Which key of the join.
    place: usize,
    /// Over the scan's columns, of the key's type: the column itself, or a cast of it that never fails.
    expr: Arc<dyn PhysicalExpr>,
    name: String,
    data_type: DataType,
}

/// The scan's columns behind the keys of the join that `filter` comes of: plain ones, by which the source finds rows.
fn key_columns(filter: &DynamicFilterPhysicalExpr, schema: &Schema, usable: &[String]) -> Vec<KeyColumn> {
    let known = |(place, expr): (usize, &Arc<dyn PhysicalExpr>)| {
        let field = schema.fields().get(key_column(expr, schema)?)?;
        let (name, data_type, expr) = (field.name().clone(), field.data_type().clone(), Arc::clone(expr));
        // NaN and -0.0 mean different things to different sources.
        let is_usable = usable.contains(&name) && !data_type.is_floating();
        is_usable.then_some(KeyColumn { place, expr, name, data_type })
    };
    filter.children().into_iter().enumerate().filter_map(known).collect()
}

/// Whether a source that finds rows by the columns `usable` could use the keys of the join that `filter` comes of.
pub(crate) fn is_usable(filter: &DynamicFilterPhysicalExpr, schema: &Schema, usable: &[String]) -> bool {
    !key_columns(filter, schema, usable).is_empty()
}

/// A column, also behind a cast that keeps different values different and each value's meaning.
fn key_column(operand: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<usize> {
    if let Some(column) = operand.downcast_ref::<Column>() {
        return Some(column.index());
    }
    let cast = operand.downcast_ref::<CastExpr>()?;
    let inner = cast.expr().downcast_ref::<Column>()?;
    let from = schema.fields().get(inner.index())?.data_type();
    widens(from, cast.cast_type()).then(|| inner.index())
}

impl Offer {
    /// `None`: the source finds no rows by any of the join's keys.
    pub(crate) fn new(
        filter: &DynamicFilterPhysicalExpr,
        keys: Arc<BuildKeys>,
        schema: &Schema,
        usable: &[String],
    ) -> Option<Self> {
        let columns = key_columns(filter, schema, usable);
        let same = filter.children().len() == keys.columns.len();
        (same && !columns.is_empty()).then_some(Self { keys, columns })
    }

    /// How many keys the join has.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys, at most so many at once. They are put in order if there are more.
    ///
    /// # Errors
    /// The engine's, of keys that cannot be compared.
    pub(crate) fn parts(self, at_once: usize) -> EngineResult<Parts> {
        let arrays = self.columns.iter().filter_map(|column| self.keys.columns.get(column.place)).cloned();
        let mut arrays: Vec<ArrayRef> = arrays.collect();
        let mut rows = None;
        if self.len() > at_once {
            let types: Vec<DataType> = arrays.iter().map(|array| array.data_type().clone()).collect();
            let exprs = self.columns.iter().map(|column| Arc::clone(&column.expr)).collect();
            rows = Some(Arc::new(KeyRows::new(exprs, &types)?));
            let order = ordered(&arrays)?;
            arrays = arrays.iter().map(|array| take(array, &order, None)).collect::<Result<_, _>>()?;
        }
        // Whole tuples are distinct as they come; without some of their values they may not be.
        let is_cut = self.columns.len() < self.keys.columns.len();
        let columns = self.columns.into_iter().map(|column| (column.name, column.data_type)).collect();
        Ok(Parts { arrays, columns, is_cut, rows, at_once, next: 0 })
    }
}

fn ordered(arrays: &[ArrayRef]) -> EngineResult<UInt32Array> {
    let columns: Vec<SortColumn> =
        arrays.iter().map(|array| SortColumn { values: Arc::clone(array), options: None }).collect();
    Ok(lexsort_to_indices(&columns, None)?)
}

/// The keys of an [`Offer`], part by part.
#[derive(Debug)]
pub(crate) struct Parts {
    /// One per column, all of one length.
    arrays: Vec<ArrayRef>,
    columns: Vec<(String, DataType)>,
    is_cut: bool,
    /// `None`: there is one part.
    rows: Option<Arc<KeyRows>>,
    at_once: usize,
    next: usize,
}

/// Some of a join's keys.
#[derive(Debug)]
pub(crate) struct Part {
    /// Distinct, without NULL, of the columns' own types. `None`: the language cannot say one of them.
    pub(crate) keys: Option<JoinKeys>,
    /// Which of the rows that are read by them count; `None`: all.
    pub(crate) range: Option<KeyRange>,
}

impl Parts {
    pub(crate) fn total(&self) -> usize {
        self.arrays.first().map_or(0, |array| array.len())
    }

    /// The next part that has keys.
    ///
    /// # Errors
    /// The engine's, of keys that cannot be compared.
    pub(crate) fn next(&mut self) -> EngineResult<Option<Part>> {
        while self.next < self.total() {
            let part = self.part()?;
            if part.keys.as_ref().is_none_or(|keys| !keys.tuples.is_empty()) {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    fn part(&mut self) -> EngineResult<Part> {
        let (total, start) = (self.total(), self.next);
        let count = if self.rows.is_some() { self.at_once.min(total - start) } else { total };
        self.next = start + count;
        let range = match &self.rows {
            Some(rows) => {
                let from = if start == 0 { None } else { self.key_at(rows, start)? };
                let to = if self.next == total { None } else { self.key_at(rows, self.next)? };
                Some(KeyRange::new(Arc::clone(rows), from, to))
            }
            None => None,
        };
        let keys = self.tuples(start, count).map(|tuples| {
            let columns = self.columns.iter().map(|(name, _)| name.clone()).collect();
            let keys = JoinKeys::new(columns, tuples);
            if range.is_some() { keys.part_of(total as u64) } else { keys }
        });
        Ok(Part { keys, range })
    }

    fn key_at(&self, rows: &KeyRows, index: usize) -> EngineResult<Option<arrow::row::OwnedRow>> {
        let key: Vec<ArrayRef> = self.arrays.iter().map(|array| array.slice(index, 1)).collect();
        rows.first(&key)
    }

    fn tuples(&self, start: usize, count: usize) -> Option<Vec<Vec<Value>>> {
        let columns: Vec<(&ArrayRef, &DataType)> =
            self.arrays.iter().zip(&self.columns).map(|(array, (_, data_type))| (array, data_type)).collect();
        let mut tuples = Vec::with_capacity(count);
        for row in start..start + count {
            match tuple(&columns, row) {
                Tuple::Values(values) => tuples.push(values),
                Tuple::Never => {}
                Tuple::Unknown => return None,
            }
        }
        Some(if self.is_cut { distinct(tuples) } else { tuples })
    }
}

/// The tuples in their order, each once.
fn distinct(tuples: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let mut seen = HashSet::with_capacity(tuples.len());
    let first: Vec<bool> = tuples.iter().map(|tuple| seen.insert(identities(tuple))).collect();
    drop(seen);
    tuples.into_iter().zip(first).filter_map(|(tuple, first)| first.then_some(tuple)).collect()
}

/// One identity needs no list of its own: most keys are of one column.
fn identities(tuple: &[Value]) -> (Option<Identity<'_>>, Vec<Identity<'_>>) {
    let mut identities = tuple.iter().map(Value::identity);
    (identities.next(), identities.collect())
}
