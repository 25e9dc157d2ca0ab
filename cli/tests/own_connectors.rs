//! The example `own_connectors`: a program of someone else with the whole command line in it.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use support::Directory;

/// Cargo builds examples together with tests, but names only binaries to them.
fn directory() -> Directory {
    let beside = Path::new(env!("CARGO_BIN_EXE_headwater")).parent().unwrap();
    let program = beside.join("examples").join(format!("own_connectors{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "run `cargo build -p headwater --examples` first, or all tests of the package at once");
    let directory = Directory::for_program(&program);
    directory.write("headwater.toml", "version = 1\n[catalogs.mem]\nconnector = \"demo\"\n");
    directory
}

#[test]
fn rows_come_from_the_connector() {
    let outcome = directory().run(&["query", "select * from mem.main.people where id > 1 order by id"]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("id,name\n2,\n3,\"\"\n", ""));
}

#[test]
fn a_catalog_may_be_given_as_a_url() {
    let outcome = directory().run(&["query", "select count(*) as n from d.main.people", "--catalog", "d=demo://"]);
    assert_eq!(outcome.stdout, "n\n3\n", "{}", outcome.stderr);
}

#[test]
fn a_misspelt_column_of_a_table_is_underlined() {
    let outcome = directory().run(&["query", "select nmae from mem.main.people"]);
    assert!(outcome.stderr.starts_with("error[E0203]: column `nmae` not found"), "{}", outcome.stderr);
    let excerpt = "  --> <query>:1:8\n  1 | select nmae from mem.main.people\n    |        ^^^^ did you mean `name`?\n";
    assert!(outcome.stderr.ends_with(excerpt), "{}", outcome.stderr);
}

#[test]
fn describe_goes_down_from_catalog_to_column() {
    let directory = directory();
    let described = |name| directory.run(&["catalog", "describe", name]).stdout;
    assert_eq!(described("mem"), "schema\nmain\n");
    assert_eq!(described("mem.main"), "table\npeople\n");
    assert_eq!(
        described("mem.main.people"),
        "column,arrow_type,source_type,nullable,origin,note\nid,Int64,\"\",false,catalog,\nname,Utf8,\"\",true,catalog,\n"
    );
    let table = directory.run(&["catalog", "describe", "mem.main.people", "--format", "table"]).stdout;
    assert!(table.starts_with("mem.main.people  table\n  rows     3\n\ncolumn  arrow_type"), "{table}");
}

#[test]
fn a_misspelt_name_finds_the_nearest() {
    let directory = directory();
    for (name, hint) in [("meem", "`mem`"), ("mem.mian", "`main`"), ("mem.main.poeple", "`people`")] {
        let outcome = directory.run(&["catalog", "describe", name]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""));
        assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
    }
}

#[test]
fn a_catalog_is_tested_step_by_step() {
    let outcome = directory().run(&["catalog", "test"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let steps: Vec<_> = outcome.stdout.lines().collect();
    assert_eq!(steps.len(), 3);
    assert!(steps[0].starts_with("mem  connect and list schemas  OK"), "{}", outcome.stdout);
    assert!(steps[2].ends_with("1 row of main.people"), "{}", outcome.stdout);
}

#[test]
fn explain_shows_what_is_sent() {
    let outcome = directory().run(&["explain", "--analyze", "select name from mem.main.people where id = 2"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains("mem.main.people"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("  sent"), "{}", outcome.stdout);
}

#[test]
fn progress_is_shown_on_request_and_goes_to_standard_error() {
    let outcome = directory().run(&["query", "select id from mem.main.people", "--progress", "on"]);
    assert_eq!(outcome.code, 0);
    assert!(!outcome.stdout.contains("splits"));
}

/// `serve-connector`, until it is told to stop.
struct Server {
    process: std::process::Child,
    url: String,
}

impl Server {
    fn start(directory: &Directory, more: &[&str]) -> Self {
        let arguments = [&["serve-connector", "--listen", "127.0.0.1:0"], more].concat();
        let mut process = directory.spawn(&arguments);
        let mut line = String::new();
        BufReader::new(process.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit_once(" at ").map(|(_, url)| url.to_owned());
        Self { process, url: url.unwrap_or_else(|| panic!("the server says {line:?}")) }
    }

    /// Asks it to stop, and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

#[test]
fn a_connector_is_served_to_another_program_and_the_server_ends_when_told() {
    let directory = directory();
    directory.write("token", "tok-served-5e1f\n");
    let server = Server::start(&directory, &["--token-file", "token"]);
    let near = Directory::new();
    let far = format!("version = 1\n[catalogs.far]\nconnector = \"remote\"\nurl = \"{}\"\n", server.url);
    near.write("headwater.toml", &format!("{far}token = \"${{file:token}}\"\n"));
    near.write("token", "tok-served-5e1f");
    let sql = "select id from far.main.people where id > 1 order by id";
    let outcome = near.run(&["query", sql]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("id\n2\n3\n", ""));
    let explained = near.run(&["explain", sql]);
    assert!(explained.stdout.contains("pushed     id > 1"), "{}", explained.stdout);

    near.write("token", "tok-wrong-77aa");
    let refused = near.run(&["query", sql]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.stderr.contains("far"), "{}", refused.stderr);
    for secret in ["tok-served-5e1f", "tok-wrong-77aa"] {
        assert!(!refused.stderr.contains(secret), "{}", refused.stderr);
    }

    assert_eq!(server.stop(), Some(0));
    let gone = near.run(&["query", sql]);
    assert_eq!(gone.code, 3, "{gone:?}");
    assert!(gone.stderr.contains("far") && gone.stderr.contains("127.0.0.1"), "{}", gone.stderr);
}

#[test]
fn other_machines_are_not_let_in_by_accident() {
    let directory = directory();
    let outcome = directory.run(&["serve-connector", "--listen", "0.0.0.0:0"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("without a token and without TLS"), "{}", outcome.stderr);
    let unknown = directory.run(&["serve-connector", "memm"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `mem`?"), "{}", unknown.stderr);
}
