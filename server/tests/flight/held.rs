//! Queries that are held: what their reads share at the server, and until when.

use crate::support::{Running, name, plan, rows_of, splits};
use arrow::array::{Int64Array, RecordBatch};
use async_trait::async_trait;
use headwater_core::{
    BatchStream, Connector, JoinKeys, MemoryConnector, NameStream, QueryScope, Result, ScanContext, ScanPlan,
    ScanRequest, Split, Splits, TableMetadata, TableName,
};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// What a source keeps while a query lasts.
struct Moment;

/// How many scans each read was told of, and its moment.
type Seen = Arc<Mutex<Vec<(usize, Weak<Moment>)>>>;

struct Watched(MemoryConnector, Seen);

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl Connector for Watched {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.0.list_schemas()
    }
    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        self.0.list_tables(schema)
    }
    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        self.0.get_table(name).await
    }
    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        self.0.plan_scan(table, request).await
    }
    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        self.0.splits(plan, keys, context).await
    }
    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        let moment = context.scope.get_or_init(|| Moment);
        self.1.lock().unwrap().push((context.scope.scans(), Arc::downgrade(&moment)));
        self.0.read(split, context).await
    }
}

fn watched() -> (Watched, Seen) {
    let numbers = || RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2])) as _)]).unwrap();
    let source = ["a", "b"]
        .into_iter()
        .fold(MemoryConnector::new(), |source, table| source.with_table(name(table), vec![numbers()]).unwrap());
    let seen = Seen::default();
    (Watched(source, Arc::clone(&seen)), seen)
}

async fn read(remote: &Arc<dyn Connector>, table: &str, context: &ScanContext) {
    let plan = plan(remote, &ScanRequest::table(name(table))).await.unwrap();
    for split in splits(remote, &plan, None, context).await.unwrap().1 {
        assert_eq!(rows_of(remote.read(&split, context).await.unwrap()).await.unwrap(), 2);
    }
}

/// The contexts of a query's two scans.
fn pair(query: &str) -> [ScanContext; 2] {
    let scope = Arc::new(QueryScope::default());
    [(); 2].map(|()| {
        scope.add_scan();
        ScanContext { scope: Arc::clone(&scope), ..ScanContext::new(query) }
    })
}

#[tokio::test]
async fn scans_of_one_query_share_a_scope_at_the_server_until_the_query_ends() {
    let (source, seen) = watched();
    let server = Running::of(source).await;
    let remote = server.remote();
    let [first, second] = pair("q-1");
    read(&remote, "a", &first).await;
    read(&remote, "b", &second).await;
    let [other, _] = pair("q-2");
    read(&remote, "a", &other).await;
    let reads: Vec<_> = seen.lock().unwrap().drain(..).collect();
    assert_eq!(reads.iter().map(|(scans, _)| *scans).collect::<Vec<_>>(), [2, 2, 2]);
    assert!(Weak::ptr_eq(&reads[0].1, &reads[1].1) && !Weak::ptr_eq(&reads[0].1, &reads[2].1));
    assert!(reads[0].1.upgrade().is_some());
    first.scope.end();
    for _ in 0..250 {
        if reads[0].1.upgrade().is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(reads[0].1.upgrade().is_none(), "ended with the query");
    assert!(reads[2].1.upgrade().is_some(), "another query goes on");
}

#[tokio::test]
async fn a_query_of_one_read_is_not_held() {
    let (source, seen) = watched();
    let server = Running::of(source).await;
    read(&server.remote(), "a", &ScanContext::new("q-3")).await;
    let reads: Vec<_> = seen.lock().unwrap().drain(..).collect();
    assert!(reads[0].0 == 0 && reads[0].1.upgrade().is_none());
}
