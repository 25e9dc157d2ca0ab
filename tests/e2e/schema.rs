//! Columns of DynamoDB on the command line: described, declared, hidden.

use headwater_harness::DynamoDb;
use headwater_tests::{Outcome, headwater};
use serde_json::json;
use std::path::PathBuf;

/// A server with one table, and a configuration of it.
struct Shop {
    _server: DynamoDb,
    directory: tempfile::TempDir,
}

impl Shop {
    async fn start() -> Self {
        let server = DynamoDb::start().await.unwrap();
        let key = json!([{ "AttributeName": "Id", "KeyType": "HASH" }]);
        let table = json!({ "TableName": "Orders.v2", "KeySchema": key, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "Id", "AttributeType": "N" }] });
        server.create_table(table).await.unwrap();
        let order = |id: u32, name: &str, total: serde_json::Value| {
            json!({ "Id": { "N": id.to_string() }, "Name": { "S": name }, "name": { "N": "1.5" }, "total": total,
                "ship to": { "M": { "zip": { "S": "1010" }, "floor": { "N": id.to_string() } } } })
        };
        let orders = vec![order(1, "a", json!({ "N": "10" })), order(2, "b", json!({ "S": "n/a" }))];
        server.put_items("Orders.v2", orders).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let shop = Self { directory, _server: server };
        let text = format!(
            "# the shop's tables\nversion = 1\n\n[catalogs.shop]\nconnector = \"dynamodb\"\nregion = \"eu-west-1\"\n\
             endpoint = \"{}\"\naccess_key_id = \"id\"\nsecret_access_key = \"secret\" # of a local server\n\n\
             [catalogs.shop.tables.\"Orders.v2\".columns]\nname = \"decimal(12,2)\" # euros\n",
            shop._server.endpoint()
        );
        std::fs::write(shop.config(), text).unwrap();
        shop
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("headwater.toml")
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let config = self.config().display().to_string();
        let outcome = headwater(&[&["--config", &config], arguments].concat());
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        outcome
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_tells_where_types_come_from() {
    let shop = Shop::start().await;
    let listing = shop.run(&["catalog", "describe", "shop.default.Orders.v2"]).stdout;
    let config = shop.config().display().to_string();
    let rows: Vec<&str> = listing.lines().collect();
    assert_eq!(rows[0], "column,arrow_type,source_type,nullable,origin,seen,kinds,note");
    assert_eq!(rows[1], "Id,Int64,N,false,key,2 of 2,N 2,");
    assert_eq!(rows[2], format!("name,\"Decimal128(12, 2)\",N,true,declared in {config}:12,2 of 2,N 2,"));
    assert_eq!(rows[3], "Name,Utf8,S,true,seen in 2 of 2,2 of 2,S 2,");
    assert_eq!(rows[5], "total,Utf8,N or S,true,seen in 2 of 2,2 of 2,\"N 1, S 1\",\"mixed types, read as JSON text\"");
    assert_eq!(rows[6], "_item,Utf8,M,false,hidden,,,the whole item as JSON text");
}

#[tokio::test(flavor = "multi_thread")]
async fn infer_writes_what_is_missing_and_changes_nothing_else() {
    let shop = Shop::start().await;
    let before = std::fs::read_to_string(shop.config()).unwrap();
    let printed = shop.run(&["catalog", "infer", "shop"]).stdout;
    let lines = "Name = \"text\"\n\"ship to\" = \"struct(floor int64, zip text)\"\ntotal = \"json\"\n";
    let section = "[catalogs.shop.tables.\"Orders.v2\".columns]\n";
    assert_eq!(printed, format!("{section}Id = \"int64\"\nname = \"decimal(12,2)\"\n{lines}"));
    assert_eq!(std::fs::read_to_string(shop.config()).unwrap(), before);
    let outcome = shop.run(&["catalog", "infer", "shop.default.Orders.v2", "--write"]);
    assert!(outcome.stderr.starts_with("4 columns declared in "), "{}", outcome.stderr);
    let after = std::fs::read_to_string(shop.config()).unwrap();
    assert_eq!(after, format!("{before}Id = \"int64\"\n{lines}"));
    shop.run(&["catalog", "infer", "shop", "--write"]);
    assert_eq!(std::fs::read_to_string(shop.config()).unwrap(), after, "there is nothing left to add");
    let listing = shop.run(&["catalog", "describe", "shop.default.Orders.v2"]).stdout;
    assert!(listing.contains("total,Utf8,N or S,true,declared in "), "{listing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_in_case_only_and_the_hidden_item_are_reached() {
    let shop = Shop::start().await;
    let rows = |sql: &str| shop.run(&["query", sql]).stdout;
    let table = "shop.default.\"Orders.v2\"";
    assert_eq!(
        rows(&format!("SELECT \"Name\", name FROM {table} WHERE \"Name\" = 'b' AND name > 1")),
        "Name,name\nb,1.50\n"
    );
    let all = rows(&format!("SELECT * FROM {table} ORDER BY \"Id\" LIMIT 1"));
    assert_eq!(all.lines().next(), Some("Id,name,Name,ship to,total"));
    let item = "{\"Id\":1,\"Name\":\"a\",\"name\":1.5,\"ship to\":{\"floor\":1,\"zip\":\"1010\"},\"total\":10}";
    let quoted = item.replace('"', "\"\"");
    assert_eq!(rows(&format!("SELECT _item FROM {table} WHERE \"Id\" = 1")), format!("_item\n\"{quoted}\"\n"));
    let joined = format!("SELECT * FROM {table} a JOIN {table} b ON a.\"Id\" = b.\"Id\" WHERE a._item LIKE '%1010%'");
    assert_eq!(rows(&joined).lines().next(), Some("Id,name,Name,ship to,total,Id,name,Name,ship to,total"));
    let beside = rows(&format!("SELECT *, t._item FROM {table} t WHERE \"Id\" = 1"));
    assert_eq!(beside.lines().next(), Some("Id,name,Name,ship to,total,_item"));
    assert_eq!(rows(&format!("SELECT count(*) FROM {table} WHERE _item LIKE '%n/a%'")), "count(*)\n1\n");
}
