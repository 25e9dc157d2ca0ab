//! Statements of the user's own: described by the server, read like tables, and nothing but read.

use crate::pushdown::setup;
use crate::support::{Database, text};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use futures::TryStreamExt as _;
use headwater_core::config::Setting;
use headwater_core::{
    Answer, CompareOp, Connector, Derived, ErrorKind, Expr, Relation, Result, ScanContext, ScanPlan, ScanRequest,
    TableMetadata, Value,
};
use headwater_harness::Product;
use std::sync::Arc;

fn query(statement: &str) -> Relation {
    Relation::Query(statement.to_owned())
}

async fn described(connector: &Arc<dyn Connector>, statement: &str) -> Result<TableMetadata> {
    match connector.derive(&query(statement), &[]).await? {
        Derived::Table(table) => Ok(*table),
        other => panic!("{other:?}"),
    }
}

async fn read(connector: &Arc<dyn Connector>, table: &TableMetadata, request: &ScanRequest) -> (ScanPlan, RecordBatch) {
    let plan = connector.plan_scan(table, request).await.unwrap();
    let context = ScanContext::new("own");
    let splits = connector.splits(&plan, None, &context).await.unwrap().stream;
    let splits: Vec<_> = splits.try_collect().await.unwrap();
    let mut batches = Vec::new();
    for split in &splits {
        let stream = connector.read(split, &context).await.unwrap();
        batches.extend(stream.try_collect::<Vec<_>>().await.unwrap());
    }
    let rows = concat_batches(&plan.schema, &batches).unwrap();
    (plan, rows)
}

#[tokio::test]
async fn a_statement_over_every_type_is_what_the_table_is() {
    for product in Product::ALL {
        let database = Database::new(product, "own_types", &setup(product)).await;
        let connector = database.connector();
        let name = database.table("awkward");
        let table = connector.get_table(&name).await.unwrap();
        let own = described(&connector, "select * from awkward -- all of it").await.unwrap();
        let names = |table: &TableMetadata| -> Vec<String> {
            table.schema.fields().iter().map(|field| field.name().clone()).collect()
        };
        assert_eq!(names(&table), names(&own));
        let types = table.schema.fields().iter().zip(own.schema.fields());
        for (theirs, own) in types {
            assert_eq!(theirs.data_type(), own.data_type(), "{product}: {}", own.name());
        }
        let (_, all) = read(&connector, &table, &ScanRequest::table(name)).await;
        let (plan, rows) =
            read(&connector, &own, &ScanRequest::relation(query("select * from awkward -- all of it"))).await;
        assert_eq!(plan.requests.len(), 1);
        let sorted = |rows: &RecordBatch| {
            let ids = rows.schema().index_of("id").unwrap();
            let order = arrow::compute::sort_to_indices(rows.column(ids), None, None).unwrap();
            arrow::compute::take_record_batch(rows, &order).unwrap()
        };
        assert_eq!(sorted(&all).columns(), sorted(&rows).columns(), "{product}");
    }
}

#[tokio::test]
async fn what_stands_above_it_is_pushed_into_it() {
    for product in Product::ALL {
        let setup = "CREATE TABLE t (id int, word varchar(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci); \
                     INSERT INTO t VALUES (1, 'a'), (2, 'A'), (3, 'ä'), (4, 'a '), (5, NULL)";
        let database = Database::new(product, "own_above", setup).await;
        let connector = database.connector();
        let statement = "select id, word, id / 2 as half, 7 as seven, now(3) as t from t";
        let own = described(&connector, statement).await.unwrap();
        let types: Vec<String> = own.columns.values().map(|facts| facts.source_type.clone()).collect();
        // The columns by name: half, id, seven, t, word.
        assert_eq!(types[0], "decimal(14,4)", "{product}");
        assert_eq!(types[3], "datetime(3)", "{product}");
        let condition = Expr::column("word").compare(CompareOp::Eq, Value::Utf8("a".to_owned()));
        let wanted = ScanRequest::relation(query(statement)).with_projection(["id"]).with_filters(vec![condition]);
        let (plan, rows) = read(&connector, &own, &wanted).await;
        assert_eq!(plan.filters, [Answer::Exact], "{product}");
        assert!(plan.requests[0].to_string().contains(&format!("FROM (\n{statement}\n) AS q WHERE")));
        assert_eq!(headwater_core::values_of(rows.column(0)).unwrap(), [Value::Int64(1)], "{product}");
    }
}

#[tokio::test]
async fn nothing_but_one_query_is_taken() {
    for product in Product::ALL {
        let database = Database::new(product, "own_refused", "CREATE TABLE t (a int); INSERT INTO t VALUES (1)").await;
        if !database.is_mysql() {
            database.run("CREATE SEQUENCE counter").await;
        }
        let connector = database.connector();
        let refused = [
            "delete from t",
            "insert into t values (2)",
            "select 1 as a; delete from t",
            "select 1 as a) as q; delete from t; -- ",
            "select 1 as a) as q, (select 2 as b",
            "select 1 as a /*",
            "select 1 as a into outfile 'own_refused.csv'",
            "select 1 into @a",
            "call nothing()",
            "commit",
            "set @a = 1",
            "show tables",
            "explain select 1",
            "create table u (a int)",
            "select ? as a",
            "select 1 as a, 2 as A",
            "",
        ];
        for statement in refused {
            let error = described(&connector, statement).await.unwrap_err();
            let expected =
                matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::NotFound);
            assert!(expected, "{product}: {statement}: {error:?}");
            assert!(error.hint().is_some(), "{product}: {statement}: {error:?}");
        }
        let unknown = described(&connector, "select b from t").await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound, "{product}: {unknown:?}");
        if !database.is_mysql() {
            let changes = described(&connector, "select nextval(counter) as n").await.unwrap_err();
            assert_eq!(changes.kind(), ErrorKind::Unsupported, "{changes:?}");
        }
        assert_eq!(database.rows("SELECT a FROM t").await.len(), 1, "{product}");
        let off = database.connector_with(&[("pass_through", Setting::Boolean(false)), ("time", text("duration"))]);
        let answer = off.derive(&query("select 1 as a"), &[]).await.unwrap();
        assert!(matches!(&answer, Derived::Refused(reason) if reason.contains("pass_through")), "{answer:?}");
    }
}
