//! Awkward items in DynamoDB: absent, NULL and empty apart, numbers of 38 digits, mixed types, deep nesting, and
//! indexes that have some of the items only.

use super::random::Random;
use super::run::seed;
use super::table::{BOOLEAN, Column, EXACT, Kind, Path, TEXT, Table, column};
use headwater_harness::DynamoDb;
use serde_json::{Map, Value as Json, json};

/// Ways to the rows that the statements of a run must all take.
pub(super) const WAYS: &[&str] = &[
    "Scan",
    "Scan counted",
    "Scan by_email",
    "Scan by_total",
    "Query",
    "Query backward",
    "Query counted",
    "Query by_email",
    "Query by_status",
    "Query by_total",
    "Query total_of_pk",
    "Query total_of_pk backward",
    "BatchGetItem",
    "BatchGetItem by join keys",
    "Query by join keys",
    "Query by_email by join keys",
];

const PARTITIONS: &[&str] = &["'p0'", "'p1'", "'p4'", "'k1'", "'k17'", "''", "'zz'", "NULL"];
const SORTS: &[&str] = &["-40", "0", "5", "60", "60.0", "1.5", "9007199254740993", "-1e0", "NULL"];
const EMAILS: &[&str] = &["'a@x'", "'b@x'", "'ä@x'", "'😀'", "'Z'", "''", "'nobody'", "NULL"];
const STATUS: &[&str] = &["'open'", "'done'", "'Open'", "''", "NULL"];
/// 2^53 and its neighbours: one of them is no floating-point number.
const TOTALS: &[&str] = &[
    "0",
    "1",
    "-1",
    "5",
    "9007199254740992",
    "9007199254740993",
    "9007199254740994",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "0.5",
    "2e0",
    "NULL",
];
const HUGE: &[&str] = &[
    "99999999999999999999999999999999999999",
    "-99999999999999999999999999999999999999",
    "12345678901234567890123456789012345678",
    "9223372036854775808",
    "0",
    "1",
    "0.5",
    "NULL",
];
const DIGITS: &[&str] = &["'1E-130'", "'999E123'", "'0'", "'1.5'", "'-1E-130'", "'1500'", "''", "NULL"];
const BINARY: &[&str] = &["X''", "X'00'", "X'FF'", "X'00FF'", "NULL"];
const JSON: &[&str] = &["'\"a\"'", "'1'", "'{}'", "'[]'", "'a'", "'[1,\"a\"]'", "'true'", "NULL"];

const DEEP: &str = "deep['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']\
                    ['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']['d']";

const COLUMNS: &[Column] = &[
    column("pk", Kind::Text, PARTITIONS),
    column("sk", Kind::Whole, SORTS),
    column("email", Kind::Text, EMAILS),
    column("status", Kind::Text, STATUS),
    column("total", Kind::Whole, TOTALS),
    column("whole38", Kind::Huge, HUGE),
    column("dec", Kind::Exact, EXACT),
    column("digits", Kind::Text, DIGITS),
    column("txt", Kind::Text, TEXT),
    column("bin", Kind::Binary, BINARY),
    column("flag", Kind::Boolean, BOOLEAN),
    column("mix", Kind::Text, JSON),
    column("tags[1]", Kind::Text, TEXT),
    column("listed[2]", Kind::Text, JSON),
    column("meta['a']", Kind::Text, TEXT),
    column("meta['n']", Kind::Whole, TOTALS),
    column(DEEP, Kind::Text, TEXT),
];

const fn path(conditions: &'static [&'static str], order: Option<&'static str>) -> Path {
    Path { conditions, order }
}

const PATHS: &[Path] = &[
    path(&["pk = 'p1'"], Some("sk")),
    path(&["pk IN ('p1', 'p4', 'zz')"], Some("sk")),
    path(&["pk = 'p4'", "sk BETWEEN -20 AND 60"], Some("sk")),
    path(&["pk = 'p0'", "sk IN (-40, 2, 8, 1000)"], None),
    path(&["pk = 'k17'"], None),
    path(&["pk = 'p1'", "total > 0"], Some("total")),
    path(&["pk = 'p1'", "total IS NOT NULL"], Some("total")),
    path(&["email = 'a@x'"], None),
    path(&["email IN ('ä@x', 'Z', '')"], None),
    path(&["email > ''"], Some("email")),
    path(&["email >= 'b'"], None),
    path(&["status = 'open'", "total >= 1"], Some("total")),
    path(&["status = 'open'"], Some("total")),
    path(&["total = 9007199254740993"], None),
    path(&["total IN (0, 1, 5)", "status IS NOT NULL"], None),
    path(&["total < 1"], Some("total")),
];

/// One table with a sort key and a local index, one without.
pub(super) fn tables() -> Vec<Table> {
    let table = |name: &str| Table { name: format!("ddb.default.{name}"), columns: COLUMNS, paths: PATHS };
    vec![table("sorted"), table("flat")]
}

/// A server with both tables, and the catalog `ddb` of it.
pub(super) async fn start() -> (DynamoDb, String) {
    let server = DynamoDb::start().await.unwrap();
    let mut random = Random(seed());
    server.create_table(create("sorted", true)).await.unwrap();
    server
        .put_items("sorted", (0..240).map(|i| item(&mut random, &format!("p{}", i % 6), i - 40)).collect())
        .await
        .unwrap();
    server.create_table(create("flat", false)).await.unwrap();
    server.put_items("flat", (0..60).map(|i| item(&mut random, &format!("k{i}"), i - 20)).collect()).await.unwrap();
    let configuration = format!(
        "[catalogs.ddb]\nconnector = \"dynamodb\"\nregion = \"us-east-1\"\nendpoint = \"{}\"\naccess_key_id = \"test\"\n\
         secret_access_key = \"test\"\n",
        server.endpoint()
    );
    (server, configuration)
}

fn create(name: &str, sorted: bool) -> Json {
    let key = |role: &str, attribute: &str| json!({ "AttributeName": attribute, "KeyType": role });
    let kinds = [("pk", "S"), ("email", "S"), ("status", "S"), ("total", "N"), ("sk", "N")];
    let kinds = &kinds[..if sorted { 5 } else { 4 }];
    let definitions: Vec<Json> =
        kinds.iter().map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind })).collect();
    let all = json!({ "ProjectionType": "ALL" });
    let mut request = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": definitions,
        "KeySchema": [key("HASH", "pk")],
        "GlobalSecondaryIndexes": [
            { "IndexName": "by_email", "KeySchema": [key("HASH", "email")], "Projection": all },
            { "IndexName": "by_status", "KeySchema": [key("HASH", "status"), key("RANGE", "total")],
              "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["txt", "dec", "flag", "sk"] } },
            { "IndexName": "by_total", "KeySchema": [key("HASH", "total")], "Projection": all },
        ],
    });
    if sorted {
        request["KeySchema"] = json!([key("HASH", "pk"), key("RANGE", "sk")]);
        request["GlobalSecondaryIndexes"][1]["Projection"]["NonKeyAttributes"] = json!(["txt", "dec", "flag"]);
        request["LocalSecondaryIndexes"] = json!([
            { "IndexName": "total_of_pk", "KeySchema": [key("HASH", "pk"), key("RANGE", "total")], "Projection": all },
        ]);
    }
    request
}

/// An item with each attribute absent, NULL or awkward. Key attributes of an index are never NULL nor empty: DynamoDB
/// rejects such items.
fn item(random: &mut Random, pk: &str, sk: i64) -> Json {
    let mut item = Map::new();
    item.insert("pk".to_owned(), json!({ "S": pk }));
    item.insert("sk".to_owned(), json!({ "N": sk.to_string() }));
    item.insert("pad".to_owned(), json!({ "S": "x".repeat(400) }));
    let numbers = |values: &[&str]| values.iter().map(|value| json!({ "N": value })).collect::<Vec<_>>();
    let texts = |values: &[&str]| values.iter().map(|value| json!({ "S": value })).collect::<Vec<_>>();
    let mut put = |random: &mut Random, name: &str, absent: usize, null: usize, values: &[Json]| {
        let chance = random.below(100);
        if chance >= absent {
            let value = if chance < absent + null { json!({ "NULL": true }) } else { random.pick(values).clone() };
            item.insert(name.to_owned(), value);
        }
    };
    put(random, "email", 80, 0, &texts(&["a@x", "b@x", "ä@x", "😀", "Z"]));
    put(random, "status", 20, 0, &texts(&["open", "done", "Open"]));
    let totals =
        ["0", "1", "-1", "5", "9007199254740992", "9007199254740993", "9223372036854775807", "-9223372036854775808"];
    put(random, "total", 60, 0, &numbers(&totals));
    let huge = [
        "99999999999999999999999999999999999999",
        "-99999999999999999999999999999999999999",
        "9223372036854775808",
        "0",
    ];
    put(random, "whole38", 15, 10, &numbers(&huge));
    put(random, "dec", 15, 10, &numbers(&["0", "1.5", "-1.5", "0.01", "-0.01", "99999999.99", "999.99"]));
    put(random, "digits", 15, 10, &numbers(&["1E-130", "9.99E+125", "0", "1.5", "-1E-130", "1500"]));
    let texts_of_all =
        ["", "a", "A", "ab", "é", "e\u{301}", "ß", "日本", "😀", "\u{ffff}", "\u{ff5e}", "a%b", "O'Neil", " ", "x"];
    put(random, "txt", 15, 10, &texts(&texts_of_all));
    put(random, "bin", 15, 10, &["", "AA==", "/w==", "AP8="].map(|bytes| json!({ "B": bytes })));
    put(random, "flag", 15, 10, &[true, false].map(|flag| json!({ "BOOL": flag })));
    let list = json!({ "L": [{ "N": "1" }, { "S": "a" }, { "NULL": true }, { "L": [] }] });
    let mixed = [json!({ "S": "a" }), json!({ "N": "1" }), json!({ "M": {} }), json!({ "BOOL": true }), list.clone()];
    put(random, "mix", 15, 10, &mixed);
    put(random, "tags", 30, 10, &[json!({ "SS": ["b", "a"] }), json!({ "SS": ["é"] })]);
    put(random, "listed", 30, 10, &[list, json!({ "L": [] }), json!({ "L": [{ "S": "x" }, { "N": "7" }] })]);
    let maps = [
        json!({}),
        json!({ "a": { "S": "ab" } }),
        json!({ "a": { "NULL": true }, "n": { "N": "5" } }),
        json!({ "a": { "S": "" }, "n": { "N": "1" } }),
    ];
    put(random, "meta", 30, 10, &maps.map(|map| json!({ "M": map })));
    put(random, "deep", 40, 10, &[deep("a"), deep("é"), json!({ "M": {} })]);
    Json::Object(item)
}

/// As deep as DynamoDB takes it: 31 maps and the text.
fn deep(text: &str) -> Json {
    (0..31).fold(json!({ "S": text }), |inner, _| json!({ "M": { "d": inner } }))
}
