//! A connector that remembers what was asked of it, with tables that are awkward to carry.

use crate::support::name;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use headwater_core::{
    AccessPath, BatchStream, Connector, Error, ErrorKind, JoinKeys, KeyDecision, MemoryConnector, NameStream, Result,
    Retry, ScanContext, ScanPlan, ScanRequest, SourceRequest, Split, Splits, TableMetadata, TableName,
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What happened at the far side.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Streams that exist right now.
    pub(crate) open: AtomicUsize,
    /// Batches that endless streams have given.
    pub(crate) endless: AtomicUsize,
    pub(crate) keys: Mutex<Vec<Option<JoinKeys>>>,
    pub(crate) query_ids: Mutex<Vec<String>>,
}

/// Tables with one column, `n`: `numbers`, `endless`, `many` (splits), `failing`, `busy`, `silent`; and `huge`, with a text.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    inner: MemoryConnector,
    pub(crate) seen: Arc<Seen>,
}

pub(crate) const MANY: usize = 3_000;
pub(crate) const HUGE: usize = 20 << 20;
const ROWS: i64 = 1_000;

fn numbers(rows: i64) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    RecordBatch::try_from_iter([("n", column)]).unwrap()
}

impl Watched {
    pub(crate) fn new() -> Self {
        let huge: ArrayRef =
            Arc::new(StringArray::from_iter_values(["a".to_owned(), "b".repeat(HUGE), "c".to_owned()]));
        let huge = RecordBatch::try_from_iter([("text", huge)]).unwrap();
        let mut inner = MemoryConnector::new().with_table(name("huge"), vec![huge]).unwrap();
        for table in ["numbers", "endless", "many", "failing", "busy", "silent"] {
            inner = inner.with_table(name(table), vec![numbers(ROWS)]).unwrap();
        }
        Self { inner, seen: Arc::default() }
    }

    fn request(table: &TableName, part: usize) -> SourceRequest {
        SourceRequest::Operation { name: "Read".to_owned(), parameters: json!({ "table": table, "part": part }) }
    }
}

fn table_of(request: &ScanRequest) -> &TableName {
    let headwater_core::Relation::Table(name) = &request.relation else { panic!("not a table") };
    name
}

/// Counts as long as it lives.
struct Open(Arc<Seen>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

#[async_trait]
impl Connector for Watched {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.inner.list_schemas()
    }

    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        self.inner.list_tables(schema)
    }

    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        Ok(TableMetadata { detail: json!({ "mine": "alone" }), ..self.inner.get_table(name).await? })
    }

    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        assert_eq!(table.detail, json!({ "mine": "alone" }), "metadata comes back as it left");
        if table.name.table == "huge" {
            return self.inner.plan_scan(table, request).await;
        }
        let parts = if table.name.table == "many" { MANY } else { 1 };
        let requests = (0..parts).map(|part| Self::request(&table.name, part)).collect();
        let plan = ScanPlan::whole_table(table, request, requests)?;
        Ok(ScanPlan { access: AccessPath::Keys(vec!["n".to_owned()]), key_columns: vec!["n".to_owned()], ..plan })
    }

    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        self.seen.keys.lock().unwrap().push(keys.cloned());
        if table_of(&plan.request).table == "huge" {
            return self.inner.splits(plan, keys, context).await;
        }
        let schema = Arc::clone(&plan.schema);
        let splits = plan.requests.clone().into_iter().map(move |request| Ok(Split::new(Arc::clone(&schema), request)));
        context.metrics.add_request(Duration::from_micros(5));
        let decision = match keys {
            None => KeyDecision::NotOffered,
            Some(keys) => KeyDecision::Declined { keys: keys.tuples.len() as u64, reason: "not today".to_owned() },
        };
        Ok(Splits { keys: decision, stream: stream::iter(splits).boxed() })
    }

    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        self.seen.query_ids.lock().unwrap().push(context.query_id.clone());
        self.seen.open.fetch_add(1, SeqCst);
        let open = Open(Arc::clone(&self.seen));
        let text = split.request.to_string();
        context.metrics.add_request(Duration::from_micros(7));
        context.metrics.add_retries(2);
        context.metrics.add_wire_bytes(1_000);
        context.metrics.add_capacity(0.5);
        let error = Error::new(ErrorKind::Throttled, "the source is busy: try \"later\"")
            .with_hint("wait ☃")
            .with_context("code", "429")
            .with_retry(Retry::After(Duration::from_millis(1_500)));
        let batches: BatchStream = match () {
            () if text.contains("\"huge\"") => self.inner.read(split, context).await?,
            () if text.contains("\"endless\"") => {
                let seen = Arc::clone(&self.seen);
                let count = move || {
                    seen.endless.fetch_add(1, SeqCst);
                };
                stream::repeat_with(move || Ok(numbers(ROWS))).inspect(move |_| count()).boxed()
            }
            () if text.contains("\"silent\"") => stream::iter([Ok(numbers(1))]).chain(stream::pending()).boxed(),
            () if text.contains("\"failing\"") => stream::iter([Ok(numbers(ROWS)), Err(error)]).boxed(),
            () if text.contains("\"busy\"") => stream::iter([Err(error)]).boxed(),
            () if text.contains("\"many\"") => stream::iter([Ok(numbers(1))]).boxed(),
            () => stream::iter([Ok(numbers(ROWS))]).boxed(),
        };
        Ok(batches
            .map(move |batch| {
                let _ = &open;
                batch
            })
            .boxed())
    }
}
