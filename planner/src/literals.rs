//! Decimal constants beside floating-point columns.
//!
//! `1.5` is read as a decimal, so that `amount = 100.1` is exact for decimal columns. Beside a floating-point column
//! the engine's coercion would then turn the *column* into a decimal of 15 digits, which rounds it and fails on NaN.
//! SQL has it the other way round: the constant becomes a floating-point number.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, config::ConfigOptions};
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;
use headwater_core::decimal_text;

/// Turns decimal constants that are compared with floating-point expressions into floating-point ones.
#[derive(Debug)]
pub(crate) struct FloatConstants;

impl AnalyzerRule for FloatConstants {
    fn name(&self) -> &'static str {
        "float_constants"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let rewritten = expr.transform_up(|expr| Ok(rewrite(expr, &schema)))?;
                Ok(rewritten.update_data(|expr| name.restore(expr)))
            })
        })
        .map(|transformed| transformed.data)
    }
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (left_floats, right_floats) = (is_float(&left, schema), is_float(&right, schema));
            let left = if right_floats { Box::new(as_float(*left)) } else { left };
            let right = if left_floats { Box::new(as_float(*right)) } else { right };
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated, low, high }) if is_float(&expr, schema) => {
            let (low, high) = (Box::new(as_float(*low)), Box::new(as_float(*high)));
            Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated }) if is_float(&expr, schema) => {
            let list = list.into_iter().map(as_float).collect();
            Transformed::yes(Expr::InList(InList { expr, list, negated }))
        }
        other => Transformed::no(other),
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

fn is_float(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type.is_floating())
}

/// A decimal constant, also with a minus before it, as the nearest floating-point number; anything else as it is.
fn as_float(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(ScalarValue::Decimal128(Some(unscaled), _, scale), metadata) => {
            match decimal_text(unscaled, scale).parse::<f64>() {
                Ok(number) => lit(number),
                Err(_) => Expr::Literal(ScalarValue::Decimal128(Some(unscaled), 38, scale), metadata),
            }
        }
        Expr::Negative(inner) => Expr::Negative(Box::new(as_float(*inner))),
        other => other,
    }
}
