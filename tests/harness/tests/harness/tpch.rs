//! The benchmark's data in its sources: nothing is lost or changed on the way.

use std::collections::HashMap;

use headwater_harness::{DynamoDb, MySqlServer, Postgres, Product, S3, tpch};
use mysql_async::prelude::Queryable as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Sums over all rows, which the reference and the loaded share must have in common.
async fn reference(sql: &str) -> String {
    static LOADED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let server = Postgres::shared().await.unwrap();
    let mut client = server.client(server.database()).await.unwrap();
    LOADED.get_or_init(|| async { tpch::load_reference(&mut client).await.unwrap() }).await;
    let client = server.client(server.database()).await.unwrap();
    client.batch_execute("SET search_path = reference").await.unwrap();
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn the_reference_has_the_benchmarks_numbers_of_rows() {
    let counts = "SELECT concat_ws(' ', (SELECT count(*) FROM customer), (SELECT count(*) FROM lineitem),
        (SELECT count(*) FROM nation), (SELECT count(*) FROM orders), (SELECT count(*) FROM part),
        (SELECT count(*) FROM partsupp), (SELECT count(*) FROM region), (SELECT count(*) FROM supplier))";
    assert_eq!(reference(counts).await, "15000 600572 25 150000 20000 80000 5 1000");
    // Query 6 of the benchmark.
    let revenue = "SELECT sum(l_extendedprice * l_discount)::text FROM lineitem WHERE l_shipdate >= date '1994-01-01'
        AND l_shipdate < date '1995-01-01' AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24";
    assert_eq!(reference(revenue).await, "11803420.2534");
}

#[tokio::test]
async fn postgres_has_its_share() {
    let server = Postgres::start().await.unwrap();
    let mut client = server.client(server.database()).await.unwrap();
    tpch::load_postgres(&mut client).await.unwrap();
    tpch::load_postgres(&mut client).await.unwrap();
    let rows: i64 = client.query_one("SELECT count(*) FROM tpch.lineitem", &[]).await.unwrap().get(0);
    assert_eq!(rows, 600_572);
}

#[tokio::test]
async fn both_products_have_mysqls_share() {
    let sums = |cast: &str| {
        format!(
            "SELECT concat_ws(' ', sum(o_orderkey + o_custkey), sum(o_totalprice), min(o_orderdate), max(o_orderdate),
            sum(o_shippriority), sum(length(o_comment)), (SELECT sum(c_acctbal) FROM customer),
            (SELECT sum(length(c_name) + length(c_address) + length(c_comment)) FROM customer)){cast} FROM orders"
        )
    };
    let wanted = reference(&sums("::text")).await;
    for product in Product::ALL {
        let server = MySqlServer::shared(product).await.unwrap();
        tpch::load_mysql(server).await.unwrap();
        let mut connection = server.conn().await.unwrap();
        connection.query_drop("USE tpch").await.unwrap();
        let sums: Option<String> = connection.query_first(sums("")).await.unwrap();
        assert_eq!(sums.as_deref(), Some(wanted.as_str()), "{product}");
    }
}

#[tokio::test]
async fn dynamodb_has_its_share() {
    let server = DynamoDb::start().await.unwrap();
    tpch::load_dynamodb(&server).await.unwrap();
    let client = server.client().await;
    let part = client.get_item().table_name("part");
    let part = part.key("p_partkey", aws_sdk_dynamodb::types::AttributeValue::N("100".to_owned())).send().await;
    let part: HashMap<_, _> = part.unwrap().item.unwrap();
    let sql =
        "SELECT concat_ws('|', p_name, p_brand, p_size, trim_scale(p_retailprice)) FROM part WHERE p_partkey = 100";
    let (text, number) = (|name: &str| part[name].as_s().unwrap(), |name: &str| part[name].as_n().unwrap());
    let loaded = format!("{}|{}|{}|{}", text("p_name"), text("p_brand"), number("p_size"), number("p_retailprice"));
    assert_eq!(loaded, reference(sql).await);
    for (table, rows) in [("part", 20_000), ("supplier", 1_000)] {
        let pages =
            client.scan().table_name(table).select(aws_sdk_dynamodb::types::Select::Count).into_paginator().send();
        let counts = pages.try_collect().await.unwrap();
        assert_eq!(counts.iter().map(|page| page.count).sum::<i32>(), rows);
    }
}

#[tokio::test]
async fn s3_has_its_share() {
    let server = S3::shared().await.unwrap();
    tpch::load_s3(server, "lake").await.unwrap();
    let objects = server.list("lake", "tpch").await.unwrap();
    assert_eq!(objects.len(), 6);
    let client = server.client("lake").unwrap();
    let mut rows = HashMap::new();
    for (key, _) in objects {
        let bytes = client.get(&Path::from(key.as_str())).await.unwrap().bytes().await.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        let table = key.split('/').nth(1).unwrap().to_owned();
        *rows.entry(table).or_default() += reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>();
    }
    assert_eq!(rows, HashMap::from([("partsupp".into(), 80_000), ("nation".into(), 25), ("region".into(), 5)]));
}
