//! The servers, and the data in them.

use crate::storage::BUCKET;
use headwater_harness::scenario1::Scenario1;
use headwater_harness::scenario2::{Scenario2, Size};
use headwater_harness::{DynamoDb, HarnessError, MySqlServer, Postgres, Product, Result, S3};
use std::path::Path;

/// One server of each kind.
#[derive(Debug)]
pub struct Servers {
    /// Users and orders of scenario 1, plans of scenario 2.
    pub postgres: Postgres,
    /// Accounts.
    pub mysql: MySqlServer,
    /// Workflows of scenario 1, items of scenario 2.
    pub dynamodb: DynamoDb,
    /// The inventory report and the usage.
    pub s3: S3,
}

/// Both scenarios' data, as generated.
#[derive(Debug)]
pub struct Data {
    /// Two stores, one question.
    pub scenario1: Scenario1,
    /// Storage accounting.
    pub scenario2: Scenario2,
}

impl Servers {
    /// Starts them on data that stays in `directory`.
    ///
    /// # Errors
    /// A server's program is not on this machine, or a server does not start.
    pub async fn start_in(directory: &Path) -> Result<Self> {
        // The first makes the directory, for its own user to enter.
        let postgres = Postgres::start_in(directory.join("postgres")).await?;
        let (mysql, dynamodb, s3) = tokio::join!(
            MySqlServer::start_in(Product::MySql, directory.join("mysql")),
            DynamoDb::start_file(directory.join("dynamodb.sqlite")),
            S3::start_in(directory.join("s3")),
        );
        Ok(Self { postgres, mysql: mysql?, dynamodb: dynamodb?, s3: s3? })
    }

    /// Starts them on data that goes with them.
    ///
    /// # Errors
    /// As [`start_in`](Self::start_in).
    pub async fn start() -> Result<Self> {
        let (postgres, mysql, dynamodb, s3) =
            tokio::join!(Postgres::start(), MySqlServer::start(Product::MySql), DynamoDb::start(), S3::start());
        Ok(Self { postgres: postgres?, mysql: mysql?, dynamodb: dynamodb?, s3: s3? })
    }

    /// Loads both scenarios, unless this very data is there.
    ///
    /// # Errors
    /// A server refuses its data.
    pub async fn load(&self, size: Size) -> Result<Data> {
        let data = Data { scenario1: Scenario1::generate(), scenario2: Scenario2::generate(size) };
        let mut client = self.postgres.client(self.postgres.database()).await?;
        data.scenario1.load_postgres(&mut client).await?;
        data.scenario1.load_dynamodb(&self.dynamodb).await?;
        data.scenario2.load_postgres(&mut client).await?;
        data.scenario2.load_mysql(&mut self.mysql.conn().await?).await?;
        data.scenario2.load_dynamodb(&self.dynamodb).await?;
        self.s3.create_bucket(BUCKET).await?;
        data.scenario2.load_s3(&self.s3, BUCKET).await?;
        Ok(data)
    }

    /// Stops them, and waits for their end.
    ///
    /// # Errors
    /// A server does not stop.
    pub async fn stop(self) -> Result<()> {
        let (postgres, mysql, dynamodb, s3) =
            tokio::join!(self.postgres.stop(), self.mysql.stop(), self.dynamodb.stop(), self.s3.stop());
        [postgres, mysql, dynamodb, s3].into_iter().collect::<std::result::Result<(), HarnessError>>()
    }
}
