//! A book shop to try the connector on: the API of this crate's documentation, over tables in memory.

use arrow::array::{Array, RecordBatch};
use headwater_core::{Value, decimal_text};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

const PARTS: usize = 4;

/// What there is to read, by name, and for whom.
#[derive(Debug, Clone, Default)]
pub struct BookShop {
    /// The tables.
    pub tables: BTreeMap<&'static str, RecordBatch>,
    /// The bearer token that each request must have, if any.
    pub token: Option<String>,
}

impl BookShop {
    /// Answers on a port of this machine (0: a free one) until the runtime ends, and tells where.
    ///
    /// # Errors
    /// The system's reason, if the port cannot be had.
    pub async fn open(self, port: u16) -> std::io::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let shop = self.clone();
                let service = service_fn(move |request| {
                    let answer = shop.answer(&request);
                    let status = answer.as_ref().err().copied().unwrap_or(StatusCode::OK);
                    let body = Full::<Bytes>::from(answer.unwrap_or_default().to_string());
                    std::future::ready(Response::builder().status(status).body(body))
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
            }
        });
        Ok(address)
    }

    fn answer(&self, request: &Request<Incoming>) -> Result<Json, StatusCode> {
        let given = request.headers().get("authorization").map(|value| value.as_bytes());
        if self.token.as_ref().is_some_and(|token| given != Some(format!("Bearer {token}").as_bytes())) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let query = request.uri().query().unwrap_or_default();
        let query: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let table = |key| query.get(key).and_then(|name| self.tables.get(name.as_str())).ok_or(StatusCode::NOT_FOUND);
        match request.uri().path() {
            "/tables" => Ok(self.tables.keys().copied().collect()),
            "/table" => Ok(describe(table("name")?)),
            "/rows" => rows(table("table")?, &query).ok_or(StatusCode::BAD_REQUEST),
            _ => Err(StatusCode::NOT_FOUND),
        }
    }
}

fn describe(table: &RecordBatch) -> Json {
    let schema = table.schema();
    let columns = schema.fields().iter().map(|f| json!([f.name(), f.data_type(), f.is_nullable()]));
    json!({"columns": columns.collect::<Json>(), "parts": PARTS, "rows": table.num_rows()})
}

/// `None`: the query makes no sense.
fn rows(table: &RecordBatch, query: &HashMap<String, String>) -> Option<Json> {
    let list = |key| query.get(key).into_iter().flat_map(|list| list.split(',')).filter(|item: &&str| !item.is_empty());
    let number = |key| query.get(key).map_or(Some(0), |text| text.parse::<usize>().ok());
    let found = |(name, with)| Some((table.column_by_name(name)?, with));
    let columns: Vec<_> = list("columns").map(|name| found((name, name))).collect::<Option<_>>()?;
    let wanted: Vec<_> = list("where").map(|item| item.split_once(':').and_then(found)).collect::<Option<_>>()?;
    let (part, start, limit) = (number("part")?, number("cursor")?, number("limit")?);
    let holds = |row: &usize| wanted.iter().all(|(column, value)| format!("{}", cell(column, *row)) == **value);
    let mut rows = (start..table.num_rows()).filter(|row| row % PARTS == part).filter(holds);
    let object = |row| columns.iter().map(|(column, name)| (*name, cell(column, row))).collect::<Json>();
    let page: Json = rows.by_ref().take(limit).map(object).collect();
    Some(json!({"rows": page, "next": rows.next().map(|row| row.to_string())}))
}

fn cell(column: &dyn Array, row: usize) -> Json {
    match Value::from_array(column, row) {
        Some(Value::Boolean(truth)) => truth.into(),
        Some(Value::Int64(number)) => number.into(),
        Some(Value::Utf8(text)) => text.into(),
        Some(Value::Decimal { unscaled, scale }) => decimal_text(unscaled, scale).into(),
        Some(Value::Binary(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        _ => Json::Null,
    }
}
