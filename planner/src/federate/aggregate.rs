//! Groups, as a source computes them.

use super::block::Block;
use super::number::exact_number;
use crate::average::average_of;
use crate::translate::Reason;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate as EngineAggregate, Expr as EngineExpr, ExprSchemable};
use headwater_core::{Aggregate, AggregateCall, Expr};
use std::sync::Arc;

/// What a source is asked for, and the columns of the engine's operator in its terms.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) relation: Aggregate,
    /// One per column of the engine's aggregate, over the relation's columns.
    pub(crate) columns: Vec<EngineExpr>,
}

/// The groups that `aggregate` makes of a block's rows, or why the engine makes them.
pub(crate) fn groups(aggregate: &EngineAggregate, block: &Block) -> Result<Groups, Reason> {
    let input_schema = block.schema()?;
    let mut asked = Asked { block, input_schema, groups: Vec::new(), calls: Vec::new(), fields: Vec::new() };
    let outputs = aggregate.schema.fields();
    let mut columns = Vec::with_capacity(outputs.len());
    for (expr, output) in aggregate.group_expr.iter().zip(outputs) {
        if matches!(expr, EngineExpr::GroupingSet(_)) {
            return Err("grouping sets are computed here".to_owned());
        }
        columns.push(asked.group(expr, output)?);
    }
    for (expr, output) in aggregate.aggr_expr.iter().zip(outputs.iter().skip(aggregate.group_expr.len())) {
        columns.push(asked.aggregate(expr, output)?);
    }
    let schema = Arc::new(Schema::new(asked.fields));
    let relation = Aggregate { input: block.input(), groups: asked.groups, calls: asked.calls, schema };
    Ok(Groups { relation, columns })
}

struct Asked<'a> {
    block: &'a Block,
    input_schema: DFSchema,
    groups: Vec<String>,
    calls: Vec<AggregateCall>,
    /// Of the groups, then of the calls.
    fields: Vec<Field>,
}

impl Asked<'_> {
    fn group(&mut self, expr: &EngineExpr, output: &Field) -> Result<EngineExpr, Reason> {
        let column = self.block.column(expr)?;
        if let Some(place) = self.groups.iter().position(|known| *known == column) {
            return Ok(named(self.fields.get(place)));
        }
        let field = self.block.metadata.schema.field_with_name(&column).map_err(|error| error.to_string())?;
        if field.data_type() != output.data_type() {
            return Err(format!("{column} is grouped as {}", output.data_type()));
        }
        // Groups come first, so their names are free.
        self.fields.push(Field::new(&column, field.data_type().clone(), field.is_nullable()));
        self.groups.push(column);
        Ok(named(self.fields.last()))
    }

    fn aggregate(&mut self, expr: &EngineExpr, output: &Field) -> Result<EngineExpr, Reason> {
        match expr {
            EngineExpr::Alias(alias) => self.aggregate(&alias.expr, output),
            EngineExpr::AggregateFunction(function) => self.function(function, output),
            other => Err(format!("{} is computed here", crate::kept::sql_text(other))),
        }
    }

    fn function(&mut self, function: &AggregateFunction, output: &Field) -> Result<EngineExpr, Reason> {
        let params = &function.params;
        let name = function.func.name();
        if params.distinct || params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some()
        {
            return Err(format!("{name} with DISTINCT, FILTER or an order is computed here"));
        }
        let [argument] = params.args.as_slice() else {
            return Err(format!("{name}() with other than one argument is computed here"));
        };
        let result = output.data_type();
        match name {
            "count" if is_constant(argument) => Ok(self.call(AggregateCall::CountRows, DataType::Int64)),
            "count" => {
                let column = self.block.column(argument)?;
                Ok(self.call(AggregateCall::Count(Expr::column(column)), DataType::Int64))
            }
            "min" | "max" => {
                let column = self.block.column(argument)?;
                let call = if name == "min" { AggregateCall::Min } else { AggregateCall::Max };
                Ok(self.call(call(Expr::column(column)), result.clone()))
            }
            "sum" => {
                let meaning = self.block.meaning(argument)?;
                let number = exact_number(&meaning, &self.input_schema)?;
                if !matches!(result, DataType::Int64 | DataType::UInt64 | DataType::Decimal128(..)) {
                    return Err(format!("a sum of type {result} is computed here"));
                }
                Ok(self.call(AggregateCall::Sum(number.expr), result.clone()))
            }
            "avg" => self.average(argument, result),
            other => Err(format!("{other}() is computed here")),
        }
    }

    /// The sum and the count at the source, their quotient here, rounded as the engine's own.
    fn average(&mut self, argument: &EngineExpr, result: &DataType) -> Result<EngineExpr, Reason> {
        let meaning = self.block.meaning(argument)?;
        let numbers = match (&meaning, result) {
            // The engine averages integers as floating-point numbers.
            (EngineExpr::Cast(cast), DataType::Float64) => cast.expr.as_ref(),
            (_, DataType::Decimal128(..)) => &meaning,
            _ => return Err("floating-point sums depend on the order of addition".to_owned()),
        };
        let data_type = numbers.get_type(&self.input_schema).map_err(|error| error.strip_backtrace())?;
        if *result == DataType::Float64 && !data_type.is_integer() {
            return Err("floating-point sums depend on the order of addition".to_owned());
        }
        let number = exact_number(numbers, &self.input_schema)?;
        let sum = self.call(AggregateCall::Sum(number.expr.clone()), DataType::Decimal128(38, number.scale));
        // Where the operand is NULL, so is every column in it.
        let count = self.call(AggregateCall::Count(number.expr), DataType::Int64);
        Ok(average_of(result.clone(), sum, count))
    }

    /// The column of a call, asked for once.
    fn call(&mut self, call: AggregateCall, data_type: DataType) -> EngineExpr {
        let known = self.calls.iter().zip(self.fields.iter().skip(self.groups.len()));
        let known = known.into_iter().find(|(known, field)| **known == call && *field.data_type() == data_type);
        if let Some((_, field)) = known {
            return named(Some(field));
        }
        let nullable = !matches!(call, AggregateCall::CountRows | AggregateCall::Count(_));
        let name = self.free_name();
        self.fields.push(Field::new(name, data_type, nullable));
        self.calls.push(call);
        named(self.fields.last())
    }

    /// Short, as some sources cut long names.
    fn free_name(&self) -> String {
        let mut number = self.calls.len() + 1;
        loop {
            let name = format!("a{number}");
            if !self.fields.iter().any(|field| *field.name() == name) {
                return name;
            }
            number += 1;
        }
    }
}

fn named(field: Option<&Field>) -> EngineExpr {
    EngineExpr::Column(Column::new_unqualified(field.map_or("", |field| field.name())))
}

/// `count(*)` is `count(1)` to the engine.
fn is_constant(argument: &EngineExpr) -> bool {
    matches!(argument, EngineExpr::Literal(value, _) if !value.is_null())
}
