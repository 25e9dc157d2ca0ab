//! Both servers, scenario 1 in them, and a configuration that names them.

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use headwater_core::config::{ProcessEnvironment, parse_config};
use headwater_core::{ConnectorList, Result};
use headwater_harness::scenario1::Scenario1;
use headwater_harness::{DynamoDb, Postgres};
use headwater_planner::{Engine, EngineBuilder, Ledger, PushdownMode};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::sync::OnceCell;

static SHARED: OnceCell<World> = OnceCell::const_new();

/// Servers, data, configuration.
#[derive(Debug)]
pub struct World {
    /// Users and orders.
    pub postgres: Postgres,
    /// Workflows.
    pub dynamodb: DynamoDb,
    /// The data as generated.
    pub data: Scenario1,
    directory: TempDir,
}

impl World {
    /// One for all tests that only read and look at no server's log.
    ///
    /// # Panics
    /// When a server does not start.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    /// One of its own, for tests that look at what reached the servers.
    ///
    /// # Panics
    /// When a server does not start.
    pub async fn start() -> Self {
        let (postgres, dynamodb) = (Postgres::start().await.unwrap(), DynamoDb::start().await.unwrap());
        let data = Scenario1::generate();
        let mut client = postgres.client(postgres.database()).await.unwrap();
        data.load_postgres(&mut client).await.unwrap();
        data.load_dynamodb(&dynamodb).await.unwrap();
        let world = Self { postgres, dynamodb, data, directory: tempfile::tempdir().unwrap() };
        fs::write(world.path("headwater.toml"), world.configuration()).unwrap();
        world
    }

    /// A path in the world's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The path of the configuration file.
    pub fn config(&self) -> String {
        self.path("headwater.toml").display().to_string()
    }

    /// The text of the configuration.
    pub fn configuration(&self) -> String {
        format!(
            "version = 1\n\n[catalogs.crm]\nconnector = \"postgres\"\nurl = \"{}\"\npassword = \"${{file:{}}}\"\n\
             sslrootcert = \"{}\"\n\n[catalogs.events]\nconnector = \"dynamodb\"\nregion = \"us-east-1\"\n\
             endpoint = \"{}\"\naccess_key_id = \"test\"\nsecret_access_key = \"planted-aws-secret\"\n\n\
             [catalogs.events.tables.workflow_items.columns]\nstarted_at = \"timestamp\"\n\
             completed_at = \"timestamp\"\n",
            self.postgres.url(),
            self.postgres.password_file().display(),
            self.postgres.ca_certificate().display(),
            self.dynamodb.endpoint(),
        )
    }

    /// The engine over the configured catalogs, in this process.
    ///
    /// # Panics
    /// When the configuration is not accepted.
    pub fn engine(&self, pushdown: PushdownMode) -> Engine {
        engine(&self.configuration(), pushdown)
    }

    /// The engine over the catalogs, with settings of one's own.
    pub fn engine_with(&self, settings: EngineBuilder) -> Engine {
        engine_with(&self.configuration(), settings)
    }

    /// Runs a statement in process: the answer as lines, columns divided by commas, and the ledger.
    ///
    /// # Errors
    /// The statement's.
    pub async fn run(engine: &Engine, sql: &str) -> Result<(Vec<String>, Ledger)> {
        let (rows, ledger) = Self::rows(engine, sql).await?;
        Ok((rows.into_iter().map(|row| row.join(",")).collect(), ledger))
    }

    /// Runs a statement in process: the answer's values as text, row by row, and the ledger.
    ///
    /// # Errors
    /// The statement's.
    pub async fn rows(engine: &Engine, sql: &str) -> Result<(Vec<Vec<String>>, Ledger)> {
        let query = engine.plan(sql).await?;
        let batches: Vec<RecordBatch> = query.execute()?.try_collect().await?;
        Ok((values(&batches), query.ledger()))
    }
}

/// The engine over the catalogs of a configuration, in this process.
///
/// # Panics
/// When the configuration is not accepted.
pub fn engine(configuration: &str, pushdown: PushdownMode) -> Engine {
    engine_with(configuration, Engine::builder().with_pushdown(pushdown))
}

fn engine_with(configuration: &str, mut builder: EngineBuilder) -> Engine {
    let connectors = ConnectorList::new()
        .with(headwater_postgres::PostgresFactory)
        .with(headwater_mysql::MySqlFactory)
        .with(headwater_dynamodb::DynamoDbFactory)
        .with(headwater_files::FilesFactory)
        .with(headwater_remote::RemoteFactory);
    let file = parse_config("headwater.toml", configuration, &ProcessEnvironment).unwrap();
    for catalog in connectors.check_file(file).unwrap() {
        let connector = connectors.build(&catalog).unwrap();
        builder = builder.with_catalog(&catalog.name, &catalog.connector, connector);
    }
    builder.build().unwrap()
}

/// Every value as Arrow displays it, nested ones included.
fn values(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    rows
}
