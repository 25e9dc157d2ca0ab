//! The book shop's connector: the contract, what goes wrong at the shop, and the program as a user runs it.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema};
use futures::TryStreamExt;
use headwater_core::testing::{DATASET_ROWS, Fixture, check, dataset};
use headwater_core::{
    Answer, CompareOp, Connector, ConnectorList, ErrorKind, Expr, Result, ScanContext, ScanRequest, SourceRequest,
    Split, TableName, Value, decimal_text,
};
use headwater_example_connector::{BooksFactory, fixture::BookShop};
use serde_json::json;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TOKEN: &str = "tok-9f27-never-to-be-seen";

fn books() -> TableName {
    TableName::new("shop", "books")
}

async fn open_shop() -> SocketAddr {
    let rows: Vec<i64> = (0..20_000).collect();
    let large = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(rows)) as _)]).unwrap();
    let (none, short) = (dataset().slice(0, 0), dataset().slice(0, 200));
    let tables = [("books", dataset()), ("none", none), ("short", short), ("large", large)].into();
    BookShop { tables, token: Some(TOKEN.to_owned()) }.open(0).await.unwrap()
}

/// As the program itself would build it, from a configuration file.
fn connector(address: SocketAddr, token: &str) -> Arc<dyn Connector> {
    let text = format!(
        "version = 1\n[catalogs.shop]\nconnector = \"books\"\nurl = \"books://{address}\"\ntoken = \"{token}\"\n"
    );
    let file = headwater_core::config::parse_config("h.toml", &text, &headwater_core::config::ProcessEnvironment);
    let kinds = ConnectorList::new().with(BooksFactory);
    kinds.build(&kinds.check_file(file.unwrap()).unwrap()[0]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() -> Result<(), Box<dyn std::error::Error>> {
    let address = open_shop().await;
    let fixture = Fixture::new(connector(address, TOKEN), books(), TableName::new("shop", "none"))
        .with_twin(connector(address, TOKEN))
        .with_large_table(TableName::new("shop", "large"))
        .with_secrets([TOKEN]);
    check(&fixture).await.into_result()?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_is_told_apart_from_a_missing_table() {
    let address = open_shop().await;
    let error = connector(address, "wrong").get_table(&books()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    let error = connector(address, TOKEN).get_table(&TableName::new("shop", "boks")).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotFound, "table shop.boks not found"));
}

/// Answers every connection with these bytes and closes it.
async fn server_that_answers(answer: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// What reading a split of one column, `x`, ends with.
async fn read_from(answer: &'static str, data_type: DataType) -> Result<Vec<RecordBatch>> {
    let schema = Arc::new(Schema::new(vec![Field::new("x", data_type, true)]));
    let parameters = json!({"table": "books", "columns": "x", "where": "", "part": 0, "limit": 500});
    let split = Split::new(schema, SourceRequest::Operation { name: "GET /rows".to_owned(), parameters });
    let connector = connector(server_that_answers(answer).await, TOKEN);
    connector.read(&split, &ScanContext::new("test")).await?.try_collect().await
}

#[tokio::test]
async fn what_the_shop_refuses_has_a_kind_of_its_own() {
    for (answer, kind) in [
        ("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unavailable),
        ("HTTP/1.1 404 Gone\r\ncontent-length: 0\r\n\r\n", ErrorKind::NotFound),
        ("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", ErrorKind::PermissionDenied),
        ("HTTP/1.1 429 Slowly\r\ncontent-length: 0\r\n\r\n", ErrorKind::Throttled),
        ("HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unsupported),
        ("garbage\r\n\r\n", ErrorKind::Unavailable),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n<p>hi</p>", ErrorKind::Corrupt),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"rows\": [{\"title\": \"Em", ErrorKind::Unavailable),
    ] {
        let error = read_from(answer, DataType::Utf8).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer:?}: {error:?}");
        assert!(error.to_string().starts_with("the shop"), "{error}");
    }
}

#[tokio::test]
async fn a_closed_shop_is_named_with_its_address() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = connector(address, TOKEN).get_table(&books()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

fn page_of(value: &str) -> &'static str {
    let body = format!("{{\"rows\": [{value}], \"next\": null}}");
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).leak()
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_an_error_and_never_rounded() {
    for (row, data_type) in [
        (r#"{"x": 7}"#, DataType::Utf8),
        (r#"{"y": "Emma"}"#, DataType::Utf8),
        ("[]", DataType::Utf8),
        (r#"{"x": 1.5}"#, DataType::Int64),
        (r#"{"x": 9223372036854775808}"#, DataType::Int64),
        (r#"{"x": "1"}"#, DataType::Boolean),
        (r#"{"x": "0.125"}"#, DataType::Decimal128(5, 2)),
        (r#"{"x": 0.12}"#, DataType::Decimal128(5, 2)),
        (r#"{"x": "1234.56"}"#, DataType::Decimal128(5, 2)),
        (r#"{"x": "15e-3"}"#, DataType::Decimal128(5, 2)),
        (r#"{"x": "abc"}"#, DataType::Binary),
        (r#"{"x": "zz"}"#, DataType::Binary),
        (r#"{"x": "1"}"#, DataType::Date32),
    ] {
        let error = read_from(page_of(row), data_type.clone()).await.expect_err(row);
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{row} as {data_type}: {error:?}");
    }
}

#[tokio::test]
async fn a_value_that_fits_is_read() {
    for (row, data_type) in [
        (r#"{"x": "Emma"}"#, DataType::Utf8),
        (r#"{"x": null}"#, DataType::Utf8),
        (r#"{"x": -9223372036854775808}"#, DataType::Int64),
        (r#"{"x": "-123.45"}"#, DataType::Decimal128(5, 2)),
        (r#"{"x": "00ff"}"#, DataType::Binary),
    ] {
        let batches = read_from(page_of(row), data_type).await.expect(row);
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1, "{row}");
    }
}

#[tokio::test]
async fn the_plan_shows_the_query_that_is_sent() {
    let connector = connector(open_shop().await, TOKEN);
    let table = connector.get_table(&books()).await.unwrap();
    let bucket = Expr::column("bucket").compare(CompareOp::Eq, Value::Int64(3));
    let request = ScanRequest::table(books()).with_projection(["id", "name"]).with_filters(vec![bucket]).with_limit(9);
    let plan = connector.plan_scan(&table, &request).await.unwrap();
    assert_eq!(plan.filters, [Answer::Exact]);
    assert!(matches!(plan.limit, Some(Answer::Inexact(_))), "{:?}", plan.limit);
    assert_eq!(
        plan.requests.first().unwrap().to_string(),
        r#"GET /rows {"columns":"id,name","limit":9,"part":0,"table":"books","where":"bucket:3"}"#
    );
}

/// The program as a user runs it, in a directory with a configuration for a shop in this process.
async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    run_at(open_shop().await, arguments).await
}

async fn run_at(address: SocketAddr, arguments: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let catalog = format!("[catalogs.shop]\nconnector = \"books\"\nurl = \"books://{address}\"\n");
    let file = format!("version = 1\n{catalog}token = \"${{env:SHOP_TOKEN}}\"\n");
    std::fs::write(directory.path().join("headwater.toml"), file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_books"));
    command.args(arguments).current_dir(directory.path()).env_remove("HEADWATER_CONFIG").env("SHOP_TOKEN", TOKEN);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(!stdout.contains(TOKEN) && !stderr.contains(TOKEN), "the token shows: {stdout}{stderr}");
    (output.status.code(), stdout, stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_has_the_whole_command_line() {
    let sql = "SELECT bucket, count(*) AS n, max(amount) AS most FROM shop.shop.books WHERE bucket = 3 GROUP BY bucket";
    let (code, stdout, stderr) = run(&["query", sql]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let data = dataset();
    let (buckets, amounts) =
        (data.column(1).as_primitive::<Int64Type>(), data.column(3).as_primitive::<Decimal128Type>());
    let in_bucket = || (0..DATASET_ROWS).filter(|row| buckets.value(*row) == 3);
    let most = in_bucket().filter(|row| amounts.is_valid(*row)).map(|row| amounts.value(row)).max().unwrap();
    let expected = format!("bucket,n,most\n3,{},{}\n", in_bucket().count(), decimal_text(most, 4));
    assert_eq!(stdout, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_request_and_why_the_rest_stays_here() {
    let sql = "SELECT id FROM shop.shop.books WHERE bucket = 3 AND name = 'a'";
    let (code, stdout, stderr) = run(&["explain", sql]).await;
    assert_eq!(code, Some(0), "{stderr}");
    for part in ["GET /rows", "\"where\":\"bucket:3\"", "the shop compares whole numbers only"] {
        assert!(stdout.contains(part), "{stdout}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_runs_the_suite_itself() {
    let (code, stdout, stderr) =
        run(&["conformance", "shop", "--table", "shop.books", "--empty-table", "shop.none"]).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.starts_with("ok      names_are_listed: "), "{stdout}");
    assert!(stdout.ends_with("27 of 27 rules hold\n"), "{stdout}");
    assert_eq!(stderr, "books: rows in shop.books, none in shop.none, many in shop.books\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_given_as_a_url_takes_options_and_a_broken_rule_is_named() {
    let address = open_shop().await;
    let url = format!("books://{address}");
    let tables = ["--table", "shop.short", "--empty-table", "shop.none"];
    let arguments = [&["conformance", &url, "--option", "token=${env:SHOP_TOKEN}"], &tables[..]].concat();
    let (code, stdout, stderr) = run_at(address, &arguments).await;
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!(stdout.contains("ok      names_are_listed: "), "{stdout}");
    assert!(stdout.contains("FAILED  splits_are_disjoint_and_complete: "), "{stdout}");
    assert!(stdout.contains("        saw:      200 rows; missing: id "), "{stdout}");
    assert!(stderr.contains("error[E0302]: the contract is not kept: "), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_tested_is_told_apart_from_a_broken_rule() {
    let address = open_shop().await;
    let url = format!("books://{address}");
    for (arguments, code, words) in [
        (vec!["conformance", "shop"], 2, "no schema has a table named suite"),
        (vec!["conformance", "shop", "--table", "shop.boks"], 2, "shop.boks is not there"),
        (vec!["conformance", "shop", "--table", "boks"], 2, "write the schema, a point and the table"),
        (vec!["conformance", "shopp"], 2, "did you mean `shop`?"),
        (vec!["conformance", "shop", "--option", "token=x"], 2, "--option is for a source given as a URL"),
        (vec!["conformance", &url, "--option", "tokn=x"], 2, "did you mean `token`?"),
        (vec!["conformance", &url, "--option", "token=${env:NOT_SET_ANYWHERE}"], 2, "NOT_SET_ANYWHERE"),
        (vec!["conformance", "nope://x"], 2, "no connector takes a URL that begins with `nope://`"),
        (vec!["conformance"], 2, "CATALOG|URL"),
        (vec!["conformance", "shop", "--rule", "names_are_list"], 2, "did you mean `names_are_listed`?"),
        (vec!["conformance", &url], 3, "401 Unauthorized"),
    ] {
        let (seen, stdout, stderr) = run_at(address, &arguments).await;
        assert_eq!((seen, stdout.as_str()), (Some(code), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_the_suite_are_written_for_loading() {
    let directory = tempfile::tempdir().unwrap();
    for (name, start) in [
        ("rows.csv", &b"id,bucket,name,amount,quantity,flag,payload\n"[..]),
        ("rows.jsonl", b"{\"id\":97,"),
        ("rows.parquet", b"PAR1"),
        ("rows.arrow", b"\xFF\xFF\xFF\xFF"),
    ] {
        let path = directory.path().join(name);
        let (code, stdout, stderr) = run(&["conformance", "--write-dataset", path.to_str().unwrap()]).await;
        assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
        assert!(stderr.starts_with("210 rows for a table suite"), "{stderr}");
        let written = std::fs::read(path).unwrap();
        assert!(written.starts_with(start), "{name}: {:?}", &written[..40]);
    }
    let stream = std::fs::File::open(directory.path().join("rows.arrow")).unwrap();
    let batches = arrow::ipc::reader::StreamReader::try_new(stream, None).unwrap();
    assert_eq!(batches.map(std::result::Result::unwrap).collect::<Vec<_>>(), [dataset()]);
}
