//! The Python server of `examples/python_connector`, as the author of such a server meets it: rows written by the
//! program, loaded by a script, served, and held against the suite.

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::Directory;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/python_connector");
const TOKEN: &str = "tok-71c3-never-to-be-seen";

fn python(directory: &Directory, arguments: &[&str]) -> Command {
    let mut command = Command::new(headwater_harness::python().unwrap());
    command.args(arguments).current_dir(directory.path("")).stdin(Stdio::null());
    command
}

fn script(name: &str) -> String {
    std::fs::read_to_string(Path::new(EXAMPLE).join(name)).unwrap()
}

/// Runs statements against the SQLite file.
fn sql(directory: &Directory, statements: &str) {
    let program = "import sqlite3, sys; sqlite3.connect('shop.sqlite').executescript(sys.argv[1]).connection.commit()";
    assert!(python(directory, &["-c", program, statements]).status().unwrap().success());
}

/// A directory with the scripts and with the suite's tables in `shop.sqlite`, loaded as the README says.
fn loaded() -> Directory {
    let directory = Directory::new();
    directory.write("server.py", &script("server.py"));
    directory.write("load.py", &script("load.py"));
    directory.write("token", &format!("{TOKEN}\n"));
    assert_eq!(directory.run(&["conformance", "--write-dataset", "rows.arrow"]).code, 0);
    for arguments in [&["suite", "rows.arrow"][..], &["suite_empty", "rows.arrow", "--no-rows"]] {
        let status = python(&directory, &[&["load.py", "shop.sqlite"], arguments].concat()).status();
        assert!(status.unwrap().success());
    }
    sql(
        &directory,
        "CREATE TABLE suite_large (id BIGINT); \
         WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 50000) \
         INSERT INTO suite_large SELECT id FROM n",
    );
    directory
}

/// The server, until it is dropped.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(directory: &Directory) -> Self {
        let arguments = ["server.py", "shop.sqlite", "--listen", "127.0.0.1:0", "--token-file", "token"];
        let mut process = python(directory, &arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server says where it listens").to_owned();
        let catalog = format!("[catalogs.shop]\nconnector = \"remote\"\nurl = \"{url}\"\n");
        directory.write("headwater.toml", &format!("version = 1\n{catalog}token = \"${{file:token}}\"\n"));
        Self { process, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn it_passes_the_suite() {
    let directory = loaded();
    let server = Server::start(&directory);
    let outcome = directory.run(&["conformance", &server.url, "--option", "token=${file:token}"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.ends_with("\n27 of 27 rules hold\n"), "{}", outcome.stdout);
    let tables = "remote: rows in main.suite, none in main.suite_empty, many in main.suite_large\n";
    assert_eq!(outcome.stderr, tables);
}

#[test]
fn rows_that_are_missing_are_told_by_rule() {
    let directory = loaded();
    sql(&directory, "DELETE FROM suite WHERE id > 207");
    let _server = Server::start(&directory);
    let rules = ["--rule", "splits_are_disjoint_and_complete", "--rule", "missing_table_is_not_found"];
    let outcome = directory.run(&[&["conformance", "shop"], &rules[..]].concat());
    assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("FAILED  splits_are_disjoint_and_complete: "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("saw:      207 rows; missing: id 208, 209, 210"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("ok      missing_table_is_not_found: "), "{}", outcome.stdout);
}

#[test]
fn a_server_that_promises_too_much_is_found_out() {
    let directory = loaded();
    let (right, wrong) = ("} = {int(it)}", "} >= {int(it)}");
    let server = script("server.py");
    assert_eq!(server.matches(right).count(), 1, "the line to break is gone");
    directory.write("server.py", &server.replace(right, wrong));
    let _server = Server::start(&directory);
    let outcome = directory.run(&["conformance", "shop", "--rule", "filters_mean_what_the_language_says"]);
    assert_eq!(outcome.code, 1, "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("FAILED  filters_mean_what_the_language_says: "), "{}", outcome.stdout);
    assert!(
        outcome.stderr.starts_with("remote: ") && outcome.stderr.contains("1 of 1 rules are broken"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn an_answer_without_the_end_mark_is_never_taken_for_whole() {
    let directory = loaded();
    let (right, wrong) = (", \"end\": True}).encode()\n\nif", "}).encode()\n\nif");
    let server = script("server.py");
    assert_eq!(server.matches(right).count(), 1, "the line to break is gone");
    directory.write("server.py", &server.replace(right, wrong));
    let _server = Server::start(&directory);
    let outcome = directory.run(&["query", "SELECT id FROM shop.main.suite"]);
    assert_ne!(outcome.code, 0, "{}", outcome.stdout);
}

#[test]
fn a_wrong_token_is_refused() {
    let directory = loaded();
    let server = Server::start(&directory);
    let outcome = directory.run(&["conformance", &server.url, "--option", "token=wrong"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (3, ""), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("error[E0401]"), "{}", outcome.stderr);
}

#[test]
fn a_secret_too_short_to_look_for_is_told() {
    let directory = loaded();
    directory.write("token", "short");
    let _server = Server::start(&directory);
    let outcome = directory.run(&["conformance", "shop", "--rule", "secrets_never_show"]);
    assert_eq!((outcome.code, outcome.stdout.lines().last()), (0, Some("1 of 1 rules hold")), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("warning: token is too short to be told"), "{}", outcome.stderr);
}

#[test]
fn a_query_is_answered_and_explained() {
    let directory = loaded();
    let _server = Server::start(&directory);
    let query = "SELECT id, amount FROM shop.main.suite WHERE bucket = 3 AND quantity IS NULL ORDER BY id";
    let outcome = directory.run(&["query", query]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let rows = directory.run(&["query", &query.replace("bucket = 3", "bucket % 8 = 3")]);
    assert_eq!(outcome.stdout, rows.stdout);
    assert!(outcome.stdout.lines().count() > 1, "{}", outcome.stdout);
    let plan = directory.run(&["explain", query]).stdout;
    assert!(plan.contains("FROM \"suite\" WHERE \"bucket\" = 3"), "{plan}");
    assert!(plan.contains("the server compares whole numbers only"), "{plan}");
}

#[test]
fn declared_types_are_read_exactly_or_not_at_all() {
    let directory = loaded();
    sql(
        &directory,
        "CREATE TABLE kinds (d DATE, t TIMESTAMP, p DECIMAL(10, 2), x DECIMAL_TEXT(38, 4), r REAL, s VARCHAR(9), i BIGINT);
         INSERT INTO kinds VALUES ('2024-02-29', '2024-02-29 12:30:00.000001', 12.50,
             '1234567890123456789012345678901234.5678', 0.1, 'x', 9007199254740993), (NULL, NULL, 7, '-1', 1, '', -1);
         CREATE TABLE hidden (rowid TEXT, n INT, twice INT AS (2 * n));
         INSERT INTO hidden (rowid, n) VALUES (NULL, 1), ('x', 2), (NULL, 3), ('y', 4), ('y', 5);
         CREATE TABLE text_in_a_number (n BIGINT); INSERT INTO text_in_a_number VALUES ('abc');
         CREATE TABLE rounded (n DECIMAL(18, 4)); INSERT INTO rounded VALUES ('12345678901234.5678');
         CREATE TABLE too_fine (n DECIMAL(10, 2)); INSERT INTO too_fine VALUES (0.125)",
    );
    let _server = Server::start(&directory);
    let outcome = directory.run(&["query", "SELECT * FROM shop.main.kinds ORDER BY i DESC", "--format", "csv"]);
    let expected = "d,t,p,x,r,s,i\n2024-02-29,2024-02-29T12:30:00.000001,12.50,1234567890123456789012345678901234.5678,0.1,x,\
                    9007199254740993\n,,7.00,-1.0000,1.0,\"\",-1\n";
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), (expected, ""));
    let outcome = directory.run(&["query", "SELECT * FROM shop.main.hidden ORDER BY n"]);
    assert_eq!(outcome.stdout, "rowid,n,twice\n,1,2\nx,2,4\n,3,6\ny,4,8\ny,5,10\n", "{}", outcome.stderr);
    for table in ["text_in_a_number", "rounded", "too_fine"] {
        let outcome = directory.run(&["query", &format!("SELECT n FROM shop.main.{table}")]);
        assert_eq!(outcome.code, 1, "{table}: {}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stderr.contains("error[E0301]"), "{table}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("a value of column n is no "), "{table}: {}", outcome.stderr);
    }
}
