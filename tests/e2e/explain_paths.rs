//! Golden EXPLAINs of every way to a DynamoDB table's rows.
//!
//! After a wanted change: `HEADWATER_UPDATE_GOLDEN=1 cargo test --workspace --test e2e explain`.

use crate::explain::{expect_golden, golden};
use headwater_harness::{DynamoDb, Export, ExportFormat, S3};
use headwater_tests::headwater;
use serde_json::{Value as Json, json};

/// The bucket of the exports.
const EXPORTS: &str = "exports";

const STATEMENTS: &[(&str, &str)] = &[
    ("paths_scan", "SELECT id, status FROM shop.default.orders WHERE status <> 'open'"),
    ("paths_parallel_scan", "SELECT id FROM shop.default.archive WHERE note = 'kept'"),
    ("paths_query", "SELECT id, total FROM shop.default.orders WHERE client = 'c3' AND status = 'open'"),
    ("paths_query_range", "SELECT total FROM shop.default.orders WHERE client = 'c3' AND id BETWEEN 100 AND 200"),
    ("paths_query_last_rows", "SELECT id, total FROM shop.default.orders WHERE client = 'c3' ORDER BY id DESC LIMIT 3"),
    ("paths_batch_get", "SELECT total FROM shop.default.orders WHERE client IN ('c3', 'c4') AND id IN (13, 14, 23)"),
    ("paths_global_index", "SELECT id, client FROM shop.default.orders WHERE email = 'e12@example.com' AND id > 100"),
    (
        "paths_local_index",
        "SELECT id, total FROM shop.default.orders WHERE client = 'c3' AND total >= 40 ORDER BY total LIMIT 5",
    ),
    ("paths_index_scan", "SELECT client, email FROM shop.default.orders WHERE email > ''"),
    ("paths_sparse_index_refused", "SELECT client FROM shop.default.orders WHERE email IS NULL AND status = 'open'"),
    ("paths_count", "SELECT count(*) FROM shop.default.orders WHERE email >= 'e2' AND status = 'open'"),
    ("paths_limit", "SELECT id FROM shop.default.archive LIMIT 5"),
    (
        "paths_entries_of_maps",
        "SELECT id FROM shop.default.orders WHERE place['Zip Code'] = '1010' AND place['geo']['x'] < 3 AND place['name'] IS NULL \
         AND place['street'] LIKE '%gasse%'",
    ),
    ("paths_export", "SELECT id, total FROM shop.export.orders WHERE client = 'c3'"),
];

/// What became of a join's keys is known once they are.
const JOINS: &[(&str, &str)] = &[
    (
        "paths_join_batch_get",
        "SELECT o.total FROM (VALUES ('c3', 13), ('c4', 14), ('c4', 14), ('c5', 1)) AS k(client, id) \
         JOIN shop.default.orders o ON o.client = k.client AND o.id = k.id",
    ),
    (
        "paths_join_query",
        "SELECT o.total FROM (VALUES ('c3'), ('c4')) AS k(client) JOIN shop.default.orders o ON o.client = k.client \
         WHERE o.status = 'open'",
    ),
    (
        "paths_join_index",
        "SELECT o.id FROM (VALUES ('e0@example.com'), ('e6@example.com')) AS k(email) \
         JOIN shop.default.orders o ON o.email = k.email",
    ),
    (
        "paths_join_declined",
        "SELECT o.id FROM (VALUES ('c0'), ('c1'), ('c2'), ('c3'), ('c4'), ('c5'), ('c6'), ('c7'), ('c8'), ('c9'), ('d0'), \
         ('d1'), ('d2'), ('d3'), ('d4'), ('d5'), ('d6'), ('d7'), ('d8'), ('d9'), ('e0'), ('e1'), ('e2'), ('e3')) \
         AS k(client) JOIN shop.default.orders o ON o.client = k.client",
    ),
];

fn order(i: i64) -> Json {
    let mut item = json!({
        "client": { "S": format!("c{}", i % 10) }, "id": { "N": i.to_string() }, "pad": { "S": "x".repeat(300) },
        "status": { "S": if i % 2 == 0 { "open" } else { "done" } },
    });
    if i % 6 == 0 {
        item["email"] = json!({ "S": format!("e{}@example.com", i % 36) });
    }
    if i % 40 == 7 {
        item["place"] = json!({ "M": {
            "Zip Code": { "S": if i % 80 == 7 { "1010" } else { "1020" } }, "geo": { "M": { "x": { "N": (i % 7).to_string() } } },
            "street": { "S": "Herrengasse 1" }, "name": { "NULL": true },
        } });
    }
    if i % 3 == 0 {
        item["total"] = json!({ "N": (i % 50).to_string() });
    }
    item
}

fn create(table: &str, keys: &[(&str, &str)]) -> Json {
    let roles = ["HASH", "RANGE"].iter().zip(keys);
    let schema: Vec<Json> = roles.map(|(role, (name, _))| json!({ "AttributeName": name, "KeyType": role })).collect();
    let definitions: Vec<Json> =
        keys.iter().map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind })).collect();
    json!({ "TableName": table, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": definitions, "KeySchema": schema })
}

/// `orders` with indexes that lack items, `archive` of several megabytes, and `wide` of 401 attributes.
async fn shop() -> DynamoDb {
    let server = DynamoDb::start().await.unwrap();
    let mut orders = create("orders", &[("client", "S"), ("id", "N")]);
    let more = [("email", "S"), ("total", "N")];
    let more = more.map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }));
    orders["AttributeDefinitions"].as_array_mut().unwrap().extend(more);
    let all = json!({ "ProjectionType": "ALL" });
    let key = |role: &str, name: &str| json!({ "AttributeName": name, "KeyType": role });
    orders["GlobalSecondaryIndexes"] =
        json!([{ "IndexName": "by_email", "KeySchema": [key("HASH", "email")], "Projection": all }]);
    orders["LocalSecondaryIndexes"] = json!([
        { "IndexName": "by_total", "KeySchema": [key("HASH", "client"), key("RANGE", "total")], "Projection": all },
    ]);
    server.create_table(orders).await.unwrap();
    server.put_items("orders", (0..600).map(order).collect()).await.unwrap();
    server.create_table(create("archive", &[("id", "N")])).await.unwrap();
    let kept =
        |id: i64| json!({ "id": { "N": id.to_string() }, "note": { "S": "kept" }, "pad": { "S": "x".repeat(6_000) } });
    server.put_items("archive", (0..2_500).map(kept).collect()).await.unwrap();
    let wide = |id: i64| {
        let attributes = (0..400).map(|n| (format!("attribute number {n}"), json!({ "N": (id * n).to_string() })));
        Json::Object([("id".to_owned(), json!({ "N": id.to_string() }))].into_iter().chain(attributes).collect())
    };
    server.create_table(create("wide", &[("id", "N")])).await.unwrap();
    server.put_items("wide", (0..30).map(wide).collect()).await.unwrap();
    server
}

/// An export of these items on S3.
async fn exported(orders: &[Json]) -> &'static S3 {
    let server = S3::shared().await.unwrap();
    server.create_bucket(EXPORTS).await.unwrap();
    for (path, content) in Export::of(orders, ExportFormat::Ion).unwrap().0 {
        server.put(EXPORTS, &format!("AWSDynamoDB/01-a/{path}"), content).await.unwrap();
    }
    server
}

/// What has a section is read, and a section of nothing is told; so is an export that is not there.
fn sections_of_tables_are_tested(config: &str) {
    let test = |text: &str| {
        std::fs::write(config, text).unwrap();
        headwater(&["--config", config, "catalog", "test"])
    };
    let good = std::fs::read_to_string(config).unwrap();
    let outcome = test(&good);
    assert!(outcome.code == 0 && outcome.stdout.contains("1 row of export.orders"), "{}", outcome.stdout);
    let outcome = test(&good.replace("01-a", "01-b"));
    assert!(outcome.code != 0 && outcome.stderr.contains("manifest-summary.json not found"), "{}", outcome.stderr);
    let outcome = test(&format!("{good}[catalogs.shop.tables.oders]\nconsistent_reads = true\n"));
    assert!(outcome.code != 0 && outcome.stderr.contains("did you mean `orders`?"), "{}", outcome.stderr);
    std::fs::write(config, good).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_every_way_to_a_dynamodb_tables_rows() {
    let (server, folder) = (shop().await, tempfile::tempdir().unwrap());
    let config = folder.path().join("headwater.toml");
    let s3 = exported(&(0..600).map(order).collect::<Vec<_>>()).await;
    let text = format!(
        "version = 1\n[catalogs.shop]\nconnector = \"dynamodb\"\nregion = \"us-east-1\"\nendpoint = \"{}\"\n\
         access_key_id = \"{}\"\nsecret_access_key = \"{}\"\ns3_endpoint = \"{}\"\n\
         [catalogs.shop.tables.orders]\nexport = \"s3://{EXPORTS}/AWSDynamoDB/01-a\"\n",
        server.endpoint(),
        s3.access_key(),
        s3.secret_key(),
        s3.endpoint(),
    );
    std::fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    expect_golden(&config, |name| folder.path().join(name), STATEMENTS);
    let mut differing = Vec::new();
    for (name, sql) in JOINS {
        let outcome = headwater(&["--config", &config, "explain", "--analyze", sql]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        // Times, and bytes with their headers, are another thing in each run.
        let lines = outcome.stdout.lines().filter(|line| !line.starts_with("  did "));
        differing.extend(golden(name, &lines.collect::<Vec<_>>().join("\n")));
    }
    assert!(differing.is_empty(), "golden files differ from:\n{}", differing.join("\n"));
    let answer = |schema: &str| {
        let sql = format!(
            "SELECT client, count(*), sum(total) AS total, min(email) AS email FROM shop.{schema}.orders WHERE id > 7 \
             GROUP BY client ORDER BY 1"
        );
        let outcome = headwater(&["--config", &config, "query", "--format", "csv", &sql]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stdout
    };
    assert_eq!(answer("export"), answer("default"));
    sections_of_tables_are_tested(&config);
    // The names of 400 attributes are longer than a projection may be.
    let outcome = headwater(&["--config", &config, "query", "--format", "csv", "SELECT * FROM shop.default.wide"]);
    let cells: usize = outcome.stdout.lines().skip(1).map(|line| line.split(',').count()).sum();
    assert_eq!((outcome.code, cells), (0, 30 * 401), "{}", outcome.stderr);
}
