//! Statements in DynamoDB's own language, run as written.

use crate::support::{Source, name, parameters, values};
use futures::TryStreamExt;
use headwater_core::{
    Answer, CompareOp, Derived, ErrorKind, Expr, Relation, Result, ScanContext, ScanPlan, ScanRequest, SourceRequest,
    TableMetadata, Value,
};
use serde_json::json;

async fn items(lines: &str) -> Source {
    let source = Source::with(&format!("sample_size = 50\n{lines}")).await;
    let items = (0..3_000).map(|id| {
        json!({
            "id": { "N": id.to_string() },
            "kind": { "S": if id % 3 == 0 { "buy" } else { "sell" } },
            "pad": { "S": "x".repeat(1_000) },
        })
    });
    source.table("items", &[("id", "N")], items.collect()).await;
    source
}

async fn described(source: &Source, statement: &str) -> Result<TableMetadata> {
    match source.connector.derive(&Relation::Query(statement.to_owned()), &[]).await? {
        Derived::Table(metadata) => Ok(*metadata),
        Derived::Refused(reason) => panic!("refused: {reason}"),
    }
}

fn request(statement: &str) -> ScanRequest {
    ScanRequest { relation: Relation::Query(statement.to_owned()), ..ScanRequest::table(name("items")) }
}

async fn plan(source: &Source, request: &ScanRequest) -> ScanPlan {
    let Relation::Query(statement) = &request.relation else { panic!("not a statement") };
    let metadata = described(source, statement).await.unwrap();
    source.connector.plan_scan(&metadata, request).await.unwrap()
}

#[tokio::test]
async fn a_statement_is_read_to_its_end() {
    let source = items("").await;
    let statement = "SELECT id, kind, pad FROM \"items\" WHERE kind = 'sell'";
    let plan = plan(&source, &request(statement)).await;
    let names: Vec<_> = plan.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["id", "kind", "pad"]);
    source.server.take_requests();
    let mut paged = plan.clone();
    // The embedded server ends a page at its limit alone, and not at 1 MB.
    if let SourceRequest::Operation { parameters, .. } = &mut paged.requests[0] {
        parameters["Limit"] = 1_000.into();
    }
    let outcome = source.try_read(&paged, None).await.unwrap();
    assert_eq!(outcome.rows.num_rows(), 2_000);
    assert!(values(&outcome.rows, "kind").iter().all(|kind| *kind == Value::Utf8("sell".to_owned())));
    let sent = source.server.take_requests();
    assert!(sent.len() >= 3, "3,000 items in pages of 1,000");
    assert!(sent.iter().all(|request| request.operation == "ExecuteStatement"));
    assert_eq!(&sent[0].json().unwrap(), parameters(&paged.requests[0]));
    assert!(sent[1].json().unwrap()["NextToken"].is_string());
    let stats = outcome.context.metrics.snapshot();
    let charged: f64 = sent.iter().filter_map(|request| request.capacity_units).sum();
    assert!(charged > 0.0 && (charged * 1000.0 - stats.milli_capacity as f64).abs() < 1.0, "{charged} {stats:?}");
}

#[tokio::test]
async fn what_writes_is_refused_before_anything_is_sent() {
    let source = items("").await;
    for statement in [
        "DELETE FROM items WHERE id = 1",
        "-- SELECT\ninsert into items value {'id': 1}",
        "/* SELECT */ UPDATE items SET kind = 'x' WHERE id = 1",
        "",
    ] {
        let error = described(&source, statement).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{statement}");
        assert!(error.hint().unwrap().contains("never sent"), "{error:?}");
        assert_eq!(error.catalog(), Some("db"));
    }
    assert!(source.server.requests().is_empty());
    let source = items("pass_through = false").await;
    let derived = source.connector.derive(&Relation::Query("SELECT * FROM items".to_owned()), &[]).await.unwrap();
    assert!(matches!(derived, Derived::Refused(reason) if reason.contains("pass_through")));
}

#[tokio::test]
async fn what_dynamodb_does_not_understand_is_told_in_its_words() {
    let source = items("").await;
    let error = described(&source, "SELECT * FROM items WHERE").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    let error = described(&source, "SELECT * FROM nowhere").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn a_limit_ends_the_paging_and_filters_stay() {
    let source = items("").await;
    let limited = request("SELECT * FROM items").with_limit(7);
    let plan_of = plan(&source, &limited).await;
    assert_eq!(plan_of.limit, Some(Answer::Exact));
    source.server.take_requests();
    assert_eq!(source.read(&plan_of).await.num_rows(), 7);
    assert_eq!(source.server.take_requests().len(), 1);
    let filter = Expr::column("id").compare(CompareOp::Eq, Value::Int64(7));
    let filtered = plan(&source, &limited.with_filters(vec![filter])).await;
    assert!(matches!(&filtered.filters[..], [Answer::Refused(reason)] if reason.contains("as written")));
    assert!(matches!(filtered.limit, Some(Answer::Refused(_))));
}

#[tokio::test]
async fn columns_are_counted_and_chosen() {
    let source = items("[catalogs.db.tables.items]\nconsistent_reads = true").await;
    let plan_of = plan(&source, &request("select * from items").with_projection(["kind"])).await;
    assert_eq!(parameters(&plan_of.requests[0])["ConsistentRead"], true);
    let rows = source.read(&plan_of).await;
    assert_eq!((rows.num_columns(), rows.num_rows()), (1, 3_000));
    let plan_of = plan(&source, &request("SELECT * FROM items").with_projection(Vec::<String>::new())).await;
    let context = ScanContext::new("counted");
    let splits: Vec<_> =
        source.connector.splits(&plan_of, None, &context).await.unwrap().stream.try_collect().await.unwrap();
    let batches: Vec<_> = source.connector.read(&splits[0], &context).await.unwrap().try_collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3_000);
}

#[tokio::test]
async fn an_empty_answer_has_the_columns_of_its_table() {
    let source = items("").await;
    let plan_of = plan(&source, &request("SELECT * FROM items WHERE kind = 'none'")).await;
    let rows = source.read(&plan_of).await;
    assert_eq!((rows.num_columns(), rows.num_rows()), (3, 0));
}
