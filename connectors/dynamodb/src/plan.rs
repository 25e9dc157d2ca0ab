//! Which requests answer a scan, and what they promise. Pure: no I/O.
//!
//! ```text
//! filters ──▶ conditions ──▶ for the table, and for each index that has all that is wanted (`index.rs`):
//!               partition key bound by = or IN, whole keys, nothing to filter    BatchGetItem, 100 a request
//!               partition key bound by = or IN                                   Query per key value: pk conditions
//!                                                                                checked here, one sk condition in the
//!                                                                                key condition, the rest in the filter
//!               always                                                           Scan in segments, all in the filter
//!             ──▶ the cheapest in read units (`cost.rs`); of the others each index has its reason in a note
//! ```
//!
//! A Query reads in the order of its sort key, so it gives the first rows of such an order first (`top.rs`). Keys of a
//! join may replace whatever was planned, again where that is cheaper (`keys.rs`).
//!
//! What DynamoDB cannot say, or says with another meaning, is refused with its reason and stays in the engine.
//! A Scan promises no more than the Queries by join keys that may replace it (unless a limit or a count needs more).
//! DynamoDB hears the names of attributes, the engine those of columns; both differ where a person has declared so.

mod condition;
mod conjunct;
mod cost;
mod draft;
mod expression;
mod index;
mod keys;
mod literal;
mod paths;
mod request;
mod scan;
mod sort;
mod stored;
mod target;
mod template;
mod top;
mod ways;

pub(crate) use keys::splits;
pub(crate) use request::{BATCH_GET_ITEM, BatchParameters, KeyBatch, QUERY, ReadParameters, SCAN};

use crate::convert::{ColumnType, attribute_of};
use crate::metadata::TableDetail;
use arrow::datatypes::SchemaRef;
use conjunct::{answers, conjuncts};
use draft::{Draft, draft};
use expression::Aliases;
use headwater_core::{Answer, Error, Precision, Result, ScanPlan, ScanRequest, SourceRequest, TableMetadata, Top};
use request::capacity_wanted;
use serde_json::Value as Json;
use target::{Target, attribute_of_column};

/// Plans a scan of a table with at most `scan_segments` in parallel.
///
/// # Errors
/// `NotFound` for a column that the table does not have.
pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest, scan_segments: u32) -> Result<ScanPlan> {
    let schema = request.output_schema(table)?;
    let detail = TableDetail::of(table)?;
    let reading = Reading::new(table, &detail, request, &schema, scan_segments);
    let conjuncts = conjuncts(&request.filters);
    let (candidates, mut notes) = ways::candidates(&reading, &conjuncts);
    let (way, more) = ways::cheapest(&reading, &candidates, &conjuncts)
        .ok_or_else(|| Error::internal("a table that cannot even be scanned"))?;
    notes.extend(more);
    let draft = draft(&reading, &candidates, &conjuncts, way)?;
    notes.extend(reading.projection_note());
    let filters = answers(request.filters.len(), &conjuncts, &draft.outcomes);
    finish(request, schema, draft, filters, (table, notes))
}

/// What is the same for all requests of a plan.
#[derive(Debug)]
struct Reading<'a> {
    table: &'a TableMetadata,
    detail: &'a TableDetail,
    /// Attributes to fetch, each once; empty: only the number of items is wanted.
    attributes: Vec<String>,
    /// Whether some column is made of the whole item.
    whole_items: bool,
    /// These and all that filters and order need.
    needed: Vec<String>,
    top: Option<&'a Top>,
    limit: Option<u64>,
    scan_segments: u32,
}

impl<'a> Reading<'a> {
    fn new(
        table: &'a TableMetadata,
        detail: &'a TableDetail,
        request: &'a ScanRequest,
        schema: &SchemaRef,
        scan_segments: u32,
    ) -> Self {
        let mut attributes = Vec::new();
        schema.fields().iter().for_each(|field| add(&mut attributes, attribute_of(field)));
        let whole_items = schema.fields().iter().any(|field| ColumnType::of(field) == Some(ColumnType::Item));
        let mut needed = attributes.clone();
        let mut need = |column: &str| {
            if let Some(attribute) = attribute_of_column(table, column) {
                add(&mut needed, attribute);
            }
        };
        request.filters.iter().for_each(|filter| filter.visit_columns(&mut need));
        request.top.iter().flat_map(|top| &top.order).for_each(|key| need(&key.column));
        let (top, limit) = (request.top.as_ref(), request.limit);
        Self { table, detail, attributes, whole_items, needed, top, limit, scan_segments }
    }

    /// A request's parameters without the access path.
    fn base(&self, target: &Target<'_>, filter: Option<String>, mut aliases: Aliases) -> ReadParameters {
        let counted = self.attributes.is_empty();
        let mut parameters = ReadParameters {
            table_name: self.table.name.table.clone(),
            index_name: target.index.map(|index| index.name.clone()),
            filter_expression: filter,
            projection_expression: if counted || self.whole_items {
                None
            } else {
                aliases.projection(&self.attributes)
            },
            select: counted.then(|| "COUNT".to_owned()),
            consistent_read: self.detail.consistent.then_some(true),
            return_consumed_capacity: capacity_wanted(),
            ..ReadParameters::default()
        };
        aliases.store(&mut parameters);
        parameters
    }

    /// Whether every item has the attribute, as it is part of the table's key.
    fn is_table_key(&self, attribute: &str) -> bool {
        self.detail.is_key(attribute)
    }

    fn projection_note(&self) -> Option<String> {
        let too_long = !self.whole_items
            && !self.attributes.is_empty()
            && Aliases::default().projection(&self.attributes).is_none();
        let note = "the names of all columns are longer than a projection may be: whole items are fetched";
        too_long.then(|| note.to_owned())
    }
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// A non-negative estimate as a count.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(estimate: f64) -> u64 {
    estimate as u64
}

/// Settles limit and top, and puts the plan together.
fn finish(
    request: &ScanRequest,
    schema: SchemaRef,
    mut draft: Draft,
    filters: Vec<Answer>,
    (table, notes): (&TableMetadata, Vec<String>),
) -> Result<ScanPlan> {
    let all_exact = ways::all_exact(&filters);
    let limit = request.limit.map(|limit| limit_answer(limit, all_exact, &draft));
    let top = request.top.as_ref().map(|_| top_answer(all_exact, &draft));
    let accepted = |answer: &Option<Answer>| matches!(answer, Some(Answer::Exact | Answer::Inexact(_)));
    let asked = request.limit.filter(|_| accepted(&limit));
    if let Some(most) = asked.or(request.top.as_ref().map(|top| top.rows).filter(|_| accepted(&top))) {
        stop_after(&mut draft, most);
    }
    draft.detail.stops_at_limit = limit == Some(Answer::Exact) || accepted(&top);
    let key_columns = draft.detail.key_columns();
    let detail = serde_json::to_value(&draft.detail).map_err(|error| Error::internal(error.to_string()))?;
    let whole = ScanPlan::whole_table(table, request, draft.requests)?;
    Ok(ScanPlan {
        schema,
        filters,
        top,
        limit,
        access: draft.access,
        key_columns,
        rows: draft.rows,
        notes: notes.into_iter().chain(draft.notes).collect(),
        detail,
        ..whole
    })
}

/// Each request stops after so many rows.
fn stop_after(draft: &mut Draft, most: u64) {
    draft.detail.split_limit = Some(most);
    if !draft.filtered {
        draft.requests.iter_mut().for_each(|request| set_limit(request, most));
    }
    draft.rows = draft.rows.value().map_or(Precision::Unknown, |rows| Precision::Inexact(rows.min(most)));
    if most == 0 {
        // DynamoDB's own limit starts at one.
        draft.requests.clear();
        draft.rows = Precision::Exact(0);
    }
}

/// Puts the API's `Limit` into a request: items looked at, which are items returned where nothing filters.
fn set_limit(request: &mut SourceRequest, limit: u64) {
    if let SourceRequest::Operation { name, parameters: Json::Object(parameters) } = request
        && [QUERY, SCAN].contains(&name.as_str())
        && limit > 0
    {
        parameters.insert("Limit".to_owned(), i32::try_from(limit).unwrap_or(i32::MAX).into());
    }
}

fn limit_answer(limit: u64, all_exact: bool, draft: &Draft) -> Answer {
    if !all_exact {
        return Answer::Refused("rows are filtered again after DynamoDB, which may leave too few".to_owned());
    }
    if limit == 0 || draft.requests.len() <= 1 {
        return Answer::Exact;
    }
    Answer::Inexact("each request stops at the limit by itself".to_owned())
}

fn top_answer(all_exact: bool, draft: &Draft) -> Answer {
    if !all_exact {
        return Answer::Refused("rows are filtered again after DynamoDB, which may leave too few".to_owned());
    }
    match (&draft.unordered, draft.requests.len()) {
        (Some(reason), _) => Answer::Refused(reason.clone()),
        (None, 0 | 1) => Answer::Exact,
        (None, _) => Answer::Inexact("each Query gives its own first rows".to_owned()),
    }
}
