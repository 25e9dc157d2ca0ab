//! Scenario 2: the data is what it says, and its answers are those of engines that have all of it.

use std::collections::HashSet;

use headwater_harness::scenario2::{
    Content, DEMO_FINGERPRINT, ITEM_TABLE, Kind, MANIFEST_KEY, Scenario2, Size, TEST_FINGERPRINT,
};
use headwater_harness::{DynamoDb, MySqlServer, Postgres, Product, S3};
use mysql_async::prelude::Queryable as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

#[test]
fn the_data_is_the_same_everywhere() {
    let generated = [Size::TEST, Size::DEMO].map(|size| Scenario2::generate(size).fingerprint());
    let wanted = [TEST_FINGERPRINT, DEMO_FINGERPRINT];
    assert_eq!(generated, wanted, "write these into the constants if the data was meant to change");
}

#[test]
fn the_data_is_as_described() {
    for size in [Size::TEST, Size::DEMO] {
        let data = Scenario2::generate(size);
        assert_eq!((data.plans.len(), data.accounts.len()), (5, size.accounts));
        assert_eq!((data.items.len(), data.versions.len()), (size.items, size.versions));
        let keys: HashSet<&str> = data.items.iter().map(|item| &*item.object_key).collect();
        assert_eq!(keys.len(), size.items);
        let latest: HashSet<&str> =
            data.versions.iter().filter(|version| version.is_latest).map(|version| &*version.key).collect();
        let all: HashSet<&str> = data.versions.iter().map(|version| &*version.key).collect();
        assert_eq!(latest, all);

        assert_eq!(data.expected_orphans().len(), size.items / 50);
        let missing = data.expected_missing().len() * 1_000 / size.items;
        assert!((2..=8).contains(&missing), "{missing} per mille");
        let duplicates: i64 = data.expected_duplicates().iter().map(|duplicate| duplicate.objects).sum();
        assert!(duplicates > size.items as i64 / 30, "{duplicates}");
        let plans: HashSet<&str> = data.expected_over_quota().iter().map(|account| account.plan).collect();
        assert!(plans.contains("Free") && !plans.contains("Archive"), "{plans:?}");
        assert!(data.expected_over_quota().len() * 2 < data.expected_bytes_by_account().len());
        assert_eq!(data.expected_usage_by_day().len(), size.days);
        let kinds: Vec<Kind> = data.expected_bytes_by_kind().iter().map(|row| row.kind).collect();
        assert_eq!(kinds, Kind::ALL);
    }
}

/// Everything copied into one Postgres: an independent check of the expected answers.
#[tokio::test]
async fn the_expected_answers_are_what_postgres_says() {
    let data = Scenario2::generate(Size::TEST);
    let server = Postgres::shared().await.unwrap();
    server.create_database("scenario2_expected").await.unwrap();
    let client = server.client("scenario2_expected").await.unwrap();
    client
        .batch_execute(
            "CREATE TABLE accounts (id bigint, plan_id int);
             CREATE TABLE items (account_id bigint, item_id text, kind text, bytes bigint, object_key text, deleted bool);
             CREATE TABLE versions (key text, is_latest bool, is_delete_marker bool, size bigint, e_tag text)",
        )
        .await
        .unwrap();
    let mut sql = String::new();
    for account in &data.accounts {
        sql.push_str(&format!("INSERT INTO accounts VALUES ({}, {});", account.id, account.plan_id));
    }
    for item in &data.items {
        let key = item.object_key.replace('\'', "''");
        let kind = item.kind.name();
        sql.push_str(&format!(
            "INSERT INTO items VALUES ({}, '{}', '{kind}', {}, '{key}', {});",
            item.account_id, item.item_id, item.bytes, item.deleted
        ));
    }
    for version in &data.versions {
        let key = version.key.replace('\'', "''");
        let data = match version.content {
            Content::DeleteMarker => "true, NULL, NULL".to_owned(),
            Content::Data { size, etag, .. } => format!("false, {size}, '{etag}'"),
        };
        sql.push_str(&format!("INSERT INTO versions VALUES ('{key}', {}, {data});", version.is_latest));
    }
    client.batch_execute(&format!("BEGIN; {sql} COMMIT; ANALYZE")).await.unwrap();
    let live = "(SELECT * FROM versions WHERE is_latest AND NOT is_delete_marker) live";
    let number = async |query: String| -> i64 { client.query_one(&query, &[]).await.unwrap().get(0) };

    let kinds = data.expected_bytes_by_kind();
    for row in kinds {
        let query = format!("SELECT sum(bytes)::bigint FROM items WHERE NOT deleted AND kind = '{}'", row.kind.name());
        assert_eq!(number(query).await, row.bytes);
    }
    let orphans = format!("SELECT count(*) FROM {live} WHERE key NOT IN (SELECT object_key FROM items)");
    assert_eq!(number(orphans).await, data.expected_orphans().len() as i64);
    let missing =
        format!("SELECT count(*) FROM items WHERE NOT deleted AND object_key NOT IN (SELECT key FROM {live})");
    assert_eq!(number(missing).await, data.expected_missing().len() as i64);
    let duplicates = format!(
        "SELECT sum(wasted)::bigint FROM (SELECT size * (count(*) - 1) AS wasted FROM {live} GROUP BY e_tag, size) d"
    );
    let wasted: i64 = data.expected_duplicates().iter().map(|duplicate| duplicate.wasted_bytes()).sum();
    assert_eq!(number(duplicates).await, wasted);
    let old = "SELECT sum(size)::bigint FROM versions WHERE NOT is_latest AND NOT is_delete_marker".to_owned();
    assert_eq!(number(old).await, data.expected_old_versions().bytes);
    let markers = "SELECT count(*) FROM versions WHERE is_delete_marker".to_owned();
    assert_eq!(number(markers).await, data.expected_old_versions().delete_markers);
    let stored = format!(
        "SELECT sum(size)::bigint FROM items JOIN {live} ON key = object_key WHERE NOT deleted AND account_id = "
    );
    for account in data.expected_stored_by_account().iter().take(20) {
        assert_eq!(number(format!("{stored}{}", account.account_id)).await, account.total());
    }
}

#[tokio::test]
async fn the_relational_half_is_loaded_once() {
    let data = Scenario2::generate(Size::TEST);
    for product in Product::ALL {
        let server = MySqlServer::shared(product).await.unwrap();
        let mut connection = server.conn().await.unwrap();
        data.load_mysql(&mut connection).await.unwrap();
        assert!(Scenario2::is_in_mysql(&mut connection, TEST_FINGERPRINT).await.unwrap());
        assert!(!Scenario2::is_in_mysql(&mut connection, "another").await.unwrap());
        let query = "SELECT full_name, CAST(created_at AS char), closed_at IS NULL FROM accounts WHERE id = 3";
        let row: (String, String, bool) = connection.query_first(query).await.unwrap().unwrap();
        let account = &data.accounts[2];
        let created_at = account.created_at.to_string().replace('T', " ").replace('Z', "");
        assert_eq!(row, (account.full_name.clone(), created_at, account.closed_at.is_none()), "{product}");
    }
    let server = Postgres::shared().await.unwrap();
    server.create_database("scenario2").await.unwrap();
    let mut client = server.client("scenario2").await.unwrap();
    data.load_postgres(&mut client).await.unwrap();
    data.load_postgres(&mut client).await.unwrap();
    assert!(Scenario2::is_in_postgres(&client, TEST_FINGERPRINT).await.unwrap());
    let row = client.query_one("SELECT quota_bytes, price::text FROM plans WHERE name = 'Pro'", &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, String>(1)), (data.plans[3].quota_bytes, "24.50".to_owned()));
}

#[tokio::test]
async fn the_items_are_loaded_once() {
    let data = Scenario2::generate(Size::TEST);
    let server = DynamoDb::start().await.unwrap();
    data.load_dynamodb(&server).await.unwrap();
    data.load_dynamodb(&server).await.unwrap();
    assert!(Scenario2::is_in_dynamodb(&server, TEST_FINGERPRINT).unwrap());
    let client = server.client().await;
    let pages = client.scan().table_name(ITEM_TABLE).into_paginator().send().try_collect().await.unwrap();
    let items: Vec<_> = pages.into_iter().flat_map(|page| page.items.unwrap_or_default()).collect();
    assert_eq!(items.len(), data.items.len());
    let bytes: i64 = items.iter().map(|item| item["bytes"].as_n().unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!(bytes, data.items.iter().map(|item| item.bytes).sum::<i64>());
}

#[tokio::test]
async fn the_inventory_is_laid_out_as_s3_does_it() {
    let data = Scenario2::generate(Size::TEST);
    let server = S3::shared().await.unwrap();
    data.load_s3(server, "accounting").await.unwrap();
    data.load_s3(server, "accounting").await.unwrap();
    assert!(Scenario2::is_in_s3(server, "accounting", TEST_FINGERPRINT).await.unwrap());
    let client = server.client("accounting").unwrap();
    let get = async |key: &str| client.get(&Path::parse(key).unwrap()).await.unwrap().bytes().await.unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&get(MANIFEST_KEY).await).unwrap();
    assert_eq!(manifest["fileFormat"], "Parquet");
    let files = manifest["files"].as_array().unwrap();
    assert_eq!(files.len(), Size::TEST.inventory_files);
    let mut rows = 0;
    for file in files {
        let bytes = get(file["key"].as_str().unwrap()).await;
        assert_eq!(file["size"], bytes.len());
        assert_eq!(file["MD5checksum"].as_str().unwrap().len(), 32);
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        rows += reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>();
    }
    assert_eq!(rows, Size::TEST.versions);
    let usage = server.list("accounting", "usage").await.unwrap();
    assert_eq!(usage.len(), Size::TEST.days);
    assert_eq!(usage[30].0, "usage/day=2025-12-31/part-0.parquet");

    let manifest = data.load_csv_inventory(server, "accounting", 100).await.unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&get(&manifest).await).unwrap();
    assert_eq!((&manifest["fileFormat"], manifest["files"].as_array().unwrap().len()), (&"CSV".into(), 2));
    let mut text = String::new();
    for file in manifest["files"].as_array().unwrap() {
        let bytes = get(file["key"].as_str().unwrap()).await;
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
    }
    assert_eq!(text.lines().count(), 100);
    assert!(text.contains("documents/Rechnung+f%C3%BCr+M%C3%A4rz+"));
    assert!(text.lines().all(|line| line.starts_with("\"documents\",\"") && line.split("\",\"").count() == 9));
}
