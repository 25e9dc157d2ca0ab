//! Columns found by the names of attributes.

use super::column::Column;
use crate::convert::cell::Step;
use crate::convert::column::attribute_of;
use arrow::array::ArrayRef;
use arrow::datatypes::Fields;
use headwater_core::Result;
use std::collections::HashMap;

/// The columns of a table, or the fields of a map, between two rows or within one.
#[derive(Debug)]
pub(crate) struct Columns {
    fields: Fields,
    /// Of the attributes.
    names: Vec<String>,
    columns: Vec<Column>,
    /// Of columns that are read from one attribute, the first; `next_of_same` has the others.
    by_name: HashMap<String, usize>,
    next_of_same: Vec<Option<usize>>,
    /// Items of a table tend to have their attributes in one order, which no documentation promises: the column that
    /// followed column `n` last time is at `n + 1`, the first one at 0.
    followers: Vec<usize>,
    /// Where the last found column's follower is.
    last: usize,
    /// Whether a column has the whole item.
    has_whole: bool,
    rows: usize,
}

/// A map has two entries of one name, which JSON allows and DynamoDB never sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Twice;

impl Columns {
    /// # Errors
    /// `Internal` for a type that no column of ours has.
    pub(crate) fn new(fields: &Fields) -> Result<Self> {
        let names: Vec<String> = fields.iter().map(|field| attribute_of(field).to_owned()).collect();
        let (mut by_name, mut next_of_same) = (HashMap::new(), vec![None; names.len()]);
        let columns: Vec<Column> = fields.iter().map(|field| Column::new(field)).collect::<Result<_>>()?;
        for (index, (name, column)) in names.iter().zip(&columns).enumerate().rev() {
            if column.is_whole() {
                continue;
            }
            if let Some(next) = next_of_same.get_mut(index) {
                *next = by_name.insert(name.clone(), index);
            }
        }
        let has_whole = columns.iter().any(Column::is_whole);
        let followers = (0..=names.len()).collect();
        Ok(Self {
            fields: fields.clone(),
            names,
            columns,
            by_name,
            next_of_same,
            followers,
            last: 0,
            has_whole,
            rows: 0,
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn len(&self) -> usize {
        self.columns.len()
    }

    /// The first column of an attribute; `None` if it has none.
    ///
    /// # Errors
    /// The row has a value of it already.
    pub(crate) fn find(&mut self, attribute: &str) -> Result<Option<usize>, Twice> {
        let guess = self.followers.get(self.last).copied().unwrap_or_default();
        let index = if self.is_named(guess, attribute) {
            guess
        } else {
            let Some(index) = self.by_name.get(attribute) else { return Ok(None) };
            if let Some(follower) = self.followers.get_mut(self.last) {
                *follower = *index;
            }
            *index
        };
        self.last = index + 1;
        let is_free = self.columns.get(index).is_some_and(|column| column.rows() == self.rows);
        if is_free { Ok(Some(index)) } else { Err(Twice) }
    }

    fn is_named(&self, index: usize, attribute: &str) -> bool {
        let named = self.names.get(index).is_some_and(|name| name == attribute);
        named && self.columns.get(index).is_some_and(|column| !column.is_whole())
    }

    /// The next column that is read from the same attribute.
    pub(crate) fn next_of_same(&self, index: usize) -> Option<usize> {
        self.next_of_same.get(index).copied().flatten()
    }

    /// A column by the number that [`find`](Self::find) gave.
    pub(crate) fn get(&mut self, index: usize) -> Option<&mut Column> {
        self.columns.get_mut(index)
    }

    /// The step into a column, by its number.
    pub(crate) fn step(&self, index: usize) -> Step {
        let name = self.fields.get(index).map(|field| field.name().clone()).unwrap_or_default();
        Step::Field { name, attribute: self.names.get(index).cloned().unwrap_or_default() }
    }

    /// Whether there are columns that have the whole item.
    pub(crate) fn has_whole(&self) -> bool {
        self.has_whole
    }

    /// The columns that have the whole item.
    pub(crate) fn whole(&mut self) -> impl Iterator<Item = &mut Column> {
        self.columns.iter_mut().filter(|column| column.is_whole())
    }

    /// Makes NULL of what the row has no value of; gives the bytes that takes.
    pub(crate) fn end_row(&mut self) -> usize {
        (self.rows, self.last) = (self.rows + 1, 0);
        let absent = self.columns.iter_mut().filter(|column| column.rows() < self.rows);
        absent.map(Column::append_null).sum()
    }

    /// The arrays so far; the columns are then empty.
    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }
}
