//! The conversion law of `convert/mod.rs`, walked row by row through both servers.

use crate::support::{Database, scan, text};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};
use headwater_core::config::Setting;
use headwater_core::{ErrorKind, ScanRequest, Value};
use headwater_harness::Product;
use std::sync::Arc;

/// Type, Arrow type, and values: as SQL writes them → as they must come out, by Arrow's own display.
struct Law {
    /// Only this product has the type.
    only: Option<Product>,
    source: &'static str,
    arrow: &'static str,
    values: &'static [(&'static str, &'static str)],
}

const fn law(source: &'static str, arrow: &'static str, values: &'static [(&'static str, &'static str)]) -> Law {
    Law { only: None, source, arrow, values }
}

const fn law_of(
    only: Product,
    source: &'static str,
    arrow: &'static str,
    values: &'static [(&'static str, &'static str)],
) -> Law {
    Law { only: Some(only), source, arrow, values }
}

const LAWS: &[Law] = &[
    law("tinyint", "Int8", &[("-128", "-128"), ("127", "127")]),
    law("tinyint unsigned", "UInt8", &[("0", "0"), ("255", "255")]),
    law("smallint", "Int16", &[("-32768", "-32768"), ("32767", "32767")]),
    law("smallint unsigned", "UInt16", &[("0", "0"), ("65535", "65535")]),
    law("mediumint", "Int32", &[("-8388608", "-8388608"), ("8388607", "8388607")]),
    law("mediumint unsigned", "UInt32", &[("16777215", "16777215")]),
    law("int", "Int32", &[("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
    law("int(5) unsigned zerofill", "UInt32", &[("7", "7"), ("4294967295", "4294967295")]),
    law(
        "bigint",
        "Int64",
        &[("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")],
    ),
    law(
        "bigint unsigned",
        "UInt64",
        &[("0", "0"), ("9223372036854775808", "9223372036854775808"), ("18446744073709551615", "18446744073709551615")],
    ),
    law("bool", "Int8", &[("true", "1"), ("false", "0"), ("2", "2"), ("-1", "-1")]),
    law("bit(1)", "UInt64", &[("b'1'", "1"), ("b'0'", "0")]),
    law("bit(10)", "UInt64", &[("b'1000000001'", "513")]),
    law("bit(64)", "UInt64", &[("0xFFFFFFFFFFFFFFFF", "18446744073709551615"), ("0", "0")]),
    law(
        "float",
        "Float32",
        &[("3.40282e38", "3.40282e38"), ("-1.5", "-1.5"), ("16777217", "16777216.0"), ("0.1", "0.1")],
    ),
    law(
        "double",
        "Float64",
        &[
            ("1.7976931348623157e308", "1.7976931348623157e308"),
            ("2.2250738585072014e-308", "2.2250738585072014e-308"),
            ("0.1", "0.1"),
            ("-0.30000000000000004", "-0.30000000000000004"),
        ],
    ),
    law(
        "decimal(12,2)",
        "Decimal128(12, 2)",
        &[("-12.5", "-12.50"), ("0", "0.00"), ("9999999999.99", "9999999999.99"), ("-0.01", "-0.01")],
    ),
    law(
        "decimal(38,0)",
        "Decimal128(38, 0)",
        &[("99999999999999999999999999999999999999", "99999999999999999999999999999999999999")],
    ),
    law(
        "decimal(30,30)",
        "Decimal128(30, 30)",
        &[("-0.000000000000000000000000000001", "-0.000000000000000000000000000001")],
    ),
    law(
        "decimal(39,1)",
        "Decimal256(39, 1)",
        &[("-99999999999999999999999999999999999999.9", "-99999999999999999999999999999999999999.9")],
    ),
    law(
        "decimal(65,30)",
        "Decimal256(65, 30)",
        &[
            (
                "99999999999999999999999999999999999.999999999999999999999999999999",
                "99999999999999999999999999999999999.999999999999999999999999999999",
            ),
            (
                "-99999999999999999999999999999999999.999999999999999999999999999999",
                "-99999999999999999999999999999999999.999999999999999999999999999999",
            ),
            ("0", "0.000000000000000000000000000000"),
            ("-0.000000000000000000000000000001", "-0.000000000000000000000000000001"),
        ],
    ),
    law("decimal unsigned", "Decimal128(10, 0)", &[("9999999999", "9999999999")]),
    law(
        "date",
        "Date32",
        &[
            ("'0001-01-01'", "0001-01-01"),
            ("'9999-12-31'", "9999-12-31"),
            ("'1969-12-31'", "1969-12-31"),
            ("'2024-02-29'", "2024-02-29"),
            ("'0000-00-00'", "NULL"),
            ("'2024-00-00'", "NULL"),
            ("'2024-01-00'", "NULL"),
            ("'2023-02-29'", "NULL"),
        ],
    ),
    law(
        "datetime",
        "Timestamp(µs)",
        &[
            ("'0001-01-01 00:00:00'", "0001-01-01T00:00:00"),
            ("'9999-12-31 23:59:59'", "9999-12-31T23:59:59"),
            ("'0000-00-00 00:00:00'", "NULL"),
            ("'2024-00-01 10:00:00'", "NULL"),
        ],
    ),
    law(
        "datetime(6)",
        "Timestamp(µs)",
        &[
            ("'2026-03-01 12:00:00.000001'", "2026-03-01T12:00:00.000001"),
            ("'1969-12-31 23:59:59.999999'", "1969-12-31T23:59:59.999999"),
            ("'9999-12-31 23:59:59.999999'", "9999-12-31T23:59:59.999999"),
        ],
    ),
    law(
        "timestamp(3)",
        "Timestamp(µs, \"UTC\")",
        &[
            ("'1970-01-01 00:00:01.001'", "1970-01-01T00:00:01.001"),
            ("'2038-01-19 03:14:07.999'", "2038-01-19T03:14:07.999"),
            ("'0000-00-00 00:00:00'", "NULL"),
        ],
    ),
    law(
        "time",
        "Duration(µs)",
        &[
            ("'-838:59:59'", "-34 days -22 hours -59 mins -59.000000 secs"),
            ("'838:59:59'", "34 days 22 hours 59 mins 59.000000 secs"),
            ("'00:00:00'", "0 days 0 hours 0 mins 0.000000 secs"),
        ],
    ),
    law(
        "time(6)",
        "Duration(µs)",
        &[
            ("'-00:00:00.000001'", "0 days 0 hours 0 mins -0.000001 secs"),
            ("'23:59:59.999999'", "0 days 23 hours 59 mins 59.999999 secs"),
        ],
    ),
    law("year", "Int16", &[("1901", "1901"), ("2155", "2155"), ("0", "0")]),
    law("char(4)", "Utf8", &[("'ab'", "ab"), ("'ab  '", "ab"), ("''", "")]),
    law(
        "varchar(20) character set utf8mb4",
        "Utf8",
        &[("''", ""), ("' a '", " a "), ("'☃ O''Brien \\\\ 😀'", "☃ O'Brien \\ 😀")],
    ),
    law("varchar(20) character set latin1", "Utf8", &[("'é€ß'", "é€ß")]),
    law("varchar(20) character set utf8mb3", "Utf8", &[("'é☃'", "é☃")]),
    law("varchar(20) character set ucs2", "Utf8", &[("'日本'", "日本"), ("''", "")]),
    law("text character set latin1", "Utf8", &[("'é€ß'", "é€ß")]),
    law("varchar(20) character set utf16", "Utf8", &[("'日本😀'", "日本😀")]),
    law("varchar(20) character set cp1251", "Utf8", &[("'Привет'", "Привет")]),
    law("tinytext", "Utf8", &[("'x'", "x")]),
    law("text", "Utf8", &[("'a\\nb'", "a\nb")]),
    law("mediumtext", "Utf8", &[("'x'", "x")]),
    law("longtext", "Utf8", &[("'x'", "x")]),
    law("binary(3)", "Binary", &[("'a'", "610000"), ("X'00FF00'", "00ff00")]),
    law("varbinary(3)", "Binary", &[("'a'", "61"), ("''", ""), ("X'00FF'", "00ff")]),
    law("tinyblob", "Binary", &[("X'00'", "00")]),
    law("blob", "Binary", &[("X'FF'", "ff")]),
    law("mediumblob", "Binary", &[("X'FF'", "ff")]),
    law("longblob", "Binary", &[("X'FF'", "ff")]),
    law("enum('sad','ok','it''s','') character set utf8mb4", "Utf8", &[("'ok'", "ok"), ("3", "it's"), ("''", "")]),
    law("set('a','b','c')", "Utf8", &[("'c,a'", "a,c"), ("''", "")]),
    law_of(
        Product::MySql,
        "json",
        "Utf8",
        &[("'{\"b\":1,\"a\":  [null]}'", "{\"a\": [null], \"b\": 1}"), ("'null'", "null"), ("'\"é\"'", "\"é\"")],
    ),
    law_of(Product::MariaDb, "json", "Utf8", &[("'{\"b\":1,\"a\":  [null]}'", "{\"b\":1,\"a\":  [null]}")]),
    law("point", "Binary", &[("ST_GeomFromText('POINT(1 2)')", "0101000000000000000000f03f0000000000000040")]),
    law_of(
        Product::MySql,
        "geometry srid 4326",
        "Binary",
        &[("ST_GeomFromText('POINT(2 1)', 4326)", "0101000000000000000000f03f0000000000000040")],
    ),
    law(
        "linestring",
        "Binary",
        &[(
            "ST_GeomFromText('LINESTRING(0 0,1 2)')",
            "01020000000200000000000000000000000000000000000000000000000000f03f0000000000000040",
        )],
    ),
    law_of(Product::MySql, "vector(2)", "Binary", &[("STRING_TO_VECTOR('[1,-2]')", "0000803f000000c0")]),
    law_of(
        Product::MariaDb,
        "uuid",
        "Utf8",
        &[("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    ),
    law_of(Product::MariaDb, "inet6", "Utf8", &[("'::1'", "::1"), ("'::ffff:1.2.3.4'", "::ffff:1.2.3.4")]),
    law_of(Product::MariaDb, "inet4", "Utf8", &[("'0.0.0.0'", "0.0.0.0"), ("'255.255.255.255'", "255.255.255.255")]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_law_holds() {
    for product in Product::ALL {
        let laws: Vec<&Law> = LAWS.iter().filter(|law| law.only.is_none_or(|only| only == product)).collect();
        let column = |(n, law): (usize, &&Law)| {
            // Without NULL a timestamp would become the time of the insertion.
            format!("c{n} {} {}", law.source, if law.source.contains("srid") { "" } else { "NULL" })
        };
        let columns: Vec<String> = laws.iter().enumerate().map(column).collect();
        let database =
            Database::new(product, "conversion_law", &format!("CREATE TABLE law ({})", columns.join(", "))).await;
        let rows = laws.iter().map(|law| law.values.len()).max().unwrap();
        for row in 0..=rows {
            let values: Vec<&str> =
                laws.iter().map(|law| law.values.get(row).map_or("NULL", |(value, _)| *value)).collect();
            database.run(&format!("INSERT INTO law VALUES ({})", values.join(", "))).await;
        }
        let scanned = scan(&database.connector(), &ScanRequest::table(database.table("law"))).await.unwrap();
        let [batch] = scanned.batches.as_slice() else { panic!("one batch") };
        assert_eq!(batch.num_columns(), laws.len());
        for (index, law) in laws.iter().enumerate() {
            check(product, law, batch, index);
        }
    }
}

fn check(product: Product, law: &Law, batch: &RecordBatch, index: usize) {
    assert_eq!(batch.schema().field(index).data_type().to_string(), law.arrow, "{product} {}", law.source);
    let column = &without_zone(batch.column(index));
    let options = FormatOptions::new().with_null("NULL").with_duration_format(DurationFormat::Pretty);
    let shown = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
    for (row, (value, expected)) in law.values.iter().enumerate() {
        assert_eq!(shown.value(row).to_string(), *expected, "{value} of {product} {}", law.source);
    }
    assert!(column.is_null(batch.num_rows() - 1), "NULL of {product} {}", law.source);
}

/// Arrow cannot display a time of a named zone without a time zone database, not even of UTC.
fn without_zone(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(_, Some(_)) => {
            Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>))
        }
        _ => Arc::clone(array),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_change_the_law_and_what_does_not_fit_is_an_error() {
    for product in Product::ALL {
        let setup = "CREATE TABLE t (id int, flag tinyint(1), at time(3)); \
            INSERT INTO t VALUES (1, 1, '23:59:59.999'), (2, 0, '00:00:00'), (3, NULL, NULL); \
            CREATE TABLE two AS SELECT 1 AS id; ALTER TABLE two ADD COLUMN odd_one bool; UPDATE two SET odd_one = 2; \
            CREATE TABLE long_time (odd_one time); INSERT INTO long_time VALUES ('24:00:00'); \
            CREATE TABLE negative (odd_one time); INSERT INTO negative VALUES ('-00:00:01')";
        let database = Database::new(product, "conversion_options", setup).await;
        let options = [("tinyint1_is_boolean", Setting::Boolean(true)), ("time", text("time_of_day"))];
        let connector = database.connector_with(&options);
        let scanned = scan(&connector, &ScanRequest::table(database.table("t"))).await.unwrap();
        assert_eq!(scanned.column("flag"), [Value::Boolean(true), Value::Boolean(false), Value::Null]);
        assert_eq!(scanned.column("at"), [Value::Time(86_399_999_000), Value::Time(0), Value::Null]);
        for (name, named) in [("two", "holds 2"), ("long_time", "24:00:00"), ("negative", "-00:00:01")] {
            let error = scan(&connector, &ScanRequest::table(database.table(name))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error:?}");
            assert!(error.to_string().contains("odd_one") && error.to_string().contains(named), "{error:?}");
            assert!(error.hint().is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_column_vanishes_neither_computed_nor_invisible() {
    for product in Product::ALL {
        let database = Database::new(product, "conversion_all", "").await;
        database
            .run(
                "CREATE TABLE t (id int, twice int AS (id * 2) STORED, thrice int AS (id * 3) VIRTUAL, \
                 hidden int INVISIBLE DEFAULT 7); INSERT INTO t (id) VALUES (5)",
            )
            .await;
        let scanned = scan(&database.connector(), &ScanRequest::table(database.table("t"))).await.unwrap();
        for (name, value) in [("id", 5), ("twice", 10), ("thrice", 15), ("hidden", 7)] {
            assert_eq!(scanned.column(name), [Value::Int64(value)], "{product} {name}");
        }
    }
}
