//! A table with a sort key, a local index and three global ones, none of which has all items.

use crate::support::{Source, create_table, name, parameters, text, values};
use arrow::array::RecordBatch;
use headwater_core::{
    Answer, CompareOp, Expr, ScanPlan, ScanRequest, SourceRequest, TableMetadata, Value, eval::passes,
};
use serde_json::{Value as Json, json};
use std::cmp::Ordering;

/// How many items there are.
pub(crate) const ITEMS: i64 = 600;

pub(crate) fn is(column: &str, value: Value) -> Expr {
    compare(column, CompareOp::Eq, value)
}

pub(crate) fn compare(column: &str, op: CompareOp, value: Value) -> Expr {
    Expr::column(column).compare(op, value)
}

pub(crate) fn int(value: i64) -> Value {
    Value::Int64(value)
}

pub(crate) fn is_not_null(column: &str) -> Expr {
    Expr::column(column).is_null().negate()
}

pub(crate) fn orders() -> ScanRequest {
    ScanRequest::table(name("orders"))
}

pub(crate) fn item(i: i64) -> Json {
    let mut item = json!({
        "user": { "S": format!("u{}", i % 10) }, "at": { "N": i.to_string() }, "pad": { "S": "x".repeat(300) },
    });
    if i % 6 == 0 {
        item["email"] = json!({ "S": format!("e{}", i % 36) });
    }
    if i % 5 != 0 {
        item["status"] = json!({ "S": if i % 2 == 0 { "open" } else { "closed" } });
    }
    if i % 3 == 0 {
        item["total"] = json!({ "N": (i % 50).to_string() });
    }
    item
}

/// The `CreateTable` request of a table with these keys and the indexes of all tests here.
pub(crate) fn with_indexes(table: &str, keys: &[(&str, &str)]) -> Json {
    let mut request = create_table(table, keys);
    let key = |role: &str, attribute: &str| json!({ "AttributeName": attribute, "KeyType": role });
    let kinds = [("email", "S"), ("status", "S"), ("total", "N")];
    let more = kinds.map(|(attribute, kind)| json!({ "AttributeName": attribute, "AttributeType": kind }));
    request["AttributeDefinitions"].as_array_mut().unwrap().extend(more);
    let all = json!({ "ProjectionType": "ALL" });
    request["GlobalSecondaryIndexes"] = json!([
        { "IndexName": "by_email", "KeySchema": [key("HASH", "email")], "Projection": all },
        { "IndexName": "by_status", "KeySchema": [key("HASH", "status"), key("RANGE", "total")],
          "Projection": { "ProjectionType": "KEYS_ONLY" } },
        { "IndexName": "by_total", "KeySchema": [key("HASH", "total")],
          "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"] } },
    ]);
    if let [(partition, _), _] = keys {
        request["LocalSecondaryIndexes"] = json!([
            { "IndexName": "total_of_user", "KeySchema": [key("HASH", partition), key("RANGE", "total")], "Projection": all },
        ]);
    }
    request
}

/// A server with the table `orders`.
pub(crate) async fn start(lines: &str) -> Source {
    let source = Source::with(lines).await;
    source.server.create_table(with_indexes("orders", &[("user", "S"), ("at", "N")])).await.unwrap();
    source.server.put_items("orders", (0..ITEMS).map(item).collect()).await.unwrap();
    source
}

/// The operation, the index, and the key condition's shape of a plan's requests, all alike.
pub(crate) fn path(plan: &ScanPlan) -> (String, Option<String>) {
    let SourceRequest::Operation { name, .. } = &plan.requests[0] else { panic!("not an operation") };
    let index = parameters(&plan.requests[0]).get("IndexName").map(|index| index.as_str().unwrap().to_owned());
    (name.clone(), index)
}

/// Reads a plan, and filters again what was not promised exact: `user at` of each row, sorted.
pub(crate) async fn found(source: &Source, plan: &ScanPlan) -> Vec<String> {
    let again: Vec<Expr> = plan
        .request
        .filters
        .iter()
        .zip(&plan.filters)
        .filter(|(_, answer)| **answer != Answer::Exact)
        .map(|(filter, _)| filter.clone())
        .collect();
    passing(&source.read(plan).await, &again)
}

/// The keys of the rows that pass all of `filters`.
pub(crate) fn passing(rows: &RecordBatch, filters: &[Expr]) -> Vec<String> {
    let columns: Vec<(String, Vec<Value>)> =
        rows.schema().fields().iter().map(|field| (field.name().clone(), values(rows, field.name()))).collect();
    let value = |column: &str, row: usize| columns.iter().find(|(name, _)| name == column).unwrap().1[row].clone();
    let pass = |row: &usize| filters.iter().all(|filter| passes(filter, &|column| value(column, *row)));
    let mut keys: Vec<String> =
        (0..rows.num_rows()).filter(pass).map(|row| format!("{} {}", value("user", row), value("at", row))).collect();
    keys.sort();
    keys
}

/// What the whole table has for these filters.
pub(crate) async fn expected(source: &Source, filters: &[Expr]) -> Vec<String> {
    let columns = ["user", "at", "email", "status", "total"];
    let plan = source.plan(&orders().with_projection(columns)).await;
    passing(&source.read(&plan).await, filters)
}

/// Compares as the engine sorts.
pub(crate) fn sorted(mut values: Vec<Value>, descending: bool) -> Vec<Value> {
    values.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
    if descending {
        values.reverse();
    }
    values
}

/// The requests' parameter of a name.
pub(crate) fn each(plan: &ScanPlan, parameter: &str) -> Vec<Json> {
    plan.requests.iter().map(|request| parameters(request)[parameter].clone()).collect()
}

pub(crate) fn note_of(plan: &ScanPlan, index: &str) -> String {
    let starts = ["not used: ", "not used without a join's keys: "].map(|words| format!("index {index} {words}"));
    let mut notes = plan.notes.iter();
    let found = notes.find_map(|note| starts.iter().find_map(|start| note.strip_prefix(start.as_str())));
    found.unwrap_or_else(|| panic!("no note of {index} in {:?}", plan.notes)).to_owned()
}

pub(crate) async fn table(source: &Source) -> TableMetadata {
    source.metadata("orders").await
}

pub(crate) fn open() -> Expr {
    is("status", text("open"))
}
