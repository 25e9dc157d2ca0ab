//! What `information_schema` says.

use crate::support::{Database, scan, text};
use arrow::datatypes::DataType;
use futures::TryStreamExt as _;
use headwater_core::config::{Origin, Setting};
use headwater_core::{
    AccessPath, CompareOp, ErrorKind, Expr, KeyRole, Precision, ScanRequest, TableKind, TableName, TextComparison,
    Value,
};
use headwater_harness::Product;

const TABLES: &str = r#"
CREATE TABLE people (id bigint unsigned PRIMARY KEY, email varchar(50) CHARACTER SET utf8mb4, country char(2) NOT NULL,
    age int NOT NULL, born date NOT NULL, hidden int INVISIBLE, place point, doc json, UNIQUE KEY by_email (email),
    KEY by_country (country, age), KEY by_start (email(3)), FULLTEXT KEY words (email)) COMMENT 'who';
INSERT INTO people (id, email, country, age, born)
    SELECT n.i, concat('m', n.i), elt(1 + n.i % 2, 'NZ', 'DE'), n.i % 10, '0000-00-00' FROM (
        SELECT a.n * 100 + b.n * 10 + c.n + 1 AS i FROM digit a, digit b, digit c) n;
CREATE TABLE parts (id int, at date) PARTITION BY HASH (id) PARTITIONS 3;
INSERT INTO parts SELECT n, '2026-01-01' FROM digit;
CREATE VIEW folk AS SELECT id, email FROM people;
CREATE TABLE bytes_first (id int, a varchar(5) COLLATE {nopad}, b varchar(5) COLLATE utf8mb4_bin, day date, PRIMARY KEY (id, day));
ANALYZE TABLE people; ANALYZE TABLE parts;
"#;

async fn database(product: Product, name: &str) -> Database {
    let nopad = if product == Product::MySql { "utf8mb4_0900_bin" } else { "utf8mb4_nopad_bin" };
    let setup = format!("{} {}", crate::support::DIGITS, TABLES.replace("{nopad}", nopad));
    Database::new(product, name, &setup).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_described_without_guesses() {
    for product in Product::ALL {
        let database = database(product, "metadata_table").await;
        let connector = database.connector();
        let people = connector.get_table(&database.table("people")).await.unwrap();
        let names: Vec<&str> = people.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["id", "email", "country", "age", "born", "hidden", "place", "doc"]);
        let nullable: Vec<bool> = people.schema.fields().iter().map(|field| field.is_nullable()).collect();
        assert_eq!(nullable, [false, true, false, false, true, true, true, true]);
        assert_eq!(people.schema.field(0).data_type(), &DataType::UInt64);
        assert_eq!((people.kind, people.comment.as_deref()), (TableKind::Table, Some("who")));
        let rows = people.row_count;
        assert!(matches!(rows, Precision::Inexact(900..=1100)), "{rows:?}");
        assert!(matches!(people.byte_size, Precision::Inexact(bytes) if bytes >= 16_384));
        let keys: Vec<_> = people.keys.iter().map(|key| (key.role, key.columns.join(","))).collect();
        let expected = [
            (KeyRole::Primary, "id"),
            (KeyRole::Unique, "email"),
            (KeyRole::Index, "country,age"),
            (KeyRole::Index, "email"),
        ];
        assert_eq!(keys, expected.map(|(role, columns)| (role, columns.to_owned())));
        assert!(matches!(people.facts("country").distinct, Precision::Inexact(1..=10)));
        assert_eq!(people.facts("born").note.as_deref(), Some("a zero date is read as NULL"));
        assert_eq!(people.facts("place").note.as_deref(), Some("read as WKB, without its SRID"));
        assert_eq!(people.facts("country").source_type, "char(2)");
        let other = connector.get_table(&database.table("bytes_first")).await.unwrap();
        assert_eq!(other.facts("a").text_comparison, TextComparison::Bytes);
        assert_eq!(other.facts("b").text_comparison, TextComparison::Loose);
        assert_eq!(other.keys[0].role, KeyRole::Unique, "a day of it may be read as NULL");
        let born = scan(&connector, &ScanRequest::table(database.table("people")).with_projection(["born"])).await;
        assert!(born.unwrap().column("born").iter().all(Value::is_null));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_table_is_listed_and_read() {
    for product in Product::ALL {
        let database = database(product, "metadata_kinds").await;
        let connector = database.connector();
        let kinds = [
            ("people", TableKind::Table, 1000),
            ("parts", TableKind::PartitionedTable, 10),
            ("folk", TableKind::View, 1000),
            ("bytes_first", TableKind::Table, 0),
        ];
        let listed: Vec<TableName> = connector.list_tables(&database.name).try_collect().await.unwrap();
        for (name, kind, read) in kinds {
            assert!(listed.contains(&database.table(name)));
            let metadata = connector.get_table(&database.table(name)).await.unwrap();
            assert_eq!(metadata.kind, kind, "{name}");
            assert_eq!(metadata.row_count == Precision::Unknown, kind == TableKind::View, "{name}");
            assert_eq!(
                scan(&connector, &ScanRequest::table(database.table(name))).await.unwrap().rows(),
                read,
                "{name}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_names() {
    for product in Product::ALL {
        let setup = "CREATE DATABASE `odd ``schema' \"☃`; CREATE TABLE `odd ``schema' \"☃`.`tä``b:le ?` \
            (`Id` int, `näme ``x:y` varchar(20)); INSERT INTO `odd ``schema' \"☃`.`tä``b:le ?` VALUES (1, ':a ?')";
        let database = Database::new(product, "metadata_names", setup).await;
        let url = text(database.url().replace("/metadata_names", ""));
        let connector = database.connector_with(&[("url", url)]);
        let name = TableName::new("odd `schema' \"☃", "tä`b:le ?");
        let schemas: Vec<String> = connector.list_schemas().try_collect().await.unwrap();
        assert!(schemas.contains(&name.schema) && schemas.contains(&database.name), "{schemas:?}");
        assert!(!schemas.iter().any(|schema| ["mysql", "sys", "information_schema"].contains(&schema.as_str())));
        let request = ScanRequest::table(name).with_projection(["näme `x:y", "Id"]);
        let filter = Expr::column("näme `x:y").compare(CompareOp::Eq, Value::Utf8(":a ?".into()));
        let scanned = scan(&connector, &request.with_filters(vec![filter])).await.unwrap();
        assert_eq!(scanned.integers("Id"), [1]);
        database.run("DROP DATABASE `odd ``schema' \"☃`").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_shown_is_not_found() {
    for product in Product::ALL {
        let database = database(product, "metadata_missing").await;
        let connector = database.connector();
        for name in ["nobody", "PEOPLE", "people ", "", "x\0y"] {
            let missing = connector.get_table(&database.table(name)).await.unwrap_err();
            assert_eq!(missing.kind(), ErrorKind::NotFound, "{name:?}: {missing:?}");
        }
        assert_eq!(connector.list_schemas().try_collect::<Vec<_>>().await.unwrap(), ["metadata_missing"]);
        let other = connector.list_tables("mysql").try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::NotFound);
        let patterns = Setting::List(vec![(Setting::Text("metadata_m*".into()), Origin::flag("test"))]);
        let all = text(database.url().replace("/metadata_missing", ""));
        let narrow = database.connector_with(&[("schemas", patterns), ("url", all)]);
        assert_eq!(narrow.list_schemas().try_collect::<Vec<_>>().await.unwrap(), ["metadata_missing"]);
        let schema = narrow.list_tables("metadata_m_nowhere").try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(schema.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn estimates_and_access_follow_keys_and_statistics() {
    for product in Product::ALL {
        let database = database(product, "metadata_estimates").await;
        let connector = database.connector();
        let mut people = connector.get_table(&database.table("people")).await.unwrap();
        // The server's own are guesses.
        people.row_count = Precision::Inexact(1000);
        for (column, distinct) in [("id", 1000), ("country", 2)] {
            people.columns.get_mut(column).unwrap().distinct = Precision::Inexact(distinct);
        }
        let plan = async |filter: Expr| {
            let request = ScanRequest::table(database.table("people")).with_filters(vec![filter]);
            let plan = connector.plan_scan(&people, &request).await.unwrap();
            (plan.rows, plan.access)
        };
        let by_id = Expr::column("id").compare(CompareOp::Eq, Value::Int64(5));
        assert_eq!(plan(by_id).await, (Precision::Inexact(1), AccessPath::Keys(vec!["id".to_owned()])));
        let by_country = Expr::column("country").is_in(vec![Value::Utf8("NZ".into())]);
        assert_eq!(plan(by_country).await, (Precision::Inexact(500), AccessPath::Keys(vec!["country".to_owned()])));
        let by_age = Expr::column("age").compare(CompareOp::Lt, Value::Int64(5));
        assert_eq!(plan(by_age).await, (Precision::Inexact(333), AccessPath::Scan));
    }
}

/// The share of the rows that a condition is expected to keep.
async fn expected_share(database: &Database, filter: Expr) -> f64 {
    let connector = database.connector();
    let mut people = connector.get_table(&database.table("people")).await.unwrap();
    people.row_count = Precision::Inexact(1_000_000);
    let request = ScanRequest::table(database.table("people")).with_filters(vec![filter]);
    let rows = connector.plan_scan(&people, &request).await.unwrap().rows.value().unwrap();
    f64::from(u32::try_from(rows).unwrap()) / 1e6
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_estimated_by_what_analyze_has_sampled() {
    for product in Product::ALL {
        let database = database(product, "metadata_sampled").await;
        database.run("UPDATE people SET hidden = if(id % 4 = 0, NULL, id)").await;
        let below = |number: i64| Expr::column("hidden").compare(CompareOp::Lt, Value::Int64(number));
        let unknown = expected_share(&database, below(100)).await;
        assert!((0.32..0.34).contains(&unknown), "{unknown}");
        database
            .run(match product {
                Product::MySql => "ANALYZE TABLE people UPDATE HISTOGRAM ON hidden, country WITH 50 BUCKETS",
                Product::MariaDb => "ANALYZE TABLE people PERSISTENT FOR ALL",
            })
            .await;
        for (number, share) in [(100, 0.075), (500, 0.375), (900, 0.675), (5_000, 0.75), (-5, 0.0)] {
            let found = expected_share(&database, below(number)).await;
            assert!((found - share).abs() < 0.05, "{product:?}: {found} of the rows below {number}");
        }
        let nulls = expected_share(&database, Expr::column("hidden").is_null()).await;
        assert!((nulls - 0.25).abs() < 0.05, "{product:?}: {nulls} of the rows have no value");
        if product == Product::MySql {
            let zealand = Expr::column("country").compare(CompareOp::Eq, Value::Utf8("NZ".into()));
            let found = expected_share(&database, zealand).await;
            assert!((found - 0.5).abs() < 0.05, "{found} of the rows are of one country");
        }
    }
}
