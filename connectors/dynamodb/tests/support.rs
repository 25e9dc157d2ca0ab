//! Servers, connectors and readers for the tests.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use futures::TryStreamExt;
use headwater_core::config::{Environment, parse_config};
use headwater_core::{
    Connector, ConnectorList, JoinKeys, KeyDecision, Result, ScanContext, ScanPlan, ScanRequest, SourceRequest, Split,
    TableMetadata, TableName, Value,
};
use headwater_dynamodb::DynamoDbFactory;
use headwater_harness::{DynamoDb, RecordedRequest};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;

/// A planted credential that must never show.
pub(crate) const SECRET: &str = "planted-secret-7f3a9c1e5b";

struct NoEnvironment;

impl Environment for NoEnvironment {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn read_file(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// The connector of a catalog `db` with these further lines of configuration.
pub(crate) fn configured(lines: &str) -> Result<Arc<dyn Connector>> {
    let text = format!("version = 1\n[catalogs.db]\nconnector = \"dynamodb\"\n{lines}");
    let connectors = ConnectorList::new().with(DynamoDbFactory);
    let catalogs = connectors.check_file(parse_config("test.toml", &text, &NoEnvironment)?)?;
    connectors.build(&catalogs[0])
}

/// A server of its own and a connector of it.
pub(crate) struct Source {
    pub(crate) server: DynamoDb,
    pub(crate) connector: Arc<dyn Connector>,
}

impl Source {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With further lines of configuration.
    pub(crate) async fn with(lines: &str) -> Self {
        let server = DynamoDb::start().await.unwrap();
        let connector = connector_of(&server, lines);
        Self { server, connector }
    }

    pub(crate) async fn table(&self, name: &str, keys: &[(&str, &str)], items: Vec<Json>) {
        self.server.create_table(create_table(name, keys)).await.unwrap();
        self.server.put_items(name, items).await.unwrap();
    }

    pub(crate) async fn metadata(&self, table: &str) -> TableMetadata {
        self.connector.get_table(&name(table)).await.unwrap()
    }

    pub(crate) async fn plan(&self, request: &ScanRequest) -> ScanPlan {
        let headwater_core::Relation::Table(table) = &request.relation else { panic!("not a table") };
        self.connector.plan_scan(&self.metadata(&table.table).await, request).await.unwrap()
    }

    /// All rows of a plan, as they come.
    pub(crate) async fn read(&self, plan: &ScanPlan) -> RecordBatch {
        self.try_read(plan, None).await.unwrap().rows
    }

    pub(crate) async fn try_read(&self, plan: &ScanPlan, keys: Option<&JoinKeys>) -> Result<Outcome> {
        let context = ScanContext::new("test");
        let splits = self.connector.splits(plan, keys, &context).await?;
        let (decision, splits): (_, Vec<Split>) = (splits.keys, splits.stream.try_collect().await?);
        let mut batches = Vec::new();
        for split in &splits {
            let split_batches: Vec<RecordBatch> = self.connector.read(split, &context).await?.try_collect().await?;
            batches.extend(split_batches);
        }
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let rows = if plan.schema.fields().is_empty() {
            RecordBatch::try_new_with_options(
                Arc::clone(&plan.schema),
                vec![],
                &arrow::array::RecordBatchOptions::new().with_row_count(Some(rows)),
            )
            .unwrap()
        } else {
            concat_batches(&plan.schema, &batches).unwrap()
        };
        Ok(Outcome { decision, splits, rows, context })
    }

    /// All columns of a whole table.
    pub(crate) async fn rows(&self, table: &str) -> RecordBatch {
        let plan = self.plan(&ScanRequest::table(name(table))).await;
        self.read(&plan).await
    }
}

pub(crate) struct Outcome {
    pub(crate) decision: KeyDecision,
    pub(crate) splits: Vec<Split>,
    pub(crate) rows: RecordBatch,
    pub(crate) context: ScanContext,
}

pub(crate) fn connector_of(server: &DynamoDb, lines: &str) -> Arc<dyn Connector> {
    let endpoint = server.endpoint();
    let access = format!("access_key_id = \"test\"\nsecret_access_key = \"{SECRET}\"");
    configured(&format!("endpoint = \"{endpoint}\"\nregion = \"us-east-1\"\n{access}\n{lines}")).unwrap()
}

pub(crate) fn name(table: &str) -> TableName {
    TableName::new("default", table)
}

/// A `CreateTable` request; keys are the partition key and perhaps the sort key, with their types.
pub(crate) fn create_table(name: &str, keys: &[(&str, &str)]) -> Json {
    let definitions: Vec<_> =
        keys.iter().map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind })).collect();
    let roles = ["HASH", "RANGE"].iter().zip(keys);
    let schema: Vec<_> = roles.map(|(role, (name, _))| json!({ "AttributeName": name, "KeyType": role })).collect();
    json!({ "TableName": name, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": definitions, "KeySchema": schema })
}

/// The names of the columns that `*` has.
pub(crate) fn columns(metadata: &TableMetadata) -> Vec<String> {
    let visible = metadata.without_hidden(|_| false);
    visible.schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// The values of a column, in the order of `id`.
pub(crate) fn column(rows: &RecordBatch, name: &str) -> Vec<Value> {
    let ids = values(rows, "id");
    let found = values(rows, name);
    let mut pairs: Vec<_> = ids.into_iter().zip(found).collect();
    pairs.sort_by(|(a, _), (b, _)| a.compare(b).unwrap());
    pairs.into_iter().map(|(_, value)| value).collect()
}

/// The values of a column as they came.
pub(crate) fn values(rows: &RecordBatch, name: &str) -> Vec<Value> {
    headwater_core::values_of(rows.column_by_name(name).unwrap()).unwrap()
}

/// Names of the recorded operations that read data.
pub(crate) fn reads(requests: &[RecordedRequest]) -> Vec<&str> {
    let names = requests.iter().map(|request| request.operation.as_str());
    names.filter(|name| ["Query", "Scan", "BatchGetItem"].contains(name)).collect()
}

/// A request's parameters.
pub(crate) fn parameters(request: &SourceRequest) -> &Json {
    let SourceRequest::Operation { parameters, .. } = request else { panic!("not an operation") };
    parameters
}

pub(crate) fn text(value: &str) -> Value {
    Value::Utf8(value.to_owned())
}
