//! What is promised for a request: which files, which of their bytes, and what their statistics may rule out.

mod cut;
mod keys;
pub(crate) mod prune;

pub(crate) use keys::splits;

use crate::config::Root;
use crate::listing::{FileEntry, Format, Partitions, partition_values};
use crate::metadata::{Layout, TableDetail};
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use headwater_core::{
    AccessPath, Answer, Error, ErrorKind, Expr, Precision, Result, ScanPlan, ScanRequest, SourceRequest, Split,
    TableMetadata, Value, eval,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// A file, or a part of it, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub(crate) path: String,
    /// Stored bytes of the whole file.
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    /// The bytes in which the wanted records or row groups begin; none: all of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) range: Option<(u64, u64)>,
}

/// What reading needs to know beside the request. The same in every split of a scan.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ReadDetail {
    pub(crate) root: Root,
    base: String,
    pub(crate) layout: Layout,
    partitions: Vec<(String, DataType, bool)>,
    declared: BTreeSet<String>,
    /// All columns of the table: a file with another one is an error.
    known: BTreeSet<String>,
    /// What may rule out row groups and pages.
    pub(crate) predicate: Vec<Expr>,
}

impl ReadDetail {
    pub(crate) fn is_partition(&self, column: &str) -> bool {
        self.partitions.iter().any(|(name, _, _)| name == column)
    }

    pub(crate) fn is_declared(&self, column: &str) -> bool {
        self.declared.contains(column)
    }

    pub(crate) fn knows(&self, column: &str) -> bool {
        self.known.contains(column)
    }

    /// # Errors
    /// `SchemaMismatch` for a column that the table does not have: it must not vanish.
    pub(crate) fn check_known<'a>(&self, mut columns: impl Iterator<Item = &'a str>, file: &str) -> Result<()> {
        let Some(unknown) = columns.find(|column| !self.known.contains(*column)) else { return Ok(()) };
        let message = format!("{file} has the column {unknown}, which the table does not have");
        Err(Error::new(ErrorKind::SchemaMismatch, message).with_hint(
            "it was not in what was read to learn the columns: raise the catalog's options sample_files and \
             sample_size, or declare the column",
        ))
    }

    /// The columns that a file's path gives, as arrays of one row.
    pub(crate) fn constants(&self, piece: &Piece) -> Result<Vec<(String, ArrayRef)>> {
        let partitions = Partitions { columns: self.partitions.clone() };
        let arrays = partitions.arrays(&piece.path, &self.base)?;
        Ok(self.partitions.iter().map(|(name, _, _)| name.clone()).zip(arrays).collect())
    }

    /// The same as values.
    pub(crate) fn constant_values(&self, piece: &Piece) -> Result<Vec<(String, Value)>> {
        partition_values(&Partitions { columns: self.partitions.clone() }, &piece.path, &self.base)
    }
}

/// Negotiates a request.
pub(crate) fn plan_scan(table: &TableMetadata, request: &ScanRequest, split_bytes: u64) -> Result<ScanPlan> {
    let detail = TableDetail::of(table)?;
    let schema = request.output_schema(table)?;
    let answers: Vec<Answer> = request.filters.iter().map(|filter| answer(filter, table, &detail)).collect();
    let (exact, predicate) = effective(request, &answers);
    let read = ReadDetail {
        root: detail.root.clone(),
        base: detail.base.clone(),
        layout: detail.layout.clone(),
        partitions: detail.partitions.clone(),
        declared: detail.declared.clone(),
        known: table.schema.fields().iter().map(|field| field.name().clone()).collect(),
        predicate,
    };
    let kept = kept(&detail, &exact, &read.predicate)?;
    // Whether a CSV file is cut right is known only once the splits before were read to their end, and an engine that
    // has its rows stops earlier: it is cut only where its owner says that no line break is within quotes.
    let splittable = match detail.layout.format {
        Format::Parquet | Format::Json => true,
        Format::Csv => !detail.layout.newlines_in_quotes && request.limit.is_none(),
    };
    let groups = cut::grouped(&kept, split_bytes, splittable);
    let requests: Vec<SourceRequest> = groups.iter().map(|pieces| source_request(&read, &schema, pieces)).collect();
    let is_uncut =
        !splittable && request.limit.is_none() && cut::grouped(&kept, split_bytes, true).len() > groups.len();
    let limit = request.limit.map(|_| limit_answer(&answers, requests.len()));
    let encoded = serde_json::to_value(&read).map_err(|error| Error::internal(error.to_string()))?;
    Ok(ScanPlan {
        version: headwater_core::WIRE_VERSION,
        request: request.clone(),
        schema,
        filters: answers,
        top: request.top.as_ref().map(|_| Answer::Refused("files are in no order".to_owned())),
        limit,
        access: AccessPath::Scan,
        key_columns: key_columns(table, &detail),
        max_keys: Some(keys::MOST),
        max_parallel_splits: None,
        rows: rows(table, &detail, request, &kept),
        notes: notes(&detail, &read, &kept, is_uncut),
        requests,
        detail: encoded,
    })
}

/// The exact filters, on the columns of paths alone, and those that may rule out what is in the files.
fn effective(request: &ScanRequest, answers: &[Answer]) -> (Vec<Expr>, Vec<Expr>) {
    let answered = |wanted: fn(&Answer) -> bool| {
        let both = request.filters.iter().zip(answers);
        both.filter(|(_, answer)| wanted(answer)).map(|(filter, _)| filter.clone()).collect()
    };
    let exact = answered(|answer| *answer == Answer::Exact);
    let inexact: Vec<Expr> = answered(|answer| matches!(answer, Answer::Inexact(_)));
    // Each part of a conjunction selects pages by itself.
    let parts = inexact.into_iter().flat_map(|filter| match filter {
        Expr::And(parts) => parts,
        other => vec![other],
    });
    (exact, parts.collect())
}

fn answer(filter: &Expr, table: &TableMetadata, detail: &TableDetail) -> Answer {
    let (mut unknown, mut partition, mut own) = (None, 0, 0);
    filter.visit_columns(&mut |column| {
        if detail.partitions.iter().any(|(name, _, _)| name == column) {
            partition += 1;
        } else if table.schema.index_of(column).is_ok() {
            own += 1;
        } else {
            unknown = Some(column);
        }
    });
    if let Some(unknown) = unknown {
        return Answer::Refused(format!("the table has no column {unknown}"));
    }
    if own == 0 && partition > 0 {
        return Answer::Exact;
    }
    let prunable = |column: &str| table.schema.field_with_name(column).is_ok_and(|f| has_order(f.data_type()));
    match detail.layout.format {
        Format::Parquet if own == 0 => Answer::Refused("it uses no column".to_owned()),
        Format::Parquet if prune::is_prunable(filter, &prunable) => {
            Answer::Inexact("row groups and pages are left out by their statistics".to_owned())
        }
        Format::Parquet => Answer::Refused("statistics of row groups and pages do not tell".to_owned()),
        Format::Csv | Format::Json if partition > 0 && prune::is_prunable(filter, &|_| true) => {
            Answer::Inexact("files are left out by their path".to_owned())
        }
        format @ (Format::Csv | Format::Json) => {
            Answer::Refused(format!("{} has no statistics to leave anything out by", format.label()))
        }
    }
}

/// Types whose statistics are used.
fn has_order(data_type: &DataType) -> bool {
    use DataType::{Binary, Boolean, Date32, Decimal128, FixedSizeBinary, Float32, Float64, Time64, Timestamp, Utf8};
    data_type.is_integer()
        || matches!(
            data_type,
            Binary
                | Boolean
                | Date32
                | Decimal128(..)
                | FixedSizeBinary(_)
                | Float32
                | Float64
                | Time64(_)
                | Timestamp(..)
                | Utf8
        )
}

/// The files whose path does not rule them out.
fn kept(detail: &TableDetail, exact: &[Expr], predicate: &[Expr]) -> Result<Vec<FileEntry>> {
    if detail.partitions.is_empty() {
        return Ok(detail.files.clone());
    }
    let partitions = detail.partitions();
    let mut kept = Vec::new();
    for file in &detail.files {
        let values = partition_values(&partitions, &file.path, &detail.base)?;
        let value = |column: &str| values.iter().find(|(name, _)| name == column).map(|(_, value)| value);
        let passes =
            exact.iter().all(|filter| eval::passes(filter, &|name| value(name).cloned().unwrap_or(Value::Null)));
        let range = |column: &str| value(column).map(prune::Range::constant);
        if passes && predicate.iter().all(|part| prune::may_match(part, &range)) {
            kept.push(file.clone());
        }
    }
    Ok(kept)
}

/// The request as it is shown and sent.
fn source_request(read: &ReadDetail, schema: &Schema, pieces: &[Piece]) -> SourceRequest {
    let columns: Vec<&str> =
        schema.fields().iter().map(|field| field.name().as_str()).filter(|name| !read.is_partition(name)).collect();
    let mut parameters = json!({ "format": read.layout.format, "files": pieces, "columns": columns });
    if let Some(map) = parameters.as_object_mut() {
        if let Root::Bucket(bucket) = &read.root {
            map.insert("bucket".to_owned(), json!(bucket));
        }
        if !read.predicate.is_empty() {
            let parts: Vec<String> = read.predicate.iter().map(Expr::to_string).collect();
            map.insert("predicate".to_owned(), json!(parts.join(" AND ")));
        }
    }
    let name = if read.root == Root::Disk { "ReadFile" } else { "GetObject" };
    SourceRequest::Operation { name: name.to_owned(), parameters }
}

/// The files that a request names.
pub(crate) fn pieces_of(request: &SourceRequest) -> Result<Vec<Piece>> {
    let SourceRequest::Operation { parameters, .. } = request else {
        return Err(Error::internal("this split is not one of the files connector"));
    };
    let files = parameters.get("files").unwrap_or(&serde_json::Value::Null);
    Vec::deserialize(files).map_err(|error| Error::internal(format!("this split is not one of ours: {error}")))
}

/// A split that sends `request`.
fn split(plan: &ScanPlan, request: SourceRequest, detail: serde_json::Value) -> Split {
    let mut split = Split::new(SchemaRef::clone(&plan.schema), request).with_detail(detail);
    split.limit = plan.request.limit.filter(|_| !matches!(plan.limit, Some(Answer::Refused(_))));
    split
}

fn limit_answer(answers: &[Answer], splits: usize) -> Answer {
    if answers.iter().any(|answer| *answer != Answer::Exact) {
        return Answer::Refused("rows are filtered after they are read".to_owned());
    }
    if splits <= 1 { Answer::Exact } else { Answer::Inexact("each split stops at it".to_owned()) }
}

/// Columns whose join keys could rule out files, row groups or pages. Floating point is no key.
fn key_columns(table: &TableMetadata, detail: &TableDetail) -> Vec<String> {
    let floats = |data_type: &DataType| matches!(data_type, DataType::Float32 | DataType::Float64);
    let useful = |name: &str, data_type: &DataType| {
        let partition = detail.partitions.iter().any(|(partition, _, _)| partition == name);
        !floats(data_type) && (partition || (detail.layout.format == Format::Parquet && has_order(data_type)))
    };
    let fields = table.schema.fields().iter().filter(|field| useful(field.name(), field.data_type()));
    fields.map(|field| field.name().clone()).collect()
}

fn rows(table: &TableMetadata, detail: &TableDetail, request: &ScanRequest, kept: &[FileEntry]) -> Precision {
    let whole = kept.len() == detail.files.len();
    let share = if whole { table.row_count } else { scaled(table.row_count, detail, kept) };
    if request.filters.is_empty() && request.limit.is_none() {
        return share;
    }
    let rows = share.to_inexact();
    match (rows.value(), request.limit) {
        (Some(rows), Some(limit)) => Precision::Inexact(rows.min(limit)),
        _ => rows,
    }
}

fn scaled(rows: Precision, detail: &TableDetail, kept: &[FileEntry]) -> Precision {
    let bytes = |files: &[FileEntry]| files.iter().map(|file| u128::from(file.size)).sum::<u128>();
    let part = rows.value().and_then(|rows| (u128::from(rows) * bytes(kept)).checked_div(bytes(&detail.files)));
    part.and_then(|rows| u64::try_from(rows).ok()).map_or(Precision::Unknown, Precision::Inexact)
}

fn notes(detail: &TableDetail, read: &ReadDetail, kept: &[FileEntry], is_uncut: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !detail.partitions.is_empty() {
        notes.push(format!("{} of {} files by their path", kept.len(), detail.files.len()));
    }
    if !read.predicate.is_empty() && detail.layout.format == Format::Parquet {
        let known: Option<usize> = kept.iter().map(|file| file.groups.as_ref().map(Vec::len)).sum();
        let groups = known.map_or_else(String::new, |count| format!("{count} "));
        notes.push(format!("{groups}row groups, less those that their statistics rule out"));
    }
    if is_uncut {
        let note = "files are not cut: fields may hold line breaks within quotes, unless the table is declared with \
                    newlines_in_quotes = false";
        notes.push(note.to_owned());
    }
    notes
}
