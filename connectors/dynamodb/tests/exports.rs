//! Exports on disk and on S3, read as the table that they were made of.

use crate::conformance::{SUITE_EMPTY, items_of};
use crate::generated::{generated_items, runner};
use crate::support::{SECRET, Source, configured, name, parameters, text, values};
use arrow::array::RecordBatch;
use arrow::compute::{sort_to_indices, take_record_batch};
use arrow::datatypes::DataType;
use futures::TryStreamExt;
use headwater_core::testing::{Fixture, check, dataset};
use headwater_core::{
    Answer, Connector, Error, ErrorKind, Result, ScanContext, ScanPlan, ScanRequest, TableMetadata, TableName,
};
use headwater_harness::{Export, ExportFormat, S3};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

fn items() -> Vec<Json> {
    let item = |id: i64| {
        json!({
            "id": { "N": id.to_string() },
            "name": { "S": format!("näme \"{id}\"\n") },
            "amount": { "N": format!("{id}.25") },
            "big": { "N": "600" },
            "ok": { "BOOL": id % 2 == 0 },
            "none": { "NULL": true },
            "raw": { "B": "aGk=" },
            "tags": { "SS": ["a", "b"] },
            "sizes": { "NS": ["1", "2.5"] },
            "meta": { "M": { "region": { "S": "eu" }, "steps": { "L": [{ "N": "1" }, { "N": "2" }] } } },
        })
    };
    let mut items: Vec<Json> = (0..500).map(item).collect();
    items.push(json!({ "id": { "N": "500" }, "late": { "S": "only here" } }));
    items
}

fn written(export: &Export) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    export.write_to(folder.path()).unwrap();
    folder
}

fn url_of(folder: &Path) -> String {
    format!("file://{}/", folder.to_str().unwrap())
}

fn section(url: &str) -> String {
    format!("[catalogs.db.tables.items]\nexport = \"{url}\"")
}

fn exported() -> TableName {
    TableName::new("export", "items")
}

fn connector(url: &str) -> Arc<dyn Connector> {
    configured(&format!("region = \"us-east-1\"\n{}", section(url))).unwrap()
}

async fn planned(connector: &Arc<dyn Connector>, request: &ScanRequest) -> Result<ScanPlan> {
    connector.plan_scan(&connector.get_table(&exported()).await?, request).await
}

async fn read(connector: &Arc<dyn Connector>, plan: &ScanPlan) -> Result<usize> {
    let context = ScanContext::new("export");
    let splits: Vec<_> = connector.splits(plan, None, &context).await?.stream.try_collect().await?;
    let mut rows = 0;
    for split in &splits {
        let batches: Vec<_> = connector.read(split, &context).await?.try_collect().await?;
        rows += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    }
    Ok(rows)
}

async fn failure(export: &Export) -> Error {
    let folder = written(export);
    let connector = connector(&url_of(folder.path()));
    let read = async { read(&connector, &planned(&connector, &ScanRequest::table(exported())).await?).await };
    read.await.unwrap_err()
}

/// The same rows in the order of their keys.
fn sorted(rows: &RecordBatch, key: &str) -> RecordBatch {
    let order = sort_to_indices(rows.column_by_name(key).unwrap(), None, None).unwrap();
    take_record_batch(rows, &order).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_kept() {
    for format in [ExportFormat::DynamoDbJson, ExportFormat::Ion] {
        let large: Vec<Json> =
            (0..20_000).map(|id| json!({ "id": { "N": id.to_string() }, "bucket": { "N": "1" } })).collect();
        let folders = [("suite", items_of(&dataset())), ("suite_empty", vec![]), ("large", large)]
            .map(|(table, items)| (table, written(&Export::of(&items, format).unwrap())));
        let sections = folders.iter().map(|(table, folder)| {
            let url = url_of(folder.path());
            format!("[catalogs.db.tables.{table}]\nexport = \"{url}\"\n")
        });
        let lines = format!("region = \"us-east-1\"\n{}{SUITE_EMPTY}", sections.collect::<String>());
        let table = |name| TableName::new("export", name);
        let fixture = Fixture::new(configured(&lines).unwrap(), table("suite"), table("suite_empty"))
            .with_twin(configured(&lines).unwrap())
            .with_large_table(table("large"))
            .with_secrets([SECRET]);
        check(&fixture).await.into_result().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_read_as_its_table() {
    for format in [ExportFormat::DynamoDbJson, ExportFormat::Ion] {
        is_read_as_its_table(items(), &[("id", "N")], format).await;
        let awkward = generated_items(&mut runner(), true);
        is_read_as_its_table(awkward, &[("user", "S")], format).await;
    }
}

/// Columns, types and values, that of the hidden column of the whole item too.
async fn is_read_as_its_table(items: Vec<Json>, key: &[(&str, &str)], format: ExportFormat) {
    let folder = written(&Export::of(&items, format).unwrap());
    let source = Source::with(&section(&url_of(folder.path()))).await;
    let count = items.len();
    source.table("items", key, items).await;
    let (live, past) = (source.metadata("items").await, source.connector.get_table(&exported()).await.unwrap());
    assert_eq!(types(&live), types(&past));
    assert_eq!(past.row_count.value(), Some(count as u64));
    assert!(past.comment.unwrap().contains("2026-11-04T07:28:34.028Z"));
    let names: Vec<_> = types(&live).into_keys().collect();
    let plan = planned(&source.connector, &ScanRequest::table(exported()).with_projection(names.clone())).await;
    let plan = plan.unwrap();
    assert_eq!(plan.requests.len(), 2, "the empty file is not read");
    assert!(plan.notes[0].contains("as of 2026-11-04"));
    source.server.take_requests();
    let before = source.read(&plan).await;
    assert_eq!(before.num_rows(), count);
    assert!(source.server.take_requests().is_empty(), "the live table is left alone");
    let now = source.plan(&ScanRequest::table(name("items")).with_projection(names)).await;
    let now = source.read(&now).await;
    let key = key[0].0;
    assert_eq!(sorted(&before, key).columns(), sorted(&now, key).columns(), "{format:?}");
}

fn types(table: &TableMetadata) -> BTreeMap<String, DataType> {
    table.schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
}

#[tokio::test]
async fn exports_are_listed_beside_the_live_tables() {
    let folder = written(&Export::of(&items(), ExportFormat::DynamoDbJson).unwrap());
    let connector = connector(&url_of(folder.path()));
    let schemas: Vec<String> = connector.list_schemas().try_collect().await.unwrap();
    assert_eq!(schemas, ["default", "export"]);
    let tables: Vec<_> = connector.list_tables("export").try_collect().await.unwrap();
    assert_eq!(tables, [exported()]);
    let error = connector.get_table(&TableName::new("export", "others")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().contains("set `export`"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_columns_are_kept_and_filters_stay() {
    let folder = written(&Export::of(&items(), ExportFormat::DynamoDbJson).unwrap());
    let connector = connector(&url_of(folder.path()));
    let request = ScanRequest::table(exported()).with_limit(7);
    let plan = planned(&connector, &request).await.unwrap();
    assert!(matches!(plan.limit, Some(Answer::Inexact(_))));
    assert_eq!(read(&connector, &plan).await.unwrap(), 14, "seven of each file");
    let counted = planned(&connector, &ScanRequest::table(exported()).with_projection(Vec::<String>::new())).await;
    assert_eq!(read(&connector, &counted.unwrap()).await.unwrap(), 501);
    let one = headwater_core::Expr::column("name").compare(headwater_core::CompareOp::Eq, text("x"));
    let plan = planned(&connector, &request.with_filters(vec![one])).await.unwrap();
    assert!(matches!((&plan.filters[..], &plan.limit), ([Answer::Refused(_)], Some(Answer::Refused(_)))));
    assert_eq!(parameters(&plan.requests[0])["File"]["Path"], "data/aaa.json.gz");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_whole_is_an_error_and_never_a_short_answer() {
    let whole = Export::of(&items(), ExportFormat::DynamoDbJson).unwrap();
    let changed = |path: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut files = whole.clone();
        change(files.0.get_mut(path).unwrap());
        files
    };
    let cut = changed("data/bbb.json.gz", &|content| content.truncate(content.len() / 2));
    let replaced = |path: &str, items: &[Json]| {
        let mut files = whole.clone();
        files.replace(path, items, ExportFormat::DynamoDbJson).unwrap();
        files
    };
    let fewer = replaced("data/bbb.json.gz", &items()[..10]);
    let others = replaced("data/bbb.json.gz", &items()[1..335]);
    let no_gzip = changed("data/aaa.json.gz", &|content| *content = b"plain".to_vec());
    let no_item = replaced("data/aaa.json.gz", &[json!({ "a": { "X": 1 } })]);
    for (files, part) in [
        (cut, "data/bbb.json.gz"),
        (fewer, "it has 10 items, and 334 by the manifest"),
        (others, "MD5"),
        (no_gzip, "data/aaa.json.gz"),
        (no_item, "item 1: a value of an unknown type at byte 18"),
    ] {
        let error = failure(&files).await;
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert_eq!(error.catalog(), Some("db"));
    }
    let empty = changed("data/bbb.json.gz", &Vec::clear);
    let error = failure(&empty).await;
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().ends_with("data/bbb.json.gz is empty"), "{error}");
    let mut gone = whole.clone();
    gone.0.remove("data/bbb.json.gz");
    assert_eq!(failure(&gone).await.kind(), ErrorKind::NotFound);
    gone.0.remove("manifest-summary.json");
    let error = failure(&gone).await;
    assert!(error.hint().unwrap().contains("writes it last"), "{error:?}");
    let incremental = changed("manifest-summary.json", &|content| {
        *content = String::from_utf8_lossy(content).replace("FULL_EXPORT", "INCREMENTAL_EXPORT").into_bytes();
    });
    assert_eq!(failure(&incremental).await.kind(), ErrorKind::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_on_s3_is_read_with_the_catalogs_credentials() {
    let server = S3::shared().await.unwrap();
    let bucket = format!("dynamodb-export-{}", std::process::id());
    server.create_bucket(&bucket).await.unwrap();
    for (path, content) in Export::of(&items(), ExportFormat::Ion).unwrap().0 {
        server.put(&bucket, &format!("pre fix/AWSDynamoDB/01-a/{path}"), content).await.unwrap();
    }
    let lines = |secret: &str| {
        let (endpoint, key) = (server.endpoint(), server.access_key());
        let access = format!("access_key_id = \"{key}\"\nsecret_access_key = \"{secret}\"\nregion = \"us-east-1\"\n");
        let url = format!("s3://{bucket}/pre fix/AWSDynamoDB/01-a/");
        format!("{access}s3_endpoint = \"{endpoint}\"\n{}", section(&url))
    };
    let connector = configured(&lines(server.secret_key())).unwrap();
    let plan = planned(&connector, &ScanRequest::table(exported())).await.unwrap();
    assert_eq!(read(&connector, &plan).await.unwrap(), 501);
    let error = configured(&lines(SECRET)).unwrap().get_table(&exported()).await.unwrap_err();
    assert!([ErrorKind::PermissionDenied, ErrorKind::Unauthenticated].contains(&error.kind()), "{error:?}");
    assert!(!format!("{error:?}").contains(SECRET));
}

#[test]
fn an_export_that_is_no_address_is_refused() {
    let secret = format!("s3://user:{SECRET}@bucket/a");
    for url in ["bucket/prefix", "https://bucket/a", "s3://", "s3:///a", &secret, "s3://bucket/a?x=1", "file://host/a"]
    {
        let error = configured(&section(url)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
        assert!(error.to_string().starts_with("test.toml:") && !format!("{error:?}").contains(SECRET), "{error:?}");
    }
    let error = configured("region = \"us east\"").unwrap_err();
    assert!(error.to_string().contains("`us east` is no region"), "{error}");
}

#[tokio::test]
async fn the_address_of_the_manifest_is_that_of_the_export() {
    let folder = written(&Export::of(&items(), ExportFormat::Ion).unwrap());
    let connector = connector(&format!("{}manifest-summary.json", url_of(folder.path())));
    assert_eq!(connector.get_table(&exported()).await.unwrap().row_count.value(), Some(501));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_ends_the_reading() {
    let many: Vec<Json> = (0..50_000).map(|id| json!({ "id": { "N": id.to_string() } })).collect();
    let folder = written(&Export::of(&many, ExportFormat::DynamoDbJson).unwrap());
    let connector = connector(&url_of(folder.path()));
    let plan = planned(&connector, &ScanRequest::table(exported())).await.unwrap();
    let mut context = ScanContext::new("dropped");
    context.max_batch_rows = 100;
    let splits: Vec<_> = connector.splits(&plan, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    let mut stream = connector.read(&splits[1], &context).await.unwrap();
    let first = stream.try_next().await.unwrap().unwrap();
    assert_eq!((first.num_rows(), values(&first, "id").len()), (100, 100));
    drop(stream);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let read = context.metrics.snapshot().rows;
    assert!(read < 2_000, "{read} of 33,334 rows were unpacked for nobody");
}
