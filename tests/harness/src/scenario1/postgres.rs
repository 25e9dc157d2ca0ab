//! Loading the relational half.

use tokio_postgres::{Client, Error};

use super::{FINGERPRINT, Order, Scenario1, User};
use crate::copy::{Line, hundredths, into_postgres};
use crate::error::{Context as _, Result};

const TABLES: &str = "
    DROP TABLE IF EXISTS public.users, public.orders;
    CREATE TABLE public.users (
        id bigint PRIMARY KEY,
        email text NOT NULL UNIQUE,
        full_name text NOT NULL,
        country text NOT NULL,
        plan text NOT NULL,
        created_at timestamptz NOT NULL,
        deleted_at timestamptz
    );
    CREATE TABLE public.orders (
        id bigint PRIMARY KEY,
        user_id bigint NOT NULL,
        amount numeric(12,2) NOT NULL,
        currency text NOT NULL,
        ordered_at timestamptz NOT NULL,
        note text
    );";

const INDEXES: &str = "
    CREATE INDEX users_country ON public.users (country);
    CREATE INDEX orders_user_id ON public.orders (user_id);
    ANALYZE public.users, public.orders;";

impl Scenario1 {
    /// Puts `users` and `orders` into schema `public` of the client's database, in one transaction, replacing tables of
    /// these names; does nothing when this very data is there already.
    ///
    /// # Errors
    ///
    /// The server refuses a statement, or something depends on the tables to be replaced.
    pub async fn load_postgres(&self, client: &mut Client) -> Result<()> {
        if Self::is_in_postgres(client).await? {
            return Ok(());
        }
        self.copy_all(client).await.context(|| "loading scenario 1 into Postgres".to_owned())
    }

    /// Whether this very data is in the client's database; answers without generating it.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub async fn is_in_postgres(client: &Client) -> Result<bool> {
        let marker =
            client.query_one(&format!("SELECT obj_description(to_regclass('{MARKED}'), 'pg_class')"), &[]).await;
        let marker = marker.and_then(|row| row.try_get::<_, Option<String>>(0));
        let marker = marker.context(|| "looking for scenario 1 in Postgres".to_owned())?;
        Ok(marker.as_deref() == Some(&marker_text()))
    }

    async fn copy_all(&self, client: &mut Client) -> Result<(), Error> {
        let transaction = client.transaction().await?;
        transaction.batch_execute(TABLES).await?;
        into_postgres(&transaction, "public.users", self.users.iter().map(user_line)).await?;
        into_postgres(&transaction, "public.orders", self.orders.iter().map(order_line)).await?;
        transaction.batch_execute(INDEXES).await?;
        transaction.batch_execute(&format!("COMMENT ON INDEX {MARKED} IS '{}'", marker_text())).await?;
        transaction.commit().await
    }
}

/// Its comment is the marker: unlike a table of ours it shows up nowhere, and it goes when the data goes.
const MARKED: &str = "public.orders_user_id";

fn marker_text() -> String {
    format!("headwater scenario 1, {FINGERPRINT}")
}

fn user_line(user: &User) -> String {
    let mut line = Line::default();
    line.field(user.id).text(&user.email).text(&user.full_name).text(user.country).text(user.plan);
    line.field(user.created_at).optional(user.deleted_at.map(|at| at.to_string()).as_deref());
    line.end()
}

fn order_line(order: &Order) -> String {
    let mut line = Line::default();
    line.field(order.id).field(order.user_id).field(hundredths(order.amount_cents.into())).text(order.currency);
    line.field(order.ordered_at).optional(order.note);
    line.end()
}
