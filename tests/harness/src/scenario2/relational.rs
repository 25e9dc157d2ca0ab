//! Loading accounts and plans.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;
use tokio_postgres::Client;

use super::{Account, Plan, Scenario2, marker};
use crate::copy::{Line, hundredths, into_mysql, into_postgres};
use crate::error::{Context as _, Result};
use crate::timestamp::Timestamp;

/// The comment of an index is the marker: unlike a table of ours it shows up nowhere, and it goes when the data goes.
const MARKED_IN_POSTGRES: &str = "public.plans_name_key";

impl Scenario2 {
    /// Puts `accounts` into the connection's database, replacing a table of that name; does nothing when this very data is
    /// there already.
    ///
    /// # Errors
    ///
    /// The server refuses a statement.
    pub async fn load_mysql(&self, connection: &mut Conn) -> Result<()> {
        let fingerprint = self.fingerprint();
        if Self::is_in_mysql(connection, &fingerprint).await? {
            return Ok(());
        }
        let table = format!(
            "CREATE TABLE accounts (id bigint PRIMARY KEY, email varchar(255) NOT NULL UNIQUE,
                full_name varchar(100) NOT NULL, country varchar(2) NOT NULL, plan_id int NOT NULL,
                created_at datetime NOT NULL, closed_at datetime,
                INDEX accounts_country (country) COMMENT '{}') CHARACTER SET utf8mb4",
            marker("loading")
        );
        let lines = self.accounts.iter().map(account_line).collect();
        let done = format!(
            "ALTER TABLE accounts DROP INDEX accounts_country,
                ADD INDEX accounts_country (country) COMMENT '{}'",
            marker(&fingerprint)
        );
        let loaded = async {
            connection.query_drop("DROP TABLE IF EXISTS accounts").await?;
            connection.query_drop(table).await?;
            into_mysql(connection, "accounts", lines).await?;
            connection.query_drop(done).await?;
            connection.query_drop("ANALYZE TABLE accounts").await
        };
        loaded.await.context(|| "loading scenario 2 into MySQL".to_owned())
    }

    /// Whether the data of this fingerprint is in the connection's database; answers without generating it.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub async fn is_in_mysql(connection: &mut Conn, fingerprint: &str) -> Result<bool> {
        let query = "SELECT index_comment FROM information_schema.statistics
            WHERE table_schema = DATABASE() AND table_name = 'accounts' AND index_name = 'accounts_country'";
        let found: Result<Option<String>, _> = connection.query_first(query).await;
        let found = found.context(|| "looking for scenario 2 in MySQL".to_owned())?;
        Ok(found.is_some_and(|comment| comment == marker(fingerprint)))
    }

    /// Puts `plans` into schema `public` of the client's database, in one transaction, replacing a table of that name; does
    /// nothing when those of this very data are there already.
    ///
    /// # Errors
    ///
    /// The server refuses a statement, or something depends on the table to be replaced.
    pub async fn load_postgres(&self, client: &mut Client) -> Result<()> {
        let fingerprint = self.fingerprint();
        if Self::is_in_postgres(client, &fingerprint).await? {
            return Ok(());
        }
        let table = "DROP TABLE IF EXISTS public.plans;
            CREATE TABLE public.plans (id integer PRIMARY KEY, name text NOT NULL UNIQUE, quota_bytes bigint NOT NULL,
                price numeric(10,2) NOT NULL)";
        let done = format!("COMMENT ON INDEX {MARKED_IN_POSTGRES} IS '{}'; ANALYZE public.plans", marker(&fingerprint));
        let loaded = async {
            let transaction = client.transaction().await?;
            transaction.batch_execute(table).await?;
            into_postgres(&transaction, "public.plans", self.plans.iter().map(plan_line)).await?;
            transaction.batch_execute(&done).await?;
            transaction.commit().await
        };
        loaded.await.context(|| "loading scenario 2 into Postgres".to_owned())
    }

    /// Whether the plans of this fingerprint's data are in the client's database; answers without generating it.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub async fn is_in_postgres(client: &Client, fingerprint: &str) -> Result<bool> {
        let query = format!("SELECT obj_description(to_regclass('{MARKED_IN_POSTGRES}'), 'pg_class')");
        let found = client.query_one(&query, &[]).await.and_then(|row| row.try_get::<_, Option<String>>(0));
        let found = found.context(|| "looking for scenario 2 in Postgres".to_owned())?;
        Ok(found.is_some_and(|comment| comment == marker(fingerprint)))
    }
}

fn account_line(account: &Account) -> String {
    let mut line = Line::default();
    line.field(account.id).text(&account.email).text(&account.full_name).text(account.country).field(account.plan_id);
    line.field(datetime(account.created_at)).optional(account.closed_at.map(datetime).as_deref());
    line.end()
}

fn plan_line(plan: &Plan) -> String {
    let mut line = Line::default();
    line.field(plan.id).text(plan.name).field(plan.quota_bytes).field(hundredths(plan.price_cents.into()));
    line.end()
}

/// `2026-03-05 10:11:12`, as MySQL writes it.
fn datetime(at: Timestamp) -> String {
    at.to_string().replace('T', " ").trim_end_matches('Z').to_owned()
}
