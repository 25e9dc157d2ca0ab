//! The canned server, asked by the SDK.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use headwater_harness::{CannedDynamoDb, CannedTable, ItemShape};

fn start() -> CannedDynamoDb {
    let table = |name: &str, items, shape| CannedTable { name: name.to_owned(), items, shape };
    CannedDynamoDb::start(vec![
        table("flat", 20_000, ItemShape::Flat),
        table("wide", 10, ItemShape::Wide(400)),
        table("large", 100, ItemShape::Large(400_000)),
    ])
    .unwrap()
}

fn id(item: &HashMap<String, AttributeValue>) -> u64 {
    item["id"].as_n().unwrap().parse().unwrap()
}

fn key(id: u64) -> HashMap<String, AttributeValue> {
    HashMap::from([("id".to_owned(), AttributeValue::N(id.to_string()))])
}

async fn scanned(client: &Client, segment: i32, segments: i32) -> (Vec<HashMap<String, AttributeValue>>, usize) {
    let (mut items, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let scan = client.scan().table_name("flat").segment(segment).total_segments(segments);
        let answer = scan.set_exclusive_start_key(after).send().await.unwrap();
        assert_eq!(answer.count as usize, answer.items().len());
        pages += 1;
        items.extend(answer.items.unwrap_or_default());
        after = answer.last_evaluated_key;
        if after.is_none() {
            return (items, pages);
        }
    }
}

#[tokio::test]
async fn segments_are_disjoint_and_complete() {
    let server = start();
    let client = server.client();
    let mut ids = BTreeSet::new();
    let mut pages = 0;
    for segment in 0..3 {
        let (items, more) = scanned(&client, segment, 3).await;
        assert!(items.iter().all(|item| item.len() == 12 && ids.insert(id(item))));
        pages += more;
    }
    assert_eq!(ids, (0..20_000).collect());
    assert!((4..10).contains(&pages), "20,000 items of about 200 bytes in pages of 1 MB: {pages}");
    server.stop().unwrap();
}

#[tokio::test]
async fn the_same_key_always_has_the_same_item() {
    let server = start();
    let client = server.client();
    let (items, _) = scanned(&client, 0, 1).await;
    let keys = KeysAndAttributes::builder().keys(key(7)).keys(key(19_999)).keys(key(20_000)).build().unwrap();
    let asked = client.batch_get_item().request_items("flat", keys);
    let answer = asked.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    assert_eq!(answer.responses.as_ref().unwrap()["flat"], [items[7].clone(), items[19_999].clone()]);
    assert_eq!(answer.consumed_capacity()[0].capacity_units, Some(1.5));
    let projected = client.scan().table_name("flat").limit(8).projection_expression("#n, active");
    let projected = projected.expression_attribute_names("#n", "name").send().await.unwrap();
    let wanted = ["name", "active"].map(|name| (name.to_owned(), items[7][name].clone()));
    assert_eq!(projected.items()[7], HashMap::from(wanted));
    server.stop().unwrap();
}

#[tokio::test]
async fn large_items_are_left_over_beyond_sixteen_megabytes() {
    let server = start();
    let client = server.client();
    let keys = KeysAndAttributes::builder().set_keys(Some((0..100).map(key).collect())).build().unwrap();
    let answer = client.batch_get_item().request_items("large", keys).send().await.unwrap();
    let items = &answer.responses.as_ref().unwrap()["large"];
    assert_eq!(items.len(), 43);
    assert_eq!(items[0]["pad"].as_s().unwrap().len(), 0);
    assert_eq!(items[1]["pad"].as_s().unwrap().len(), 400_000);
    assert_eq!(answer.unprocessed_keys.unwrap()["large"].keys().len(), 57);
    server.stop().unwrap();
}

#[tokio::test]
async fn tables_are_described() {
    let server = start();
    let client = server.client();
    assert_eq!(client.list_tables().send().await.unwrap().table_names(), ["flat", "wide", "large"]);
    let described = client.describe_table().table_name("wide").send().await.unwrap().table.unwrap();
    assert_eq!(described.item_count, Some(10));
    let wide = client.scan().table_name("wide").send().await.unwrap();
    assert!(wide.items().iter().all(|item| item.len() == 401));
    server.stop().unwrap();
}

#[tokio::test]
async fn what_it_does_not_know_is_refused() {
    let server = start();
    let client = server.client();
    let filtered = client.scan().table_name("flat").filter_expression("attribute_exists(id)").send().await;
    assert!(filtered.unwrap_err().into_service_error().to_string().contains("ValidationException"));
    let missing = client.scan().table_name("none").send().await.unwrap_err().into_service_error();
    assert!(missing.is_resource_not_found_exception());
    server.stop().unwrap();
}
