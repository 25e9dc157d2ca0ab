//! Which requests answer a scan, and what they promise. Pure: no I/O.
//!
//! ```text
//! filters ──▶ conditions ──▶ is the partition key bound by = or IN?
//!                              yes: Query per key value   pk conditions checked here, one sk condition in the key
//!                                                         condition, the rest in the filter expression
//!                              no:  Scan in segments      everything in the filter expression
//! ```
//!
//! What DynamoDB cannot say, or says with another meaning, is refused with its reason and stays in the engine.
//! A Scan promises no more than the Queries by join keys that may replace it (unless a limit or a count needs more).
//! Secondary indexes are listed in the metadata and not used yet.

mod condition;
mod conjunct;
mod expression;
mod keys;
mod literal;
mod request;
mod sort;
mod template;

pub(crate) use keys::splits;
pub(crate) use request::{BATCH_GET_ITEM, BatchParameters, KeyBatch, QUERY, ReadParameters, SCAN};

use crate::convert::attribute_of;
use crate::metadata::TableDetail;
use arrow::datatypes::Schema;
use condition::Compiler;
use conjunct::{Conjunct, FilterExpression, answers, conjuncts};
use expression::Aliases;
use headwater_core::{
    AccessPath, Answer, Error, Precision, Result, ScanPlan, ScanRequest, SourceRequest, TableMetadata, Value,
};
use keys::PlanDetail;
use literal::AsKey;
use request::{capacity_wanted, operation};
use sort::SortTest;
use std::collections::HashSet;
use template::{ItemKey, QueryShape, query_shape, usable};

/// A Scan gets a further segment for so many bytes: four pages of 1 MB.
const BYTES_PER_SEGMENT: u64 = 4 << 20;

/// Plans a scan of a table with at most `scan_segments` in parallel.
///
/// # Errors
/// `NotFound` for a column that the table does not have.
pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest, scan_segments: u32) -> Result<ScanPlan> {
    let schema = request.output_schema(table)?;
    let detail = TableDetail::of(table)?;
    let mut reading = Reading::new(table, &detail, attributes(&schema));
    let conjuncts = conjuncts(&request.filters);
    let shape = query_shape(table, &reading, &conjuncts);
    let bound = bound_values(table, &detail, &shape, &conjuncts);
    let draft = match bound {
        Some(values) => query_draft(&reading, &conjuncts, shape, values)?,
        None => scan_draft(&reading, &conjuncts, shape, scan_segments, request.limit.is_some())?,
    };
    reading.notes.extend(draft.notes.iter().cloned());
    let filters = answers(request.filters.len(), &conjuncts, &draft.outcomes);
    finish(request, schema, draft, filters, reading)
}

/// The attributes that columns are read from, each once. Empty: only the number of items is wanted.
fn attributes(schema: &Schema) -> Vec<String> {
    let mut known = HashSet::new();
    let names = schema.fields().iter().map(|field| attribute_of(field));
    names.filter(|name| known.insert(*name)).map(str::to_owned).collect()
}

/// What is the same for all requests of a plan.
#[derive(Debug)]
struct Reading<'a> {
    table: &'a TableMetadata,
    detail: &'a TableDetail,
    /// Attributes to fetch; empty: only their number is wanted.
    attributes: Vec<String>,
    notes: Vec<String>,
}

impl<'a> Reading<'a> {
    fn new(table: &'a TableMetadata, detail: &'a TableDetail, attributes: Vec<String>) -> Self {
        let mut reading = Self { table, detail, attributes, notes: Vec::new() };
        if !reading.attributes.is_empty() && reading.base(None, Aliases::default()).projection_expression.is_none() {
            let message = "the names of all columns are longer than a projection may be: whole items are fetched";
            reading.notes.push(message.to_owned());
        }
        reading
    }

    /// A request's parameters without the access path.
    fn base(&self, filter: Option<String>, mut aliases: Aliases) -> ReadParameters {
        let counted = self.attributes.is_empty();
        let mut parameters = ReadParameters {
            table_name: self.table.name.table.clone(),
            filter_expression: filter,
            projection_expression: if counted { None } else { aliases.projection(&self.attributes) },
            select: counted.then(|| "COUNT".to_owned()),
            consistent_read: self.detail.consistent.then_some(true),
            return_consumed_capacity: capacity_wanted(),
            ..ReadParameters::default()
        };
        aliases.store(&mut parameters);
        parameters
    }
}

/// A plan in the making.
struct Draft {
    outcomes: Vec<Answer>,
    access: AccessPath,
    requests: Vec<SourceRequest>,
    rows: Precision,
    detail: PlanDetail,
    notes: Vec<String>,
    /// Whether DynamoDB filters after it counts its own `Limit`.
    filtered: bool,
}

/// The values of the partition key that a condition names, those that cannot be left out.
fn bound_values(
    table: &TableMetadata,
    detail: &TableDetail,
    shape: &QueryShape,
    conjuncts: &[Conjunct<'_>],
) -> Option<Vec<(Value, ItemKey)>> {
    usable(table, &detail.partition).ok()?;
    let lists = conjuncts.iter().filter_map(|conjunct| conjunct.equals(&detail.partition.column));
    lists.into_iter().find_map(|values| {
        let (mut kept, mut seen) = (Vec::new(), HashSet::new());
        for value in values {
            match shape.template.partition_key(&value) {
                AsKey::Storable(json) if seen.insert(json.to_string()) => {
                    kept.push((value, ItemKey { partition: json, sort: None }));
                }
                AsKey::Storable(_) | AsKey::Impossible => {}
                AsKey::Unclear => return None,
            }
        }
        Some(kept)
    })
}

fn query_draft(
    reading: &Reading<'_>,
    conjuncts: &[Conjunct<'_>],
    shape: QueryShape,
    mut values: Vec<(Value, ItemKey)>,
) -> Result<Draft> {
    if shape.never {
        values.clear();
    }
    let requests: Vec<_> = values.iter().map(|(_, key)| shape.template.requests(key)).collect::<Result<_>>()?;
    let requests: Vec<SourceRequest> = requests.into_iter().flatten().collect();
    let mut columns = vec![reading.detail.partition.column.clone()];
    if shape.template.sort_test != SortTest::Any {
        columns.extend(reading.detail.sort.iter().map(|sort| sort.column.clone()));
    }
    let rows = query_rows(reading, conjuncts, &shape, values.len(), requests.len());
    let bound = values.into_iter().map(|(_, key)| key.partition).collect();
    let filtered = shape.template.has_filter();
    let detail = PlanDetail::new(reading, Ok(shape.template), Some(bound));
    let access = AccessPath::Keys(columns);
    Ok(Draft { outcomes: shape.outcomes, access, requests, rows, detail, notes: Vec::new(), filtered })
}

fn scan_draft(
    reading: &Reading<'_>,
    conjuncts: &[Conjunct<'_>],
    shape: QueryShape,
    scan_segments: u32,
    limited: bool,
) -> Result<Draft> {
    let (table, detail) = (reading.table, reading.detail);
    let mut aliases = Aliases::default();
    let mut filter = FilterExpression::default();
    let mut outcomes = Vec::with_capacity(conjuncts.len());
    for conjunct in conjuncts {
        let mut compiler = Compiler { table, detail, aliases: &mut aliases };
        outcomes.push(filter.push(&mut compiler, conjunct).map_or_else(refuse, |()| Answer::Exact));
    }
    let never = filter.never;
    let base = reading.base(filter.text(), aliases);
    let filtered = base.filter_expression.is_some();
    let requests = if never { Vec::new() } else { scan_requests(&base, segments(table, scan_segments))? };
    let rows = if never { Precision::Exact(0) } else { scan_rows(table, conjuncts, &outcomes) };
    let template = usable(table, &detail.partition).and_then(|()| {
        // Exact answers are of use to a limit and to counting; to anything else, reading by keys is of more.
        if !limited && !reading.attributes.is_empty() {
            soften(&mut outcomes, &shape.outcomes);
        }
        keeps_promises(shape, &outcomes)
    });
    let notes =
        template.as_ref().err().map(|reason| format!("join keys are of no use: {reason}")).into_iter().collect();
    let detail = PlanDetail::new(reading, template, None);
    Ok(Draft { outcomes, access: AccessPath::Scan, requests, rows, detail, notes, filtered })
}

/// Promises no more than a Query by join keys could keep in place of the Scan.
fn soften(promised: &mut [Answer], by_keys: &[Answer]) {
    for (promise, outcome) in promised.iter_mut().zip(by_keys) {
        if let (Answer::Exact, Answer::Inexact(reason) | Answer::Refused(reason)) = (&*promise, outcome) {
            *promise = Answer::Inexact(format!("checked again in case join keys replace the Scan: {reason}"));
        }
    }
}

/// A Query by join keys must apply everything that the Scan in its place has promised.
fn keeps_promises(shape: QueryShape, promised: &[Answer]) -> Result<template::QueryTemplate, String> {
    for (promise, outcome) in promised.iter().zip(&shape.outcomes) {
        if let (Answer::Exact, Answer::Inexact(reason) | Answer::Refused(reason)) = (promise, outcome) {
            return Err(reason.clone());
        }
    }
    Ok(shape.template)
}

fn segments(table: &TableMetadata, most: u32) -> u32 {
    let wanted = table.byte_size.value().unwrap_or(0) / BYTES_PER_SEGMENT + 1;
    u32::try_from(wanted).unwrap_or(u32::MAX).min(most).max(1)
}

fn scan_requests(base: &ReadParameters, segments: u32) -> Result<Vec<SourceRequest>> {
    let total = i32::try_from(segments).map_err(|_| Error::internal("more segments than DynamoDB has"))?;
    if total == 1 {
        return Ok(vec![operation(SCAN, base)?]);
    }
    let segment = |segment| ReadParameters { segment: Some(segment), total_segments: Some(total), ..base.clone() };
    (0..total).map(|number| operation(SCAN, &segment(number))).collect()
}

/// Rows of a Scan: the table's, thinned by a guess per applied condition.
fn scan_rows(table: &TableMetadata, conjuncts: &[Conjunct<'_>], outcomes: &[Answer]) -> Precision {
    let Some(rows) = table.row_count.value() else { return Precision::Unknown };
    Precision::Inexact(thinned(rows as f64, conjuncts.iter().zip(outcomes)))
}

/// Rows of a Query: partitions by their average size, or one per full key.
fn query_rows(
    reading: &Reading<'_>,
    conjuncts: &[Conjunct<'_>],
    shape: &QueryShape,
    partitions: usize,
    requests: usize,
) -> Precision {
    if requests == 0 {
        return Precision::Exact(0);
    }
    let items = match &shape.template.sort_test {
        SortTest::Values(_) => requests as f64,
        _ => partitions as f64 * reading.detail.items_per_partition,
    };
    let others = conjuncts.iter().zip(&shape.outcomes);
    let by_value = |c: &Conjunct<'_>| {
        let sort = reading.detail.sort.as_ref();
        c.equals(&reading.detail.partition.column).or_else(|| c.equals(&sort?.column)).is_some()
    };
    let others = others.filter(|(conjunct, _)| !by_value(conjunct));
    Precision::Inexact(thinned(items, others))
}

fn thinned<'a, 'b: 'a>(rows: f64, parts: impl Iterator<Item = (&'a Conjunct<'b>, &'a Answer)>) -> u64 {
    let applied = parts.filter(|(_, answer)| !matches!(answer, Answer::Refused(_)));
    let rows = applied.fold(rows, |rows, (conjunct, _)| rows * conjunct.selectivity());
    keys::whole(rows.ceil().max(1.0))
}

fn refuse(reason: String) -> Answer {
    Answer::Refused(reason)
}

/// Settles the limit and puts the plan together.
fn finish(
    request: &ScanRequest,
    schema: arrow::datatypes::SchemaRef,
    mut draft: Draft,
    filters: Vec<Answer>,
    reading: Reading<'_>,
) -> Result<ScanPlan> {
    let limit = request.limit.map(|limit| limit_answer(limit, &filters, &draft));
    if let (Some(most), Some(Answer::Exact | Answer::Inexact(_))) = (request.limit, &limit) {
        draft.detail.split_limit = Some(most);
        if !draft.filtered {
            draft.requests.iter_mut().for_each(|request| keys::set_limit(request, most));
        }
        draft.rows = draft.rows.value().map_or(Precision::Unknown, |rows| Precision::Inexact(rows.min(most)));
        if most == 0 {
            // DynamoDB's own limit starts at one.
            draft.requests.clear();
            draft.rows = Precision::Exact(0);
        }
    }
    draft.detail.stops_at_limit = limit == Some(Answer::Exact);
    let key_columns = draft.detail.key_columns();
    let detail = serde_json::to_value(&draft.detail).map_err(|error| Error::internal(error.to_string()))?;
    let whole = ScanPlan::whole_table(reading.table, request, draft.requests)?;
    Ok(ScanPlan {
        schema,
        filters,
        limit,
        access: draft.access,
        key_columns,
        rows: draft.rows,
        notes: reading.notes,
        detail,
        ..whole
    })
}

fn limit_answer(limit: u64, filters: &[Answer], draft: &Draft) -> Answer {
    if filters.iter().any(|answer| *answer != Answer::Exact) {
        return Answer::Refused("rows are filtered again after DynamoDB, which may leave too few".to_owned());
    }
    if limit == 0 || draft.requests.len() <= 1 {
        return Answer::Exact;
    }
    Answer::Inexact("each request stops at the limit by itself".to_owned())
}
