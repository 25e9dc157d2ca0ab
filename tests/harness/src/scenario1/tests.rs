use std::collections::HashSet;
use std::time::Instant;

use super::*;
use crate::{DynamoDb, Postgres};

#[test]
fn the_data_is_the_same_everywhere() {
    assert_eq!(
        Scenario1::generate().fingerprint(),
        FINGERPRINT,
        "write this value into FINGERPRINT if the data was meant to change"
    );
}

#[test]
fn the_data_is_as_described() {
    let data = Scenario1::generate();
    assert_eq!((data.users.len(), data.orders.len(), data.workflows.len()), (10_000, 60_000, 100_000));

    let distinct = |ids: &mut dyn Iterator<Item = i64>| ids.collect::<HashSet<_>>().len();
    let with_workflows = distinct(&mut data.workflows.iter().map(|workflow| workflow.user_id));
    assert!((8_700..8_900).contains(&with_workflows), "{with_workflows}");
    let with_orders = distinct(&mut data.orders.iter().map(|order| order.user_id));
    assert!((7_100..7_300).contains(&with_orders), "{with_orders}");
    let from_nz = data.users.iter().filter(|user| user.country == "NZ").count();
    assert!((450..550).contains(&from_nz), "{from_nz}");
    let deleted = data.users.iter().filter(|user| user.deleted_at.is_some()).count();
    assert!((300..500).contains(&deleted), "{deleted}");
    assert!(data.workflows.iter().all(|workflow| workflow.completed_at.is_some() == (workflow.status == "COMPLETED")));
}

#[test]
fn nothing_happens_before_the_sign_up() {
    let data = Scenario1::generate();
    let sign_up = |id: i64| data.users[id as usize - 1].created_at;
    assert!(data.users.iter().zip(1..).all(|(user, id)| user.id == id));
    assert!(data.orders.iter().all(|order| order.ordered_at > sign_up(order.user_id)));
    assert!(data.workflows.iter().all(|workflow| workflow.started_at > sign_up(workflow.user_id)));
}

#[test]
fn the_expected_answer_accounts_for_every_user_and_order() {
    let data = Scenario1::generate();
    let rows = data.expected(None);
    assert_eq!(rows.len(), 18);
    assert_eq!(rows[0].month_text(), "2025-01-01");
    assert_eq!(rows[17].month_text(), "2026-06-01");
    assert_eq!(rows.iter().map(|row| row.users).sum::<i64>(), 10_000);
    let revenue: i128 = data.orders.iter().map(|order| i128::from(order.amount_cents)).sum();
    assert_eq!(rows.iter().map(|row| row.revenue).sum::<i128>(), revenue);
    assert!(rows.iter().all(|row| row.activated < row.users && row.median_hours.is_some_and(|hours| hours > 0.0)));
    assert_eq!(data.expected(Some("XX")), []);
}

/// The same question put to Postgres alone, with the workflows copied there: an independent check of `expected`.
#[tokio::test]
async fn the_expected_answer_is_what_postgres_says() {
    let server = Postgres::shared().await.unwrap();
    server.create_database("scenario1_expected").await.unwrap();
    let mut client = server.client("scenario1_expected").await.unwrap();
    let data = Scenario1::generate();
    data.load_postgres(&mut client).await.unwrap();
    client.batch_execute("CREATE TABLE completions (user_id bigint, at timestamptz)").await.unwrap();
    let values: Vec<String> =
        data.workflows.iter().filter_map(|w| Some(format!("({}, '{}')", w.user_id, w.completed_at?))).collect();
    for values in values.chunks(10_000) {
        client.batch_execute(&format!("INSERT INTO completions VALUES {}", values.join(","))).await.unwrap();
    }
    let statement = "
        SELECT date_trunc('month', created_at AT TIME ZONE 'UTC')::date - '1970-01-01', count(*), count(c.first),
               coalesce(sum(o.revenue), 0)::text,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM c.first - created_at)::float8) / 3600
        FROM users u
        LEFT JOIN (SELECT user_id, min(at) AS first FROM completions GROUP BY 1) c ON c.user_id = u.id
        LEFT JOIN (SELECT user_id, sum(amount) AS revenue FROM orders GROUP BY 1) o ON o.user_id = u.id
        WHERE country = 'NZ' GROUP BY 1 ORDER BY 1";
    let rows = client.query(statement, &[]).await.unwrap();
    let rows: Vec<MonthRow> = rows
        .iter()
        .map(|row| MonthRow {
            month: row.get(0),
            users: row.get(1),
            activated: row.get(2),
            revenue: row.get::<_, &str>(3).replace('.', "").parse().unwrap(),
            median_hours: row.get(4),
        })
        .collect();
    assert_eq!(rows, data.expected(Some("NZ")));
}

#[tokio::test]
async fn what_was_loaded_into_postgres_comes_back_and_is_loaded_once() {
    let server = Postgres::shared().await.unwrap();
    server.create_database("scenario1_load").await.unwrap();
    let mut client = server.client("scenario1_load").await.unwrap();
    let data = Scenario1::generate();
    data.load_postgres(&mut client).await.unwrap();

    let note = data.orders.iter().find(|order| order.note.is_some_and(|note| note.contains('\\'))).unwrap();
    let row = client
        .query_one(
            "SELECT amount::text, note, ordered_at = $2::text::timestamptz FROM orders WHERE id = $1",
            &[&note.id, &note.ordered_at.to_string()],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0).replace('.', "").parse::<i64>().unwrap(), note.amount_cents);
    assert_eq!(row.get::<_, Option<&str>>(1), note.note);
    assert!(row.get::<_, bool>(2));

    let position = server.log_position().unwrap();
    assert!(Scenario1::is_in_postgres(&client).await.unwrap());
    data.load_postgres(&mut client).await.unwrap();
    assert!(!server.log_since(position).unwrap().contains("COPY public.users"));
    client.batch_execute("DROP TABLE orders").await.unwrap();
    assert!(!Scenario1::is_in_postgres(&client).await.unwrap());
}

#[tokio::test]
async fn what_was_loaded_into_dynamodb_comes_back_and_is_loaded_once() {
    let server = DynamoDb::start().await.unwrap();
    let data = Scenario1::generate();
    data.load_dynamodb(&server).await.unwrap();
    assert!(Scenario1::is_in_dynamodb(&server).unwrap());

    let client = server.client().await;
    let described = client.describe_table().table_name(WORKFLOW_TABLE).send().await.unwrap().table.unwrap();
    assert_eq!(described.item_count, Some(100_000));
    let workflow = data.workflows.iter().find(|workflow| !workflow.tags.is_empty()).unwrap();
    let got = client
        .get_item()
        .table_name(WORKFLOW_TABLE)
        .key("user_id", aws_sdk_dynamodb::types::AttributeValue::N(workflow.user_id.to_string()))
        .key("workflow_id", aws_sdk_dynamodb::types::AttributeValue::S(workflow.workflow_id.clone()))
        .send()
        .await
        .unwrap();
    let item = got.item.unwrap();
    assert_eq!(item["steps"].as_l().unwrap().len(), workflow.steps.len());
    assert_eq!(item["meta"].as_m().unwrap()["client"].as_m().unwrap()["os"].as_s().unwrap(), workflow.meta.client_os);

    let again = Instant::now();
    data.load_dynamodb(&server).await.unwrap();
    assert!(again.elapsed().as_millis() < 500);
}
