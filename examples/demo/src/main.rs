//! `make demo`: two questions over data that stays where it is.
//!
//! Starts a server of each kind in a directory that is kept, loads the data unless it is there, runs both statements
//! with the `headwater` program as a user would, checks the answers against the generators', and says what to type next.

use headwater_demo::program::{ConnectorServer, Headwater};
use headwater_demo::servers::{Data, Servers};
use headwater_demo::{configuration, storage, users};
use headwater_harness::scenario2::Size;
use headwater_harness::{HarnessError, Result, persistent_directory};
use std::fs;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

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
    let servers = Servers::start_in(&directory).await?;
    eprintln!("started Postgres, MySQL, DynamoDB and S3 servers on free ports");
    let data = servers.load(Size::DEMO).await?;
    eprintln!("data: {}", sizes(&data));
    let (_items, headwater) = configured(&directory, &servers)?;
    let config = directory.join("headwater.toml");
    show(&headwater, &directory, "users_by_month.sql", users::SQL, &users::expected(&data.scenario1))?;
    show(&headwater, &directory, "storage_by_account.sql", storage::SQL, &storage::expected(&data.scenario2))?;
    say_next(&headwater, &config, started);
    wait_for_user()?;
    servers.stop().await
}

fn sizes(data: &Data) -> String {
    format!(
        "{} users, {} orders and {} plans in Postgres, {} accounts in MySQL, {} workflows and {} items in DynamoDB, \
         {} rows of inventory on S3",
        data.scenario1.users.len(),
        data.scenario1.orders.len(),
        data.scenario2.plans.len(),
        data.scenario2.accounts.len(),
        data.scenario1.workflows.len(),
        data.scenario2.items.len(),
        data.scenario2.versions.len(),
    )
}

/// The server beside the items, and the program that knows of it and of all other sources.
fn configured(directory: &Path, servers: &Servers) -> Result<(ConnectorServer, Headwater)> {
    let (token, beside, here) =
        (directory.join("docs.token"), directory.join("beside_the_items.toml"), directory.join("headwater.toml"));
    write(&token, "a-token-for-this-demo")?;
    write(&beside, &configuration::beside_the_items(&servers.dynamodb))?;
    let items = Headwater::beside_this_program(&beside)?.serve(&token)?;
    eprintln!("started `headwater serve-connector` at {}: DynamoDB's items are read through it", items.url());
    write(&here, &configuration::here(servers, items.url(), &token))?;
    Ok((items, Headwater::beside_this_program(&here)?))
}

/// Runs a statement, compares its answer with the generator's, which no query engine has touched, and shows the ledger.
fn show(headwater: &Headwater, directory: &Path, name: &str, sql: &str, expected: &[String]) -> Result<()> {
    let path = directory.join(name);
    write(&path, sql)?;
    let file = path.display().to_string();
    let started = Instant::now();
    eprintln!("\n$ headwater query -f {name}");
    // A person watches, even when the output is piped into a file: show the table.
    run(headwater, &["query", "-f", &file, "--format", "table"])?;
    let took = started.elapsed().as_secs_f64();
    let output = headwater.command(&["query", "--format", "csv", "-f", &file]).output();
    let output = output.map_err(|error| HarnessError::new(error.to_string()))?;
    let answer = String::from_utf8_lossy(&output.stdout);
    if !answer.lines().skip(1).eq(expected.iter().map(String::as_str)) {
        let message = format!("the answer differs from the generator's:\n{answer}\n{}", expected.join("\n"));
        return Err(HarnessError::new(message));
    }
    eprintln!("{took:.1} s; the answer equals the generator's, to the last digit");
    eprintln!("\n$ headwater explain --analyze -f {name}");
    run(headwater, &["explain", "--analyze", "-f", &file])
}

fn run(headwater: &Headwater, arguments: &[&str]) -> Result<()> {
    match headwater.command(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(HarnessError::new(format!("headwater ended with {status}"))),
        Err(error) => Err(HarnessError::new(format!("headwater did not start: {error}"))),
    }
}

fn say_next(headwater: &Headwater, config: &Path, started: Instant) {
    eprintln!("\ndone in {:.1} s. What to type next (while this runs):", started.elapsed().as_secs_f64());
    eprintln!("  export HEADWATER_CONFIG={}", config.display());
    let binary = headwater.binary().display();
    for line in [
        "catalog list",
        "catalog describe docs.default.items",
        "query \"SELECT country, count(*) FROM crm.public.users GROUP BY country ORDER BY 2 DESC LIMIT 5\"",
        "query \"SELECT count(*), sum(o.size) FROM lake.default.inventory o LEFT JOIN docs.default.items i \
         ON i.object_key = o.key WHERE i.object_key IS NULL AND o.is_latest AND NOT o.is_delete_marker\"",
        "explain \"SELECT * FROM events.default.workflow_items WHERE user_id = 7 AND cost > 1.5\"",
    ] {
        eprintln!("  {binary} {line}");
    }
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
