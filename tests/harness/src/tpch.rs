//! The eight tables of the TPC-H benchmark, divided among four kinds of source. Row counts are those of scale factor 0.1.
//!
//! | source | where | tables |
//! |---|---|---|
//! | PostgreSQL | schema `tpch` | `lineitem` (600,572 rows) |
//! | MySQL or MariaDB | database `tpch` | `orders` (150,000), `customer` (15,000) |
//! | DynamoDB | | `part` (20,000), `supplier` (1,000) |
//! | S3, Parquet | `tpch/TABLE/part-N.parquet` in a bucket | `partsupp` (80,000, four files), `nation` (25), `region` (5) |
//!
//! The columns that joins need are indexed. [`load_reference`] puts all eight into one schema `reference` of PostgreSQL, for answers to compare with.
//! [`load_large_postgres`] and [`load_large_mysql`] load what benchmarks read, at scale factor 1.
//!
//! Keys are `bigint`, quantities and sizes `integer`, amounts `numeric(15,2)`, dates `date`, the rest text. DynamoDB has
//! numbers as N and would have dates as S. The data is made by the crate `tpchgen`, the same on every machine.

mod cell;
mod dynamodb;
mod mysql;
mod postgres;
mod s3;

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatchReader;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

use cell::Columns;

use crate::error::{Context as _, Result};

pub use dynamodb::load_dynamodb;
pub use mysql::{load_large_mysql, load_mysql};
pub use postgres::{load_large_postgres, load_postgres, load_reference};
pub use s3::load_s3;

/// The scale factor of all loaders but those of [`LARGE_SCALE_FACTOR`].
pub const SCALE_FACTOR: f64 = 0.1;

/// The scale factor of the loaders for benchmarks.
pub const LARGE_SCALE_FACTOR: f64 = 1.0;

/// A table of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the benchmark's specification says what they are")]
pub enum Table {
    Customer,
    Lineitem,
    Nation,
    Orders,
    Part,
    Partsupp,
    Region,
    Supplier,
}

/// Rows of one table, and their schema.
pub type Batches = Box<dyn RecordBatchReader<Item = Result<RecordBatch, ArrowError>> + Send + Sync>;

impl Table {
    /// All eight.
    pub const ALL: [Self; 8] = [
        Self::Customer,
        Self::Lineitem,
        Self::Nation,
        Self::Orders,
        Self::Part,
        Self::Partsupp,
        Self::Region,
        Self::Supplier,
    ];

    /// The name in SQL, such as `lineitem`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Lineitem => "lineitem",
            Self::Nation => "nation",
            Self::Orders => "orders",
            Self::Part => "part",
            Self::Partsupp => "partsupp",
            Self::Region => "region",
            Self::Supplier => "supplier",
        }
    }

    /// The columns of the primary key, divided by commas.
    pub fn primary_key(self) -> &'static str {
        match self {
            Self::Customer => "c_custkey",
            Self::Lineitem => "l_orderkey, l_linenumber",
            Self::Nation => "n_nationkey",
            Self::Orders => "o_orderkey",
            Self::Part => "p_partkey",
            Self::Partsupp => "ps_partkey, ps_suppkey",
            Self::Region => "r_regionkey",
            Self::Supplier => "s_suppkey",
        }
    }

    /// The rows at [`SCALE_FACTOR`].
    pub fn batches(self) -> Batches {
        self.part(1, 1)
    }

    /// The `part`th of `parts` parts of the rows at [`SCALE_FACTOR`], counted from one.
    pub fn part(self, part: i32, parts: i32) -> Batches {
        self.scaled_part(SCALE_FACTOR, part, parts)
    }

    fn scaled_part(self, scale: f64, part: i32, parts: i32) -> Batches {
        match self {
            Self::Customer => Box::new(CustomerArrow::new(CustomerGenerator::new(scale, part, parts))),
            Self::Lineitem => Box::new(LineItemArrow::new(LineItemGenerator::new(scale, part, parts))),
            Self::Nation => Box::new(NationArrow::new(NationGenerator::new(scale, part, parts))),
            Self::Orders => Box::new(OrderArrow::new(OrderGenerator::new(scale, part, parts))),
            Self::Part => Box::new(PartArrow::new(PartGenerator::new(scale, part, parts))),
            Self::Partsupp => Box::new(PartSuppArrow::new(PartSuppGenerator::new(scale, part, parts))),
            Self::Region => Box::new(RegionArrow::new(RegionGenerator::new(scale, part, parts))),
            Self::Supplier => Box::new(SupplierArrow::new(SupplierGenerator::new(scale, part, parts))),
        }
    }

    /// The rows of a part in the text format of COPY, many of them in each string.
    fn lines(self, scale: f64, part: i32) -> Result<Vec<String>> {
        self.scaled_part(scale, part, parts(scale))
            .map(|batch| self.columns(&batch.context(|| self.generating())?).map(|rows| rows.lines()))
            .collect()
    }

    fn columns(self, batch: &RecordBatch) -> Result<Columns> {
        Columns::of(batch).context(|| self.generating())
    }

    /// Definitions of all columns with the names of types that `type_of` gives, and of the primary key.
    fn definition(self, type_of: impl Fn(&DataType) -> &'static str) -> String {
        let schema = self.batches().schema();
        let columns =
            schema.fields().iter().map(|field| format!("{} {} NOT NULL", field.name(), type_of(field.data_type())));
        let columns: Vec<String> = columns.collect();
        format!("CREATE TABLE {self} ({}, PRIMARY KEY ({}))", columns.join(", "), self.primary_key())
    }

    fn generating(self) -> String {
        format!("generating TPC-H's table {self}")
    }
}

/// In how many parts a table is generated, so that no more than 100 MB of it are in memory at once.
fn parts(scale: f64) -> i32 {
    if scale > SCALE_FACTOR { 10 } else { 1 }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
