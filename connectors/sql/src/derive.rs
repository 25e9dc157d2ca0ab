//! Joins and groups, described as tables.

use crate::block::{Block, block, column_sqls};
use crate::{Comparison, Laws, Server, Unsayable, estimated_rows};
use arrow_schema::{Field, Schema, SchemaRef};
use headwater_core::{
    Aggregate, AggregateCall, Answer, ColumnFacts, Input, Join, KeyRole, Precision, Relation, ScanRequest, Side,
    TableKey, TableKind, TableMetadata, TableName, TextComparison,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A relation that another is made of.
#[derive(Debug, Clone)]
pub struct Described<'a, L> {
    /// What is known of it.
    pub table: &'a TableMetadata,
    /// How its columns are read.
    pub laws: Laws<L>,
}

/// Describes `relation`, made of `inputs`: all but `detail`, into which the connector puts the laws.
///
/// # Errors
/// Why the source would not compute exactly what the engine would.
pub fn derive<S: Server>(
    server: S,
    relation: &Relation,
    inputs: &[Described<'_, S::Law>],
) -> Result<(TableMetadata, Laws<S::Law>), Unsayable> {
    let of_inputs = inputs.iter().map(|input| input.laws.clone()).collect();
    let mut laws = Laws { columns: BTreeMap::new(), inputs: of_inputs };
    let rows = block(server, relation, &laws)?;
    let (mut table, used) = match (relation, inputs) {
        (Relation::Aggregate(aggregate), [input]) => {
            (of_aggregate(aggregate, input.table), used_by_aggregate(aggregate))
        }
        (Relation::Join(join), [left, right]) => (of_join(join, left.table, right.table)?, used_by_join(join)),
        _ => return Err(Unsayable::new("the relation does not fit its inputs")),
    };
    mark_bytes(server, &rows, &mut table.columns);
    for (input, used) in laws.inputs.iter_mut().zip(used) {
        input.columns.retain(|name, _| used.contains(name.as_str()));
    }
    laws.columns = rows.columns.into_iter().map(|(name, placed)| (name, placed.law)).collect();
    Ok((table, laws))
}

/// Text that was grouped by its bytes compares by them from then on.
fn mark_bytes<S: Server>(server: S, rows: &Block<S::Law>, facts: &mut BTreeMap<String, ColumnFacts>) {
    for (name, column) in column_sqls(server, &rows.columns) {
        if let (Comparison::Text(TextComparison::Bytes), Some(facts)) = (column.comparison, facts.get_mut(&name)) {
            facts.text_comparison = TextComparison::Bytes;
        }
    }
}

fn filtered(input: &Input) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    for filter in &input.filters {
        filter.visit_columns(&mut |name| {
            used.insert(name);
        });
    }
    used
}

fn used_by_aggregate(aggregate: &Aggregate) -> Vec<BTreeSet<&str>> {
    let mut used = filtered(&aggregate.input);
    used.extend(aggregate.groups.iter().map(String::as_str));
    for operand in aggregate.calls.iter().filter_map(AggregateCall::operand) {
        operand.visit_columns(&mut |name| {
            used.insert(name);
        });
    }
    vec![used]
}

fn used_by_join(join: &Join) -> Vec<BTreeSet<&str>> {
    let (mut left, mut right) = (filtered(&join.left), filtered(&join.right));
    for (of_left, of_right) in &join.on {
        left.insert(of_left);
        right.insert(of_right);
    }
    for column in &join.columns {
        let side = if column.side == Side::Left { &mut left } else { &mut right };
        side.insert(&column.column);
    }
    vec![left, right]
}

/// A description under the name of the first table in it.
fn described(relation: &Relation, schema: SchemaRef) -> TableMetadata {
    let name = relation.tables().first().map_or_else(|| TableName::new("", ""), |name| (*name).clone());
    TableMetadata { kind: TableKind::View, ..TableMetadata::new(name, schema) }
}

fn of_aggregate(aggregate: &Aggregate, input: &TableMetadata) -> TableMetadata {
    let mut table = described(&aggregate.input.relation, Arc::clone(&aggregate.schema));
    let rows = input_rows(&aggregate.input, input);
    let mut groups = Some(1u64);
    for (group, field) in aggregate.groups.iter().zip(aggregate.schema.fields()) {
        let facts = input.facts(group);
        groups = groups.zip(facts.distinct.value()).map(|(groups, distinct)| groups.saturating_mul(distinct.max(1)));
        table.columns.insert(field.name().clone(), facts);
    }
    let calls = aggregate.schema.fields().iter().skip(aggregate.groups.len()).zip(&aggregate.calls);
    for (field, call) in calls {
        let facts = ColumnFacts { source_type: call.to_string(), ..ColumnFacts::default() };
        table.columns.insert(field.name().clone(), facts);
    }
    table.row_count = match (groups, rows) {
        (Some(groups), Some(rows)) => Precision::Inexact(groups.min(rows.max(1))),
        (Some(groups), None) => Precision::Inexact(groups),
        (None, _) => Precision::Unknown,
    };
    table
}

fn of_join(join: &Join, left: &TableMetadata, right: &TableMetadata) -> Result<TableMetadata, Unsayable> {
    let side = |side| if side == Side::Left { left } else { right };
    let mut fields = Vec::with_capacity(join.columns.len());
    for column in &join.columns {
        let field = side(column.side).schema.field_with_name(&column.column);
        let field = field.map_err(|_| Unsayable::new(format!("column {} is unknown", column.column)))?;
        fields.push(Field::new(&column.name, field.data_type().clone(), field.is_nullable()));
    }
    let mut table = described(&join.left.relation, Arc::new(Schema::new(fields)));
    let most = join.on.iter().filter_map(|(a, b)| distinct(left, a).max(distinct(right, b))).max();
    if let (Some(a), Some(b), Some(distinct)) = (input_rows(&join.left, left), input_rows(&join.right, right), most) {
        let rows = u128::from(a) * u128::from(b) / u128::from(distinct.max(1));
        table.row_count = Precision::Inexact(u64::try_from(rows).unwrap_or(u64::MAX).max(1));
    }
    for column in &join.columns {
        let mut facts = side(column.side).facts(&column.column);
        if let (Some(distinct), Some(rows)) = (facts.distinct.value(), table.row_count.value()) {
            facts.distinct = Precision::Inexact(distinct.min(rows));
        }
        table.columns.insert(column.name.clone(), facts);
    }
    table.keys =
        [(Side::Left, left), (Side::Right, right)].iter().flat_map(|(side, of)| kept(join, *side, of)).collect();
    Ok(table)
}

/// By the keys of a side rows are still found fast, as far as their first columns are in the answer.
fn kept(join: &Join, side: Side, table: &TableMetadata) -> Vec<TableKey> {
    let renamed = |column: &String| {
        let found = join.columns.iter().find(|joined| joined.side == side && joined.column == *column);
        found.map(|joined| joined.name.clone())
    };
    let of_key = |key: &TableKey| TableKey {
        name: key.name.clone(),
        columns: key.columns.iter().map_while(renamed).collect(),
        role: KeyRole::Index,
    };
    table.keys.iter().map(of_key).filter(|key| !key.columns.is_empty()).collect()
}

/// How many different values a column has: as many as there are rows, where it is a key.
fn distinct(table: &TableMetadata, column: &str) -> Option<u64> {
    let is_key =
        |key: &TableKey| key.role != KeyRole::Index && matches!(key.columns.as_slice(), [only] if only == column);
    let rows = table.row_count.value().filter(|_| table.keys.iter().any(is_key));
    rows.or(table.facts(column).distinct.value())
}

/// How many rows of an input are left by its filters.
fn input_rows(input: &Input, table: &TableMetadata) -> Option<u64> {
    let request = ScanRequest::relation(input.relation.clone()).with_filters(input.filters.clone());
    estimated_rows(table, &request, &vec![Answer::Exact; input.filters.len()]).value()
}
