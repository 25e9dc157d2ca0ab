//! The report in Markdown.

use crate::runner::SHORT_ROUNDS;
use crate::servers::SETTINGS;
use crate::task::Result;
use headwater_benches::contest::Contest;
use headwater_benches::usage;
use headwater_harness::{Timestamp, installed_python};
use std::fmt::Write as _;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// A headline and the tables below it.
pub(crate) type Section = (&'static str, Vec<Contest>);

/// All of the report. `servers` are the versions of the servers.
pub(crate) fn text(sections: &[Section], servers: &[String], rounds: usize) -> Result<String> {
    let mut text =
        String::from("# Measurements\n\nWritten by `make bench`, which starts from nothing; do not edit.\n\n");
    let seconds = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let (year, month, day) = Timestamp { seconds }.date();
    let versions = [vec![format!("Headwater at {}", commit()), compiler()], servers.to_vec(), peers()?].concat();
    writeln!(text, "- Day: {year:04}-{month:02}-{day:02}")?;
    writeln!(
        text,
        "- Machine: {}; clients and servers share it and speak over the loopback address",
        usage::description()
    )?;
    writeln!(text, "- Versions: {}", versions.join(", "))?;
    writeln!(text, "- Servers: TPC-H at scale factor 1 (`lineitem`: 6,001,215 rows), analysed and warm; {SETTINGS}")?;
    text.push_str(&method(rounds));
    text.push_str(&goals(sections));
    for (title, contests) in sections {
        writeln!(text, "## {title}\n")?;
        for contest in contests {
            writeln!(text, "{contest}")?;
        }
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn method(rounds: usize) -> String {
    let short = SHORT_ROUNDS;
    format!(
        "\n## Method\n\n\
        1. Everyone runs in a process of its own, without TLS; first once to warm up, when the answer is checked (row count and the sum of every column, or the rows themselves), then {rounds} rounds of everyone in turn ({short} where they take no half second together), twice only for those whom no goal names.\n\
        2. Time is that from the question to the last row, measured inside the process. Headwater's includes connecting and reading metadata; DuckDB's begins after ATTACH. Start and loading of libraries are in nobody's.\n\
        3. Headwater and the raw drains drop what they have read; the peers keep an Arrow table, unless the line says that batches are dropped. Raw drains count rows and decode nothing: what server and wire allow.\n\
        4. Figures are medians, with least and most where it says so; CPU is of the whole process, and of both servers. Noise is the processor time of all other programs, and of other machines on the same hardware, as a share of all processors: the more of it, the less a ratio near 1 means.\n\
        5. DuckDB's MySQL extension compresses the protocol unless told otherwise, which costs more than it saves over loopback: only `compress=0` is compared with.\n\
        6. The canned DynamoDB is a server of our own, part of the measuring program: it makes items up and answers a request that it knows from memory, in DynamoDB's JSON with its checksum. What is measured is the client; its CPU is in nobody's column. The loop by hand reads the keys from PostgreSQL, gets the items by the AWS SDK and puts them into Arrow builders.\n\n"
    )
}

fn goals(sections: &[Section]) -> String {
    let all = || sections.iter().flat_map(|(_, contests)| contests).flat_map(|contest| &contest.goals);
    let met = all().filter(|goal| goal.is_met()).count();
    format!("## Goals\n\n{met} of {} are met; they are listed below each table.\n\n", all().count())
}

/// The state of the source tree.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(arguments).output();
        output
            .ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "an unknown commit".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    if changed { format!("{commit} and changes") } else { commit }
}

fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output().ok();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    version.and_then(|text| text.split(" (").next().map(str::to_owned)).unwrap_or_else(|| "an unknown rustc".to_owned())
}

fn peers() -> Result<Vec<String>> {
    const SCRIPT: &str = "import importlib.metadata as m\nfor p in ('duckdb', 'connectorx', 'adbc-driver-postgresql', 'pyarrow'): print(p, m.version(p))";
    let output = Command::new(installed_python("peers")?).args(["-c", SCRIPT]).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
