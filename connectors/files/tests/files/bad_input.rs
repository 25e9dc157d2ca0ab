//! What is wrong is said once, clearly, with the file's name, and nothing partial is given out as whole.

use crate::support::{Folder, batch, configured, failure, parquet, path, rows, run, scan, table, values};
use arrow::array::{Int64Array, StringArray};
use futures::TryStreamExt;
use headwater_core::{ErrorKind, Expr, ScanRequest, TableName, Value};
use std::sync::Arc;

fn numbers() -> Vec<u8> {
    parquet(&batch(vec![
        ("n", Arc::new(Int64Array::from_iter_values(0..10_000)) as _),
        ("t", Arc::new(StringArray::from_iter_values((0..10_000).map(|n| format!("text {n}")))) as _),
    ]))
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_named() {
    let folder = Folder::new();
    let whole = numbers();
    let mut damaged = whole.clone();
    // The headers of the first pages: of values alone no checksum tells.
    damaged[4..64].fill(0xFF);
    folder.put("cut.parquet", &whole[..whole.len() - 100]);
    folder.put("damaged.parquet", damaged);
    folder.put("noise.parquet", vec![7; 1_000]);
    folder.put("empty.parquet", "");
    folder.put("ragged.csv", "a,b\n1,2\n3\n");
    folder.put("wide.csv", "a,b\n1,2\n3,4,5\n");
    folder.put("open.csv", "a,b\n1,\"2\n");
    folder.put("quote.csv", "a,b\n1,\"say \"hi\"\"\n");
    folder.put("latin.csv", b"a\ncaf\xE9\n");
    folder.put("broken.jsonl", "{\"a\":1}\n{\"a\":\n");
    folder.put("twice.jsonl", "{\"a\":1,\"a\":2}\n");
    let files = folder.connector("");
    for (name, place) in [
        ("cut", "cut.parquet"),
        ("damaged", "damaged.parquet"),
        ("noise", "noise.parquet"),
        ("empty", "empty.parquet"),
        ("ragged", "ragged.csv has 1 fields in the record on line 3, not 2"),
        ("wide", "wide.csv has 3 fields in the record on line 3, not 2"),
        ("open", "open.csv: the record that begins on line 2 ends within quotes"),
        ("quote", "quote.csv: line 2 has text after a closing quote"),
        ("latin", "latin.csv is not UTF-8: field 1 of the record on line 2"),
        ("broken", "broken.jsonl is not a sound JSON lines file: line 2"),
        ("twice", "the key `a` a second time"),
    ] {
        let error = failure(&files, table(name)).await;
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error:?}");
        assert!(error.to_string().contains(place), "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_says_what_is() {
    let folder = Folder::new();
    folder.put("list.json", "[{\"a\":1}]");
    folder.put("twice.csv", "a,a\n1,2\n");
    folder.put("x.csv.bz2", "");
    folder.put("mixed/a.csv", "a\n1\n");
    folder.put("mixed/b.jsonl", "{\"a\":1}\n");
    folder.put("nameless/part-0", "a\n1\n");
    let files = folder.connector("");
    for (name, kind, says) in [
        ("list.json", ErrorKind::Unsupported, "a list, not an object"),
        ("twice.csv", ErrorKind::Unsupported, "two columns with the name `a`"),
        ("x.csv.bz2", ErrorKind::Unsupported, "cannot be unpacked"),
        ("mixed", ErrorKind::InvalidInput, "different formats"),
        ("nameless", ErrorKind::InvalidInput, "does not tell its format"),
        ("absent.csv", ErrorKind::NotFound, "absent.csv"),
        ("absent/*.csv", ErrorKind::NotFound, "no file matches"),
        ("mixed/[a.csv", ErrorKind::InvalidInput, "no sound pattern"),
    ] {
        let error = failure(&files, path(folder.path(name))).await;
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        assert!(
            error.to_string().contains(says) && error.hint().is_some() | (kind == ErrorKind::NotFound),
            "{error:?}"
        );
    }
    let error = failure(&files, path("https://example.com/a.csv")).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_or_vanished_since_planning_is_an_error() {
    let folder = Folder::new();
    for (name, first, second) in [("a.parquet", numbers(), Some(numbers())), ("b.csv", b"n\n1\n".to_vec(), None)] {
        let file = folder.put(name, first);
        let files = configured("").unwrap();
        let metadata = files.get_table(&path(file.clone())).await.unwrap();
        let plan = files.plan_scan(&metadata, &ScanRequest::table(path(file.clone()))).await.unwrap();
        std::fs::remove_file(&file).unwrap();
        let kind = match second {
            Some(content) => {
                folder.put(name, content);
                ErrorKind::Unavailable
            }
            None => ErrorKind::NotFound,
        };
        let error = run(&files, metadata, plan, None).await.err().unwrap();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_is_checked_with_its_place() {
    for (lines, says) in [
        ("path = \"/a\"\nurl = \"s3://b\"\n", "contradict"),
        ("url = \"gs://b\"\n", "neither with s3://"),
        ("endpoint = \"http://10.0.0.1\"\n", "in the clear"),
        ("access_key_id = \"x\"\n", "only of use together"),
        ("[catalogs.lake.tables.t]\nfromat = \"csv\"\n", "test.toml:5: unknown key `fromat`"),
        ("[catalogs.lake.tables.t]\nformat = \"orc\"\n", "unknown word `orc`"),
        ("[catalogs.lake.tables.t]\ndelimiter = \"ab\"\n", "one ASCII character"),
        ("[catalogs.lake.tables.t.columns]\na = \"integer\"\n", "unknown type `integer`"),
    ] {
        let error = configured(lines).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{lines}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_column_that_is_not_there_is_an_error() {
    let folder = Folder::new();
    folder.put("t.csv", "a\n1\n");
    folder.put("p.parquet", numbers());
    let files = folder.connector(
        "[catalogs.lake.tables.t.columns]\nb = \"text\"\n[catalogs.lake.tables.p.columns]\nn = \"boolean\"\n",
    );
    for name in ["t", "p"] {
        assert_eq!(failure(&files, table(name)).await.kind(), ErrorKind::Config, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_place_are_listed_and_a_wrong_name_gets_the_nearest() {
    let folder = Folder::new();
    folder.put("users.csv", "a\n1\n");
    folder.put("orders/2024/x.csv", "a\n2\n");
    folder.put("both.csv", "a\n3\n");
    folder.put("both.json", "{\"a\":4}");
    folder.put("README.md", "");
    folder.put(".hidden.csv", "a\n5\n");
    let files = folder.connector("[catalogs.lake.tables.mine]\npath = \"users.csv\"\n");
    let mut names: Vec<TableName> = files.list_tables("default").try_collect().await.unwrap();
    names.sort();
    assert_eq!(names, ["both.csv", "both.json", "mine", "orders", "users"].map(table));
    assert_eq!(values(&rows(&files, table("both.json")).await, "a"), [Value::Int64(4)]);
    assert_eq!(values(&rows(&files, table("mine")).await, "a"), [Value::Int64(1)]);
    let error = failure(&files, table("user")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.hint(), Some("did you mean `users`?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_filters_are_refused_and_change_nothing() {
    let folder = Folder::new();
    folder.put("t.csv", "a\n1\n\n2\n");
    let filter = Expr::column("a").is_null();
    let outcome = scan(&folder.connector(""), table("t"), |r| r.with_filters(vec![filter]).with_limit(1), None).await;
    let outcome = outcome.unwrap();
    assert!(matches!(&outcome.plan.filters[0], headwater_core::Answer::Refused(why) if why.contains("CSV")));
    assert_eq!(outcome.rows.num_rows(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_behind_the_sample_that_floating_point_would_round_are_errors() {
    let folder = Folder::new();
    let numbers = |from: &str, to: &str| format!("{from}1.5e3{to}\n").repeat(200_000);
    let declared = |name: &str| format!("[catalogs.lake.tables.{name}.columns]\nn = \"float64\"\n");
    for (index, number) in ["9007199254740993", "0.10000000000000000001", "1e400"].iter().enumerate() {
        folder.put(&format!("c{index}.csv"), format!("n\n{}{number}\n", numbers("", "")));
        folder.put(&format!("j{index}.jsonl"), format!("{}{{\"n\":{number}}}\n", numbers("{\"n\":", "}")));
        for kind in ["c", "j"] {
            let name = format!("{kind}{index}");
            let error = failure(&folder.connector("sample_size = \"1KiB\""), table(&name)).await;
            assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{name}: {error:?}");
            assert!(error.to_string().contains(number), "{error}");
            let files = folder.connector(&format!("sample_size = \"1KiB\"\n{}", declared(&name)));
            if *number == "1e400" {
                assert_eq!(failure(&files, table(&name)).await.kind(), ErrorKind::SchemaMismatch, "{name}");
            } else {
                let found = values(&rows(&files, table(&name)).await, "n");
                assert_eq!(found.last(), Some(&Value::Float64(number.parse().unwrap())), "{name}");
            }
        }
    }
}
