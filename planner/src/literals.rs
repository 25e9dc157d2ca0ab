//! Constants and other values beside those of another type, before the engine's own coercion sees them.
//!
//! # Decimals beside floating-point numbers
//! `1.5` is read as a decimal, so that `amount = 100.1` is exact for decimal columns. Beside a floating-point column
//! the engine's coercion would then turn the *column* into a decimal of 15 digits, which rounds it and fails on NaN.
//! SQL has it the other way round: where the two meet, in comparisons, in the branches of CASE, among the arguments of
//! functions that give one of them back, and in unions, the decimal becomes a floating-point number.
//!
//! # Text constants beside timestamps and times
//! They are read in the unit of what they are compared with: in nanoseconds, the engine's choice, the year 9999 has no
//! place.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, config::ConfigOptions};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Union, cast, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;
use headwater_core::decimal_text;
use std::sync::Arc;

/// Turns decimals that meet floating-point expressions into floating-point numbers, and text that meets a timestamp
/// into one.
#[derive(Debug)]
pub(crate) struct Constants;

impl AnalyzerRule for Constants {
    fn name(&self) -> &'static str {
        "constants"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let rewritten = expr.transform_up(|expr| Ok(rewrite(expr, &schema)))?;
                Ok(rewritten.update_data(|expr| name.restore(expr)))
            })?;
            plan.map_data(|plan| match plan {
                LogicalPlan::Union(union) => rewrite_union(union),
                other => Ok(other),
            })
        })
        .map(|transformed| transformed.data)
    }
}

/// Functions that give one of their arguments back, or hold them side by side.
const GIVES_ONE_BACK: &[&str] = &["coalesce", "greatest", "ifnull", "least", "make_array", "nullif", "nvl", "nvl2"];

fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let is_float = |expr: &Expr| is_float(expr, schema);
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (left_floats, right_floats) = (is_float(&left), is_float(&right));
            let left = if right_floats { Box::new(as_float(*left, schema)) } else { left };
            let right = if left_floats { Box::new(as_float(*right, schema)) } else { right };
            let (left_type, right_type) = (moment(&left, schema), moment(&right, schema));
            let left = Box::new(as_moment(*left, right_type));
            let right = Box::new(as_moment(*right, left_type));
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated, low, high }) if moment(&expr, schema).is_some() => {
            let data_type = moment(&expr, schema);
            let [low, high] = [low, high].map(|part| Box::new(as_moment(*part, data_type.clone())));
            Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::Between(Between { expr, negated, low, high }) if is_float(&expr) || is_float(&low) || is_float(&high) => {
            let [expr, low, high] = [expr, low, high].map(|part| Box::new(as_float(*part, schema)));
            Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated }) if moment(&expr, schema).is_some() => {
            let data_type = moment(&expr, schema);
            let list = list.into_iter().map(|part| as_moment(part, data_type.clone())).collect();
            Transformed::yes(Expr::InList(InList { expr, list, negated }))
        }
        Expr::InList(InList { expr, list, negated }) if is_float(&expr) || list.iter().any(is_float) => {
            let list = list.into_iter().map(|part| as_float(part, schema)).collect();
            Transformed::yes(Expr::InList(InList { expr: Box::new(as_float(*expr, schema)), list, negated }))
        }
        Expr::ScalarFunction(mut call)
            if GIVES_ONE_BACK.contains(&call.func.name()) && call.args.iter().any(is_float) =>
        {
            call.args = call.args.into_iter().map(|argument| as_float(argument, schema)).collect();
            Transformed::yes(Expr::ScalarFunction(call))
        }
        Expr::Case(case) => rewrite_case(case, schema),
        other => Transformed::no(other),
    }
}

/// Results are one family, what is compared with the operand another.
fn rewrite_case(mut case: Case, schema: &DFSchema) -> Transformed<Expr> {
    let floats = |expr: &Expr| is_float(expr, schema);
    let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    if results.into_iter().any(|result| floats(result)) {
        case.else_expr = case.else_expr.map(|result| Box::new(as_float(*result, schema)));
        for (_, then) in &mut case.when_then_expr {
            **then = as_float(std::mem::take(then), schema);
        }
    }
    if case.expr.iter().chain(case.when_then_expr.iter().map(|(when, _)| when)).any(|when| floats(when))
        && let Some(operand) = case.expr.take()
    {
        case.expr = Some(Box::new(as_float(*operand, schema)));
        for (when, _) in &mut case.when_then_expr {
            **when = as_float(std::mem::take(when), schema);
        }
    }
    Transformed::yes(Expr::Case(case))
}

/// Inputs whose decimal columns stand where another input has floating-point ones.
fn rewrite_union(union: Union) -> Result<LogicalPlan> {
    let columns = union.inputs.first().map_or(0, |input| input.schema().fields().len());
    let of_input = |input: &LogicalPlan, column: usize| input.schema().field(column).data_type().clone();
    let floats: Vec<bool> = (0..columns)
        .map(|column| {
            let types = || union.inputs.iter().map(|input| of_input(input, column));
            types().any(|data_type| data_type.is_floating()) && types().any(|data_type| data_type.is_decimal())
        })
        .collect();
    if !floats.contains(&true) {
        return Ok(LogicalPlan::Union(union));
    }
    let inputs = union.inputs.into_iter().map(|input| {
        let columns = input.schema().columns().into_iter().zip(&floats).map(|(column, floats)| {
            let name = column.name.clone();
            let expr = Expr::Column(column);
            if *floats { as_float(expr, input.schema()).alias(name) } else { expr }
        });
        let columns: Vec<Expr> = columns.collect();
        Ok(Arc::new(LogicalPlanBuilder::from(input).project(columns)?.build()?))
    });
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs.collect::<Result<_>>()?)?))
}

/// The type of a timestamp or a time of day.
fn moment(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    let data_type = expr.get_type(schema).ok()?;
    matches!(data_type, DataType::Timestamp(..) | DataType::Time64(_) | DataType::Time32(_)).then_some(data_type)
}

/// A text constant as this type; anything else as it is.
fn as_moment(expr: Expr, data_type: Option<DataType>) -> Expr {
    match (&expr, data_type) {
        (Expr::Literal(ScalarValue::Utf8(Some(_)), _), Some(data_type)) => cast(expr, data_type),
        _ => expr,
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn is_float(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type.is_floating())
}

/// A decimal as the nearest floating-point number; anything else as it is.
fn as_float(expr: Expr, schema: &DFSchema) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Decimal128(Some(unscaled), _, scale), metadata) => {
            match decimal_text(unscaled, scale).parse::<f64>() {
                Ok(number) => lit(number),
                Err(_) => Expr::Literal(ScalarValue::Decimal128(Some(unscaled), 38, scale), metadata),
            }
        }
        Expr::Negative(inner) => Expr::Negative(Box::new(as_float(*inner, schema))),
        other if other.get_type(schema).is_ok_and(|data_type| data_type.is_decimal()) => cast(other, DataType::Float64),
        other => other,
    }
}
