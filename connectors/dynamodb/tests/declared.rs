//! Columns declared in the configuration: names, and what becomes of the rest.

use crate::support::{Source, column, columns, name, parameters, text, values};
use headwater_core::{CompareOp, ErrorKind, Expr, ScanRequest, Value};
use serde_json::json;

#[tokio::test]
async fn a_column_may_have_another_name_than_its_attribute() {
    let lines = r#"
        [catalogs.db.tables.things.columns]
        zip = { attribute = "Zip.Code #1", type = "text" }
        at = { attribute = "AT", type = "timestamp(epoch_s)" }
        plain = { attribute = "größe 📏" }
    "#;
    let source = Source::with(lines).await;
    let item = |id: &str, zip: &str| {
        json!({ "id": { "N": id }, "Zip.Code #1": { "S": zip }, "AT": { "N": "1" }, "at": { "S": "other" },
            "größe 📏": { "N": "1.5" }, "select": { "S": "reserved" }, "Select": { "BOOL": true } })
    };
    source.table("things", &[("id", "N")], vec![item("1", "a"), item("2", "b")]).await;
    let metadata = source.metadata("things").await;
    assert_eq!(columns(&metadata), ["id", "at", "plain", "zip", "Select", "select"]);
    let zip = metadata.facts("zip");
    assert!(zip.declared_at.as_deref().unwrap().starts_with("test.toml:"));
    assert_eq!(zip.declaration.as_deref(), Some("zip = { attribute = \"Zip.Code #1\", type = \"text\" }"));
    assert_eq!(zip.sightings[0].kinds, "S 2");
    assert_eq!(metadata.facts("at").note.as_deref(), Some("the attribute at has no column: this one has its name"));
    let rows = source.rows("things").await;
    assert_eq!(column(&rows, "zip"), [text("a"), text("b")]);
    assert_eq!(column(&rows, "select"), [text("reserved"), text("reserved")]);
    assert_eq!(column(&rows, "Select"), [Value::Boolean(true), Value::Boolean(true)]);
    assert_eq!(column(&rows, "plain")[0], Value::Decimal { unscaled: 15, scale: 1 });
    let filter = Expr::column("zip").compare(CompareOp::Eq, text("b"));
    let request = ScanRequest::table(name("things")).with_filters(vec![filter]).with_projection(vec!["id".to_owned()]);
    let plan = source.connector.plan_scan(&metadata, &request).await.unwrap();
    let sent = parameters(&plan.requests[0]);
    assert_eq!(sent["ExpressionAttributeNames"], json!({ "#n0": "Zip.Code #1", "#n1": "id" }));
    assert_eq!(values(&source.read(&plan).await, "id"), [Value::Int64(2)]);
}

#[tokio::test]
async fn a_renamed_key_is_still_the_key() {
    let lines = r#"
        [catalogs.db.tables.things.columns]
        owner = { attribute = "PK" }
        at = { attribute = "SK", type = "int64" }
    "#;
    let source = Source::with(lines).await;
    let item = |owner: &str, at: &str| json!({ "PK": { "S": owner }, "SK": { "N": at } });
    source.table("things", &[("PK", "S"), ("SK", "N")], vec![item("a", "1"), item("a", "2"), item("b", "3")]).await;
    let metadata = source.metadata("things").await;
    assert_eq!(columns(&metadata), ["owner", "at"]);
    assert_eq!(metadata.primary_key().unwrap().columns, ["owner", "at"]);
    let owner = Expr::column("owner").compare(CompareOp::Eq, text("a"));
    let at = Expr::column("at").compare(CompareOp::Gt, Value::Int64(1));
    let request = ScanRequest::table(name("things")).with_filters(vec![owner, at]);
    let plan = source.connector.plan_scan(&metadata, &request).await.unwrap();
    let sent = parameters(&plan.requests[0]);
    let names = sent["ExpressionAttributeNames"].as_object().unwrap();
    let mut names: Vec<_> = names.values().map(|name| name.as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["PK", "SK"]);
    assert!(sent["KeyConditionExpression"].is_string(), "{sent}");
    assert_eq!(values(&source.read(&plan).await, "at"), [Value::Int64(2)]);
}

#[tokio::test]
async fn one_attribute_may_be_two_columns() {
    let lines = r#"
        [catalogs.db.tables.things.columns]
        a = "int64"
        a_text = { attribute = "a", type = "json" }
    "#;
    let source = Source::with(lines).await;
    source.table("things", &[("id", "N")], vec![json!({ "id": { "N": "1" }, "a": { "N": "7" } })]).await;
    let rows = source.rows("things").await;
    assert_eq!((column(&rows, "a"), column(&rows, "a_text")), (vec![Value::Int64(7)], vec![text("7")]));
}

#[tokio::test]
async fn a_complete_table_is_not_sampled_and_has_no_other_columns() {
    let lines = r#"
        [catalogs.db.tables.things]
        complete = true
        [catalogs.db.tables.things.columns]
        a = "text"
    "#;
    let source = Source::with(lines).await;
    let item = json!({ "id": { "N": "1" }, "a": { "S": "x" }, "b": { "S": "y" } });
    source.table("things", &[("id", "N")], vec![item]).await;
    let metadata = source.metadata("things").await;
    assert_eq!(columns(&metadata), ["id", "a"]);
    assert!(crate::support::reads(&source.server.take_requests()).is_empty());
    assert_eq!(column(&source.rows("things").await, "a"), [text("x")]);
}

#[tokio::test]
async fn a_key_has_one_column_of_a_type_that_it_can_have() {
    for (lines, message) in [
        ("id = \"text\"", "column id is declared text, but the key of things is of type N"),
        (
            "id = \"int64\"\nother = { attribute = \"id\", type = \"json\" }",
            "key attribute id has another column already",
        ),
        (
            "id = { attribute = \"a\", type = \"text\" }",
            "column id of table default.things is read from a, but the key is called so",
        ),
    ] {
        let source = Source::with(&format!("[catalogs.db.tables.things.columns]\n{lines}")).await;
        source.table("things", &[("id", "N")], vec![]).await;
        let error = source.connector.get_table(&name("things")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(message), "{error}");
        assert!(error.to_string().contains(".toml:"), "{error}");
    }
}
