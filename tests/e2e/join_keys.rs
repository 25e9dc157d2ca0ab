//! A selective join reads keys, not tables: told by DynamoDB's own bill and by Postgres' own log.

use headwater_core::KeyDecision;
use headwater_planner::{Engine, Ledger, PushdownMode, ScanLedger};
use headwater_tests::World;
use serde_json::json;

fn scan<'a>(ledger: &'a Ledger, table: &str) -> &'a ScanLedger {
    ledger.scans.iter().find(|scan| scan.table.table == table).unwrap_or_else(|| panic!("no scan of {table}\n{ledger}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_postgres_become_dynamodb_key_reads() {
    let world = World::start().await;
    let engine = world.engine(PushdownMode::Auto);
    let sql = "SELECT u.id, w.workflow_id FROM crm.public.users u \
               JOIN events.default.workflow_items w ON w.user_id = u.id \
               WHERE u.country = 'NZ' AND u.plan = 'business'";
    // The plan reads the table's description and a sample of its items; those are not the statement's reading.
    let query = engine.plan(sql).await.unwrap();
    world.dynamodb.take_requests();
    drop(query);
    let (mut rows, ledger) = World::run(&engine, sql).await.unwrap();
    let requests = world.dynamodb.take_requests();

    let wanted = |id: i64| {
        let user = world.data.users.iter().find(|user| user.id == id);
        user.is_some_and(|user| user.country == "NZ" && user.plan == "business")
    };
    let of_wanted = world.data.workflows.iter().filter(|workflow| wanted(workflow.user_id));
    let mut expected: Vec<String> = of_wanted.map(|w| format!("{},{}", w.user_id, w.workflow_id)).collect();
    rows.sort();
    expected.sort();
    assert_eq!(rows, expected, "{ledger}");
    assert!(!rows.is_empty());

    for request in &requests {
        assert!(matches!(request.operation.as_str(), "Query" | "BatchGetItem"), "{}", request.operation);
    }
    let users = world.data.users.iter().filter(|user| wanted(user.id)).count();
    assert_eq!(requests.len(), users, "one Query a user\n{ledger}");
    let capacity: f64 = requests.iter().filter_map(|request| request.capacity_units).sum();
    // A Query costs at least half a unit; these users' items are far below 4 KB each. The table is 29 MB: 3,500 units.
    assert!(capacity <= users as f64 * 1.5, "{capacity} units for {users} users");
    let items = scan(&ledger, "workflow_items");
    assert_eq!(items.keys, Some(KeyDecision::Used { keys: users as u64 }));
    assert_eq!(items.stats.unwrap().milli_capacity as f64 / 1000.0, capacity, "the ledger tells the bill");
}

/// More keys than a source is offered at once make the same requests, part by part.
#[tokio::test(flavor = "multi_thread")]
async fn keys_in_parts_read_the_same_and_cost_the_same() {
    let world = World::start().await;
    let sql = "SELECT u.id, w.workflow_id FROM crm.public.users u \
               JOIN events.default.workflow_items w ON w.user_id = u.id WHERE u.country = 'NZ'";
    let mut answers = Vec::new();
    for keys_at_once in [400_000, 7] {
        let engine = world.engine_with(Engine::builder().with_keys_at_once(keys_at_once));
        engine.plan(sql).await.unwrap();
        world.dynamodb.take_requests();
        let (mut rows, ledger) = World::run(&engine, sql).await.unwrap();
        let requests = world.dynamodb.take_requests();
        let capacity: f64 = requests.iter().filter_map(|request| request.capacity_units).sum();
        rows.sort();
        answers.push((rows, requests.len(), capacity, scan(&ledger, "workflow_items").keys.clone()));
    }
    let [whole, parts] = answers.as_slice() else { panic!("two runs") };
    assert!(matches!(whole.3, Some(KeyDecision::Used { keys }) if keys > 14), "{:?}", whole.3);
    assert_eq!(whole, parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_dynamodb_become_postgres_key_reads() {
    let world = World::start().await;
    let table = json!({
        "TableName": "vips", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    world.dynamodb.create_table(table).await.unwrap();
    let vip = |member: i64| json!({"pk": {"S": format!("vip#{member}")}, "member": {"N": member.to_string()}});
    world.dynamodb.put_items("vips", [17, 4711, 9999, 123_456].map(vip).to_vec()).await.unwrap();
    let engine = world.engine(PushdownMode::Auto);
    let before = world.postgres.log_position().unwrap();
    let sql = "SELECT u.id FROM events.default.vips v JOIN crm.public.users u ON u.id = v.member ORDER BY 1";
    let (rows, ledger) = World::run(&engine, sql).await.unwrap();
    assert_eq!(rows, ["17", "4711", "9999"], "{ledger}");
    let users = scan(&ledger, "users");
    assert_eq!(users.keys, Some(KeyDecision::Used { keys: 4 }));
    assert_eq!(users.stats.unwrap().rows, 3, "only rows with the keys are read\n{ledger}");
    let log = world.postgres.log_since(before).unwrap();
    let statement = users.requests[0].to_string();
    let logged = log.lines().find(|line| line.contains(&statement));
    let logged = logged.unwrap_or_else(|| panic!("the log has no line with\n{statement}\n{log}"));
    assert!(logged.contains(&ledger.query_id), "the log tells whose statement it was: {logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_explain_shows_is_what_dynamodb_receives() {
    let world = World::start().await;
    let engine = world.engine(PushdownMode::Auto);
    let sql = "SELECT workflow_id, cost FROM events.default.workflow_items \
               WHERE user_id IN (7, 8) AND status = 'COMPLETED' AND attempts > 1";
    let query = engine.plan(sql).await.unwrap();
    let shown: Vec<_> = query.ledger().scans[0].requests.clone();
    world.dynamodb.take_requests();
    drop(query);
    let (_, ledger) = World::run(&engine, sql).await.unwrap();
    let mut received: Vec<String> = world
        .dynamodb
        .take_requests()
        .iter()
        .map(|request| format!("{} {}", request.operation, request.json().unwrap()))
        .collect();
    received.sort();
    let mut shown: Vec<String> = shown.iter().map(ToString::to_string).collect();
    shown.sort();
    assert_eq!(shown, received, "{ledger}");
}
