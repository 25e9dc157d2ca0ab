//! The conversion law of `convert/mod.rs`, walked row by row through the server.

use crate::support::{Database, scan, table};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch};
use arrow::datatypes::{DataType, Field, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use headwater_core::config::{Origin, Setting};
use headwater_core::{CompareOp, Connector, ErrorKind, Expr, ScanRequest, Value};
use std::sync::Arc;

/// PostgreSQL type, Arrow type, and values: as SQL writes them → as they must come out, by Arrow's own display.
struct Law {
    source: &'static str,
    arrow: &'static str,
    values: &'static [(&'static str, &'static str)],
}

const fn law(source: &'static str, arrow: &'static str, values: &'static [(&'static str, &'static str)]) -> Law {
    Law { source, arrow, values }
}

const LAWS: &[Law] = &[
    law("bool", "Boolean", &[("true", "true"), ("false", "false")]),
    law("int2", "Int16", &[("-32768", "-32768"), ("32767", "32767")]),
    law("int4", "Int32", &[("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
    law(
        "int8",
        "Int64",
        &[("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")],
    ),
    law("oid", "Int64", &[("0", "0"), ("4294967295", "4294967295")]),
    law(
        "float4",
        "Float32",
        &[("3.4028235e38", "3.4028235e38"), ("NaN", "NaN"), ("-0", "-0.0"), ("1e-45", "1e-45"), ("-Infinity", "-inf")],
    ),
    law(
        "float8",
        "Float64",
        &[
            ("1.7976931348623157e308", "1.7976931348623157e308"),
            ("5e-324", "5e-324"),
            ("-0", "-0.0"),
            ("NaN", "NaN"),
            ("Infinity", "inf"),
            ("0.1", "0.1"),
        ],
    ),
    law(
        "numeric(38,0)",
        "Decimal128(38, 0)",
        &[
            ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
            ("-99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"),
        ],
    ),
    law(
        "numeric(38,38)",
        "Decimal128(38, 38)",
        &[
            ("0.99999999999999999999999999999999999999", "0.99999999999999999999999999999999999999"),
            ("-0.00000000000000000000000000000000000001", "-0.00000000000000000000000000000000000001"),
        ],
    ),
    law(
        "numeric(12,2)",
        "Decimal128(12, 2)",
        &[("-12.5", "-12.50"), ("0", "0.00"), ("10000", "10000.00"), ("100000000", "100000000.00"), ("0.01", "0.01")],
    ),
    law("numeric(2,-3)", "Decimal128(5, 0)", &[("99000", "99000"), ("-1000", "-1000"), ("1499", "1000")]),
    law("numeric(2,4)", "Decimal128(4, 4)", &[("0.0099", "0.0099")]),
    law(
        "numeric",
        "Utf8",
        &[
            ("NaN", "NaN"),
            ("Infinity", "Infinity"),
            ("-Infinity", "-Infinity"),
            ("12.500", "12.500"),
            ("1e-20", "0.00000000000000000001"),
            ("1e40", "10000000000000000000000000000000000000000"),
        ],
    ),
    law(
        "numeric(39,1)",
        "Utf8",
        &[("99999999999999999999999999999999999999.9", "99999999999999999999999999999999999999.9")],
    ),
    law(
        "money",
        "Decimal128(21, 2)",
        &[
            ("-92233720368547758.08", "-92233720368547758.08"),
            ("92233720368547758.07", "92233720368547758.07"),
            ("0", "0.00"),
        ],
    ),
    law("citext", "Utf8", &[("ÀbC", "ÀbC"), ("", "")]),
    law("text", "Utf8", &[("", ""), ("☃ O'Brien \\", "☃ O'Brien \\")]),
    law("varchar(5)", "Utf8", &[("abc", "abc"), (" a ", " a ")]),
    law("char(4)", "Utf8", &[("ab", "ab  "), ("", "    ")]),
    law("name", "Utf8", &[("pg_class", "pg_class")]),
    law("bytea", "Binary", &[("\\x", ""), ("\\x00ff", "00ff")]),
    law("date", "Date32", &[("1970-01-01", "1970-01-01"), ("0001-01-01", "0001-01-01"), ("9999-12-31", "9999-12-31")]),
    law("time", "Time64(µs)", &[("00:00", "00:00:00"), ("23:59:59.999999", "23:59:59.999999")]),
    law(
        "timetz",
        "Utf8",
        &[
            ("12:34:56.5+05:30", "12:34:56.5+05:30"),
            ("00:00:00+15:59:59", "00:00:00+15:59:59"),
            ("24:00:00-15:59:59", "24:00:00-15:59:59"),
        ],
    ),
    law(
        "timestamp",
        "Timestamp(µs)",
        &[("2026-03-01 12:00:00.000001", "2026-03-01T12:00:00.000001"), ("0001-01-01 00:00", "0001-01-01T00:00:00")],
    ),
    law("timestamptz", "Timestamp(µs, \"UTC\")", &[("2026-03-01 12:00:00+02", "2026-03-01T10:00:00")]),
    law(
        "interval",
        "Utf8",
        &[
            ("1 year 2 days -03:04:05.678", "1 year 2 days -03:04:05.678"),
            ("-178000000 years", "-178000000 years"),
            ("178000000 years 2147483647 days", "178000000 years 2147483647 days"),
            ("2562047788:00:54.775807", "2562047788:00:54.775807"),
            ("0", "00:00:00"),
        ],
    ),
    law("uuid", "Utf8", &[("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")]),
    law("json", "Utf8", &[("{\"a\":  1}", "{\"a\":  1}")]),
    law("jsonb", "Utf8", &[("{\"b\":1,\"a\":  [null]}", "{\"a\": [null], \"b\": 1}")]),
    law("mood", "Utf8", &[("happy", "happy"), ("sad", "sad")]),
    law("positive", "Int32", &[("1", "1")]),
    law("price", "Decimal128(8, 2)", &[("1.5", "1.50")]),
    law("inet", "Utf8", &[("10.0.0.1/8", "10.0.0.1/8"), ("10.0.0.1", "10.0.0.1/32"), ("::", "::/128")]),
    law("cidr", "Utf8", &[("10.0.0.0/8", "10.0.0.0/8"), ("2001:db8::/32", "2001:db8::/32")]),
    law("macaddr", "Utf8", &[("08:00:2b:01:02:03", "08:00:2b:01:02:03")]),
    law("macaddr8", "Utf8", &[("ff:ff:ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff:ff:ff")]),
    law("bit(3)", "Utf8", &[("101", "101"), ("000", "000")]),
    law("bit(70)", "Utf8", &[(ONES, ONES)]),
    law("varbit", "Utf8", &[("10", "10"), ("", "")]),
    law("xml", "Utf8", &[("<a>1</a>", "<a>1</a>"), ("☃", "☃")]),
    law("hstore", "Utf8", &[("a=>1,b=>NULL", "\"a\"=>\"1\", \"b\"=>NULL"), ("", "")]),
    law("int4range", "Utf8", &[("[1,5)", "[1,5)"), ("empty", "empty"), ("(,5]", "(,6)")]),
    law("numrange", "Utf8", &[("[1.50,)", "[1.50,)")]),
    law("tstzrange", "Utf8", &[("[2026-01-01 00:00+01,infinity)", "[\"2025-12-31 23:00:00+00\",infinity)")]),
    law("int4multirange", "Utf8", &[("{[1,5),[7,9)}", "{[1,5),[7,9)}"), ("{}", "{}")]),
    law("point", "Utf8", &[("(1,2)", "(1,2)"), ("(NaN,-Infinity)", "(NaN,-Infinity)")]),
    law("line", "Utf8", &[("{1,2,3}", "{1,2,3}")]),
    law("lseg", "Utf8", &[("[(1,2),(3,4)]", "[(1,2),(3,4)]")]),
    law("box", "Utf8", &[("(1,2),(3,4)", "(3,4),(1,2)")]),
    law("path", "Utf8", &[("((1,2),(3,4))", "((1,2),(3,4))")]),
    law("polygon", "Utf8", &[("((1,2),(3,4),(0.1,6))", "((1,2),(3,4),(0.1,6))")]),
    law("circle", "Utf8", &[("<(1,2),3>", "<(1,2),3>")]),
    law("tsvector", "Utf8", &[("a b", "'a' 'b'"), ("", "")]),
    law("tsquery", "Utf8", &[("a & !b", "'a' & !'b'")]),
    law("pg_lsn", "Utf8", &[("0/0", "0/0"), ("FFFFFFFF/FFFFFFFF", "FFFFFFFF/FFFFFFFF")]),
    law("jsonpath", "Utf8", &[("$.a", "$.\"a\"")]),
    law("txid_snapshot", "Utf8", &[("10:20:10,14", "10:20:10,14")]),
    law("xid", "Utf8", &[("4294967295", "4294967295")]),
    law("regclass", "Utf8", &[("pg_class", "pg_class")]),
    law("pair", "Utf8", &[("(1,x)", "(1,x)"), ("(,)", "(,)")]),
    law("\"char\"", "Utf8", &[("x", "x")]),
    law("int4[]", "List(Int32)", &[("{1,NULL,-3}", "[1, , -3]"), ("{}", "[]")]),
    law("text[]", "List(Utf8)", &[("{a,\"b,c\",\"\"}", "[a, b,c, ]")]),
    law("bool[]", "List(Boolean)", &[("{t,f}", "[true, false]")]),
    law("float8[]", "List(Float64)", &[("{NaN,0.1}", "[NaN, 0.1]")]),
    law(
        "uuid[]",
        "List(Utf8)",
        &[("{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", "[a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11]")],
    ),
    law("date[]", "List(Date32)", &[("{2026-01-31}", "[2026-01-31]")]),
    law("timestamptz[]", "List(Timestamp(µs, \"UTC\"))", &[("{2026-01-31 00:00+00}", "[2026-01-31T00:00:00]")]),
    law("mood[]", "Utf8", &[("{happy,NULL,sad}", "{happy,NULL,sad}")]),
    law("pair[]", "Utf8", &[("{\"(1,x)\",NULL}", "{\"(1,x)\",NULL}")]),
    law("int4[][]", "Utf8", &[("{{1,2},{3,NULL}}", "{{1,2},{3,NULL}}"), ("[2:3]={1,2}", "[2:3]={1,2}"), ("{}", "{}")]),
    law("text[][]", "Utf8", &[("{{a,\"b,c\"},{\"\",NULL}}", "{{a,\"b,c\"},{\"\",NULL}}")]),
    law("numeric(6,2)[]", "List(Utf8)", &[("{1.5,NaN}", "[1.50, NaN]")]),
    law("inet[]", "Utf8", &[("{10.0.0.1}", "{10.0.0.1}")]),
];

const ONES: &str = "1111111111111111111111111111111111111111111111111111111111111111111111";

const TYPES: &str = "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (a int, b text); \
    CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN money2 AS numeric(8,2); CREATE DOMAIN price AS money2;";

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_law_holds() {
    let columns: Vec<String> = LAWS.iter().enumerate().map(|(n, law)| format!("c{n} {}", law.source)).collect();
    let setup = format!("{TYPES} CREATE TABLE law ({})", columns.join(", "));
    let database = Database::new("conversion_law", &setup).await;
    let rows = LAWS.iter().map(|law| law.values.len()).max().unwrap();
    for row in 0..=rows {
        let values: Vec<String> = LAWS
            .iter()
            .map(|law| match law.values.get(row) {
                Some((value, _)) => format!("'{}'::{}", value.replace('\'', "''"), law.source),
                None => "NULL".to_owned(),
            })
            .collect();
        let sql = format!("INSERT INTO law VALUES ({})", values.join(", "));
        database.client.batch_execute(&sql).await.unwrap();
    }
    let scanned = scan(&database.connector(), &ScanRequest::table(table("law"))).await.unwrap();
    let [batch] = scanned.batches.as_slice() else { panic!("one batch") };
    assert_eq!(batch.num_columns(), LAWS.len());
    for (index, law) in LAWS.iter().enumerate() {
        check(law, batch, index);
    }
}

fn check(law: &Law, batch: &RecordBatch, index: usize) {
    assert_eq!(batch.schema().field(index).data_type().to_string(), law.arrow, "{}", law.source);
    let column = &without_zone(batch.column(index));
    let options = FormatOptions::new();
    let shown = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
    for (row, (value, expected)) in law.values.iter().enumerate() {
        assert_eq!(shown.value(row).to_string(), *expected, "{value} of {}", law.source);
    }
    assert!(column.is_null(batch.num_rows() - 1), "NULL of {}", law.source);
}

/// Arrow cannot display a time of a named zone without a time zone database, not even of UTC.
fn without_zone(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(_, Some(_)) => {
            Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<&str>))
        }
        DataType::List(_) => {
            let (_, offsets, values, nulls) = array.as_list::<i32>().clone().into_parts();
            let values = without_zone(&values);
            let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            Arc::new(ListArray::new(field, offsets, values, nulls))
        }
        _ => Arc::clone(array),
    }
}

/// Type, value, and what the message must name.
const MISFITS: &[(&str, &str, &str)] = &[
    ("date", "infinity", "infinity"),
    ("timestamp", "-infinity", "-infinity"),
    ("timestamptz", "infinity", "infinity"),
    ("timestamp", "294276-12-31 23:59:59", "294246"),
    ("numeric(5,2)", "NaN", "NaN"),
    ("int4[]", "{{1,2},{3,4}}", "2 dimensions"),
    ("text[]", "[5:6]={a,b}", "first index is 5"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_an_error_that_names_the_column() {
    let database = Database::new("conversion_misfits", "SELECT 1").await;
    let connector = database.connector();
    for (index, (source, value, named)) in MISFITS.iter().enumerate() {
        let sql = format!("CREATE TABLE t{index} AS SELECT '{value}'::{source} AS odd_one");
        database.client.batch_execute(&sql).await.unwrap();
        let error = read_error(&connector, &format!("t{index}")).await;
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error:?}");
        assert!(error.to_string().contains("odd_one") && error.to_string().contains(named), "{error:?}");
        assert!(error.hint().is_some());
    }
}

async fn read_error(connector: &Arc<dyn Connector>, name: &str) -> headwater_core::Error {
    scan(connector, &ScanRequest::table(table(name))).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn midnight_at_the_end_of_the_day_is_kept() {
    let database = Database::new("conversion_midnight", "CREATE TABLE t AS SELECT '24:00'::time AS c").await;
    let scanned = scan(&database.connector(), &ScanRequest::table(table("t"))).await.unwrap();
    assert_eq!(scanned.column("c"), [Value::Time(86_400_000_000)]);
}

/// What Arrow cannot display, against what the server itself counts.
#[tokio::test(flavor = "multi_thread")]
async fn dates_and_times_before_christ_and_at_the_ends_of_the_calendar_are_kept() {
    let days = ["4713-11-24 BC", "0044-03-15 BC", "0001-12-31 BC", "5874897-12-31"];
    let times = ["4713-11-24 00:00:00 BC", "0044-03-15 12:34:56.789012 BC", "294246-12-31 23:59:59.999999"];
    let list = |values: &[&str]| values.iter().map(|value| format!("('{value}')")).collect::<Vec<_>>().join(", ");
    let setup = format!(
        "SET TimeZone = 'UTC'; \
         CREATE TABLE days AS SELECT v::date AS d, v::date - '1970-01-01'::date AS n FROM (VALUES {}) t (v); \
         CREATE TABLE times AS SELECT v::timestamp AS t, v::timestamptz AS z, \
             (extract(epoch FROM v::timestamp) * 1000000)::bigint AS n FROM (VALUES {}) t (v)",
        list(&days),
        list(&times)
    );
    let database = Database::new("conversion_calendar", &setup).await;
    let connector = database.connector();
    let scanned = scan(&connector, &ScanRequest::table(table("days"))).await.unwrap();
    let expected: Vec<Value> = scanned.column("n").into_iter().map(|n| integer(&n)).map(day).collect();
    assert_eq!((scanned.rows(), scanned.column("d")), (days.len(), expected));
    let scanned = scan(&connector, &ScanRequest::table(table("times"))).await.unwrap();
    let micros: Vec<i64> = scanned.column("n").iter().map(integer).collect();
    assert_eq!(scanned.column("t"), micros.iter().copied().map(Value::Timestamp).collect::<Vec<_>>());
    assert_eq!(scanned.column("z"), micros.into_iter().map(Value::Instant).collect::<Vec<_>>());
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Int64(number) => *number,
        other => panic!("{other} is no integer"),
    }
}

fn day(days: i64) -> Value {
    Value::Date(i32::try_from(days).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_keeps_131072_digits_before_the_point_and_16383_after_it() {
    let setup = "CREATE TABLE t AS SELECT (repeat('9', 131072) || '.' || repeat('7', 16383))::numeric AS n, \
        -(1::numeric / 3 + 1e-16383::numeric) AS small";
    let database = Database::new("conversion_digits", setup).await;
    let scanned = scan(&database.connector(), &ScanRequest::table(table("t"))).await.unwrap();
    let expected = format!("{}.{}", "9".repeat(131_072), "7".repeat(16_383));
    assert_eq!(scanned.column("n"), [Value::Utf8(expected)]);
    let Value::Utf8(small) = &scanned.column("small")[0] else { panic!("text") };
    assert!(small.starts_with("-0.333") && small.len() == 16_386, "{} characters", small.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_awkward_values_is_read_as_text_on_request() {
    let setup = "CREATE TABLE odd (d date, t timestamptz, n numeric(5,2), a int4[], id int); INSERT INTO odd VALUES \
        ('infinity', '-infinity', 'NaN', '{{1,2},{3,4}}', 1), ('2026-01-31', '2026-01-31 00:00+00', 1.5, '[5:5]={7}', 2)";
    let database = Database::new("conversion_as_text", setup).await;
    let patterns = ["public.odd.d", "public.*.t", "*.n", "public.odd.a"].map(str::to_owned);
    let patterns = patterns.map(|pattern| (Setting::Text(pattern), Origin::flag("test"))).to_vec();
    let connector = database.connector_with(&[("read_as_text", Setting::List(patterns))]);
    let scanned = scan(&connector, &ScanRequest::table(table("odd"))).await.unwrap();
    let texts = |column: &str| scanned.column(column).iter().map(|value| value.to_string()).collect::<Vec<_>>();
    assert_eq!(texts("d"), ["'infinity'", "'2026-01-31'"]);
    assert_eq!(texts("t"), ["'-infinity'", "'2026-01-31 00:00:00+00'"]);
    assert_eq!(texts("n"), ["'NaN'", "'1.50'"]);
    assert_eq!(texts("a"), ["'{{1,2},{3,4}}'", "'[5:5]={7}'"]);
    assert_eq!(scanned.integers("id"), [1, 2]);
    let filter = Expr::column("d").compare(CompareOp::Eq, Value::Utf8("infinity".into()));
    let filtered = scan(&connector, &ScanRequest::table(table("odd")).with_filters(vec![filter])).await.unwrap();
    assert_eq!(filtered.integers("id"), [1]);
}
