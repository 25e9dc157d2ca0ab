//! Relations that a source computes, asked for from afar.

use crate::support::{Running, name, rows_of};
use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::Schema;
use async_trait::async_trait;
use futures::TryStreamExt;
use headwater_core::{
    Aggregate, AggregateCall, BatchStream, Connector, Derived, ErrorKind, Input, JoinKeys, MemoryConnector, NameStream,
    Relation, Result, ScanContext, ScanPlan, ScanRequest, Split, Splits, TableMetadata, TableName,
};
use std::sync::Arc;

/// Counts the rows of its table once and for all; other relations it does not compute.
#[derive(Debug)]
struct Counting(MemoryConnector);

impl Counting {
    fn new() -> Self {
        let numbers = |name, values: Vec<i64>| {
            RecordBatch::try_from_iter([(name, Arc::new(Int64Array::from(values)) as _)]).unwrap()
        };
        let tables = MemoryConnector::new().with_table(name("t"), vec![numbers("n", vec![5, 6, 7])]).unwrap();
        Self(tables.with_table(name("answer"), vec![numbers("a1", vec![3])]).unwrap())
    }
}

#[async_trait]
impl Connector for Counting {
    fn list_schemas(&self) -> NameStream<'_, String> {
        self.0.list_schemas()
    }
    fn list_tables<'a>(&'a self, schema: &'a str) -> NameStream<'a, TableName> {
        self.0.list_tables(schema)
    }
    async fn get_table(&self, name: &TableName) -> Result<TableMetadata> {
        Ok(TableMetadata { detail: serde_json::json!("of the connector"), ..self.0.get_table(name).await? })
    }
    async fn derive(&self, relation: &Relation, inputs: &[Arc<TableMetadata>]) -> Result<Derived> {
        assert_eq!(inputs[0].detail, "of the connector");
        match relation {
            Relation::Aggregate(aggregate) if aggregate.groups.is_empty() => {
                let answer = self.0.get_table(&name("answer")).await?;
                let detail = serde_json::json!("of the count");
                Ok(Derived::Table(Box::new(TableMetadata { name: name("t"), detail, ..answer })))
            }
            _ => Ok(Derived::Refused("it only counts".to_owned())),
        }
    }
    async fn plan_scan(&self, table: &TableMetadata, request: &ScanRequest) -> Result<ScanPlan> {
        if matches!(request.relation, Relation::Aggregate(_)) {
            assert_eq!(table.detail, "of the count");
            let answer = ScanRequest { relation: Relation::Table(name("answer")), ..request.clone() };
            return self.0.plan_scan(table, &answer).await;
        }
        self.0.plan_scan(table, request).await
    }
    async fn splits(&self, plan: &ScanPlan, keys: Option<&JoinKeys>, context: &ScanContext) -> Result<Splits> {
        self.0.splits(plan, keys, context).await
    }
    async fn read(&self, split: &Split, context: &ScanContext) -> Result<BatchStream> {
        self.0.read(split, context).await
    }
}

fn count(of: &str, groups: Vec<String>, schema: &Schema) -> Relation {
    let input = Input { relation: Relation::Table(name(of)), filters: Vec::new() };
    let (calls, schema) = (vec![AggregateCall::CountRows], Arc::new(schema.clone()));
    Relation::Aggregate(Box::new(Aggregate { input, groups, calls, schema }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_computes_is_read_like_a_table() {
    let server = Running::of(Counting::new()).await;
    let remote = server.remote();
    let table = Arc::new(remote.get_table(&name("t")).await.unwrap());
    let answer = Counting::new().0.get_table(&name("answer")).await.unwrap();
    let relation = count("t", Vec::new(), &answer.schema);
    let derived = remote.derive(&relation, &[Arc::clone(&table)]).await.unwrap();
    let Derived::Table(derived) = derived else { panic!("{derived:?}") };
    let plan = remote.plan_scan(&derived, &ScanRequest::relation(relation.clone())).await.unwrap();
    let context = ScanContext::new("test");
    let splits: Vec<Split> = remote.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    assert_eq!(rows_of(remote.read(&splits[0], &context).await.unwrap()).await.unwrap(), 1);

    let grouped = count("t", vec!["n".to_owned()], &answer.schema);
    let refused = remote.derive(&grouped, &[Arc::clone(&table)]).await.unwrap();
    assert_eq!(refused, Derived::Refused("it only counts".to_owned()));
    let query = remote.derive(&Relation::Query("SELECT 1".to_owned()), &[]).await.unwrap();
    assert!(matches!(query, Derived::Refused(_)), "{query:?}");

    // A handle stands for one relation.
    let other = remote.derive(&count("answer", Vec::new(), &answer.schema), &[Arc::clone(&table)]).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidInput, "{other}");
    let mistaken = remote.plan_scan(&table, &ScanRequest::relation(relation)).await.unwrap_err();
    assert_eq!(mistaken.kind(), ErrorKind::InvalidInput, "{mistaken}");
}
