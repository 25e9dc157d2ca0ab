//! A database of its own for each test, and the connector to it.

use arrow::array::{Array, RecordBatch};
use futures::TryStreamExt as _;
use headwater_core::config::{Origin, Setting};
use headwater_core::{
    Connector, ConnectorList, JoinKeys, KeyDecision, Result, ScanContext, ScanPlan, ScanRequest, Split, TableName,
    Value,
};
use headwater_harness::{MySqlServer, Product};
use headwater_mysql::MySqlFactory;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Row};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Ten rows, to multiply.
pub(crate) const DIGITS: &str =
    "CREATE TABLE digit (n int); INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);";

/// A database that one test has to itself.
pub(crate) struct Database {
    pub(crate) server: &'static MySqlServer,
    pub(crate) name: String,
    conn: Mutex<Conn>,
}

impl Database {
    /// `name` is the test's own.
    pub(crate) async fn new(product: Product, name: &str, setup: &str) -> Self {
        let server = MySqlServer::shared(product).await.unwrap();
        let mut conn = server.conn().await.unwrap();
        conn.query_drop(format!("CREATE DATABASE {name}; USE {name}")).await.unwrap();
        conn.query_drop("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'").await.unwrap();
        let database = Self { server, name: name.to_owned(), conn: Mutex::new(conn) };
        if !setup.is_empty() {
            database.run(setup).await;
        }
        database
    }

    /// Runs statements as the server's own user.
    pub(crate) async fn run(&self, sql: &str) {
        let done = self.conn.lock().await.query_drop(sql).await;
        done.unwrap_or_else(|error| panic!("{}: {error}\n{sql}", self.server.product()));
    }

    pub(crate) async fn rows(&self, sql: &str) -> Vec<Row> {
        self.conn.lock().await.query(sql).await.unwrap()
    }

    pub(crate) fn is_mysql(&self) -> bool {
        self.server.product() == Product::MySql
    }

    pub(crate) fn table(&self, name: &str) -> TableName {
        TableName::new(&self.name, name)
    }

    pub(crate) fn url(&self) -> String {
        self.url_of(self.server.user())
    }

    pub(crate) fn url_of(&self, user: &str) -> String {
        format!("mysql://{user}@{}:{}/{}", self.server.host(), self.server.port(), self.name)
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

    /// The connections to this database but our own: number and statement, if one runs.
    pub(crate) async fn sessions(&self) -> Vec<(u64, Option<String>)> {
        let rows = self.rows("SHOW FULL PROCESSLIST").await;
        let of_row = |row: Row| {
            let (id, database): (u64, Option<String>) = (row.get("Id").unwrap(), row.get("db").unwrap());
            let (command, info): (String, Option<String>) = (row.get("Command").unwrap(), row.get("Info").unwrap());
            let ours = database.as_deref() == Some(self.name.as_str());
            let own = info.as_deref() == Some("SHOW FULL PROCESSLIST");
            (ours && !own).then_some((id, info.filter(|_| command != "Sleep")))
        };
        rows.into_iter().filter_map(of_row).collect()
    }

    /// How many of them run a statement of a scan.
    pub(crate) async fn running(&self) -> usize {
        let tagged = |(_, info): &(u64, Option<String>)| info.as_ref().is_some_and(|info| info.contains("headwater"));
        self.sessions().await.iter().filter(|session| tagged(session)).count()
    }
}

/// Later settings replace earlier ones; an empty text removes one.
pub(crate) fn connector(settings: &[(&str, Setting)]) -> Arc<dyn Connector> {
    let mut values = BTreeMap::new();
    for (name, setting) in settings {
        values.insert((*name).to_owned(), (setting.clone(), Origin::flag("test")));
    }
    values.retain(|_, (setting, _)| !matches!(setting, Setting::Text(text) if text.is_empty()));
    let factory = MySqlFactory;
    let specs = headwater_core::ConnectorFactory::options(&factory);
    let options = headwater_core::config::Options::check(values, specs).unwrap();
    let catalog = headwater_core::config::CatalogConfig {
        name: "my".to_owned(),
        connector: "mysql".to_owned(),
        options,
        origin: Origin::flag("test"),
    };
    ConnectorList::new().with(factory).build(&catalog).unwrap()
}

pub(crate) fn text(text: impl Into<String>) -> Setting {
    Setting::Text(text.into())
}

/// Everything that came back for a request.
#[derive(Debug)]
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
    let found = connector.splits(&plan, keys, context).await?;
    let splits: Vec<Split> = found.stream.try_collect().await?;
    let mut batches = Vec::new();
    for split in &splits {
        batches.extend(connector.read(split, context).await?.try_collect::<Vec<_>>().await?);
    }
    Ok(Scanned { plan, keys: found.keys, splits, batches })
}

/// The splits of the whole table.
pub(crate) async fn splits(connector: &Arc<dyn Connector>, name: &TableName, context: &ScanContext) -> Vec<Split> {
    let metadata = connector.get_table(name).await.unwrap();
    let plan = connector.plan_scan(&metadata, &ScanRequest::table(name.clone())).await.unwrap();
    connector.splits(&plan, None, context).await.unwrap().stream.try_collect().await.unwrap()
}
