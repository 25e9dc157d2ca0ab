//! `make demo`: users and orders in Postgres, workflows in DynamoDB, joined where they lie.
//!
//! Starts both servers in a directory that is kept, loads scenario 1's data unless it is there, runs the statement
//! with the `headwater` binary as a user would, checks the answer against the generator's, and says what to type next.

use headwater_harness::scenario1::{MonthRow, Scenario1};
use headwater_harness::{DynamoDb, HarnessError, Postgres, Result, persistent_directory};
use std::fs;
use std::io::{IsTerminal, Read, stdin};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

const SQL: &str = include_str!("../sql/users_by_month.sql");

#[tokio::main]
async fn main() -> ExitCode {
    match demo().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<()> {
    let started = Instant::now();
    let directory = persistent_directory("demo")?;
    let postgres = Postgres::start_in(directory.join("postgres")).await?;
    let dynamodb = DynamoDb::start_file(directory.join("dynamodb.sqlite")).await?;
    eprintln!("started Postgres on port {} and DynamoDB at {}", postgres.port(), dynamodb.endpoint());
    let data = load(&postgres, &dynamodb).await?;
    let headwater = Headwater::new(&directory, &postgres, &dynamodb)?;
    headwater.run(&["query", "-f", &headwater.sql])?;
    headwater.check(&data)?;
    headwater.run(&["explain", "--analyze", "-f", &headwater.sql])?;
    headwater.say_next(started)?;
    wait_for_user()?;
    dynamodb.stop().await?;
    postgres.stop().await
}

async fn load(postgres: &Postgres, dynamodb: &DynamoDb) -> Result<Scenario1> {
    let data = Scenario1::generate();
    let mut client = postgres.client(postgres.database()).await?;
    eprintln!(
        "data: {} users and {} orders in Postgres, {} workflow items in DynamoDB",
        data.users.len(),
        data.orders.len(),
        data.workflows.len()
    );
    data.load_postgres(&mut client).await?;
    data.load_dynamodb(dynamodb).await?;
    Ok(data)
}

/// The binary under demonstration, its configuration and its statement.
struct Headwater {
    binary: PathBuf,
    config: String,
    sql: String,
}

impl Headwater {
    fn new(directory: &Path, postgres: &Postgres, dynamodb: &DynamoDb) -> Result<Self> {
        let config = directory.join("headwater.toml");
        let sql = directory.join("users_by_month.sql");
        write(&config, &configuration(postgres, dynamodb))?;
        write(&sql, SQL)?;
        let own = std::env::current_exe().map_err(|error| HarnessError::new(error.to_string()))?;
        let binary = own.with_file_name("headwater");
        if !binary.exists() {
            return Err(HarnessError::new("the headwater binary is not built; run `make demo`"));
        }
        Ok(Self { binary, config: config.display().to_string(), sql: sql.display().to_string() })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(["--config", &self.config]).args(arguments);
        command
    }

    /// Runs and shows a command as a user would type it.
    fn run(&self, arguments: &[&str]) -> Result<()> {
        eprintln!("\n$ headwater {}", arguments.join(" ").replace(&self.sql, "users_by_month.sql"));
        let status = self.command(arguments).args(format_for_people(arguments)).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(HarnessError::new(format!("headwater ended with {status}"))),
            Err(error) => Err(HarnessError::new(format!("headwater did not start: {error}"))),
        }
    }

    /// Compares the answer with the generator's own, which no query engine has touched.
    fn check(&self, data: &Scenario1) -> Result<()> {
        let output = self.command(&["query", "--format", "csv", "-f", &self.sql]).output();
        let output = output.map_err(|error| HarnessError::new(error.to_string()))?;
        let answer = String::from_utf8_lossy(&output.stdout);
        let rows: Vec<&str> = answer.lines().skip(1).collect();
        let expected: Vec<String> = data.expected(Some("NZ")).iter().map(MonthRow::csv_line).collect();
        if rows == expected {
            eprintln!("the answer equals the generator's, to the last digit");
            return Ok(());
        }
        Err(HarnessError::new(format!("the answer differs from the generator's:\n{answer}\n{}", expected.join("\n"))))
    }

    fn say_next(&self, started: Instant) -> Result<()> {
        eprintln!("\ndone in {:.1} s. What to type next (while this runs):", started.elapsed().as_secs_f64());
        eprintln!("  export HEADWATER_CONFIG={}", self.config);
        let binary = self.binary.display();
        for line in [
            "catalog list",
            "catalog describe events.default.workflow_items",
            "query \"SELECT country, count(*) FROM crm.public.users GROUP BY country ORDER BY 2 DESC LIMIT 5\"",
            "explain \"SELECT * FROM events.default.workflow_items WHERE user_id = 7 AND cost > 1.5\"",
        ] {
            eprintln!("  {binary} {line}");
        }
        Ok(())
    }
}

/// A person watches, even when the output is piped into a file: show the table.
fn format_for_people(arguments: &[&str]) -> &'static [&'static str] {
    if arguments.first() == Some(&"query") { &["--format", "table"] } else { &[] }
}

fn configuration(postgres: &Postgres, dynamodb: &DynamoDb) -> String {
    format!(
        r#"version = 1

[catalogs.crm]
connector = "postgres"
url = "{url}"
password = "${{file:{password}}}"
sslrootcert = "{ca}"

[catalogs.events]
connector = "dynamodb"
region = "us-east-1"
endpoint = "{endpoint}"
access_key_id = "demo"
secret_access_key = "demo"

# Types that DynamoDB does not have are declared; every other column is found by itself.
[catalogs.events.tables.workflow_items.columns]
started_at = "timestamp"
completed_at = "timestamp"
"#,
        url = postgres.url(),
        password = postgres.password_file().display(),
        ca = postgres.ca_certificate().display(),
        endpoint = dynamodb.endpoint(),
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| HarnessError::new(format!("{} cannot be written: {error}", path.display())))
}

/// On a terminal the servers stay up until Enter; in a script the demo ends by itself.
fn wait_for_user() -> Result<()> {
    if stdin().is_terminal() {
        eprintln!("\nPress Enter to stop the servers.");
        let mut byte = [0];
        stdin().read(&mut byte).map_err(|error| HarnessError::new(error.to_string()))?;
    }
    Ok(())
}
