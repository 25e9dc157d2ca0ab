//! Packing, and the awkward corners of CSV, JSON and Parquet.

use crate::support::{Folder, batch, failure, ints, parquet, rows, scan, sorted, table, text, types, values};
use arrow::array::{
    ArrayRef, BinaryViewArray, DictionaryArray, Int64Array, LargeStringArray, StringArray, StringViewArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int32Type;
use flate2::Compression;
use flate2::write::GzEncoder;
use headwater_core::{CompareOp, ErrorKind, Expr, Value};
use parquet::data_type::{Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn numbers(from: i64, to: i64) -> String {
    (from..to).map(|n| format!("{n}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_of_several_members_are_read_to_the_end() {
    let folder = Folder::new();
    let (first, second) = (format!("n\n{}", numbers(0, 50_000)), numbers(50_000, 60_000));
    folder.put("g.csv.gz", [gzip(first.as_bytes()), gzip(second.as_bytes())].concat());
    folder.put("z.csv.zst", [zstd(first.as_bytes()), zstd(second.as_bytes())].concat());
    folder.put("mark.csv.gz", [gzip(b"\xEF"), gzip(b"\xBB\xBFn\n1\n")].concat());
    folder.put("j.jsonl.gz", gzip(b"{\"n\":1}\n{\"n\":2}"));
    let files = folder.connector("");
    assert_eq!(sorted(&rows(&files, table("g")).await, "n"), ints(0..60_000));
    assert_eq!(sorted(&rows(&files, table("z")).await, "n"), ints(0..60_000));
    assert_eq!(sorted(&rows(&files, table("j")).await, "n"), ints([1, 2]));
    assert_eq!(sorted(&rows(&files, table("mark")).await, "n"), ints([1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_files_that_are_cut_off_are_errors() {
    let folder = Folder::new();
    let content = format!("n\n{}", numbers(0, 300_000));
    let (gzip, zstd) = (gzip(content.as_bytes()), zstd(content.as_bytes()));
    folder.put("g.csv.gz", &gzip[..gzip.len() - 9]);
    folder.put("z.csv.zst", &zstd[..zstd.len() - 9]);
    folder.put("noise.csv.gz", "n\n1\n");
    let files = folder.connector("sample_size = \"64KiB\"");
    for name in ["g", "z", "noise"] {
        let error = failure(&files, table(name)).await;
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error:?}");
        assert!(error.to_string().contains(&format!("/{name}.csv.")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_and_a_quoted_nothing_differ_in_text_and_nowhere_else() {
    let folder = Folder::new();
    folder.put("t.csv", "\u{feff}a,b\n,\n\"\",\"\"\nx,1\n");
    let found = rows(&folder.connector(""), table("t")).await;
    assert_eq!(values(&found, "a"), [Value::Null, text(""), text("x")]);
    assert_eq!(values(&found, "b"), [Value::Null, Value::Null, Value::Int64(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_delimiters_are_as_declared() {
    let folder = Folder::new();
    folder.put("a.txt", "1;x\n2;y\n");
    folder.put("b.tsv", "n\tt\n1\ta,b\n");
    folder.put("c.csv", "1,x\n");
    let files = folder.connector(
        "[catalogs.lake.tables.a]\npath = \"a.txt\"\nformat = \"csv\"\ndelimiter = \";\"\nheader = false\n\
         [catalogs.lake.tables.a.columns]\nnumber = \"decimal(10,2)\"\nword = \"text\"\n\
         [catalogs.lake.tables.c]\nheader = false\n",
    );
    let a = rows(&files, table("a")).await;
    assert_eq!(values(&a, "number")[1], Value::Decimal { unscaled: 200, scale: 2 });
    assert_eq!(values(&a, "word"), [text("x"), text("y")]);
    assert_eq!(values(&rows(&files, table("b")).await, "t"), [text("a,b")]);
    let c = scan(&files, table("c"), |request| request, None).await.unwrap();
    assert_eq!(types(&c.metadata)[1], ("column_2".to_owned(), "Utf8".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_keeps_digits_and_nests() {
    let folder = Folder::new();
    folder.put(
        "t.jsonl",
        "{\"id\":1,\"price\":1.10,\"big\":12345678901234567890,\"tags\":[\"a\",null],\"o\":{\"x\":{\"y\":true}}}\n\
         {\"id\":2,\"price\":99.999,\"o\":{\"z\":\"w\"}}\r\n",
    );
    let outcome = scan(&folder.connector(""), table("t"), |request| request, None).await.unwrap();
    let found = &outcome.rows;
    assert_eq!(values(found, "price")[0], Value::Decimal { unscaled: 1100, scale: 3 });
    assert_eq!(values(found, "big")[0], Value::Decimal { unscaled: 12_345_678_901_234_567_890, scale: 0 });
    let (tags, o) = (found.column_by_name("tags").unwrap(), found.column_by_name("o").unwrap());
    let shown = |array: &ArrayRef, row| arrow::util::display::array_value_to_string(array, row).unwrap();
    assert_eq!(shown(tags, 0), "[a, ]");
    assert_eq!(shown(o, 0), "{x: {y: true}, z: }");
    assert_eq!(shown(o, 1), "{x: , z: w}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_text_comes_in_one_form_whatever_wrote_it() {
    let folder = Folder::new();
    let dictionary: DictionaryArray<Int32Type> = ["d", "e"].into_iter().collect();
    let data = batch(vec![
        ("view", Arc::new(StringViewArray::from(vec!["a", "a text that is longer than twelve bytes"])) as _),
        ("large", Arc::new(LargeStringArray::from(vec!["b", "c"])) as _),
        ("dictionary", Arc::new(dictionary) as _),
        ("bytes", Arc::new(BinaryViewArray::from(vec![b"x".as_slice(), b"y"])) as _),
        ("at", Arc::new(TimestampMillisecondArray::from(vec![1, 2]).with_timezone("+02:00")) as _),
    ]);
    folder.put("t.parquet", parquet(&data));
    let outcome = scan(&folder.connector(""), table("t"), |request| request, None).await.unwrap();
    let kinds: Vec<String> = types(&outcome.metadata).into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["Utf8", "Utf8", "Utf8", "Binary", "Timestamp(ms, \"UTC\")"]);
    assert_eq!(values(&outcome.rows, "dictionary"), [text("d"), text("e")]);
    assert_eq!(values(&outcome.rows, "at"), [Value::Instant(1_000), Value::Instant(2_000)]);
}

/// A file as old Spark and Impala write it: nanoseconds of a day, and the day.
fn int96(days_and_nanos: &[(u32, u64)]) -> Vec<u8> {
    int96_in("required int96 at;", days_and_nanos)
}

fn int96_in(field: &str, days_and_nanos: &[(u32, u64)]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {field} }}")).unwrap());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let value = |(days, nanos): &(u32, u64)| {
        let mut value = Int96::new();
        value.set_data(*nanos as u32, (*nanos >> 32) as u32, days + 2_440_588);
        value
    };
    let values: Vec<Int96> = days_and_nanos.iter().map(value).collect();
    column.typed::<Int96Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn old_timestamps_of_the_year_9999_do_not_overflow() {
    let folder = Folder::new();
    folder.put("t.parquet", int96(&[(0, 1_000_000), (2_932_896, 0)]));
    let files = folder.connector("");
    let late = Expr::column("at").compare(CompareOp::Gt, Value::Timestamp(0));
    let outcome = scan(&files, table("t"), |r| r.with_filters(vec![late]), None).await.unwrap();
    let end = 2_932_896 * 86_400_000_000;
    assert_eq!(values(&outcome.rows, "at"), [Value::Timestamp(1_000), Value::Timestamp(end)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_timestamps_lose_no_nanoseconds() {
    let folder = Folder::new();
    let days: Vec<(u32, u64)> = (0..50_000).map(|n| (n * 50, u64::from(n) * 1_000)).collect();
    folder.put("whole.parquet", int96(&days));
    for (name, nanos) in [("near", (0, 1_000_001)), ("far", (2_932_896, 999))] {
        folder.put(&format!("{name}.parquet"), int96(&[&days[..], &[nanos]].concat()));
    }
    folder.put("nested.parquet", int96_in("required group at { required int96 x; }", &days));
    let files = folder.connector("");
    assert_eq!(rows(&files, table("whole")).await.num_rows(), 50_000);
    for (name, kind) in
        [("near", ErrorKind::SchemaMismatch), ("far", ErrorKind::SchemaMismatch), ("nested", ErrorKind::Unsupported)]
    {
        let error = failure(&files, table(name)).await;
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(&format!("{name}.parquet: column at")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn count_reads_footers_alone() {
    let folder = Folder::new();
    let data = batch(vec![
        ("n", Arc::new(Int64Array::from_iter_values(0..100_000)) as _),
        ("t", Arc::new(StringArray::from_iter_values((0..100_000).map(|n| format!("text {n}")))) as _),
    ]);
    folder.put("t.parquet", parquet(&data));
    let none: [&str; 0] = [];
    let outcome = scan(&folder.connector(""), table("t"), |r| r.with_projection(none), None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 100_000);
    let received = outcome.context.metrics.snapshot().wire_bytes;
    assert!(received <= 65_536 * outcome.splits.len() as u64, "{received} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_line_of_a_single_column_is_null() {
    let folder = Folder::new();
    folder.put("t.csv", "a\n1\n\n2\n");
    folder.put("two.csv", "a,b\n1,1\n\n2,2\n");
    let lines: String = (0..3_000).map(|n| if n % 3 == 0 { "\r\n".to_owned() } else { format!("{n}\r\n") }).collect();
    folder.put("cut.csv", format!("a\r\n{lines}"));
    let files = folder.connector("split_size = \"1KiB\"\n[catalogs.lake.tables.cut]\nnewlines_in_quotes = false\n");
    assert_eq!(values(&rows(&files, table("t")).await, "a"), [Value::Int64(1), Value::Null, Value::Int64(2)]);
    assert_eq!(values(&rows(&files, table("two")).await, "a"), [Value::Int64(1), Value::Int64(2)]);
    let outcome = scan(&files, table("cut"), |request| request, None).await.unwrap();
    assert!(outcome.splits.len() > 8, "{} splits", outcome.splits.len());
    let found = values(&outcome.rows, "a");
    assert_eq!((found.len(), found.iter().filter(|value| value.is_null()).count()), (3_000, 1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_with_a_sign_leaves_a_column_exact() {
    let folder = Folder::new();
    folder.put("t.csv", "d,n\n0.10,1\n-0.00,-0\n12.25,2\n");
    let found = rows(&folder.connector(""), table("t")).await;
    let types: Vec<String> = found.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Decimal128(18, 2)", "Int64"]);
    let cents = |unscaled| Value::Decimal { unscaled, scale: 2 };
    assert_eq!(values(&found, "d"), [cents(10), cents(0), cents(1_225)]);
    assert_eq!(values(&found, "n"), [1, 0, 2].map(Value::Int64));
}
