//! The real binary, without any server: usage, configuration, formats, errors, exit codes.

mod support;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use support::{Directory, Outcome};

fn ok(sql: &str, format: &str) -> String {
    let outcome = Directory::new().run(&["query", sql, "--format", format]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stdout
}

fn failed(arguments: &[&str], code: i32) -> Outcome {
    let outcome = Directory::new().run(arguments);
    assert_eq!(outcome.code, code, "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.stdout, "", "a failure wrote to standard output");
    outcome
}

/// 60,000 rows, numbered by `n`, in several batches.
const GRID: &str = "(select a, b, a * 200 + b as n from (select unnest(range(0, 300)) as a) as x, \
    (select unnest(range(0, 200)) as b) as y) as grid";

/// Divides by zero in row 50,000.
const FAILS_LATE: &str = "select 10 / (50000 - n) as x from (select a * 200 + b as n from \
    (select unnest(range(0, 300)) as a) as x, (select unnest(range(0, 200)) as b) as y) as grid";

// Usage

#[test]
fn no_configuration_is_needed_for_a_query_without_tables() {
    assert_eq!(ok("select 1 as a", "csv"), "a\n1\n");
}

#[test]
fn a_pipe_gets_csv_and_nothing_is_said() {
    let outcome = Directory::new().run(&["query", "select 1 as a"]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("a\n1\n", ""));
}

#[test]
fn bad_usage_exits_with_two() {
    failed(&[], 2);
    failed(&["query"], 2);
    failed(&["query", "select 1", "-f", "x.sql"], 2);
    failed(&["query", "select 1", "--format", "xml"], 2);
    failed(&["query", "select 1", "--timeout", "60"], 2);
    failed(&["query", "-f", "missing.sql"], 2);
    failed(&["query", " ; -- nothing"], 2);
    failed(&["query", "select 1", "--format", "text"], 2);
    failed(&["explain", "select 1", "--format", "csv"], 2);
}

#[test]
fn version_and_help_go_to_standard_output() {
    let directory = Directory::new();
    assert_eq!(directory.run(&["-V"]).stdout, concat!("headwater ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(directory.run(&["--help"]).stdout.contains("Exit codes"));
}

#[test]
fn statements_come_from_a_file_or_standard_input_and_run_in_order() {
    let directory = Directory::new();
    directory.write("two.sql", "select 1 as a; -- first\nselect 'x;y' as b;\n");
    assert_eq!(directory.run(&["query", "-f", "two.sql"]).stdout, "a\n1\nb\nx;y\n");
    assert_eq!(directory.run_with_input(&["query", "-"], "select 2 as a").stdout, "a\n2\n");
}

#[test]
fn the_first_failing_statement_stops() {
    let outcome = Directory::new().run(&["query", "select 1 as a; select 1/0 as b; select 3 as c"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, "a\n1\n"));
}

#[test]
fn a_time_limit_exits_with_four() {
    let sql =
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000000) select max(i) from n";
    let outcome = failed(&["query", sql, "--timeout", "300ms"], 4);
    assert!(outcome.stderr.starts_with("error[E0501]: not done within 300ms"), "{}", outcome.stderr);
}

// Errors

#[test]
fn a_syntax_error_points_into_the_file() {
    let directory = Directory::new();
    directory.write("query.sql", "select 1;\nselect 1 frm x y z\n");
    let outcome = directory.run(&["query", "-f", "query.sql"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.starts_with("error[E0201]: syntax error: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("  --> query.sql:2:"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\n  2 | select 1 frm x y z\n    | "), "{}", outcome.stderr);
}

#[test]
fn a_misspelt_column_is_underlined_with_the_nearest_name() {
    let outcome = failed(&["query", "select emial from (select 'x' as email)"], 1);
    let expected = "  1 | select emial from (select 'x' as email)\n    |        ^^^^^ did you mean `email`?\n";
    assert!(outcome.stderr.starts_with("error[E0203]: column `emial` not found"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("  --> <query>:1:8\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with(expected), "{}", outcome.stderr);
}

#[test]
fn an_unknown_catalog_is_named() {
    let outcome = failed(&["query", "select * from crm.public.users"], 1);
    assert!(outcome.stderr.starts_with("error[E0203]: ") && outcome.stderr.contains("crm"), "{}", outcome.stderr);
}

#[test]
fn a_failure_in_the_middle_says_that_the_output_is_incomplete() {
    let outcome = Directory::new().run(&["query", FAILS_LATE]);
    assert_eq!(outcome.code, 1);
    assert!(!outcome.stdout.is_empty());
    let rows = outcome.stdout.lines().count() - 1;
    assert!(
        outcome.stderr.contains(&format!("note: output is incomplete: it ends after {rows} rows")),
        "{}",
        outcome.stderr
    );
}

#[test]
fn nothing_is_coloured_where_nobody_looks() {
    assert!(!failed(&["query", "selec 1"], 1).stderr.contains('\x1b'));
}

// Configuration

fn checked(text: &str) -> Outcome {
    let directory = Directory::new();
    directory.write("headwater.toml", text);
    directory.run(&["config", "check"])
}

#[test]
fn a_misspelt_key_is_named_with_line_and_nearest_key() {
    let outcome = checked("version = 1\n\n[catalog.crm]\nconnector = \"postgres\"\n");
    assert_eq!(outcome.code, 2);
    assert_eq!(
        outcome.stderr,
        "error[E0101]: headwater.toml:3: unknown key `catalog`\n  hint: did you mean `catalogs`?\n"
    );
}

#[test]
fn a_missing_variable_is_named() {
    let outcome = checked("version = 1\n[catalogs.crm]\nconnector = \"postgres\"\npassword = \"${env:HW_NOT_SET}\"\n");
    assert_eq!(outcome.code, 2);
    assert!(
        outcome.stderr.starts_with("error[E0101]: catalog crm: headwater.toml:4: environment variable HW_NOT_SET"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn an_unknown_connector_is_named_with_the_nearest() {
    let outcome = checked("version = 1\n[catalogs.crm]\nconnector = \"postgrse\"\n");
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("headwater.toml:2: unknown connector `postgrse`"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: did you mean `postgres`?"), "{}", outcome.stderr);
}

#[test]
fn every_catalog_is_checked_the_good_and_the_bad() {
    let outcome = checked(
        "version = 1\n[catalogs.bad]\nconnector = \"postgres\"\nprot = 1\n\
         [catalogs.good]\nconnector = \"postgres\"\nurl = \"postgres://u:hunter2@127.0.0.1:1/d\"\n",
    );
    assert_eq!(outcome.code, 2);
    assert_eq!(outcome.stdout, "OK  good  postgres  headwater.toml:5\n");
    assert!(outcome.stderr.contains("headwater.toml:4: unknown option `prot`"), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("warning: headwater.toml:7: catalog good: url has a password"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("hunter2"));
}

#[test]
fn a_named_file_must_exist() {
    assert!(failed(&["query", "select 1", "--config", "no.toml"], 2).stderr.contains("no.toml does not exist"));
    let outcome = Directory::new().run_with_env(&["query", "select 1"], "HEADWATER_CONFIG", "nope.toml");
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
}

#[test]
fn the_usual_places_are_looked_at_in_order() {
    let directory = Directory::new();
    directory.write(
        "xdg/headwater/config.toml",
        "version = 1\n[catalogs.far]\nconnector = \"postgres\"\n\
                    url = \"postgres://u@127.0.0.1:1/d\"\n",
    );
    let list = |directory: &Directory| directory.run(&["catalog", "list"]).stdout;
    assert!(list(&directory).contains("\nfar,postgres,"), "{}", list(&directory));
    directory.write("headwater.toml", "version = 1\n");
    assert_eq!(list(&directory), "catalog,connector,configured\nfiles,files,built in\n");
}

#[test]
fn catalogs_d_is_merged_and_a_name_taken_twice_is_an_error() {
    let directory = Directory::new();
    let catalog = "version = 1\n[catalogs.crm]\nconnector = \"postgres\"\nurl = \"postgres://u@127.0.0.1:1/d\"\n";
    directory.write("headwater.toml", "version = 1\n");
    directory.write("catalogs.d/a.toml", catalog);
    directory.write("catalogs.d/ignored.txt", "no TOML");
    let listed = directory.run(&["catalog", "list"]).stdout;
    assert_eq!(listed, "catalog,connector,configured\ncrm,postgres,catalogs.d/a.toml:2\nfiles,files,built in\n");

    let outcome = directory.run(&["catalog", "list", "--catalog", "crm=postgres://u@h/d"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("--catalog: catalog crm is defined already, at catalogs.d/a.toml:2"));

    directory.write("catalogs.d/b.toml", catalog);
    let outcome = directory.run(&["catalog", "list"]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.stderr.contains("catalogs.d/b.toml:2: catalog crm is defined already"), "{}", outcome.stderr);
}

#[test]
fn a_mistyped_catalog_flag_does_not_show_its_password() {
    let outcome = failed(&["query", "select 1", "--catalog", "postgres://u:hunter2@h/d"], 2);
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    let outcome = failed(&["query", "select 1", "--catalog", "x=nosuch://u:hunter2@h/d"], 2);
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
}

#[test]
fn an_unreachable_source_exits_with_three_and_shows_no_password() {
    let url = "crm=postgres://reader:hunter2@127.0.0.1:1/app?sslmode=disable";
    for arguments in [
        ["query", "select * from crm.public.users", "--catalog", url],
        ["catalog", "describe", "--catalog", url].map(|word| if word == "describe" { "test" } else { word }),
    ] {
        let outcome = failed(&arguments, 3);
        assert!(outcome.stderr.contains("crm"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
    }
}

// Formats

const MIXED: &str = "select 1 as n, 'a,\"b\"' as t, 1.5e300 as f, cast('12.50' as decimal(10,2)) as d, \
    to_timestamp('2026-03-01T00:00:00Z') as ts, date '2026-03-01' as day, true as b, [1, 2] as l, \
    arrow_cast('hi', 'Binary') as bin \
    union all select null, '', null, null, null, null, null, null, null";

#[test]
fn csv_tells_null_from_empty_and_keeps_every_digit() {
    let rows = ok(MIXED, "csv");
    let mut lines: Vec<_> = rows.lines().collect();
    assert_eq!(lines.remove(0), "n,t,f,d,ts,day,b,l,bin");
    lines.sort_unstable();
    assert_eq!(lines[0], ",\"\",,,,,,,");
    assert_eq!(lines[1], "1,\"a,\"\"b\"\"\",1.5e300,12.50,2026-03-01T00:00:00,2026-03-01,true,\"[1,2]\",6869");
}

#[test]
fn an_instant_ends_in_z_and_a_local_time_does_not() {
    let sql = "select arrow_cast(timestamp '2026-03-01 10:00:00.25', 'Timestamp(Microsecond, Some(\"UTC\"))') as i, \
               timestamp '2026-03-01 10:00:00' as l";
    assert_eq!(ok(sql, "csv"), "i,l\n2026-03-01T10:00:00.250Z,2026-03-01T10:00:00\n");
    assert_eq!(ok(sql, "jsonl"), "{\"i\":\"2026-03-01T10:00:00.250Z\",\"l\":\"2026-03-01T10:00:00\"}\n");
}

#[test]
fn csv_writes_nested_values_as_json() {
    let rows = ok("select named_struct('a', 1, 'b', [null, 'x']) as s", "csv");
    assert_eq!(rows, "s\n\"{\"\"a\"\":1,\"\"b\"\":[null,\"\"x\"\"]}\"\n");
}

#[test]
fn jsonl_is_exact_and_says_null() {
    let rows = ok(
        "select cast('12345678901234567890.12' as decimal(30,2)) as d, null as n, 'é\"' as t, \
                   cast('nan' as double) as f, 1e-1 + 2e-1 as g, 0.1 + 0.2 as h, [1.5, null] as l",
        "jsonl",
    );
    assert_eq!(
        rows,
        "{\"d\":12345678901234567890.12,\"n\":null,\"t\":\"é\\\"\",\"f\":\"NaN\",\"g\":0.30000000000000004,\
         \"h\":0.3,\"l\":[1.5,null]}\n"
    );
}

#[test]
fn jsonl_refuses_two_columns_of_one_name() {
    let sql = "select a.x, b.x from (select 1 as x) a, (select 2 as x) b";
    assert!(failed(&["query", sql, "--format", "jsonl"], 1).stderr.contains("two columns are called `x`"));
}

#[test]
fn a_table_aligns_by_what_the_eye_sees() {
    let directory = Directory::new();
    let sql =
        "select * from (values (1, '日本', 2.5), (10, null, 10.25), (3, 'a\nb', null)) as t(id, name, x) order by id";
    let outcome = directory.run(&["query", sql, "--format", "table"]);
    let expected = "id  name      x\n--  ----  -----\n 1  日本   2.50\n 3  a\\nb   NULL\n10  NULL  10.25\n";
    assert_eq!(outcome.stdout, expected);
    assert_eq!(outcome.stderr, "(3 rows)\n");
    assert_eq!(directory.run(&["query", sql, "--format", "table", "--quiet"]).stderr, "");
}

#[test]
fn a_long_table_is_whole() {
    let rows = ok("select unnest(range(1, 3001)) as n", "table");
    assert_eq!(rows.lines().count(), 3002);
    assert!(rows.ends_with("\n3000\n"));
}

#[test]
fn an_empty_answer_still_has_its_header() {
    assert_eq!(ok("select 1 as a where false", "csv"), "a\n");
    assert_eq!(ok("select 1 as a where false", "table"), "a\n-\n");
    assert_eq!(ok("select 1 as a where false", "jsonl"), "");
}

#[test]
fn parquet_comes_back_as_it_went() {
    let directory = Directory::new();
    let outcome = directory.run(&["query", MIXED, "-o", "rows.parquet"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    let file = std::fs::File::open(directory.path("rows.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    assert_eq!(batch.num_rows(), 2);
    let numbers = batch.column_by_name("n").unwrap().as_primitive::<Int64Type>();
    assert_eq!(numbers.iter().flatten().collect::<Vec<_>>(), [1]);
    let decimals = batch.column_by_name("d").unwrap().as_primitive::<Decimal128Type>();
    assert_eq!(decimals.iter().flatten().collect::<Vec<_>>(), [1250]);
    assert!(matches!(batch.column_by_name("l").unwrap().data_type(), DataType::List(_)));
}

#[test]
fn parquet_needs_a_file() {
    assert!(failed(&["query", "select 1", "--format", "parquet"], 2).stderr.contains("-o FILE"));
}

#[test]
fn one_parquet_file_takes_one_statement() {
    failed(&["query", "select 1; select 2", "-o", "x.parquet"], 2);
}

#[test]
fn arrow_is_an_ipc_stream() {
    let bytes = Directory::new().run_bytes(&["query", "select 7 as n", "--format", "arrow"]);
    let reader = arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), 7);
}

// Files and pipes

#[test]
fn a_failed_query_leaves_the_old_file_and_nothing_else() {
    let directory = Directory::new();
    directory.write("rows.csv", "old\n");
    let outcome = directory.run(&["query", FAILS_LATE, "-o", "rows.csv"]);
    assert_eq!(outcome.code, 1);
    assert!(!outcome.stderr.contains("incomplete"), "{}", outcome.stderr);
    assert_eq!(directory.read("rows.csv"), "old\n");
    assert_eq!(directory.names(), ["rows.csv"]);
    assert_eq!(directory.run(&["query", "select 1 as a", "-o", "rows.csv"]).code, 0);
    assert_eq!(directory.read("rows.csv"), "a\n1\n");
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let outcome = Directory::new().run(&["query", "select 1", "-o", "/dev/null"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn an_output_in_a_missing_directory_is_refused_at_once() {
    failed(&["query", "select 1", "-o", "no/such/rows.csv"], 2);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let sql = &format!("select a, b, n from {GRID}");
    for format in ["csv", "jsonl", "table", "arrow"] {
        let outcome = Directory::new().run_for_a_reader_that_leaves(&["query", sql, "--format", format]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{format}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_stops_a_query_within_a_second_or_so() {
    let sql =
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000000) select max(i) from n";
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let started = std::time::Instant::now();
        let outcome = Directory::new().run_and_signal(&["query", sql], signal);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (code, ""));
        assert_eq!(outcome.stderr, "error[E0502]: interrupted\n");
        assert!(started.elapsed().as_secs() < 5);
    }
}

// EXPLAIN

#[test]
fn explain_has_text_and_json() {
    let directory = Directory::new();
    assert_eq!(directory.run(&["explain", "select 1 as a"]).code, 0);
    let json = directory.run(&["explain", "--format", "json", "--analyze", "select 1 as a"]).stdout;
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["scans"], serde_json::json!([]));
    let operators = directory.run(&["explain", "--operators", "select 1 as a"]).stdout;
    assert!(operators.contains("\noperators\n"), "{operators}");
}

#[test]
fn a_path_is_a_table_without_any_configuration() {
    let directory = Directory::new();
    directory.write("år 1/it's.csv", "id,name\n1,Zoë\n007,\n");
    let sql = "select f.name, count(*) as n from 'år 1/it''s.csv' f where f.id = '1' group by f.name";
    let outcome = directory.run(&["query", sql]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("name,n\nZoë,1\n", ""));
    let joined =
        "with t as (select id from 'år 1/*.csv') select count(*) as n from t join 'år 1/it''s.csv' f on f.id = t.id";
    assert_eq!(directory.run(&["query", joined]).stdout, "n\n2\n");
}

#[test]
fn a_path_that_is_not_there_is_underlined() {
    let outcome = failed(&["query", "select 1 from 'no/such.parquet'"], 1);
    assert!(outcome.stderr.contains("no/such.parquet"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--> <query>:1:15"), "{}", outcome.stderr);
}

#[test]
fn a_configured_catalog_named_files_takes_the_place_of_the_built_in_one() {
    let directory = Directory::new();
    directory.write("data/t.csv", "n\n5\n");
    directory.write("headwater.toml", "version = 1\n[catalogs.files]\nconnector = \"files\"\npath = \"data\"\n");
    assert_eq!(directory.run(&["query", "select n from files.default.t"]).stdout, "n\n5\n");
    assert_eq!(directory.run(&["query", "select n from 'data/t.csv'"]).stdout, "n\n5\n");
    let listed = directory.run(&["catalog", "list"]).stdout;
    assert_eq!(listed, "catalog,connector,configured\nfiles,files,headwater.toml:2\n");
}

#[test]
fn a_catalog_that_reads_any_file_is_served_only_when_that_is_written_out() {
    let directory = Directory::new();
    directory.write("headwater.toml", "version = 1\n[catalogs.any]\nconnector = \"files\"\nregion = \"us-east-1\"\n");
    let outcome = directory.run(&["serve-connector", "--listen", "127.0.0.1:0"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("every file") && outcome.stderr.contains("paths = \"any\""), "{}", outcome.stderr);
}
