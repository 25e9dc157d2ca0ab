//! The operations.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use super::item::Projection;
use super::table::{BATCH_BYTES, CannedTable, Items, units};

/// What is kept to be answered again: enough for what one measurement reads.
const KEPT_BYTES: usize = 1 << 30;

/// The text of an answer with its CRC-32.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) text: Bytes,
    pub(super) checksum: u32,
    pub(super) has_items: bool,
}

impl Answer {
    pub(super) fn new(text: impl Into<Bytes>) -> Self {
        let text = text.into();
        let checksum = crc32fast::hash(&text);
        Self { text, checksum, has_items: false }
    }
}

/// A refusal's body.
type Refused<T> = Result<T, String>;

/// All tables, and answers given before.
#[derive(Debug, Default)]
pub(super) struct Tables {
    tables: Vec<Arc<CannedTable>>,
    given: Mutex<Given>,
}

/// Answers by the requests.
#[derive(Debug, Default)]
struct Given {
    answers: HashMap<(String, Bytes), Answer>,
    bytes: usize,
}

impl Tables {
    pub(super) fn new(tables: Vec<CannedTable>) -> Self {
        Self { tables: tables.into_iter().map(Arc::new).collect(), given: Mutex::default() }
    }

    /// The answer to a request, or the body of an error.
    pub(super) fn answer(&self, operation: &str, body: &Bytes) -> Refused<Answer> {
        let key = (operation.to_owned(), body.clone());
        if let Some(given) = self.given().answers.get(&key) {
            return Ok(given.clone());
        }
        let request: Value = serde_json::from_slice(body).map_err(|error| invalid(&error.to_string()))?;
        let (text, has_items) = match operation {
            "ListTables" => {
                let names: Vec<&str> = self.tables.iter().map(|table| table.name.as_str()).collect();
                (json!({ "TableNames": names }).to_string(), false)
            }
            "DescribeTable" => (described(self.table(&request)?).to_string(), false),
            "Scan" => (scan(self.table(&request)?, &request)?, true),
            "BatchGetItem" => (self.batch(&request)?, true),
            other => return Err(invalid(&format!("the canned server does not know {other}"))),
        };
        let answer = Answer { has_items, ..Answer::new(text) };
        self.given().keep(key, &answer);
        Ok(answer)
    }

    fn given(&self) -> std::sync::MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self, request: &Value) -> Refused<&CannedTable> {
        self.named(request["TableName"].as_str().unwrap_or_default())
    }

    fn named(&self, name: &str) -> Refused<&CannedTable> {
        let found = self.tables.iter().find(|table| table.name == name);
        let missing = || refusal("ResourceNotFoundException", "Requested resource not found");
        found.map(|table| &**table).ok_or_else(missing)
    }

    fn batch(&self, request: &Value) -> Refused<String> {
        only(request, &["RequestItems", "ReturnConsumedCapacity"])?;
        let mut tables = request["RequestItems"].as_object().into_iter().flatten();
        let (Some((name, asked)), None) = (tables.next(), tables.next()) else {
            return Err(invalid("the canned server gets items of one table at a time"));
        };
        only(asked, &["Keys", "ProjectionExpression", "ExpressionAttributeNames", "ConsistentRead"])?;
        let (table, projection) = (self.named(name)?, projection(asked)?);
        let keys = asked["Keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        if keys.is_empty() || keys.len() > 100 {
            return Err(invalid("between 1 and 100 keys"));
        }
        let (mut items, mut left, mut missing) = (Items::default(), Vec::new(), 0.0);
        for key in keys {
            let id = key_of(key)?;
            if items.bytes >= BATCH_BYTES {
                left.push(key);
            } else if id.is_some_and(|id| id < table.items) {
                items.add(table, id.unwrap_or_default(), &projection);
            } else {
                missing += units(0);
            }
        }
        let left = if left.is_empty() { json!({}) } else { json!({ name: { "Keys": left } }) };
        let units = (items.units + missing) * consistency(asked);
        let capacity = json!([{ "TableName": name, "CapacityUnits": units }]);
        let capacity = wants_capacity(request, &capacity);
        Ok(format!("{{{capacity}\"Responses\":{{{}:[{}]}},\"UnprocessedKeys\":{left}}}", json!(name), items.json))
    }
}

impl Given {
    fn keep(&mut self, key: (String, Bytes), answer: &Answer) {
        if self.bytes + answer.text.len() <= KEPT_BYTES {
            self.bytes += answer.text.len();
            self.answers.insert(key, answer.clone());
        }
    }
}

fn described(table: &CannedTable) -> Value {
    json!({ "Table": {
        "TableName": table.name,
        "TableStatus": "ACTIVE",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "N" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
        "ItemCount": table.items,
        "TableSizeBytes": table.byte_size(),
    }})
}

fn scan(table: &CannedTable, request: &Value) -> Refused<String> {
    only(request, SCANNED)?;
    let number = |name: &str| request[name].as_u64();
    let segment = table.segment(number("Segment").unwrap_or(0), number("TotalSegments").unwrap_or(1));
    let start = match &request["ExclusiveStartKey"] {
        Value::Null => segment.start,
        key => key_of(key)?.map_or(segment.end, |last| last + 1),
    };
    let items = table.page(start, segment.end, number("Limit"), &projection(request)?);
    let end = start + items.count;
    let units = units(items.bytes) * consistency(request);
    let capacity = wants_capacity(request, &json!({ "TableName": table.name, "CapacityUnits": units }));
    let last = if end < segment.end {
        format!(",\"LastEvaluatedKey\":{}", json!({ "id": { "N": (end - 1).to_string() } }))
    } else {
        String::new()
    };
    let count = items.count;
    Ok(format!("{{{capacity}\"Count\":{count},\"Items\":[{}]{last},\"ScannedCount\":{count}}}", items.json))
}

const SCANNED: &[&str] = &[
    "TableName",
    "Segment",
    "TotalSegments",
    "Limit",
    "ExclusiveStartKey",
    "ProjectionExpression",
    "ExpressionAttributeNames",
    "ReturnConsumedCapacity",
    "ConsistentRead",
];

/// Refuses what would be left out.
fn only(request: &Value, known: &[&str]) -> Refused<()> {
    let mut names = request.as_object().into_iter().flatten().map(|(name, _)| name);
    match names.find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(invalid(&format!("the canned server does not know {name}"))),
        None => Ok(()),
    }
}

fn projection(request: &Value) -> Refused<Projection> {
    let Some(expression) = request["ProjectionExpression"].as_str() else { return Ok(Projection::All) };
    let name = |part: &str| match part.trim() {
        alias if alias.starts_with('#') => request["ExpressionAttributeNames"][alias].as_str().map(str::to_owned),
        name => Some(name.to_owned()),
    };
    let names: Option<Vec<String>> = expression.split(',').map(name).collect();
    names.map(Projection::These).ok_or_else(|| invalid("a projection with an undefined name"))
}

/// The number of an item; `None` if no item has such a key.
fn key_of(key: &Value) -> Refused<Option<u64>> {
    let number = key["id"]["N"].as_str().ok_or_else(|| invalid("a key without the number id"))?;
    Ok(number.parse().ok())
}

fn consistency(request: &Value) -> f64 {
    if request["ConsistentRead"] == true { 2.0 } else { 1.0 }
}

fn wants_capacity(request: &Value, capacity: &Value) -> String {
    match request["ReturnConsumedCapacity"].as_str() {
        None | Some("NONE") => String::new(),
        Some(_) => format!("\"ConsumedCapacity\":{capacity},"),
    }
}

fn invalid(message: &str) -> String {
    refusal("ValidationException", message)
}

fn refusal(type_name: &str, message: &str) -> String {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{type_name}"), "message": message }).to_string()
}
