//! What the catalog says.

use crate::support::{Database, scan, table};
use futures::TryStreamExt as _;
use headwater_core::config::{Origin, Setting};
use headwater_core::{
    AccessPath, CompareOp, ErrorKind, Expr, KeyRole, Precision, ScanRequest, TableKind, TableName, TextComparison,
    Value,
};

const TABLES: &str = r#"
CREATE SCHEMA "Odd ""schema"; CREATE SCHEMA empty;
CREATE TABLE "Odd ""schema"."tä""ble ☃" ("Id" int, "näme ""x" text);
INSERT INTO "Odd ""schema"."tä""ble ☃" VALUES (1, 'é');
CREATE TABLE people (id bigint PRIMARY KEY, email text UNIQUE, country text COLLATE "C", gone int, age int NOT NULL,
    icu text COLLATE "und-x-icu", pad char(2), tags point);
ALTER TABLE people DROP COLUMN gone;
CREATE INDEX by_country ON people (country, age);
CREATE INDEX partial ON people (age) WHERE age > 5;
COMMENT ON TABLE people IS 'who';
INSERT INTO people SELECT i, 'm' || i, (ARRAY['NZ', 'DE'])[1 + i % 2], i % 10 FROM generate_series(1, 1000) i;
CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE parts_b PARTITION OF parts FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO parts SELECT i, '2026-01-01'::date + i FROM generate_series(0, 58) i;
CREATE VIEW folk AS SELECT id, email FROM people;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM people;
CREATE TABLE fresh (id int);
ANALYZE people; ANALYZE parts_a; ANALYZE parts_b;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_described_without_guesses() {
    let database = Database::new("metadata_table", TABLES).await;
    let connector = database.connector();
    let people = connector.get_table(&table("people")).await.unwrap();
    let names: Vec<&str> = people.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "email", "country", "age", "icu", "pad", "tags"]);
    assert!(!people.schema.field(0).is_nullable() && people.schema.field(1).is_nullable());
    assert_eq!((people.kind, people.row_count), (TableKind::Table, Precision::Inexact(1000)));
    assert!(matches!(people.byte_size, Precision::Inexact(bytes) if bytes >= 8192));
    assert_eq!(people.comment.as_deref(), Some("who"));
    let keys: Vec<_> = people.keys.iter().map(|key| (key.role, key.columns.join(","))).collect();
    let expected = [(KeyRole::Primary, "id"), (KeyRole::Unique, "email"), (KeyRole::Index, "country,age")];
    assert_eq!(keys, expected.map(|(role, columns)| (role, columns.to_owned())));
    assert_eq!(people.facts("country").text_comparison, TextComparison::Bytes);
    assert_eq!(people.facts("icu").text_comparison, TextComparison::BytesEqualityOnly);
    assert_eq!(people.facts("pad").text_comparison, TextComparison::Loose);
    assert_eq!(people.facts("country").distinct, Precision::Inexact(2));
    assert_eq!(people.facts("id").distinct, Precision::Inexact(1000));
    assert_eq!(people.facts("tags").note.as_deref(), Some("read as text"));
    assert_eq!(people.facts("pad").source_type, "character(2)");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_table_is_listed_and_read() {
    let database = Database::new("metadata_kinds", TABLES).await;
    let connector = database.connector();
    let kinds = [
        ("people", TableKind::Table, Precision::Inexact(1000), 1000),
        ("parts", TableKind::PartitionedTable, Precision::Inexact(59), 59),
        ("parts_a", TableKind::Table, Precision::Inexact(31), 31),
        ("folk", TableKind::View, Precision::Unknown, 1000),
        ("counted", TableKind::View, Precision::Unknown, 1),
        ("fresh", TableKind::Table, Precision::Unknown, 0),
    ];
    let listed: Vec<TableName> = connector.list_tables("public").try_collect().await.unwrap();
    for (name, kind, rows, read) in kinds {
        assert!(listed.contains(&table(name)));
        let metadata = connector.get_table(&table(name)).await.unwrap();
        assert_eq!((metadata.kind, metadata.row_count), (kind, rows), "{name}");
        assert_eq!(scan(&connector, &ScanRequest::table(table(name))).await.unwrap().rows(), read, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_names() {
    let database = Database::new("metadata_names", TABLES).await;
    let connector = database.connector();
    let name = TableName::new("Odd \"schema", "tä\"ble ☃");
    let schemas: Vec<String> = connector.list_schemas().try_collect().await.unwrap();
    assert_eq!(schemas, ["Odd \"schema", "empty", "public"]);
    let request = ScanRequest::table(name).with_projection(["näme \"x", "Id"]);
    let filter = Expr::column("näme \"x").compare(CompareOp::Eq, Value::Utf8("é".into()));
    let scanned = scan(&connector, &request.with_filters(vec![filter])).await.unwrap();
    assert_eq!(scanned.integers("Id"), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_shown_is_not_found() {
    let database = Database::new("metadata_missing", TABLES).await;
    let connector = database.connector();
    let missing = connector.get_table(&table("nobody")).await.unwrap_err();
    assert_eq!((missing.kind(), missing.to_string().as_str()), (ErrorKind::NotFound, "table public.nobody not found"));
    let schema = connector.get_table(&TableName::new("nowhere", "people")).await.unwrap_err();
    assert_eq!((schema.kind(), schema.to_string().as_str()), (ErrorKind::NotFound, "schema nowhere not found"));
    assert_eq!(connector.list_tables("empty").try_collect::<Vec<_>>().await.unwrap(), []);
    let patterns = Setting::List(vec![(Setting::Text("pub*".into()), Origin::flag("test"))]);
    let narrow = database.connector_with(&[("schemas", patterns)]);
    assert_eq!(narrow.list_schemas().try_collect::<Vec<_>>().await.unwrap(), ["public"]);
    let hidden = narrow.list_tables("empty").try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(hidden.kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_and_access_follow_keys_and_statistics() {
    let database = Database::new("metadata_estimates", TABLES).await;
    let connector = database.connector();
    let people = connector.get_table(&table("people")).await.unwrap();
    let plan = async |filter: Expr| {
        let request = ScanRequest::table(table("people")).with_filters(vec![filter]);
        let plan = connector.plan_scan(&people, &request).await.unwrap();
        (plan.rows, plan.access)
    };
    let by_id = Expr::column("id").compare(CompareOp::Eq, Value::Int64(5));
    assert_eq!(plan(by_id).await, (Precision::Inexact(1), AccessPath::Keys(vec!["id".to_owned()])));
    let by_country = Expr::column("country").is_in(vec![Value::Utf8("NZ".into())]);
    assert_eq!(plan(by_country).await, (Precision::Inexact(500), AccessPath::Keys(vec!["country".to_owned()])));
    let by_age = Expr::column("age").compare(CompareOp::Lt, Value::Int64(5));
    assert_eq!(plan(by_age).await, (Precision::Inexact(500), AccessPath::Scan));
}
