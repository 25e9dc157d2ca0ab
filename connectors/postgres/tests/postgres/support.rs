//! A database of its own for each test, and the connector to it.

use arrow::array::{Array, RecordBatch};
use futures::{StreamExt as _, TryStreamExt as _};
use headwater_core::config::{Origin, Setting};
use headwater_core::{
    Connector, ConnectorList, JoinKeys, KeyDecision, Result, ScanContext, ScanPlan, ScanRequest, Split, TableName,
    Value,
};
use headwater_harness::Postgres;
use headwater_postgres::PostgresFactory;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_postgres::Client;

/// A database that one test has to itself.
pub(crate) struct Database {
    pub(crate) server: &'static Postgres,
    pub(crate) name: String,
    pub(crate) client: Client,
}

impl Database {
    /// `name` is the test's own.
    pub(crate) async fn new(name: &str, setup: &str) -> Self {
        let server = Postgres::shared().await.unwrap();
        server.create_database(name).await.unwrap();
        let client = server.client(name).await.unwrap();
        client.batch_execute(setup).await.unwrap();
        Self { server, name: name.to_owned(), client }
    }

    pub(crate) fn url(&self) -> String {
        self.url_of(self.server.user())
    }

    pub(crate) fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}@{}:{}/{}", self.server.host(), self.server.port(), self.name)
    }

    /// With the harness's certificate authority, so verified as by default.
    pub(crate) fn connector(&self) -> Arc<dyn Connector> {
        self.connector_with(&[])
    }

    pub(crate) fn connector_with(&self, more: &[(&str, Setting)]) -> Arc<dyn Connector> {
        let ca = self.server.ca_certificate().display().to_string();
        let mut settings = vec![
            ("url", Setting::Text(self.url())),
            ("password", Setting::Text(self.server.password().to_owned())),
            ("sslrootcert", Setting::Text(ca)),
        ];
        settings.extend(more.iter().cloned());
        connector(&settings)
    }

    /// How many connections of ours run a statement, and how many there are.
    pub(crate) async fn sessions(&self) -> (i64, i64) {
        let sql = "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FROM pg_stat_activity \
            WHERE datname = current_database() AND application_name LIKE 'headwater%' \
            AND application_name <> 'headwater-harness'";
        let row = self.client.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }
}

/// Later settings replace earlier ones; an empty text removes one.
pub(crate) fn connector(settings: &[(&str, Setting)]) -> Arc<dyn Connector> {
    let mut values = BTreeMap::new();
    for (name, setting) in settings {
        values.insert((*name).to_owned(), (setting.clone(), Origin::flag("test")));
    }
    values.retain(|_, (setting, _)| !matches!(setting, Setting::Text(text) if text.is_empty()));
    let factory = PostgresFactory;
    let specs = headwater_core::ConnectorFactory::options(&factory);
    let options = headwater_core::config::Options::check(values, specs).unwrap();
    let catalog = headwater_core::config::CatalogConfig {
        name: "pg".to_owned(),
        connector: "postgres".to_owned(),
        options,
        origin: Origin::flag("test"),
    };
    ConnectorList::new().with(factory).build(&catalog).unwrap()
}

pub(crate) fn text(text: impl Into<String>) -> Setting {
    Setting::Text(text.into())
}

pub(crate) fn table(name: &str) -> TableName {
    TableName::new("public", name)
}

/// Everything that came back for a request.
pub(crate) struct Scanned {
    pub(crate) plan: ScanPlan,
    pub(crate) keys: KeyDecision,
    pub(crate) splits: Vec<Split>,
    pub(crate) batches: Vec<RecordBatch>,
}

impl Scanned {
    pub(crate) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The values of a column, in the order they came.
    pub(crate) fn column(&self, name: &str) -> Vec<Value> {
        let arrays = self.batches.iter().map(|batch| batch.column_by_name(name).unwrap());
        arrays.flat_map(|array| (0..array.len()).map(|row| Value::from_array(array.as_ref(), row).unwrap())).collect()
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        let integer = |value| match value {
            Value::Int64(number) => number,
            other => panic!("{other} is no integer"),
        };
        let mut integers: Vec<i64> = self.column(name).into_iter().map(integer).collect();
        integers.sort_unstable();
        integers
    }
}

pub(crate) async fn scan(connector: &Arc<dyn Connector>, request: &ScanRequest) -> Result<Scanned> {
    scan_with(connector, request, None, &ScanContext::new("test")).await
}

pub(crate) async fn scan_with(
    connector: &Arc<dyn Connector>,
    request: &ScanRequest,
    keys: Option<&JoinKeys>,
    context: &ScanContext,
) -> Result<Scanned> {
    let headwater_core::Relation::Table(name) = &request.relation else { panic!("no table") };
    let metadata = connector.get_table(name).await?;
    let plan = connector.plan_scan(&metadata, request).await?;
    read_all(connector, plan, keys, context).await
}

/// Everything that a plan gives, its parts read at once as far as the plan allows.
pub(crate) async fn read_all(
    connector: &Arc<dyn Connector>,
    plan: ScanPlan,
    keys: Option<&JoinKeys>,
    context: &ScanContext,
) -> Result<Scanned> {
    let found = connector.splits(&plan, keys, context).await?;
    let splits: Vec<Split> = found.stream.try_collect().await?;
    let at_once = plan.max_parallel_splits.unwrap_or(1);
    let read = |split: &Split| {
        let (connector, split) = (Arc::clone(connector), split.clone());
        async move { connector.read(&split, context).await?.try_collect::<Vec<_>>().await }
    };
    let reads: Vec<_> = splits.iter().map(read).collect();
    let batches: Vec<Vec<RecordBatch>> = futures::stream::iter(reads).buffered(at_once).try_collect().await?;
    Ok(Scanned { plan, keys: found.keys, splits, batches: batches.into_iter().flatten().collect() })
}
