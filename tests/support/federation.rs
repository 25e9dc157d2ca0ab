//! All kinds of server with TPC-H's data among them, and a configuration that names them.

use crate::world;
use headwater_harness::tpch;
use headwater_harness::{DynamoDb, MySqlServer, Postgres, Product, S3};
use headwater_planner::{Engine, PushdownMode};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::sync::OnceCell;

static TPCH: OnceCell<Federation> = OnceCell::const_new();

/// The bucket of TPC-H's Parquet objects.
const BUCKET: &str = "tpch";

/// Servers and a configuration.
#[derive(Debug)]
pub struct Federation {
    /// Catalog `pg`: lineitem.
    pub postgres: Postgres,
    /// Catalog `my`: orders and customer.
    pub mysql: MySqlServer,
    /// Catalog `ddb`: part and supplier.
    pub dynamodb: DynamoDb,
    /// Catalog `lake`: partsupp, nation and region.
    pub s3: S3,
    directory: TempDir,
}

impl Federation {
    /// TPC-H at scale factor 0.1, one for all tests.
    ///
    /// # Panics
    /// When a server does not start.
    pub async fn tpch() -> &'static Self {
        TPCH.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let (postgres, mysql, dynamodb, s3) =
            tokio::join!(Postgres::start(), MySqlServer::start(Product::MySql), DynamoDb::start(), S3::start());
        let federation = Self {
            postgres: postgres.unwrap(),
            mysql: mysql.unwrap(),
            dynamodb: dynamodb.unwrap(),
            s3: s3.unwrap(),
            directory: tempfile::tempdir().unwrap(),
        };
        let Self { postgres, mysql, dynamodb, s3, .. } = &federation;
        tpch::load_postgres(&mut postgres.client(postgres.database()).await.unwrap()).await.unwrap();
        tpch::load_mysql(mysql).await.unwrap();
        tpch::load_dynamodb(dynamodb).await.unwrap();
        tpch::load_s3(s3, BUCKET).await.unwrap();
        fs::write(federation.path("headwater.toml"), federation.configuration()).unwrap();
        federation
    }

    /// A path in the federation's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The path of the configuration file.
    pub fn config(&self) -> String {
        self.path("headwater.toml").display().to_string()
    }

    /// The text of the configuration.
    pub fn configuration(&self) -> String {
        let Self { postgres, mysql, dynamodb, s3, .. } = self;
        format!(
            r#"version = 1

[catalogs.pg]
connector = "postgres"
url = "{postgres_url}"
password = "${{file:{postgres_password}}}"
sslrootcert = "{postgres_ca}"

[catalogs.my]
connector = "mysql"
url = "{mysql_url}"
password = "${{file:{mysql_password}}}"
sslrootcert = "{mysql_ca}"
schemas = ["*"]

[catalogs.ddb]
connector = "dynamodb"
region = "us-east-1"
endpoint = "{dynamodb_endpoint}"
access_key_id = "test"
secret_access_key = "planted-aws-secret"

[catalogs.ddb.tables.part.columns]
p_retailprice = "decimal(15,2)"

[catalogs.ddb.tables.supplier.columns]
s_acctbal = "decimal(15,2)"

[catalogs.lake]
connector = "files"
url = "s3://{BUCKET}/tpch"
region = "{region}"
endpoint = "{s3_endpoint}"
access_key_id = "{access_key}"
secret_access_key = "${{file:{secret_key}}}"
"#,
            postgres_url = postgres.url(),
            postgres_password = postgres.password_file().display(),
            postgres_ca = postgres.ca_certificate().display(),
            mysql_url = mysql.url(),
            mysql_password = mysql.password_file().display(),
            mysql_ca = mysql.ca_certificate().display(),
            dynamodb_endpoint = dynamodb.endpoint(),
            region = s3.region(),
            s3_endpoint = s3.endpoint(),
            access_key = s3.access_key(),
            secret_key = s3.secret_key_file().display(),
        )
    }

    /// The engine over the configured catalogs, in this process.
    ///
    /// # Panics
    /// When the configuration is not accepted.
    pub fn engine(&self, pushdown: PushdownMode) -> Engine {
        world::engine(&self.configuration(), pushdown)
    }

    /// All eight tables in the schema `reference` of the Postgres server: its own answers are the reference.
    ///
    /// # Panics
    /// When they cannot be loaded.
    pub async fn reference_answer(&self, sql: &str) -> String {
        static LOADED: OnceCell<()> = OnceCell::const_new();
        let mut client = self.postgres.client(self.postgres.database()).await.unwrap();
        LOADED.get_or_init(|| async { tpch::load_reference(&mut client).await.unwrap() }).await;
        let copy = format!("COPY (\n{sql}\n) TO STDOUT (FORMAT csv, HEADER, DELIMITER '|')");
        let chunks: Vec<_> = futures::TryStreamExt::try_collect(client.copy_out(&copy).await.unwrap()).await.unwrap();
        String::from_utf8(chunks.concat()).unwrap()
    }
}
