//! Random statements over tables of awkward values, under `pushdown = "verify"`: with pushdown and without, the same.
//!
//! `HEADWATER_SEED=7 cargo test --workspace --test e2e random_queries` makes other statements.

mod dynamodb;
mod mysql;
mod postgres;
mod predicate;
mod random;
mod run;
mod statement;
mod table;
mod tally;

use headwater_harness::{MySqlServer, Postgres, Product};
use mysql_async::prelude::Queryable as _;
use run::hold;
use table::{Column, Table};
use tally::Tally;

/// Statements per connector and run.
const STATEMENTS: usize = 2_000;

async fn start_postgres() -> (Postgres, String) {
    let server = Postgres::start().await.unwrap();
    server.client(server.database()).await.unwrap().batch_execute(postgres::SETUP).await.unwrap();
    let configuration = catalog("pg", "postgres", &server.url(), server.password_file(), server.ca_certificate());
    (server, configuration)
}

async fn start_mysql(product: Product) -> (MySqlServer, String) {
    let server = MySqlServer::start(product).await.unwrap();
    let mut conn = server.conn().await.unwrap();
    for statement in mysql::setup(product) {
        conn.query_drop(&statement).await.unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    let configuration = catalog("my", "mysql", &server.url(), server.password_file(), server.ca_certificate());
    (server, configuration + "schemas = [\"*\"]\n")
}

fn catalog(name: &str, connector: &str, url: &str, password: &std::path::Path, ca: &std::path::Path) -> String {
    format!(
        "[catalogs.{name}]\nconnector = \"{connector}\"\nurl = \"{url}\"\npassword = \"${{file:{}}}\"\nsslrootcert = \
         \"{}\"\n",
        password.display(),
        ca.display()
    )
}

fn tables(catalog: &str, columns: &'static [Column]) -> Vec<Table> {
    ["many", "few"].map(|name| Table { name: format!("{catalog}.odd.{name}"), columns, paths: &[] }).to_vec()
}

/// Enough answers were compared, and sources did enough of the work, for the run to prove something.
fn proves(tally: &Tally, count: usize) {
    assert!(tally.compared > count * 8 / 10 && tally.with_rows > count / 2, "{tally:?}");
    assert!(tally.overflows < count / 100, "{tally:?}");
    for kind in ["filter", "limit", "top", "aggregate", "distinct", "join"] {
        assert!(tally.pushed(kind) > count / 100, "{kind}: {tally:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_answers_are_the_engines() {
    let (_server, configuration) = start_postgres().await;
    let tally = hold(&format!("version = 1\n{configuration}"), &tables("pg", postgres::COLUMNS), STATEMENTS).await;
    proves(&tally, STATEMENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_answers_are_the_engines() {
    let (_server, configuration) = start_mysql(Product::MySql).await;
    let tally = hold(&format!("version = 1\n{configuration}"), &tables("my", mysql::COLUMNS), STATEMENTS).await;
    proves(&tally, STATEMENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_answers_are_the_engines() {
    let (_server, configuration) = start_mysql(Product::MariaDb).await;
    let tally = hold(&format!("version = 1\n{configuration}"), &tables("my", mysql::COLUMNS), STATEMENTS).await;
    proves(&tally, STATEMENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_over_two_catalogs_are_the_engines() {
    let ((_pg, postgres), (_my, mysql)) = tokio::join!(start_postgres(), start_mysql(Product::MySql));
    let both = [tables("pg", postgres::COLUMNS), tables("my", mysql::COLUMNS)].concat();
    let tally = hold(&format!("version = 1\n{postgres}{mysql}"), &both, STATEMENTS / 4).await;
    proves(&tally, STATEMENTS / 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn dynamodb_answers_are_the_engines() {
    let (_server, configuration) = dynamodb::start().await;
    let tally = hold(&format!("version = 1\n{configuration}"), &dynamodb::tables(), STATEMENTS).await;
    assert!(tally.compared > STATEMENTS * 8 / 10 && tally.with_rows > STATEMENTS / 3, "{tally:?}");
    for kind in ["filter", "limit", "top"] {
        assert!(tally.pushed(kind) > STATEMENTS / 100, "{kind}: {tally:?}");
    }
    for way in dynamodb::WAYS {
        assert!(tally.ways.contains_key(*way), "nothing was read by {way}: {tally:?}");
    }
}
