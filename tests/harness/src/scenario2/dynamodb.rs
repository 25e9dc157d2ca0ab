//! Loading the items.

use dynoxide::{AttributeValue, Item as Attributes};
use serde_json::{Value, json};

use super::{Item, Meta, Scenario2, marker};
use crate::attribute::{attributes, number, string};
use crate::dynamodb::{DynamoDb, ITEMS_PER_TRANSACTION};
use crate::error::Result;

/// The DynamoDB table of the scenario.
pub const ITEM_TABLE: &str = "items";

/// A tag of the table is the marker: unlike a table of ours it shows up nowhere, and it goes when the data goes.
const MARKER_TAG: &str = "headwater:scenario2";

impl Scenario2 {
    /// Puts the items into the table [`ITEM_TABLE`], replacing one of that name; does nothing when this very data is there
    /// already.
    ///
    /// # Errors
    ///
    /// The storage of the server fails.
    pub async fn load_dynamodb(&self, server: &DynamoDb) -> Result<()> {
        let fingerprint = self.fingerprint();
        if Self::is_in_dynamodb(server, &fingerprint)? {
            return Ok(());
        }
        server.delete_table(ITEM_TABLE).await?;
        server.create_table(table()).await?;
        for items in self.items.chunks(ITEMS_PER_TRANSACTION) {
            server.import(ITEM_TABLE, items.iter().map(Item::to_attributes).collect()).await?;
        }
        server.set_tag(ITEM_TABLE, MARKER_TAG, &marker(&fingerprint))
    }

    /// Whether the data of this fingerprint is in the server; answers without generating it.
    ///
    /// # Errors
    ///
    /// The storage of the server fails.
    pub fn is_in_dynamodb(server: &DynamoDb, fingerprint: &str) -> Result<bool> {
        Ok(server.tag(ITEM_TABLE, MARKER_TAG)? == Some(marker(fingerprint)))
    }
}

fn table() -> Value {
    json!({
        "TableName": ITEM_TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "account_id", "AttributeType": "N" },
            { "AttributeName": "item_id", "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": "account_id", "KeyType": "HASH" },
            { "AttributeName": "item_id", "KeyType": "RANGE" },
        ],
    })
}

impl Item {
    fn to_attributes(&self) -> Attributes {
        attributes([
            ("account_id", number(self.account_id)),
            ("item_id", string(&self.item_id)),
            ("kind", string(self.kind.name())),
            ("bytes", number(self.bytes)),
            ("object_key", string(&self.object_key)),
            ("etag", string(self.etag)),
            ("deleted", AttributeValue::BOOL(self.deleted)),
            ("created_at", string(self.created_at)),
            ("meta", AttributeValue::M(self.meta.to_attributes())),
        ])
    }
}

impl Meta {
    fn to_attributes(&self) -> Attributes {
        match self {
            Self::Contact { source } => attributes([("source", string(source))]),
            Self::Document { content_type, pages } => {
                let mut meta = attributes([("content_type", string(content_type))]);
                meta.extend(pages.map(|pages| ("pages".to_owned(), number(pages))));
                meta
            }
            Self::Photo { make, iso, width, height, favourite } => {
                let camera = AttributeValue::M(attributes([("make", string(make)), ("iso", number(iso))]));
                let mut meta = attributes([("camera", camera), ("width", number(width)), ("height", number(height))]);
                meta.extend(favourite.map(|favourite| ("favourite".to_owned(), AttributeValue::BOOL(favourite))));
                meta
            }
        }
    }
}
