//! What SQL's names of types mean where the engine's own choice would lose values.

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::error::Result;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{self, TimezoneInfo};
use std::sync::Arc;

/// `TIMESTAMP` and `TIME` count microseconds, as the sources do. In nanoseconds, the engine's choice, the years before
/// 1678 and after 2261 have no place, and `9999-12-31` is what applications write for "never".
#[derive(Debug)]
pub(crate) struct Microseconds;

impl TypePlanner for Microseconds {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> Result<Option<FieldRef>> {
        let data_type = match sql_type {
            ast::DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
            | ast::DataType::Datetime(None) => DataType::Timestamp(TimeUnit::Microsecond, None),
            ast::DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
                DataType::Time64(TimeUnit::Microsecond)
            }
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", data_type, true))))
    }
}
