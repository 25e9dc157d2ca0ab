//! Names that few files have, links, and folders that look like columns.

use crate::support::{Folder, configured, failure, ints, path, rows, sorted, table, text};
use futures::TryStreamExt;
use headwater_core::{ErrorKind, TableName, Value};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

#[tokio::test(flavor = "multi_thread")]
async fn no_file_is_left_out_in_silence_for_its_name() {
    let folder = Folder::new();
    folder.put("t/a.csv", "n\n1\n");
    folder.put("t/b.csv#7", "n\n2\n");
    let files = configured("").unwrap();
    for name in ["t", "t/*", "t/b.csv#7", "**/b*"] {
        let error = failure(&files, path(folder.path(name))).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error:?}");
        assert!(error.to_string().contains("b.csv#7") && error.hint().is_some(), "{name}: {error:?}");
    }
    assert_eq!(sorted(&rows(&files, path(folder.path("t/*.csv"))).await, "n"), ints([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_any_name_are_tables() {
    let folder = Folder::new();
    folder.put("day#7/a.csv", "n\n1\n");
    folder.put("odd\tname.txt", "");
    let files = folder.connector("");
    let tables: Vec<TableName> = files.list_tables("default").try_collect().await.unwrap();
    assert_eq!(tables.iter().map(|name| name.table.as_str()).collect::<Vec<_>>(), ["day#7"]);
    assert_eq!(sorted(&rows(&files, table("day#7")).await, "n"), ints([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pattern_leaves_out_does_no_harm() {
    let folder = Folder::new();
    let files = configured("").unwrap();
    folder.put("t/a.csv", "n\n1\n");
    folder.put("t/tab\there.txt", "");
    std::fs::write(std::path::Path::new(&folder.path("t")).join(std::ffi::OsStr::from_bytes(b"\xFF.txt")), "").unwrap();
    symlink(folder.path("nowhere"), folder.path("t/broken.txt")).unwrap();
    symlink("self.txt", folder.path("t/self.txt")).unwrap();
    assert_eq!(sorted(&rows(&files, path(folder.path("t/*.csv"))).await, "n"), ints([1]));
    assert_eq!(sorted(&rows(&files, path(folder.path("**/a.csv"))).await, "n"), ints([1]));
    for (pattern, says) in [
        ("t/tab*", "name that cannot be read"),
        ("t/?.txt", "not UTF-8"),
        ("t/br*", "leads nowhere"),
        ("t/self*", "leads nowhere"),
    ] {
        let error = failure(&files, path(folder.path(pattern))).await;
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{pattern}: {error:?}");
        assert!(error.to_string().contains(says) && error.hint().is_some(), "{pattern}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_followed_but_not_in_circles() {
    let folder = Folder::new();
    let files = configured("").unwrap();
    folder.put("t/a.csv", "n\n1\n");
    folder.put("t/x/b.csv", "n\n2\n");
    folder.put("other/c.csv", "n\n3\n");
    symlink(folder.path("t"), folder.path("t/x/up")).unwrap();
    symlink(folder.path("other"), folder.path("t/other")).unwrap();
    symlink(folder.path("t/x"), folder.path("other/back")).unwrap();
    symlink(folder.path("other/c.csv"), folder.path("t/d.csv")).unwrap();
    assert_eq!(sorted(&rows(&files, path(folder.path("t/*.csv"))).await, "n"), ints([1, 3]));
    // `b.csv` is reached by `x` and by `other/back`.
    assert_eq!(sorted(&rows(&files, path(folder.path("t"))).await, "n"), ints([1, 2, 2, 3, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_folder_by_its_name_shows_only_what_is_not_hidden_in_it() {
    let folder = Folder::new();
    let files = configured("").unwrap();
    for (name, text) in [("a.csv", "n\n1\n"), ("_x.csv", "n\n2\n"), (".y.csv", "n\n3\n"), ("_d/b.csv", "n\n4\n")] {
        folder.put(&format!(".h/{name}"), text);
    }
    for pattern in [".h/*.csv", ".h", ".h/**/*.csv"] {
        assert_eq!(sorted(&rows(&files, path(folder.path(pattern))).await, "n"), ints([1]), "{pattern}");
    }
    assert_eq!(sorted(&rows(&files, path(folder.path(".h/_*.csv"))).await, "n"), ints([2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_files_than_allowed_are_refused_after_the_pattern() {
    let folder = Folder::new();
    for number in 0..5 {
        folder.put(&format!("t/d{number}/a.csv"), "n\n1\n");
    }
    let files = configured("max_files = 3").unwrap();
    assert_eq!(failure(&files, path(folder.path("t"))).await.kind(), ErrorKind::LimitExceeded);
    assert_eq!(rows(&files, path(folder.path("t/d[0-2]/*"))).await.num_rows(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_without_a_value_is_null_unless_it_is_text() {
    let folder = Folder::new();
    folder.put("t/k=5/s=x/a.csv", "n\n1\n");
    folder.put("t/k=/s=/a.csv", "n\n2\n");
    let found = rows(&folder.connector(""), table("t")).await;
    assert_eq!(sorted(&found, "k"), [Value::Null, Value::Int64(5)]);
    assert_eq!(sorted(&found, "s"), [text(""), text("x")]);
    let declared = folder.connector("[catalogs.lake.tables.t]\npath = \"t\"\npartitions = { k = \"float64\" }\n");
    assert_eq!(sorted(&rows(&declared, table("t")).await, "k"), [Value::Null, Value::Float64(5.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_column_comes_once_in_a_path() {
    let folder = Folder::new();
    folder.put("t/a=1/a=2/x.csv", "n\n1\n");
    let error = failure(&folder.connector(""), table("t")).await;
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.to_string().contains("a=1/a=2/x.csv has the partition column a twice"), "{error}");
    let below = configured("").unwrap();
    assert_eq!(sorted(&rows(&below, path(folder.path("t/a=1"))).await, "a"), ints([2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_file_that_is_one_line_is_refused_before_it_is_read_whole() {
    let folder = Folder::new();
    let entries = "{\"a\":1},".repeat(5 << 20);
    // Neither is sound JSON: what is wrong at their ends is never seen.
    folder.put("list.json", format!(" \n\n [{entries}"));
    folder.put("line.json", format!("{{\"b\":1}}\n{{\"c\":[{entries}"));
    folder.put("first.json", format!("{{\"c\":[{entries}"));
    let files = folder.connector("");
    for (name, kind, says) in [
        ("list", ErrorKind::Unsupported, "line 3 is a list, not an object"),
        ("first", ErrorKind::LimitExceeded, "line 1 is longer than 32 MiB"),
        ("line", ErrorKind::LimitExceeded, "line 2 is longer than 32 MiB"),
    ] {
        let error = failure(&files, table(name)).await;
        assert_eq!(error.kind(), kind, "{name}: {error:?}");
        assert!(error.to_string().contains(says) && error.hint().is_some(), "{name}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_without_keys_are_rows() {
    let folder = Folder::new();
    folder.put("e.jsonl", "{}\n\n{}\n");
    folder.put("none.jsonl", "\n\n");
    let files = folder.connector("");
    let found = rows(&files, table("e")).await;
    assert_eq!((found.num_rows(), found.num_columns()), (2, 0));
    let error = failure(&files, table("none")).await;
    assert!(error.to_string().contains("has no columns: its files are empty"), "{error:?}");
}
