//! What a measured process is told on its standard input, and what it says on its standard output.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Anything may go wrong while measuring; it is told and ends the run.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How to reach a server, without encryption.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
}

impl Access {
    /// A URL as Headwater's connectors read it. The password is of hexadecimal digits.
    pub(crate) fn url(&self, scheme: &str) -> String {
        let Self { host, port, user, password, database } = self;
        format!("{scheme}://{user}:{password}@{host}:{port}/{database}?sslmode=disable")
    }
}

/// All servers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Accesses {
    pub(crate) postgres: Access,
    pub(crate) mariadb: Access,
    /// The endpoint of the canned DynamoDB.
    pub(crate) dynamodb: String,
}

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    Postgres,
    MariaDb,
}

impl Source {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        }
    }

    /// The name of its catalog in statements, ours and DuckDB's.
    pub(crate) fn catalog(self) -> &'static str {
        match self {
            Self::Postgres => "pg",
            Self::MariaDb => "my",
        }
    }
}

/// Rows of `lineitem` shipped from one day up to before another, two columns of them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Narrow {
    /// Days since 1970-01-01.
    pub(crate) from: i32,
    pub(crate) until: i32,
}

/// How items are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    /// By our connector.
    Ours,
    /// By the SDK, whose items are then put into Arrow builders.
    Typed,
}

/// What is to be measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Work {
    /// `lineitem`, all of it or a narrow part, through the connector's trait; batches are dropped.
    Scan { source: Source, narrow: Option<Narrow> },
    /// A statement through the engine; rows are kept, as text, unless they are only to be counted.
    Query { sql: String, twice: bool, count_only: bool },
    /// Statements over this many raw connections; bytes are dropped.
    Drain { source: Source, statements: Vec<String>, connections: usize },
    /// All items of a table of the canned DynamoDB into Arrow; batches are dropped.
    Items { table: String, by: Way },
    /// As many keys as given from PostgreSQL, and their items from the canned DynamoDB, by a loop written by hand.
    Lookup { keys: u32, at_once: usize },
    /// A statement by a peer; see the script for what the settings mean.
    Peer { sql: String, twice: bool, rows: bool, settings: BTreeMap<String, String> },
}

/// A process's standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) servers: Accesses,
    pub(crate) work: Work,
    /// Whether to sum up every column, so that the answer can be checked; not to be timed.
    pub(crate) verify: bool,
}

/// What a scan of the engine did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scanned {
    /// `pg.tpch.lineitem`.
    pub(crate) table: String,
    pub(crate) rows: u64,
    pub(crate) statements: u64,
    /// DynamoDB's read units.
    pub(crate) units: f64,
    /// From its first statement to its last row.
    pub(crate) seconds: f64,
    /// What became of the join's keys, in words; empty if there were none.
    pub(crate) keys: String,
}

/// A process's standard output.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    pub(crate) again: Option<f64>,
    pub(crate) rows: u64,
    /// Bytes.
    pub(crate) memory: u64,
    /// Bytes of answers received, where they are counted.
    pub(crate) received: u64,
    /// DynamoDB's read units, where they are counted.
    pub(crate) units: f64,
    /// Per column: the sum of numbers, of days since 1970-01-01, or of the bytes of texts.
    pub(crate) sums: BTreeMap<String, String>,
    /// The rows as text.
    pub(crate) answer: Vec<Vec<String>>,
    pub(crate) scans: Vec<Scanned>,
    /// The statements that our connector sends, and how many at once.
    pub(crate) requests: Vec<String>,
    pub(crate) connections: usize,
}
