//! The servers that everyone reads from, with TPC-H at scale factor 1 in them.

use crate::task::{Access, Accesses, Narrow, Result, Source};
use headwater_benches::usage;
use headwater_harness::{
    CannedDynamoDb, CannedTable, ItemShape, MySqlServer, Postgres, Product, persistent_directory, tpch,
};
use mysql_async::prelude::Queryable as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Names what is loaded: another text here has it loaded again.
const LOADED: &str = "TPC-H, scale factor 1, with indexes on primary and foreign keys, 1";

const POSTGRES: &[&str] = &[
    "shared_buffers=2GB",
    "log_statement=none",
    "maintenance_work_mem=512MB",
    "max_wal_size=8GB",
    "wal_level=minimal",
    "max_wal_senders=0",
];

const MARIADB: &[&str] = &["--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G", "--general-log=OFF"];

/// In words, for the report.
pub(crate) const SETTINGS: &str =
    "2 GB of buffers each (`shared_buffers`, `innodb_buffer_pool_size`), everything else as it comes, no statement log";

/// The running servers.
#[derive(Debug)]
pub(crate) struct Servers {
    postgres: Postgres,
    mariadb: MySqlServer,
    /// In this process.
    canned: CannedDynamoDb,
}

/// Items of the table `flat` and of the table `large`.
pub(crate) const FLAT_ITEMS: u64 = 1_000_000;
pub(crate) const LARGE_ITEMS: u64 = 2_000;

/// What a scan of `lineitem` must give.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) rows: u64,
    pub(crate) sums: BTreeMap<String, String>,
}

impl Servers {
    /// Starts both, and loads what is not there yet: that takes minutes, once.
    pub(crate) async fn start() -> Result<Self> {
        let (postgres, mariadb) = tokio::try_join!(start_postgres(), start_mariadb())?;
        let canned = CannedDynamoDb::start(vec![
            CannedTable { name: "flat".to_owned(), items: FLAT_ITEMS, shape: ItemShape::Flat },
            CannedTable { name: "large".to_owned(), items: LARGE_ITEMS, shape: ItemShape::Large(400_000) },
        ])?;
        Ok(Self { postgres, mariadb, canned })
    }

    pub(crate) fn accesses(&self) -> Accesses {
        let Self { postgres, mariadb, canned } = self;
        let access = |port, user: &str, password: &str, database: &str| Access {
            host: "127.0.0.1".to_owned(),
            port,
            user: user.to_owned(),
            password: password.to_owned(),
            database: database.to_owned(),
        };
        Accesses {
            postgres: access(postgres.port(), postgres.user(), postgres.password(), postgres.database()),
            mariadb: access(mariadb.port(), mariadb.user(), mariadb.password(), "tpch"),
            dynamodb: canned.endpoint().to_owned(),
        }
    }

    /// How long the canned DynamoDB waits before each answer.
    pub(crate) fn delay_items(&self, delay: Duration) {
        self.canned.delay(delay);
    }

    /// Processor seconds of both SQL servers since they were started.
    pub(crate) fn cpu(&self) -> Result<f64> {
        Ok(usage::server(self.postgres.process_id()?) + usage::server(self.mariadb.process_id()?))
    }

    /// The servers' own versions.
    pub(crate) async fn versions(&self) -> Result<Vec<String>> {
        let postgres: String = self.ask_postgres("SHOW server_version").await?.concat();
        let mut mariadb = self.mariadb.conn().await?;
        let version: Option<String> = mariadb.query_first("SELECT version()").await?;
        mariadb.disconnect().await?;
        Ok(vec![format!("PostgreSQL {postgres}"), format!("MariaDB {}", version.unwrap_or_default())])
    }

    /// What PostgreSQL itself says about `lineitem`; MariaDB has the same rows.
    pub(crate) async fn expected(&self, narrow: Option<Narrow>) -> Result<Expected> {
        let columns: Vec<&str> = match narrow {
            None => COLUMNS.iter().map(|(name, _)| *name).collect(),
            Some(_) => crate::ours::NARROW.to_vec(),
        };
        let sum = |name: &&str| match COLUMNS.iter().find(|(column, _)| column == name) {
            Some((_, "date")) => format!("sum({name} - DATE '1970-01-01')::text"),
            Some((_, "text")) => format!("sum(octet_length({name}))::text"),
            _ => format!("sum({name})::text"),
        };
        let sums: Vec<String> = columns.iter().map(sum).collect();
        let sql = format!("SELECT count(*)::text, {} FROM tpch.lineitem{}", sums.join(", "), condition(narrow));
        let mut values = self.ask_postgres(&sql).await?.into_iter();
        let rows = values.next().unwrap_or_default().parse()?;
        Ok(Expected { rows, sums: columns.into_iter().map(str::to_owned).zip(values).collect() })
    }

    /// How many pages `lineitem` has in PostgreSQL, and the greatest `l_orderkey`.
    pub(crate) async fn extent(&self, source: Source) -> Result<u64> {
        let sql = match source {
            Source::Postgres => "SELECT (pg_relation_size('tpch.lineitem') / 8192)::text",
            Source::MariaDb => "SELECT max(l_orderkey)::text FROM tpch.lineitem",
        };
        Ok(self.ask_postgres(sql).await?.concat().parse()?)
    }

    /// The values, all of them text, of one row.
    async fn ask_postgres(&self, sql: &str) -> Result<Vec<String>> {
        let client = self.postgres.client(self.postgres.database()).await?;
        let row = client.query_one(sql, &[]).await?;
        Ok((0..row.len()).map(|index| row.get(index)).collect())
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.canned.stop()?;
        self.postgres.stop().await?;
        Ok(self.mariadb.stop().await?)
    }
}

const COLUMNS: [(&str, &str); 16] = [
    ("l_orderkey", "number"),
    ("l_partkey", "number"),
    ("l_suppkey", "number"),
    ("l_linenumber", "number"),
    ("l_quantity", "number"),
    ("l_extendedprice", "number"),
    ("l_discount", "number"),
    ("l_tax", "number"),
    ("l_returnflag", "text"),
    ("l_linestatus", "text"),
    ("l_shipdate", "date"),
    ("l_commitdate", "date"),
    ("l_receiptdate", "date"),
    ("l_shipinstruct", "text"),
    ("l_shipmode", "text"),
    ("l_comment", "text"),
];

/// ` WHERE …` for a narrow scan, in SQL that everyone understands.
pub(crate) fn condition(narrow: Option<Narrow>) -> String {
    let Some(Narrow { from, until }) = narrow else { return String::new() };
    let day = |days: i32| {
        let (year, month, day) = headwater_harness::Timestamp { seconds: i64::from(days) * 86_400 }.date();
        format!("DATE '{year:04}-{month:02}-{day:02}'")
    };
    format!(" WHERE l_shipdate >= {} AND l_shipdate < {}", day(from), day(until))
}

async fn start_postgres() -> Result<Postgres> {
    let directory = persistent_directory("benches/postgres")?;
    let loaded = begin(&directory)?;
    let postgres = Postgres::start_in_with(&directory, POSTGRES).await?;
    if !loaded {
        let started = say("loading PostgreSQL");
        tpch::load_large_postgres(&mut postgres.client(postgres.database()).await?).await?;
        done(&directory, started)?;
    }
    Ok(postgres)
}

async fn start_mariadb() -> Result<MySqlServer> {
    let directory = persistent_directory("benches/mariadb")?;
    let loaded = begin(&directory)?;
    let mariadb = MySqlServer::start_in_with(Product::MariaDb, &directory, MARIADB).await?;
    if !loaded {
        let started = say("loading MariaDB");
        tpch::load_large_mysql(&mariadb).await?;
        done(&directory, started)?;
    }
    Ok(mariadb)
}

fn stamp(directory: &Path) -> PathBuf {
    directory.with_extension("loaded")
}

/// Whether all is loaded. What is not complete is removed.
fn begin(directory: &Path) -> Result<bool> {
    if fs::read_to_string(stamp(directory)).is_ok_and(|text| text == LOADED) {
        return Ok(true);
    }
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    Ok(false)
}

fn done(directory: &Path, started: Instant) -> Result<()> {
    eprintln!("  loaded in {:.0} s", started.elapsed().as_secs_f64());
    Ok(fs::write(stamp(directory), LOADED)?)
}

fn say(what: &str) -> Instant {
    eprintln!("{what}: minutes, once");
    Instant::now()
}
