//! One run's rows in a form that can be compared: exact columns as bytes, computed floating-point numbers apart.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, Row, RowConverter, Rows, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::execution::memory_pool::MemoryReservation;
use headwater_core::{Error, Result};
use std::sync::Arc;

/// How the columns of an answer are compared. One for both sides.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) schema: SchemaRef,
    /// Columns compared value by value.
    exact: Vec<usize>,
    /// Columns compared within a tolerance.
    computed: Vec<usize>,
    converter: RowConverter,
}

/// The rows of one side.
#[derive(Debug)]
pub(super) struct Answer {
    rows: Rows,
    /// One list of values per computed column.
    computed: Vec<Vec<Option<f64>>>,
    count: usize,
}

impl Layout {
    pub(super) fn new(schema: SchemaRef, computed: &[usize]) -> Result<Self> {
        let (computed, exact): (Vec<_>, Vec<_>) =
            (0..schema.fields().len()).partition(|index| computed.contains(index));
        let fields = exact.iter().map(|index| SortField::new(comparable_type(schema.field(*index).data_type())));
        let converter = RowConverter::new(fields.collect()).map_err(|error| broken(&error))?;
        Ok(Self { schema, exact, computed, converter })
    }

    pub(super) fn empty(&self) -> Answer {
        let computed = self.computed.iter().map(|_| Vec::new()).collect();
        Answer { rows: self.converter.empty_rows(0, 0), computed, count: 0 }
    }

    /// The position of a column among the computed ones.
    pub(super) fn computed_position(&self, column: usize) -> Option<usize> {
        self.computed.iter().position(|computed| *computed == column)
    }

    /// The exact values of each row of a batch.
    pub(super) fn exact_rows(&self, batch: &RecordBatch) -> Result<Rows> {
        let mut rows = self.converter.empty_rows(batch.num_rows(), 0);
        self.append_exact(&mut rows, batch)?;
        Ok(rows)
    }

    fn append_exact(&self, rows: &mut Rows, batch: &RecordBatch) -> Result<()> {
        let columns = self.exact.iter().map(|index| comparable(batch.column(*index)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        if !columns.is_empty() {
            self.converter.append(rows, &columns).map_err(|error| broken(&error))?;
        }
        Ok(())
    }

    /// A row as a person reads it: `id = 1, name = NULL`.
    pub(super) fn row_text(&self, answer: &Answer, index: usize) -> Result<String> {
        let exact = match answer.exact(index) {
            Some(row) => self.cells(&row.owned())?,
            None => Vec::new(),
        };
        let mut exact = exact.into_iter();
        let cells = (0..self.schema.fields().len()).map(|column| {
            let value = match self.computed_position(column) {
                Some(position) => answer.computed(position, index).map_or_else(|| "NULL".to_owned(), |v| v.to_string()),
                None => exact.next().unwrap_or_default(),
            };
            format!("{} = {}", self.schema.field(column).name(), shortened(value))
        });
        Ok(cells.collect::<Vec<_>>().join(", "))
    }

    /// The exact values of a row as text, NULL as `NULL`.
    pub(super) fn cells(&self, row: &OwnedRow) -> Result<Vec<String>> {
        let columns = self.converter.convert_rows([row.row()]).map_err(|error| broken(&error))?;
        let options = FormatOptions::new().with_null("NULL");
        let text = |column: &ArrayRef| {
            let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
            formatter.value(0).try_to_string()
        };
        columns.iter().map(|column| text(column).map_err(|error| broken(&error))).collect()
    }
}

impl Answer {
    /// Adds the rows of a batch, and what they hold to `memory`.
    pub(super) fn add(&mut self, layout: &Layout, batch: &RecordBatch, memory: &MemoryReservation) -> Result<()> {
        let before = self.rows.size();
        layout.append_exact(&mut self.rows, batch)?;
        for (values, index) in self.computed.iter_mut().zip(&layout.computed) {
            let column = cast(batch.column(*index), &DataType::Float64).map_err(|error| broken(&error))?;
            values.extend(column.as_primitive::<Float64Type>().iter());
        }
        self.count += batch.num_rows();
        let computed = self.computed.len() * batch.num_rows() * size_of::<Option<f64>>();
        let held = self.rows.size().saturating_sub(before) + computed + batch.num_rows() * size_of::<usize>();
        memory.try_grow(held).map_err(crate::error::from_engine)
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The exact values of a row; `None` if there is no exact column.
    pub(super) fn exact(&self, index: usize) -> Option<Row<'_>> {
        (index < self.rows.num_rows()).then(|| self.rows.row(index))
    }

    /// A computed value of a row.
    pub(super) fn computed(&self, position: usize, index: usize) -> Option<f64> {
        self.computed.get(position).and_then(|values| values.get(index)).copied().flatten()
    }

    /// All computed values of a row.
    pub(super) fn all_computed(&self, index: usize) -> impl Iterator<Item = Option<f64>> {
        self.computed.iter().map(move |values| values.get(index).copied().flatten())
    }
}

/// What is no sequence of comparable bytes is compared as text.
fn comparable_type(data_type: &DataType) -> DataType {
    if RowConverter::supports_fields(&[SortField::new(data_type.clone())]) { data_type.clone() } else { DataType::Utf8 }
}

/// One NaN, and zero without a sign: as the engine's `=` holds them.
pub(super) fn comparable(column: &ArrayRef) -> Result<ArrayRef> {
    macro_rules! floats {
        ($kind:ty, $nan:expr, $zero:expr) => {{
            let unary = |value| {
                if value != value {
                    $nan
                } else if value == $zero {
                    $zero
                } else {
                    value
                }
            };
            Ok(Arc::new(column.as_primitive::<$kind>().unary::<_, $kind>(unary)))
        }};
    }
    match column.data_type() {
        DataType::Float64 => floats!(Float64Type, f64::NAN, 0.0),
        DataType::Float32 => floats!(Float32Type, f32::NAN, 0.0),
        DataType::Float16 => {
            let wide = cast(column, &DataType::Float32).map_err(|error| broken(&error))?;
            cast(&comparable(&wide)?, &DataType::Float16).map_err(|error| broken(&error))
        }
        other if comparable_type(other) != *other => as_text(column),
        _ => Ok(Arc::clone(column)),
    }
}

fn as_text(column: &ArrayRef) -> Result<ArrayRef> {
    let options = FormatOptions::new();
    let texts = ArrayFormatter::try_new(column.as_ref(), &options).and_then(|formatter| {
        let text = |row| if column.is_null(row) { Ok(None) } else { formatter.value(row).try_to_string().map(Some) };
        (0..column.len()).map(text).collect::<Result<Vec<_>, _>>()
    });
    Ok(Arc::new(StringArray::from(texts.map_err(|error| broken(&error))?)))
}

fn broken(error: &ArrowError) -> Error {
    Error::internal(format!("rows could not be compared: {error}"))
}

/// How many characters of one value are shown.
const SHOWN: usize = 120;

fn shortened(value: String) -> String {
    if value.chars().count() <= SHOWN { value } else { value.chars().take(SHOWN).chain(['…']).collect() }
}
