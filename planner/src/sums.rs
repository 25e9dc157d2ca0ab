//! Sums that say so when they do not fit.
//!
//! The engine adds 64-bit integers and decimals without looking: what is too large wraps around. Here each such sum is
//! added up in a wider type, and brought back to its own, where a value that does not fit is an error.
//!
//! ```text
//! sum of                  is added up as      comes back as
//! Int64, UInt64           Decimal128(20, 0)   Int64, UInt64
//! Decimal128(p > 28, s)   Decimal256(p, s)    Decimal128(38, s)
//! ```
//!
//! Decimals of up to 28 digits need more than ten thousand million rows to overflow; floating-point sums do not.

use crate::error::to_engine;
use crate::function;
use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Column, DFSchema, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::{Aggregate, Cast, Expr, ExprSchemable as _, LogicalPlan, Projection, Window};
use headwater_core::{Error, ErrorKind};
use std::sync::Arc;

/// Digits beyond which a sum of decimals could come to more than its type holds.
const SAFE_DIGITS: u8 = 28;

/// The optimized plan with every sum checked, in subqueries too.
pub(crate) fn checked(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::Aggregate(aggregate) => in_aggregate(aggregate).map(|new| replaced(node, new)),
        LogicalPlan::Window(window) => in_window(window).map(|new| replaced(node, new)),
        _ => Ok(Transformed::no(node)),
    })
    .data()
}

fn replaced(old: LogicalPlan, new: Option<LogicalPlan>) -> Transformed<LogicalPlan> {
    new.map_or_else(|| Transformed::no(old), Transformed::yes)
}

fn in_aggregate(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some(wide) = widened_all(&aggregate.aggr_expr, aggregate.input.schema())? else { return Ok(None) };
    let groups = aggregate.group_expr.clone();
    let plan = Aggregate::try_new(Arc::clone(&aggregate.input), groups, wide)?;
    narrowed(LogicalPlan::Aggregate(plan), &aggregate.schema).map(Some)
}

fn in_window(window: &Window) -> Result<Option<LogicalPlan>> {
    let Some(wide) = widened_all(&window.window_expr, window.input.schema())? else { return Ok(None) };
    let plan = Window::try_new(wide, Arc::clone(&window.input))?;
    narrowed(LogicalPlan::Window(plan), &window.schema).map(Some)
}

/// The expressions with sums in their wider types; `None` if none of them needs one.
fn widened_all(exprs: &[Expr], input: &DFSchema) -> Result<Option<Vec<Expr>>> {
    let mut changed = false;
    let mut all = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let widened = expr.clone().transform_up(|expr| widened(expr, input))?;
        changed |= widened.transformed;
        all.push(widened.data);
    }
    Ok(changed.then_some(all))
}

fn widened(expr: Expr, input: &DFSchema) -> Result<Transformed<Expr>> {
    let args = match &expr {
        Expr::AggregateFunction(call) if call.func.name() == "sum" => &call.params.args,
        Expr::WindowFunction(call) if is_sum(&call.fun) => &call.params.args,
        _ => return Ok(Transformed::no(expr)),
    };
    let [arg] = args.as_slice() else { return Ok(Transformed::no(expr)) };
    let Some(wide) = wide_type(&arg.get_type(input)?) else { return Ok(Transformed::no(expr)) };
    let args = vec![Expr::Cast(Cast::new(Box::new(arg.clone()), wide))];
    Ok(Transformed::yes(match expr {
        Expr::AggregateFunction(mut call) => {
            call.params.args = args;
            Expr::AggregateFunction(call)
        }
        Expr::WindowFunction(mut call) => {
            call.params.args = args;
            Expr::WindowFunction(call)
        }
        other => other,
    }))
}

fn is_sum(function: &WindowFunctionDefinition) -> bool {
    matches!(function, WindowFunctionDefinition::AggregateUDF(function) if function.name() == "sum")
}

fn wide_type(summed: &DataType) -> Option<DataType> {
    match summed {
        DataType::Int64 | DataType::UInt64 => Some(DataType::Decimal128(20, 0)),
        DataType::Decimal128(precision, scale) if *precision > SAFE_DIGITS => {
            Some(DataType::Decimal256(*precision, *scale))
        }
        _ => None,
    }
}

/// The wider plan with the columns of the old one: their names, and their types where those were widened.
fn narrowed(wide: LogicalPlan, wanted: &DFSchema) -> Result<LogicalPlan> {
    let columns = wide.schema().iter().zip(wanted.iter());
    let exprs = columns.map(|((qualifier, found), (relation, field))| {
        let column = Expr::Column(Column::new(qualifier.cloned(), found.name()));
        let wanted = field.data_type();
        let value = if found.data_type() == wanted { column } else { fitted(wanted.clone(), column) };
        value.alias_qualified(relation.cloned(), field.name())
    });
    let exprs = exprs.collect();
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(wide))?))
}

/// `sum` as a value of `result`, or an error.
fn fitted(result: DataType, sum: Expr) -> Expr {
    function::call("fitted_sum", fit, result, vec![sum])
}

fn fit(arrays: &[ArrayRef], result: &DataType) -> Result<ArrayRef> {
    let [sums] = arrays else { return exec_err!("fitted_sum takes a sum") };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(sums, result, &options).map_err(|_| to_engine(too_large(result)))
}

fn too_large(result: &DataType) -> Error {
    let (what, wider) = match result {
        DataType::Int64 => ("64-bit integers", "DECIMAL(38,0)"),
        DataType::UInt64 => ("unsigned 64-bit integers", "DECIMAL(38,0)"),
        _ => ("decimals", "DOUBLE, which rounds,"),
    };
    let message = format!("a sum of {what} does not fit {result}");
    Error::new(ErrorKind::InvalidInput, message).with_hint(format!("CAST what is summed to {wider} or sum parts of it"))
}
